// Package outlook owns what lies ahead of a dealer and what lies behind, by day: it puts
// what program.Preview and dispatch.Forecast say in order of time, counts it and pages
// it, in memory that does not grow with the number of people. It decides nothing and
// writes nothing but temporary files of its own. `otklik plan` and the console's
// calendar use it.
package outlook

import (
	"context"
	"fmt"
	"sync"
	"time"

	"otklik/internal/clock"
	"otklik/internal/dispatch"
	"otklik/internal/outreach"
	"otklik/internal/program"
	"otklik/internal/store"
)

// Row is what will become, or has become, of one outreach.
type Row struct {
	dispatch.Forecast
	// Finished: it is no forecast. Message is then the state of its newest message, Reason
	// why that one failed.
	Finished bool                  `json:",omitempty"`
	Message  outreach.MessageState `json:",omitempty"`
	Reason   string                `json:",omitempty"`
}

// Outlook answers for all dealers. Safe for concurrent use; Close ends what it keeps.
type Outlook struct {
	Store      *store.Store
	Clock      clock.Clock
	Planner    *program.Planner
	Dispatcher *dispatch.Dispatcher

	mu   sync.Mutex
	days map[dayOf]*Day
	// one lets one day be worked out at a time: it takes a processor.
	one  sync.Mutex
	work sync.WaitGroup
	stop context.CancelFunc
	run  context.Context // days are worked out beyond the request that asked first
}

// Each gives what would become of a dealer's outreach that is due in [from, to), in
// order of time (invariant 13).
func (o *Outlook) Each(ctx context.Context, dealerID string, from, to time.Time, do func(*Row) error) error {
	var s sorter
	defer s.close()
	if err := o.foresee(ctx, dealerID, from, to, s.add); err != nil {
		return err
	}
	return s.each(do)
}

// foresee gives forecasts in no order.
func (o *Outlook) foresee(ctx context.Context, dealerID string, from, to time.Time, do func(*Row) error) error {
	for fs, err := range o.Dispatcher.Forecasts(ctx, dealerID, from, o.Planner.Preview(ctx, dealerID, from, to, o.Clock.Business())) {
		if err != nil {
			return fmt.Errorf("looking ahead: %w", err)
		}
		for i := range fs {
			if err := do(&Row{Forecast: fs[i]}); err != nil {
				return err
			}
		}
	}
	return nil
}

// finished gives what has become of outreach that was due in [from, to).
func (o *Outlook) finished(ctx context.Context, dealerID string, from, to time.Time, do func(*Row) error) error {
	const size = 500
	for after := (store.DuePlace{}); ; {
		os, last, err := o.Store.FinishedBetween(ctx, dealerID, from, to, after, size)
		if err != nil {
			return err
		}
		fates, err := o.Store.Fates(ctx, os)
		if err != nil {
			return err
		}
		visits := make([]string, 0, len(os))
		for i := range os {
			if os[i].VisitID != "" {
				visits = append(visits, os[i].VisitID)
			}
		}
		about, err := o.Store.Visits(ctx, visits)
		if err != nil {
			return err
		}
		for i := range os {
			x, fate := &os[i], fates[os[i].ID]
			_, occasion := program.Subject(x.Occasion)
			if err := do(&Row{Forecast: dispatch.Forecast{At: fate.At, Contact: x.ContactID, Order: about[x.VisitID].Order, Program: x.Program, Step: x.Step, Occasion: occasion, Channel: x.Channel,
				Verdict: fate.Verdict, Rule: x.Rule, Inputs: x.Inputs}, Finished: true, Message: fate.MessageState, Reason: fate.Reason}); err != nil {
				return err
			}
		}
		if len(os) < size {
			return nil
		}
		after = last
	}
}

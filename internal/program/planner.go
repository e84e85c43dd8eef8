package program

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"otklik/internal/store"
)

// Planner turns stored events into outreach. Any number of nodes may run one; one
// at a time plans.
type Planner struct {
	Store    *store.Store
	Programs map[string]*Definition
}

// Run takes up all events that stand now and returns how many outreach rows are
// new or moved. Running it again changes nothing. Its memory does not grow with the
// number of events.
func (p *Planner) Run(ctx context.Context, now time.Time) (int64, error) {
	var planned atomic.Int64
	errs := make([]error, p.Store.TakeParts())
	var parts sync.WaitGroup
	for part := range errs {
		parts.Go(func() { errs[part] = p.run(ctx, part, now, &planned) })
	}
	parts.Wait()
	return planned.Load(), errors.Join(errs...)
}

func (p *Planner) run(ctx context.Context, part int, now time.Time, planned *atomic.Int64) error {
	var place store.Place
	for {
		taken, n, last, err := p.Store.TakeUp(ctx, part, place, now, func(t store.Taken) store.Planned { return p.take(t, now) })
		planned.Add(n)
		if err != nil || taken == 0 {
			return err
		}
		place = last
	}
}

// take says what becomes of events; a merge concerns one program.
func (p *Planner) take(t store.Taken, now time.Time) store.Planned {
	out := store.Planned{Into: map[string]string{}, Rule: RuleSameVisit}
	for _, d := range p.Programs {
		from := len(out.Rows)
		out.Rows = appendRows(out.Rows, d, t.Events, now)
		join(d, out.Rows[from:], t.Standing, out.Into, p.Store.NewID)
	}
	return out
}

func appendRows(rows []store.Outreach, d *Definition, events []store.Event, now time.Time) []store.Outreach {
	n := 0
	for i := range events {
		if events[i].Kind == d.Trigger {
			n += len(d.Steps)
		}
	}
	rows = slices.Grow(rows, n)
	for i := range events {
		if e := &events[i]; e.Kind == d.Trigger {
			rows = plan(rows, d, Occasion{DealerID: e.DealerID, ContactID: e.ContactID, VisitID: e.VisitID, At: e.At}, now)
		}
	}
	return rows
}

// Dry tells what Run would write for events, without writing it.
func (p *Planner) Dry(ctx context.Context, d *Definition, events []store.Event, now time.Time) ([]store.Outreach, error) {
	rows := appendRows(nil, d, events, now)
	contacts := make([]string, len(rows))
	for i := range rows {
		contacts[i] = rows[i].ContactID
	}
	slices.Sort(contacts)
	standing, err := p.Store.PendingOf(ctx, d.ID, slices.Compact(contacts))
	if err != nil {
		return nil, fmt.Errorf("planning: %w", err)
	}
	join(d, rows, standing, map[string]string{}, p.Store.NewID)
	return rows, nil
}

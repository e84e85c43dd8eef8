package program

import (
	"context"
	"fmt"
	"maps"
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
func (p *Planner) Run(ctx context.Context, now time.Time) (planned int64, err error) {
	var place store.Place
	for {
		taken, n, last, err := p.Store.TakeUp(ctx, place, now, func(t store.Taken) store.Planned { return p.take(t, now) })
		if err != nil {
			return planned, err
		}
		planned += n
		if taken == 0 {
			return planned, nil
		}
		place = last
	}
}

// take says what becomes of events; a merge concerns one program.
func (p *Planner) take(t store.Taken, now time.Time) store.Planned {
	out := store.Planned{Into: map[string]string{}, Rule: RuleSameVisit}
	for _, d := range p.Programs {
		rows, _ := Rows(d, t.Events, now)
		m := join(d, rows, t.Standing, p.Store.NewID)
		out.Rows = append(out.Rows, m.fresh...)
		maps.Copy(out.Into, m.into)
	}
	return out
}

// Rows plans all events that trigger a program, and names the contacts they are
// about.
func Rows(d *Definition, events []store.Event, now time.Time) (rows []store.Outreach, contacts []string) {
	for _, e := range events {
		if e.Kind != d.Trigger {
			continue
		}
		rows = append(rows, Plan(d, Occasion{DealerID: e.DealerID, ContactID: e.ContactID, VisitID: e.VisitID, At: e.At}, now)...)
		contacts = append(contacts, e.ContactID)
	}
	return rows, contacts
}

// Dry tells what Run would write for events, without writing it.
func (p *Planner) Dry(ctx context.Context, d *Definition, events []store.Event, now time.Time) ([]store.Outreach, error) {
	rows, contacts := Rows(d, events, now)
	pending, err := p.Store.PendingOf(ctx, d.ID, contacts)
	if err != nil {
		return nil, fmt.Errorf("planning: %w", err)
	}
	return join(d, rows, pending, p.Store.NewID).fresh, nil
}

package program

import (
	"context"
	"fmt"
	"time"

	"otklik/internal/store"
)

// planBatch is how many events one transaction takes up (design.md: SQLite's lock
// is held no longer than 50 ms).
const planBatch = 200

// Planner turns stored events into outreach. Any number of nodes may run one.
type Planner struct {
	Store    *store.Store
	Programs map[string]*Definition
}

// Run takes up all events that stand now and returns how many outreach rows are
// new. Running it again changes nothing.
func (p *Planner) Run(ctx context.Context, now time.Time) (planned int64, err error) {
	for {
		var taken int
		err := p.Store.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
			events, err := tx.Unplanned(ctx, planBatch)
			if err != nil {
				return fmt.Errorf("reading events: %w", err)
			}
			taken = len(events)
			n, err := p.take(ctx, tx, events, now)
			planned += n
			return err
		})
		if err != nil {
			return planned, fmt.Errorf("planning: %w", err)
		}
		if taken < planBatch {
			return planned, nil
		}
	}
}

func (p *Planner) take(ctx context.Context, tx *store.Tx, events []store.Event, now time.Time) (int64, error) {
	var total int64
	ids := make([]string, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	for _, d := range p.Programs {
		rows, contacts := Rows(d, events, now)
		if len(rows) == 0 {
			continue
		}
		pending, err := tx.PendingOf(ctx, d.ID, contacts)
		if err != nil {
			return total, err
		}
		m := join(d, rows, pending, tx.NewID)
		n, err := tx.Plan(ctx, m.fresh, now)
		if err != nil {
			return total, err
		}
		total += n
		for id, into := range m.into {
			if err := tx.MergeInto(ctx, id, into, RuleSameVisit, now); err != nil {
				return total, err
			}
		}
	}
	return total, tx.MarkPlanned(ctx, ids, now)
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

package store

import (
	"context"
	"fmt"
	"time"
)

// Plan writes outreach rows; one that stands already (program, contact, occasion,
// step) is left alone, so a second run is harmless, unless its occasion has moved
// and it has not begun. It returns how many rows are new or moved.
func (t *Tx) Plan(ctx context.Context, rows []Outreach, now time.Time) (int64, error) {
	vals := make([][]any, 0, len(rows))
	for _, o := range rows {
		if o.ID == "" {
			o.ID = t.NewID()
		}
		vals = append(vals, []any{o.ID, o.DealerID, o.Program, o.ProgramVersion, o.ContactID, o.Occasion, o.Step, opt(o.VisitID), opt(o.MergedInto),
			o.Purpose, o.Priority, o.Channel, o.State, at(o.DueAt), at(o.TargetAt), at(o.DeadlineAt), o.Rule, o.Inputs, at(now), at(now)})
	}
	n, err := insert(ctx, t, "outreach", []string{"id", "dealer_id", "program", "program_version", "contact_id", "occasion", "step", "visit_id", "merged_into",
		"purpose", "priority", "channel", "state", "due_at", "target_at", "deadline_at", "rule", "inputs", "created_at", "updated_at"},
		vals, `on conflict (program, contact_id, occasion, step) do update set due_at = excluded.due_at, target_at = excluded.target_at, deadline_at = excluded.deadline_at, updated_at = excluded.updated_at
			where outreach.state in ('planned', 'held') and outreach.deadline_at <> excluded.deadline_at`)
	if err != nil {
		return n, fmt.Errorf("planning: %w", err)
	}
	return n, nil
}

// PendingOf reads the outreach of a program for contacts that has not begun.
func (t *Tx) PendingOf(ctx context.Context, program string, contactIDs []string) ([]Outreach, error) {
	return pendingOf(ctx, t, program, contactIDs)
}

// PendingOf reads the outreach of a program for contacts that has not begun.
func (s *Store) PendingOf(ctx context.Context, program string, contactIDs []string) ([]Outreach, error) {
	return pendingOf(ctx, s.read, program, contactIDs)
}

func pendingOf(ctx context.Context, q querier, program string, contactIDs []string) ([]Outreach, error) {
	var out []Outreach
	for _, part := range chunks(contactIDs, listRows) {
		in, args := keys(1, part)
		os, err := collect(ctx, q, scanOutreach, "select "+outreachCols+" from outreach where program = $1 and state in ('planned', 'held') and contact_id in "+in+" order by id",
			append([]any{program}, args...)...)
		if err != nil {
			return nil, fmt.Errorf("reading pending outreach: %w", err)
		}
		out = append(out, os...)
	}
	return out, nil
}

// MergeInto marks outreach that has not begun as merged into another.
func (t *Tx) MergeInto(ctx context.Context, id, into, rule string, now time.Time) error {
	_, err := t.ExecContext(ctx, "update outreach set state = 'merged', merged_into = $2, rule = $3, updated_at = $4 where id = $1 and state in ('planned', 'held')", id, into, rule, at(now))
	return err
}

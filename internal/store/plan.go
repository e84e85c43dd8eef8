package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"otklik/internal/outreach"
)

// Place is how far events have been read; the zero value is the beginning.
type Place struct {
	created int64
	id      string
}

// Taken are events that a transaction takes up.
type Taken struct {
	// Events in the order in which they were stored.
	Events []Event
	// Standing is the outreach of any program that has not begun, of those contacts
	// of the events that have some.
	Standing []Outreach
}

// Planned is what becomes of taken events.
type Planned struct {
	Rows []Outreach
	// Into names outreach that stands and is merged into another: its id → the id
	// that stays.
	Into map[string]string
	// Rule is why it is merged.
	Rule string
}

// TakeChunk bounds the events of one TakeUp: on SQLite by how long the lock may be
// held (design.md), on PostgreSQL by where a transaction's own cost is lost among its
// rows.
func (s *Store) TakeChunk() int {
	if s.pool != nil {
		return 2000
	}
	return 500
}

// TakeUp marks the next events after a place, at most TakeChunk, as planned, asks
// plan what becomes of them and writes it, all in one transaction. It returns how
// many events there were, how many outreach rows are new or moved, and the place of
// the last event: one that was not committed when its place was passed is found by
// starting from the beginning again. Of several nodes one plans at a time. plan may
// be called again when the transaction has to be repeated.
func (s *Store) TakeUp(ctx context.Context, after Place, now time.Time, plan func(Taken) Planned) (taken int, written int64, last Place, err error) {
	const tries = 4
	for try := 1; ; try++ {
		// A row that stands although nobody saw it fails a bulk load, which cannot
		// pass over it; the next try asks row by row.
		taken, written, last, err = s.takeUp(ctx, after, now, try > 1, plan)
		if err == nil || try == tries || !s.dialect.retryable(err) && !s.dialect.unique(err) {
			break
		}
	}
	if err != nil {
		return 0, 0, after, fmt.Errorf("planning: %w", err)
	}
	return taken, written, last, nil
}

func (s *Store) takeUp(ctx context.Context, after Place, now time.Time, careful bool, plan func(Taken) Planned) (n int, written int64, last Place, err error) {
	work := func(tx *Tx, bulk loader) error {
		got, known, at, err := tx.take(ctx, after, s.TakeChunk(), now)
		if err != nil {
			return fmt.Errorf("reading events: %w", err)
		}
		n, last = len(got.Events), at
		if n == 0 {
			return nil
		}
		if got.Standing, err = pendingOf(ctx, tx, "", known); err != nil {
			return err
		}
		p := plan(got)
		if written, err = tx.write(ctx, p.Rows, known, bulk, now); err != nil {
			return err
		}
		for id, into := range p.Into {
			if err := tx.mergeInto(ctx, id, into, p.Rule, now); err != nil {
				return fmt.Errorf("merging: %w", err)
			}
		}
		return nil
	}
	if s.pool == nil {
		return n, written, last, s.tx(ctx, RankBulk, func(tx *Tx) error { return work(tx, nil) })
	}
	err = s.loading(ctx, func(tx *Tx, load loader) error {
		if _, err := tx.ExecContext(ctx, "select pg_advisory_xact_lock(7302)"); err != nil { // any number nobody else takes
			return err
		}
		if careful {
			load = nil
		}
		return work(tx, load)
	})
	return n, written, last, err
}

// take marks events and reads them. known are the contacts among theirs of whom
// outreach stands that these events may touch.
func (t *Tx) take(ctx context.Context, after Place, limit int, now time.Time) (got Taken, known []string, last Place, err error) {
	type row struct {
		Event
		created int64
		known   bool
	}
	if after.id == "" {
		after.id = uuid.Nil.String()
	}
	// The update alone locks the rows: one that a correction holds is read as it is
	// corrected. What is returned has no order.
	rows, err := collect(ctx, t, func(r *sql.Rows) (x row, err error) {
		var a moment
		var visit text
		err = r.Scan(&x.ID, &x.DealerID, &x.Kind, &x.ContactID, &visit, &a, &x.created, &x.known)
		x.At, x.VisitID = a.Time, string(visit)
		return x, err
	}, `with next as materialized (select id from event where planned_at is null and (created_at, id) > ($1, $2) order by created_at, id limit $3)
		update event set planned_at = $4 where id in (select id from next) and planned_at is null
		returning id, dealer_id, kind, contact_id, visit_id, at, created_at, exists (select 1 from outreach o where o.contact_id = event.contact_id
			and (o.state in ('planned', 'held') or o.occasion = cast(event.visit_id as text)))`, after.created, after.id, limit, at(now))
	if err != nil || len(rows) == 0 {
		return got, nil, after, err
	}
	slices.SortFunc(rows, func(a, b row) int {
		if a.created != b.created {
			return int(a.created - b.created)
		}
		return strings.Compare(a.ID, b.ID)
	})
	got.Events = make([]Event, len(rows))
	for i, x := range rows {
		got.Events[i] = x.Event
		if x.known {
			known = append(known, x.ContactID)
		}
	}
	end := rows[len(rows)-1]
	return got, known, Place{end.created, end.ID}, nil
}

// write is Plan, with a bulk load for people of whom nothing stands.
func (t *Tx) write(ctx context.Context, rows []Outreach, known []string, load loader, now time.Time) (int64, error) {
	if load == nil {
		return t.Plan(ctx, rows, now)
	}
	stands := make(map[string]bool, len(known))
	for _, c := range known {
		stands[c] = true
	}
	fresh, rest := make([]Outreach, 0, len(rows)), []Outreach(nil)
	for _, o := range rows {
		if stands[o.ContactID] {
			rest = append(rest, o)
		} else {
			fresh = append(fresh, o)
		}
	}
	n, err := load(ctx, "outreach", outreachPlanned, len(fresh), func(i int) ([]any, error) { return plannedBytes(&fresh[i], now) })
	if err != nil {
		return 0, err
	}
	m, err := t.Plan(ctx, rest, now)
	return n + m, err
}

var outreachPlanned = []string{"id", "dealer_id", "program", "program_version", "contact_id", "occasion", "step", "visit_id", "merged_into",
	"purpose", "priority", "channel", "state", "due_at", "target_at", "deadline_at", "rule", "inputs", "created_at", "updated_at"}

// plannedBytes is a row as COPY wants it: ids as bytes.
func plannedBytes(o *Outreach, now time.Time) ([]any, error) {
	ids := [5]any{}
	for i, s := range [...]string{o.ID, o.DealerID, o.ContactID, o.VisitID, o.MergedInto} {
		if s == "" {
			continue
		}
		u, err := uuid.Parse(s)
		if err != nil {
			return nil, err
		}
		ids[i] = [16]byte(u)
	}
	return []any{ids[0], ids[1], o.Program, int64(o.ProgramVersion), ids[2], o.Occasion, o.Step, ids[3], ids[4], string(o.Purpose), int64(o.Priority), string(o.Channel), string(o.State),
		o.DueAt.UnixMicro(), o.TargetAt.UnixMicro(), o.DeadlineAt.UnixMicro(), o.Rule, o.Inputs, now.UnixMicro(), now.UnixMicro()}, nil
}

// loader writes n rows by COPY within a transaction.
type loader func(ctx context.Context, table string, cols []string, n int, row func(int) ([]any, error)) (int64, error)

// loading is a transaction on PostgreSQL that can load in bulk.
func (s *Store) loading(ctx context.Context, fn func(*Tx, loader) error) error {
	c, err := s.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("taking a connection: %w", err)
	}
	defer func() { _ = c.Close() }() // after the transaction; it goes back to the pool
	tx, err := c.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit this does nothing
	load := func(ctx context.Context, table string, cols []string, n int, row func(int) ([]any, error)) (written int64, err error) {
		err = c.Raw(func(driver any) error {
			written, err = driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table}, cols, pgx.CopyFromSlice(n, row))
			return err
		})
		return written, err
	}
	if err := fn(&Tx{tx, s}, load); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// Plan writes outreach rows; one that stands already (program, contact, occasion,
// step) is left alone, so a second run is harmless, unless its occasion has moved
// and it has not begun: then whoever has claimed it loses it. It returns how many
// rows are new or moved.
func (t *Tx) Plan(ctx context.Context, rows []Outreach, now time.Time) (int64, error) {
	vals := make([][]any, 0, len(rows))
	for _, o := range rows {
		if o.ID == "" {
			o.ID = t.NewID()
		}
		vals = append(vals, []any{o.ID, o.DealerID, o.Program, o.ProgramVersion, o.ContactID, o.Occasion, o.Step, opt(o.VisitID), opt(o.MergedInto),
			o.Purpose, o.Priority, o.Channel, o.State, at(o.DueAt), at(o.TargetAt), at(o.DeadlineAt), o.Rule, o.Inputs, at(now), at(now)})
	}
	n, err := insert(ctx, t, "outreach", outreachPlanned, vals, planConflict)
	if err != nil {
		return n, fmt.Errorf("planning: %w", err)
	}
	return n, nil
}

const planConflict = `on conflict (contact_id, program, occasion, step) do update set due_at = excluded.due_at, target_at = excluded.target_at, deadline_at = excluded.deadline_at,
	claim_token = null, claim_until = null, updated_at = excluded.updated_at where outreach.state in ('planned', 'held') and outreach.deadline_at <> excluded.deadline_at`

// PendingOf reads the outreach of a program for contacts that has not begun.
func (s *Store) PendingOf(ctx context.Context, program string, contactIDs []string) ([]Outreach, error) {
	return pendingOf(ctx, s.read, program, contactIDs)
}

func pendingOf(ctx context.Context, q querier, program string, contactIDs []string) ([]Outreach, error) {
	var out []Outreach
	for _, part := range chunks(contactIDs, listRows) {
		in, args := keys(1, part)
		os, err := collect(ctx, q, scanOutreach, "select "+outreachCols+" from outreach where $1 in ('', program) and state in ('planned', 'held') and contact_id in "+in+" order by id",
			append([]any{program}, args...)...)
		if err != nil {
			return nil, fmt.Errorf("reading pending outreach: %w", err)
		}
		out = append(out, os...)
	}
	return out, nil
}

// mergeInto marks outreach that has not begun as merged into another; whoever has
// claimed it loses it.
func (t *Tx) mergeInto(ctx context.Context, id, into, rule string, now time.Time) error {
	_, err := t.ExecContext(ctx, "update outreach set state = $5, merged_into = $2, rule = $3, claim_token = null, claim_until = null, updated_at = $4 where id = $1 and state in ('planned', 'held')",
		id, into, rule, at(now), outreach.Merged)
	return err
}

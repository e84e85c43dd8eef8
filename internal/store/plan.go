package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"otklik/channels"
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
	// People are the contacts of the events about which TakeUp was asked, by id.
	People map[string]*Person
}

// Taking says which events TakeUp takes.
type Taking struct {
	Part  int
	After Place
	// Kinds are those events whose contacts TakeUp reads (Taken.People); Models, that
	// their cars matter.
	Kinds  map[string]bool
	Models bool
}

// Planned is what becomes of taken events.
type Planned struct {
	Rows []Outreach
	// Into names outreach that stands and is merged into another: its id → the id
	// that stays.
	Into map[string]string
	// Rule is why it is merged.
	Rule string
	// Ended names outreach that stands and is superseded, with the rule.
	Ended map[string]string
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

// TakeParts is how many parts of the events may be taken up at the same time: a
// contact's events are all in one part. SQLite has one writer.
func (s *Store) TakeParts() int {
	if s.pool != nil {
		return 4
	}
	return 1
}

// EventsWait tells whether any event waits to be taken up.
func (s *Store) EventsWait(ctx context.Context) (bool, error) {
	some, err := one(ctx, s.read, func(r *sql.Rows) (some bool, err error) { return some, r.Scan(&some) }, "select exists (select 1 from event)")
	if err != nil {
		return false, fmt.Errorf("looking for events: %w", err)
	}
	return some, nil
}

// TakeUp takes the next events of a part after a place, at most TakeChunk, asks plan what
// becomes of them and writes it, all in one transaction: an event is gone when it is planned. It returns how
// many events there were, how many outreach rows are new or moved, and the place of
// the last event: one that was not committed when its place was passed is found by
// starting from the beginning again. Of several nodes one at a time takes up a part.
// plan may be called again when the transaction has to be repeated.
func (s *Store) TakeUp(ctx context.Context, k Taking, now time.Time, plan func(Taken) Planned) (taken int, written int64, last Place, err error) {
	const tries = 4
	for try := 1; ; try++ {
		// A row that stands although nobody saw it fails a bulk load, which cannot
		// pass over it; the next try asks row by row.
		taken, written, last, err = s.takeUp(ctx, k, now, try > 1, plan)
		if err == nil || try == tries || !s.dialect.retryable(err) && !s.dialect.unique(err) {
			break
		}
	}
	if err != nil {
		return 0, 0, k.After, fmt.Errorf("planning: %w", err)
	}
	return taken, written, last, nil
}

func (s *Store) takeUp(ctx context.Context, k Taking, now time.Time, careful bool, plan func(Taken) Planned) (n int, written int64, last Place, err error) {
	work := func(tx *Tx, bulk loader) error {
		got, known, at, err := tx.take(ctx, k.Part, k.After, s.TakeChunk())
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
		if got.People, err = tx.peopleOfEvents(ctx, got.Events, k); err != nil {
			return err
		}
		p := plan(got)
		if written, err = tx.write(ctx, p.Rows, known, bulk, now); err != nil {
			return err
		}
		return tx.settlePlanned(ctx, p, now)
	}
	if s.pool == nil {
		return n, written, last, s.tx(ctx, RankBulk, func(tx *Tx) error { return work(tx, nil) })
	}
	err = s.loading(ctx, func(tx *Tx, load loader) error {
		mine, err := one(ctx, tx, func(r *sql.Rows) (got bool, err error) { return got, r.Scan(&got) }, "select pg_try_advisory_xact_lock(7302, $1)", k.Part) // any number nobody else takes
		if err != nil || !mine {
			return err
		}
		if careful {
			load = nil
		}
		return work(tx, load)
	})
	return n, written, last, err
}

func (t *Tx) peopleOfEvents(ctx context.Context, events []Event, k Taking) (map[string]*Person, error) {
	if len(k.Kinds) == 0 {
		return nil, nil
	}
	var ids []string
	for i := range events {
		if k.Kinds[events[i].Kind] {
			ids = append(ids, events[i].ContactID)
		}
	}
	slices.Sort(ids)
	return peopleOf(ctx, t, slices.Compact(ids), k.Models)
}

// take removes events and reads them. known are the contacts among theirs of whom
// outreach stands that these events may touch.
func (t *Tx) take(ctx context.Context, part int, after Place, limit int) (got Taken, known []string, last Place, err error) {
	type row struct {
		Event
		created int64
		known   bool
	}
	if after.id == "" {
		after.id = uuid.Nil.String()
	}
	mine, args := "", []any{after.created, after.id, limit}
	if parts := t.s.TakeParts(); parts > 1 {
		mine, args = " and get_byte(uuid_send(contact_id), 15) % $4 = $5", append(args, parts, part)
	}
	// The delete alone locks the rows: one that a correction holds is read as it is
	// corrected. What is returned has no order.
	rows, err := collect(ctx, t, func(r *sql.Rows) (x row, err error) {
		return x, x.scan(r, &x.created, &x.known)
	}, `with next as materialized (select id from event where (created_at, id) > ($1, $2)`+mine+` order by created_at, id limit $3)
		delete from event where id in (select id from next)
		returning `+eventCols+`, created_at, exists (select 1 from outreach o where o.contact_id = event.contact_id
			and (o.state in ('planned', 'held') or event.subject_id is not null or o.occasion = cast(event.visit_id as text)))`, args...)
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
	fresh, rest := newCopyRows(len(rows), len(outreachPlanned)), []Outreach(nil)
	some := false
	for i := range rows {
		if o := &rows[i]; stands[o.ContactID] {
			rest = append(rest, *o)
		} else {
			some = true
			fresh.outreach(o, t.idOf(o), now)
		}
	}
	var n int64
	if some {
		var err error
		if n, err = load(ctx, "outreach", outreachPlanned, fresh); err != nil {
			return 0, err
		}
	}
	m, err := t.Plan(ctx, rest, now)
	return n + m, err
}

var outreachPlanned = []string{"id", "dealer_id", "program", "program_version", "contact_id", "occasion", "step", "visit_id", "merged_into",
	"purpose", "priority", "channel", "state", "due_at", "target_at", "deadline_at", "rule", "inputs", "created_at", "updated_at"}

// outreach writes the columns outreachPlanned.
func (c *copyRows) outreach(o *Outreach, id string, now time.Time) {
	c.row()
	c.id(id)
	c.id(o.DealerID)
	c.text(o.Program)
	c.integer(int64(o.ProgramVersion))
	c.id(o.ContactID)
	c.text(o.Occasion)
	c.text(o.Step)
	c.id(o.VisitID)
	c.id(o.MergedInto)
	c.text(string(o.Purpose))
	c.integer(int64(o.Priority))
	c.text(string(o.Channel))
	c.text(string(o.State))
	c.moment(o.DueAt)
	c.moment(o.TargetAt)
	c.moment(o.DeadlineAt)
	c.text(o.Rule)
	c.text(o.Inputs)
	c.moment(now)
	c.moment(now)
}

// Plan writes outreach rows; one that stands already (program, contact, occasion,
// step) is left alone, so a second run is harmless, unless its occasion has moved
// and it has not begun: then whoever has claimed it loses it. It returns how many
// rows are new or moved.
func (t *Tx) Plan(ctx context.Context, rows []Outreach, now time.Time) (int64, error) {
	var total int64
	for _, group := range alike(rows) {
		for len(group) > 0 {
			n := chunkRows
			for n > len(group) {
				n /= 2
			}
			if t.s.pool != nil {
				n = min(len(group), 1000)
			}
			query, args := t.plan(group[:n], now)
			r, err := t.ExecContext(ctx, query, args...)
			if err != nil {
				return total, fmt.Errorf("planning: %w", err)
			}
			written, err := r.RowsAffected()
			if err != nil {
				return total, err
			}
			total += written
			group = group[n:]
		}
	}
	return total, nil
}

// alike puts rows together that differ in person, occasion and times only.
func alike(rows []Outreach) [][]*Outreach {
	type common struct {
		dealer, program, step, rule, inputs string
		version, priority                   int
		purpose                             outreach.Purpose
		channel                             channels.Kind
		state                               outreach.State
	}
	place := map[common]int{}
	var groups [][]*Outreach
	for i := range rows {
		o := &rows[i]
		k := common{o.DealerID, o.Program, o.Step, o.Rule, o.Inputs, o.ProgramVersion, o.Priority, o.Purpose, o.Channel, o.State}
		g, ok := place[k]
		if !ok {
			g = len(groups)
			place[k] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], o)
	}
	return groups
}

// plan is the statement for rows that are alike: what they share is bound once, which
// takes a quarter off the cost of a row on SQLite.
func (t *Tx) plan(rows []*Outreach, now time.Time) (string, []any) {
	var b strings.Builder
	b.WriteString("with v (id, contact_id, occasion, visit_id, merged_into, due_at, target_at, deadline_at) as (")
	var args []any
	if t.s.pool != nil {
		args = t.planArrays(rows)
		b.WriteString(`select * from unnest(cast(cast($1 as text[]) as uuid[]), cast(cast($2 as text[]) as uuid[]), cast($3 as text[]), cast(cast($4 as text[]) as uuid[]), cast(cast($5 as text[]) as uuid[]),
			cast($6 as bigint[]), cast($7 as bigint[]), cast($8 as bigint[]))`)
	} else {
		b.WriteString("values ")
		args = make([]any, 0, len(rows)*8+12)
		for i, o := range rows {
			if i > 0 {
				b.WriteString(", ")
			}
			writePlaceholders(&b, len(args), 8)
			args = append(args, t.idOf(o), o.ContactID, o.Occasion, opt(o.VisitID), opt(o.MergedInto), at(o.DueAt), at(o.TargetAt), at(o.DeadlineAt))
		}
	}
	b.WriteString(`) insert into outreach (id, contact_id, occasion, visit_id, merged_into, due_at, target_at, deadline_at,
		dealer_id, program, program_version, step, purpose, priority, channel, state, rule, inputs, created_at, updated_at)
		select v.id, v.contact_id, v.occasion, v.visit_id, v.merged_into, v.due_at, v.target_at, v.deadline_at`)
	first := rows[0]
	for _, a := range []any{first.DealerID, first.Program, first.ProgramVersion, first.Step, first.Purpose, first.Priority, first.Channel, first.State, first.Rule, first.Inputs, at(now), at(now)} {
		args = append(args, a)
		b.WriteString(", $" + strconv.Itoa(len(args)))
	}
	b.WriteString(" from v where true " + planConflict)
	return b.String(), args
}

func (t *Tx) planArrays(rows []*Outreach) []any {
	n := len(rows)
	ids, contacts, occasions := make([]string, n), make([]string, n), make([]string, n)
	visits, merged := make([]*string, n), make([]*string, n)
	due, target, deadline := make([]int64, n), make([]int64, n), make([]int64, n)
	for i, o := range rows {
		ids[i], contacts[i], occasions[i] = t.idOf(o), o.ContactID, storableText(o.Occasion)
		due[i], target[i], deadline[i] = o.DueAt.UnixMicro(), o.TargetAt.UnixMicro(), o.DeadlineAt.UnixMicro()
		if o.VisitID != "" {
			visits[i] = &o.VisitID
		}
		if o.MergedInto != "" {
			merged[i] = &o.MergedInto
		}
	}
	return []any{ids, contacts, occasions, visits, merged, due, target, deadline}
}

func (t *Tx) idOf(o *Outreach) string {
	if o.ID == "" {
		return t.NewID()
	}
	return o.ID
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

// endPlanned marks outreach that has not begun as superseded; whoever has claimed it
// loses it.
func (t *Tx) endPlanned(ctx context.Context, id, rule string, now time.Time) error {
	_, err := t.ExecContext(ctx, "update outreach set state = $4, rule = $2, claim_token = null, claim_until = null, updated_at = $3 where id = $1 and state in ('planned', 'held')",
		id, rule, at(now), outreach.Superseded)
	return err
}

// mergeInto marks outreach that has not begun as merged into another; whoever has
// claimed it loses it.
func (t *Tx) mergeInto(ctx context.Context, id, into, rule string, now time.Time) error {
	_, err := t.ExecContext(ctx, "update outreach set state = $5, merged_into = $2, rule = $3, claim_token = null, claim_until = null, updated_at = $4 where id = $1 and state in ('planned', 'held')",
		id, into, rule, at(now), outreach.Merged)
	return err
}

// Look reads what TakeUp would hand to a plan of these events, without taking them up.
func (s *Store) Look(ctx context.Context, k Taking, events []Event) (Taken, error) {
	t := Taken{Events: events}
	ids := make([]string, len(events))
	for i := range events {
		ids[i] = events[i].ContactID
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	var err error
	if t.Standing, err = pendingOf(ctx, s.read, "", ids); err != nil {
		return t, err
	}
	t.People, err = peopleOf(ctx, s.read, ids, k.Models)
	return t, err
}

// Unplanned leaves of rows of one program those that do not stand, whatever has become
// of the others.
func (s *Store) Unplanned(ctx context.Context, rows []Outreach) ([]Outreach, error) {
	type place struct{ contact, occasion, step string }
	if len(rows) == 0 {
		return rows, nil
	}
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].ContactID
	}
	slices.Sort(ids)
	stands := map[place]bool{}
	for _, part := range chunks(slices.Compact(ids), listRows) {
		in, args := keys(1, part)
		got, err := collect(ctx, s.read, func(r *sql.Rows) (p place, err error) { return p, r.Scan(&p.contact, &p.occasion, &p.step) },
			"select contact_id, occasion, step from outreach where program = $1 and contact_id in "+in, append([]any{rows[0].Program}, args...)...)
		if err != nil {
			return nil, fmt.Errorf("looking for what is planned: %w", err)
		}
		for _, p := range got {
			stands[p] = true
		}
	}
	return slices.DeleteFunc(rows, func(o Outreach) bool { return stands[place{o.ContactID, o.Occasion, o.Step}] }), nil
}

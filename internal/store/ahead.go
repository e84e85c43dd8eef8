package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"otklik/internal/outreach"
)

// DueContacts are those to whom something is due in [from, to) that is not finished:
// sixteen bytes each, so that a plan of everybody can be made in parts.
func (s *Store) DueContacts(ctx context.Context, dealerID string, from, to time.Time) ([]uuid.UUID, error) {
	return s.contactIDs(ctx, "select distinct contact_id from outreach where dealer_id = $1 and state in ('planned', 'held', 'claimed') and due_at >= $2 and due_at < $3", key(dealerID), at(from), at(to))
}

// UnplannedContacts are those of events in [from, to) that wait to be planned.
func (s *Store) UnplannedContacts(ctx context.Context, dealerID string, from, to time.Time) ([]uuid.UUID, error) {
	return s.contactIDs(ctx, "select distinct contact_id from event where dealer_id = $1 and at >= $2 and at < $3", key(dealerID), at(from), at(to))
}

// WalkContacts are the people of a walk by birthday or by car.
func (s *Store) WalkContacts(ctx context.Context, w Walk) ([]uuid.UUID, error) {
	source, args := w.source(0)
	return s.contactIDs(ctx, "select distinct c.id from "+source, args...)
}

func (s *Store) contactIDs(ctx context.Context, query string, args ...any) ([]uuid.UUID, error) {
	ids, err := collect(ctx, s.read, func(r *sql.Rows) (id uuid.UUID, err error) {
		var x text
		if err = r.Scan(&x); err == nil {
			id, err = uuid.Parse(string(x))
		}
		return id, err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("listing people: %w", err)
	}
	return ids, nil
}

// DueOf is what is due to some contacts in [from, to) and not finished, by time, whichever
// dealer's it is.
func (s *Store) DueOf(ctx context.Context, contactIDs []string, from, to time.Time) ([]Outreach, error) {
	os, err := ofContacts(ctx, s, contactIDs, scanOutreach, outreachCols, "outreach", waits, func(o *Outreach) bool { return within(o.DueAt, from, to) })
	if err != nil {
		return nil, fmt.Errorf("reading what is due: %w", err)
	}
	slices.SortFunc(os, func(a, b Outreach) int { return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.ID, b.ID)) })
	return os, nil
}

// UnplannedOf are the events of some contacts in [from, to) that wait to be planned, in
// the order in which they were stored, whichever dealer's they are.
func (s *Store) UnplannedOf(ctx context.Context, contactIDs []string, from, to time.Time) ([]Event, error) {
	type stored struct {
		Event
		since moment
	}
	es, err := ofContacts(ctx, s, contactIDs, func(r *sql.Rows) (e stored, err error) { return e, e.scan(r, &e.since) }, eventCols+", created_at", "event", "", func(e *stored) bool { return within(e.At, from, to) })
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	slices.SortFunc(es, func(a, b stored) int { return cmp.Or(a.since.Compare(b.since.Time), cmp.Compare(a.ID, b.ID)) })
	out := make([]Event, len(es))
	for i := range es {
		out[i] = es[i].Event
	}
	return out, nil
}

// waits names outreach that is not finished so that PostgreSQL does not look for it in the
// queue, of which it thinks little while its statistics are older than an import.
const waits = "state || '' in " + open + " and "

// ofContacts reads rows of some contacts and keeps those that match. What else is asked
// of them is not in the statement: SQLite would take the index of their time, and read
// all of a dealer's rows for each list.
func ofContacts[T any](ctx context.Context, s *Store, contactIDs []string, scan func(*sql.Rows) (T, error), cols, table, where string, match func(*T) bool) ([]T, error) {
	rows, err := collect(ctx, s.read, scan, s.dialect.forEach(cols, table, where, "contact_id", "uuid", 1), s.dialect.idSet(contactIDs))
	return slices.DeleteFunc(rows, func(x T) bool { return !match(&x) }), err
}

// within tells whether t is in [from, to).
func within(t, from, to time.Time) bool { return !t.Before(from) && t.Before(to) }

// PeopleAmong are those of a walk among some contacts, by contact.
func (s *Store) PeopleAmong(ctx context.Context, w Walk, contactIDs []string) ([]Person, error) {
	var out []Person
	for _, part := range chunks(contactIDs, listRows) {
		source, args := w.source(0)
		in, ids := keys(len(args), part)
		people, err := collect(ctx, s.read, scanPerson, "select "+personCols+", "+homeDealer+", "+w.car()+" from "+source+" and c.id in "+in+" order by c.id", append(args, ids...)...)
		if err == nil && w.Models {
			err = models(ctx, s.read, people)
		}
		if err != nil {
			return nil, fmt.Errorf("reading people: %w", err)
		}
		out = append(out, people...)
	}
	return out, nil
}

// Crowd is how many people of a walk are alike in all that the plan of a date asks of
// somebody.
type Crowd struct {
	Person
	// N counts people; Cars the cars whose day it is, in a walk by car.
	N, Cars int
}

// Crowds counts the people of a walk by what they have in common; cars' models are not
// asked for. Tags are told where they matter, homes where there are several dealers:
// both cost. Its memory grows with how different people are, not with their number.
func (s *Store) Crowds(ctx context.Context, w Walk, tags, homes bool) ([]Crowd, error) {
	source, args := w.source(0)
	tagged, home := "''", "null"
	if tags {
		tagged = "c.tags"
	}
	if homes {
		home = homeDealer
	}
	counted := ", count(*), 0"
	if w.By == ByCar {
		counted = ", count(distinct c.id), count(*)"
	}
	cs, err := collect(ctx, s.read, func(r *sql.Rows) (x Crowd, err error) {
		var home text
		var tags string
		err = r.Scan(&x.Zone, &x.Locale, &x.Gender, &x.Prospect, &x.Company, &x.Deceased, &tags, &home, &x.N, &x.Cars)
		x.DealerID, x.Tags = string(home), strings.Fields(tags)
		return x, err
	}, "select zone, locale, gender, prospect, company, deceased, tags, home"+strings.ReplaceAll(counted, "c.id", "id")+" from (select c.id, c.zone, c.locale, c.gender, c.prospect, c.company, c.deceased, "+tagged+" as tags, "+home+" as home from "+source+
		") as c group by zone, locale, gender, prospect, company, deceased, tags, home", args...)
	if err != nil {
		return nil, fmt.Errorf("counting people: %w", err)
	}
	return cs, nil
}

// DayCount is how much of a program is due on one of several days.
type DayCount struct {
	Day     int
	Program string
	State   outreach.State
	// Rule is why it was dropped; "" in other states.
	Rule string
	N    int
}

// DayCounts counts a dealer's outreach by the day on which it is or was due: day i is
// [cuts[i], cuts[i+1]).
func (s *Store) DayCounts(ctx context.Context, dealerID string, cuts []time.Time) ([]DayCount, error) {
	var days strings.Builder
	args := []any{key(dealerID)}
	for i := range len(cuts) - 1 {
		if i > 0 {
			days.WriteString(", ")
		}
		args = append(args, at(cuts[i]), at(cuts[i+1]))
		fmt.Fprintf(&days, "(%d, cast($%d as bigint), cast($%d as bigint))", i, len(args)-1, len(args))
	}
	cs, err := collect(ctx, s.read, func(r *sql.Rows) (x DayCount, err error) {
		return x, r.Scan(&x.Day, &x.Program, &x.State, &x.Rule, &x.N)
	},
		"with d (day, since, until) as (values "+days.String()+`) select d.day, o.program, o.state, case o.state when 'dropped' then o.rule else '' end, count(*)
			from d join outreach o on o.dealer_id = $1 and o.due_at >= d.since and o.due_at < d.until group by 1, 2, 3, 4 order by 1, 2, 3, 4`, args...)
	if err != nil {
		return nil, fmt.Errorf("counting outreach by day: %w", err)
	}
	return cs, nil
}

// DuePlace is how far finished outreach has been read; the zero value is the beginning.
type DuePlace struct {
	due time.Time
	id  string
}

// FinishedBetween reads a dealer's finished outreach of which the last due time was in
// [from, to), by that time, after a place; it returns at most limit and the place of the
// last.
func (s *Store) FinishedBetween(ctx context.Context, dealerID string, from, to time.Time, after DuePlace, limit int) ([]Outreach, DuePlace, error) {
	if after.id == "" {
		after = DuePlace{due: from, id: uuid.Nil.String()}
	}
	os, err := collect(ctx, s.read, scanOutreach, "select "+outreachCols+` from outreach where dealer_id = $1 and due_at >= $2 and due_at < $3 and state in ('done', 'merged', 'dropped', 'superseded')
		and (due_at, id) > ($4, $5) order by due_at, id limit $6`, key(dealerID), at(from), at(to), at(after.due), after.id, limit)
	if err != nil {
		return nil, after, fmt.Errorf("reading finished outreach: %w", err)
	}
	if len(os) > 0 {
		after = DuePlace{os[len(os)-1].DueAt, os[len(os)-1].ID}
	}
	return os, after, nil
}

// source is where a walk finds its people, as "… where …"; its parameters come after
// the first `from`.
func (w Walk) source(from int) (string, []any) {
	var args []any
	param := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(from+len(args))
	}
	days := func() string {
		ps := make([]string, len(w.Days))
		for i, d := range w.Days {
			ps[i] = param(d)
		}
		return "(" + strings.Join(ps, ", ") + ")"
	}
	switch w.By {
	case ByBirthday:
		return "contact c where substr(c.birthday, length(c.birthday) - 4) in " + days() + " and c.birthday <> '' and c.erased_at is null", args
	case ByCar:
		return "vehicle k join contact c on c.id = k.contact_id where substr(k.delivered_on, 6) in " + days() +
			" and k.delivered_on <> '' and k.sold_at is null and c.erased_at is null and k.delivered_on < " + param(w.Date), args
	}
	return "contact c where c.erased_at is null", nil
}

// car is whose day it is, in a walk by car, as scanPerson reads it.
func (w Walk) car() string {
	if w.By == ByCar {
		return "k.id, k.model, k.delivered_on"
	}
	return "null, '', ''"
}

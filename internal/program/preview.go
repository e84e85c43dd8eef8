package program

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"

	"otklik/internal/calendar"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/store"
)

// previewPart is how many people a preview looks at together.
const previewPart = 500

// Preview gives what a dealer's people are due in [from, to): what stands, what the
// events that wait will lead to, and what dates will. What is overdue is due now. Where
// the span lies ahead, what the same people are due before it comes, too, and anywhere
// what other dealers of the group have planned for them: both may count against what is
// due in it (invariant 5). It comes in parts, all that concerns a person in one part, so that its memory does not
// grow with what is due: it keeps sixteen bytes for each of those people. It changes
// nothing and says what Run will write (invariant 13).
func (p *Planner) Preview(ctx context.Context, dealerID string, from, to, now time.Time) iter.Seq2[[]store.Outreach, error] {
	return func(yield func([]store.Outreach, error) bool) {
		r, err := p.begin(ctx, now)
		if err != nil {
			yield(nil, err)
			return
		}
		v, err := r.look(ctx, dealerID, from, to)
		for err == nil && !v.over {
			var rows []store.Outreach
			if rows, err = v.next(ctx); err == nil && len(rows) > 0 && !yield(rows, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// preview is how far a preview has come.
type preview struct {
	*run
	dealer string
	// since is from when outreach counts that stands, before from when dates do.
	from, to, since, before time.Time
	// people are those of whom something is known to be due.
	people []uuid.UUID
	dates  []previewDate
	// everybody: a date is for all contacts, who are read as they come; after is the last
	// of them.
	everybody bool
	models    bool
	after     string
	over      bool
}

// previewDate is a date in the span, and whose it is; nobody listed means everybody's.
type previewDate struct {
	dated
	who []uuid.UUID
	// stood: some of it may have been written out.
	stood bool
	// aside: it lies before the span, and matters for those only who are due something
	// in it.
	aside bool
}

// look finds out whom a span concerns.
func (r *run) look(ctx context.Context, dealerID string, from, to time.Time) (v *preview, err error) {
	v = &preview{run: r, dealer: dealerID, from: from, to: to, since: time.Time{}.AddDate(1969, 0, 0), before: from}
	due := v.since
	if from.After(r.now) {
		due = from
		if r.Policy != nil {
			v.before = from.Add(-r.Policy.Ahead())
		}
		if v.before.Before(r.now) {
			v.before = r.now
		}
	}
	if v.people, err = r.Store.DueContacts(ctx, dealerID, due, to); err != nil {
		return nil, err
	}
	since, until := v.eventSpan()
	waiting, err := r.Store.UnplannedContacts(ctx, dealerID, since, until)
	if err != nil {
		return nil, err
	}
	v.people = append(v.people, waiting...)
	for _, d := range r.programs {
		if !d.Dated() || !r.runs(d, dealerID) {
			continue
		}
		for _, x := range r.daysOf(d, v.before, to) {
			if err := v.add(ctx, x); err != nil {
				return nil, err
			}
		}
	}
	v.people = sortedIDs(v.people)
	return v, nil
}

// eventSpan is when an event may happen that leads to something in the span.
func (v *preview) eventSpan() (since, until time.Time) {
	return v.from.AddDate(-2, 0, 0), v.to.AddDate(1, 0, 0)
}

// daysOf are the dates of a program of which something can be due in a span.
func (r *run) daysOf(d *Definition, from, to time.Time) []dated {
	reach := 1 + int(d.reach()/(24*time.Hour))
	return slices.DeleteFunc(r.days(d, calendar.Of(from, time.UTC).AddDays(-reach), calendar.Of(to, time.UTC).AddDays(reach)), func(x dated) bool {
		first, last := x.span()
		return !last.After(from) || !first.Before(to)
	})
}

func (v *preview) add(ctx context.Context, x dated) error {
	first, last := x.span()
	w, date := x.walk(0), previewDate{dated: x, stood: v.now.After(first.Add(-Ahead)), aside: !last.After(v.from)}
	if w.By == store.ByContact {
		v.everybody, v.models = v.everybody || !date.aside, v.models || w.Models
		v.dates = append(v.dates, date)
		return nil
	}
	who, err := v.Store.WalkContacts(ctx, w)
	if err != nil || len(who) == 0 {
		return err
	}
	date.who = sortedIDs(who)
	if !date.aside {
		v.people = append(v.people, date.who...)
	}
	v.dates = append(v.dates, date)
	return nil
}

func sortedIDs(ids []uuid.UUID) []uuid.UUID {
	slices.SortFunc(ids, compareIDs)
	return slices.Compact(ids)
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// next plans the next people.
func (v *preview) next(ctx context.Context) ([]store.Outreach, error) {
	var all []store.Person
	ids := v.people[:min(previewPart, len(v.people))]
	if v.everybody {
		var err error
		if all, v.after, err = v.Store.People(ctx, store.Walk{Models: v.models}, v.after, previewPart); err != nil {
			return nil, err
		}
		// Those of whom something stands until the last of these: an erased person too.
		n := len(v.people)
		if v.over = len(all) < previewPart; !v.over {
			last, err := uuid.Parse(v.after)
			if err != nil {
				return nil, err
			}
			if i, found := slices.BinarySearchFunc(v.people, last, compareIDs); found {
				n = i + 1
			} else {
				n = i
			}
		}
		ids = v.people[:n]
	}
	v.people = v.people[len(ids):]
	if !v.everybody {
		v.over = len(v.people) == 0
	}
	return v.part(ctx, ids, all)
}

// part plans some people; all are those whom dates for everybody concern.
func (v *preview) part(ctx context.Context, ids []uuid.UUID, all []store.Person) ([]store.Outreach, error) {
	if len(ids)+len(all) == 0 {
		return nil, nil
	}
	contacts := texts(ids)
	rows, err := v.Store.DueOf(ctx, contacts, v.since, v.to)
	if err != nil {
		return nil, err
	}
	since, until := v.eventSpan()
	events, err := v.Store.UnplannedOf(ctx, contacts, since, until)
	if err != nil {
		return nil, err
	}
	var fresh store.Planned
	if len(events) > 0 {
		if fresh, err = v.dry(ctx, events); err != nil {
			return nil, err
		}
		rows = overtaken(rows, fresh)
	}
	dates, err := v.datesOf(ctx, ids, all)
	if err != nil {
		return nil, err
	}
	for _, o := range append(fresh.Rows, dates...) {
		if !o.DueAt.Before(v.since) && o.DueAt.Before(v.to) {
			rows = append(rows, o)
		}
	}
	into := map[string]string{}
	v.oneGreeting(rows, rows, into)
	for i := range rows {
		if id, ok := into[rows[i].ID]; ok {
			rows[i].State, rows[i].Rule, rows[i].MergedInto = outreach.Merged, policy.RuleOneGreeting, id
		}
	}
	return rows, nil
}

func texts(ids []uuid.UUID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}

// datesOf plans the dates of the span for some people, without what stands or has been
// already.
func (v *preview) datesOf(ctx context.Context, ids []uuid.UUID, all []store.Person) ([]store.Outreach, error) {
	var out []store.Outreach
	for i := range v.dates {
		x, people := &v.dates[i], all
		if among := ids; x.who != nil || !v.everybody {
			if x.who != nil {
				among = common(x.who, ids)
			}
			if len(among) == 0 {
				continue
			}
			var err error
			if people, err = v.Store.PeopleAmong(ctx, x.walk(0), texts(among)); err != nil {
				return nil, err
			}
		}
		rows := slices.DeleteFunc(v.page(x.dated, people, nil).Rows, func(o store.Outreach) bool { return o.DealerID != v.dealer })
		if x.stood {
			var err error
			if rows, err = v.Store.Unplanned(ctx, rows); err != nil {
				return nil, err
			}
		}
		out = append(out, rows...)
	}
	return out, nil
}

// common are the ids that two ordered lists share.
func common(a, b []uuid.UUID) (out []uuid.UUID) {
	if len(b) == 0 {
		return nil
	}
	from, _ := slices.BinarySearchFunc(a, b[0], compareIDs)
	for a = a[from:]; len(a) > 0 && len(b) > 0; {
		switch c := compareIDs(a[0], b[0]); {
		case c < 0:
			a = a[1:]
		case c > 0:
			b = b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return out
}

// overtaken changes what stands as fresh events will.
func overtaken(rows []store.Outreach, p store.Planned) []store.Outreach {
	again := map[string]bool{} // planned again: the fresh row is the one that stays
	for i := range p.Rows {
		again[p.Rows[i].ID] = true
	}
	rows = slices.DeleteFunc(rows, func(o store.Outreach) bool { return again[o.ID] })
	for i := range rows {
		o := &rows[i]
		if id, ok := p.Into[o.ID]; ok {
			o.State, o.Rule, o.MergedInto = outreach.Merged, p.Rule, id
		}
		if rule, ok := p.Ended[o.ID]; ok {
			o.State, o.Rule = outreach.Superseded, rule
		}
	}
	return rows
}

// dry is take for events that are not taken up.
func (r *run) dry(ctx context.Context, events []store.Event) (store.Planned, error) {
	t, err := r.Store.Look(ctx, r.taking(), events)
	if err != nil {
		return store.Planned{}, err
	}
	return r.take(t), nil
}

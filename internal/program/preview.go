package program

import (
	"cmp"
	"context"
	"slices"
	"time"

	"otklik/internal/calendar"
	"otklik/internal/outreach"
	"otklik/internal/store"
)

// Preview lists what a dealer's people are due in [from, to), in order: what stands,
// what the events that wait will lead to, and what dates will. What is overdue is due
// now. It changes nothing and says what Run will write (invariant 13).
func (p *Planner) Preview(ctx context.Context, dealerID string, from, to, now time.Time) ([]store.Outreach, error) {
	r, err := p.begin(ctx, now)
	if err != nil {
		return nil, err
	}
	since := from
	if !from.After(now) {
		since = time.Time{}.AddDate(1969, 0, 0)
	}
	rows, err := p.Store.DueBetween(ctx, dealerID, since, to)
	if err != nil {
		return nil, err
	}
	events, err := p.Store.UnplannedBetween(ctx, dealerID, from.AddDate(-2, 0, 0), to.AddDate(1, 0, 0))
	if err != nil {
		return nil, err
	}
	fresh, err := r.dry(ctx, events)
	if err != nil {
		return nil, err
	}
	rows = overtaken(rows, fresh)
	dated, err := r.previewDates(ctx, dealerID, from, to)
	if err != nil {
		return nil, err
	}
	for _, o := range append(fresh.Rows, dated...) {
		if !o.DueAt.Before(since) && o.DueAt.Before(to) {
			rows = append(rows, o)
		}
	}
	into := map[string]string{}
	r.oneGreeting(rows, rows, into)
	for i := range rows {
		if id, ok := into[rows[i].ID]; ok {
			rows[i].State, rows[i].Rule, rows[i].MergedInto = outreach.Merged, RuleOneGreeting, id
		}
	}
	slices.SortStableFunc(rows, func(x, y store.Outreach) int {
		return cmp.Or(x.DueAt.Compare(y.DueAt), cmp.Compare(x.Priority, y.Priority), cmp.Compare(x.Occasion, y.Occasion), cmp.Compare(x.ContactID, y.ContactID))
	})
	return rows, nil
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

// previewDates plans the dates of a span, without what stands or has been already.
func (r *run) previewDates(ctx context.Context, dealerID string, from, to time.Time) ([]store.Outreach, error) {
	var out []store.Outreach
	for _, d := range r.programs {
		if !d.Dated() || !r.runs(d, dealerID) {
			continue
		}
		reach := 1 + int(d.reach()/(24*time.Hour))
		for _, x := range r.days(d, calendar.Of(from, time.UTC).AddDays(-reach), calendar.Of(to, time.UTC).AddDays(reach)) {
			first, last := x.span()
			if !last.After(from) || !first.Before(to) {
				continue
			}
			rows, err := r.previewDate(ctx, x, dealerID)
			if err != nil {
				return nil, err
			}
			if r.now.After(first.Add(-Ahead)) { // it may have been written out
				if rows, err = r.Store.Unplanned(ctx, rows); err != nil {
					return nil, err
				}
			}
			out = append(out, rows...)
		}
	}
	return out, nil
}

// previewDate plans a date for all people of one dealer.
func (r *run) previewDate(ctx context.Context, x dated, dealerID string) ([]store.Outreach, error) {
	const size = 1000
	var out []store.Outreach
	for after := ""; ; {
		people, last, err := r.Store.People(ctx, x.walk(0), after, size)
		if err != nil {
			return nil, err
		}
		for _, o := range r.page(x, people, nil).Rows {
			if o.DealerID == dealerID {
				out = append(out, o)
			}
		}
		if len(people) < size {
			return out, nil
		}
		after = last
	}
}

package program

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"

	"otklik/internal/calendar"
	"otklik/internal/store"
)

// ErrNoCampaign: there is nothing that could be planned, since the campaign's program is
// not in force or its date is none.
var ErrNoCampaign = errors.New("the campaign cannot be planned")

// Rehearse is Preview of the time of a campaign as if it had been launched, of those
// alone whom it means, behind a contact ("" for all), in the order of their ids. No two
// parts concern one person.
func (p *Planner) Rehearse(ctx context.Context, c store.Campaign, after string, now time.Time) iter.Seq2[[]store.Outreach, error] {
	return func(yield func([]store.Outreach, error) bool) {
		v, err := p.rehearsal(ctx, c, after, now)
		for err == nil && !v.over {
			var rows []store.Outreach
			if rows, err = v.next(ctx); err == nil {
				if rows = meant(rows, c); len(rows) > 0 && !yield(rows, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// rehearsal takes a campaign for launched and looks whom its time concerns.
func (p *Planner) rehearsal(ctx context.Context, c store.Campaign, after string, now time.Time) (*preview, error) {
	r, err := p.begin(ctx, now)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(r.programs, func(d *Definition) bool { return d.ID == c.Program })
	date, err := calendar.Parse(c.Date)
	if i < 0 || err != nil {
		return nil, fmt.Errorf("%w: program %q on %q", ErrNoCampaign, c.Program, c.Date)
	}
	a, err := ParseAudience(c.Audience)
	if err != nil {
		return nil, err
	}
	r.launched = append(slices.DeleteFunc(r.launched, func(l launch) bool { return l.ID == c.ID }), launch{c, a})
	from, to := dated{program: r.programs[i].at(c.Hour), date: date}.span()
	v, err := r.look(ctx, c.DealerID, from, to)
	if err != nil || after == "" {
		return v, err
	}
	id, err := uuid.Parse(after)
	if err != nil {
		return nil, fmt.Errorf("going on after a contact: %w", err)
	}
	first, found := slices.BinarySearchFunc(v.people, id, compareIDs)
	if found {
		first++
	}
	v.after, v.people = after, v.people[first:]
	return v, nil
}

// meant leaves the outreach of people whom a campaign means.
func meant(rows []store.Outreach, c store.Campaign) []store.Outreach {
	key, in := c.Key(), map[string]bool{}
	for i := range rows {
		if rows[i].Program == c.Program && rows[i].Occasion == key {
			in[rows[i].ContactID] = true
		}
	}
	return slices.DeleteFunc(rows, func(o store.Outreach) bool { return !in[o.ContactID] })
}

package program

import (
	"context"
	"slices"
	"strconv"
	"time"

	"otklik/internal/calendar"
	"otklik/internal/outreach"
	"otklik/internal/store"
)

// Count is how much a date will lead to on a day.
type Count struct {
	Day     int
	Program string
	// Rule is why people are only listed; "" for what will be planned.
	Rule string
	N    int
}

// Count tells what dates that nobody has walked for yet will lead to, day i being
// [cuts[i], cuts[i+1]): by the same functions as Run and Preview, for people who are alike
// at once instead of for each. Greetings of one person that Preview joins are each
// counted. What stands already is not; store.DayCounts has it.
func (p *Planner) Count(ctx context.Context, dealerID string, cuts []time.Time, now time.Time) ([]Count, error) {
	r, err := p.begin(ctx, now)
	if err != nil {
		return nil, err
	}
	from, to := cuts[0], cuts[len(cuts)-1]
	walked, err := r.Store.Walks(ctx, calendar.Of(from, time.UTC).AddDays(-7).String())
	if err != nil {
		return nil, err
	}
	c := counting{run: r, dealer: dealerID, everybody: map[bool][]store.Crowd{}}
	sums := map[Count]int{}
	for _, d := range r.programs {
		if !d.Dated() || !r.runs(d, dealerID) {
			continue
		}
		for _, x := range r.daysOf(d, later(from, now), to) {
			w := x.walk(0)
			if anyRound(walked, store.Round{Program: w.Program, Date: w.Date}) {
				continue
			}
			if err := c.count(ctx, x, w, cuts, sums); err != nil {
				return nil, err
			}
		}
	}
	out := make([]Count, 0, len(sums))
	for k, n := range sums {
		k.N = n
		out = append(out, k)
	}
	return out, nil
}

// counting is a count under way.
type counting struct {
	*run
	dealer string
	// everybody are the crowds of all contacts, without and with tags: they are the same
	// for each holiday.
	everybody map[bool][]store.Crowd
}

func (c *counting) count(ctx context.Context, x dated, w store.Walk, cuts []time.Time, sums map[Count]int) error {
	if w.Models {
		return c.each(ctx, x, w, cuts, sums)
	}
	crowds, err := c.crowds(ctx, x, w)
	if err != nil {
		return err
	}
	people := make([]store.Person, len(crowds))
	for i := range crowds {
		people[i] = crowds[i].Person
		people[i].ID, people[i].Vehicle.ID = strconv.Itoa(i), "car"
		if w.By != store.ByCar {
			people[i].Vehicle.ID = ""
		}
	}
	rows := c.page(x, people, nil).Rows
	for i := range rows {
		n, err := strconv.Atoi(rows[i].ContactID)
		if err != nil {
			return err
		}
		alike := crowds[n].N
		if w.By == store.ByCar && x.program.MergeWithin == 0 {
			alike = crowds[n].Cars
		}
		c.sum(&rows[i], alike, cuts, sums)
	}
	return nil
}

func (c *counting) crowds(ctx context.Context, x dated, w store.Walk) ([]store.Crowd, error) {
	tags := x.program.Audience.tags() || x.campaign != nil && x.campaign.audience.tags()
	if w.By != store.ByContact {
		return c.Store.Crowds(ctx, w, tags, c.only == "")
	}
	if known, ok := c.everybody[tags]; ok {
		return known, nil
	}
	crowds, err := c.Store.Crowds(ctx, w, tags, c.only == "")
	if err == nil {
		c.everybody[tags] = crowds
	}
	return crowds, err
}

// each counts people one by one: the models of their cars matter.
func (c *counting) each(ctx context.Context, x dated, w store.Walk, cuts []time.Time, sums map[Count]int) error {
	for after := ""; ; {
		people, last, err := c.Store.People(ctx, w, after, previewPart)
		if err != nil {
			return err
		}
		rows := c.page(x, people, nil).Rows
		for i := range rows {
			c.sum(&rows[i], 1, cuts, sums)
		}
		if len(people) < previewPart {
			return nil
		}
		after = last
	}
}

// sum adds n like a row to its day.
func (c *counting) sum(o *store.Outreach, n int, cuts []time.Time, sums map[Count]int) {
	day, exact := slices.BinarySearchFunc(cuts, o.DueAt, time.Time.Compare)
	if !exact {
		day--
	}
	if o.DealerID != c.dealer || day < 0 || day >= len(cuts)-1 || o.State == outreach.Merged {
		return
	}
	sums[Count{Day: day, Program: o.Program, Rule: o.Rule}] += n
}

// tags tells whether an audience is chosen by tags.
func (a Audience) tags() bool { return len(a.Tags)+len(a.NotTags) > 0 }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v3"

	"otklik/internal/calendar"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/store"
)

// Ahead: dates are written out this long before the first of their outreach is due; anything
// further is computed by the same functions when asked (design.md).
const Ahead = 36 * time.Hour

// zoneSlack is how far a person's midnight may be from that of UTC, either way.
const zoneSlack = 14 * time.Hour

// catchUp is how long after its deadline a date that nobody has walked for is still
// walked for: nothing leaves any more, and the decisions say so.
const catchUp = 36 * time.Hour

// dated is one date of a program, and whose launch it is where one is needed.
type dated struct {
	program  *Definition
	date     calendar.Date
	campaign *launch
}

// days lists the days of a program within a span of dates.
func (r *run) days(d *Definition, from, to calendar.Date) []dated {
	var out []dated
	if d.Launch == LaunchHuman {
		for i := range r.launched {
			c := &r.launched[i]
			if date, err := calendar.Parse(c.Date); err == nil && c.Program == d.ID && !date.Before(from) && !date.After(to) {
				out = append(out, dated{d.at(c.Hour), date, c})
			}
		}
		return out
	}
	if d.Trigger != Dates {
		for date := from; !date.After(to); date = date.AddDays(1) {
			out = append(out, dated{program: d, date: date})
		}
		return out
	}
	for year := from.Year; year <= to.Year; year++ {
		for _, x := range d.On {
			for _, date := range x.In(year, r.Book) {
				if !date.Before(from) && !date.After(to) {
					out = append(out, dated{program: d, date: date})
				}
			}
		}
	}
	return out
}

// In are the day's dates in a year: none, one, and two of a holiday whose own year is
// shorter.
func (x Day) In(year int, book *calendar.Book) []calendar.Date {
	if x.Holiday != "" {
		return book.Dates(x.Holiday, year)
	}
	if len(x.Day) == len("01-02") {
		d, err := calendar.Parse("2000-" + x.Day)
		if err != nil {
			return nil
		}
		return []calendar.Date{calendar.Anniversary(d, year)}
	}
	if d, err := calendar.Parse(x.Day); err == nil && d.Year == year {
		return []calendar.Date{d}
	}
	return nil
}

// Holiday is the title of the holiday of the program that falls on a date, by language;
// nil where the date has no name.
func (d *Definition) Holiday(date string, book *calendar.Book) map[string]string {
	h, _ := d.holiday(date, book)
	return h.Title
}

func (d *Definition) holiday(date string, book *calendar.Book) (calendar.Holiday, bool) {
	day, err := calendar.Parse(date)
	if err != nil {
		return calendar.Holiday{}, false
	}
	for _, x := range d.On {
		if x.Holiday == "" || !slices.Contains(x.In(day.Year, book), day) {
			continue
		}
		for _, h := range book.Holidays() {
			if h.ID == x.Holiday {
				return h, true
			}
		}
	}
	return calendar.Holiday{}, false
}

// span is when the outreach of a date can be due, whatever the person's zone.
func (x dated) span() (first, last time.Time) {
	midnight := x.date.In(time.UTC, 0)
	for i := range x.program.Steps {
		s := &x.program.Steps[i]
		due, end := midnight.Add(s.Earliest.rough()-zoneSlack), midnight.Add(s.Deadline.rough()+zoneSlack)
		if first.IsZero() || due.Before(first) {
			first = due
		}
		if end.After(last) {
			last = end
		}
	}
	return first, last
}

// walk is the walk of a date for a round.
func (x dated) walk(round int) store.Walk {
	w := store.Walk{Program: x.program.ID, Date: x.date.String(), Round: round, Models: len(x.program.Audience.Models) > 0}
	switch x.program.Trigger {
	case Birthday:
		w.By, w.Days = store.ByBirthday, monthDays(x.date)
	case CarBirthday:
		w.By, w.Days = store.ByCar, monthDays(x.date)
	}
	if x.campaign != nil {
		w.Program += at + x.campaign.ID
		w.Models = w.Models || len(x.campaign.audience.Models) > 0
	}
	return w
}

// monthDays are the days whose anniversary is on a date: 28 February stands in for
// the 29th where there is none.
func monthDays(d calendar.Date) []string {
	days := []string{d.String()[len("2006-"):]}
	if leap := calendar.On(2000, time.February, 29); d.Day != leap.Day && calendar.Anniversary(leap, d.Year) == d {
		days = append(days, "02-29")
	}
	return days
}

// rounds are how long after the first moment of a date's span each walk begins. A
// walk finds whom the one before could not know; those by birthday visit few people
// and come every hour.
func (x dated) round(now, first time.Time) (int, bool) {
	open := first.Add(-Ahead)
	if now.Before(open) {
		return 0, false
	}
	if x.program.Trigger != Dates {
		return int(min(now.Sub(open)/time.Hour, lastHour)), true
	}
	round := 0
	for i, after := range [...]time.Duration{0, Ahead - 12*time.Hour, Ahead - time.Hour, Ahead + zoneSlack} {
		if now.Sub(open) >= after {
			round = i
		}
	}
	return round, true
}

// lastHour is the last round of a birthday: three days are longer than any span.
const lastHour = 100

// walkOf is a walk that is open, with the date it is for.
type walkOf struct {
	dated
	store.Walk
}

// openWalks lists the walks that must be made now.
func (r *run) openWalks(ctx context.Context) ([]walkOf, error) {
	today := calendar.Of(r.now, time.UTC)
	var out []walkOf
	asked := map[store.Round]bool(nil)
	for _, d := range r.programs {
		if !d.Dated() || !r.somebodyRuns(d) {
			continue
		}
		reach := 4 + int(d.reach()/(24*time.Hour))
		for _, x := range r.days(d, today.AddDays(-reach), today.AddDays(reach)) {
			first, last := x.span()
			round, open := x.round(r.now, first)
			if !open || r.now.After(last.Add(catchUp)) {
				continue
			}
			w := x.walk(round)
			key := store.Round{Program: w.Program, Date: w.Date, Round: w.Round}
			if r.ended(key) {
				continue
			}
			if asked == nil {
				var err error
				if asked, err = r.Store.Walks(ctx, today.AddDays(-reach-1).String()); err != nil {
					return nil, err
				}
			}
			if asked[key] || r.now.After(last) && anyRound(asked, key) {
				r.end(key)
				continue
			}
			out = append(out, walkOf{x, w})
		}
	}
	return out, nil
}

// reach is how far from its date the program's outreach may be.
func (d *Definition) reach() time.Duration {
	var out time.Duration
	for i := range d.Steps {
		out = max(out, d.Steps[i].Earliest.rough().Abs(), d.Steps[i].Deadline.rough().Abs())
	}
	return out
}

func (r *run) somebodyRuns(d *Definition) bool {
	for id := range r.dealers {
		if r.runs(d, id) {
			return true
		}
	}
	return false
}

func anyRound(asked map[store.Round]bool, key store.Round) bool {
	for k := range asked {
		if k.Program == key.Program && k.Date == key.Date {
			return true
		}
	}
	return false
}

func (p *Planner) ended(k store.Round) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.walked[k]
}

func (p *Planner) end(k store.Round) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.walked == nil {
		p.walked = map[store.Round]bool{}
	}
	p.walked[k] = true
}

// dates makes all walks that are open.
func (r *run) dates(ctx context.Context, planned *atomic.Int64) error {
	ws, err := r.openWalks(ctx)
	if err != nil {
		return err
	}
	for _, w := range ws {
		if err := r.walk(ctx, w, planned); err != nil {
			return err
		}
		r.end(store.Round{Program: w.Walk.Program, Date: w.Walk.Date, Round: w.Walk.Round})
	}
	return nil
}

func (r *run) walk(ctx context.Context, w walkOf, planned *atomic.Int64) error {
	walker := r.Store.Walker(w.Walk)
	defer walker.Close()
	for {
		done, n, err := walker.Advance(ctx, r.now, func(people []store.Person, standing []store.Outreach) store.Planned {
			return r.page(w.dated, people, standing)
		})
		planned.Add(n)
		if done || err != nil {
			return err
		}
	}
}

// page plans a date for some people.
func (r *run) page(x dated, people []store.Person, standing []store.Outreach) store.Planned {
	out := store.Planned{Into: map[string]string{}, Rule: policy.RuleOneGreeting}
	d := x.program
	for i := range people {
		p := &people[i]
		o := Occasion{DealerID: r.home(p), ContactID: p.ID, Subject: p.Vehicle.ID, Date: x.date}
		if x.campaign != nil {
			o.Subject = x.campaign.ID
			if o.DealerID != x.campaign.DealerID {
				continue
			}
		}
		if d.Trigger == CarBirthday && p.Company || o.DealerID == "" || !r.choose(d, &o, p) {
			continue
		}
		if x.campaign != nil {
			in, rule := x.campaign.audience.Choose(person(p, r.dealers[o.DealerID].Locale))
			if !in && rule == "" {
				continue
			}
			o.Dropped = cmp.Or(o.Dropped, rule)
		}
		o.At = x.date.In(o.Place.Zone, 0)
		out.Rows = plan(out.Rows, d, &o, r.now, r.Book)
	}
	join(d, out.Rows, standing, out.Into, r.Store.NewID)
	r.oneGreeting(out.Rows, standing, out.Into)
	return out
}

// home is the dealer who writes to a person.
func (r *run) home(p *store.Person) string {
	if r.only != "" {
		return r.only
	}
	return p.DealerID
}

// oneGreeting lets a person have one greeting a day, that which policy puts first.
func (r *run) oneGreeting(fresh, standing []store.Outreach, into map[string]string) {
	if len(standing) == 0 {
		return
	}
	byPerson := map[string][]*store.Outreach{}
	for i := range standing {
		if s := &standing[i]; s.Purpose == outreach.Greeting && (s.State == outreach.Planned || s.State == outreach.Held) {
			byPerson[s.ContactID] = append(byPerson[s.ContactID], s)
		}
	}
	for i := range fresh {
		f := &fresh[i]
		if f.Purpose != outreach.Greeting || f.State != outreach.Planned {
			continue
		}
		for _, s := range byPerson[f.ContactID] {
			if s.Program == f.Program || f.TargetAt.Sub(s.TargetAt).Abs() > sameDay {
				continue
			}
			if r.Policy.Merge([]policy.Wish{r.wish(f), r.wish(s)})[0].Kind == policy.Send {
				into[s.ID] = f.ID
				continue
			}
			f.State, f.Rule, f.MergedInto = outreach.Merged, policy.RuleOneGreeting, s.ID
			break
		}
	}
}

// sameDay: two greetings nearer to each other than this are for the same day, whatever
// their hours.
const sameDay = 14 * time.Hour

// launched is how policy names a greeting that a person has launched.
const launched = "launched"

// wish is what a greeting is for, as policy orders them: the holiday's id, else the
// trigger's of a birthday or that a person launched it, else the program's.
func (r *run) wish(o *store.Outreach) policy.Wish {
	w := policy.Wish{ID: o.Program, Occasion: o.Program}
	i := slices.IndexFunc(r.programs, func(d *Definition) bool { return d.ID == o.Program })
	if i < 0 {
		return w
	}
	switch d := r.programs[i]; {
	case d.Trigger == Birthday, d.Trigger == CarBirthday:
		w.Occasion = d.Trigger
		return w
	case d.Launch == LaunchHuman:
		w.Occasion = launched // somebody has written it for this very day
		return w
	}
	_, date := Subject(o.Occasion)
	if h, ok := r.programs[i].holiday(date, r.Book); ok {
		w.Occasion = h.ID
	}
	return w
}

// at is the program as a launch with an hour of its own has it: its steps begin then,
// and keep their deadlines. "" is the program's own hour.
func (d *Definition) at(hour string) *Definition {
	t, err := time.Parse("15:04", hour)
	if err != nil {
		return d
	}
	out := *d
	out.Steps, out.local = slices.Clone(d.Steps), true
	for i := range out.Steps {
		s := &out.Steps[i]
		s.Earliest.HasHour, s.Earliest.Hour = true, time.Duration(t.Hour())*time.Hour+time.Duration(t.Minute())*time.Minute
		if s.Earliest.after(s.Deadline) {
			s.Deadline = s.Earliest
		}
		if s.Earliest.after(s.Target) || s.Target.after(s.Deadline) {
			s.Target = s.Deadline
		}
	}
	return &out
}

// launch is a campaign that a person has launched, and whom it means.
type launch struct {
	store.Campaign
	audience Audience
}

// ParseAudience reads an audience; "" is everybody. What cannot be read is Refused.
func ParseAudience(text string) (Audience, error) {
	a := Audience{Prospects: "too", Companies: "too"}
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&a); err != nil && !errors.Is(err, io.EOF) {
		return a, fmt.Errorf("reading an audience: %w", unread("", err))
	}
	c := &checker{}
	a.check(func(code string, args ...any) { c.bad("", code, args...) })
	return a, refused(c.problems)
}

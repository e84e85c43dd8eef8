package program

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"otklik/internal/calendar"
	"otklik/internal/policy"
	"otklik/internal/store"
)

// Planner turns stored events and dates into outreach. Any number of nodes may run
// one; of several that find the same work one at a time does it.
type Planner struct {
	Store *store.Store
	// Programs gives the definitions in force.
	Programs func() map[string]*Definition
	Book     *calendar.Book
	// Policy orders the greetings of a day.
	Policy *policy.Rules
	// Closed are the days on which a dealer is closed; nil for none.
	Closed func(dealerID string) calendar.Closures

	mu sync.Mutex
	// walked remembers walks that have come to their end, so that a look costs no
	// question.
	walked map[store.Round]bool
}

// Fixed gives programs that never change.
func Fixed(ps map[string]*Definition) func() map[string]*Definition {
	return func() map[string]*Definition { return ps }
}

// run is what one run of the planner works with.
type run struct {
	*Planner
	now      time.Time
	programs []*Definition
	dealers  map[string]store.Dealer
	// only is the one rooftop where there is only one; "" else.
	only     string
	settings store.ProgramSettings
	launched []launch
	// zones remembers what time.LoadLocation gave: it reads a file at each call.
	zones sync.Map
}

func (p *Planner) begin(ctx context.Context, now time.Time) (*run, error) {
	r := &run{Planner: p, now: now, dealers: map[string]store.Dealer{}}
	ps := p.Programs()
	for _, id := range slices.Sorted(maps.Keys(ps)) {
		r.programs = append(r.programs, ps[id])
	}
	ds, err := p.Store.Dealers(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range ds {
		r.dealers[d.ID] = d
	}
	if len(ds) == 1 {
		r.only = ds[0].ID
	}
	if r.settings, err = p.Store.ProgramSettings(ctx); err != nil {
		return nil, err
	}
	cs, err := p.Store.LaunchedCampaigns(ctx, now)
	if err != nil {
		return nil, err
	}
	for _, c := range cs {
		a, err := ParseAudience(c.Audience)
		if err != nil {
			// It was checked when it was kept: to nobody rather than to everybody.
			return nil, fmt.Errorf("campaign %s: %w", c.ID, err)
		}
		r.launched = append(r.launched, launch{c, a})
	}
	return r, nil
}

// Run takes up all events that stand now, and all dates that come near, and returns
// how many outreach rows are new or moved. Running it again changes nothing. Its
// memory does not grow with the number of events or people.
func (p *Planner) Run(ctx context.Context, now time.Time) (int64, error) {
	if _, err := p.Store.MarkMissed(ctx, now); err != nil {
		return 0, err
	}
	r, err := p.begin(ctx, now)
	if err != nil {
		return 0, err
	}
	var planned atomic.Int64
	errs := make([]error, p.Store.TakeParts())
	var parts sync.WaitGroup
	for part := range errs {
		parts.Go(func() { errs[part] = r.events(ctx, part, &planned) })
	}
	parts.Wait()
	err = errors.Join(errors.Join(errs...), r.dates(ctx, &planned))
	return planned.Load(), err
}

// Due tells whether Run has anything to do.
func (p *Planner) Due(ctx context.Context, now time.Time) (bool, error) {
	some, err := p.Store.EventsWait(ctx)
	if err != nil || some {
		return some, err
	}
	if missed, err := p.Store.MarkMissed(ctx, now); err != nil || missed > 0 {
		return missed > 0, err
	}
	r, err := p.begin(ctx, now)
	if err != nil {
		return false, err
	}
	ws, err := r.openWalks(ctx)
	return len(ws) > 0, err
}

func (r *run) events(ctx context.Context, part int, planned *atomic.Int64) error {
	take := r.taking()
	take.Part = part
	for {
		taken, n, last, err := r.Store.TakeUp(ctx, take, r.now, r.take)
		planned.Add(n)
		if err != nil || taken == 0 {
			return err
		}
		take.After = last
	}
}

// taking says of which events' people something must be known: an audience is to be
// chosen, or a time of day is the recipient's.
func (r *run) taking() store.Taking {
	t := store.Taking{Kinds: map[string]bool{}}
	for _, d := range r.programs {
		if !d.Dated() && r.somebodyRuns(d) && (d.local || !d.Audience.any()) {
			t.Kinds[d.Trigger] = true
			t.Models = t.Models || len(d.Audience.Models) > 0
		}
	}
	return t
}

// take says what becomes of events; a merge concerns one program.
func (r *run) take(t store.Taken) store.Planned {
	out := store.Planned{Into: map[string]string{}, Ended: map[string]string{}, Rule: RuleSameVisit}
	for _, d := range r.programs {
		if len(t.Standing) > 0 {
			for i := range t.Events {
				end(d, &t.Events[i], t.Standing, out.Ended)
			}
		}
		if d.Dated() {
			continue
		}
		from := len(out.Rows)
		out.Rows = r.rows(out.Rows, d, t.Events, t.People)
		join(d, out.Rows[from:], left(t.Standing, out.Ended), out.Into, r.Store.NewID)
	}
	return out
}

// left are those that stand and have not been ended.
func left(standing []store.Outreach, ended map[string]string) []store.Outreach {
	if len(ended) == 0 {
		return standing
	}
	return slices.DeleteFunc(slices.Clone(standing), func(o store.Outreach) bool { return ended[o.ID] != "" })
}

// rows plans the events that trigger a program.
func (r *run) rows(rows []store.Outreach, d *Definition, events []store.Event, people map[string]*store.Person) []store.Outreach {
	n := 0
	for i := range events {
		if events[i].Kind == d.Trigger {
			n += len(d.Steps)
		}
	}
	if n == 0 {
		return rows
	}
	rows = slices.Grow(rows, n)
	for i := range events {
		e := &events[i]
		if e.Kind != d.Trigger {
			continue
		}
		o := Occasion{DealerID: e.DealerID, ContactID: e.ContactID, VisitID: e.VisitID, Subject: e.SubjectID, At: e.At}
		if r.choose(d, &o, people[e.ContactID]) {
			rows = plan(rows, d, &o, r.now, r.Book)
		}
	}
	return rows
}

// choose tells whether an occasion is planned at all, and fills in where it is and
// why it is only listed.
func (r *run) choose(d *Definition, o *Occasion, p *store.Person) bool {
	dealer, known := r.dealers[o.DealerID]
	if !known || !d.In(dealer.Country) {
		return false
	}
	if p != nil {
		in, rule := d.Audience.Choose(person(p, dealer.Locale))
		if !in && rule == "" {
			return false
		}
		o.Dropped = rule
	}
	if !r.runs(d, o.DealerID) {
		if d.Start == "off" && !r.settings.Decided(o.DealerID, d.ID) {
			return false // nobody has ever switched it on: there is nothing to explain
		}
		o.Dropped = RuleOff
	}
	o.Place = r.place(dealer, p)
	return true
}

// runs tells whether a dealer runs a program.
func (r *run) runs(d *Definition, dealerID string) bool {
	return Runs(d, r.settings, dealerID)
}

// Runs tells whether a dealer runs a program: as he has decided, else as the
// definition says.
func Runs(d *Definition, s store.ProgramSettings, dealerID string) bool {
	if x, ok := s.Of(dealerID, d.ID); ok {
		return x.Running
	}
	return d.Start != "off"
}

// Answered tells whether somebody answers for a program at a dealer (R005): who was
// named for it and can log in; where nobody was, whoever has its role, else an admin. A
// dealer where nobody can log in yet answers for it himself.
func Answered(d *Definition, s store.ProgramSettings, staff store.Staff, dealerID string) bool {
	if x, _ := s.Of(dealerID, d.ID); x.ResponsibleID != "" {
		return staff.Works(dealerID, x.ResponsibleID)
	}
	return !staff.Anybody(dealerID) || staff.Has(dealerID, d.Responsible, "admin")
}

func (r *run) place(dealer store.Dealer, p *store.Person) Place {
	place := Place{Zone: dealer.Location(), Country: dealer.Country}
	if p != nil && p.Zone != "" {
		place.Zone = r.zone(p.Zone, place.Zone)
	}
	if r.Closed != nil {
		place.Closed = r.Closed(dealer.ID)
	}
	return place
}

// zone finds a zone by name; a name that does not exist is the dealer's.
func (r *run) zone(name string, dealers *time.Location) *time.Location {
	if l, ok := r.zones.Load(name); ok {
		return l.(*time.Location)
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return dealers
	}
	r.zones.Store(name, l)
	return l
}

func person(p *store.Person, locale string) *Person {
	if p.Locale != "" {
		locale = p.Locale
	}
	return &Person{Gender: p.Gender, Locale: locale, Models: p.Models, Tags: p.Tags, Prospect: p.Prospect, Company: p.Company, Deceased: p.Deceased}
}

package dispatch

import (
	"cmp"
	"container/heap"
	"context"
	"iter"
	"runtime"
	"slices"
	"sync"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/store"
)

// Forecast is what would become of one outreach at its time.
type Forecast struct {
	At                                      time.Time
	Contact, Order, Program, Step, Occasion string
	Channel                                 channels.Kind
	Verdict, Rule, Inputs, Cost             string
	Segments                                int
	// Locale is the person's, else the dealer's; Subject what the occasion is about.
	Locale, Subject string
	// Moved is the rule of the first hold, where it is not due at once; "" for none.
	Moved string
}

// Forecast judges outreach as runs at their due times would, on what is known now and
// as if nobody answered: what goes out counts for what comes later to the same person,
// and a hold is followed to its end. It changes nothing (invariant 13).
func (d *Dispatcher) Forecast(ctx context.Context, os []store.Outreach) ([]Forecast, error) {
	return d.foretell(ctx, os, about{}, nil)
}

// Forecasts is Forecast for pages of outreach, all of a person's in one page, page by
// page. What is not the dealer's, and what is due before from where that lies ahead, is
// judged for what it means to the rest, and not told.
func (d *Dispatcher) Forecasts(ctx context.Context, dealerID string, from time.Time, pages iter.Seq2[[]store.Outreach, error]) iter.Seq2[[]Forecast, error] {
	if !from.After(d.Clock.Business()) {
		from = time.Time{}
	}
	return inOrder(ctx, pages, func(ctx context.Context, os []store.Outreach) ([]Forecast, error) {
		return d.foretell(ctx, os, about{dealerID, from}, nil)
	})
}

// Rehearsals is Forecasts as if a campaign had been launched, by whom its fields say.
func (d *Dispatcher) Rehearsals(ctx context.Context, c store.Campaign, pages iter.Seq2[[]store.Outreach, error]) iter.Seq2[[]Forecast, error] {
	l, err := launchOf(c)
	return inOrder(ctx, pages, func(ctx context.Context, os []store.Outreach) ([]Forecast, error) {
		if err != nil {
			return nil, err
		}
		return d.foretell(ctx, os, about{}, &l)
	})
}

// inOrder does something with all that comes, with as many at once as there are
// processors and a few ahead, and gives the results in the order in which it came. It
// ends with the first error.
func inOrder[T, U any](ctx context.Context, in iter.Seq2[T, error], do func(context.Context, T) (U, error)) iter.Seq2[U, error] {
	type result struct {
		value U
		err   error
	}
	return func(yield func(U, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var work sync.WaitGroup
		defer work.Wait()
		defer cancel()
		results := make(chan chan result, runtime.GOMAXPROCS(0))
		work.Go(func() {
			defer close(results)
			for x, err := range in {
				to := make(chan result, 1)
				select {
				case results <- to:
				case <-ctx.Done():
					return
				}
				if err != nil {
					to <- result{err: err}
					return
				}
				work.Go(func() {
					v, err := do(ctx, x)
					to <- result{v, err}
				})
			}
		})
		for to := range results {
			if r := <-to; !yield(r.value, r.err) || r.err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			var none U
			yield(none, err)
		}
	}
}

func (d *Dispatcher) foretell(ctx context.Context, os []store.Outreach, told about, presumed *launch) ([]Forecast, error) {
	d.init()
	now := d.Clock.Business()
	out := make([]Forecast, 0, len(os))
	for _, part := range byPerson(os, d.Config.Batch) {
		f, err := d.facts(ctx, part, now)
		if err != nil {
			return nil, err
		}
		if presumed != nil && f.office != nil {
			f.office = f.office.presuming(*presumed)
		}
		out = append(out, d.foresee(ctx, part, &f, told, now)...)
	}
	slices.SortStableFunc(out, func(a, b Forecast) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Contact, b.Contact), cmp.Compare(a.Program, b.Program), cmp.Compare(a.Step, b.Step))
	})
	return out, nil
}

// byPerson cuts outreach into parts of about n, all of one person in one part.
func byPerson(os []store.Outreach, n int) [][]store.Outreach {
	os = slices.Clone(os) // verdicts are the forecast's, not the caller's
	slices.SortStableFunc(os, func(a, b store.Outreach) int { return cmp.Compare(a.ContactID, b.ContactID) })
	var out [][]store.Outreach
	for from := 0; from < len(os); {
		to := min(from+n, len(os))
		for to < len(os) && os[to].ContactID == os[to-1].ContactID {
			to++
		}
		out = append(out, os[from:to])
		from = to
	}
	return out
}

// pending is outreach that is looked at again at a time.
type pending struct {
	at time.Time
	o  *store.Outreach
	// holds counts how often it was held, moved is the rule by which it was first.
	holds int
	moved string
}

// agenda orders what is pending as the dispatcher claims it: by time, then urgency.
type agenda []pending

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	x, y := &a[i], &a[j]
	return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.o.Priority, y.o.Priority), x.o.DueAt.Compare(y.o.DueAt), cmp.Compare(x.o.ID, y.o.ID)) < 0
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *agenda) Push(x any) { *a = append(*a, x.(pending)) }

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// mostHolds ends an outreach that is held again and again.
const mostHolds = 64

// about is what of a forecast is told: a dealer's, "" for anybody's, and what is due from
// a moment on.
type about struct {
	dealer string
	from   time.Time
}

func (a about) holds(o *store.Outreach) bool {
	return (a.dealer == "" || o.DealerID == a.dealer) && !o.DueAt.Before(a.from)
}

// foresee lets time run for some people until nothing of theirs is pending.
func (d *Dispatcher) foresee(ctx context.Context, os []store.Outreach, f *facts, told about, now time.Time) []Forecast {
	var out []Forecast
	tell := func(o *store.Outreach, x Forecast) {
		if told.holds(o) {
			out = append(out, x)
		}
	}
	var todo agenda
	for i := range os {
		o := &os[i]
		x := d.forecast(o, f, later(o.DueAt, now))
		switch o.State {
		case outreach.Dropped:
			x.Verdict = string(policy.Drop)
		case outreach.Merged:
			x.Verdict = "merge"
		case outreach.Superseded:
			x.Verdict = "supersede"
		default:
			todo = append(todo, pending{at: x.At, o: o})
			continue
		}
		tell(o, x)
	}
	heap.Init(&todo)
	for todo.Len() > 0 {
		p := heap.Pop(&todo).(pending)
		f.now = p.at
		d.lookAhead(f, p, todo)
		x, until := d.foreseeOne(ctx, p.o, f)
		if !until.IsZero() && p.holds < mostHolds {
			heap.Push(&todo, pending{at: until, o: p.o, holds: p.holds + 1, moved: cmp.Or(p.moved, x.Rule)})
			continue
		}
		x.Moved = p.moved
		tell(p.o, x)
	}
	return out
}

func (d *Dispatcher) forecast(o *store.Outreach, f *facts, at time.Time) Forecast {
	subject, occasion := program.Subject(o.Occasion)
	locale := f.Contacts[o.ContactID].Locale
	if locale == "" {
		dealer, _ := d.Roster.Dealer(o.DealerID)
		locale = dealer.Locale
	}
	return Forecast{At: at, Locale: locale, Subject: subject, Contact: o.ContactID, Order: f.Visits[o.VisitID].Order, Program: o.Program, Step: o.Step, Occasion: occasion, Channel: o.Channel, Rule: o.Rule, Inputs: o.Inputs}
}

// lookAhead is what of the same person is planned behind p as the database will have
// it then: dates are written out no sooner than two days before.
func (d *Dispatcher) lookAhead(f *facts, p pending, todo agenda) {
	if p.o.Purpose != outreach.Greeting && p.o.Purpose != outreach.Ad {
		return
	}
	t := f.Tact[p.o.ContactID]
	t.Ahead = nil
	for i := range todo {
		o := todo[i].o
		def, _, _ := f.step(o)
		near := def == nil || !def.Dated() || todo[i].at.Before(p.at.Add(program.Ahead))
		if o.ContactID == p.o.ContactID && near && todo[i].at.Before(p.at.Add(d.Policy.Ahead())) && (o.Purpose == outreach.Survey || o.Purpose == outreach.Reminder || o.Purpose == outreach.Greeting) {
			t.Ahead = append(t.Ahead, store.PastSend{Purpose: o.Purpose, At: todo[i].at})
		}
	}
	f.Tact[p.o.ContactID] = t
}

// earlier is the earlier of two times.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// foreseeOne judges one outreach at f.now; until is set when it is held.
func (d *Dispatcher) foreseeOne(ctx context.Context, o *store.Outreach, f *facts) (x Forecast, until time.Time) {
	x = d.forecast(o, f, f.now)
	it, v := d.judge(o, f)
	if v != nil {
		x.Verdict, x.Rule, x.Inputs = v.Verdict, v.Rule, v.Inputs
		if v.State == outreach.Held && v.Until.After(f.now) && v.Rule != RuleNoSender { // no waiting gives a sender
			until = v.Until
		}
		return x, until
	}
	b, err := d.compose(ctx, it)
	if err != nil {
		x.Verdict, x.Rule = string(policy.Hold), RuleRender
		return x, until
	}
	x.Channel, x.Verdict, x.Rule, x.Inputs, x.Segments = b.Message.Channel, string(policy.Send), b.Outreach.Rule, b.Outreach.Inputs, b.Message.Segments
	f.Written[o.ContactID] = true
	if o.Purpose.Capped() {
		f.Sent[o.ContactID] = append([]store.PastSend{{Purpose: o.Purpose, At: f.now}}, f.Sent[o.ContactID]...)
	}
	return x, until
}

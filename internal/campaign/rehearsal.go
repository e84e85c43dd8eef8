package campaign

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"otklik/channels"
	"otklik/internal/dispatch"
	"otklik/internal/policy"
	"otklik/internal/store"
)

// Rehearsal is what would become of a campaign if it were launched now.
type Rehearsal struct {
	// Listed are the people whom the campaign means, Send those who would get it.
	Listed, Send int
	// WithNews are those of them with whose wishes the news stand, Plain the others by
	// why; both only where there are news (R055).
	WithNews int
	Plain    []Reason
	// Skipped are those who would get nothing, by why; Moved those who would get it
	// later than its hour.
	Skipped, Moved []Reason
	Channels       []Part
	// Wordless counts people in whose language there is no text.
	Wordless []Reason
	// Locales counts who would get it by language.
	Locales []Reason
	// First and Last are when it begins and ends; Last by the senders' rates.
	First, Last time.Time

	ads  bool
	made time.Time // machine time
}

// Reason is a rule, or a language, and how many people it concerns.
type Reason struct {
	Rule string
	N    int
}

// Part is what goes by one channel.
type Part struct {
	Channel            channels.Kind
	Messages, Segments int
	First, last        time.Time
	// Pace is how many messages, of SMS segments, a second can go; 0 without a bound.
	Pace float64
	// Last is when the last of them will have gone.
	Last time.Time
}

// Ads is to how many people it advertises.
func (r *Rehearsal) Ads() int {
	if r.ads {
		return r.Send
	}
	return r.WithNews
}

// Skips is how many would get nothing.
func (r *Rehearsal) Skips() int { return r.Listed - r.Send }

// SMS are the segments of all SMS.
func (r *Rehearsal) SMS() int {
	for _, p := range r.Channels {
		if p.Channel == channels.SMS {
			return p.Segments
		}
	}
	return 0
}

// What a list of people of a rehearsal can be about.
const (
	ListSkipped = "skipped"
	ListMoved   = "moved"
	ListPlain   = "plain"
	ListSend    = "send"
)

// is tells whether somebody belongs to a list.
func is(f *dispatch.Forecast, list, rule string) bool {
	send := f.Verdict == string(policy.Send)
	switch list {
	case ListSkipped:
		return !send && f.Rule == rule
	case ListMoved:
		return send && f.Moved == rule
	case ListPlain:
		return send && newsOf(f) == rule
	case ListSend:
		return send && (rule == "" || newsOf(f) == rule)
	}
	return false
}

// add counts one person.
func (r *Rehearsal) add(f *dispatch.Forecast) {
	r.Listed++
	if f.Verdict != string(policy.Send) {
		count(&r.Skipped, f.Rule)
		if f.Rule == dispatch.RuleRender {
			count(&r.Wordless, f.Locale)
		}
		return
	}
	r.Send++
	count(&r.Locales, f.Locale)
	switch why := newsOf(f); why {
	case "":
	case dispatch.NewsIncluded:
		r.WithNews++
	default:
		count(&r.Plain, why)
	}
	if f.Moved != "" {
		count(&r.Moved, f.Moved)
	}
	p := r.part(f.Channel)
	p.Messages++
	p.Segments += f.Segments
	if p.First.IsZero() || f.At.Before(p.First) {
		p.First = f.At
	}
	if f.At.After(p.last) {
		p.last = f.At
	}
}

func (r *Rehearsal) part(ch channels.Kind) *Part {
	i := slices.IndexFunc(r.Channels, func(p Part) bool { return p.Channel == ch })
	if i < 0 {
		i = len(r.Channels)
		r.Channels = append(r.Channels, Part{Channel: ch})
	}
	return &r.Channels[i]
}

func count(rs *[]Reason, rule string) {
	for i := range *rs {
		if (*rs)[i].Rule == rule {
			(*rs)[i].N++
			return
		}
	}
	*rs = append(*rs, Reason{rule, 1})
}

// rehearsed names a rehearsal that was made a short while ago.
type rehearsed struct {
	id      string
	version int
}

// rehearsalKept is how long a rehearsal of the same draft is believed: a person reads,
// confirms, and is not told of other figures for it.
const rehearsalKept = 2 * time.Minute

// counting is a rehearsal that is being made, or has been.
type counting struct {
	ready chan struct{}
	// seen counts people meanwhile.
	seen atomic.Int64

	// What follows stands when ready is closed.
	*Rehearsal
	err error
}

func (x *counting) over() bool {
	select {
	case <-x.ready:
		return true
	default:
		return false
	}
}

// wait waits for the rehearsal; when ctx ends first it tells how many people have been
// counted.
func (x *counting) wait(ctx context.Context) (*Rehearsal, int, error) {
	select {
	case <-x.ready:
	case <-ctx.Done():
	}
	if x.over() {
		return x.Rehearsal, x.Listed, x.err
	}
	return nil, int(x.seen.Load()), ctx.Err()
}

// Rehearse counts what would become of a campaign if the employee launched it now and a
// second person approved it. Its memory does not grow with the number of people.
func (d *Desk) Rehearse(ctx context.Context, c store.Campaign, by string) (*Rehearsal, error) {
	r, _, err := d.counting(c, by).wait(ctx)
	return r, err
}

// RehearseWithin is Rehearse for a page: what takes longer than its patience goes on by
// itself, and the rehearsal is nil; seen is how many people have been counted by then.
func (d *Desk) RehearseWithin(ctx context.Context, c store.Campaign, by string, patience time.Duration) (r *Rehearsal, seen int, err error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, seen, err = d.counting(c, by).wait(limited)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && limited.Err() != nil {
		return nil, seen, nil
	}
	return r, seen, err
}

// counting finds the rehearsal of a draft, or has one made.
func (d *Desk) counting(c store.Campaign, by string) *counting {
	began := d.Clock.Machine()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil {
		d.known = map[rehearsed]*counting{}
		d.run, d.stop = context.WithCancel(context.Background())
	}
	for k, x := range d.known {
		if x.over() && (x.err != nil || began.Sub(x.made) > rehearsalKept) {
			delete(d.known, k)
		}
	}
	key := rehearsed{c.ID, c.Version}
	if x := d.known[key]; x != nil {
		return x
	}
	x := &counting{ready: make(chan struct{}), Rehearsal: &Rehearsal{ads: c.Program == News}}
	d.known[key] = x
	run := d.run
	d.work.Go(func() {
		defer close(x.ready)
		x.err = d.count(run, c, by, x)
		x.made = d.Clock.Machine()
	})
	return x
}

func (d *Desk) count(ctx context.Context, c store.Campaign, by string, x *counting) error {
	err := d.foretell(ctx, c, by, "", func(fs []dispatch.Forecast) bool {
		for i := range fs {
			x.add(&fs[i])
		}
		x.seen.Store(int64(x.Listed))
		return true
	})
	if err != nil {
		return err
	}
	return d.finish(ctx, c, x.Rehearsal)
}

// Close ends the rehearsals that are being made. It comes before the store's.
func (d *Desk) Close() {
	d.mu.Lock()
	if d.stop != nil {
		d.stop()
	}
	d.mu.Unlock()
	d.work.Wait()
}

// finish adds what follows from the counts.
func (d *Desk) finish(ctx context.Context, c store.Campaign, r *Rehearsal) error {
	dealer, _ := d.Dispatcher.Roster.Dealer(c.DealerID)
	for i := range r.Channels {
		p := &r.Channels[i]
		var err error
		if p.Pace, err = d.Dispatcher.Pace(ctx, dealer, p.Channel); err != nil {
			return err
		}
		p.Last = p.last
		if units := cmp.Or(p.Segments, p.Messages); p.Pace > 0 {
			if slow := p.First.Add(time.Duration(float64(units) / p.Pace * float64(time.Second))); slow.After(p.Last) {
				p.Last = slow
			}
		}
		if r.First.IsZero() || p.First.Before(r.First) {
			r.First = p.First
		}
		if p.Last.After(r.Last) {
			r.Last = p.Last
		}
	}
	most := func(a, b Reason) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Rule, b.Rule)) }
	for _, rs := range [][]Reason{r.Skipped, r.Moved, r.Plain, r.Wordless, r.Locales} {
		slices.SortFunc(rs, most)
	}
	slices.SortFunc(r.Channels, func(a, b Part) int { return cmp.Compare(b.Messages, a.Messages) })
	return nil
}

// People lists those of a rehearsal who belong to a list, behind a contact; next is whom
// to go on after, "" at the end.
func (d *Desk) People(ctx context.Context, c store.Campaign, by, list, rule, after string, limit int) (out []dispatch.Forecast, next string, err error) {
	err = d.foretell(ctx, c, by, after, func(fs []dispatch.Forecast) bool {
		slices.SortFunc(fs, func(a, b dispatch.Forecast) int { return cmp.Compare(a.Contact, b.Contact) })
		for i := range fs {
			if !is(&fs[i], list, rule) {
				continue
			}
			if len(out) == limit {
				next = out[limit-1].Contact
				return false
			}
			out = append(out, fs[i])
		}
		return true
	})
	return out, next, err
}

// presumed stands for the second person in a rehearsal: he is nobody yet.
const presumed = "second"

// foretell judges the people of a campaign page by page, as the planner and the
// dispatcher will (invariant 13).
func (d *Desk) foretell(ctx context.Context, c store.Campaign, by, after string, each func([]dispatch.Forecast) bool) error {
	c.LaunchedBy, c.ApprovedBy = cmp.Or(c.LaunchedBy, by), cmp.Or(c.ApprovedBy, presumed)
	for fs, err := range d.Dispatcher.Rehearsals(ctx, c, d.Planner.Rehearse(ctx, c, after, d.Clock.Business())) {
		if err != nil {
			return err
		}
		fs = slices.DeleteFunc(fs, func(f dispatch.Forecast) bool { return f.Program != c.Program || f.Subject != c.ID })
		if !each(fs) {
			return nil
		}
	}
	return nil
}

// newsOf is what becomes of the news beside somebody's wishes; "" where there are none.
func newsOf(f *dispatch.Forecast) string { return input(f.Inputs, dispatch.InputNews) }

// input is one of the inputs of a verdict.
func input(inputs, name string) string {
	if inputs == "" {
		return ""
	}
	var m map[string]string
	if json.Unmarshal([]byte(inputs), &m) != nil {
		return "" // they are the dispatcher's own: an explanation is lost, nothing else
	}
	return m[name]
}

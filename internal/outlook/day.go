package outlook

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Group is what rows of a day have in common.
type Group struct{ Program, Verdict, Rule string }

// Counted is a group with the number of its rows.
type Counted struct {
	Group
	N int
}

// Filter chooses rows; what is empty does not.
type Filter struct{ Program, Verdict, Rule string }

// Has tells whether a group is chosen.
func (f Filter) Has(g Group) bool {
	return (f.Program == "" || f.Program == g.Program) && (f.Verdict == "" || f.Verdict == g.Verdict) && (f.Rule == "" || f.Rule == g.Rule)
}

// dayOf names a day of a dealer by its beginning and end.
type dayOf struct {
	dealer   string
	from, to time.Time
}

// Day is what is planned and what has happened on one day at one dealer, worked out once
// and kept for a while.
type Day struct {
	// AsOf is the business time that it was worked out for.
	AsOf  time.Time
	ready chan struct{}
	// seen counts rows while it is worked out.
	seen atomic.Int64

	// What follows stands when ready is closed.
	err    error
	groups []Counted
	spent  time.Duration
	ended  time.Time // machine time

	mu   sync.RWMutex
	file *spool // nil when closed, and for an empty day
}

// Days that are kept, and for how long: the longer it took, the longer.
const (
	keptDays  = 8
	keepRatio = 20
	keepMost  = 10 * time.Minute
)

// Day works a day out, or gives it as it was worked out a moment ago; anew does it again
// in any case. It waits for at most patience: then the day is not Ready and goes on by
// itself.
func (o *Outlook) Day(ctx context.Context, dealerID string, from, to time.Time, anew bool, patience time.Duration) (*Day, error) {
	d := o.day(dayOf{dealerID, from.UTC(), to.UTC()}, anew)
	wait := time.NewTimer(patience)
	defer wait.Stop()
	select {
	case <-d.ready:
		return d, d.err
	case <-wait.C:
		return d, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Ready tells whether it is worked out.
func (d *Day) Ready() bool {
	select {
	case <-d.ready:
		return true
	default:
		return false
	}
}

// Seen is how many rows have been worked out so far.
func (d *Day) Seen() int { return int(d.seen.Load()) }

// Counts are its groups, the largest first within a program.
func (d *Day) Counts() []Counted { return d.groups }

func (d *Day) stale(business, machine time.Time) bool {
	if !d.Ready() {
		return false
	}
	keep := min(keepMost, keepRatio*d.spent)
	return d.err != nil || machine.Sub(d.ended) > keep || business.Sub(d.AsOf) > keep+time.Minute
}

func (o *Outlook) day(k dayOf, anew bool) *Day {
	business, machine := o.Clock.Business(), o.Clock.Machine()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.days == nil {
		o.days = map[dayOf]*Day{}
		o.run, o.stop = context.WithCancel(context.Background())
	}
	if d := o.days[k]; d != nil && (!d.Ready() || !anew && !d.stale(business, machine)) {
		return d
	}
	d := &Day{AsOf: business, ready: make(chan struct{})}
	o.forget(k)
	for len(o.days) >= keptDays {
		oldest := k
		for x, y := range o.days {
			if y.Ready() && (oldest == k || y.AsOf.Before(o.days[oldest].AsOf)) {
				oldest = x
			}
		}
		if oldest == k {
			break // all of them are being worked out
		}
		o.forget(oldest)
	}
	o.days[k] = d
	run := o.run
	o.work.Go(func() { o.workOut(run, k, d) })
	return d
}

// forget closes a day when nobody reads it any more.
func (o *Outlook) forget(k dayOf) {
	if d := o.days[k]; d != nil {
		delete(o.days, k)
		o.work.Go(func() {
			<-d.ready
			d.close()
		})
	}
}

func (o *Outlook) workOut(ctx context.Context, k dayOf, d *Day) {
	defer close(d.ready)
	o.one.Lock()
	defer o.one.Unlock()
	began := o.Clock.Machine()
	d.err = d.fill(ctx, o, k)
	d.ended = o.Clock.Machine()
	d.spent = d.ended.Sub(began)
}

func (d *Day) fill(ctx context.Context, o *Outlook, k dayOf) error {
	var s sorter
	defer s.close()
	add := func(r *Row) error {
		d.seen.Add(1)
		return s.add(r)
	}
	if !k.from.After(d.AsOf.AddDate(0, 0, 3)) { // dates are written out a day and a half ahead
		if err := o.finished(ctx, k.dealer, k.from, k.to, add); err != nil {
			return err
		}
	}
	if k.to.After(d.AsOf) {
		if err := o.foresee(ctx, k.dealer, k.from, k.to, add); err != nil {
			return err
		}
	}
	file, err := newSpool()
	if err != nil {
		return err
	}
	numbers := map[Group]int{}
	if err := s.each(func(r *Row) error {
		g := Group{r.Program, r.Verdict, r.Rule}
		n, known := numbers[g]
		if !known {
			n = len(d.groups)
			numbers[g] = n
			d.groups = append(d.groups, Counted{Group: g})
		}
		d.groups[n].N++
		return file.write(n, r)
	}); err != nil {
		file.close()
		return err
	}
	if err := file.out.Flush(); err != nil {
		file.close()
		return err
	}
	d.file = file
	return nil
}

// ErrGone: the day is not kept any more; ask for it again.
var ErrGone = errors.New("the day is not kept any more")

// Page reads rows that a filter chooses, at most limit after the first skip.
func (d *Day) Page(f Filter, skip, limit int) ([]Row, error) {
	var out []Row
	err := d.scan(f, func(line []byte) error {
		if skip > 0 {
			skip--
			return nil
		}
		if len(out) == limit {
			return io.EOF
		}
		r, err := decode(line)
		out = append(out, r)
		return err
	})
	return out, err
}

// Each gives all rows that a filter chooses.
func (d *Day) Each(f Filter, do func(*Row) error) error {
	return d.scan(f, func(line []byte) error {
		r, err := decode(line)
		if err != nil {
			return err
		}
		return do(&r)
	})
}

// scan goes over the rows until do says io.EOF.
func (d *Day) scan(f Filter, do func(line []byte) error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.file == nil {
		return ErrGone
	}
	var wanted []bool
	for _, g := range d.groups {
		wanted = append(wanted, f.Has(g.Group))
	}
	if !slices.Contains(wanted, true) {
		return nil
	}
	next, err := d.file.reader()
	if err != nil {
		return err
	}
	for {
		group, line, err := next()
		if err == nil && wanted[group] {
			err = do(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (d *Day) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file != nil {
		d.file.close()
		d.file = nil
	}
}

// Close ends what is being worked out and forgets all days.
func (o *Outlook) Close() {
	o.mu.Lock()
	if o.stop != nil {
		o.stop()
	}
	for k := range o.days {
		o.forget(k)
	}
	o.mu.Unlock()
	o.work.Wait()
}

package dispatch

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"otklik/internal/store"
)

// run is one stretch of work: its lanes and its counts. It ends with its context, and
// its lanes finish what they have begun.
type run struct {
	d    *Dispatcher
	feed *feed
	// once: lanes that must rest give back what they hold and are left alone.
	once   bool
	total  tally
	ctx    context.Context //nolint:containedctx // the lanes' life
	cancel context.CancelFunc
	wg     sync.WaitGroup
	// stop ends when the program is to end; writes go on for a moment (writing).
	stop context.Context //nolint:containedctx // as ctx
	left leftovers
	owed owed

	mu    sync.Mutex
	lanes map[lane]*runner
	errs  []error
	shuts map[lane]bool
}

// begin starts a run; end must follow.
func (d *Dispatcher) begin(ctx context.Context) *run {
	r := &run{d: d, lanes: map[lane]*runner{}, shuts: map[lane]bool{}, stop: ctx}
	r.ctx, r.cancel = context.WithCancel(ctx)
	d.steer(ctx)
	d.now.Store(r)
	return r
}

// runners are the lanes that were needed so far.
func (r *run) runners() []*runner {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(r.lanes))
}

// end lets the lanes finish, forgets them, and tells what they could not write down. What
// came into a lane, or back into it, after it had cleared itself is handed back here.
func (r *run) end() {
	r.cancel()
	r.wg.Wait()
	for _, l := range r.runners() {
		l.clear()
		r.d.sent.Store(l.lane, l.sent)
	}
	r.leave()
	if r.d.now.CompareAndSwap(r, nil) {
		r.left.tell(r.d.Log, r.d.Clock.Machine().Add(r.d.Config.Lease))
	}
}

// lane is the runner of a lane, started when it is needed first.
func (r *run) lane(l lane) *runner {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.lanes[l]
	if x == nil {
		x = newRunner(r, l)
		r.lanes[l] = x
		r.wg.Go(x.run)
	}
	return x
}

// roomOf is how many outreach of a dealer that are in no lane yet can be taken: as
// many as his roomiest lane would take.
func (r *run) roomOf(dealer string, priority int) int {
	var lanes []*runner
	for _, x := range r.runners() {
		if x.lane.dealer == dealer {
			lanes = append(lanes, x)
		}
	}
	if len(lanes) == 0 {
		return max(1, r.d.Config.Group/2)
	}
	most := 0
	for _, x := range lanes {
		most = max(most, x.room(priority))
	}
	if most == 0 && r.allClosed(lanes) {
		// What can only go where nothing goes now waits in those lanes' queues, so
		// that a channel of the dealer that has not been used yet gets its own.
		return r.d.Config.Batch
	}
	return most
}

func (r *run) allClosed(lanes []*runner) bool {
	for _, x := range lanes {
		if !r.closed(x.lane) {
			return false
		}
	}
	return true
}

// closed tells that a lane takes nothing at the moment, other than for lack of room.
func (r *run) closed(l lane) bool {
	r.mu.Lock()
	shut := r.shuts[l]
	r.mu.Unlock()
	return shut || r.d.desk.sender(l) || r.d.desk.stopped(r.dealerPause(l.dealer)) || !r.d.resting(l, r.d.Clock.Machine()).until.IsZero()
}

// shut closes a lane for the rest of a run of Once.
func (r *run) shut(l lane) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shuts[l] = true
}

func (r *run) dealerPause(id string) string {
	d, _ := r.d.Roster.Dealer(id)
	return store.DealerPause(d.Code)
}

// take judges claimed outreach and gives each to its lane, or to a later time.
func (r *run) take(ctx context.Context, os []store.Outreach) error {
	items, err := r.judge(ctx, os)
	if err != nil {
		return err
	}
	return r.deal(ctx, items)
}

// judge judges claimed outreach, writes down what does not go out now, and returns what
// does.
func (r *run) judge(ctx context.Context, os []store.Outreach) ([]*item, error) {
	items, verdicts, err := r.d.evaluate(ctx, os)
	if err != nil {
		return nil, err
	}
	if err := r.d.Store.Settle(ctx, verdicts, r.d.Clock.Business()); err != nil {
		return nil, err
	}
	r.total.add(settled(verdicts))
	return items, nil
}

// deal gives outreach to their lanes, and into the queues of those that have no room.
func (r *run) deal(ctx context.Context, items []*item) error {
	routed := map[string][]store.Outreach{}
	for _, it := range items {
		if to := r.place(it); to != "" {
			routed[to] = append(routed[to], *it.outreach)
		}
	}
	for name, os := range routed {
		if err := r.d.Store.Route(ctx, os, name); err != nil {
			return err
		}
	}
	return nil
}

// place gives an outreach to its lane. Where that takes nothing, the name of the queue
// comes back in which it has to wait.
func (r *run) place(it *item) string {
	if p := r.d.desk.parked(it.outreach); p != "" {
		return parkedProgram + p
	}
	if r.closed(it.lane) || !r.lane(it.lane).push(it, false) {
		if r.once && r.closed(it.lane) {
			r.total.add(Summary{Delayed: 1})
		}
		return it.lane.name()
	}
	return ""
}

// quiet waits until no lane has anything to do.
func (r *run) quiet(ctx context.Context) {
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for ctx.Err() == nil && !r.empty() {
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
}

func (r *run) empty() bool {
	for _, x := range r.runners() {
		if !x.empty() {
			return false
		}
	}
	return true
}

func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	same := func(e error) bool { return e.Error() == err.Error() }
	if len(r.errs) < 10 && !slices.ContainsFunc(r.errs, same) {
		r.errs = append(r.errs, err)
	}
}

// err is what went wrong in the lanes.
func (r *run) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.errs...)
}

package dispatch

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"otklik/internal/store"
)

// feed hands due outreach to the lanes. Several goroutines may work on one.
type feed struct {
	r    *run
	news chan struct{} // something may have become possible

	mu      sync.Mutex
	queues  []store.Queue
	read    time.Time // when queues was read; zero: anew
	working map[string]int
	turn    string // the dealer served last
}

func newFeed(r *run) *feed {
	f := &feed{r: r, news: make(chan struct{}, 1), working: map[string]int{}}
	r.feed = f
	return f
}

// nudge makes the feeders read the queues anew: outreach may have come.
func (f *feed) nudge() {
	f.mu.Lock()
	f.read = time.Time{}
	f.mu.Unlock()
	f.stir()
}

// stir makes the feeders look again: a lane has got room.
func (f *feed) stir() {
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// run feeds until ctx ends.
func (f *feed) run(ctx context.Context) {
	d := f.r.d
	d.every(ctx, idle, f.news, func() bool {
		_, found, err := f.once(ctx)
		if err != nil && ctx.Err() == nil {
			d.failed("outreach", err)
		}
		return err == nil && found == claimable
	})
}

// all feeds until nothing more can be claimed, waiting for lanes to get room.
func (f *feed) all(ctx context.Context) (p progress) {
	f.nudge()
	for ctx.Err() == nil {
		n, found, err := f.once(ctx)
		p.n += n
		switch {
		case err != nil:
			p.err = err
			return p
		case found == nothing:
			return p
		case found == noRoom:
			t := time.NewTimer(idle)
			select {
			case <-ctx.Done():
			case <-f.news:
			case <-t.C:
			}
			t.Stop()
		}
	}
	return p
}

// found is what a look at the queues gave.
type found int

const (
	nothing   found = iota // nothing is due that may go
	noRoom                 // something is due, and its lane has no room yet
	claimable              // a queue was worked on
)

// once claims from one queue, judges what it got and hands it to lanes. It returns
// how many outreach it claimed. One queue after the other: the next look may find a
// more urgent one.
func (f *feed) once(ctx context.Context) (n int, got found, err error) {
	d := f.r.d
	// What takes longer has lost its claim; and a connection that hangs is let go.
	ctx, cancel := context.WithTimeout(ctx, d.Config.Lease/2)
	defer cancel()
	q, limit, got, err := f.pick(ctx)
	if err != nil || got != claimable {
		return 0, got, err
	}
	defer f.leave(q)
	claim, end := f.r.claiming()
	os, err := d.Store.ClaimOutreach(claim, q, d.Store.NewID(), limit, d.Clock.Business(), d.Clock.Machine(), d.Config.Lease)
	end()
	if err != nil {
		return 0, got, err
	}
	if len(os) < limit {
		f.drained(q)
	}
	if len(os) == 0 {
		return 0, got, nil
	}
	f.passed(q, os[len(os)-1])
	if err := f.r.take(ctx, os); err != nil {
		f.r.giveBack(os)
		return 0, got, err
	}
	return len(os), got, nil
}

// queueLook is how long the list of queues is believed.
const queueLook = time.Second

// pick chooses the next queue: dealers in turns, of one dealer the most urgent queue
// whose lane has room; and how many may be claimed from it.
func (f *feed) pick(ctx context.Context) (q store.Queue, limit int, got found, err error) {
	d := f.r.d
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := d.Clock.Machine(); now.Sub(f.read) > queueLook {
		qs, err := d.Store.Queues(ctx)
		if err != nil {
			return q, 0, nothing, err
		}
		f.queues, f.read = qs, now
	}
	business := d.Clock.Business()
	best := map[string]int{} // by dealer: index of the most urgent queue that can be claimed
	room := map[int]int{}
	for i, q := range f.queues {
		if q.Due.After(business) || f.working[key(q)] >= d.Config.Feeders {
			continue
		}
		n, blocked := f.room(q)
		if blocked {
			got = noRoom
		}
		if n == 0 {
			continue
		}
		room[i] = n
		if j, ok := best[q.DealerID]; !ok || q.Priority < f.queues[j].Priority {
			best[q.DealerID] = i
		}
	}
	if len(best) == 0 {
		return q, 0, got, nil
	}
	dealers := make([]string, 0, len(best))
	for id := range best {
		dealers = append(dealers, id)
	}
	slices.Sort(dealers)
	next, exact := slices.BinarySearch(dealers, f.turn)
	if exact {
		next++
	}
	f.turn = dealers[next%len(dealers)]
	i := best[f.turn]
	q = f.queues[i]
	f.working[key(q)]++
	return q, min(room[i], d.Config.Batch), claimable, nil
}

// room is how many outreach of a queue can be taken now. blocked tells that only a
// lack of room is in the way, which passes by itself.
func (f *feed) room(q store.Queue) (n int, blocked bool) {
	d := f.r.d
	if d.desk.stopped(f.r.dealerPause(q.DealerID)) || d.noCells(d.Clock.Machine()) {
		return 0, false
	}
	if p, parked := strings.CutPrefix(q.Lane, parkedProgram); parked {
		if d.desk.stopped(p) {
			return 0, false
		}
		n = f.r.roomOf(q.DealerID, q.Priority)
		return n, n == 0
	}
	l, ok := laneNamed(q.Lane, q.DealerID)
	if !ok || d.Channels[l.channel] == nil {
		n = f.r.roomOf(q.DealerID, q.Priority)
		return n, n == 0
	}
	if f.r.closed(l) {
		return 0, false
	}
	n = f.r.lane(l).room(q.Priority)
	return n, n == 0
}

func key(q store.Queue) string {
	return q.Lane + "\x00" + q.DealerID + "\x00" + string(rune('0'+q.Priority))
}

// drained notes that nothing more is due in a queue until the list is read again.
func (f *feed) drained(q store.Queue) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queues = slices.DeleteFunc(f.queues, func(x store.Queue) bool { return key(x) == key(q) })
}

// passed notes how far a queue was claimed, until the list is read again.
func (f *feed) passed(q store.Queue, last store.Outreach) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.queues {
		x := &f.queues[i]
		if key(*x) == key(q) && (x.After == nil || last.DueAt.After(x.After.DueAt) || last.DueAt.Equal(x.After.DueAt) && last.ID > x.After.ID) {
			x.After = &last
		}
	}
}

func (f *feed) leave(q store.Queue) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.working[key(q)]--; f.working[key(q)] == 0 {
		delete(f.working, key(q))
	}
}

package dispatch

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"otklik/channels"
	"otklik/internal/draft"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/store"
)

// item is one claimed outreach, or one claimed message, on its way through a lane.
type item struct {
	lane     lane
	outreach *store.Outreach // nil for a message that was queued
	step     program.Step
	to       draft.Recipient
	// news is whether the news beside wishes stand in them; nil where there are none.
	news *policy.Verdict
	// judged is the business time of the verdict on what counts for caps, until from when
	// (business time) the message may not leave by it any more, seen when it was given
	// (machine time).
	judged, until, seen time.Time
	// begun is set once the text is made; for a queued message at once.
	begun *store.Begun
	// origin is what a queued message is another try of; nil for an answer.
	origin *store.Outreach

	address  string
	priority int
	purpose  outreach.Purpose
	// claimed and leased are when it was claimed and when it was begun, machine time.
	claimed, leased time.Time
	// notBefore is when its rate or its cells are asked again.
	notBefore time.Time
	seq       int
}

// id is that of the outreach, or of the message.
func (it *item) id() string {
	if it.outreach != nil {
		return it.outreach.ID
	}
	return it.begun.Message.ID
}

// over tells that the verdict does not let a message leave any more.
func (it *item) over(business time.Time) bool {
	return !it.until.IsZero() && !business.Before(it.until)
}

// runner works one lane.
type runner struct {
	r    *run
	lane lane
	ch   channels.Channel
	news chan struct{}
	// senders bounds the calls of Send that are under way.
	senders chan struct{}
	results chan outcome
	// lead is how long a begin has taken lately, in nanoseconds.
	lead atomic.Int64

	mu     sync.Mutex
	items  []*item // by priority, then order of arrival
	seq    int
	busy   map[string]bool // addresses with a message under way
	flight int             // taken from items and not finished
	// width is how many may be under way: narrow at first and after a provider's
	// refusal, doubled by each group that it takes.
	width int
	// failing counts outcomes in a row that say the provider is away.
	failing int
	groups  sync.WaitGroup
	speed   speed
	sent    int64 // since the process started

	// steered is the reading of pauses, aged the machine time, that yield looked at
	// every item for last; only the lane's own loop uses them.
	steered int64
	aged    time.Time
	// recorded and finished are rooms of the loop that writes outcomes.
	recorded []store.Result
	finished []*item
}

func newRunner(r *run, l lane) *runner {
	sent, _ := r.d.sent.Load(l)
	before, _ := sent.(int64)
	return &runner{r: r, sent: before, lane: l, ch: r.d.Channels[l.channel], news: make(chan struct{}, 1), senders: make(chan struct{}, r.d.Config.Workers), results: make(chan outcome, r.d.Config.Window),
		busy: map[string]bool{}, width: narrow}
}

func (l *runner) nudge() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// ahead is how long a lane's reading ahead should last, in seconds of its speed.
const ahead = 2

// room is how many more items of a priority the lane reads ahead: less urgent ones
// are in nobody's way.
func (l *runner) room(priority int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := sort.Search(len(l.items), func(i int) bool { return l.items[i].priority > priority })
	return max(0, l.size()-n)
}

// overflow is how far several feeders that saw the same room may fill a lane above
// it, so that what they claimed need not go back.
const overflow = 3

// size is how many items the lane reads ahead: few until it has shown its speed, so
// that a slow lane leaves the rest to other nodes. The caller holds mu.
func (l *runner) size() int {
	group := l.r.d.Config.Group
	return min(max(1, group/4, int(ahead*l.speed.rate(l.r.d.Clock.Machine()))), 32*group)
}

// messages is how many of the items were queued messages.
func (l *runner) messages() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, it := range l.items {
		if it.outreach == nil {
			n++
		}
	}
	return n
}

// push adds an item; false when the lane is full. Messages that were queued are taken
// however full it is.
func (l *runner) push(it *item, always bool) bool {
	l.mu.Lock()
	if !always && len(l.items) >= overflow*l.size() {
		l.mu.Unlock()
		return false
	}
	l.seq++
	it.seq = l.seq
	l.insert(it)
	l.mu.Unlock()
	l.nudge()
	return true
}

func (l *runner) insert(it *item) {
	i, _ := slices.BinarySearchFunc(l.items, it, func(a, b *item) int {
		if a.priority != b.priority {
			return a.priority - b.priority
		}
		return a.seq - b.seq
	})
	l.items = slices.Insert(l.items, i, it)
}

func (l *runner) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.items) == 0 && l.flight == 0
}

// run works until the run ends; then it hands back what is not under way, which another
// node can send while providers answer what they were handed, and finishes the rest.
func (l *runner) run() {
	ctx := l.r.ctx
	recorded := make(chan struct{})
	go func() {
		defer close(recorded)
		l.record()
	}()
	for ctx.Err() == nil {
		l.yield()
		group, wait := l.take()
		if len(group) > 0 {
			l.groups.Go(func() { l.send(ctx, group) })
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-l.news:
		case <-t.C:
		}
		t.Stop()
	}
	l.clear()
	l.groups.Wait()
	close(l.results)
	<-recorded
}

// clear hands back all that is not under way.
func (l *runner) clear() { l.drop(func(*item) bool { return true }) }

// take chooses the next group: the most urgent items whose address is free and whose
// time has come, as many as may be under way. Without one it says when to look again.
func (l *runner) take() (group []*item, wait time.Duration) {
	d := l.r.d
	now := d.Clock.Machine()
	wait = idle
	if r := d.resting(l.lane, now); !r.until.IsZero() || d.desk.sender(l.lane) {
		return nil, wait
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(d.Config.Group, l.width-l.flight)
	// A group that is not full waits for the one before it, so that under load groups
	// are full and without load nobody waits.
	if l.flight > 0 && len(l.items) < n && len(l.items) < d.Config.Group/2 && !l.urgent() {
		return nil, wait
	}
	// Only what is looked at is moved: a lane may read far ahead.
	looked, kept := 0, 0
	for ; looked < len(l.items) && len(group) < n; looked++ {
		it := l.items[looked]
		switch {
		case l.busy[it.address]:
		case it.notBefore.After(now):
			wait = min(wait, it.notBefore.Sub(now))
		default:
			l.busy[it.address] = true
			group = append(group, it)
			continue
		}
		l.items[kept] = it
		kept++
	}
	from := looked - kept
	copy(l.items[from:looked], l.items[:kept])
	clear(l.items[:from])
	l.items = l.items[from:]
	l.flight += len(group)
	return group, wait
}

// urgent tells whether a person waits for the first item. The caller holds mu.
func (l *runner) urgent() bool {
	return len(l.items) > 0 && l.items[0].priority < outreach.Survey.Priority()
}

// done ends an item's being under way.
func (l *runner) done(items ...*item) {
	l.mu.Lock()
	for _, it := range items {
		delete(l.busy, it.address)
	}
	l.flight -= len(items)
	l.mu.Unlock()
	l.nudge()
	l.r.feed.stir()
}

// back puts an item into the queue again, in its old place.
func (l *runner) back(it *item) {
	l.mu.Lock()
	l.insert(it)
	delete(l.busy, it.address)
	l.flight--
	l.mu.Unlock()
}

// yield hands back what must not wait here: everything while the lane rests or is
// stopped, the items of a program or campaign that a person has stopped, and claims that have
// become old. The last two it looks for when pauses were read, and now and then.
func (l *runner) yield() {
	d := l.r.d
	now := d.Clock.Machine()
	shut, away := l.r.closed(l.lane), l.r.once && d.noCells(now)
	steered := d.desk.steered.Load()
	if !shut && !away && steered == l.steered && now.Sub(l.aged) < min(steer, d.Config.Lease/16) {
		return
	}
	l.steered, l.aged = steered, now
	old := now.Add(-d.Config.Lease / 2)
	l.drop(func(it *item) bool {
		return shut || away && it.purpose.Capped() || it.claimed.Before(old) || d.desk.parked(cmp.Or(it.outreach, it.origin)) != ""
	})
}

// drop hands back the items that match.
func (l *runner) drop(match func(*item) bool) {
	var os []store.Outreach
	var ms []store.Message
	l.mu.Lock()
	l.items = slices.DeleteFunc(l.items, func(it *item) bool {
		if !match(it) {
			return false
		}
		if it.outreach != nil {
			os = append(os, *it.outreach)
		} else {
			ms = append(ms, it.begun.Message)
		}
		return true
	})
	l.mu.Unlock()
	if len(os)+len(ms) == 0 {
		return
	}
	if l.r.once {
		l.r.total.add(Summary{Delayed: len(os) + len(ms)})
	}
	l.r.handBack(len(os), func(ctx context.Context) error { return l.r.d.Store.Route(ctx, os, l.lane.name()) })
	l.r.giveBackMessages(ms)
}

// speed is how many messages were handed over in each of the last seconds.
type speed struct {
	counts [10]int
	at     int64 // the second that counts ends with
}

func (s *speed) move(now time.Time) {
	sec := now.Unix()
	for gap := min(sec-s.at, int64(len(s.counts))); gap > 0; gap-- {
		s.at++
		s.counts[(sec-gap+1)%int64(len(s.counts))] = 0
	}
	s.at = sec
}

func (s *speed) add(now time.Time, n int) {
	s.move(now)
	s.counts[s.at%int64(len(s.counts))] += n
}

// rate is the highest of the last seconds: what the lane can do when it has work.
func (s *speed) rate(now time.Time) float64 {
	s.move(now)
	return float64(slices.Max(s.counts[:]))
}

// mean is the rate over all of them.
func (s *speed) mean(now time.Time) float64 {
	s.move(now)
	sum := 0
	for _, n := range s.counts {
		sum += n
	}
	return float64(sum) / float64(len(s.counts))
}

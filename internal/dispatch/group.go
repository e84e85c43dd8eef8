package dispatch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/ratelimit"
	"otklik/internal/store"
)

// outcome is one message's answer.
type outcome struct {
	item    *item
	receipt channels.Receipt
	err     error
	// handed is when it was given to the channel, machine time.
	handed time.Time
	// unsent: the message was begun and not handed over; lapsed: because of its lease.
	unsent time.Time
	lapsed bool
}

// send makes the texts of a group, asks its rate, and sends it in parts: what leaves
// within moments is begun together, the rest only when its time is near, so that a kill
// leaves few messages uncertain.
func (l *runner) send(ctx context.Context, group []*item) {
	ctx, span := l.r.d.span(ctx, "send", l.lane, len(group))
	defer span.End()
	group = l.compose(ctx, l.fresh(ctx, group))
	group, slots := l.reserve(ctx, group)
	var wg sync.WaitGroup
	defer wg.Wait()
	for len(group) > 0 {
		lead := time.Duration(l.lead.Load())
		if !l.waitFor(ctx, slots[0].At.Add(-lead)) {
			l.release(group)
			return
		}
		near := l.r.d.Clock.Machine().Add(lead + time.Millisecond)
		n := 1
		for n < len(group) && !slots[n].At.After(near) {
			n++
		}
		part, times := group[:n:n], slots[:n:n]
		wg.Go(func() { l.deliver(ctx, part, times) })
		group, slots = group[n:], slots[n:]
	}
}

// A message is begun as long before its time as a begin has taken lately, and no
// longer before it than this.
const longestLead = 25 * time.Millisecond

// deliver begins messages, hands them over at their times, and passes the outcomes on
// to be recorded. Once begun, they are finished even when ctx ends: what was handed to
// a provider must be recorded.
func (l *runner) deliver(ctx context.Context, group []*item, slots []ratelimit.Slot) {
	d := l.r.d
	begin, span := d.span(ctx, "begin", l.lane, len(group))
	began := d.Clock.Machine()
	group, slots = l.begin(begin, group, slots)
	span.End()
	l.lead.Store(int64(min(longestLead, (3*time.Duration(l.lead.Load())+d.Clock.Machine().Sub(began))/4)))
	if len(group) == 0 {
		return
	}
	// A send that outlives the lease, which began with the begin, would be resolved by
	// another node while it is still under way.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.Config.covered()-d.Clock.Machine().Sub(began))
	defer cancel()
	l.hand(ctx, group, slots)
}

// compose renders what has no text yet. What cannot be rendered is held, with the
// reason, and does not stop the others.
func (l *runner) compose(ctx context.Context, group []*item) []*item {
	d := l.r.d
	var unmade []store.Verdict
	var bad []*item
	group = slices.DeleteFunc(group, func(it *item) bool {
		if it.begun != nil {
			return false
		}
		b, err := d.compose(ctx, it)
		if err == nil {
			it.begun = b
			return false
		}
		d.Log.Error("a text cannot be made", "program", it.outreach.Program, "step", it.outreach.Step, "error", err)
		v := held(it.outreach, RuleRender, d.Clock.Business().Add(time.Hour), map[string]string{"error": err.Error()})
		d.Metrics.decided(v.Verdict, v.Rule)
		unmade, bad = append(unmade, *v), append(bad, it)
		return true
	})
	if len(unmade) > 0 {
		ctx, cancel := l.r.writingWithin(d.Config.Lease / 2)
		defer cancel()
		if err := d.Store.Settle(ctx, unmade, d.Clock.Business()); err != nil {
			d.failed("holding", err)
		}
		l.r.total.add(settled(unmade))
		l.done(bad...)
	}
	return group
}

// slotMargin stretches the distance of slots, so that a message that leaves a little
// late does not come within one window with one that is on time: "n a second" means
// that no second sees more than n.
const slotMargin = 100 // hundredths: 1 %

// late is how far behind its slot a message may leave, at the least; a slot missed by
// more is lost. What is limited to few a minute may be later: see lateness.
const late = 8 * time.Millisecond

// lateness is how far behind its slot a message may leave without breaking a limit: as
// much as slotMargin leaves between it and the next one.
func lateness(d ratelimit.Demand) time.Duration {
	out := late
	for _, b := range d {
		out = max(out, b.Limit.Period/slotMargin)
	}
	return out
}

// horizon is how long a run of slots is. patience is for how long Once
// waits for the next slot before it leaves a lane for another run.
const (
	horizon  = 250 * time.Millisecond
	patience = time.Minute
)

// demand appends what a message takes of each of its limits.
func (l *runner) demand(to ratelimit.Demand, it *item) ratelimit.Demand {
	book := l.r.d.desk.limits()
	if book == nil {
		return to
	}
	cost := 1
	m := &it.begun.Message
	if l.lane.channel == channels.SMS {
		cost = max(m.Segments, 1)
	}
	dealer, _ := l.r.d.Roster.Dealer(m.DealerID)
	from := len(to)
	to = book.Demand(to, string(l.lane.channel), m.Sender, m.Address, dealer.Code, cost)
	for i := range to[from:] {
		p := &to[from+i].Limit.Period
		*p += (*p + slotMargin - 1) / slotMargin
	}
	return to
}

// demands are those of a group: of each message and, one behind the other, all buckets.
type demands struct {
	each    []ratelimit.Demand
	buckets ratelimit.Demand
}

func (r *demands) of(group []*item, demand func(ratelimit.Demand, *item) ratelimit.Demand) []ratelimit.Demand {
	r.each, r.buckets = r.each[:0], r.buckets[:0]
	for _, it := range group {
		from := len(r.buckets)
		r.buckets = demand(r.buckets, it)
		r.each = append(r.each, r.buckets[from:])
	}
	return r.each
}

// ask asks the rate cells for a group. Without its cells a campaign waits; answers to
// people go on, by the cells of this process (invariant 8).
func (l *runner) ask(ctx context.Context, group []*item) []ratelimit.Slot {
	d := l.r.d
	now := d.Clock.Machine()
	room := d.asks.Get().(*demands)
	defer d.asks.Put(room)
	asked := room.of(group, l.demand)
	if len(room.buckets) == 0 {
		return slices.Repeat([]ratelimit.Slot{{OK: true, At: now}}, len(group))
	}
	got, err := d.Cells.Reserve(ctx, now, asked, horizon)
	if err == nil {
		var waits time.Duration
		for _, s := range got {
			waits += max(0, s.At.Sub(now))
		}
		d.Metrics.waited(l.lane.channel, waits)
		return got
	}
	if ctx.Err() == nil && !errors.Is(err, ratelimit.ErrUnavailable) {
		d.failed("rate", err)
	}
	d.Metrics.limiterAway()
	d.cellsAway.Store(now.Add(idle).UnixMicro())
	slots := slices.Repeat([]ratelimit.Slot{{OK: true, At: now}}, len(group))
	own, err := d.spare.Reserve(ctx, now, asked, horizon)
	for i, it := range group {
		switch {
		case it.purpose.Capped():
			slots[i] = ratelimit.Slot{At: now.Add(idle), Key: "redis"}
		case err == nil:
			slots[i] = own[i]
		}
	}
	return slots
}

// noCells tells that the rate cells were away a moment ago: then campaigns wait.
func (d *Dispatcher) noCells(now time.Time) bool { return d.cellsAway.Load() > now.UnixMicro() }

// reserve gets the times at which the messages of a group may leave, within a second.
// What would leave later goes back into the lane. The rest comes back in the order of
// its times.
func (l *runner) reserve(ctx context.Context, group []*item) ([]*item, []ratelimit.Slot) {
	if len(group) == 0 {
		return nil, nil
	}
	slots := l.ask(ctx, group)
	type pair struct {
		it   *item
		slot ratelimit.Slot
	}
	ready := make([]pair, 0, len(group))
	for i, it := range group {
		if slots[i].OK {
			ready = append(ready, pair{it, slots[i]})
			continue
		}
		it.notBefore = slots[i].At
		if l.r.once && slots[i].At.Sub(l.r.d.Clock.Machine()) > patience {
			l.r.shut(l.lane)
		}
		l.back(it)
	}
	if len(ready) < len(group) {
		l.nudge()
	}
	slices.SortStableFunc(ready, func(a, b pair) int { return a.slot.At.Compare(b.slot.At) })
	group, slots = group[:0], slots[:0]
	for _, p := range ready {
		group, slots = append(group, p.it), append(slots, p.slot)
	}
	return group, slots
}

// begin writes the group as sending, in one commit, before its first byte leaves.
func (l *runner) begin(ctx context.Context, group []*item, slots []ratelimit.Slot) ([]*item, []ratelimit.Slot) {
	if len(group) == 0 {
		return nil, nil
	}
	d := l.r.d
	if ctx.Err() != nil {
		l.release(group)
		return nil, nil
	}
	if group, slots = l.allowed(group, slots); len(group) == 0 {
		return nil, nil
	}
	room := d.groups.Get().(*[]store.Begun)
	begun := (*room)[:0]
	name := d.Store.NewID()
	for _, it := range group {
		if it.outreach != nil {
			it.begun.Message.Group = name
		}
		begun = append(begun, *it.begun)
	}
	leased := d.Clock.Machine()
	write, cancel := l.r.writingWithin(d.Config.Lease / 2)
	ok, err := d.Store.Begin(write, begun, d.Clock.Business(), leased, d.Config.Lease)
	cancel()
	clear(begun)
	*room = begun
	d.groups.Put(room)
	if err != nil {
		d.unwritten.Store(&err)
		l.r.unanswered()
		// The commit may have happened: then the rows go back into the queue as not
		// sent, which they are.
		d.failed("begin", err)
		l.r.fail(err)
		// A database that takes nothing is not asked by every group anew.
		d.rest(scope{l.lane.channel, l.lane.sender}, rest{until: d.Clock.Machine().Add(idle), reason: "database_away"})
		for _, it := range group {
			l.results <- outcome{item: it, unsent: d.Clock.Machine().Add(idle)}
		}
		return nil, nil
	}
	var lost []*item
	kept, times := make([]*item, 0, len(group)), slots[:0]
	for i, it := range group {
		if !ok[it.begun.Message.ID] {
			lost = append(lost, it)
			continue
		}
		it.leased = leased
		kept, times = append(kept, it), append(times, slots[i])
	}
	if len(lost) > 0 {
		d.Metrics.lost(len(lost))
		l.release(lost)
	}
	d.Metrics.group(len(kept))
	return kept, times
}

// release hands back items that were taken and not begun.
func (l *runner) release(items []*item) {
	var os []store.Outreach
	var ms []store.Message
	for _, it := range items {
		if it.outreach != nil {
			os = append(os, *it.outreach)
		} else {
			ms = append(ms, it.begun.Message)
		}
	}
	l.r.giveBack(os)
	l.r.giveBackMessages(ms)
	l.done(items...)
}

// hand gives each message to the channel when its time comes. One that has missed its
// slot, because the commit took long, gets another.
func (l *runner) hand(ctx context.Context, group []*item, slots []ratelimit.Slot) {
	d := l.r.d
	var wg sync.WaitGroup
	defer wg.Wait()
	for len(group) > 0 {
		if !l.waitFor(ctx, slots[0].At) {
			for _, it := range group {
				l.results <- outcome{item: it, unsent: d.Clock.Machine()}
			}
			return
		}
		now := d.Clock.Machine()
		n := 1
		for n < len(group) && !slots[n].At.After(now) {
			n++
		}
		ready := make([]*item, 0, n)
		var missed []*item
		for i, it := range group[:n] {
			if err := l.fit(it); err != nil {
				l.answer(it, channels.Receipt{}, err, now)
				continue
			}
			if behind := now.Sub(slots[i].At); !slots[i].OK || behind > late && behind > lateness(l.demand(nil, it)) {
				missed = append(missed, it)
				continue
			}
			ready = append(ready, it)
		}
		if len(ready) > 0 {
			wg.Go(func() { l.handOver(ctx, ready) })
		}
		group, slots = l.again(ctx, missed, group[n:], slots[n:])
	}
}

// begunWait is how long a message that is begun waits for another slot.
const begunWait = 5 * time.Second

// again asks the rate once more for messages that are begun and have missed their
// slots, and sorts them in among the rest. Those for which it is much too early go back
// into the queue as not sent.
func (l *runner) again(ctx context.Context, missed, group []*item, slots []ratelimit.Slot) ([]*item, []ratelimit.Slot) {
	if len(missed) == 0 {
		return group, slots
	}
	now := l.r.d.Clock.Machine()
	for i, s := range l.ask(ctx, missed) {
		if !s.OK && s.At.Sub(now) > begunWait {
			l.results <- outcome{item: missed[i], unsent: s.At}
			continue
		}
		at, _ := slices.BinarySearchFunc(slots, s, func(a, b ratelimit.Slot) int {
			if a.At.After(b.At) {
				return 1
			}
			return -1
		})
		group, slots = slices.Insert(group, at, missed[i]), slices.Insert(slots, at, s)
	}
	return group, slots
}

// waitFor waits until a moment; false when the run ends first.
func (l *runner) waitFor(ctx context.Context, at time.Time) bool {
	wait := at.Sub(l.r.d.Clock.Machine())
	if wait <= 0 {
		return true
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.r.ctx.Done():
	case <-ctx.Done():
	}
	return false
}

// handOver hands messages to the channel and passes on one outcome for each.
func (l *runner) handOver(ctx context.Context, group []*item) {
	if bs, ok := l.ch.(channels.BatchSender); ok && len(group) > 1 {
		l.handBatch(ctx, bs, group)
		return
	}
	var wg sync.WaitGroup
	for _, it := range group {
		l.senders <- struct{}{}
		wg.Go(func() {
			defer func() { <-l.senders }()
			handed := l.r.d.Clock.Machine()
			m, err := l.outgoing(it), l.fit(it) // the others before it took long
			var r channels.Receipt
			if err == nil {
				r, err = attempt(ctx, l.ch, m)
			}
			l.answer(it, r, err, handed)
		})
	}
	wg.Wait()
}

// outgoing is the message as the channel takes it, with the page that its row keeps as
// a letter. One whose letter cannot be read goes without a page: the text says it all.
func (l *runner) outgoing(it *item) channels.Message {
	m := &it.begun.Message
	out := m.Outgoing()
	out.Check = func() error { return l.fit(it) }
	if m.HTML == "" {
		return out
	}
	out.HTML, out.Page = "", func(b []byte) []byte {
		b, err := l.r.d.Drafter.AppendHTML(b, m)
		if err != nil {
			l.r.d.Log.Warn("a message goes without its page", "message", m.ID, "error", err)
		}
		return b
	}
	return out
}

// handBatch uses the channel's own way of sending many. A message that the channel
// gave no answer for, because it panicked, is uncertain.
func (l *runner) handBatch(ctx context.Context, bs channels.BatchSender, group []*item) {
	out := make([]channels.Message, len(group))
	for i, it := range group {
		out[i] = l.outgoing(it)
	}
	handed := l.r.d.Clock.Machine()
	var mu sync.Mutex
	done := make([]bool, len(group))
	give := func(i int, r channels.Receipt, err error) {
		mu.Lock()
		seen := done[i]
		done[i] = true
		mu.Unlock()
		if !seen {
			l.answer(group[i], r, err, handed)
		}
	}
	defer func() {
		p := recover()
		for i := range group {
			give(i, channels.Receipt{}, &channels.Error{Class: channels.Uncertain, Err: fmt.Errorf("the channel gave no answer: %v", p)})
		}
	}()
	bs.SendBatch(ctx, out, give)
}

// attempt makes one attempt; a panic in the channel is an unknown outcome.
func attempt(ctx context.Context, ch channels.Channel, m channels.Message) (r channels.Receipt, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &channels.Error{Class: channels.Uncertain, Err: fmt.Errorf("panic in the channel: %v\n%s", p, debug.Stack())}
		}
	}()
	if e, ok := ch.(channels.Editor); ok && m.Edit != "" {
		return e.Edit(ctx, m)
	}
	return ch.Send(ctx, m)
}

// putOff is the transition of a message that was begun and not handed over.
func putOff(until time.Time) outreach.Transition {
	return outreach.Transition{State: outreach.Queued, DueAt: until}
}

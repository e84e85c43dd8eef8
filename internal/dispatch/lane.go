package dispatch

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/ratelimit"
	"otklik/internal/store"
)

// pauses remembers which lanes must rest, in machine time.
type pauses struct {
	mu    sync.Mutex
	until map[lane]time.Time
}

func (p *pauses) active(l lane, now time.Time) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok := p.until[l]
	return t, ok && now.Before(t)
}

func (p *pauses) rest(l lane, until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until[l] = until
}

// lift forgets a pause and tells whether there was one.
func (p *pauses) lift(l lane) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.until[l]
	delete(p.until, l)
	return ok
}

// runLane sends the messages of one sender in groups, at its rate. What the rate
// does not admit in time stays claimed and is handed back by the caller.
func (d *Dispatcher) runLane(ctx context.Context, l lane, items []store.Begun) (sum Summary, err error) {
	ch := d.Channels[l.channel]
	var group []store.Begun
	to := map[string]bool{} // one message in flight per address
	flush := func() error {
		if len(group) == 0 {
			return nil
		}
		s, err := d.sendGroup(ctx, ch, l, group)
		sum.add(s)
		group, to = nil, map[string]bool{}
		return err
	}
	until := d.Clock.Machine().Add(d.Config.Patience)
	for i, b := range items {
		if to[b.Message.Address] || len(group) >= d.Config.Group {
			if err := flush(); err != nil {
				return sum, err
			}
		}
		if _, resting := d.lanes.active(l, d.Clock.Machine()); resting || ctx.Err() != nil {
			sum.Delayed += len(items) - i + len(group)
			return sum, ctx.Err()
		}
		ok, err := d.take(ctx, l, b.Message, until, flush)
		if err != nil {
			return sum, err
		}
		if !ok {
			sum.Delayed += len(items) - i
			break
		}
		to[b.Message.Address] = true
		group = append(group, b)
	}
	return sum, flush()
}

// take waits until the rate admits a message; false when that comes after until. Before waiting it sends what is ready. Without its cells a campaign waits
// and answers to people go on (invariant 8).
func (d *Dispatcher) take(ctx context.Context, l lane, m store.Message, until time.Time, flush func() error) (bool, error) {
	buckets := d.buckets(l, m)
	if len(buckets) == 0 {
		return true, nil
	}
	for {
		now := d.Clock.Machine()
		v, err := d.Cells.Take(ctx, now, buckets)
		if errors.Is(err, ratelimit.ErrUnavailable) {
			d.Metrics.limiterAway()
			return !m.Purpose.Capped(), nil
		}
		if err != nil {
			return false, fmt.Errorf("asking the rate limit: %w", err)
		}
		if v.OK {
			return true, nil
		}
		if err := flush(); err != nil {
			return false, err
		}
		if v.At.After(until) {
			return false, nil
		}
		wait := v.At.Sub(now)
		d.Metrics.waited(l.channel, wait)
		t := time.NewTimer(max(wait, time.Millisecond))
		select {
		case <-ctx.Done():
			t.Stop()
			return false, nil
		case <-t.C:
		}
	}
}

func (d *Dispatcher) buckets(l lane, m store.Message) []ratelimit.Bucket {
	lim, ok := d.Config.Limits[l.channel]
	if !ok {
		return nil
	}
	var bs []ratelimit.Bucket
	if lim.Sender.Period > 0 {
		cost := 1
		if l.channel == channels.SMS {
			cost = max(m.Segments, 1)
		}
		bs = append(bs, ratelimit.Bucket{Key: "sender:" + string(l.channel) + ":" + l.sender, Limit: lim.Sender, Cost: cost})
	}
	if lim.Address.Period > 0 {
		bs = append(bs, ratelimit.Bucket{Key: "to:" + string(l.channel) + ":" + m.Address, Limit: lim.Address, Cost: 1})
	}
	return bs
}

// outcome is one message's answer.
type outcome struct {
	message store.Message
	receipt channels.Receipt
	err     error
}

// sendGroup begins, sends and records one group. Once begun, a group is finished
// even when ctx ends: what was handed to a provider must be recorded.
func (d *Dispatcher) sendGroup(ctx context.Context, ch channels.Channel, l lane, group []store.Begun) (Summary, error) {
	business, machine := d.Clock.Business(), d.Clock.Machine()
	ok, err := d.Store.Begin(ctx, group, business, machine, d.Config.Lease)
	if err != nil {
		return Summary{}, err
	}
	var ms []store.Message
	for _, b := range group {
		if !ok[b.Message.ID] {
			d.Metrics.lost(1)
			continue
		}
		ms = append(ms, b.Message)
		if b.Conversation != nil && d.Begun != nil {
			d.Begun(ctx, *b.Conversation)
		}
	}
	d.Metrics.group(len(ms))
	// A send that outlives the lease would be resolved by another node while it is
	// still under way.
	sendCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.Config.Lease*3/4)
	defer cancel()
	results := make(chan outcome, len(ms))
	go func() {
		defer close(results)
		d.send(sendCtx, ch, ms, results)
	}()
	return d.record(context.WithoutCancel(ctx), l, results)
}

// send hands every message to the channel and gives each one outcome.
func (d *Dispatcher) send(ctx context.Context, ch channels.Channel, ms []store.Message, results chan<- outcome) {
	if bs, ok := ch.(channels.BatchSender); ok && len(ms) > 1 {
		d.sendBatch(ctx, bs, ms, results)
		return
	}
	var wg sync.WaitGroup
	next := make(chan store.Message)
	for range min(d.Config.Workers, len(ms)) {
		wg.Go(func() {
			for m := range next {
				r, err := attempt(ctx, ch, m.Outgoing())
				results <- outcome{m, r, err}
			}
		})
	}
	for _, m := range ms {
		next <- m
	}
	close(next)
	wg.Wait()
}

// sendBatch uses the channel's own way of sending many. A message that the
// channel gave no answer for, because it panicked, is uncertain.
func (d *Dispatcher) sendBatch(ctx context.Context, bs channels.BatchSender, ms []store.Message, results chan<- outcome) {
	out := make([]channels.Message, len(ms))
	for i, m := range ms {
		out[i] = m.Outgoing()
	}
	var mu sync.Mutex
	done := make([]bool, len(ms))
	give := func(i int, r channels.Receipt, err error) {
		mu.Lock()
		defer mu.Unlock()
		if !done[i] {
			done[i] = true
			results <- outcome{ms[i], r, err}
		}
	}
	defer func() {
		p := recover()
		for i := range ms {
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

// recordEvery is how long an outcome waits for others to share its commit.
const recordEvery = 40 * time.Millisecond

// record collects outcomes and writes them in groups.
func (d *Dispatcher) record(ctx context.Context, l lane, results <-chan outcome) (sum Summary, err error) {
	t := time.NewTicker(recordEvery)
	defer t.Stop()
	var pending []store.Result
	flush := func() {
		if len(pending) == 0 {
			return
		}
		lost, e := d.Store.Record(ctx, pending, d.Clock.Business())
		d.Metrics.lost(lost)
		err = errors.Join(err, e)
		pending = nil
	}
	for {
		select {
		case o, ok := <-results:
			if !ok {
				flush()
				return sum, err
			}
			r := d.result(ctx, l, o)
			sum.add(tally(r.Transition))
			pending = append(pending, r)
			if len(pending) >= d.Config.Group {
				flush()
			}
		case <-t.C:
			flush()
		}
	}
}

func tally(t outreach.Transition) (s Summary) {
	switch t.State {
	case outreach.Sent, outreach.Delivered, outreach.Undelivered:
		s.Sent++
	case outreach.Queued:
		s.Delayed++
	case outreach.Expired:
		s.Expired++
	case outreach.Sending, outreach.Unknown:
		s.Uncertain++
	default:
		s.Failed++
	}
	return s
}

// result turns an outcome into what is recorded, and rests a lane that cannot
// send.
func (d *Dispatcher) result(ctx context.Context, l lane, o outcome) store.Result {
	now := d.Clock.Machine()
	t := outreach.Next(attemptOf(o.message), o.err, now)
	r := store.Result{Message: o.message, Receipt: o.receipt, Err: channels.AsError(o.err), Transition: t, At: d.Clock.Business()}
	if o.message.Options.Edit != "" {
		// The provider knows the edit by the id of the message it replaced, which
		// is that row's and stays unique.
		r.Receipt.ProviderID = ""
	}
	class := "accepted"
	if r.Err != nil {
		class = r.Err.Class.String()
	}
	d.Metrics.outcome(l.channel, class, t.State)
	switch {
	case t.Pause != "":
		d.suspend(ctx, l, r.Err, t.DueAt)
	case o.err == nil && d.lanes.lift(l):
		if _, err := d.Store.PauseSender(ctx, l.channel, l.sender, "", now); err != nil {
			d.Log.Error("lifting a sender's pause failed", "error", err)
		}
	}
	if t.Open && needsPerson(o.message.Purpose) {
		r.Task = undelivered(o.message, r.Err, r.At)
	}
	return r
}

func attemptOf(m store.Message) outreach.Attempt {
	h := fnv.New32a()
	_, _ = h.Write([]byte(m.ID))
	return outreach.Attempt{Channel: m.Channel, Attempts: m.Attempts, Asked: m.Asked, ValidUntil: m.ValidUntil, Jitter: float64(h.Sum32()%1000) / 1000}
}

// suspend rests a lane and alerts once.
func (d *Dispatcher) suspend(ctx context.Context, l lane, e *channels.Error, until time.Time) {
	d.lanes.rest(l, until)
	reason := strings.TrimSpace(e.Code + " " + e.Error())
	first, err := d.Store.PauseSender(ctx, l.channel, l.sender, reason, d.Clock.Business())
	if err != nil {
		d.Log.Error("pausing a sender failed", "error", err)
	}
	if first {
		d.Metrics.suspended(l.channel)
		d.Log.Error("sender cannot send and rests", "channel", l.channel, "code", e.Code, "error", e)
	}
}

// needsPerson tells whether somebody has to be told when a message of this purpose
// does not arrive. A survey that does not arrive leaves its phone step.
func needsPerson(p outreach.Purpose) bool {
	return p == outreach.Callback || p == outreach.Service
}

func undelivered(m store.Message, e *channels.Error, now time.Time) *store.Task {
	t := &store.Task{DealerID: m.DealerID, Kind: store.TaskUndelivered, ContactID: m.ContactID, MessageID: m.ID, Reason: "undelivered", DueAt: now.Add(2 * time.Hour), WayIn: string(m.Channel)}
	if e != nil {
		t.Reason = "undelivered_" + e.Class.String()
	}
	return t
}

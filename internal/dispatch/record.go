package dispatch

import (
	"context"
	"errors"
	"hash/fnv"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
)

// gather is how long an outcome waits for others to share its commit.
const gather = 8 * time.Millisecond

// record writes the outcomes of a lane in groups, until they end. While others gather
// it sleeps: woken by each, it would cost as much as writing them.
func (l *runner) record() {
	t := time.NewTimer(gather)
	defer t.Stop()
	var batch []outcome
	for first := range l.results {
		batch = append(batch[:0], first)
		t.Reset(gather)
		<-t.C
		for len(l.results) > 0 && len(batch) < l.r.d.Config.Window {
			batch = append(batch, <-l.results)
		}
		l.write(batch)
		clear(batch)
	}
}

// write records a batch.
func (l *runner) write(batch []outcome) {
	ctx, cancel := l.r.writingWithin(lastWithin) // for a sender's pause: the next refusal tells of it, too
	defer cancel()
	results, items := l.recorded[:0], l.finished[:0]
	var sum Summary
	for i := range batch {
		o := &batch[i]
		results, items = append(results, store.Result{}), append(items, o.item)
		l.result(ctx, o, &results[i])
		sum.add(counted(results[i].Transition))
	}
	defer func() {
		clear(results)
		clear(items)
		l.recorded, l.finished = results, items
	}()
	if n := handed(batch); n == 0 && l.r.left.away.Load() || !l.keep(results) {
		l.r.left.outcomes.Add(int64(n))
		l.r.unanswered()
	}
	l.r.total.add(sum)
	l.count(sum.Sent)
	l.adapt(batch)
	l.lapsed(batch)
	l.unbegun(batch)
	l.done(items...)
}

// slowest is what a record may take at the least before its connection counts as one that
// hangs: a far database needs its round trips however short the lease is.
const slowest = 10 * time.Second

// keep writes results down. It tries again as long as the claims last, and where the
// database is away, or others keep us from it, as long as the run does: nobody else can
// claim then, either, and an outcome that is known must not become uncertain. Once the
// program is to end it tries for lastWithin. It tells whether they are written.
func (l *runner) keep(results []store.Result) bool {
	d := l.r.d
	_, span := d.span(context.Background(), "record", l.lane, len(results))
	defer span.End()
	// Each try has a connection of its own: one that hangs must not hold the others.
	last, end := l.r.writing()
	defer end()
	until := d.Clock.Machine().Add(d.Config.Lease / 4)
	tried := false
	defer func() {
		if tried {
			d.unkept.Add(-1)
		}
	}()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, idle) {
		ctx, cancel := context.WithTimeout(last, max(d.Config.Lease/4, slowest))
		lost, err := d.Store.Record(ctx, results, d.Clock.Business())
		cancel()
		d.unwritten.Store(&err)
		if err == nil {
			d.Metrics.lost(lost)
			return true
		}
		if !tried {
			tried = true
			d.unkept.Add(1)
		}
		d.failed("record", err)
		away := errors.Is(store.Cause(err), store.ErrAway) || store.Passes(err) || errors.Is(err, context.DeadlineExceeded)
		if waits := away && !l.r.once && l.r.ctx.Err() == nil; last.Err() != nil || !waits && d.Clock.Machine().After(until) {
			l.r.fail(err)
			return false
		}
		select {
		case <-last.Done():
		case <-time.After(wait):
		}
	}
}

// handed is how many messages of a batch their provider may have taken.
func handed(batch []outcome) (n int) {
	for _, o := range batch {
		if o.unsent.IsZero() {
			n++
		}
	}
	return n
}

// unbegun hands back the outreach of messages whose begin failed: it is still claimed
// where the commit did not happen.
func (l *runner) unbegun(batch []outcome) {
	var os []store.Outreach
	for _, o := range batch {
		if !o.unsent.IsZero() && o.item.outreach != nil {
			os = append(os, *o.item.outreach)
		}
	}
	if len(os) > 0 {
		l.r.giveBack(os)
	}
}

// logEvery is how many messages share a line of the log.
const logEvery = 1000

func (l *runner) count(sent int) {
	if sent == 0 {
		return
	}
	d := l.r.d
	now := d.Clock.Machine()
	l.mu.Lock()
	l.speed.add(now, sent)
	l.sent += int64(sent)
	total, rate := l.sent, l.speed.mean(now)
	l.mu.Unlock()
	if total/logEvery > (total-int64(sent))/logEvery {
		d.Log.Info("messages sent", "channel", l.lane.channel, "dealer", l.lane.dealer, "total", total, "per_second", int(rate))
	}
}

// Limits of a lane's width after a provider's refusal, and how many failures in a row
// say that the provider is away.
const (
	narrow   = 8
	awayFrom = 8
)

// adapt narrows a lane whose provider refuses or is away, lets it rest, and widens it
// again with each batch that the provider took.
func (l *runner) adapt(batch []outcome) {
	d := l.r.d
	now := d.Clock.Machine()
	accepted, wait, why := 0, time.Duration(0), ""
	l.mu.Lock()
	for _, o := range batch {
		e := channels.AsError(o.err)
		switch {
		case !o.unsent.IsZero():
		case e == nil:
			accepted++
			l.failing = 0
		case e.Class == channels.Throttled && e.Scope != channels.ScopeMessage:
			wait, why = max(wait, e.RetryAfter, idle), "throttled"
		case e.Class == channels.Transient && e.Scope != channels.ScopeMessage:
			l.failing++
		}
	}
	if l.failing >= awayFrom {
		// One group a rest, so that the messages' attempts last while it is away.
		wait, why = max(wait, min(idle<<min(l.failing/awayFrom, 6), time.Minute)), "provider_away"
	}
	switch {
	case wait > 0:
		l.width = narrow
	case accepted > 0:
		l.width = min(2*l.width, d.Config.Window)
	}
	l.mu.Unlock()
	if wait > 0 {
		d.rest(scope{l.lane.channel, l.lane.sender}, rest{until: now.Add(wait), reason: why})
	}
}

// result fills in what is recorded of an outcome, and lets a sender rest that cannot
// send.
func (l *runner) result(ctx context.Context, o *outcome, r *store.Result) {
	d := l.r.d
	r.Message = o.item.begun.Message
	r.At = d.Clock.Business()
	if !o.unsent.IsZero() {
		r.Transition = putOff(o.unsent)
		return
	}
	now, m := d.Clock.Machine(), &r.Message
	r.Transition = outreach.Next(d.attempt(m), o.err, now)
	r.Receipt, r.Err = o.receipt, channels.AsError(o.err)
	t := &r.Transition
	if m.Options.Edit != "" {
		// The provider knows the edit by the id of the message it replaced, which is
		// that row's and stays unique.
		r.Receipt.ProviderID = ""
	}
	class := "accepted"
	if r.Err != nil {
		class = r.Err.Class.String()
	}
	d.Metrics.outcome(l.lane.channel, class, t.State)
	switch {
	case t.Pause != "":
		d.suspend(ctx, l.lane, r.Err, *t)
	case o.err == nil:
		d.lift(ctx, l.lane, o.handed)
	}
	if t.Open && needsPerson(m.Purpose) {
		r.Task = undelivered(m, r.Err, r.At)
	}
}

func (d *Dispatcher) attempt(m *store.Message) outreach.Attempt {
	h := fnv.New32a()
	_, _ = h.Write([]byte(m.ID))
	return outreach.Attempt{Channel: m.Channel, Attempts: m.Attempts, Asked: m.Asked, ValidUntil: m.ValidUntil, Jitter: float64(h.Sum32()%1000) / 1000, Waits: d.Config.Waits}
}

// needsPerson tells whether somebody has to be told when a message of this purpose
// does not arrive. A survey that does not arrive leaves its phone step.
func needsPerson(p outreach.Purpose) bool {
	return p == outreach.Callback || p == outreach.Service
}

func undelivered(m *store.Message, e *channels.Error, now time.Time) *store.Task {
	t := &store.Task{DealerID: m.DealerID, Kind: store.TaskUndelivered, ContactID: m.ContactID, MessageID: m.ID, Reason: "undelivered", DueAt: now.Add(2 * time.Hour), WayIn: string(m.Channel)}
	if e != nil {
		t.Reason = "undelivered_" + e.Class.String()
	}
	return t
}

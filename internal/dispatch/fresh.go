package dispatch

import (
	"context"
	"maps"
	"slices"
	"time"

	"otklik/internal/ratelimit"
	"otklik/internal/store"
)

// A lane that may send a message in ten seconds holds some that were judged a minute
// ago, and what they were judged on has changed since: people complain, hours end.
// A verdict that is older than this is given anew before its message is begun. The end
// of a window is kept to the moment (item.until), and an opt-out ends the claims of
// what has not begun (store.SuppressAll).
const fresh = 2 * time.Second

// fresh judges anew what was judged a while ago. What may not leave any more is settled
// as the feeders settle it, what has to go another way now is dealt to its lane.
func (l *runner) fresh(ctx context.Context, group []*item) []*item {
	now, business := l.r.d.Clock.Machine(), l.r.d.Clock.Business()
	stale := func(it *item) bool { return now.Sub(it.seen) > fresh || it.over(business) }
	var old []*item
	for _, it := range group {
		if stale(it) {
			old = append(old, it)
		}
	}
	if len(old) == 0 {
		return group
	}
	within, cancel := context.WithTimeout(ctx, l.r.d.Config.Lease/4)
	defer cancel()
	judged, err := l.rejudge(within, old)
	if err != nil {
		if ctx.Err() == nil {
			l.r.d.failed("judging anew", err)
			l.r.fail(err)
		}
		l.release(old)
	}
	out := group[:0]
	for _, it := range group {
		if !stale(it) {
			out = append(out, it)
		} else if again := judged[it.id()]; again != nil {
			out = append(out, again)
		}
	}
	return out
}

// rejudge returns those that still go by this lane, by id; the others are not under way
// here any more.
func (l *runner) rejudge(ctx context.Context, old []*item) (map[string]*item, error) {
	var os []store.Outreach
	var ms []store.Message
	before := make(map[string]*item, len(old))
	for _, it := range old {
		before[it.id()] = it
		if it.outreach != nil {
			os = append(os, *it.outreach)
		} else {
			ms = append(ms, it.begun.Message)
		}
	}
	items, err := l.r.judge(ctx, os)
	if err != nil {
		return nil, err
	}
	messages, err := l.r.admit(ctx, ms)
	if err != nil {
		return nil, err
	}
	still := make(map[string]*item, len(old))
	var elsewhere []*item
	for _, it := range append(messages, items...) {
		was := before[it.id()]
		it.claimed, it.seq = was.claimed, was.seq
		if it.outreach != nil && (it.lane != was.lane || it.address != was.address) {
			elsewhere = append(elsewhere, it)
			continue
		}
		still[it.id()] = it
		delete(before, it.id())
	}
	if err := l.r.deal(ctx, elsewhere); err != nil {
		l.r.d.failed("judging anew", err)
		l.r.fail(err)
		back := make([]store.Outreach, len(elsewhere))
		for i, it := range elsewhere {
			back[i] = *it.outreach
		}
		l.r.giveBack(back)
	}
	l.done(slices.Collect(maps.Values(before))...)
	return still, nil
}

// allowed hands back what the end of its window, or its deadline, has overtaken.
func (l *runner) allowed(group []*item, slots []ratelimit.Slot) ([]*item, []ratelimit.Slot) {
	now := l.r.d.Clock.Business()
	var over []*item
	kept, times := group[:0], slots[:0]
	for i, it := range group {
		if it.over(now) {
			over = append(over, it)
			continue
		}
		kept, times = append(kept, it), append(times, slots[i])
	}
	if len(over) > 0 {
		l.release(over)
	}
	return kept, times
}

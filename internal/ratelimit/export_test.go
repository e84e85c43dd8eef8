package ratelimit

import (
	"context"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// DialForLong is Dial for a loaded machine: the server answers, and may be late.
func DialForLong(address string) (redis.UniversalClient, error) {
	return dial(address, patience{dial: time.Minute, command: time.Minute})
}

// DialAlert is Dial for a cluster that is asked for its masters all the time.
func DialAlert(address string) (redis.UniversalClient, error) {
	return dialCluster(address, patience{dial: time.Minute, command: time.Minute}, 10*time.Millisecond)
}

// ReserveAt is Reserve on the server's own time line, which has no travel time in
// it, with the server's now.
func (r *Redis) ReserveAt(ctx context.Context, demands []Demand, horizon time.Duration) ([]Slot, time.Time, error) {
	p := new(plan)
	at, err := r.ask(ctx, p, demands, horizon)
	if err != nil {
		return nil, time.Time{}, err
	}
	server := time.UnixMicro(at).UTC()
	return p.slots(server, at, server), server, nil
}

// Trust has an empty server taken for one that has lost nothing: its buckets are full.
func (r *Redis) Trust(ctx context.Context) error {
	if err := r.Check(ctx); err != nil {
		return err
	}
	mark, err := r.client.Get(ctx, r.mark).Result()
	if err != nil {
		return err
	}
	_, history, _ := strings.Cut(mark, " ")
	return r.client.Set(ctx, r.mark, "0 "+history, 0).Err()
}

// Rule is the pure rule on arrival times by key, which it changes.
func Rule(tats map[string]time.Time, demands []Demand, now time.Time, horizon time.Duration) ([]Slot, error) {
	return RuleSince(time.UnixMicro(0), tats, demands, now, horizon)
}

// RuleSince is the rule on arrival times that know nothing of what was granted before.
func RuleSince(since time.Time, tats map[string]time.Time, demands []Demand, now time.Time, horizon time.Duration) ([]Slot, error) {
	p := new(plan)
	if err := p.read(demands); err != nil {
		return nil, err
	}
	ts := make([]int64, len(p.cells))
	for i, c := range p.cells {
		if t := tats[c.name.String()]; !t.IsZero() {
			ts[i] = t.UnixMicro()
		}
	}
	at := now.UnixMicro()
	before := append([]int64(nil), ts...)
	p.schedule(ts, since.UnixMicro(), at, cut(horizon))
	for i, c := range p.cells {
		if ts[i] != before[i] {
			tats[c.name.String()] = time.UnixMicro(ts[i]).UTC()
		}
	}
	return p.slots(now, at, now), nil
}

// Len is the number of buckets that are kept.
func (m *Memory) Len() int { return len(m.tats) }

package ratelimit

import (
	"context"
	"time"
)

// TakeAt is Take on the server's own time line, for comparison with Decide.
func (r *Redis) TakeAt(ctx context.Context, buckets []Bucket) (Verdict, time.Time, error) {
	a, err := r.ask(ctx, buckets)
	server := time.UnixMicro(a.now).UTC()
	if err != nil || a.by == 0 {
		return Verdict{OK: err == nil, At: server}, server, err
	}
	return Verdict{At: time.UnixMicro(a.at).UTC(), Key: buckets[a.by-1].Key}, server, nil
}

// Len is the number of buckets that are kept.
func (m *Memory) Len() int { return len(m.tats) }

package ratelimit

import (
	"context"
	"sync"
	"time"
)

// Memory keeps buckets in the process: the cells of a single node, and what
// replies go by while Redis is away.
type Memory struct {
	mu    sync.Mutex
	tats  map[string]time.Time
	sweep int
}

// sweepFloor is the number of buckets below which old ones are not looked for.
const sweepFloor = 1024

// NewMemory returns cells in which every bucket is full.
func NewMemory() *Memory {
	return &Memory{tats: make(map[string]time.Time), sweep: sweepFloor}
}

// Take implements Cells; it never returns ErrUnavailable and never blocks for
// longer than the rule takes.
func (m *Memory) Take(_ context.Context, now time.Time, buckets []Bucket) (Verdict, error) {
	buckets, err := limited(buckets)
	if err != nil {
		return Verdict{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	tats := make([]time.Time, len(buckets))
	for i, b := range buckets {
		tats[i] = m.tats[b.Key]
	}
	v, next := Decide(tats, buckets, now)
	if !v.OK {
		return v, nil
	}
	for i, b := range buckets {
		m.tats[b.Key] = next[i]
	}
	m.forget(now)
	return v, nil
}

// forget drops buckets that are full again, which says the same as their
// absence. It looks only when the map has doubled, so that a call costs a
// constant on average.
func (m *Memory) forget(now time.Time) {
	if len(m.tats) < m.sweep {
		return
	}
	for k, tat := range m.tats {
		if !tat.After(now) {
			delete(m.tats, k)
		}
	}
	m.sweep = max(sweepFloor, 2*len(m.tats))
}

package ratelimit

import (
	"context"
	"sync"
	"time"

	"otklik/internal/jolt"
)

// Memory keeps buckets in the process: the cells of a single node, and what
// replies go by while Redis is away.
type Memory struct {
	mu    sync.Mutex
	tats  map[name]int64 // arrival times, Unix microseconds
	sweep int
	plan  plan
	kept  []int64 // arrival times of the plan's cells
}

// sweepFloor is the number of buckets below which old ones are not looked for.
const sweepFloor = 1024

// NewMemory returns cells in which every bucket is full.
func NewMemory() *Memory {
	return &Memory{tats: make(map[name]int64), sweep: sweepFloor}
}

// Reserve implements Cells; it never returns ErrUnavailable and never blocks for
// longer than the rule takes.
func (m *Memory) Reserve(_ context.Context, now time.Time, demands []Demand, horizon time.Duration) ([]Slot, error) {
	jolt.Here()
	m.mu.Lock()
	defer m.mu.Unlock()
	p := &m.plan
	if err := p.read(demands); err != nil {
		return nil, err
	}
	m.kept = m.kept[:0]
	for _, c := range p.cells {
		m.kept = append(m.kept, m.tats[c.name])
	}
	origin := whole(now)
	at := origin.UnixMicro()
	p.schedule(m.kept, 0, at, cut(horizon))
	for i, c := range p.cells {
		if m.kept[i] > at { // what is full needs no cell
			m.tats[c.name] = m.kept[i]
		}
	}
	m.forget(at)
	return p.slots(origin, at, now), nil
}

// whole rounds a time up to microseconds, so that a slot is never before now nor
// before what the rule says.
func whole(t time.Time) time.Time {
	if rest := t.Nanosecond() % 1000; rest != 0 {
		return t.Add(time.Duration(1000 - rest))
	}
	return t
}

// forget drops buckets that are full again, which says the same as their
// absence. It looks only when the map has doubled, so that a call costs a
// constant on average.
func (m *Memory) forget(now int64) {
	if len(m.tats) < m.sweep {
		return
	}
	for k, tat := range m.tats {
		if tat <= now {
			delete(m.tats, k)
		}
	}
	m.sweep = max(sweepFloor, 2*len(m.tats))
}

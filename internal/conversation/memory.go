package conversation

import (
	"context"
	"sync"
	"time"
)

// capacity bounds the copies of a process to some 15 MB. What falls out is
// reloaded from SQL.
const capacity = 50_000

// Memory keeps copies in the process: for a single node, and for the time that
// Redis is away.
type Memory struct {
	now   func() time.Time
	mu    sync.Mutex
	known map[Key]entry
	held  map[string]*hold
}

// hold is a taken lock; its address tells one holder from the next.
type hold struct{ until time.Time }

// NewMemory returns empty copies. now is machine time and measures locks.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, known: make(map[Key]entry), held: make(map[string]*hold)}
}

// Get implements Copies without error.
func (m *Memory) Get(_ context.Context, key Key) (Position, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.known[key]
	if !ok || e.dropped {
		return Position{}, false, nil
	}
	return e.Position, true, nil
}

// Put implements Copies without error. At capacity another copy makes room.
func (m *Memory) Put(_ context.Context, key Key, p Position) error {
	p = p.exact()
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.known[key]
	if ok && !e.yields(p) {
		return nil
	}
	if !ok && len(m.known) >= capacity {
		for other := range m.known {
			delete(m.known, other)
			break
		}
	}
	m.known[key] = entry{Position: p}
	return nil
}

// Drop implements Copies without error.
func (m *Memory) Drop(_ context.Context, key Key, version int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.known[key]; ok && e.Version <= version {
		m.known[key] = entry{Position: Position{ConversationID: e.ConversationID, Version: version}, dropped: true}
	}
	return nil
}

// Lock implements Copies without error.
func (m *Memory) Lock(_ context.Context, contactID string, ttl time.Duration) (func(), bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if h, ok := m.held[contactID]; ok && now.Before(h.until) {
		return func() {}, false, nil
	}
	mine := &hold{until: now.Add(ttl)}
	m.held[contactID] = mine
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.held[contactID] == mine {
			delete(m.held, contactID)
		}
	}, true, nil
}

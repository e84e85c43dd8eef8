package clock

import (
	"sync/atomic"
	"time"
)

// Tolerance is how far a machine's clock may be from the database's before it is put
// right. Synchronised machines are nearer, and no lease is so short.
const Tolerance = time.Second

// Shared is the system clock put right by the database's, so that the nodes on one
// database agree: one node's leases and rate cells are read by the others, and a node
// whose clock is ahead would find them over. Both times are the same. The zero value is
// the system clock; safe for concurrent use.
type Shared struct {
	// Now is the system clock; nil for time.Now.
	Now    func() time.Time
	behind atomic.Int64
}

// System is the system time, not put right.
func (s *Shared) System() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// Business is the system time put right.
func (s *Shared) Business() time.Time { return s.Machine() }

// Machine is the system time put right, without a monotonic reading as System's.
func (s *Shared) Machine() time.Time { return s.System().UTC().Add(s.Behind()) }

// Behind is by how much the system clock is put right: positive where it is behind.
func (s *Shared) Behind() time.Duration { return time.Duration(s.behind.Load()) }

// Right takes a measurement: how far the system clock is behind, and by how much that may
// be wrong. It tells whether the clock was changed by it; small differences change
// nothing.
func (s *Shared) Right(behind, within time.Duration) bool {
	if (behind - s.Behind()).Abs() <= max(Tolerance, within) {
		return false
	}
	if behind.Abs() <= Tolerance {
		behind = 0
	}
	s.behind.Store(int64(behind))
	return true
}

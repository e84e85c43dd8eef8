// Package clock owns the two clocks of the program (invariant 12).
//
// Business time decides plans, quiet hours, caps, deadlines, callback clocks and
// form expiry; in the sandbox it can be moved forward. Machine time measures
// claims, back-off, rate cells, sessions and timeouts and is never moved. Both
// are passed in; nothing below internal/app reads the system clock itself.
package clock

import (
	"errors"
	"sync/atomic"
	"time"
)

// Clock tells both times, in UTC.
type Clock interface {
	Business() time.Time
	Machine() time.Time
}

// System is the real clock: both times are the same.
type System struct{}

// Business is the system time.
func (System) Business() time.Time { return time.Now().UTC() }

// Machine is the system time. It is the wall clock, as it stands in the database, without
// the monotonic reading, which stands still while the machine is suspended.
func (System) Machine() time.Time { return time.Now().UTC() }

// ErrBackward is returned when business time would move backward.
var ErrBackward = errors.New("business time only moves forward")

// Movable is the sandbox's clock: business time runs with the system clock plus
// an offset that only grows. Safe for concurrent use.
type Movable struct{ offset atomic.Int64 }

// NewMovable starts at the offset that the database remembers.
func NewMovable(offset time.Duration) *Movable {
	m := &Movable{}
	m.offset.Store(int64(offset))
	return m
}

// Business is the system time plus the offset.
func (m *Movable) Business() time.Time { return time.Now().UTC().Add(m.Offset()) }

// Machine is the system time.
func (m *Movable) Machine() time.Time { return time.Now().UTC() }

// Offset is how far business time is ahead.
func (m *Movable) Offset() time.Duration { return time.Duration(m.offset.Load()) }

// Advance moves business time forward by d and returns the new offset. The
// caller keeps it in the database before anything acts on it.
func (m *Movable) Advance(d time.Duration) (time.Duration, error) {
	if d < 0 {
		return m.Offset(), ErrBackward
	}
	return time.Duration(m.offset.Add(int64(d))), nil
}

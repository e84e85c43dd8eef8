package dispatchtest

import (
	"sync/atomic"
	"time"

	"otklik/internal/clock"
)

// Clock is a rig's: business time runs with the system's until Stand, and moves by
// Forward.
type Clock struct {
	*clock.Movable
	stood atomic.Int64 // Unix microseconds
}

// Stand keeps business time from running on, so that how slow the machine is decides
// nothing in a test of seconds. Each look at it is a microsecond later than the one
// before: what comes one after the other stays in order.
func (c *Clock) Stand() { c.stood.Store(time.Now().UnixMicro()) }

// Business is the system time plus the offset, or where it stands.
func (c *Clock) Business() time.Time {
	if c.stood.Load() == 0 {
		return c.Movable.Business()
	}
	return time.UnixMicro(c.stood.Add(1)).UTC().Add(c.Offset())
}

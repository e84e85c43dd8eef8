package dispatchtest

import (
	"sync/atomic"
	"testing"
	"time"

	"otklik/internal/dispatch"
)

// Stopped is a clock whose business time moves only when the test says so, so that what
// happens has exactly the time for which it was planned.
type Stopped struct{ at atomic.Int64 }

// Stop replaces the dispatcher's clock by one that stands at a moment.
func (r *Rig) Stop(at time.Time) *Stopped {
	c := &Stopped{}
	c.Set(at)
	r.Dispatcher.Clock = c
	return c
}

// Set moves business time.
func (c *Stopped) Set(at time.Time) { c.at.Store(at.UnixMicro()) }

// Business is where the test has set it.
func (c *Stopped) Business() time.Time { return time.UnixMicro(c.at.Load()).UTC() }

// Machine is the system time.
func (c *Stopped) Machine() time.Time { return time.Now().UTC() }

// Foresee is what the plan of a span, made at a moment, says will happen in it.
func (r *Rig) Foresee(t testing.TB, from, to, at time.Time) (out []dispatch.Forecast) {
	t.Helper()
	for fs, err := range r.Dispatcher.Forecasts(t.Context(), r.Dealer.ID, from, r.Planner.Preview(t.Context(), r.Dealer.ID, from, to, at)) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fs...)
	}
	return out
}

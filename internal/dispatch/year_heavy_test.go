//go:build heavy

package dispatch_test

import (
	"testing"
	"time"
)

// TestHeavyYear lives through a year on both engines, on the embedded one with more
// people, and compares it with the plan that was made on its first day.
func TestHeavyYear(t *testing.T) {
	for engine, people := range map[string]int{"sqlite": 50, "postgres": 20} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			yearOf(t, engine, uint64(people), people, 365*24*time.Hour)
		})
	}
}

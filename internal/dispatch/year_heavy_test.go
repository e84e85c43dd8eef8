//go:build heavy

package dispatch_test

import (
	"testing"
	"time"
)

// TestHeavyYear lives through a year of fifty people on both engines and compares it
// with the plan that was made on its first day.
func TestHeavyYear(t *testing.T) {
	for i, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) { yearOf(t, engine, uint64(10+i), 50, 365*24*time.Hour) })
	}
}

package testserver_test

import (
	"testing"
	"time"

	"otklik/internal/testserver"
)

// TestNoon: at any hour there is a zone where it is noon.
func TestNoon(t *testing.T) {
	t.Parallel()
	for hour := range 24 {
		now := time.Date(2026, 6, 1, hour, 59, 0, 0, time.UTC)
		zone, err := time.LoadLocation(testserver.Noon(now))
		if err != nil {
			t.Fatal(err)
		}
		if got := now.In(zone).Hour(); got != 12 {
			t.Errorf("at %d UTC it is %d o'clock in %s", hour, got, zone)
		}
	}
}

//go:build soak

package crash_test

import (
	"os"
	"testing"
	"time"
)

// patience is how long the soak goes on: OTKLIK_SOAK, or as long as it takes.
func patience(t *testing.T) time.Duration {
	t.Helper()
	given := os.Getenv("OTKLIK_SOAK")
	if given == "" {
		return 24 * time.Hour
	}
	d, err := time.ParseDuration(given)
	if err != nil {
		t.Fatalf("OTKLIK_SOAK: %v", err)
	}
	return d
}

// TestSoakKills kills a hundred times and more: every wrongdoing of the providers
// beside every outage that a setting knows. The rows are compared with the sinks at
// the end of each setting.
func TestSoakKills(t *testing.T) {
	seed, deadline := seed(t), time.Now().Add(patience(t))
	kills, all := 0, 0
	for _, c := range []struct {
		setting setting
		outages []outage
	}{
		{setting{engine: "sqlite", nodes: 1, people: 3000}, []outage{calm}},
		{setting{engine: "postgres", nodes: 1, people: 3000}, []outage{calm, rowsRestart, rowsCrash}},
		{setting{engine: "postgres", nodes: 3, redis: true, people: 3000}, []outage{calm, flushed, redisAway, redisCut, rowsRestart, rowsCrash, rowsCut}},
	} {
		all += len(c.outages) * len(wrongdoings())
		t.Run(c.setting.String(), func(t *testing.T) {
			w := newTown(t, c.setting, seed)
			w.open()
			for _, o := range c.outages {
				for _, x := range wrongdoings() {
					if time.Now().Before(deadline) {
						w.round(x, o)
					}
				}
			}
			w.end()
			kills += w.kills
		})
	}
	t.Logf("%d of %d kills", kills, all)
}

//go:build heavy

package crash_test

import "testing"

// TestHeavyKills kills five times in all, on both engines: one node on SQLite, three
// on PostgreSQL with Redis.
func TestHeavyKills(t *testing.T) {
	seed := seed(t)
	by := map[string]wrongdoing{}
	for _, x := range wrongdoings() {
		by[x.name] = x
	}
	type round struct {
		provider string
		outage   outage
	}
	for _, c := range []struct {
		setting setting
		rounds  []round
	}{
		{setting{engine: "sqlite", nodes: 1, people: 1200}, []round{{"resets before the answer", calm}, {"fails and has taken it", calm}}},
		{setting{engine: "postgres", nodes: 3, redis: true, reports: true, people: 1200}, []round{{"resets within the answer", flushed}, {"throttles", redisAway}, {"hangs before the answer", rowsCrash}}},
	} {
		t.Run(c.setting.engine, func(t *testing.T) {
			t.Parallel()
			w := newTown(t, c.setting, seed)
			w.open()
			for _, r := range c.rounds {
				x, ok := by[r.provider]
				if !ok {
					t.Fatalf("no provider %s", r.provider)
				}
				w.round(x, r.outage)
			}
			w.end()
		})
	}
}

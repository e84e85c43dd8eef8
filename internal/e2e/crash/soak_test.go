//go:build soak

package crash_test

import (
	"testing"
	"time"
)

// patience is how long the soak goes on killing: OTKLIK_SOAK, or as long as it takes.
func patience(t *testing.T) time.Duration {
	t.Helper()
	if soakTime == "" {
		return 24 * time.Hour
	}
	d, err := time.ParseDuration(soakTime)
	if err != nil {
		t.Fatalf("OTKLIK_SOAK: %v", err)
	}
	return d
}

// TestSoakKills kills a hundred times and more: every wrongdoing of the providers
// beside every outage that a setting knows, in an order that the seed draws. The rows
// are compared with the sinks at the end of each setting. When the time is short,
// each setting kills for its share of it; what was begun is finished.
func TestSoakKills(t *testing.T) {
	seed, began, limit := seed(t), time.Now(), patience(t)
	settings := []struct {
		setting setting
		outages []outage
	}{
		{setting{engine: "sqlite", nodes: 1, people: 1500}, []outage{calm}},
		{setting{engine: "postgres", nodes: 1, people: 1500}, []outage{calm, rowsRestart, rowsCrash, rowsTorn}},
		{setting{engine: "postgres", nodes: 3, redis: true, reports: true, people: 1500},
			[]outage{calm, flushed, redisAway, redisTorn, rowsRestart, rowsCrash, rowsCut, rowsTorn, rowsSilent}},
	}
	all, kills := 0, 0
	for _, c := range settings {
		all += len(c.outages) * len(wrongdoings())
	}
	for _, c := range settings {
		var rounds []func(w *town)
		for _, o := range c.outages {
			for _, x := range wrongdoings() {
				rounds = append(rounds, func(w *town) { w.round(x, o) })
			}
		}
		t.Run(c.setting.String(), func(t *testing.T) {
			w := newTown(t, c.setting, seed)
			w.open()
			w.random.Shuffle(len(rounds), func(i, j int) { rounds[i], rounds[j] = rounds[j], rounds[i] })
			deadline := time.Now().Add(limit / time.Duration(all) * time.Duration(len(rounds)))
			for i, round := range rounds {
				if i == 0 || time.Now().Before(deadline) {
					round(w)
				}
			}
			w.end()
			kills += w.kills
		})
	}
	t.Logf("%d kills of %d in %v", kills, all, time.Since(began).Round(time.Second))
}

// TestSoakDeafProvider: a provider that takes messages, fails to say so and cannot be
// asked for longer than our clocks may differ (sms.Ask) and the second question waits
// is asked until it answers, and is found to have them all.
func TestSoakDeafProvider(t *testing.T) {
	w := newTown(t, setting{engine: "sqlite", nodes: 1, people: 800}, seed(t))
	w.open()
	const some = 10
	w.texts.hush(true)
	w.texts.set(refusal{status: 500, taken: true, share: 0.2})
	if !w.until(time.Minute, func() bool { return w.texts.struck() >= some }) {
		t.Fatalf("%d messages are uncertain", w.texts.struck())
	}
	w.texts.set(refusal{})
	heard := time.Now().Add(time.Minute + 10*ask + 20*time.Second)
	if !w.until(5*time.Minute, func() bool { return w.texts.asked(some, 2) && time.Now().After(heard) }) {
		t.Error("the provider was not asked twice")
	}
	w.texts.hush(false)
	w.end()
}

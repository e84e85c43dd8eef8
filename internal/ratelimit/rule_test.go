package ratelimit_test

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"otklik/internal/ratelimit"
)

var noon = time.Date(2027, 3, 8, 12, 0, 0, 0, time.UTC)

// ms is a moment after noon.
func ms(n int) time.Time { return noon.Add(time.Duration(n) * time.Millisecond) }

// of is a demand for one unit of each limit, by name.
func of(limits map[string]ratelimit.Limit, cost int, names ...string) ratelimit.Demand {
	var d ratelimit.Demand
	for _, n := range names {
		d = append(d, ratelimit.Bucket{Key: n, Limit: limits[n], Cost: cost})
	}
	return d
}

func TestRule(t *testing.T) {
	limits := map[string]ratelimit.Limit{
		"one":   {Period: 100 * time.Millisecond, Burst: 1},
		"other": {Period: 100 * time.Millisecond, Burst: 1},
		"three": {Period: 100 * time.Millisecond, Burst: 3},
		"slow":  {Period: 10 * time.Second, Burst: 1},
		"odd":   {Period: 1001, Burst: 1},
		"free":  {},
	}
	yes := func(n int) ratelimit.Slot { return ratelimit.Slot{OK: true, At: ms(n)} }
	no := func(n int, key string) ratelimit.Slot { return ratelimit.Slot{At: ms(n), Key: key} }
	type tats = map[string]time.Time
	tests := []struct {
		name    string
		tats    tats
		demands []ratelimit.Demand
		horizon time.Duration
		want    []ratelimit.Slot
		next    tats
	}{
		{"first use", tats{}, []ratelimit.Demand{of(limits, 1, "one")}, 0, []ratelimit.Slot{yes(0)}, tats{"one": ms(100)}},
		{"spent", tats{"one": ms(70)}, []ratelimit.Demand{of(limits, 1, "one")}, 0, []ratelimit.Slot{no(70, "one")}, tats{"one": ms(70)}},
		{"spent, within the horizon", tats{"one": ms(70)}, []ratelimit.Demand{of(limits, 1, "one")}, 70 * time.Millisecond,
			[]ratelimit.Slot{yes(70)}, tats{"one": ms(170)}},
		{"spent, a microsecond beyond the horizon", tats{"one": ms(70)}, []ratelimit.Demand{of(limits, 1, "one")}, 70*time.Millisecond - time.Microsecond,
			[]ratelimit.Slot{no(70, "one")}, tats{"one": ms(70)}},
		{"free at this very microsecond", tats{"one": ms(0)}, []ratelimit.Demand{of(limits, 1, "one")}, 0, []ratelimit.Slot{yes(0)}, tats{"one": ms(100)}},
		{"last of a burst", tats{"three": ms(200)}, []ratelimit.Demand{of(limits, 1, "three")}, 0, []ratelimit.Slot{yes(0)}, tats{"three": ms(300)}},
		{"cost waits for as many units", tats{"three": ms(200)}, []ratelimit.Demand{of(limits, 2, "three")}, 0,
			[]ratelimit.Slot{no(100, "three")}, tats{"three": ms(200)}},
		{"cost above the burst goes when full and is paid afterwards", tats{"one": ms(0)}, []ratelimit.Demand{of(limits, 5, "one")}, 0,
			[]ratelimit.Slot{yes(0)}, tats{"one": ms(500)}},
		{"one refusal takes nothing anywhere", tats{"other": ms(50)}, []ratelimit.Demand{of(limits, 1, "one", "other")}, 0,
			[]ratelimit.Slot{no(50, "other")}, tats{"other": ms(50)}},
		{"the last to be free is named", tats{"one": ms(80), "other": ms(50)}, []ratelimit.Demand{of(limits, 1, "one", "other")}, 0,
			[]ratelimit.Slot{no(80, "one")}, tats{"one": ms(80), "other": ms(50)}},
		{"no limit", tats{"free": ms(50)}, []ratelimit.Demand{of(limits, 9, "free"), {}}, 0, []ratelimit.Slot{yes(0), yes(0)}, tats{"free": ms(50)}},
		{"period rounds up to whole microseconds", tats{}, []ratelimit.Demand{of(limits, 1, "odd")}, 0,
			[]ratelimit.Slot{yes(0)}, tats{"odd": noon.Add(2 * time.Microsecond)}},
		{"a run", tats{"one": ms(30)},
			[]ratelimit.Demand{of(limits, 1, "one"), of(limits, 2, "one"), of(limits, 1, "one"), of(limits, 1, "one")}, 400 * time.Millisecond,
			[]ratelimit.Slot{yes(30), yes(130), yes(330), no(430, "one")}, tats{"one": ms(430)}},
		{"a burst, then a run", tats{}, []ratelimit.Demand{of(limits, 1, "three"), of(limits, 2, "three"), of(limits, 1, "three"), of(limits, 2, "three")}, time.Second,
			[]ratelimit.Slot{yes(0), yes(0), yes(100), yes(300)}, tats{"three": ms(600)}},
		{"who is refused holds nobody up", tats{"slow": ms(5000)},
			[]ratelimit.Demand{of(limits, 1, "slow", "three"), of(limits, 1, "three"), of(limits, 1, "slow"), of(limits, 1, "one")}, time.Second,
			[]ratelimit.Slot{no(5000, "slow"), yes(0), no(5000, "slow"), yes(0)}, tats{"slow": ms(5000), "three": ms(100), "one": ms(100)}},
		{"a shared bucket counts a message when it leaves", tats{"one": ms(500)},
			[]ratelimit.Demand{of(limits, 1, "one", "other"), of(limits, 1, "other")}, time.Second,
			[]ratelimit.Slot{yes(500), yes(600)}, tats{"one": ms(600), "other": ms(700)}},
		{"a burst is still there before what was reserved", tats{"one": ms(900)},
			[]ratelimit.Demand{of(limits, 1, "one", "three"), of(limits, 1, "three"), of(limits, 1, "three")}, time.Second,
			[]ratelimit.Slot{yes(900), yes(800), yes(900)}, tats{"one": ms(1000), "three": ms(1200)}},
		{"no horizon is longer than a second", tats{"one": ms(1001)}, []ratelimit.Demand{of(limits, 1, "one")}, time.Minute,
			[]ratelimit.Slot{no(1001, "one")}, tats{"one": ms(1001)}},
		{"a negative horizon is none", tats{}, []ratelimit.Demand{of(limits, 1, "one")}, -time.Second, []ratelimit.Slot{yes(0)}, tats{"one": ms(100)}},
		{"what another limit or clock left is not waited for", tats{"one": ms(86_400_000)}, []ratelimit.Demand{of(limits, 1, "one")}, 0,
			[]ratelimit.Slot{no(26_500, "one")}, tats{"one": ms(26_500)}},
		{"a cost beyond all counts as the most", tats{}, []ratelimit.Demand{of(limits, 9000, "one")}, 0, []ratelimit.Slot{yes(0)}, tats{"one": ms(25_500)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ratelimit.Rule(tt.tats, tt.demands, noon, tt.horizon)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("slots (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.next, tt.tats); d != "" {
				t.Errorf("arrival times (-want +got):\n%s", d)
			}
		})
	}
}

func TestRuleRefuses(t *testing.T) {
	b := ratelimit.Bucket{Key: "k", Limit: ratelimit.Rate(1, time.Second, 1)}
	faster := b
	faster.Limit.Burst = 2
	wide := ratelimit.Demand{}
	for i := range ratelimit.MaxBuckets + 1 {
		wide = append(wide, ratelimit.Bucket{Key: string(rune('a' + i)), Limit: b.Limit})
	}
	for name, demands := range map[string][]ratelimit.Demand{
		"a bucket twice in a demand": {{b}, {b, b}},
		"two limits in a call":       {{b}, {faster}},
		"too many demands":           make([]ratelimit.Demand, ratelimit.MaxDemands+1),
		"too many buckets":           {wide},
	} {
		if _, err := ratelimit.Rule(map[string]time.Time{}, demands, noon, 0); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	same := make([]ratelimit.Demand, ratelimit.MaxDemands)
	for i := range same {
		same[i] = wide[:ratelimit.MaxBuckets]
	}
	if _, err := ratelimit.Rule(map[string]time.Time{}, same, noon, 0); err != nil {
		t.Errorf("the most that may be asked: %v", err)
	}
}

// unit is one that was granted, by bucket.
type units map[string][]time.Time

func (u units) take(d ratelimit.Demand, at time.Time) {
	for _, b := range d {
		for range max(b.Cost, 1) {
			u[b.Scope+b.Key] = append(u[b.Scope+b.Key], at)
		}
	}
}

// most is the largest number of units in any window of that length.
func most(at []time.Time, per time.Duration) int {
	worst := 0
	for _, from := range at {
		in := 0
		for _, x := range at {
			if !x.Before(from) && x.Before(from.Add(per)) {
				in++
			}
		}
		worst = max(worst, in)
	}
	return worst
}

// Over any calls, whatever their order in time, no window has more units of any
// bucket than its rate allows plus the burst; each moment is the earliest; and
// whoever is refused took nothing and is admitted at the time that it names.
func TestRuleHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const per = time.Second
		limits, rates := map[string]ratelimit.Limit{}, map[string]int{}
		names := []string{"sender 1", "sender 2", "domain", "dealer", "global"}
		for _, n := range names {
			rates[n] = rapid.IntRange(1, 40).Draw(t, "rate of "+n)
			limits[n] = ratelimit.Rate(rates[n], per, rapid.IntRange(3, 10).Draw(t, "burst of "+n))
		}
		tats, now, taken := map[string]time.Time{}, noon, units{}
		for range rapid.IntRange(1, 12).Draw(t, "calls") {
			horizon := time.Duration(rapid.IntRange(0, 1000).Draw(t, "horizon")) * time.Millisecond
			var demands []ratelimit.Demand
			for range rapid.IntRange(1, 12).Draw(t, "demands") {
				buckets := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, len(names), rapid.ID[string]).Draw(t, "buckets")
				demands = append(demands, of(limits, rapid.IntRange(1, 3).Draw(t, "cost"), buckets...))
			}
			one := maps.Clone(tats)
			got, err := ratelimit.Rule(tats, demands, now, horizon)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range got {
				step(t, one, demands[i], now, s, horizon)
				if s.OK {
					taken.take(demands[i], s.At)
				}
			}
			if d := cmp.Diff(one, tats); d != "" {
				t.Fatalf("one by one leaves other arrival times:\n%s", d)
			}
			now = now.Add(time.Duration(rapid.IntRange(-300, 1500).Draw(t, "pause")) * time.Millisecond)
		}
		for n, at := range taken {
			if got, bound := most(at, per), rates[n]+limits[n].Burst-1; got > bound {
				t.Fatalf("%s: %d units in a window; at most %d", n, got, bound)
			}
		}
	})
}

// step checks one slot against the rule for one message at one moment.
func step(t *rapid.T, tats map[string]time.Time, d ratelimit.Demand, now time.Time, s ratelimit.Slot, horizon time.Duration) {
	ask := func(tats map[string]time.Time, at time.Time) ratelimit.Slot {
		got, err := ratelimit.Rule(tats, []ratelimit.Demand{d}, at, 0)
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	if s.At.Before(now) || s.OK != !s.At.After(now.Add(horizon)) {
		t.Fatalf("asked at %v for %v ahead: %+v", now, horizon, s)
	}
	if early := s.At.Add(-time.Microsecond); !early.Before(now) && ask(maps.Clone(tats), early).OK {
		t.Fatalf("admitted before the named time: %+v", s)
	}
	if !s.OK {
		tats = maps.Clone(tats)
	}
	if got := ask(tats, s.At); !got.OK || !got.At.Equal(s.At) {
		t.Fatalf("at the named time of %+v: %+v", s, got)
	}
}

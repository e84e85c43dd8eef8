package ratelimit_test

import (
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"otklik/internal/ratelimit"
	"otklik/internal/testserver"
)

// Cells that forgot wait until all that may have been reserved has left and the bucket
// has been spent, once.
func TestRuleSince(t *testing.T) {
	limits := map[string]ratelimit.Limit{
		"one":   {Period: 100 * time.Millisecond, Burst: 1},
		"three": {Period: 100 * time.Millisecond, Burst: 3},
		"hour":  {Period: time.Hour, Burst: 1},
	}
	for name, tt := range map[string]struct {
		since  int
		tats   map[string]time.Time
		demand ratelimit.Demand
		want   ratelimit.Slot
	}{
		"just now":                              {0, nil, of(limits, 1, "one"), ratelimit.Slot{At: ms(1100), Key: "one"}},
		"a burst is not there yet":              {0, nil, of(limits, 1, "three"), ratelimit.Slot{At: ms(1100), Key: "three"}},
		"a cost is waited for":                  {0, nil, of(limits, 2, "three"), ratelimit.Slot{At: ms(1200), Key: "three"}},
		"above the burst, too":                  {0, nil, of(limits, 5, "one"), ratelimit.Slot{At: ms(1500), Key: "one"}},
		"what is slow waits for a minute":       {0, nil, of(limits, 1, "hour"), ratelimit.Slot{At: ms(61_000), Key: "hour"}},
		"within the horizon":                    {-300, nil, of(limits, 1, "one"), ratelimit.Slot{OK: true, At: ms(800)}},
		"long ago":                              {-1100, nil, of(limits, 1, "one"), ratelimit.Slot{OK: true, At: ms(0)}},
		"what has been granted since is waited": {0, map[string]time.Time{"one": ms(1300)}, of(limits, 1, "one"), ratelimit.Slot{At: ms(1300), Key: "one"}},
	} {
		tats := maps.Clone(tt.tats)
		if tats == nil {
			tats = map[string]time.Time{}
		}
		got, err := ratelimit.RuleSince(ms(tt.since), tats, []ratelimit.Demand{tt.demand}, noon, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]ratelimit.Slot{tt.want}, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// Whatever the cells forget and whenever, no window has more than the limits allow.
func TestRuleHoldsThoughForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all, rates := map[string]ratelimit.Bucket{}, map[string]int{}
		names := []string{"sender", "domain", "dealer"}
		for _, n := range names {
			rates[n] = rapid.IntRange(1, 40).Draw(t, "rate of "+n)
			limit := ratelimit.Rate(rates[n], time.Second, rapid.IntRange(1, 10).Draw(t, "burst of "+n))
			all[n] = ratelimit.Bucket{Key: n, Limit: limit, Cost: rapid.IntRange(1, 5).Draw(t, "cost of "+n)}
		}
		tats, older, now, since, taken := map[string]time.Time{}, map[string]time.Time{}, noon, noon.Add(-time.Hour), units{}
		for range rapid.IntRange(1, 20).Draw(t, "calls") {
			switch rapid.SampledFrom([]string{"nothing", "nothing", "saves", "goes back", "forgets"}).Draw(t, "server") {
			case "saves":
				older = maps.Clone(tats)
			case "goes back":
				tats, since = maps.Clone(older), now
			case "forgets":
				tats, since = map[string]time.Time{}, now
			}
			var demands []ratelimit.Demand
			for range rapid.IntRange(1, 30).Draw(t, "demands") {
				var d ratelimit.Demand
				for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, len(names), rapid.ID[string]).Draw(t, "buckets") {
					d = append(d, all[n])
				}
				demands = append(demands, d)
			}
			got, err := ratelimit.RuleSince(since, tats, demands, now, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range got {
				if s.OK {
					taken.take(demands[i], s.At)
				}
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "pause")) * time.Millisecond)
		}
		for n, at := range taken {
			b := all[n]
			for window := 1; window < 4; window++ {
				if got, bound := most(at, time.Duration(window)*time.Second), window*rates[n]+max(b.Limit.Burst, b.Cost)-1; got > bound {
					t.Fatalf("%s: %d units in %d s; at most %d", n, got, window, bound)
				}
			}
		}
	})
}

// A loss is a way in which the nodes' Redis comes to know less than it granted: save
// leaves a copy, from which it goes on after lose.
type loss struct {
	cells      atomic.Pointer[ratelimit.Redis] // of all nodes
	save, lose func()
}

var losses = map[string]func(t *testing.T) *loss{
	"flushed": func(t *testing.T) *loss {
		c := dial(t, testserver.Redis(t))
		l := &loss{save: func() {}, lose: func() { tell(t, c, "FLUSHDB") }}
		l.cells.Store(ratelimit.NewRedis(c, "loss:"))
		return l
	},
	"flushed, and its user may not run INFO": func(t *testing.T) *loss {
		address, _, _ := testserver.PrivateRedis(t)
		c := dial(t, address)
		tell(t, c, "ACL SETUSER default -info")
		l := &loss{save: func() {}, lose: func() { tell(t, c, "FLUSHALL") }}
		l.cells.Store(ratelimit.NewRedis(c, "loss:"))
		return l
	},
	"started from an older copy": func(t *testing.T) *loss {
		server, port := launch(t, nil, "--save", "")
		c := dial(t, "redis://127.0.0.1:"+port)
		l := &loss{save: func() { tell(t, c, "SAVE") }, lose: func() {
			if err := errors.Join(server.Stop(), server.Start()); err != nil {
				t.Fatal(err)
			}
		}}
		l.cells.Store(ratelimit.NewRedis(c, "loss:"))
		return l
	},
	// The replica has been a master before: it knows the script and has a mark.
	"followed by a replica that was behind": func(t *testing.T) *loss {
		master, port := launch(t, nil, "--save", "", "--repl-diskless-sync-delay", "0")
		_, other := launch(t, nil, "--save", "")
		replica, l := dial(t, "redis://127.0.0.1:"+other), &loss{}
		next := trusted(t, ratelimit.NewRedis(replica, "loss:"))
		l.cells.Store(ratelimit.NewRedis(dial(t, "redis://127.0.0.1:"+port), "loss:"))
		l.save = func() {
			tell(t, replica, "REPLICAOF 127.0.0.1 "+port)
			testserver.Wait(t, "the replica has the cells", func() bool {
				return strings.Contains(replica.Info(t.Context(), "replication").Val(), "master_link_status:up")
			})
			trusted(t, l.cells.Load()) // the first replica begins a history
			testserver.Wait(t, "the replica has the mark", func() bool {
				return strings.HasPrefix(replica.Get(t.Context(), "loss:{otklik}:since").Val(), "0 ")
			})
			tell(t, replica, "REPLICAOF NO ONE") // it learns nothing more
		}
		l.lose = func() {
			if err := master.Stop(); err != nil {
				t.Fatal(err)
			}
			l.cells.Store(next)
		}
		return l
	},
}

// Nodes that reserve while their Redis loses what it knows: no window has more than the
// limits allow.
func TestRedisForgets(t *testing.T) {
	for name, open := range losses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, n := open(t), &nodes{taken: units{}, refused: map[string]int{}}
			trusted(t, l.cells.Load())
			l.save()
			var wg sync.WaitGroup
			defer wg.Wait()
			defer n.done.Store(true)
			for range 3 {
				wg.Go(func() { n.reserve(t, l) })
			}
			testserver.Wait(t, "all that there is has been reserved", func() bool {
				n.mu.Lock()
				defer n.mu.Unlock()
				return n.refused["short"] > 0 && n.refused["long"] > 0
			})
			l.lose()
			before := n.count()
			testserver.Wait(t, "more is reserved", func() bool {
				now := n.count()
				return now["short"] > before["short"]+20 && now["long"] > before["long"]+20
			})
			n.done.Store(true)
			wg.Wait()
			for _, b := range hungry {
				for _, window := range []int{100, 1000} {
					allowed := int(time.Duration(window)*time.Millisecond/b.Limit.Period) + max(b.Limit.Burst, b.Cost) - 1
					if got := most(n.taken[b.Key], time.Duration(window)*time.Millisecond); got > allowed {
						t.Errorf("%s: %d units in %d ms; at most %d", b.Key, got, window, allowed)
					}
				}
			}
		})
	}
}

// hungry is what the nodes want without end.
var hungry = ratelimit.Demand{
	{Key: "short", Limit: ratelimit.Rate(100, time.Second, 3), Cost: 1},
	{Key: "long", Limit: ratelimit.Rate(100, time.Second, 1), Cost: 2},
}

// nodes are what several were granted and refused, by bucket.
type nodes struct {
	mu      sync.Mutex
	taken   units
	refused map[string]int
	done    atomic.Bool
}

// reserve is one node. While Redis is away it asks again.
func (n *nodes) reserve(t *testing.T, l *loss) {
	demands := []ratelimit.Demand{hungry[:1], hungry[1:], hungry[:1], hungry[1:]}
	for !n.done.Load() {
		slots, _, err := l.cells.Load().ReserveAt(t.Context(), demands, time.Second)
		if errors.Is(err, ratelimit.ErrUnavailable) {
			continue
		}
		if err != nil {
			t.Error(err)
			return
		}
		n.mu.Lock()
		for i, s := range slots {
			if s.OK {
				n.taken.take(demands[i], s.At)
			} else {
				n.refused[s.Key]++
			}
		}
		n.mu.Unlock()
	}
}

// count tells how many units were granted.
func (n *nodes) count() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return map[string]int{"short": len(n.taken["short"]), "long": len(n.taken["long"])}
}

package ratelimit_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"otklik/internal/ratelimit"
	"otklik/internal/testserver"
)

// load is what three nodes send at the same time: a book whose limits are all
// narrow enough to be felt, and what was granted.
type load struct {
	rates map[string]int // units a second by key
	book  *ratelimit.Book
	mu    sync.Mutex
	taken units
	delay time.Duration // the longest call
	no    int
}

func newLoad(t *testing.T) *load {
	l := &load{taken: units{}, rates: map[string]int{
		"sender:email:one": 120, "sender:email:two": 120, "domain:a.example": 60, "domain:b.example": 60, "dealer:N": 90, "dealer:S": 90, "global": 150,
	}}
	overrides := map[string]ratelimit.Limit{"channel:email": ratelimit.Rate(120, time.Second, 1)}
	for k, n := range l.rates {
		if k[:6] != "sender" {
			overrides[k] = ratelimit.Rate(n, time.Second, burst(k))
		}
	}
	overrides["sender:email:two"] = ratelimit.Rate(120, time.Second, burst("sender:email:two"))
	l.book = shipped(t).With(overrides)
	return l
}

// burst of a key's limit; the first sender's is below what its messages cost.
func burst(key string) int {
	if key == "sender:email:one" {
		return 1
	}
	return 3 + len(key)%5
}

// demands are a batch of a node's.
func (l *load) demands() []ratelimit.Demand {
	pick := func(a, b string) string {
		if rand.IntN(2) == 0 {
			return a
		}
		return b
	}
	out := make([]ratelimit.Demand, 1+rand.IntN(12))
	for i := range out {
		out[i] = l.book.Demand(nil, "email", pick("one", "two"), pick("x@a.example", "x@b.example"), pick("N", "S"), 1+rand.IntN(3))
	}
	return out
}

// node asks until a second and a half's worth left altogether. ask returns granted times on
// one line for all nodes.
func (l *load) node(ask func([]ratelimit.Demand, time.Duration) ([]ratelimit.Slot, error)) error {
	for patience := time.Now().Add(time.Minute); ; {
		if time.Now().After(patience) {
			return errors.New("the limits admit next to nothing")
		}
		ds := l.demands()
		began := time.Now()
		slots, err := ask(ds, time.Duration(rand.Int64N(int64(1200*time.Millisecond))))
		if err != nil {
			return err
		}
		l.mu.Lock()
		l.delay = max(l.delay, time.Since(began))
		for i, s := range slots {
			if s.OK {
				l.taken.take(ds[i], s.At)
			} else {
				l.no++
			}
		}
		enough := 2*len(l.taken["global"]) > 3*l.rates["global"]
		l.mu.Unlock()
		if enough {
			return nil
		}
	}
}

// run has three nodes send together and counts.
func (l *load) run(t *testing.T, node func(i int) func([]ratelimit.Demand, time.Duration) ([]ratelimit.Slot, error), jitter bool) {
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			if err := l.node(node(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	window := time.Second
	if jitter {
		window -= l.delay
	}
	felt := false
	for k, n := range l.rates {
		got, bound := most(l.taken[k], window), n+max(burst(k), 3)-1 // a cost of three counts as a burst of three
		if got > bound {
			t.Errorf("%s: %d units in %v; at most %d", k, got, window, bound)
		}
		full := most(l.taken[k], time.Second) // however long a call took
		felt = felt || full > n-10
		t.Logf("%-17s %3d units in the fullest window, at most %d", k, got, bound)
	}
	if l.no == 0 || !felt {
		t.Errorf("%d refusals, and no limit was reached: the test asks for too little", l.no)
	}
}

// Three nodes with clocks of their own share limits on one Redis: over the
// server's time line no window has more than they allow.
func TestThreeNodesNeverExceedALimit(t *testing.T) {
	url := testserver.Redis(t)
	nodes := make([]*ratelimit.Redis, 3)
	for i := range nodes {
		nodes[i] = trusted(t, ratelimit.NewRedis(dial(t, url), "nodes:"))
	}
	t.Run("on the server's clock", func(t *testing.T) {
		newLoad(t).run(t, func(i int) func([]ratelimit.Demand, time.Duration) ([]ratelimit.Slot, error) {
			return func(ds []ratelimit.Demand, horizon time.Duration) ([]ratelimit.Slot, error) {
				slots, _, err := nodes[i].ReserveAt(t.Context(), ds, horizon)
				return slots, err
			}
		}, false)
	})
	// What the nodes are told differs by the travel time of the replies.
	t.Run("on their own clocks", func(t *testing.T) {
		skew := []time.Duration{-time.Hour, 0, 37 * time.Minute}
		newLoad(t).run(t, func(i int) func([]ratelimit.Demand, time.Duration) ([]ratelimit.Slot, error) {
			cells := trusted(t, ratelimit.NewRedis(dial(t, url), "skewed:"))
			return func(ds []ratelimit.Demand, horizon time.Duration) ([]ratelimit.Slot, error) {
				now := time.Now().Add(skew[i])
				slots, err := cells.Reserve(t.Context(), now, ds, horizon)
				for j := range slots {
					if slots[j].At.Before(now) {
						t.Errorf("asked at %v: %+v", now, slots[j])
					}
					slots[j].At = slots[j].At.Add(-skew[i])
				}
				return slots, err
			}
		}, true)
	})
}

// In the process many goroutines share the cells.
func TestMemoryNeverExceedsALimit(t *testing.T) {
	cells := ratelimit.NewMemory()
	newLoad(t).run(t, func(int) func([]ratelimit.Demand, time.Duration) ([]ratelimit.Slot, error) {
		return func(ds []ratelimit.Demand, horizon time.Duration) ([]ratelimit.Slot, error) {
			return cells.Reserve(t.Context(), time.Now(), ds, horizon)
		}
	}, false)
}

package dispatch_test

import (
	"sync/atomic"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/internal/clock"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// leaping is a clock that leaps: while the process stood still, time went on.
type leaping struct {
	clock.Clock
	stood atomic.Int64
}

func (c *leaping) Business() time.Time { return c.Clock.Business().Add(time.Duration(c.stood.Load())) }
func (c *leaping) Machine() time.Time  { return c.Clock.Machine().Add(time.Duration(c.stood.Load())) }

// ways are the two in which a channel takes messages, each one after the other.
func ways(r *dispatchtest.Rig) map[string]channels.Channel {
	asker := channeltest.FakeAsker{Fake: r.Fake.Workers(1)}
	return map[string]channels.Channel{
		"in a batch": asker,
		"singly": struct {
			channels.Channel
			channels.Asker
		}{asker, asker},
	}
}

// standing runs a campaign of n people in which the process stands still for longer than
// its lease, after two messages, while one is under way and others have begun; then
// happens meanwhile. It returns how many messages had left before.
func standing(t *testing.T, r *dispatchtest.Rig, way string, n int, then func(c clock.Clock)) (left int) {
	t.Helper()
	people := crowd(t, r, r.Dealer, "111", n)
	r.Plan(t)
	c := &leaping{Clock: r.Clock}
	r.Dispatcher.Clock, r.Dispatcher.Config.Workers = c, 1
	r.Dispatcher.Channels = map[channels.Kind]channels.Channel{channels.SMS: ways(r)[way]}
	var calls atomic.Int64
	r.Fake.Otherwise(func(channels.Message, int) channeltest.Outcome {
		if calls.Add(1) == 3 {
			testserver.Wait(t, "others have begun beside it", func() bool { return begun(t, r, people) > r.Fake.Left() })
			c.stood.Store(int64(3 * time.Minute))
			left = r.Fake.Left()
			then(c)
		}
		return channeltest.Outcome{}
	})
	if _, err := r.Dispatcher.Once(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return left
}

// TestStoodStill: what a node had begun before it stood still for longer than its lease
// is not handed over when it goes on. Another node has named it uncertain, and that stays.
func TestStoodStill(t *testing.T) {
	for _, way := range []string{"singly", "in a batch"} {
		t.Run(way, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				r := dispatchtest.New(t, st)
				other := dispatchtest.New(t, st)
				const n = 30
				left := standing(t, r, way, n, func(c clock.Clock) {
					other.Dispatcher.Clock = c
					other.Dispatcher.Channels = map[channels.Kind]channels.Channel{channels.SMS: channeltest.FakeAsker{Fake: other.Fake}}
					if _, err := other.Dispatcher.Once(t.Context(), nil); err != nil {
						t.Error(err)
					}
				})
				handed, known := map[string]int{}, map[string]bool{}
				for _, m := range append(r.Fake.Calls(), other.Fake.Calls()...) {
					handed[m.To]++
					known[m.ID] = true
				}
				for to, times := range handed {
					if times != 1 {
						t.Errorf("%s was written to %d times", to, times)
					}
				}
				if got := len(r.Fake.Calls()); got != left {
					t.Errorf("%d messages were handed over after the lease", got-left)
				}
				uncertain := 0
				for _, m := range messages(t, r) {
					if !known[m.ID] && m.State == outreach.Sending {
						uncertain++
					}
				}
				if uncertain == 0 || uncertain+len(handed) != n {
					t.Errorf("of %d people %d were written to and %d are told uncertain", n, len(handed), uncertain)
				}
			})
		})
	}
}

// TestStoodStillAlone: where nobody has taken over meanwhile, what was not handed over is
// known not to have left, and goes out like the rest, once.
func TestStoodStillAlone(t *testing.T) {
	for _, way := range []string{"singly", "in a batch"} {
		t.Run(way, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				r := dispatchtest.New(t, st)
				const n = 30
				standing(t, r, way, n, func(clock.Clock) {})
				for range 2 { // the first run may end with a claim of before
					if _, err := r.Dispatcher.Once(t.Context(), nil); err != nil {
						t.Fatal(err)
					}
				}
				sent := 0
				for _, m := range messages(t, r) {
					if m.State == outreach.Sent {
						sent++
					}
				}
				if got := len(r.Fake.Calls()); got != n || sent != n {
					t.Errorf("%d people were written to %d times, %d messages are sent", n, got, sent)
				}
			})
		})
	}
}

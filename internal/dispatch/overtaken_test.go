package dispatch_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/ratelimit"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// slowCrowd runs n people's surveys through a sender that may send one in so long, and
// calls then once while the nth message is under way. It returns the people, how many
// messages had left when then was over, and how many had begun: nth both and, on a slow
// machine, some after it.
func slowCrowd(t *testing.T, r *dispatchtest.Rig, n int, every time.Duration, nth int, then func()) (people []string, left, started int) {
	t.Helper()
	r.Dispatcher.Limits = limited(t, ratelimit.Rate(1, every, 1))
	var vs []store.VisitRecord
	for i := range n {
		vs = append(vs, storetest.Visit(fmt.Sprint("111", i), fmt.Sprint("Клиент ", i), number(i), r.Clock.Business().Add(-25*time.Hour)))
	}
	for _, v := range storetest.Save(t, r.Store, r.Dealer, vs...) {
		people = append(people, v.ContactID)
	}
	r.Plan(t)
	var calls atomic.Int64
	over := make(chan struct{})
	r.Fake.Otherwise(func(channels.Message, int) channeltest.Outcome {
		if calls.Add(1) == int64(nth) {
			then()
			left, started = r.Fake.Left(), begun(t, r, people)
			close(over)
		}
		return channeltest.Outcome{}
	})
	running(t, r)
	r.Fake.Await(t, nth)
	<-over
	return people, left, started
}

func number(i int) string { return fmt.Sprintf("+79111%06d", i) }

// surveys counts the people's surveys that are like this.
func surveys(t *testing.T, r *dispatchtest.Rig, people []string, like func(store.Outreach) bool) (n int) {
	t.Helper()
	for _, p := range people {
		os, err := r.Store.OutreachOf(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range os {
			if o.Step == "survey" && like(o) {
				n++
			}
		}
	}
	return n
}

// begun counts the people whose survey has begun.
func begun(t *testing.T, r *dispatchtest.Rig, people []string) int {
	t.Helper()
	return surveys(t, r, people, func(o store.Outreach) bool { return o.State == outreach.Done })
}

// overtaken counts the surveys of people that a rule has overtaken: before they were
// begun, which leaves them in a state, or as a message that waits or is dropped.
func overtaken(t *testing.T, r *dispatchtest.Rig, people []string, state outreach.State, rule string) int {
	t.Helper()
	n := surveys(t, r, people, func(o store.Outreach) bool { return o.State == state && o.Rule == rule })
	for _, p := range people {
		ms, err := r.Store.MessagesOf(t.Context(), p, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range ms {
			if m.Reason == rule {
				n++
			}
		}
	}
	return n
}

// TestEveningFalls: what was judged by day and waits for its rate does not leave in the
// quiet hours that have begun meanwhile (invariant 4). In the morning it does.
func TestEveningFalls(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		const n = 30
		evening := r.Clock.Business().In(r.Dealer.Location())
		evening = time.Date(evening.Year(), evening.Month(), evening.Day(), 20, 0, 0, 0, evening.Location())
		people, left, _ := slowCrowd(t, r, n, time.Second/10, 5, func() { r.Forward(t, evening.Sub(r.Clock.Business())) })
		testserver.Wait(t, "the others are held", func() bool { return overtaken(t, r, people, outreach.Held, policy.RuleQuiet)+len(r.Fake.Calls()) == n })
		if got := len(r.Fake.Calls()); got != left {
			t.Errorf("%d messages left after 20:00", got-left)
		}
		r.Forward(t, 15*time.Hour)
		r.Dispatcher.Wake()
		r.Fake.Await(t, n)
		seen := map[string]bool{}
		for _, m := range r.Fake.Calls() {
			if seen[m.To] {
				t.Errorf("%s was written to twice", m.To)
			}
			seen[m.To] = true
		}
	})
}

// TestEveningFallsOnBegun: what is begun, and waits until the provider has taken those
// before it, does not leave in the quiet hours either.
func TestEveningFallsOnBegun(t *testing.T) {
	for _, way := range []string{"singly", "in a batch"} {
		t.Run(way, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				r := dispatchtest.New(t, st)
				r.Dispatcher.Config.Workers = 1
				r.Dispatcher.Channels = map[channels.Kind]channels.Channel{channels.SMS: ways(r)[way]}
				const n = 30
				crowd(t, r, r.Dealer, "111", n)
				r.Plan(t)
				var calls atomic.Int64
				left := 0 // five and, on a slow machine, what goes beside them
				r.Fake.Otherwise(func(channels.Message, int) channeltest.Outcome {
					if calls.Add(1) == 5 {
						r.Forward(t, 9*time.Hour)
						left = r.Fake.Left()
					}
					return channeltest.Outcome{}
				})
				s, err := r.Dispatcher.Once(t.Context(), nil)
				if err != nil || s.Sent != left || len(r.Fake.Calls()) != left {
					t.Errorf("%d messages, %d after 20:00: %+v, %v", len(r.Fake.Calls()), len(r.Fake.Calls())-left, s, err)
				}
				r.Forward(t, 13*time.Hour)
				if s, err = r.Dispatcher.Once(t.Context(), nil); err != nil || s.Sent != n-left {
					t.Errorf("in the morning: %+v, %v", s, err)
				}
			})
		})
	}
}

// unasked are the numbers of n people who have not been written to.
func unasked(r *dispatchtest.Rig, n int) (out []string) {
	asked := map[string]bool{}
	for _, m := range r.Fake.Calls() {
		asked[m.To] = true
	}
	for i := range n {
		if !asked[number(i)] {
			out = append(out, number(i))
		}
	}
	return out
}

// TestStopOvertakes: who opts out while his message waits for its rate does not get it
// (invariant 3).
func TestStopOvertakes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		const n = 30
		people, _, started := slowCrowd(t, r, n, time.Second/4, 5, func() {
			var xs []store.Suppression
			for _, to := range unasked(r, n) {
				xs = append(xs, store.Suppression{Channel: channels.SMS, Address: to, Purpose: string(outreach.Survey), Reason: store.OptedOut, At: r.Clock.Business()})
			}
			if err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error { return tx.SuppressAll(t.Context(), xs) }); err != nil {
				t.Error(err)
			}
		})
		testserver.Wait(t, "the others are dropped", func() bool {
			return overtaken(t, r, people, outreach.Dropped, policy.RuleOptedOut)+len(r.Fake.Calls()) == n
		})
		if got := len(r.Fake.Calls()); got > started {
			t.Errorf("%d messages left after their STOP", got-started)
		}
	})
}

// TestOldVerdict: what was judged a while ago is judged anew before it leaves, so that
// what has come to be known meanwhile counts: here that people have died.
func TestOldVerdict(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		const n, nth = 64, 8
		known := 0
		people, left, _ := slowCrowd(t, r, n, time.Second/4, nth, func() {
			var vs []store.VisitRecord
			for i, to := range unasked(r, n) {
				v := storetest.Visit(fmt.Sprint("222", i), "Клиент "+strings.TrimLeft(to[7:], "0"), to, r.Clock.Business())
				v.Customer.Deceased = true
				vs = append(vs, v)
			}
			known = len(vs)
			storetest.Save(t, st, r.Dealer, vs...)
		})
		testserver.Wait(t, "everybody is settled", func() bool {
			return overtaken(t, r, people, outreach.Dropped, policy.RuleDeceased)+len(r.Fake.Calls()) == n
		})
		// Verdicts hold for two seconds, in which eight leave; all would take fourteen.
		if wrote := len(r.Fake.Calls()) - left; known < n/2 || wrote > known/2 {
			t.Errorf("%d of %d were written to after it was known", wrote, known)
		}
	})
}

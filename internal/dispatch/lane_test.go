package dispatch_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/outreach"
	"otklik/internal/ratelimit"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// north adds a second dealer to a rig, with a number of its own unless it shares the
// first one's.
func north(t *testing.T, r *dispatchtest.Rig, sender string) store.Dealer {
	t.Helper()
	d, err := r.Store.SaveDealer(t.Context(), store.Dealer{Code: "north", Name: "Автоцентр Север", Phone: "+78120000000", Zone: "Europe/Moscow", Country: "RU", Locale: "ru"}, storetest.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Store.SaveSender(t.Context(), store.Sender{DealerID: d.ID, Channel: channels.SMS, Address: sender}, storetest.Now); err != nil {
		t.Fatal(err)
	}
	fresh, err := r.Store.Roster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	*r.Roster = *fresh
	return d
}

// crowd stores n visits of a dealer that are due for their survey, and returns whose.
func crowd(t *testing.T, r *dispatchtest.Rig, d store.Dealer, prefix string, n int) (people []string) {
	t.Helper()
	var rs []store.VisitRecord
	for i := range n {
		rs = append(rs, storetest.Visit(fmt.Sprint(prefix, i), fmt.Sprintf("Клиент %s%d", prefix, i), fmt.Sprintf("+79%s%06d", prefix, i), r.Clock.Business().Add(-25*time.Hour)))
	}
	for _, v := range storetest.Save(t, r.Store, d, rs...) {
		people = append(people, v.ContactID)
	}
	return people
}

// running runs the dispatcher of a rig until the test ends.
func running(t *testing.T, r *dispatchtest.Rig) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { r.Dispatcher.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// to counts what the channel was handed, by the first digits of the address.
func to(r *dispatchtest.Rig, prefix string) (n int) {
	for _, m := range r.Fake.Calls() {
		if of(m, prefix) {
			n++
		}
	}
	return n
}

// of tells whether a message went to one of a crowd.
func of(m channels.Message, prefix string) bool {
	return len(m.To) > 3+len(prefix) && m.To[3:3+len(prefix)] == prefix
}

// before counts the calls to a crowd before the last one to another, however late the
// test looks.
func before(r *dispatchtest.Rig, crowd, last string) (n int) {
	seen := 0
	for _, m := range r.Fake.Calls() {
		switch {
		case of(m, crowd):
			seen++
		case of(m, last):
			n = seen
		}
	}
	return n
}

// TestSlowSenderDelaysNobody: while the provider hangs on one dealer's messages, the
// other dealer's go, whoever was due first and however many there are.
func TestSlowSenderDelaysNobody(t *testing.T) {
	for _, sender := range []string{"+78120000000", dispatchtest.Sender} {
		t.Run(sender, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				r := dispatchtest.New(t, st)
				d := north(t, r, sender)
				crowd(t, r, r.Dealer, "111", 1000)
				crowd(t, r, d, "222", 100)
				hold := make(chan struct{})
				r.Fake.Otherwise(func(m channels.Message, _ int) channeltest.Outcome {
					if m.To[3:6] == "111" {
						return channeltest.Outcome{Hold: hold}
					}
					return channeltest.Outcome{}
				})
				r.Plan(t)
				running(t, r)
				t.Cleanup(func() { close(hold) }) // before the dispatcher is waited for
				testserver.Wait(t, "the other dealer's messages", func() bool { return to(r, "222") == 100 })
				if n := to(r, "111"); n == 0 || n > 320 {
					t.Errorf("%d messages of the hanging sender are under way", n)
				}
			})
		})
	}
}

// TestFairBetweenDealers: a dealer with a few messages does not stand behind one with
// thousands, although they share a number.
func TestFairBetweenDealers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		d := north(t, r, dispatchtest.Sender)
		r.Dispatcher.Config.Feeders = 1
		r.Dispatcher.Limits = limited(t, ratelimit.Rate(100, time.Second, 20)) // half of the large dealer's take ten seconds
		crowd(t, r, r.Dealer, "111", 2000)
		crowd(t, r, d, "222", 20)
		r.Plan(t)
		running(t, r)
		testserver.Wait(t, "the small dealer's messages", func() bool { return to(r, "222") == 20 })
		if n := before(r, "111", "222"); n > 1000 {
			t.Errorf("%d messages of the large dealer went first", n)
		}
	})
}

// TestUrgentFirst: a survey that comes due during a campaign of greetings leaves
// before the rest of them.
func TestUrgentFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		r.Dispatcher.Limits = limited(t, ratelimit.Rate(30, time.Second, 2))
		crowd(t, r, r.Dealer, "111", 1000)
		r.Plan(t)
		demote(t, r)
		running(t, r)
		r.Fake.Await(t, 10)
		crowd(t, r, r.Dealer, "222", 5)
		r.Plan(t)
		r.Dispatcher.Wake()
		testserver.Wait(t, "the surveys", func() bool { return to(r, "222") == 5 })
		if n := before(r, "111", "222"); n > 900 {
			t.Errorf("%d greetings went first", n)
		}
	})
}

// demote turns the planned surveys into greetings.
func demote(t *testing.T, r *dispatchtest.Rig) {
	t.Helper()
	now := r.Clock.Business()
	if len(storetest.Due(t, r.Store, r.Dealer.ID, now.Add(-48*time.Hour), now)) == 0 {
		t.Fatal("nothing is due")
	}
	err := r.Store.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
		_, err := tx.ExecContext(t.Context(), "update outreach set priority = $1, purpose = $2 where state = 'planned'", outreach.Greeting.Priority(), outreach.Greeting)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPause: what a person stops stands within a second, and goes on within a second
// of his letting it go; nothing else stands with it.
func TestPause(t *testing.T) {
	t.Parallel()
	const people = 200
	for name, engine := range map[string]string{"all": "sqlite", "dealer:south": "postgres", "program:service-followup": "postgres", "sender:sms:" + dispatchtest.Sender: "sqlite"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := storetest.Open(t, engine)
			r := dispatchtest.New(t, st)
			hurry := slowly(t, r)
			crowd(t, r, r.Dealer, "111", people)
			r.Plan(t)
			running(t, r)
			r.Fake.Await(t, 20)
			if err := st.Pause(t.Context(), name, "", r.Clock.Business()); err != nil {
				t.Fatal(err)
			}
			if n := silence(t, r); n > people-20 {
				t.Fatalf("%d messages had left before it stood", n)
			}
			hurry()
			if err := st.Resume(t.Context(), name, "", r.Clock.Business()); err != nil {
				t.Fatal(err)
			}
			testserver.Wait(t, "the rest", func() bool { return len(r.Fake.Calls()) == people })
		})
	}
}

// slowly lets the channel be handed few messages a second, so that a person's word comes
// while most of them wait, until hurry is called.
func slowly(t *testing.T, r *dispatchtest.Rig) (hurry func()) {
	t.Helper()
	var hurried atomic.Bool
	r.Dispatcher.Limits = limited(t, ratelimit.Rate(20, time.Second, 2))
	r.Dispatcher.Overrides = func(context.Context) (map[string]ratelimit.Limit, error) {
		if hurried.Load() {
			return map[string]ratelimit.Limit{"channel:sms": {}}, nil
		}
		return nil, nil
	}
	return func() { hurried.Store(true) }
}

// silence waits until the channel is handed nothing any more; it returns how many it was
// handed.
func silence(t *testing.T, r *dispatchtest.Rig) (n int) {
	t.Helper()
	since := time.Now()
	testserver.Wait(t, "silence", func() bool {
		if k := len(r.Fake.Calls()); k != n {
			since, n = time.Now(), k
		}
		return time.Since(since) > 700*time.Millisecond
	})
	return n
}

// TestPauseHoldsRetries: what waits for another try stands with its program, also what a
// lane has taken up already, and goes on with it.
func TestPauseHoldsRetries(t *testing.T) {
	const people = 300
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		crowd(t, r, r.Dealer, "111", people)
		r.Fake.Otherwise(func(m channels.Message, attempt int) channeltest.Outcome {
			if attempt == 1 && m.To[len(m.To)-1]%2 == 0 { // not all of them: the provider is not away
				return channeltest.Fail(channels.Transient)
			}
			return channeltest.Outcome{}
		})
		r.Send(t)
		err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
			_, err := tx.ExecContext(t.Context(), "update message set retry_at = null where state = 'queued'")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		hurry := slowly(t, r)
		before := len(r.Fake.Calls())
		running(t, r)
		r.Fake.Await(t, before+10)
		name := store.ProgramPause("service-followup")
		if err := st.Pause(t.Context(), name, "", r.Clock.Business()); err != nil {
			t.Fatal(err)
		}
		if n := silence(t, r); n > before+people/2-20 {
			t.Fatalf("%d of %d tries had been made before it stood", n-before, people/2)
		}
		hurry()
		if err := st.Resume(t.Context(), name, "", r.Clock.Business()); err != nil {
			t.Fatal(err)
		}
		r.Fake.AwaitTaken(t, people)
	})
}

// TestThrottled: a provider that asks for patience gets it: few messages are refused,
// none spends an attempt, all arrive.
func TestThrottled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		crowd(t, r, r.Dealer, "111", 300)
		r.Plan(t)
		var mu sync.Mutex
		refused, began := 0, time.Time{}
		r.Fake.Otherwise(func(channels.Message, int) channeltest.Outcome {
			mu.Lock()
			defer mu.Unlock()
			if began.IsZero() {
				began = time.Now()
			}
			if time.Since(began) < time.Second {
				refused++
				return channeltest.Throttle(time.Second)
			}
			return channeltest.Outcome{}
		})
		running(t, r)
		r.Fake.AwaitTaken(t, 300)
		if mu.Lock(); refused > 40 {
			t.Errorf("%d messages were refused", refused)
		}
		mu.Unlock()
		testserver.Wait(t, "all outcomes", func() bool {
			for _, m := range messages(t, r) {
				if m.State != outreach.Sent {
					return false
				}
			}
			return true
		})
	})
}

// TestProviderAway: while nobody answers, a few messages a rest try; the others keep
// their attempts.
func TestProviderAway(t *testing.T) {
	r := dispatchtest.New(t, storetest.Open(t, "sqlite"))
	crowd(t, r, r.Dealer, "111", 500)
	r.Plan(t)
	r.Fake.Otherwise(func(channels.Message, int) channeltest.Outcome { return channeltest.Fail(channels.Transient) })
	running(t, r)
	r.Fake.Await(t, 16)
	lanes := r.Dispatcher.Report()
	if len(lanes) != 1 {
		t.Fatalf("lanes: %+v", lanes)
	}
	testserver.Wait(t, "a rest", func() bool { return r.Dispatcher.Report()[0].Reason == "provider_away" })
	if n := len(r.Fake.Calls()); n > 64 {
		t.Errorf("%d attempts against a provider that is away", n)
	}
}

// TestRestOutlivesWhatWasUnderWay: a message that left before the provider refused, and is
// accepted after it, does not end the sender's rest.
func TestRestOutlivesWhatWasUnderWay(t *testing.T) {
	r := dispatchtest.New(t, storetest.Open(t, "sqlite"))
	crowd(t, r, r.Dealer, "111", 8)
	r.Plan(t)
	late := make(chan struct{})
	var calls atomic.Int64
	r.Fake.Workers(8).Otherwise(func(channels.Message, int) channeltest.Outcome {
		if calls.Add(1) <= 4 {
			return channeltest.Outcome{Hold: late}
		}
		return channeltest.Outcome{Err: &channels.Error{Class: channels.Suspended, Scope: channels.ScopeAccount, Code: "20003"}}
	})
	running(t, r)
	rests := func() bool {
		lanes := r.Dispatcher.Report()
		return len(lanes) == 1 && lanes[0].Reason == "suspended"
	}
	testserver.Wait(t, "the sender rests", rests)
	close(late)
	testserver.Wait(t, "those under way are recorded", func() bool {
		sent := slices.DeleteFunc(messages(t, r), func(m store.ListedMessage) bool { return m.State != outreach.Sent })
		return len(sent) == 4
	})
	if !rests() {
		t.Error("the rest is over")
	}
}

// TestReportCountsAllRuns: what a lane has sent is told since the process started.
func TestReportCountsAllRuns(t *testing.T) {
	r := dispatchtest.New(t, storetest.Open(t, "sqlite"))
	sent := 0
	for _, n := range []int{3, 5} {
		crowd(t, r, r.Dealer, fmt.Sprint(110+n), n)
		sent += len(r.Send(t))
		if lanes := r.Dispatcher.Report(); len(lanes) != 1 || lanes[0].Sent != int64(sent) || lanes[0].Waiting+lanes[0].InFlight != 0 {
			t.Errorf("after %d messages: %+v", sent, lanes)
		}
	}
}

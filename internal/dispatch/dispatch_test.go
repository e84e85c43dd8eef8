package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/internal/dispatch"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/outreach"
	"otklik/internal/ratelimit"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

const phone = "+79000000101"

// due makes a rig in which one survey is due.
func due(t *testing.T, st *store.Store) *dispatchtest.Rig {
	t.Helper()
	r := dispatchtest.New(t, st)
	r.Visit(t, "1001", "Иванов Иван", phone, 25*time.Hour)
	return r
}

func messages(t *testing.T, r *dispatchtest.Rig) []store.ListedMessage {
	t.Helper()
	ms, err := r.Store.ListMessages(t.Context(), store.Filter{DealerID: r.Dealer.ID})
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

func decisions(t *testing.T, r *dispatchtest.Rig) []string {
	t.Helper()
	ds, err := r.Store.ListDecisions(t.Context(), store.Filter{DealerID: r.Dealer.ID})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range ds {
		out = append(out, d.Step+":"+d.Verdict+":"+d.Rule)
	}
	return out
}

// TestOutcomes sends one survey into each outcome and reads the row back.
func TestOutcomes(t *testing.T) {
	tests := []struct {
		name    string
		outcome channeltest.Outcome
		state   outreach.MessageState
		calls   int
	}{
		{"accepted", channeltest.Outcome{}, outreach.Sent, 1},
		{"transient waits for its time", channeltest.Fail(channels.Transient), outreach.Queued, 1},
		{"throttled", channeltest.Throttle(time.Hour), outreach.Queued, 1},
		{"rejected", channeltest.Fail(channels.Rejected), outreach.Failed, 1},
		{"unreachable", channeltest.Fail(channels.Unreachable), outreach.Failed, 1},
		{"uncertain is not repeated", channeltest.Fail(channels.Uncertain), outreach.Sending, 1},
		{"a panic is uncertain", channeltest.Outcome{Panic: "boom"}, outreach.Sending, 1},
		{"suspended", channeltest.Fail(channels.Suspended), outreach.Queued, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				r := due(t, st)
				r.Fake.On(phone, tt.outcome)
				if got := len(r.Send(t)); got != tt.calls {
					t.Errorf("%d attempts, want %d", got, tt.calls)
				}
				ms := messages(t, r)
				if len(ms) != 1 || ms[0].State != tt.state {
					t.Errorf("messages = %+v, want one %s", ms, tt.state)
				}
			})
		})
	}
}

// TestUnreachableIsRemembered: a dead address is not used for the next survey, and
// the decision says why.
func TestUnreachableIsRemembered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := due(t, st)
		r.Fake.On(phone, channeltest.Outcome{Err: &channels.Error{Class: channels.Unreachable, Reason: channels.ReasonDead}})
		r.Send(t)
		r.Forward(t, 60*24*time.Hour)
		r.Visit(t, "1002", "Иванов Иван", phone, 25*time.Hour)
		if ms := r.Send(t); len(ms) != 0 {
			t.Errorf("sent to a dead address: %+v", ms)
		}
		if ds := decisions(t, r); !slices.Contains(ds, "survey:drop:address_unusable") {
			t.Errorf("decisions: %v", ds)
		}
	})
}

// TestSuspendedSenderRests: after a refusal of our account nothing more is tried than
// the first few, no attempt is spent and the alert is raised once.
func TestSuspendedSenderRests(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		for i := range 40 {
			r.Visit(t, fmt.Sprint(i), fmt.Sprintf("Клиент %d", i), fmt.Sprintf("+790000002%02d", i), 25*time.Hour)
		}
		r.Fake.Otherwise(func(channels.Message, int) channeltest.Outcome { return channeltest.Fail(channels.Suspended) })
		if got := len(r.Send(t)); got == 0 || got > 8 {
			t.Errorf("%d attempts against a refusing account", got)
		}
		senders, err := st.Senders(t.Context())
		if err != nil || senders[0].PausedReason == "" {
			t.Errorf("senders = %+v, %v", senders, err)
		}
	})
}

// TestTwoDispatchers share one queue; every message leaves once.
func TestTwoDispatchers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		for i := range 60 {
			r.Visit(t, fmt.Sprint(i), fmt.Sprintf("Клиент %d", i), fmt.Sprintf("+790000003%02d", i), 25*time.Hour)
		}
		r.Plan(t)
		other := dispatch.Dispatcher{Store: st, Clock: r.Clock, Roster: r.Roster, Channels: r.Dispatcher.Channels, Policy: r.Dispatcher.Policy, Programs: r.Dispatcher.Programs,
			Survey: r.Survey, Drafter: r.Drafter, Cells: r.Dispatcher.Cells, Log: r.Dispatcher.Log, Config: dispatch.Config{Batch: 7}}
		r.Dispatcher.Config.Batch = 11
		var wg sync.WaitGroup
		for _, d := range []*dispatch.Dispatcher{r.Dispatcher, &other} {
			wg.Go(func() {
				if _, err := d.Once(t.Context(), nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		to := map[string]int{}
		for _, m := range r.Fake.Calls() {
			to[m.To]++
		}
		if len(to) != 60 {
			t.Errorf("%d people of 60 were written to", len(to))
		}
		for a, n := range to {
			if n != 1 {
				t.Errorf("%s was written to %d times", a, n)
			}
		}
	})
}

// limited is the shipped book with another limit for SMS senders.
func limited(t *testing.T, l ratelimit.Limit) *ratelimit.Book {
	t.Helper()
	b, err := ratelimit.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return b.With(map[string]ratelimit.Limit{"channel:sms": l})
}

// TestRateHolds sends at most what the limit admits.
func TestRateHolds(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	r := dispatchtest.New(t, st)
	r.Dispatcher.Limits = limited(t, ratelimit.Rate(1, time.Hour, 4))
	for i := range 6 {
		r.Visit(t, fmt.Sprint(i), fmt.Sprintf("Клиент %d", i), fmt.Sprintf("+7900000040%d", i), 25*time.Hour)
	}
	segments := 0
	for range r.Send(t) {
		segments += 2 // each text takes two segments in Russian
	}
	if segments == 0 || segments > 4+1 {
		t.Errorf("%d segments left at a limit of 4 an hour", segments)
	}
}

// away is a limiter that cannot be asked.
type away struct{ ratelimit.Cells }

func (away) Reserve(context.Context, time.Time, []ratelimit.Demand, time.Duration) ([]ratelimit.Slot, error) {
	return nil, fmt.Errorf("asking Redis: %w", ratelimit.ErrUnavailable)
}

// TestLimiterAway: without Redis a survey waits and is not lost (invariant 8).
func TestLimiterAway(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	r := due(t, st)
	r.Dispatcher.Limits = limited(t, ratelimit.Rate(1, time.Second, 1))
	cells := r.Dispatcher.Cells
	r.Dispatcher.Cells = away{}
	if ms := r.Send(t); len(ms) != 0 {
		t.Fatalf("a survey left without its limiter: %+v", ms)
	}
	r.Dispatcher.Cells = cells
	if ms := r.Send(t); len(ms) != 1 {
		t.Errorf("the survey was lost: %+v", ms)
	}
}

// counted is a limiter that cannot be asked and tells of each question.
type counted struct {
	away
	asked chan struct{}
}

func (c counted) Reserve(ctx context.Context, now time.Time, ds []ratelimit.Demand, horizon time.Duration) ([]ratelimit.Slot, error) {
	select {
	case c.asked <- struct{}{}:
	case <-ctx.Done():
	}
	return c.away.Reserve(ctx, now, ds, horizon)
}

// TestLimiterAwayIsNotHammered: what waits for Redis is looked at once a second, not
// claimed and handed back as fast as the database can.
func TestLimiterAwayIsNotHammered(t *testing.T) {
	r := due(t, storetest.Open(t, "sqlite"))
	r.Plan(t)
	r.Dispatcher.Limits = limited(t, ratelimit.Rate(1, time.Second, 1))
	c := counted{asked: make(chan struct{})}
	r.Dispatcher.Cells = c
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { r.Dispatcher.Run(ctx) })
	<-c.asked
	began := time.Now()
	<-c.asked
	if took := time.Since(began); took < time.Second/2 {
		t.Errorf("asked again after %v", took)
	}
	cancel()
	wg.Wait()
}

// TestForecastIsWhatHappens compares the plan with the run (invariant 13).
func TestForecastIsWhatHappens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := due(t, st)
		r.Visit(t, "1002", "Петров Пётр", "+79000000102", 80*time.Hour)
		r.Plan(t)
		os := storetest.Due(t, st, r.Dealer.ID, r.Clock.Business().Add(-100*time.Hour), r.Clock.Business().Add(time.Hour))
		fs, err := r.Dispatcher.Forecast(t.Context(), os)
		if err != nil || len(fs) != 1 || fs[0].Verdict != "send" || fs[0].Order != "1001" || fs[0].Segments == 0 {
			t.Fatalf("forecast = %+v, %v", fs, err)
		}
		if ms := r.Send(t); len(ms) != 1 || ms[0].To != phone {
			t.Errorf("the run did something else: %+v", ms)
		}
	})
}

// TestGracefulStop hands back at once what is not in flight, while the provider takes its
// time, and finishes what is.
func TestGracefulStop(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	r := dispatchtest.New(t, st)
	const people = 20
	for i := range people {
		r.Visit(t, fmt.Sprint(i), fmt.Sprintf("Клиент %d", i), fmt.Sprintf("+790000005%02d", i), 25*time.Hour)
	}
	r.Plan(t)
	ctx, cancel := context.WithCancel(t.Context())
	hold := make(chan struct{})
	r.Fake.Otherwise(func(channels.Message, int) channeltest.Outcome { return channeltest.Outcome{Hold: hold} })
	done := make(chan error, 1)
	go func() {
		_, err := r.Dispatcher.Once(ctx, nil)
		done <- err
	}()
	r.Fake.Await(t, 1)
	testserver.Wait(t, "more is claimed than is in flight", func() bool {
		held, err := st.Claimed(t.Context(), r.Clock.Business(), r.Clock.Machine())
		return err == nil && held.N > len(messages(t, r)) && len(messages(t, r)) > 0
	})
	cancel()
	var left []store.Outreach
	testserver.Wait(t, "what is not in flight is free for others", func() bool {
		more, err := storetest.ClaimOutreach(t.Context(), st, st.NewID(), 100, r.Clock.Business(), r.Clock.Machine(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, more...)
		return len(left) == people-len(messages(t, r))
	})
	close(hold)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	for _, m := range messages(t, r) {
		// One that was begun and not handed over is put back.
		if m.State != outreach.Sent && m.State != outreach.Queued {
			t.Errorf("a message was left %s", m.State)
		}
	}
}

// TestTimeToAnswer: a survey that leaves late, after a night or an import, is not
// followed by the call in the same second.
func TestTimeToAnswer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		r.Visit(t, "1001", "Иванов Иван", phone, 49*time.Hour)
		calls := func() int {
			ts, err := st.Tasks(t.Context(), store.TaskFilter{DealerID: r.Dealer.ID, Kind: store.TaskSurveyCall, Open: true})
			if err != nil {
				t.Fatal(err)
			}
			return len(ts)
		}
		if ms := r.Send(t); len(ms) != 1 || calls() != 0 {
			t.Fatalf("%d messages and %d calls at once", len(ms), calls())
		}
		if ds := decisions(t, r); !slices.Contains(ds, "call:hold:time_to_answer") {
			t.Errorf("decisions: %v", ds)
		}
		r.Forward(t, 7*time.Hour)
		r.Send(t)
		if calls() != 1 {
			t.Error("the call of a silent customer does not come")
		}
	})
}

// TestPlanAcrossDealers: who was at two dealers of a group within three days is asked once,
// by the later one, and the plan of the other says so.
func TestPlanAcrossDealers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		d := north(t, r, "+78120000000")
		now := r.Clock.Business()
		at := func(dealer store.Dealer, order string, ago time.Duration) {
			storetest.Save(t, st, dealer, storetest.Visit(order, "Иванов Иван", phone, now.Add(-ago)))
		}
		at(d, "N1", 40*time.Hour)
		at(r.Dealer, "S1", 25*time.Hour)
		got := map[string]string{}
		for _, dealer := range []store.Dealer{d, r.Dealer} {
			for fs, err := range r.Dispatcher.Forecasts(t.Context(), dealer.ID, now, r.Planner.Preview(t.Context(), dealer.ID, now, now.Add(48*time.Hour), now)) {
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range fs {
					if f.Step == "survey" {
						got[dealer.Code+" "+f.Order] = f.Verdict
					}
				}
			}
		}
		if want := map[string]string{"north N1": "merge", r.Dealer.Code + " S1": "send"}; !maps.Equal(got, want) {
			t.Errorf("the plans say %v, want %v", got, want)
		}
		r.Plan(t)
		if ms := r.Send(t); len(ms) != 1 || ms[0].From != dispatchtest.Sender {
			t.Errorf("sent %+v", ms)
		}
	})
}

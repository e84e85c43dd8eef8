package dispatch_test

import (
	"slices"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/dispatch"
	"otklik/internal/policy"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestNoSenderLosesNothing: what is due while its channel is not set up, a variable
// forgotten perhaps, waits until it is, and not beyond its deadline.
func TestNoSenderLosesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := due(t, st)
		r.Plan(t)
		os := storetest.Due(t, st, r.Dealer.ID, r.Clock.Business().Add(-100*time.Hour), r.Clock.Business().Add(time.Hour))
		delete(r.Dispatcher.Channels, channels.SMS)

		fs, err := r.Dispatcher.Forecast(t.Context(), os)
		if err != nil || len(fs) != 1 || fs[0].Verdict != "hold" || fs[0].Rule != dispatch.RuleNoSender {
			t.Errorf("the plan says %+v, %v", fs, err)
		}
		if ms := r.Send(t); len(ms) != 0 {
			t.Fatalf("sent without a channel: %+v", ms)
		}
		if got := decisions(t, r); len(got) != 1 || got[0] != "survey:hold:no_sender" {
			t.Errorf("decided %v", got)
		}
		r.Dispatcher.Channels[channels.SMS] = r.Fake
		r.Forward(t, 61*time.Minute)
		if ms := r.Send(t); len(ms) != 1 || ms[0].To != phone {
			t.Errorf("when the channel was there: %+v", ms)
		}

		r.Visit(t, "1002", "Петров Пётр", "+79000000102", 25*time.Hour)
		r.Plan(t)
		delete(r.Dispatcher.Channels, channels.SMS)
		r.Send(t)
		r.Forward(t, 30*24*time.Hour)
		r.Send(t)
		if got := decisions(t, r); !slices.Contains(got, "survey:drop:"+policy.RuleNoChannel) {
			t.Errorf("past the deadline: %v", got)
		}
	})
}

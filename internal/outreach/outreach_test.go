package outreach

import (
	"errors"
	"testing"
	"time"

	"otklik/channels"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestNext(t *testing.T) {
	fail := func(c channels.Class) error { return &channels.Error{Class: c, Err: errors.New("x")} }
	sms := Attempt{Channel: channels.SMS, Jitter: 0.5}
	with := func(a Attempt, f func(*Attempt)) Attempt { f(&a); return a }
	tests := []struct {
		name string
		a    Attempt
		err  error
		want Transition
	}{
		{"accepted", sms, nil, Transition{State: Sent, Spent: true}},
		{"transient", sms, fail(channels.Transient), Transition{State: Queued, DueAt: now.Add(30 * time.Second), Spent: true}},
		{"transient, third", with(sms, func(a *Attempt) { a.Attempts = 2 }), fail(channels.Transient), Transition{State: Queued, DueAt: now.Add(2 * time.Minute), Spent: true}},
		{"transient, last", with(sms, func(a *Attempt) { a.Attempts = 4 }), fail(channels.Transient), Transition{State: Failed, Spent: true, Open: true}},
		{"transient past validity", with(sms, func(a *Attempt) { a.ValidUntil = now.Add(time.Second) }), fail(channels.Transient), Transition{State: Expired, Spent: true, Open: true}},
		{"throttled", sms, &channels.Error{Class: channels.Throttled, RetryAfter: 7 * time.Second}, Transition{State: Queued, DueAt: now.Add(7 * time.Second)}},
		{"throttled without a time", sms, fail(channels.Throttled), Transition{State: Queued, DueAt: now.Add(5 * time.Second)}},
		{"rejected", sms, fail(channels.Rejected), Transition{State: Failed, Spent: true, Open: true}},
		{"unreachable", sms, &channels.Error{Class: channels.Unreachable, Reason: channels.ReasonOptedOut}, Transition{State: Failed, Spent: true, Suppress: channels.ReasonOptedOut, Open: true}},
		{"unreachable without a reason", sms, fail(channels.Unreachable), Transition{State: Failed, Spent: true, Suppress: channels.ReasonBadAddress, Open: true}},
		{"suspended account", sms, &channels.Error{Class: channels.Suspended, Scope: channels.ScopeAccount}, Transition{State: Queued, DueAt: now.Add(5 * time.Minute), Pause: channels.ScopeAccount}},
		{"suspended without a scope", sms, fail(channels.Suspended), Transition{State: Queued, DueAt: now.Add(5 * time.Minute), Pause: channels.ScopeSender}},
		{"uncertain sms", sms, fail(channels.Uncertain), Transition{State: Sending, DueAt: now.Add(time.Minute), Spent: true}},
		{"uncertain email, first", Attempt{Channel: channels.Email}, fail(channels.Uncertain), Transition{State: Queued, DueAt: now.Add(time.Minute), Spent: true, AskedMore: 1}},
		{"uncertain email, second", Attempt{Channel: channels.Email, Asked: 1}, fail(channels.Uncertain), Transition{State: Unknown, Spent: true, Open: true}},
		{"uncertain telegram", Attempt{Channel: channels.Telegram}, fail(channels.Uncertain), Transition{State: Unknown, Spent: true, Open: true}},
		{"an error without a class is uncertain", sms, errors.New("boom"), Transition{State: Sending, DueAt: now.Add(time.Minute), Spent: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Next(tt.a, tt.err, now); got != tt.want {
				t.Errorf("Next = %+v\nwant   %+v", got, tt.want)
			}
		})
	}
}

func TestAnswered(t *testing.T) {
	a := Attempt{Channel: channels.SMS}
	if got := Answered(a, true, channels.StateDelivered, now); got.State != Delivered {
		t.Errorf("found: %+v", got)
	}
	got := Answered(a, false, "", now)
	if got.State != Sending || !got.DueAt.Equal(now.Add(9*time.Minute)) {
		t.Errorf("first miss: %+v", got)
	}
	a.Asked = 1
	if got := Answered(a, false, "", now); got.State != Unknown || !got.Open {
		t.Errorf("second miss: %+v", got)
	}
}

// TestForward walks every pair: no report moves a state backward.
func TestForward(t *testing.T) {
	order := map[MessageState]int{Queued: 0, Sending: 0, Unknown: 0, Sent: 1, Undelivered: 2, Failed: 2, Delivered: 3, Expired: 9, Canceled: 9}
	for from, a := range order {
		for _, to := range []MessageState{Sent, Undelivered, Delivered} {
			if got, want := from.Forward(to), order[to] > a; got != want {
				t.Errorf("%s → %s: %v, want %v", from, to, got, want)
			}
		}
	}
}

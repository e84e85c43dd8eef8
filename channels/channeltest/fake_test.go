package channeltest

import (
	"context"
	"errors"
	"testing"
	"time"

	"otklik/channels"
)

// fakeBench gives a Fake that behaves as a provider in situation s would make a
// real channel behave.
func fakeBench(t testing.TB, s Situation) Bench {
	f := NewFake(channels.SMS)
	fail := func(e channels.Error) Bench {
		f.Otherwise(func(channels.Message, int) Outcome { return Outcome{Err: &e} })
		return Bench{Channel: f, Attempts: func() int { return len(f.Calls()) }}
	}
	attempts := func() int { return len(f.Calls()) }
	switch s {
	case Refuses:
		b := fail(channels.Error{Class: channels.Transient, Err: errors.New("refused")})
		b.Attempts = func() int { return 0 }
		return b
	case Hangs:
		f.Otherwise(func(channels.Message, int) Outcome {
			return Outcome{Taken: true, Hold: make(chan struct{})}
		})
	case Mute:
		f.Otherwise(func(channels.Message, int) Outcome { return Outcome{Hold: make(chan struct{})} })
		attempts = func() int { return 0 }
	case Resets, Garbles, Breaks:
		return fail(channels.Error{})
	case Throttles, Unavailable:
		return fail(channels.Error{Class: channels.Throttled, RetryAfter: 7 * time.Second})
	case OptedOut:
		return fail(channels.Error{Class: channels.Unreachable, Reason: channels.ReasonOptedOut})
	case BadAddress:
		return fail(channels.Error{Class: channels.Unreachable, Reason: channels.ReasonBadAddress})
	case BadLogin:
		return fail(channels.Error{Class: channels.Suspended, Scope: channels.ScopeAccount})
	}
	return Bench{Channel: f, Attempts: attempts}
}

func TestFakeKeepsTheContract(t *testing.T) {
	Run(t, fakeAdapter(fakeBench))
}

func fakeAdapter(open func(testing.TB, Situation) Bench) Adapter {
	return Adapter{
		Kind:       channels.SMS,
		Message:    channels.Message{To: "+15005550006", Text: "How was it?"},
		Secrets:    []string{"s3cr3t-t0ken"},
		RetryAfter: 7 * time.Second,
		Open:       open,
	}
}

func TestFakeScripts(t *testing.T) {
	f := NewFake(channels.Email).
		On("ann@example.com", Fail(channels.Transient), Outcome{Receipt: channels.Receipt{ProviderID: "x-1"}}).
		On("m-2", Throttle(time.Minute)).
		On("m-3", Outcome{Taken: true, Err: &channels.Error{}})
	send := func(id, to string) (channels.Receipt, *channels.Error) {
		r, err := f.Send(t.Context(), channels.Message{ID: id, To: to})
		return r, channels.AsError(err)
	}
	if _, e := send("m-1", "ann@example.com"); e == nil || e.Class != channels.Transient {
		t.Errorf("first attempt: %v", e)
	}
	if _, e := send("m-2", "ann@example.com"); e == nil || e.Class != channels.Throttled || e.RetryAfter != time.Minute {
		t.Errorf("the message's own script must come before the recipient's: %v", e)
	}
	if r, e := send("m-1", "ann@example.com"); e != nil || r.ProviderID != "x-1" {
		t.Errorf("second attempt: %v, %v", r, e)
	}
	if _, e := send("m-3", "bob@example.com"); e == nil || e.Class != channels.Uncertain {
		t.Errorf("uncertain: %v", e)
	}
	if r, e := send("m-4", "bob@example.com"); e != nil || r.ProviderID == "" {
		t.Errorf("unscripted: %v, %v", r, e)
	}
	if calls, taken := f.Calls(), f.Taken(); len(calls) != 5 || len(taken) != 3 || taken[1].Message.ID != "m-3" {
		t.Errorf("%d calls, taken %+v", len(calls), taken)
	}
}

func TestFakeHoldsAndPanics(t *testing.T) {
	release := make(chan struct{})
	f := NewFake(channels.SMS).On("held", Outcome{Hold: release}).On("bang", Outcome{Panic: "bang"})
	done := make(chan error, 1)
	go func() {
		_, err := f.Send(context.Background(), channels.Message{ID: "held"})
		done <- err
	}()
	f.Await(t, 1)
	select {
	case err := <-done:
		t.Fatalf("a held attempt returned: %v", err)
	default:
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	f.AwaitTaken(t, 1)
	defer func() {
		if recover() != "bang" {
			t.Error("no panic")
		}
	}()
	_, _ = f.Send(t.Context(), channels.Message{ID: "bang"})
}

func TestFakeBatchIsBoundedAndComplete(t *testing.T) {
	f := NewFake(channels.SMS).Workers(3)
	ms := make([]channels.Message, 50)
	for i := range ms {
		ms[i].ID = string(rune('A' + i))
	}
	results := make(chan int, len(ms))
	f.SendBatch(t.Context(), ms, func(i int, r channels.Receipt, err error) {
		if err != nil || r.ProviderID == "" {
			t.Errorf("message %d: %v, %v", i, r, err)
		}
		results <- i
	})
	if len(results) != len(ms) || f.Peak() > 3 {
		t.Errorf("%d results, %d in flight at once", len(results), f.Peak())
	}
}

func TestFakeAsker(t *testing.T) {
	f := FakeAsker{Fake: NewFake(channels.SMS).On("lost", Fail(channels.Uncertain)).
		On("kept", Outcome{Taken: true, Err: &channels.Error{}})}
	since := time.Now()
	for _, id := range []string{"lost", "kept"} {
		if _, err := f.Send(t.Context(), channels.Message{ID: id, To: "to-" + id, Text: "hi"}); err == nil {
			t.Fatal("want an error")
		}
	}
	for id, want := range map[string]bool{"lost": false, "kept": true} {
		r, found, err := f.Ask(t.Context(), channels.Query{To: "to-" + id, Text: "hi", Since: since})
		if err != nil || found != want || (found && r.MessageID != id) {
			t.Errorf("%s: %+v, %v, %v", id, r, found, err)
		}
	}
	f.Down = func() error { return errors.New("away") }
	if _, found, err := f.Ask(t.Context(), channels.Query{}); err == nil || found {
		t.Error("an asker that is down must say so")
	}
}

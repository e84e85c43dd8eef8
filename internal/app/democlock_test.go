package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/sandbox"
	"otklik/internal/store"
	"otklik/internal/testserver"
)

// TestClockWaitsForWhatIsUnderWay: the demo's clock does not move while a provider has
// not answered yet, and who does not want to wait any more moves nothing later.
func TestClockWaitsForWhatIsUnderWay(t *testing.T) {
	ctx := t.Context()
	a, _, err := NewDemo(ctx, "127.0.0.1:0", filepath.Join(t.TempDir(), "demo.db"), Options{Role: RoleAll, Version: "test", Ask: 100 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("making the demo: %v", err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.WithoutCancel(ctx)); err != nil {
			t.Errorf("stopping the demo: %v", err)
		}
	})
	today := a.clock.Business()
	if err := a.Start(ctx); err != nil {
		t.Fatalf("starting the demo: %v", err)
	}
	ds, err := a.store.Dealers(ctx)
	if err != nil {
		t.Fatalf("reading the dealer: %v", err)
	}
	// texts are the messages that went out by SMS today.
	texts := func() []store.ListedMessage {
		ms, err := a.store.ListMessages(ctx, store.Filter{DealerID: ds[0].ID, Limit: 500})
		if err != nil {
			t.Fatalf("reading messages: %v", err)
		}
		return slices.DeleteFunc(ms, func(m store.ListedMessage) bool {
			return m.Direction != store.Out || m.Channel != channels.SMS || m.At.Before(today)
		})
	}
	under := func(m store.ListedMessage) bool { return m.State != outreach.Delivered }
	testserver.Wait(t, "somebody has been asked by SMS", func() bool { return len(texts()) > 0 && !slices.ContainsFunc(texts(), under) })
	asked, err := a.store.Message(ctx, texts()[0].ID)
	if err != nil {
		t.Fatalf("reading who was asked: %v", err)
	}
	servers, before := a.sandbox.servers, a.sandbox.clock.Offset()
	servers.Fault(channels.SMS, sandbox.Fault{Hang: true, Taken: true, Count: 1})
	if err := servers.Write(ctx, channels.SMS, asked.Address, "2"); err != nil {
		t.Fatalf("answering: %v", err)
	}
	testserver.Wait(t, "the answer to it is under way", func() bool { return servers.Struck(channels.SMS) == 1 })
	soon, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if err := a.Advance(soon, time.Hour); !errors.Is(err, context.DeadlineExceeded) || a.sandbox.clock.Offset() != before {
		t.Fatalf("beside a message under way the clock moved by %v, error %v", a.sandbox.clock.Offset()-before, err)
	}
	servers.Fault(channels.SMS, sandbox.Fault{})
	if err := a.Advance(ctx, 5*time.Hour); err != nil || a.sandbox.clock.Offset() != before+5*time.Hour {
		t.Fatalf("after it the clock moved by %v, want 5h, error %v", a.sandbox.clock.Offset()-before, err)
	}
	testserver.Wait(t, "the answer, and all that fell due, have arrived", func() bool {
		out := texts()
		return slices.ContainsFunc(out, func(m store.ListedMessage) bool { return m.At.After(asked.CreatedAt) }) && !slices.ContainsFunc(out, under)
	})
}

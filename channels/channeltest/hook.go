package channeltest

import (
	"errors"
	"net/http"
	"reflect"
	"testing"

	"otklik/channels"
)

// Hook is what the suite needs to hold a Receiver to the contract.
type Hook struct {
	// Open gives the channel that the calls are meant for.
	Open func(t testing.TB) channels.Receiver
	// Genuine are calls as the provider makes them, by name; each must be taken
	// and give at least one event.
	Genuine map[string]channels.Request
	// Forged are calls that someone else made, by name: a wrong secret, a
	// changed body. The suite adds each genuine call without its headers.
	Forged map[string]channels.Request
}

func (h *Hook) run(t *testing.T, a Adapter) {
	if len(h.Genuine) == 0 || len(h.Forged) == 0 {
		t.Fatal("the adapter must give genuine and forged calls")
	}
	for name, call := range h.Genuine {
		t.Run(name, func(t *testing.T) { h.genuine(t, a, call) })
		call.Header = http.Header{}
		t.Run(name+" without headers", func(t *testing.T) { h.forged(t, a, call) })
	}
	for name, call := range h.Forged {
		t.Run("forged "+name, func(t *testing.T) { h.forged(t, a, call) })
	}
}

// genuine receives the call twice on one channel and once on another: providers
// repeat calls, and the repetition may reach another node.
func (h *Hook) genuine(t *testing.T, a Adapter, call channels.Request) {
	here, there := h.Open(t), h.Open(t)
	first, err := here.Receive(call)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) == 0 {
		t.Fatal("a genuine call gave no event")
	}
	for _, e := range first {
		checkEvent(t, a.Kind, e)
	}
	for _, r := range []channels.Receiver{here, there} {
		again, err := r.Receive(call)
		if err != nil {
			t.Fatalf("repeated: %v", err)
		}
		if !reflect.DeepEqual(first, again) {
			t.Errorf("the same call gave %+v, then %+v", first, again)
		}
	}
}

func checkEvent(t *testing.T, kind channels.Kind, e channels.Event) {
	t.Helper()
	if (e.Inbound == nil) == (e.Report == nil) {
		t.Fatalf("exactly one field must be set: %+v", e)
	}
	if in := e.Inbound; in != nil && (in.ProviderID == "" || in.Channel != kind || in.From == "") {
		t.Errorf("inbound without provider id, channel or sender: %+v", *in)
	}
	if r := e.Report; r != nil && (r.Channel != kind || r.State == "" || (r.MessageID == "" && r.ProviderID == "" && r.Address == "")) {
		t.Errorf("report without channel, state or anything that says of which message: %+v", *r)
	}
}

func (h *Hook) forged(t *testing.T, a Adapter, call channels.Request) {
	events, err := h.Open(t).Receive(call)
	if !errors.Is(err, channels.ErrForged) {
		t.Errorf("error %v, want ErrForged", err)
	}
	if len(events) != 0 {
		t.Errorf("a forged call gave events: %+v", events)
	}
	if err != nil {
		NoSecrets(t, a.Secrets, err)
	}
}

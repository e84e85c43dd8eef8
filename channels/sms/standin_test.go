package sms_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/sms"
	"otklik/channels/sms/twiliotest"
	"otklik/internal/sandbox"
	"otklik/internal/testserver"
)

const (
	account  = "AC0123456789abcdef0123456789abcdef"
	token    = "5ecret0f0urs"
	ours     = "+78005550100"
	customer = "+79165550123"
)

// callbacks keeps what the stand-in posts to our hooks.
type callbacks struct {
	public string
	mu     sync.Mutex
	all    []channels.Request
}

func (c *callbacks) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, channels.Request{URL: c.public + r.URL.RequestURI(), Header: r.Header.Clone(), Body: body})
}

// events gives what the channel reads in the callbacks so far.
func (c *callbacks) events(t *testing.T, ch *sms.Channel) []channels.Event {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var events []channels.Event
	for _, r := range c.all {
		es, err := ch.Receive(r)
		if err != nil {
			t.Fatalf("%s: %v", r.URL, err)
		}
		events = append(events, es...)
	}
	return events
}

// TestStandInAsTwilioDescribes: our client and our sandbox talk to each other with
// Twilio's own description between them as the judge of both.
func TestStandInAsTwilioDescribes(t *testing.T) {
	hooks := &callbacks{}
	public := httptest.NewServer(hooks)
	t.Cleanup(public.Close)
	hooks.public = public.URL
	phones, err := sandbox.Open("")
	if err != nil {
		t.Fatal(err)
	}
	servers, err := sandbox.Start(context.Background(), phones, sandbox.Config{
		PublicURL: public.URL, TwilioSID: account, TwilioToken: token, TwilioFrom: ours,
		TelegramToken: "1:a", BotName: "otklik_bot", Mailbox: "dealer@example.com",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := servers.Close(); err != nil {
			t.Errorf("closing the sandbox: %v", err)
		}
	})
	ch, err := sms.New(sms.Config{
		AccountSID: account, AuthToken: token, From: ours, PublicURL: public.URL,
		APIBase: twiliotest.Proxy(t, servers.TwilioBase),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ch.Close() })

	m := channels.Message{ID: "otk-1", To: customer, Text: "Как прошёл визит? Ответьте цифрой от 1 до 5.", ValidUntil: time.Now().Add(time.Hour)}
	began := time.Now()
	receipt, err := ch.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("segments", func(t *testing.T) {
		if n, _ := sms.Segments(m.Text); receipt.Segments != n {
			t.Errorf("the receipt says %d segments, we %d", receipt.Segments, n)
		}
	})
	t.Run("ask", func(t *testing.T) {
		r, found, err := ch.Ask(t.Context(), channels.Query{To: m.To, Text: m.Text, Since: began})
		if err != nil || !found || r.ProviderID != receipt.ProviderID {
			t.Errorf("%+v, %v, %v", r, found, err)
		}
		_, found, err = ch.Ask(t.Context(), channels.Query{To: m.To, Text: "something else", Since: began})
		if err != nil || found {
			t.Errorf("an unknown text: %v, %v", found, err)
		}
	})
	t.Run("report", func(t *testing.T) {
		testserver.Wait(t, "the message is reported delivered", func() bool {
			for _, e := range hooks.events(t, ch) {
				if e.Report != nil && e.Report.State == channels.StateDelivered {
					return e.Report.MessageID == m.ID && e.Report.ProviderID == receipt.ProviderID
				}
			}
			return false
		})
	})
	t.Run("reply", func(t *testing.T) {
		if err := servers.Write(t.Context(), channels.SMS, customer, "2. ждал 3 часа"); err != nil {
			t.Fatal(err)
		}
		testserver.Wait(t, "the reply has come", func() bool {
			for _, e := range hooks.events(t, ch) {
				if e.Inbound != nil {
					return e.Inbound.Text == "2. ждал 3 часа" && e.Inbound.From == customer && e.Inbound.To == ours
				}
			}
			return false
		})
	})
	t.Run("refused", func(t *testing.T) {
		if err := servers.Write(t.Context(), channels.SMS, customer, "STOP"); err != nil {
			t.Fatal(err)
		}
		_, err := ch.Send(t.Context(), channels.Message{ID: "otk-2", To: customer, Text: "ещё раз"})
		if e := channels.AsError(err); e == nil || e.Class != channels.Unreachable || e.Reason != channels.ReasonOptedOut {
			t.Errorf("after STOP: %v", err)
		}
	})
}

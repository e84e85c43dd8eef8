package email

import (
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"otklik/channels"
	"otklik/channels/channeltest"
)

func TestContract(t *testing.T) {
	servers := map[channeltest.Situation]func() *script{
		channeltest.Accepts:    func() *script { return &script{} },
		channeltest.Refuses:    func() *script { return &script{} },
		channeltest.Mute:       func() *script { return &script{greeting: hang} },
		channeltest.Hangs:      func() *script { return &script{dot: hang} },
		channeltest.Resets:     func() *script { return &script{dot: reset} },
		channeltest.Garbles:    func() *script { return &script{dot: "ok, thanks"} },
		channeltest.BadAddress: func() *script { return &script{rcpt: "550 5.1.1 <anna@client.example> unknown"} },
		channeltest.BadLogin:   func() *script { return &script{auth: "535 5.7.8 s3cret-word is wrong"} },
	}
	channeltest.Run(t, channeltest.Adapter{
		Kind:    channels.Email,
		Message: message(""),
		Secrets: []string{"s3cret-word", "anna@client.example"},
		ShowsID: true,
		Lacks: map[channeltest.Situation]string{
			channeltest.Breaks:      "a 4xx after the data says that nothing was taken",
			channeltest.Throttles:   "SMTP has no word for when to come back",
			channeltest.Unavailable: "SMTP has no word for when to come back",
			channeltest.OptedOut:    "SMTP has no word for it; complaints come as mail",
		},
		Open: func(t testing.TB, situation channeltest.Situation) channeltest.Bench {
			open, known := servers[situation]
			if !known {
				t.Fatalf("no server for %q", situation)
			}
			s := open().start(t)
			c := s.channel("bot:s3cret-word@")
			if situation == channeltest.Refuses {
				_ = s.listener.Close()
			}
			return channeltest.Bench{
				Channel:  c,
				Attempts: func() int { bodies, _, _ := s.seen(); return len(bodies) },
				Seen:     func() string { bodies, _, _ := s.seen(); return strings.Join(bodies, "\n") },
			}
		},
	})
}

// TestSilenceIsBounded: without any end of ctx, the timeout decides.
func TestSilenceIsBounded(t *testing.T) {
	for _, silent := range []*script{{greeting: hang}, {rcpt: hang}} {
		s := silent.start(t)
		c, err := New(Config{SMTPURL: s.url(""), From: "service@dealer.example", Timeout: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Send(t.Context(), message("1"))
		if e := channels.AsError(err); e == nil || e.Class != channels.Transient {
			t.Errorf("got %v, want %v", err, channels.Transient)
		}
	}
}

// TestSilenceAfterTheDataIsBounded: here it matters that the server has read the message,
// so time goes on in a bubble only when both sides wait.
func TestSilenceAfterTheDataIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{dot: hang}
		here, there := net.Pipe()
		var server sync.WaitGroup
		server.Go(func() { s.serve(there) })
		client, err := smtp.NewClient(here, "scripted")
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Hello("dealer.example"); err != nil {
			t.Fatal(err)
		}
		m := message("1")
		l, err := offline(t, "smtp://mx.example").compose(&m, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		const timeout = 3 * time.Second
		var result error
		newSession(client, here, timeout).run(t.Context(), &job{letter: l}, func() *job { return nil }, func(_ *job, err error) { result = err })
		if e := channels.AsError(result); e == nil || e.Class != channels.Uncertain {
			t.Errorf("got %v, want %v", result, channels.Uncertain)
		}
		if waited := time.Since(began); waited < timeout || waited > timeout*5/4 { // the deadline is not set anew for each step
			t.Errorf("after %v", waited)
		}
		_ = here.Close()
		server.Wait()
		if bodies, _, _ := s.seen(); len(bodies) != 1 {
			t.Errorf("the server has read %d messages", len(bodies))
		}
	})
}

package email

import (
	"strings"
	"testing"
	"time"

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
	for situation, want := range map[*script]channels.Class{
		{greeting: hang}: channels.Transient,
		{rcpt: hang}:     channels.Transient,
		{dot: hang}:      channels.Uncertain,
	} {
		s := situation.start(t)
		c, err := New(Config{SMTPURL: s.url(""), From: "service@dealer.example", Timeout: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Send(t.Context(), message("1"))
		if e := channels.AsError(err); e == nil || e.Class != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

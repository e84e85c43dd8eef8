package email

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/testserver"
)

func TestConnectionsAreReused(t *testing.T) {
	s := (&script{}).start(t)
	c := s.channel("")
	for i := range 5 {
		if _, err := c.Send(t.Context(), message(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	bodies, commands, sessions := s.seen()
	if len(bodies) != 5 || sessions != 1 {
		t.Fatalf("%d mails over %d sessions", len(bodies), sessions)
	}
	for _, idle := range []string{"NOOP", "RSET"} {
		if strings.Contains(strings.Join(commands, "\n"), idle) {
			t.Errorf("%s costs a round trip for nothing", idle)
		}
	}
}

// sendAll returns the result of each message of a batch.
func sendAll(ctx context.Context, c *Channel, ms []channels.Message) []error {
	var mu sync.Mutex
	results := make([]error, len(ms))
	c.SendBatch(ctx, ms, func(i int, _ channels.Receipt, err error) {
		mu.Lock()
		defer mu.Unlock()
		results[i] = err
	})
	return results
}

func messages(n int) []channels.Message {
	ms := make([]channels.Message, n)
	for i := range ms {
		ms[i] = message(fmt.Sprintf("m%03d", i))
	}
	return ms
}

// onceEach fails t unless every message has arrived exactly once, but those in
// absent not at all.
func onceEach(t *testing.T, s *script, ms []channels.Message, absent map[int]bool) {
	t.Helper()
	bodies, _, _ := s.seen()
	all := strings.Join(bodies, "\n")
	for i, m := range ms {
		want := 1
		if absent[i] {
			want = 0
		}
		if got := strings.Count(all, "Message-ID: <"+m.ID+"@"); got != want {
			t.Errorf("message %d arrived %d times", i, got)
		}
	}
}

func TestRefusedMessagesDoNotSpoilTheSession(t *testing.T) {
	for mode, extensions := range map[string][]string{"pipelined": nil, "stepwise": {"ENHANCEDSTATUSCODES"}} {
		t.Run(mode, func(t *testing.T) {
			s := (&script{extensions: extensions}).start(t)
			c := s.channel("")
			ms := messages(30)
			absent := map[int]bool{}
			for i := range ms {
				switch i % 5 {
				case 1:
					ms[i].To, absent[i] = "nobody@client.example", true
				case 3:
					ms[i].To, absent[i] = "not an address", true
				}
			}
			for i, err := range sendAll(t.Context(), c, ms) {
				e := channels.AsError(err)
				if absent[i] != (e != nil) || e != nil && e.Class != channels.Unreachable {
					t.Errorf("message %d: %v", i, err)
				}
			}
			onceEach(t, s, ms, absent)
			if _, _, sessions := s.seen(); sessions > 2 {
				t.Errorf("%d sessions for a batch that uses two connections", sessions)
			}
		})
	}
}

// A server that allows a few messages a session ends it where our next envelope
// has already been sent: that message must move, neither fail nor double.
func TestSessionsEndedByTheServerLoseNothing(t *testing.T) {
	for mode, extensions := range map[string][]string{"pipelined": nil, "stepwise": {"ENHANCEDSTATUSCODES"}} {
		t.Run(mode, func(t *testing.T) {
			s := (&script{perSession: 3, extensions: extensions}).start(t)
			ms := messages(40)
			for i, err := range sendAll(t.Context(), s.channel(""), ms) {
				if err != nil {
					t.Errorf("message %d: %v", i, err)
				}
			}
			onceEach(t, s, ms, nil)
		})
	}
}

// A server's limit on connections ends the worker that met it, no message.
func TestConnectionLimitCostsNoMessage(t *testing.T) {
	s := (&script{atOnce: 1}).start(t)
	c, err := New(Config{SMTPURL: s.url(""), From: "service@dealer.example", Connections: 8, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ms := messages(200)
	for i, err := range sendAll(t.Context(), c, ms) {
		if err != nil {
			t.Errorf("message %d: %v", i, err)
		}
	}
	onceEach(t, s, ms, nil)
}

// When nobody can connect, each message of a batch learns it without a dial of
// its own.
func TestBatchWithoutAServerEndsAtOnce(t *testing.T) {
	s := (&script{greeting: "554 5.7.1 go away"}).start(t)
	ms := messages(100)
	for i, err := range sendAll(t.Context(), s.channel(""), ms) {
		if e := channels.AsError(err); e == nil || e.Class != channels.Suspended {
			t.Errorf("message %d: %v", i, err)
		}
	}
	if _, _, sessions := s.seen(); sessions > 3 {
		t.Errorf("%d connections were tried", sessions)
	}
}

func TestDeadIdleConnectionIsReplaced(t *testing.T) {
	s := (&script{}).start(t)
	c := s.channel("")
	if _, err := c.Send(t.Context(), message("1")); err != nil {
		t.Fatal(err)
	}
	s.hangUpAll()
	if _, err := c.Send(t.Context(), message("2")); err != nil {
		t.Fatalf("a server that closed an idle session must cost nothing: %v", err)
	}
	onceEach(t, s, []channels.Message{message("1"), message("2")}, nil)
}

// A batch whose context ends leaves every message either sent, certainly unsent
// or uncertain, and what arrived is never called unsent.
func TestContextEndsWithinABatch(t *testing.T) {
	s := (&script{}).start(t)
	c := s.channel("")
	ms := messages(200)
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	results := make([]error, len(ms))
	finished := 0
	c.SendBatch(ctx, ms, func(i int, _ channels.Receipt, err error) {
		mu.Lock()
		defer mu.Unlock()
		results[i] = err
		if finished++; finished == 20 {
			cancel()
		}
	})
	if finished != len(ms) {
		t.Fatalf("%d of %d messages have a result", finished, len(ms))
	}
	testserver.Wait(t, "the server to notice", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.bodies) >= 20
	})
	bodies, _, _ := s.seen()
	all := strings.Join(bodies, "\n")
	for i, err := range results {
		arrived := strings.Contains(all, "Message-ID: <"+ms[i].ID+"@")
		e := channels.AsError(err)
		switch {
		case err == nil && !arrived:
			t.Errorf("message %d was called sent and did not arrive", i)
		case e != nil && e.Class == channels.Transient && arrived:
			t.Errorf("message %d arrived and was called unsent", i)
		case e != nil && e.Class > channels.Transient:
			t.Errorf("message %d: %v", i, err)
		}
	}
}

// A connection that breaks while the body is on its way has certainly not
// carried the final dot: the message was not taken.
func TestBrokenWithinTheBodyIsTransient(t *testing.T) {
	s := (&script{cutBody: true}).start(t)
	c := s.channel("")
	session, err := c.pool.get(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.pool.put(session)
	// More than the kernels of both sides keep for a reader that does not read.
	m := message("1")
	m.Text = strings.Repeat("0123456789abcdef0123456789abcdef\n", 2<<20)
	l, err := c.compose(&m, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var result error
	session.run(t.Context(), &job{letter: l},
		func() *job { return nil }, func(_ *job, err error) { result = err })
	if e := channels.AsError(result); e == nil || e.Class != channels.Transient {
		t.Fatalf("got %v", result)
	}
}

func TestClosedChannelSendsNothing(t *testing.T) {
	s := (&script{}).start(t)
	c := s.channel("")
	if _, err := c.Send(t.Context(), message("1")); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := c.Send(t.Context(), message("2"))
	if e := channels.AsError(err); e == nil || e.Class != channels.Transient {
		t.Fatalf("got %v", err)
	}
	_, commands, _ := s.seen()
	if !strings.Contains(strings.Join(commands, "\n"), "QUIT") {
		t.Error("an idle session was closed without QUIT")
	}
}

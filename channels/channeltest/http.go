package channeltest

import (
	"bytes"
	"fmt"
	"testing"

	"otklik/channels"
)

// HTTPProvider builds the benches of a channel that speaks HTTP: its Open is the
// Adapter's. Refuses, Mute, Hangs and Resets need nothing from the channel's test.
type HTTPProvider struct {
	// New gives a channel whose provider is at base (scheme://host:port).
	New func(t testing.TB, base string) channels.Channel
	// Accept is the provider's yes to the n-th attempt (from 0), each with an
	// id of its own.
	Accept func(n int, c Call) Reply
	// Replies are its answers in the other situations. Those missing fail the
	// test that asks for them: the Adapter must then name them in Lacks.
	Replies map[Situation]Reply
	// Attempt says which calls hand over a message; nil means all.
	Attempt func(c Call) bool
}

// Open starts the provider.
func (p HTTPProvider) Open(t testing.TB, s Situation) Bench {
	t.Helper()
	silent := Bench{Attempts: func() int { return 0 }}
	switch s {
	case Refuses:
		silent.Channel = p.New(t, "http://"+DeadAddr)
		return silent
	case Mute:
		silent.Channel = p.New(t, "https://"+MuteAddr(t))
		return silent
	}
	srv := NewServer(t, p.answer(t, s))
	return Bench{
		Channel:  p.New(t, srv.URL),
		Attempts: func() int { return len(p.attempts(srv)) },
		Seen: func() string {
			var all bytes.Buffer
			for _, c := range p.attempts(srv) {
				fmt.Fprintf(&all, "%s %s %v %v\n%s\n", c.Method, c.Path, c.Query, c.Header, c.Body)
			}
			return all.String()
		},
	}
}

func (p HTTPProvider) answer(t testing.TB, s Situation) func(int, Call) Reply {
	t.Helper()
	switch s {
	case Accepts:
		return p.Accept
	case Hangs:
		return Replies(Reply{Fault: Hang})
	case Resets:
		return Replies(Reply{Fault: ResetAfterRead})
	}
	reply, ok := p.Replies[s]
	if !ok {
		t.Fatalf("no reply recorded for a provider that %s", s)
	}
	return Replies(reply)
}

func (p HTTPProvider) attempts(srv *Server) []Call {
	calls := srv.Calls()
	if p.Attempt == nil {
		return calls
	}
	var of []Call
	for _, c := range calls {
		if p.Attempt(c) {
			of = append(of, c)
		}
	}
	return of
}

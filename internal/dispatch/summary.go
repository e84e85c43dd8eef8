package dispatch

import (
	"sync"

	"otklik/internal/outreach"
	"otklik/internal/store"
)

// Summary counts what one run did. Delayed counts what was put off by its rate, its
// sender or its provider and will be tried again.
type Summary struct {
	Sent, Delayed, Held, Dropped, Tasks, Failed, Uncertain, Expired int
}

func (s *Summary) add(b Summary) {
	s.Sent += b.Sent
	s.Delayed += b.Delayed
	s.Held += b.Held
	s.Dropped += b.Dropped
	s.Tasks += b.Tasks
	s.Failed += b.Failed
	s.Uncertain += b.Uncertain
	s.Expired += b.Expired
}

// tally is a Summary that many add to.
type tally struct {
	mu sync.Mutex
	s  Summary
}

func (t *tally) add(s Summary) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.s.add(s)
}

func (t *tally) read() Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.s
}

// counted is how a transition counts.
func counted(t outreach.Transition) (s Summary) {
	switch t.State {
	case outreach.Sent, outreach.Delivered, outreach.Undelivered:
		s.Sent++
	case outreach.Queued:
		s.Delayed++
	case outreach.Expired:
		s.Expired++
	case outreach.Sending, outreach.Unknown:
		s.Uncertain++
	default:
		s.Failed++
	}
	return s
}

func settled(vs []store.Verdict) (s Summary) {
	for _, v := range vs {
		switch {
		case v.Task != nil:
			s.Tasks++
		case v.State == outreach.Held:
			s.Held++
		default:
			s.Dropped++
		}
	}
	return s
}

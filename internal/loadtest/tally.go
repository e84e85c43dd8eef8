package main

import (
	"slices"
	"sync"
	"time"
)

// tally is what one connection has taken. Counting is kept per connection, as
// eight bytes for an id and eight for a recipient, so that it costs next to
// nothing; duplicates are looked for when all is over.
type tally struct {
	mu              sync.Mutex
	ids, recipients []uint64
	first, last     time.Time
}

// take counts one message whose answer is about to go out.
func (t *tally) take(id, recipient uint64) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first.IsZero() {
		t.first = now
	}
	t.last = now
	t.ids = append(t.ids, id)
	t.recipients = append(t.recipients, recipient)
}

// tallies are all connections of a sink.
type tallies struct {
	mu  sync.Mutex
	all []*tally
}

func (ts *tallies) open() *tally {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := new(tally)
	ts.all = append(ts.all, t)
	return t
}

// count is how far a sink has come. First and Last are when it took its first and
// its newest message, zero before that.
type count struct {
	Received    int
	First, Last time.Time
}

func (ts *tallies) count() (c count) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.all {
		t.mu.Lock()
		c.Received += len(t.ids)
		if !t.first.IsZero() && (c.First.IsZero() || t.first.Before(c.First)) {
			c.First = t.first
		}
		if t.last.After(c.Last) {
			c.Last = t.last
		}
		t.mu.Unlock()
	}
	return c
}

// seen gives one number of every message taken, sorted: its id's or, with
// recipients, its recipient's.
func (ts *tallies) seen(recipients bool) []uint64 {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	var out []uint64
	for _, t := range ts.all {
		t.mu.Lock()
		if recipients {
			out = append(out, t.recipients...)
		} else {
			out = append(out, t.ids...)
		}
		t.mu.Unlock()
	}
	slices.Sort(out)
	return out
}

// number is FNV-1a over an id or an address: the same in every process, and two of
// a million differ but for one case in ten million.
func number[T string | []byte](s T) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

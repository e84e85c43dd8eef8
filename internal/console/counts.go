package console

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"otklik/internal/store"
)

// Counting a campaign of a million takes a good part of a second, and every open page
// asks every two seconds: the counts of one look serve all of them for a while that
// grows with what the look cost.
const (
	countsKept = time.Second
	countsCost = 20
)

// outcomesOf is how far back outcomes are counted.
const outcomesOf = 24 * time.Hour

// counted is one look at how far sending is.
type counted struct {
	progress store.Progress
	outcomes store.Outcomes
	until    time.Time // machine time
}

// counter remembers the last look for each set of dealers. Safe for concurrent use.
type counter struct {
	mu    sync.Mutex
	looks map[string]*look
}

// look is made by one page at a time; others wait for it and take its result.
type look struct {
	mu   sync.Mutex
	last *counted
}

func newCounter() *counter { return &counter{looks: map[string]*look{}} }

func (n *counter) of(ctx context.Context, c *Console, dealers []store.Dealer, business time.Time) (*counted, error) {
	ids := dealerIDs(dealers)
	n.mu.Lock()
	name := strings.Join(ids, " ")
	l, ok := n.looks[name]
	if !ok {
		l = &look{}
		n.looks[name] = l
	}
	n.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	began := c.Clock.Machine()
	if l.last != nil && began.Before(l.last.until) {
		return l.last, nil
	}
	x := &counted{}
	var err error
	if x.progress, err = c.Store.Progress(ctx, ids, business, began); err != nil {
		return nil, fmt.Errorf("looking how far sending is: %w", err)
	}
	if x.outcomes, err = c.Store.Outcomes(ctx, ids, business.Add(-outcomesOf)); err != nil {
		return nil, fmt.Errorf("looking what became of messages: %w", err)
	}
	ended := c.Clock.Machine()
	x.until = ended.Add(max(countsKept, countsCost*ended.Sub(began)))
	l.last = x
	return x, nil
}

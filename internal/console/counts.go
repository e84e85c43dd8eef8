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
	// ran are the last looks at campaigns, by id.
	ran map[string]*campaignLook
}

// look is made by one page at a time; others wait for it and take its result.
type look struct {
	mu   sync.Mutex
	last *counted
}

func newCounter() *counter {
	return &counter{looks: map[string]*look{}, ran: map[string]*campaignLook{}}
}

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

// campaignLook is one look at how a campaign goes.
type campaignLook struct {
	mu             sync.Mutex
	counts         campaignCounts
	nothing        []store.Ended
	answers        []store.Heard
	heard, refused int
	until          time.Time // machine time
}

// campaign looks how a campaign goes, at most as often as what it costs allows. The
// result is not changed.
func (n *counter) campaign(ctx context.Context, c *Console, x store.Campaign) (*campaignLook, error) {
	n.mu.Lock()
	l, ok := n.ran[x.ID]
	if !ok {
		l = &campaignLook{}
		n.ran[x.ID] = l
	}
	n.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	began := c.Clock.Machine()
	if began.Before(l.until) {
		return l.shown(), nil
	}
	ends, err := c.Store.CampaignEnds(ctx, x)
	if err != nil {
		return nil, err
	}
	if l.answers, l.heard, l.refused, err = c.Store.CampaignAnswers(ctx, x, shownAnswers); err != nil {
		return nil, err
	}
	l.counts, l.nothing = sums(ends)
	l.until = c.Clock.Machine().Add(countsCost * c.Clock.Machine().Sub(began))
	return l.shown(), nil
}

// shown is a copy for a page, which reads it without the lock.
func (l *campaignLook) shown() *campaignLook {
	return &campaignLook{counts: l.counts, nothing: l.nothing, answers: l.answers, heard: l.heard, refused: l.refused}
}

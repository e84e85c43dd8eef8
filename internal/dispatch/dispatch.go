// Package dispatch owns the way of a due outreach to its channel: claim → policy
// → rate → render → begin → send → record (design.md, one message as data). It
// makes no plans and reads no replies; program fills its queue, inbox answers
// into it. Any number of nodes may run a Dispatcher on one database.
//
// # Protocol
//
// An outreach is claimed under a token until a lease ends (machine time). Claimed
// is not begun: when the lease passes, any node takes it again. Begin writes the
// message as sending, in one commit for a group, before its first byte leaves;
// only what Begin returned is sent. The outcome is recorded under the same token.
// A message still sending after its lease is uncertain: the provider is asked, or
// it ends unknown, and it is never simply sent again (outreach.Next).
package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"otklik/channels"
	"otklik/internal/clock"
	"otklik/internal/draft"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/ratelimit"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// Config bounds the work in flight; zero fields take the defaults.
type Config struct {
	// Batch is how many outreach or messages one claim takes.
	Batch int
	// Group is how many messages one begin and one record commit take.
	Group int
	// Workers send at once in one lane.
	Workers int
	// Lease is how long a claim holds, in machine time; a send must end well
	// within it.
	Lease time.Duration
	// Patience is how long a lane waits for its rate before it leaves the rest of a
	// batch for later: other senders wait for the batch to end.
	Patience time.Duration
	// Limits bound each channel; a channel that is not named is not bounded.
	Limits map[channels.Kind]Limits
}

// Limits are the rates of one channel.
type Limits struct {
	// Sender bounds each sending address, for SMS in segments.
	Sender ratelimit.Limit
	// Address bounds messages to one person's address.
	Address ratelimit.Limit
}

func (c Config) withDefaults() Config {
	if c.Batch == 0 {
		c.Batch = 256
	}
	if c.Group == 0 {
		c.Group = 64
	}
	if c.Workers == 0 {
		c.Workers = 16
	}
	if c.Patience == 0 {
		c.Patience = 20 * time.Second
	}
	if c.Lease == 0 {
		c.Lease = 2 * time.Minute
	}
	return c
}

// Dispatcher sends what is due. Its fields are set before first use.
type Dispatcher struct {
	Store    *store.Store
	Clock    clock.Clock
	Roster   *store.Roster
	Channels map[channels.Kind]channels.Channel
	Policy   *policy.Rules
	Programs map[string]*program.Definition
	// Survey finds a survey definition by id.
	Survey  func(id string) (*survey.Definition, bool)
	Drafter *draft.Drafter
	Cells   ratelimit.Cells
	Log     *slog.Logger
	Metrics *Metrics
	Config  Config
	// Begun is told of conversations that were opened, after commit.
	Begun func(ctx context.Context, c store.Conversation)

	wake  chan struct{}
	lanes pauses
	once  sync.Once
}

func (d *Dispatcher) init() {
	d.once.Do(func() {
		d.Config = d.Config.withDefaults()
		d.wake = make(chan struct{}, 1)
		d.lanes = pauses{until: map[lane]time.Time{}}
	})
}

// Wake makes a running dispatcher look at once for answers that were queued.
func (d *Dispatcher) Wake() {
	d.init()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Summary counts what one run did.
type Summary struct {
	Sent, Delayed, Held, Dropped, Tasks, Failed, Uncertain, Expired int
}

// add counts b into s.
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

// idle is the pause between looks when nothing was due.
const idle = time.Second

// Run works until ctx ends, then finishes what is in flight, hands the rest back
// and returns. Answers to people do not wait behind a campaign: they have a loop
// of their own.
func (d *Dispatcher) Run(ctx context.Context) {
	d.init()
	var wg sync.WaitGroup
	wg.Go(func() { d.loop(ctx, d.wake, d.messages) })
	wg.Go(func() { d.loop(ctx, nil, d.outreach) })
	wg.Wait()
}

// loop calls step as long as it gets work done, and looks again every second:
// what waits for a rate, or for Redis, is not claimed over and over.
func (d *Dispatcher) loop(ctx context.Context, wake <-chan struct{}, step func(context.Context) (Summary, int, error)) {
	for ctx.Err() == nil {
		sum, n, err := step(ctx)
		if err != nil && ctx.Err() == nil {
			d.Log.Error("dispatch step failed", "error", err)
			d.Metrics.failure()
		}
		if n > sum.Delayed && err == nil {
			continue
		}
		t := time.NewTimer(idle)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// Once sends all that is due and returns what was done; progress is told of each
// step's counts so far. What is held back by a rate for longer than a moment is
// left for later and counted as delayed.
func (d *Dispatcher) Once(ctx context.Context, progress func(Summary)) (Summary, error) {
	d.init()
	var total Summary
	for {
		work := 0
		for _, step := range []func(context.Context) (Summary, int, error){d.messages, d.outreach} {
			s, n, err := step(ctx)
			total.add(s)
			if err != nil {
				return total, err
			}
			work += n - s.Delayed
		}
		if progress != nil {
			progress(total)
		}
		if work <= 0 || ctx.Err() != nil {
			return total, ctx.Err()
		}
	}
}

// messages handles one batch of answers, retries and uncertain messages.
func (d *Dispatcher) messages(ctx context.Context) (Summary, int, error) {
	asked, n1, err := d.resolve(ctx)
	if err != nil {
		return asked, n1, err
	}
	token := d.Store.NewID()
	ms, err := d.Store.ClaimMessages(ctx, token, d.Config.Batch, d.Clock.Business(), d.Clock.Machine(), d.Config.Lease)
	if err != nil || len(ms) == 0 {
		return asked, n1, err
	}
	begun, sum, err := d.admit(ctx, ms)
	if err == nil {
		var sent Summary
		sent, err = d.deliver(ctx, begun)
		sum.add(sent)
	}
	d.handBack(token)
	asked.add(sum)
	return asked, n1 + len(ms), err
}

// outreach handles one batch of due outreach.
func (d *Dispatcher) outreach(ctx context.Context) (Summary, int, error) {
	token := d.Store.NewID()
	os, err := d.Store.ClaimOutreach(ctx, token, d.Config.Batch, d.Clock.Business(), d.Clock.Machine(), d.Config.Lease)
	if err != nil || len(os) == 0 {
		return Summary{}, 0, err
	}
	defer d.handBack(token)
	begun, verdicts, err := d.evaluate(ctx, os)
	if err != nil {
		return Summary{}, len(os), err
	}
	if err := d.Store.Settle(ctx, verdicts, d.Clock.Business()); err != nil {
		return Summary{}, len(os), err
	}
	sum := count(verdicts)
	sent, err := d.deliver(ctx, begun)
	sum.add(sent)
	return sum, len(os), err
}

func count(vs []store.Verdict) (s Summary) {
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

// handBack returns what was claimed and not begun, also when ctx has ended.
func (d *Dispatcher) handBack(token string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := errors.Join(d.Store.Unclaim(ctx, token), d.Store.UnclaimMessages(ctx, token)); err != nil {
		// Nothing is lost: the claims lapse with their lease.
		d.Log.Warn("claims were not handed back", "error", err)
	}
}

// lane is a sender's queue.
type lane struct {
	channel channels.Kind
	sender  string
}

// deliver sends begun messages, each lane on its own: a slow sender delays nobody
// else in the batch.
func (d *Dispatcher) deliver(ctx context.Context, begun []store.Begun) (Summary, error) {
	byLane := map[lane][]store.Begun{}
	for _, b := range begun {
		l := lane{b.Message.Channel, b.Message.Sender}
		byLane[l] = append(byLane[l], b)
	}
	var mu sync.Mutex
	var sum Summary
	var g errgroup.Group
	for l, items := range byLane {
		g.Go(func() error {
			s, err := d.runLane(ctx, l, items)
			mu.Lock()
			sum.add(s)
			mu.Unlock()
			if err != nil {
				return fmt.Errorf("lane %s: %w", l.channel, err)
			}
			return nil
		})
	}
	err := g.Wait()
	return sum, err
}

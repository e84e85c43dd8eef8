package app

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"otklik/channels"
	"otklik/channels/email"
	"otklik/channels/sms"
	"otklik/channels/telegram"
	"otklik/internal/clock"
	"otklik/internal/conversation"
	"otklik/internal/ratelimit"
)

func botID(token string) string {
	id, _, _ := strings.Cut(token, ":")
	return id
}

func (a *App) listen(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", a.config.Listen)
	if err != nil {
		return fmt.Errorf("OTKLIK_LISTEN: %w", err)
	}
	a.listener = l
	if a.config.PublicURL == "" {
		a.config.PublicURL = "http://" + l.Addr().String()
		a.drafter.PublicURL = a.config.PublicURL
	}
	return nil
}

// redisPrefix begins all keys of this program.
const redisPrefix = "otklik"

// connect makes the tracer, the caches and the channels. Channels connect when they send; Redis
// may be away and come back.
func (a *App) connect(ctx context.Context) error {
	if err := a.tracing(ctx); err != nil {
		return err
	}
	a.cells, a.copies = ratelimit.NewMemory(), conversation.NewMemory(a.clock.Machine)
	if a.config.RedisURL != "" {
		client, err := ratelimit.Dial(a.config.RedisURL)
		if err != nil {
			return fmt.Errorf("OTKLIK_REDIS_URL: %w", err)
		}
		a.redis = ratelimit.NewRedis(client, redisPrefix)
		a.cells, a.copies = a.redis, conversation.NewRedis(client, redisPrefix)
		a.closers = append(a.closers, func(context.Context) error { return client.Close() })
	}
	if a.sandbox != nil {
		if err := a.sandbox.start(ctx, a); err != nil {
			return err
		}
	} else if err := a.realTime(ctx); err != nil {
		return err
	}
	return a.makeChannels()
}

// realTime refuses a database whose business time was moved: real customers live
// in real time (invariant 12).
func (a *App) realTime(ctx context.Context) error {
	offset, err := clockOffset(ctx, a.store)
	if err != nil {
		return err
	}
	if offset != 0 {
		return fmt.Errorf("OTKLIK_DATABASE_URL: this database belongs to a sandbox whose clock was moved by %v; real channels do not start on it", offset)
	}
	_, movable := a.clock.(*clock.Movable)
	if movable {
		return fmt.Errorf("a movable clock is for the sandbox only")
	}
	return nil
}

func (a *App) makeChannels() error {
	a.channels = map[channels.Kind]channels.Channel{}
	c := a.config
	if c.Twilio.On() {
		ch, err := sms.New(sms.Config{AccountSID: c.Twilio.AccountSID, AuthToken: c.Twilio.AuthToken, From: c.Twilio.From, MessagingServiceSID: c.Twilio.MessagingServiceSID, APIBase: c.Twilio.APIBase, PublicURL: c.PublicURL})
		if err != nil {
			return fmt.Errorf("setting SMS up: %w", err)
		}
		a.channels[channels.SMS] = ch
		a.closers = append(a.closers, func(context.Context) error { return ch.Close() })
	}
	if c.SMTPURL != "" {
		ch, err := email.New(email.Config{SMTPURL: c.SMTPURL, From: c.EmailFrom, IMAPURL: c.IMAPURL, Since: a.mailSince(a.clock.Machine()), Connections: 17})
		if err != nil {
			return fmt.Errorf("setting email up: %w", err)
		}
		a.channels[channels.Email] = ch
		a.closers = append(a.closers, func(context.Context) error { return ch.Close() })
	}
	if c.Telegram.On() {
		ch, err := telegram.New(telegram.Config{Token: c.Telegram.Token, APIBase: c.Telegram.APIBase, Mode: c.Telegram.Mode, PublicURL: c.PublicURL})
		if err != nil {
			return fmt.Errorf("setting Telegram up: %w", err)
		}
		a.channels[channels.Telegram] = ch
	}
	return nil
}

// skew is by how much the clock of a mail server may be behind ours.
const skew = 10 * time.Minute

// mailSince tells from when on a mail can be an answer to us: since our first one,
// else since this start. The sandbox's mailbox has never had another user, and its
// mails are of business time.
func (a *App) mailSince(start time.Time) func(context.Context) (time.Time, error) {
	if a.sandbox != nil {
		return nil
	}
	return func(ctx context.Context) (time.Time, error) {
		first, err := a.store.FirstSent(ctx, channels.Email)
		if err != nil {
			return time.Time{}, err
		}
		if first.IsZero() || first.After(start) {
			first = start
		}
		return first.Add(-skew), nil
	}
}

// work starts the loops of a worker.
func (a *App) work(ctx context.Context) {
	if a.sandbox != nil {
		a.sending.Go(func() { a.sandbox.run(ctx, a.dispatcher.Run) })
	} else {
		a.sending.Go(func() { a.dispatcher.Run(ctx) })
	}
	a.loops.Go(func() { a.beat(ctx, a.lanes, a.dispatcher.LastStep) })
	a.loops.Go(func() { a.planLoop(ctx) })
	a.loops.Go(func() { a.pruneLoop(ctx) })
	a.loops.Go(func() { a.keeper.Run(ctx) })
	if ch, ok := a.channels[channels.Telegram].(*telegram.Channel); ok {
		a.loops.Go(func() { a.begin(ctx, "telegram", ch.Start) })
		if a.config.Telegram.Mode == telegram.ModePoll {
			a.loops.Go(func() { a.poll(ctx, "telegram:"+ch.Address(), ch) })
		}
	}
	if ch, ok := a.channels[channels.Email].(*email.Channel); ok && a.config.IMAPURL != "" {
		a.loops.Go(func() { a.poll(ctx, "imap:"+a.config.EmailFrom, ch) })
	}
}

// planEvery is how often the planner looks for events that nobody woke it for.
const planEvery = 2 * time.Second

// planLoop plans what came in. Every node looks; of several that find something one
// at a time plans (store.TakeUp), so that nothing waits for a dead one's lease.
func (a *App) planLoop(ctx context.Context) {
	for ctx.Err() == nil {
		some, err := a.planner.Due(ctx, a.clock.Business())
		var n int64
		if err == nil && some {
			n, err = a.planner.Run(ctx, a.clock.Business())
		}
		if err != nil && ctx.Err() == nil {
			a.log.Error("planning failed", "error", err)
		}
		if n > 0 {
			a.hub.broadcast()
			a.dispatcher.Wake()
		}
		pause(ctx, planEvery, a.plan)
	}
}

// wakePlanner makes the planner look at once.
func (a *App) wakePlanner() {
	select {
	case a.plan <- struct{}{}:
	default:
	}
}

func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-t.C:
	}
}

// retryEvery is the pause after a provider failed; it grows to a minute.
const retryEvery = time.Second

// begin repeats a channel's start until it succeeds.
func (a *App) begin(ctx context.Context, name string, start func(context.Context) error) {
	for wait := retryEvery; ctx.Err() == nil; wait = min(2*wait, time.Minute) {
		err := start(ctx)
		if err == nil {
			return
		}
		a.log.Warn("a channel did not start and is tried again", "channel", name, "error", err)
		pause(ctx, wait, nil)
	}
}

// leadFor is the lease of singletons, in machine time; it is renewed three times
// before it ends.
const leadFor = 30 * time.Second

func (a *App) leadFor() time.Duration {
	if a.options.Lease > 0 {
		return a.options.Lease / 4
	}
	return leadFor
}

func (a *App) leadEvery() time.Duration { return a.leadFor() / 3 }

// poll runs a poller wherever this node has the lead, with a pause after failures.
func (a *App) poll(ctx context.Context, name string, p channels.Poller) {
	node := a.store.NewID()
	defer a.resign(ctx, name, node)
	for wait := retryEvery; ctx.Err() == nil; {
		lead, err := a.store.Lead(ctx, name, node, a.clock.Machine(), a.leadFor())
		if err == nil && !lead {
			pause(ctx, a.leadEvery(), nil)
			continue
		}
		if err == nil {
			began := a.clock.Machine()
			err = a.pollOnce(ctx, name, node, p)
			if a.clock.Machine().Sub(began) > time.Minute {
				wait = retryEvery
			}
		}
		if err != nil && ctx.Err() == nil {
			a.log.Warn("polling failed and is tried again", "name", name, "error", err)
		}
		pause(ctx, wait, nil)
		wait = min(2*wait, time.Minute)
	}
}

// pollOnce polls as long as the lead is kept.
func (a *App) pollOnce(ctx context.Context, name, node string, p channels.Poller) error {
	return a.leading(ctx, name, node, func(ctx context.Context) error {
		cursor, err := a.store.Cursor(ctx, name)
		if err != nil {
			return err
		}
		return p.Poll(ctx, cursor, func(ctx context.Context, e channels.Event, cursor string) error { return a.take(ctx, e, name, cursor) })
	})
}

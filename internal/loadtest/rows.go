package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
)

// storeOutbox is the outbox in the program's own tables, by package store's own
// statements: claim, what policy reads, begin with a conversation, record. Around it
// stands the bare loop: no policy, limits or rendering, a fixed body. Between the two
// columns beside it, it tells what the rows cost and what the program costs.
type storeOutbox struct {
	store   *store.Store
	channel channels.Kind
	batches chan []letter
	err     error // set before batches is closed

	mu    sync.Mutex
	begun map[int64]store.Message
	last  int64
}

const (
	// storeGroup is how many messages one begin takes, storeClaimers how many claim at
	// once, as in package dispatch.
	storeGroup    = 64
	storeClaimers = 2
	storeLease    = 10 * time.Minute
	// plainPosition is where a conversation begins.
	plainPosition = `{"at":"overall","asked":1}`
)

func openStoreOutbox(ctx context.Context, url string, channel channels.Kind) (*storeOutbox, error) {
	st, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return nil, err
	}
	o := &storeOutbox{store: st, channel: channel, batches: make(chan []letter, storeClaimers), begun: map[int64]store.Message{}}
	go func() {
		defer close(o.batches)
		o.err = o.fetchAll(ctx)
	}()
	return o, nil
}

// fetchAll claims the surveys of all queues.
func (o *storeOutbox) fetchAll(ctx context.Context) error {
	queues, err := o.store.Queues(ctx)
	if err != nil {
		return err
	}
	for _, q := range queues {
		group, ctx := errgroup.WithContext(ctx)
		for range storeClaimers {
			group.Go(func() error { return o.fetch(ctx, q) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// fetch claims from a queue, reads what is known of the people, and begins.
func (o *storeOutbox) fetch(ctx context.Context, q store.Queue) error {
	for {
		now := time.Now()
		os, err := o.store.ClaimOutreach(ctx, q, o.store.NewID(), batchSize, now, now, storeLease)
		if err != nil || len(os) == 0 {
			return err
		}
		q.After = &os[len(os)-1]
		w := store.Wanted{Since: now.AddDate(-1, 0, 0), Now: now}
		for i := range os {
			w.Contacts, w.Visits = append(w.Contacts, os[i].ContactID), append(w.Visits, os[i].VisitID)
		}
		facts, err := o.store.Facts(ctx, w)
		if err != nil {
			return err
		}
		group, within := errgroup.WithContext(ctx)
		for from := 0; from < len(os); from += storeGroup {
			part := os[from:min(from+storeGroup, len(os))]
			group.Go(func() error { return o.begin(within, part, facts) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
}

// begin writes a group as sending and lets it go.
func (o *storeOutbox) begin(ctx context.Context, os []store.Outreach, facts store.Facts) error {
	now := time.Now()
	name := o.store.NewID()
	group := make([]store.Begun, len(os))
	for i := range os {
		group[i] = o.message(&os[i], facts.Contacts[os[i].ContactID], name, now)
	}
	ok, err := o.store.Begin(ctx, group, now, now, storeLease)
	if err != nil {
		return err
	}
	ls := make([]letter, 0, len(group))
	o.mu.Lock()
	for i := range group {
		if m := group[i].Message; ok[m.ID] {
			o.last++
			o.begun[o.last] = m
			ls = append(ls, letter{row: o.last, key: m.ID, to: m.Address})
		}
	}
	o.mu.Unlock()
	select {
	case o.batches <- ls:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// message is what a survey's first message begins, with the fixed text.
func (o *storeOutbox) message(x *store.Outreach, c store.Contact, group string, now time.Time) store.Begun {
	x.Rule, x.Inputs = "relationship", `{"relationship":"order"}`
	b := store.Begun{Outreach: x, JudgedAt: now}
	conv := store.Conversation{ID: o.store.NewID(), DealerID: x.DealerID, ContactID: x.ContactID, OutreachID: x.ID, VisitID: x.VisitID, Survey: "service", SurveyVersion: 1,
		Locale: "ru", Channel: o.channel, State: store.ConversationOpen, Position: plainPosition, Version: 1}
	m := store.Message{ID: o.store.NewID(), DealerID: x.DealerID, OutreachID: x.ID, ConversationID: conv.ID, ContactID: x.ContactID, Direction: store.Out, Channel: o.channel, Sender: smsFrom,
		Purpose: x.Purpose, Priority: x.Priority, State: outreach.Sending, ClaimToken: x.ClaimToken, DueAt: x.DueAt, ValidUntil: x.DeadlineAt, Text: fixedText, Segments: 2, Group: group}
	if o.channel == channels.Email {
		m.Sender, m.Subject, m.Text = emailFrom, "Your visit", fixedBody
	}
	for _, a := range c.Addresses {
		if a.Channel == o.channel {
			m.Address = a.Value
		}
	}
	conv.Address, conv.Token = m.Address, strings.ReplaceAll(conv.ID, "-", "")
	b.Message, b.Conversation = m, &conv
	return b
}

func (o *storeOutbox) claim(ctx context.Context) ([]letter, error) {
	select {
	case ls, open := <-o.batches:
		if !open {
			return nil, o.err
		}
		return ls, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (o *storeOutbox) record(ctx context.Context, ls []letter) error {
	rs := make([]store.Result, len(ls))
	o.mu.Lock()
	for i, l := range ls {
		rs[i] = store.Result{Message: o.begun[l.row], Receipt: channels.Receipt{ProviderID: l.result}, Transition: outreach.Transition{State: outreach.Sent, Spent: true}, At: l.at}
		delete(o.begun, l.row)
	}
	o.mu.Unlock()
	lost, err := o.store.Record(ctx, rs, time.Now())
	if err == nil && lost > 0 {
		err = fmt.Errorf("recording: the claims of %d messages were lost", lost)
	}
	return err
}

func (o *storeOutbox) recorders() int { return 2 }

func (o *storeOutbox) close() { o.store.Close() }

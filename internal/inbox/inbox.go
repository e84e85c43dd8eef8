// Package inbox owns what comes in: replies, taps, delivery reports, filled forms
// and operators' entries. Each is authenticated before it gets here, stored once by
// its provider's id, read for an opt-out before anything else, and carried out in
// one transaction with everything that follows from it (design.md step 10). It
// sends nothing: answers are queued for the dispatcher.
package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"otklik/channels"
	"otklik/internal/clock"
	"otklik/internal/conversation"
	"otklik/internal/draft"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// Inbox takes events in. Its fields are set before first use; safe for concurrent
// use.
type Inbox struct {
	Store  *store.Store
	Clock  clock.Clock
	Roster *store.Roster
	Parser *reply.Parser
	// Survey finds the newest version of a survey, Version the one a conversation
	// began with; nil means that there is only one.
	Survey  func(id string) (*survey.Definition, bool)
	Version func(ctx context.Context, id string, version int) (*survey.Definition, error)
	Drafter *draft.Drafter
	Copies  conversation.Copies
	Log     *slog.Logger
	Metrics *Metrics
	// Wake is told that messages were queued, Changed that pages should follow.
	Wake, Changed func()
}

// Metrics counts what comes in. A nil Metrics counts nothing.
type Metrics struct {
	events  *prometheus.CounterVec
	seconds prometheus.Histogram
}

// NewMetrics registers the inbox's metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		events:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otklik_inbound_total", Help: "Events that came in, by channel and what became of them."}, []string{"channel", "result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "otklik_inbound_seconds", Help: "Time from an event's arrival to its commit.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1}}),
	}
	r.MustRegister(m.events, m.seconds)
	return m
}

// Count notes what became of an event; "forged" is counted by the hook itself.
func (m *Metrics) Count(ch channels.Kind, result string) {
	if m != nil {
		m.events.WithLabelValues(string(ch), result).Inc()
	}
}

// Mark is a poller's place, kept with what came in so that neither is lost without
// the other.
type Mark struct{ Name, Cursor string }

// Handle takes one event in. It returns nil when the event is stored, or was
// before; then the provider may be told so.
func (b *Inbox) Handle(ctx context.Context, e channels.Event, mark *Mark) error {
	began := time.Now()
	var err error
	switch {
	case e.Inbound != nil:
		err = b.inbound(ctx, *e.Inbound, mark)
	case e.Report != nil:
		err = b.report(ctx, *e.Report, mark)
	case mark != nil:
		err = b.Store.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
			return tx.SetCursor(ctx, mark.Name, mark.Cursor, b.Clock.Machine())
		})
	}
	if b.Metrics != nil {
		b.Metrics.seconds.Observe(time.Since(began).Seconds())
	}
	return err
}

// entry is one inbound event on its way through the transaction.
type entry struct {
	*Inbox
	ctx context.Context
	tx  *store.Tx
	now time.Time
	in  channels.Inbound
	msg store.Message

	dealer  store.Dealer
	contact store.Contact
	visit   store.Visit
	// conv is what the event belongs to; nil when no survey is meant.
	conv  *store.Conversation
	def   *survey.Definition
	state survey.State
	// quiet: the effects say nothing, because the person sees or hears them at
	// once (form, phone, paper).
	quiet      bool
	employeeID string
	employees  []store.Employee
	outbox     []store.Message
}

// errReplay ends a transaction in which nothing is new.
var errReplay = errors.New("seen before")

func (b *Inbox) inbound(ctx context.Context, in channels.Inbound, mark *Mark) error {
	var e *entry
	err := b.Store.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
		e = &entry{Inbox: b, ctx: ctx, tx: tx, now: b.Clock.Business(), in: in}
		if mark != nil {
			if err := tx.SetCursor(ctx, mark.Name, mark.Cursor, b.Clock.Machine()); err != nil {
				return err
			}
		}
		return e.take()
	})
	switch {
	case errors.Is(err, errReplay):
		b.Metrics.Count(in.Channel, "replay")
		if mark == nil {
			return nil
		}
		// The place moves on although nothing was new.
		return b.Handle(ctx, channels.Event{}, mark)
	case err != nil:
		b.Metrics.Count(in.Channel, "failed")
		return fmt.Errorf("taking a message in: %w", err)
	}
	b.Metrics.Count(in.Channel, "stored")
	b.after(ctx, e)
	return nil
}

// after is what may be lost without harm: the fast copy, the wake-up.
func (b *Inbox) after(ctx context.Context, e *entry) {
	if e.conv != nil && b.Copies != nil {
		key := conversation.Key{DealerID: e.conv.DealerID, Channel: string(e.conv.Channel), Address: e.conv.Address}
		p := conversation.Position{ConversationID: e.conv.ID, ContactID: e.conv.ContactID, OutreachID: e.conv.OutreachID, Version: e.conv.Version, Survey: e.conv.Survey, Question: e.state.Question, At: e.now}
		if err := b.Copies.Put(ctx, key, p); err != nil {
			b.Log.Warn("the copy of a conversation was not written", "error", err)
		}
	}
	b.Wake()
	b.Changed()
}

// report moves a message by a provider's later word.
func (b *Inbox) report(ctx context.Context, r channels.Report, mark *Mark) error {
	now := b.Clock.Business()
	result := "report"
	err := b.Store.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
		if mark != nil {
			if err := tx.SetCursor(ctx, mark.Name, mark.Cursor, b.Clock.Machine()); err != nil {
				return err
			}
		}
		done, err := b.find(ctx, tx, r, now)
		address := r.Address
		switch {
		case errors.Is(err, store.ErrNotFound):
			result = "report_unknown"
		case err != nil:
			return err
		case !done.Changed:
			result = "report_repeated"
		default:
			address = done.Message.Address
		}
		if address == "" || (r.Class != channels.Unreachable && r.Reason != channels.ReasonComplaint) || result == "report_repeated" {
			return nil
		}
		return tx.Suppress(ctx, store.Suppression{Channel: r.Channel, Address: address, Purpose: store.AllPurposes, Reason: string(orReason(r.Reason)), At: now, Until: decay(r, now), MessageID: done.Message.ID})
	})
	if err != nil {
		b.Metrics.Count(r.Channel, "failed")
		return fmt.Errorf("taking a report in: %w", err)
	}
	b.Metrics.Count(r.Channel, result)
	b.Changed()
	return nil
}

// find applies a report to its message. A bounce that kept only our reply token
// names the conversation by it: then its last message is meant.
func (b *Inbox) find(ctx context.Context, tx *store.Tx, r channels.Report, now time.Time) (store.Reported, error) {
	done, err := tx.Report(ctx, r, now)
	if !errors.Is(err, store.ErrNotFound) || r.MessageID == "" {
		return done, err
	}
	c, err := tx.ConversationByToken(ctx, r.MessageID)
	if err != nil {
		return done, err
	}
	m, err := tx.LastOf(ctx, c.ID)
	if err != nil {
		return done, err
	}
	r.MessageID = m.ID
	return tx.Report(ctx, r, now)
}

func orReason(r channels.Reason) channels.Reason {
	if r == "" {
		return channels.ReasonBadAddress
	}
	return r
}

// decay is until when an address rests: a person's own word and a complaint never
// decay, a dead number may live again.
func decay(r channels.Report, now time.Time) time.Time {
	switch r.Reason {
	case channels.ReasonOptedOut, channels.ReasonComplaint, channels.ReasonBlocked:
		return time.Time{}
	}
	return now.AddDate(0, 0, 180)
}

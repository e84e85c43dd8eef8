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
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"otklik/channels"
	"otklik/internal/attachment"
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
	// Limits bound what is kept of what comes beside messages; Fetch is told that contents
	// are to be fetched; nil leaves it to the clock.
	Limits attachment.Limits
	Fetch  func()

	arrivals line[*arrival]
	reports  line[*news]
	// versions are definitions that were read, by versionKey; they never change.
	versions sync.Map
}

type versionKey struct {
	id      string
	version int
}

// Definition is the version of a survey that a conversation began with. It is read
// from the database once; ErrNotFound, wrapped, where it never was there.
func (b *Inbox) Definition(ctx context.Context, id string, version int) (*survey.Definition, error) {
	def, ok := b.Survey(id)
	switch {
	case ok && (b.Version == nil || def.Version == version):
		return def, nil
	case b.Version == nil:
		return nil, fmt.Errorf("survey %q is not known", id)
	}
	if old, known := b.versions.Load(versionKey{id, version}); known {
		return old.(*survey.Definition), nil
	}
	old, err := b.Version(ctx, id, version)
	if err != nil {
		return nil, fmt.Errorf("reading survey %s, version %d: %w", id, version, err)
	}
	b.versions.Store(versionKey{id, version}, old)
	return old, nil
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
	tx  *store.Turn
	now time.Time
	in  channels.Inbound
	// attachments are what came beside the text, as it is kept.
	attachments []store.Attachment
	// hint names a conversation that the event may belong to, see asked.
	hint string
	msg  store.Message

	dealer  store.Dealer
	contact store.Contact
	visit   store.Visit
	// conv is what the event belongs to; nil when no survey is meant.
	conv  *store.Conversation
	def   *survey.Definition
	state survey.State
	// last is what was written before this, said what is kept for what may follow.
	last, said *said
	// which is the question which survey the person means; fitting are those that it
	// is still to be asked of, newest is when the latest on the address was begun.
	which   *which
	fitting []*store.Conversation
	newest  time.Time
	// baffled: the parser has panicked over the text.
	baffled bool
	// held: the event is about words that waited for the answer to that.
	held bool
	// original is the message that this one is an edit of, "" for none.
	original string
	// amended is set while words are acted upon again whose callback is open.
	amended *joint
	// quiet: the effects say nothing, because the person sees or hears them at
	// once (form, phone, paper).
	quiet      bool
	employeeID string
	// taskID is the task whose sheet is taken in; "" for none.
	taskID string
	// dialled are the numbers that the person has named to be called on.
	dialled   []string
	employees []store.Employee
	names     []string
	outbox    []store.Message
}

// errReplay ends a transaction in which nothing is new.
var errReplay = errors.New("seen before")

// after is what may be lost without harm: the fast copy, the wake-up.
func (b *Inbox) after(ctx context.Context, e *entry) {
	if e.conv != nil && b.Copies != nil {
		key := conversation.Key{DealerID: e.conv.DealerID, Channel: string(e.conv.Channel), Address: e.conv.Address}
		p := conversation.Position{ConversationID: e.conv.ID, ContactID: e.conv.ContactID, OutreachID: e.conv.OutreachID, Version: e.conv.Version, Survey: e.conv.Survey, Question: e.state.Question, At: e.now}
		if err := b.Copies.Put(ctx, key, p); err != nil {
			b.Log.Warn("the copy of a conversation was not written", "error", err)
		}
	}
	if b.Fetch != nil && e.fetching() {
		b.Fetch()
	}
	b.Wake()
	b.Changed()
}

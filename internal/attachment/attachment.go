// Package attachment owns what comes beside a message: how much of it is kept, what it
// is by its first bytes, and the worker that fetches contents from the providers after
// their messages are stored. It never runs inside a webhook and decides nothing about
// messages or people. internal/inbox asks it what is kept, internal/app runs it,
// internal/console shows what it kept.
package attachment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"otklik/channels"
	"otklik/internal/clock"
	"otklik/internal/store"
)

// Limits bound what is kept, in bytes.
type Limits struct{ Each, Message int64 }

// Left is how much one more attachment of a message may have that has so much already.
func (l Limits) Left(kept int64) int64 { return max(0, min(l.Each, l.Message-kept)) }

const (
	// lookEvery is how often it is looked for contents that nobody woke the worker for: of
	// other nodes, and those that are tried again.
	lookEvery = 5 * time.Second
	// atOnce is how many messages are worked on at a time, lookAhead how many attachments
	// are read for it.
	atOnce, lookAhead = 4, 64
	// fetchWithin bounds one attempt, heldFor is longer.
	fetchWithin, heldFor = 3 * time.Minute, 5 * time.Minute
	// goneAfter is the attempt by which a provider is believed that it has no such content:
	// some say so for a moment after the message.
	goneAfter = 3
)

// pauses are those after each failed attempt; there is none after the last.
var pauses = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour}

// Keeper fetches contents. Its fields are set before first use; Wake may be called by
// anybody.
type Keeper struct {
	Store    *store.Store
	Clock    clock.Clock
	Fetchers map[channels.Kind]channels.Fetcher
	Limits   Limits
	Log      *slog.Logger
	Metrics  *Metrics
	// Changed is told that pages should follow.
	Changed func()

	once sync.Once
	wake chan struct{}
	mu   sync.Mutex
	// busy are the messages that are worked on: attachments of one are fetched one after
	// the other, for they share a limit.
	busy map[string]bool
}

// Metrics counts what became of attachments. A nil Metrics counts nothing.
type Metrics struct{ ended *prometheus.CounterVec }

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otklik_attachments_total", Help: "Attempts to fetch what came beside messages, by channel and how they ended."}, []string{"channel", "result"})}
	r.MustRegister(m.ended)
	return m
}

func (m *Metrics) count(ch channels.Kind, result store.AttachmentState) {
	if m != nil {
		m.ended.WithLabelValues(string(ch), string(result)).Inc()
	}
}

func (k *Keeper) init() {
	k.once.Do(func() { k.wake, k.busy = make(chan struct{}, 1), map[string]bool{} })
}

// Wake makes Run look at once.
func (k *Keeper) Wake() {
	k.init()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Run fetches what is due until ctx ends, and returns when nothing is under way.
func (k *Keeper) Run(ctx context.Context) {
	k.init()
	var work sync.WaitGroup
	defer work.Wait()
	slots := make(chan struct{}, atOnce)
	for ctx.Err() == nil {
		due, err := k.due(ctx)
		if err != nil && ctx.Err() == nil {
			k.Log.Error("looking for attachments failed and is tried again", "error", err)
		}
		for _, as := range due {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				k.free(as[0])
				continue
			}
			work.Go(func() {
				defer func() { <-slots }()
				defer k.free(as[0])
				for _, a := range as {
					k.fetch(ctx, a)
				}
			})
		}
		t := time.NewTimer(lookEvery)
		select {
		case <-ctx.Done():
		case <-k.wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// due lists what is to be done, by message, and marks it as being worked on.
func (k *Keeper) due(ctx context.Context) ([][]store.Attachment, error) {
	as, err := k.Store.DueAttachments(ctx, k.Clock.Machine(), lookAhead)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var order []string
	by := map[string][]store.Attachment{}
	for _, a := range as {
		of := owner(a)
		if k.busy[of] {
			continue
		}
		if by[of] == nil {
			order = append(order, of)
		}
		by[of] = append(by[of], a)
	}
	out := make([][]store.Attachment, 0, len(order))
	for _, of := range order {
		k.busy[of] = true
		out = append(out, by[of])
	}
	return out, nil
}

func owner(a store.Attachment) string { return cmp.Or(a.MessageID, a.ID) }

func (k *Keeper) free(a store.Attachment) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.busy, owner(a))
}

// fetch makes one attempt. What another node does meanwhile is left to it.
func (k *Keeper) fetch(ctx context.Context, a store.Attachment) {
	if ctx.Err() != nil {
		return
	}
	ch, err := k.attempt(ctx, a)
	switch {
	case err == nil:
		k.Changed()
	case !errors.Is(err, store.ErrConflict) && ctx.Err() == nil:
		k.Log.Error("an attachment was not worked on and is tried again", "channel", ch, "error", err)
	}
}

func (k *Keeper) attempt(ctx context.Context, a store.Attachment) (ch channels.Kind, err error) {
	if a.MessageID == "" {
		return "", k.Store.DropStaged(ctx, a.ID)
	}
	if a, err = k.Store.TakeAttachment(ctx, a, k.Clock.Machine().Add(heldFor)); err != nil {
		return "", err
	}
	m, err := k.Store.Message(ctx, a.MessageID)
	if err != nil {
		return "", fmt.Errorf("reading whose an attachment is: %w", err)
	}
	kept, err := k.Store.KeptBytes(ctx, a.MessageID)
	if err != nil {
		return m.Channel, fmt.Errorf("reading what a message has: %w", err)
	}
	if a.Tries > 1 {
		if err := k.Store.DropParts(ctx, a.ID); err != nil {
			return m.Channel, fmt.Errorf("removing what an attempt left: %w", err)
		}
	}
	s := &sink{k: k, ctx: ctx, a: a, left: k.Limits.Left(kept)}
	err = k.bring(ctx, m.Channel, s)
	if ctx.Err() != nil && err != nil { // the program stops: the next one begins anew
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		a.RetryAt = k.Clock.Machine()
		return m.Channel, k.Store.EndAttachment(after, a)
	}
	if errors.Is(err, store.ErrConflict) {
		return m.Channel, err
	}
	return m.Channel, k.end(ctx, m.Channel, s, err)
}

// bring fetches into the sink.
func (k *Keeper) bring(ctx context.Context, ch channels.Kind, s *sink) error {
	if s.a.Size > s.left {
		return channels.ErrTooLarge
	}
	f, ok := k.Fetchers[ch]
	if !ok {
		return errors.New("the channel cannot fetch")
	}
	ctx, cancel := context.WithTimeout(ctx, fetchWithin)
	defer cancel()
	if err := f.Fetch(ctx, s.a.Ref, s); err != nil {
		return err
	}
	return s.flush()
}

// end writes how an attempt went.
func (k *Keeper) end(ctx context.Context, ch channels.Kind, s *sink, err error) error {
	a := s.a
	switch {
	case err == nil && s.size > 0:
		a.State, a.Size, a.Type, a.RetryAt = store.AttachmentKept, s.size, Type(s.head), time.Time{}
	case errors.Is(err, channels.ErrTooLarge):
		a.State, a.Size = store.AttachmentTooLarge, max(a.Size, s.size)
	case (err == nil || errors.Is(err, channels.ErrGone)) && a.Tries >= goneAfter:
		a.State = store.AttachmentGone
	case refused(err), a.Tries > len(pauses):
		a.State = store.AttachmentFailed
	default:
		a.RetryAt = k.Clock.Machine().Add(pauseAfter(a.Tries, err))
	}
	k.Metrics.count(ch, a.State)
	if a.State != store.AttachmentKept {
		k.Log.Warn("the content of an attachment was not had", "channel", ch, "state", a.State, "try", a.Tries, "error", err)
		if err := k.Store.DropParts(ctx, a.ID); err != nil {
			return err
		}
	}
	return k.Store.EndAttachment(ctx, a)
}

// refused tells whether the provider will never give the content.
func refused(err error) bool {
	var e *channels.Error
	return errors.As(err, &e) && e.Class == channels.Rejected
}

// pauseAfter is how long to wait after a failed attempt: what the provider asks for, if
// that is longer.
func pauseAfter(tries int, err error) time.Duration {
	d := pauses[min(tries, len(pauses))-1]
	var e *channels.Error
	if errors.As(err, &e) && e.Class == channels.Throttled {
		d = max(d, e.RetryAfter)
	}
	return d
}

// sink keeps what is written to it in parts, up to a limit.
type sink struct {
	k      *Keeper
	ctx    context.Context
	a      store.Attachment
	left   int64
	size   int64
	head   []byte
	buffer []byte
	number int
}

// Write implements io.Writer; channels.ErrTooLarge, wrapped, beyond the limit.
func (s *sink) Write(p []byte) (int, error) {
	if s.size += int64(len(p)); s.size > s.left {
		return 0, fmt.Errorf("keeping a content: %w", channels.ErrTooLarge)
	}
	s.head = append(s.head, p[:min(len(p), headLength-len(s.head))]...)
	n := len(p)
	for len(p) > 0 {
		part := min(len(p), store.PartSize-len(s.buffer))
		s.buffer, p = append(s.buffer, p[:part]...), p[part:]
		if len(s.buffer) == store.PartSize {
			if err := s.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (s *sink) flush() error {
	if len(s.buffer) == 0 {
		return nil
	}
	err := s.k.Store.AddPart(s.ctx, s.a, s.number, s.buffer, s.k.Clock.Machine().Add(heldFor), s.k.Clock.Business())
	s.number, s.buffer = s.number+1, s.buffer[:0]
	if err != nil {
		return fmt.Errorf("keeping a part: %w", err)
	}
	return nil
}

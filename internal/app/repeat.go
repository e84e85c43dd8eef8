package app

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Repeats is a slog.Handler behind which a failure that repeats itself stands once, and
// then once a minute with how many times more it has happened ("times"). A database
// without room fails for every group of every lane; a log that fills what is left of the
// disk with it helps nobody.
type Repeats struct {
	next slog.Handler
	// with is what the lines of this logger carry beside their own attributes.
	with   string
	shared *repeated
}

// repeatEvery is how often a failure that goes on is told. repeatedAtMost bounds the
// failures that are remembered; what comes beside them is told each time.
const (
	repeatEvery    = time.Minute
	repeatedAtMost = 1000
)

type repeated struct {
	mu   sync.Mutex
	seen map[string]*repeat
}

// repeat is a failure that was told within the last minute.
type repeat struct {
	times int // since then
	last  slog.Record
}

// NewRepeats makes the handler before another one.
func NewRepeats(next slog.Handler) *Repeats {
	return &Repeats{next: next, shared: &repeated{seen: map[string]*repeat{}}}
}

// Enabled implements slog.Handler.
func (h *Repeats) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

// WithAttrs implements slog.Handler.
func (h *Repeats) WithAttrs(as []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(h.with)
	for _, a := range as {
		write(&b, a)
	}
	return &Repeats{h.next.WithAttrs(as), b.String(), h.shared}
}

// WithGroup implements slog.Handler.
func (h *Repeats) WithGroup(name string) slog.Handler {
	return &Repeats{h.next.WithGroup(name), h.with + name + ".", h.shared}
}

// Handle implements slog.Handler.
func (h *Repeats) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn && h.known(r) {
		return nil
	}
	return h.next.Handle(ctx, r) //nolint:wrapcheck // as if the next one had been called
}

// known counts a failure that was told a moment ago.
func (h *Repeats) known(r slog.Record) bool {
	name := h.name(r)
	s := h.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if x, ok := s.seen[name]; ok {
		x.times++
		x.last = r.Clone()
		return true
	}
	if len(s.seen) < repeatedAtMost {
		s.seen[name] = &repeat{}
		time.AfterFunc(repeatEvery, func() { h.tell(name) })
	}
	return false
}

// tell says how often a failure has come again; one that has not is forgotten.
func (h *Repeats) tell(name string) {
	s := h.shared
	s.mu.Lock()
	x := s.seen[name]
	times, last := x.times, x.last
	x.times = 0
	if times == 0 {
		delete(s.seen, name)
	}
	s.mu.Unlock()
	if times == 0 {
		return
	}
	last.AddAttrs(slog.Int("times", times))
	_ = h.next.Handle(context.Background(), last) // nobody is left to tell
	time.AfterFunc(repeatEvery, func() { h.tell(name) })
}

// name is by what a failure is known again: all it says, but for numbers and ids in the
// text of an error, such as the port of a connection or the file of a table.
func (h *Repeats) name(r slog.Record) string {
	var b strings.Builder
	b.WriteString(h.with)
	b.WriteString(r.Level.String())
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		write(&b, a)
		return true
	})
	return b.String()
}

func write(b *strings.Builder, a slog.Attr) {
	text := a.Value.Resolve().String()
	if a.Key == "error" {
		text = strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' || r >= 'a' && r <= 'f' {
				return -1
			}
			return r
		}, text)
	}
	b.WriteByte(0)
	b.WriteString(a.Key)
	b.WriteByte('=')
	b.WriteString(text)
}

package inbox

import (
	"context"
	"sync"
	"time"
)

// groupSize bounds the events of one transaction, so that it holds SQLite's lock for
// less than 50 ms.
const groupSize = 64

// A further transaction begins beside one that is under way when so many events wait,
// or one of them for so long: what is carried out together costs far less, but one
// transaction that waits for a lock must not hold up all.
const (
	enough   = 16
	patience = 20 * time.Millisecond
)

// line is where events wait for a transaction. One that comes alone has its own at
// once; those that come while others are carried out share the next. Events of one
// sender pass one after the other, in the order in which they came. The zero line is
// ready for use.
type line[T any] struct {
	mu      sync.Mutex
	waiting []*place[T]
	// working is how many transactions are under way, busy whose events they carry.
	working int
	busy    map[string]bool
	// watched: somebody looks again when what waits has waited for long.
	watched bool
}

type place[T any] struct {
	sender string
	event  T
	since  time.Time
	done   chan struct{}
}

// pass has run called with the event, alone or among others, and returns when run has
// ended or ctx has; then the event is still carried out. At most limit runs go on at
// once. An empty sender has no order.
func (l *line[T]) pass(ctx context.Context, sender string, event T, limit int, run func([]T)) error {
	p := &place[T]{sender: sender, event: event, since: time.Now(), done: make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, p)
	l.hire(limit, run)
	l.mu.Unlock()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hire begins another transaction where one is allowed and worth it, if need be
// before long; the caller holds mu.
func (l *line[T]) hire(limit int, run func([]T)) {
	switch {
	case l.working >= limit || len(l.waiting) == 0:
	case l.working == 0 || l.worth():
		l.working++
		go l.work(limit, run)
	case !l.watched:
		l.watched = true
		time.AfterFunc(patience-time.Since(l.waiting[0].since), func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.watched = false
			l.hire(limit, run)
		})
	}
}

// worth tells whether what waits is worth a transaction beside another; the caller
// holds mu.
func (l *line[T]) worth() bool {
	return len(l.waiting) >= enough || len(l.waiting) > 0 && time.Since(l.waiting[0].since) >= patience
}

// work takes what waits until nothing does.
func (l *line[T]) work(limit int, run func([]T)) {
	for group := l.next(limit, run); len(group) > 0; group = l.next(limit, run) {
		events := make([]T, len(group))
		for i, p := range group {
			events[i] = p.event
		}
		run(events)
		l.leave(group)
	}
}

// next takes a fair part of what waits, and leaves the rest to another worker. Without
// anything to do the worker ends.
func (l *line[T]) next(limit int, run func([]T)) []*place[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy == nil {
		l.busy = map[string]bool{}
	}
	if l.working > 1 && !l.worth() {
		l.working--
		l.hire(limit, run)
		return nil
	}
	idle := limit - l.working + 1 // this one included
	n := min(groupSize, max(enough, (len(l.waiting)+idle-1)/idle))
	var group []*place[T]
	rest := l.waiting[:0]
	for _, p := range l.waiting {
		if len(group) == n || l.busy[p.sender] {
			rest = append(rest, p)
			continue
		}
		if p.sender != "" {
			l.busy[p.sender] = true
		}
		group = append(group, p)
	}
	clear(l.waiting[len(rest):])
	l.waiting = rest
	if len(group) == 0 {
		l.working--
		return nil
	}
	if len(rest) > 0 {
		l.hire(limit, run)
	}
	return group
}

func (l *line[T]) leave(group []*place[T]) {
	l.mu.Lock()
	for _, p := range group {
		delete(l.busy, p.sender)
	}
	l.mu.Unlock()
	for _, p := range group {
		close(p.done)
	}
}

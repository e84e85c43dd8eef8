package email

import (
	"context"
	"errors"
	"sync"
	"time"
)

// idleLimit is how long a session may rest before it is not worth trying: many
// servers hang up after half a minute to five.
const idleLimit = 30 * time.Second

var errClosed = errors.New("the channel is closed")

// pool keeps open sessions for reuse and bounds how many there are.
type pool struct {
	dial  func(context.Context) (*session, error)
	slots chan struct{}

	mu     sync.Mutex
	idle   []*session
	closed bool
	// farewells are sessions saying QUIT.
	farewells sync.WaitGroup
}

func newPool(n int, dial func(context.Context) (*session, error)) *pool {
	return &pool{dial: dial, slots: make(chan struct{}, n)}
}

// get gives an idle session, else a new one, as soon as fewer than the bound
// are in use; with anew always a new one. Errors are *channels.Error.
func (p *pool) get(ctx context.Context, anew bool) (*session, error) {
	if ctx.Err() != nil {
		return nil, broken(stageConnect, context.Cause(ctx))
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, broken(stageConnect, context.Cause(ctx))
	}
	s, err := p.rested()
	if anew && s != nil {
		// In its place, so that no more connections are open than allowed.
		p.farewells.Go(s.closeQuietly)
		s = nil
	}
	if s == nil && err == nil {
		s, err = p.dial(ctx)
	}
	if err != nil {
		<-p.slots
		return nil, err
	}
	return s, nil
}

// reuse gives an idle session and never dials; nil when there is none.
func (p *pool) reuse() *session {
	select {
	case p.slots <- struct{}{}:
	default:
		return nil
	}
	s, err := p.rested()
	if s == nil || err != nil {
		<-p.slots
		return nil
	}
	return s
}

// rested takes an idle session that is worth trying, nil when there is none.
func (p *pool) rested() (*session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, broken(stageConnect, errClosed)
	}
	for n := len(p.idle); n > 0; n = len(p.idle) {
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		if time.Since(s.lastUsed) < idleLimit {
			return s, nil
		}
		p.farewells.Go(s.closeQuietly)
	}
	return nil, nil
}

// put gives a session back.
func (p *pool) put(s *session) {
	defer func() { <-p.slots }()
	if s.spoilt {
		_ = s.conn.Close()
		return
	}
	p.mu.Lock()
	if !p.closed {
		p.idle = append(p.idle, s)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	s.closeQuietly()
}

func (p *pool) close() error {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, s := range idle {
		p.farewells.Go(s.closeQuietly)
	}
	p.farewells.Wait()
	return nil
}

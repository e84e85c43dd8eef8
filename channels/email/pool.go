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
// are in use. Errors are *channels.Error.
func (p *pool) get(ctx context.Context) (*session, error) {
	if ctx.Err() != nil {
		return nil, broken(stageConnect, context.Cause(ctx))
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, broken(stageConnect, context.Cause(ctx))
	}
	s, err := p.fresh(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return s, nil
}

func (p *pool) fresh(ctx context.Context) (*session, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, broken(stageConnect, errClosed)
		}
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			return p.dial(ctx)
		}
		s := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		if time.Since(s.lastUsed) < idleLimit {
			return s, nil
		}
		p.farewells.Go(s.closeQuietly)
	}
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

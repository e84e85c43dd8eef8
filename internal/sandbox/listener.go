package sandbox

import (
	"fmt"
	"net"
	"sync"
)

// listener keeps track of its connections, so that closing it leaves none
// behind, whether the server above has noticed them already or not.
type listener struct {
	net.Listener
	once   sync.Once
	mu     sync.Mutex
	closed bool
	conns  map[*conn]struct{}
}

// conn is a tracked connection that can be torn as well as closed.
type conn struct {
	*net.TCPConn
	from *listener
	once sync.Once
}

func listen() (*listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening on loopback: %w", err)
	}
	return &listener{Listener: ln, conns: map[*conn]struct{}{}}, nil
}

// Accept waits for the next connection; net.ErrClosed after closeAll.
func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{TCPConn: raw.(*net.TCPConn), from: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = raw.Close()
		return nil, net.ErrClosed
	}
	l.conns[c] = struct{}{}
	return c, nil
}

// Close ends Accept; a second call does nothing.
func (l *listener) Close() (err error) {
	l.once.Do(func() { err = l.Listener.Close() })
	return err
}

// Close closes the connection once.
func (c *conn) Close() (err error) {
	c.once.Do(func() {
		err = c.TCPConn.Close()
		c.from.mu.Lock()
		delete(c.from.conns, c)
		c.from.mu.Unlock()
	})
	return err
}

// tear ends the connection with a reset: what was not read is lost, and the
// other side learns nothing but that.
func tear(nc net.Conn) {
	if c, ok := nc.(*conn); ok {
		_ = c.SetLinger(0)
	}
	_ = nc.Close()
}

func (l *listener) closeAll() {
	l.mu.Lock()
	l.closed = true
	open := make([]*conn, 0, len(l.conns))
	for c := range l.conns {
		open = append(open, c)
	}
	l.mu.Unlock()
	_ = l.Close()
	for _, c := range open {
		_ = c.Close()
	}
}

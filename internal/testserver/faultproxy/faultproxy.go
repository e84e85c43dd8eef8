// Package faultproxy stands on a real TCP port between a program and a server that
// it talks to, and breaks their connections where a test says: before a byte is
// read, within a request, before the answer or within it; by a reset, by silence,
// by a port on which nobody listens. It knows no protocol and changes no byte.
// Only tests call it.
package faultproxy

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"otklik/internal/testserver"
)

// Stage says where on a connection a fault strikes.
type Stage int

// Stages of a connection. A piece is what one read of a socket gives: with small
// requests and answers, one of them.
const (
	// Accept: when the caller has connected, before anything is read.
	Accept Stage = iota
	// Up: at a piece from the caller to the server.
	Up
	// Down: at a piece from the server to the caller.
	Down
)

// Somewhere as Fault.After draws the place within the piece.
const Somewhere = -1

// Fault is what happens to connections. Without Hang both sides are reset
// (SO_LINGER 0), and what they have not read yet is lost.
type Fault struct {
	Stage Stage
	// Hang keeps the connection and passes nothing more in that direction, until
	// the fault is lifted; then both sides are reset.
	Hang bool
	// After is how many bytes of the struck piece still pass; Somewhere draws.
	After int
	// Share of the pieces, or of the connections at Accept, that are struck, in
	// (0, 1]; 0 counts as 1.
	Share float64
	// Count of strikes after which the fault is over; 0 for none.
	Count int
}

// Proxy passes bytes between whoever connects to Addr and a server.
type Proxy struct {
	addr, target string
	closed       chan struct{}
	running      sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while connections are refused
	links    map[*link]bool
	fault    *ongoing
	random   *rand.Rand
	watchers []*watcher
}

// ongoing is the fault in force; lifted is closed when it no longer is.
type ongoing struct {
	Fault
	struck int
	lifted chan struct{}
}

type watcher struct {
	stage Stage
	left  int
	done  chan struct{}
}

// Start listens on a free port of 127.0.0.1 for the server at target (host:port)
// until the test ends. The seed makes the draws of Share and Somewhere repeatable.
func Start(t testing.TB, target string, seed uint64) *Proxy {
	t.Helper()
	p := &Proxy{target: target, closed: make(chan struct{}), links: map[*link]bool{}, random: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // faults, not secrets
	if err := p.settle(t); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p
}

// settle finds the proxy's port. One that was free a moment ago may be a neighbour's by
// now, whose tests run at the same time: then it is another one.
func (p *Proxy) settle(t testing.TB) (err error) {
	t.Helper()
	for range 5 {
		p.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(testserver.FreePort(t)))
		if err = p.Admit(); !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
	}
	return err
}

// Addr is the host:port to connect to, the same for the proxy's whole life.
func (p *Proxy) Addr() string { return p.addr }

// Set puts a fault in the place of the one before. What hung is reset.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lift()
	p.fault = &ongoing{Fault: f, lifted: make(chan struct{})}
}

// Heal ends the fault. What hung is reset.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lift()
}

func (p *Proxy) lift() {
	if p.fault != nil {
		close(p.fault.lifted)
		p.fault = nil
	}
}

// Struck tells how often the fault in force has struck.
func (p *Proxy) Struck() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == nil {
		return 0
	}
	return p.fault.struck
}

// Refuse resets all connections and lets nobody connect: the port is closed.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	listener := p.listener
	p.listener = nil
	p.mu.Unlock()
	if listener != nil {
		_ = listener.Close() // an error would mean that it is closed
	}
	p.Cut()
}

// Admit opens the port again after Refuse.
func (p *Proxy) Admit() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		return nil
	}
	listener, err := net.Listen("tcp4", p.addr)
	if err != nil {
		return fmt.Errorf("opening the proxy's port: %w", err)
	}
	p.listener = listener
	p.running.Go(func() { p.accept(listener) })
	return nil
}

// Cut resets the connections that stand now.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.reset()
	}
}

// Watch gives a channel that is closed when so many more pieces have passed at a
// stage, or connections at Accept.
func (p *Proxy) Watch(stage Stage, pieces int) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := &watcher{stage, pieces, make(chan struct{})}
	p.watchers = append(p.watchers, w)
	return w.done
}

func (p *Proxy) passed(stage Stage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.watchers[:0]
	for _, w := range p.watchers {
		if w.stage == stage {
			w.left--
		}
		if w.left <= 0 {
			close(w.done)
			continue
		}
		kept = append(kept, w)
	}
	p.watchers = kept
}

// close ends everything; Start registers it.
func (p *Proxy) close() {
	p.Heal()
	close(p.closed)
	p.Refuse()
	p.running.Wait()
}

func (p *Proxy) accept(listener net.Listener) {
	for {
		caller, err := listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.pass(caller.(*net.TCPConn)) })
	}
}

// strike decides whether a piece of n bytes is struck and how much of it passes.
func (p *Proxy) strike(stage Stage, n int) (f *ongoing, after int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f = p.fault
	if f == nil || f.Stage != stage || f.Count > 0 && f.struck >= f.Count || f.Share > 0 && p.random.Float64() >= f.Share {
		return nil, 0
	}
	f.struck++
	if f.After == Somewhere {
		return f, p.random.IntN(n + 1)
	}
	return f, min(f.After, n)
}

// link is one connection of a caller with its own to the server.
type link struct{ caller, server *net.TCPConn }

func (l *link) reset() {
	for _, c := range []*net.TCPConn{l.caller, l.server} {
		if c != nil {
			// Both fail only on a connection that is closed already.
			_ = c.SetLinger(0)
			_ = c.Close()
		}
	}
}

func (p *Proxy) pass(caller *net.TCPConn) {
	l := &link{caller: caller}
	if f, _ := p.strike(Accept, 0); f != nil {
		p.suffer(l, f)
		return
	}
	server, err := net.Dial("tcp4", p.target)
	if err != nil {
		l.reset()
		return
	}
	l.server = server.(*net.TCPConn)
	p.mu.Lock()
	if p.listener == nil {
		p.mu.Unlock()
		l.reset()
		return
	}
	p.links[l] = true
	p.mu.Unlock()
	p.passed(Accept)
	var both sync.WaitGroup
	both.Go(func() { p.pump(l, Up, l.caller, l.server) })
	both.Go(func() { p.pump(l, Down, l.server, l.caller) })
	both.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
	_ = l.caller.Close()
	_ = l.server.Close()
}

// suffer is what the fault does to a connection.
func (p *Proxy) suffer(l *link, f *ongoing) {
	if f.Hang {
		select {
		case <-f.lifted:
		case <-p.closed:
		}
	}
	l.reset()
}

// pump passes one direction until it ends, as it ended, or is struck.
func (p *Proxy) pump(l *link, stage Stage, from, to *net.TCPConn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			f, after := p.strike(stage, n)
			if f == nil {
				after = n
			}
			if _, e := to.Write(buffer[:after]); e != nil {
				l.reset()
				return
			}
			if f != nil {
				p.suffer(l, f)
				return
			}
			p.passed(stage)
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = to.CloseWrite() // the other side may be gone
			return
		case err != nil:
			l.reset()
			return
		}
	}
}

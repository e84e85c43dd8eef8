package faultproxy_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"otklik/internal/testserver"
	"otklik/internal/testserver/faultproxy"
)

// echo answers each line with the line, and counts what it has read.
type echo struct {
	listener net.Listener
	read     atomic.Int64
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{listener: l}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go e.serve(c)
		}
	}()
	return e
}

func (e *echo) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(io.TeeReader(c, counter{&e.read}))
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, line); err != nil {
			return
		}
	}
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return c
}

const line = "0123456789abcdef\n"

func say(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := io.WriteString(c, line); err != nil {
		t.Fatal(err)
	}
}

// heard is what comes until the connection ends, and how it ended.
func heard(c net.Conn) (string, error) {
	var b strings.Builder
	_, err := io.Copy(&b, c)
	return b.String(), err
}

// exchange says a line on a new connection and gives what comes back. A reset at
// Accept can meet the dialing, the line or the answer.
func exchange(t *testing.T, addr string) (string, error) {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp4", addr)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, line); err != nil {
		return "", err // told once: reading would find a plain end
	}
	var b strings.Builder
	for b.Len() < len(line) && err == nil {
		_, err = io.CopyN(&b, c, 1)
	}
	return b.String(), err
}

func start(t *testing.T) (*echo, *faultproxy.Proxy) {
	t.Helper()
	e := newEcho(t)
	return e, faultproxy.Start(t, e.listener.Addr().String(), 1)
}

func TestPasses(t *testing.T) {
	t.Parallel()
	_, p := start(t)
	passed := p.Watch(faultproxy.Down, 2)
	c := dial(t, p.Addr())
	r := bufio.NewReader(c)
	for i := range 2 {
		say(t, c)
		if got, err := r.ReadString('\n'); err != nil || got != line {
			t.Fatalf("%q, %v", got, err)
		}
		select {
		case <-passed:
			if i == 0 {
				t.Error("the watch ended after one piece")
			}
		default:
			if i == 1 {
				<-passed // the piece is counted just after it has passed
			}
		}
	}
	// The end of one direction passes, too, and the other one goes on.
	say(t, c)
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != line {
		t.Errorf("after the end: %q, %v", got, err)
	}
}

func TestResets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault faultproxy.Fault
		// reaches is how much of the line the server reads, answer of the answer
		// the caller.
		reaches int64
		answer  int
	}{
		"before anything is read": {faultproxy.Fault{Stage: faultproxy.Accept}, 0, 0},
		"before the answer":       {faultproxy.Fault{Stage: faultproxy.Down}, int64(len(line)), 0},
		"within the answer":       {faultproxy.Fault{Stage: faultproxy.Down, After: 5}, int64(len(line)), 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, p := start(t)
			p.Set(c.fault)
			got, err := exchange(t, p.Addr())
			// A reset may overtake the bytes before it.
			if !errors.Is(err, syscall.ECONNRESET) || !strings.HasPrefix(line[:c.answer], got) {
				t.Errorf("the caller read %q and met %v", got, err)
			}
			if n := e.read.Load(); n != c.reaches {
				t.Errorf("the server read %d bytes, want %d", n, c.reaches)
			}
			if p.Struck() != 1 {
				t.Errorf("struck %d times", p.Struck())
			}
		})
	}
}

// TestResetsWithinRequest: the server gets no whole line, so that it answers none.
func TestResetsWithinRequest(t *testing.T) {
	t.Parallel()
	e, p := start(t)
	p.Set(faultproxy.Fault{Stage: faultproxy.Up, After: 5})
	c := dial(t, p.Addr())
	say(t, c)
	if got, err := heard(c); !errors.Is(err, syscall.ECONNRESET) || got != "" || e.read.Load() > 5 {
		t.Errorf("the caller read %q and met %v, the server read %d bytes", got, err, e.read.Load())
	}
}

func TestHangs(t *testing.T) {
	t.Parallel()
	e, p := start(t)
	p.Set(faultproxy.Fault{Stage: faultproxy.Down, Hang: true, Count: 1})
	silent, free := dial(t, p.Addr()), dial(t, p.Addr())
	say(t, silent)
	testserver.Wait(t, "the fault has struck", func() bool { return p.Struck() == 1 })
	say(t, free)
	if got, err := bufio.NewReader(free).ReadString('\n'); err != nil || got != line {
		t.Errorf("after its count the fault goes on: %q, %v", got, err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := heard(silent)
		ended <- err
	}()
	select {
	case err := <-ended:
		t.Fatalf("a connection that hangs ended: %v", err)
	default:
	}
	p.Heal()
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("healed: %v", err)
	}
	if n := e.read.Load(); n != int64(2*len(line)) {
		t.Errorf("the server read %d bytes", n)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	_, p := start(t)
	c := dial(t, p.Addr())
	say(t, c)
	if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	p.Refuse()
	if _, err := heard(c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a standing connection met %v", err)
	}
	if _, err := new(net.Dialer).DialContext(t.Context(), "tcp4", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection met %v", err)
	}
	for range 2 { // the second time changes nothing
		if err := p.Admit(); err != nil {
			t.Fatal(err)
		}
	}
	c = dial(t, p.Addr())
	say(t, c)
	if got, err := bufio.NewReader(c).ReadString('\n'); err != nil || got != line {
		t.Errorf("open again: %q, %v", got, err)
	}
}

// TestShare: about so many of the connections are struck, the same with one seed.
func TestShare(t *testing.T) {
	t.Parallel()
	e := newEcho(t)
	const connections = 100
	struck := func() int {
		p := faultproxy.Start(t, e.listener.Addr().String(), 7)
		p.Set(faultproxy.Fault{Stage: faultproxy.Accept, Share: 0.3})
		resets := 0
		for range connections {
			if _, err := exchange(t, p.Addr()); err != nil {
				resets++
			}
		}
		if resets != p.Struck() {
			t.Errorf("%d connections were reset, %d struck", resets, p.Struck())
		}
		return resets
	}
	if a, b := struck(), struck(); a != b || a < 10 || a > 60 {
		t.Errorf("%d and %d of %d", a, b, connections)
	}
}

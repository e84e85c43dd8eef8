package faultproxy

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

// TestTakenPort: a port that somebody holds is an error that settle knows and draws again for.
func TestTakenPort(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	p := &Proxy{addr: l.Addr().String()}
	if err := p.Admit(); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("opening a taken port: %v", err)
	}
	if p.closed, p.links = make(chan struct{}), map[*link]bool{}; p.settle(t) != nil || p.addr == l.Addr().String() {
		t.Fatal("no other port was found")
	}
	p.close()
}

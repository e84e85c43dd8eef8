package channeltest

import (
	"net"
	"testing"
)

// DeadAddr is a loopback host:port where nobody listens, so that a connection is
// refused. Port 1 (tcpmux) is not handed out to anyone, which a port that was
// opened and closed again may be.
const DeadAddr = "127.0.0.1:1"

// MuteAddr gives the host:port of a listener that takes connections and never
// says a word; it ends with t. With an https base URL the handshake never ends.
func MuteAddr(t testing.TB) string {
	t.Helper()
	return listen(t, func(net.Conn) {})
}

// ResettingAddr gives the host:port of a listener that resets every connection
// as soon as it is taken. Whether the client has written by then is not certain.
func ResettingAddr(t testing.TB) string {
	t.Helper()
	return listen(t, resetConn)
}

// listen hands each connection to greet, and closes them all when t ends.
func listen(t testing.TB, greet func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			greet(conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

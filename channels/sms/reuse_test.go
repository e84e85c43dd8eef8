package sms

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"otklik/channels"
	"otklik/channels/channeltest"
)

// brittle is a connection that can no longer write once it is told so.
type brittle struct {
	net.Conn
	broken *atomic.Bool
}

func (b brittle) Write(p []byte) (int, error) {
	if b.broken.Load() {
		return 0, errors.New("broken pipe")
	}
	return b.Conn.Write(p)
}

// TestKeptConnectionThatDied: net/http moves on to a new connection when a kept
// one took nothing. That is one request still, and when the new connection is
// refused nothing was sent at all.
func TestKeptConnectionThatDied(t *testing.T) {
	for name, refused := range map[string]bool{"provider is there": false, "provider is gone": true} {
		t.Run(name, func(t *testing.T) {
			srv := channeltest.NewServer(t, accept)
			ch := open(t, testConfig(srv.URL))
			local, broken, dials := ch.transport.DialContext, &atomic.Bool{}, 0
			ch.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				dials++
				if dials > 1 && refused {
					return local(ctx, network, channeltest.DeadAddr)
				}
				conn, err := local(ctx, network, addr)
				if err != nil || dials > 1 {
					return conn, err
				}
				return brittle{conn, broken}, nil
			}
			m := channels.Message{ID: "1", To: testTo, Text: "hi"}
			if _, err := ch.Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			broken.Store(true)
			_, err := ch.Send(t.Context(), m)
			if !refused && (err != nil || len(srv.Calls()) != 2) {
				t.Errorf("%v after %d requests", err, len(srv.Calls()))
			}
			if e := channels.AsError(err); refused && (e == nil || e.Class != channels.Transient || len(srv.Calls()) != 1) {
				t.Errorf("%v after %d requests", err, len(srv.Calls()))
			}
			if dials != 2 {
				t.Errorf("%d connections dialled", dials)
			}
		})
	}
}

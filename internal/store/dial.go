package store

import (
	"net"
	"time"
)

// A connection to PostgreSQL is given up when nothing is heard of its host: a firewall
// that forgets it, or a machine that loses its power, tells nobody. answerWithin is for
// connecting and for the look at a connection that nobody has used for a second; goneAfter
// for one that waits for an answer.
const (
	answerWithin = 5 * time.Second
	goneAfter    = 30 * time.Second
)

var dialer = net.Dialer{
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: goneAfter / 2, Interval: goneAfter / 6, Count: 3},
	Control:         unheard,
}

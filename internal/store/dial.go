package store

import (
	"fmt"
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

// leaveGone has PostgreSQL give up a connection of ours by the same times: a session whose
// machine has lost its power keeps its locks, the one for migrating too, and by itself
// PostgreSQL asks after it for the first time in two hours. It changes nothing on a socket
// of the same machine.
var leaveGone = fmt.Sprintf("set tcp_keepalives_idle = %d; set tcp_keepalives_interval = %d; set tcp_keepalives_count = 3; set tcp_user_timeout = %d",
	int((goneAfter / 2).Seconds()), int((goneAfter / 6).Seconds()), goneAfter.Milliseconds())

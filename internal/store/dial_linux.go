package store

import (
	"strings"
	"syscall"
)

// userTimeout is TCP_USER_TIMEOUT, https://man7.org/linux/man-pages/man7/tcp.7.html; without
// it what was sent and not acknowledged is repeated for a quarter of an hour.
const userTimeout = 18

func unheard(network, _ string, c syscall.RawConn) (err error) {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	if e := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, int(goneAfter.Milliseconds())) //nolint:gosec // a descriptor is small
	}); e != nil {
		return e
	}
	return err
}

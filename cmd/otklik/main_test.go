package main

import (
	"syscall"
	"testing"
)

// TestHangUp: a terminal that is closed stops the program as Ctrl-C does, so that what is
// in flight is finished; it does not end at once.
func TestHangUp(t *testing.T) {
	ctx, stop := stopping()
	defer stop()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
}

package app

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shared is a text that timers write while a test reads it.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// String is what was written since Reset.
func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Reset forgets it.
func (s *shared) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.Reset()
}

// TestRepeats: a failure that goes on is told once and then counted; what differs, and
// what is no failure, is told each time.
func TestRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out shared
		log := slog.New(NewRepeats(slog.NewTextHandler(&out, nil)))
		lines := func(what string) (n int) {
			for _, l := range strings.Split(out.String(), "\n") {
				if strings.Contains(l, what) {
					n++
				}
			}
			return n
		}
		for i := range 100 {
			log.Error("a step failed", "step", "begin", "error", fmt.Errorf("file %d of %x: no room", i, i*i))
			log.Error("a step failed", "step", "record", "error", errors.New("no room"))
			log.With("step", "claim").Error("a step failed", "error", errors.New("no room"))
			log.Warn("an order is refused", "order", i)
			log.Info("sent")
		}
		for what, want := range map[string]int{"step=begin": 1, "step=record": 1, "step=claim": 1, "order=": 100, "sent": 100} {
			if got := lines(what); got != want {
				t.Errorf("%s: %d lines, want %d", what, got, want)
			}
		}
		out.Reset()
		<-time.After(repeatEvery)
		synctest.Wait()
		if got := lines("times=99"); got != 3 {
			t.Errorf("after a minute:\n%s", out.String())
		}
		log.Error("a step failed", "step", "begin", "error", errors.New("file 7 of 8: no room"))
		<-time.After(repeatEvery)
		synctest.Wait()
		if got := lines("times=1"); got != 1 {
			t.Errorf("once more in the next minute:\n%s", out.String())
		}
		out.Reset()
		<-time.After(2 * repeatEvery)
		log.Error("a step failed", "step", "begin", "error", errors.New("file 7 of 8: no room"))
		if out.String() == "" {
			t.Error("what comes after a quiet time is not told at once")
		}
		<-time.After(2 * repeatEvery) // nothing is left behind
		synctest.Wait()
	})
}

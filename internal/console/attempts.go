package console

import (
	"sync"
	"time"
)

// Bounds of failed logins within failureWindow: for one login from one address,
// and for one login from anywhere. The second is wide, for it lets a stranger
// lock a person out.
const (
	failureWindow   = 15 * time.Minute
	failuresFromOne = 6
	failuresFromAll = 40
	// mostFailureKeys bounds the memory that made-up logins can take.
	mostFailureKeys = 10_000
)

// failures counts failed logins in machine time. Safe for concurrent use.
type failures struct {
	mu   sync.Mutex
	seen map[string][]time.Time
}

func newFailures() *failures { return &failures{seen: map[string][]time.Time{}} }

// blocked tells whether a login must wait.
func (f *failures) blocked(login, from string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.recent(login+"\x00"+from, now)) >= failuresFromOne || len(f.recent(login, now)) >= failuresFromAll
}

// failed counts one failure.
func (f *failures) failed(login, from string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.seen) > mostFailureKeys {
		for k := range f.seen {
			f.recent(k, now)
		}
		if len(f.seen) > mostFailureKeys {
			clear(f.seen)
		}
	}
	for _, k := range []string{login + "\x00" + from, login} {
		f.seen[k] = append(f.recent(k, now), now)
	}
}

// succeeded forgets the failures of a login from an address.
func (f *failures) succeeded(login, from string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.seen, login+"\x00"+from)
}

// recent drops what is older than the window. f.mu is held.
func (f *failures) recent(key string, now time.Time) []time.Time {
	ts := f.seen[key]
	for len(ts) > 0 && now.Sub(ts[0]) > failureWindow {
		ts = ts[1:]
	}
	if len(ts) == 0 {
		delete(f.seen, key)
		return nil
	}
	f.seen[key] = ts
	return ts
}

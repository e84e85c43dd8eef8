package inbox

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestLine: every event is carried out once, those of one sender in their order and
// never two at a time, and no more groups at once than allowed.
func TestLine(t *testing.T) {
	const senders, each, limit = 20, 50, 3
	type event struct{ sender, n int }
	var l line[event]
	var mu sync.Mutex
	var now, most int
	under, last := map[int]bool{}, map[int]int{}
	run := func(es []event) {
		mu.Lock()
		now++
		most = max(most, now)
		for _, e := range es {
			if under[e.sender] {
				t.Errorf("two events of sender %d at a time", e.sender)
			}
			under[e.sender] = true
			if e.n != last[e.sender]+1 {
				t.Errorf("sender %d: %d after %d", e.sender, e.n, last[e.sender])
			}
			last[e.sender] = e.n
		}
		mu.Unlock()
		mu.Lock()
		defer mu.Unlock()
		now--
		for _, e := range es {
			under[e.sender] = false
		}
	}
	// All of a sender's events stand in line at once, in their order.
	var wg sync.WaitGroup
	for n := range each {
		for s := range senders {
			p := &place[event]{sender: fmt.Sprint(s), event: event{s, n + 1}, done: make(chan struct{})}
			l.mu.Lock()
			l.waiting = append(l.waiting, p)
			l.hire(limit, run)
			l.mu.Unlock()
			wg.Go(func() { <-p.done })
		}
	}
	wg.Wait()
	for s := range senders {
		if last[s] != each {
			t.Errorf("sender %d: %d of %d events", s, last[s], each)
		}
	}
	if most > limit {
		t.Errorf("%d groups at once", most)
	}
}

// TestLineGroups: what comes while a group is under way shares the next one; one that
// gives up waiting is carried out all the same.
func TestLineGroups(t *testing.T) {
	var l line[int]
	begun, release := make(chan struct{}), make(chan struct{})
	var sizes []int
	var done atomic.Int64
	run := func(es []int) {
		sizes = append(sizes, len(es)) // one group at a time
		if es[0] == 0 {
			close(begun)
			<-release
		}
		done.Add(int64(len(es)))
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = l.pass(t.Context(), "first", 0, 1, run) })
	<-begun
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.pass(gone, "impatient", 1, 1, run); err == nil {
		t.Error("waited although its context had ended")
	}
	for i := range groupSize + 5 {
		wg.Go(func() { _ = l.pass(t.Context(), fmt.Sprint("sender ", i), i+2, 1, run) })
	}
	for standing(&l) < groupSize+6 {
		runtime.Gosched()
	}
	close(release)
	wg.Wait()
	if done.Load() != groupSize+7 || len(sizes) != 3 || sizes[1] != groupSize {
		t.Errorf("%d events in groups of %v", done.Load(), sizes)
	}
}

// TestLineSecond: few events wait for the transaction that is under way; enough of
// them, or one that has waited long, have one of their own beside it.
func TestLineSecond(t *testing.T) {
	for _, tt := range []struct {
		name         string
		more         int
		wait         time.Duration
		groups, left int
	}{
		{"few wait", enough - 1, 0, 1, enough - 1},
		{"enough do not", enough, 0, 2, 0},
		{"few, but not for long", 1, patience, 2, 0},
		{"no more than the limit", 3 * enough, patience, 2, 2 * enough},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l line[int]
				var groups atomic.Int64
				release := make(chan struct{})
				run := func([]int) {
					groups.Add(1)
					<-release
				}
				for i := range tt.more + 1 {
					go func() { _ = l.pass(t.Context(), fmt.Sprint(i), i, 2, run) }()
					synctest.Wait()
				}
				<-time.After(tt.wait)
				synctest.Wait()
				if left := standing(&l); groups.Load() != int64(tt.groups) || left != tt.left {
					t.Errorf("%d groups, %d wait", groups.Load(), left)
				}
				close(release)
			})
		})
	}
}

func standing[T any](l *line[T]) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

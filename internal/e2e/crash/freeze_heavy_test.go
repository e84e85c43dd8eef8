//go:build heavy

package crash_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestHeavyFreeze stops each of two nodes once for longer than its lease, with messages
// begun and not handed over, and lets it go on when the other has taken them over: it hands
// over none of them. Of texts there would be two (judge); a mail says when it was made.
func TestHeavyFreeze(t *testing.T) {
	w := newTown(t, setting{engine: "postgres", nodes: 2, people: 800}, seed(t))
	// Slow providers: many messages are begun and wait for those before them.
	w.texts.slow, w.mails.slow = time.Second, time.Second
	w.open()
	for i, n := range w.nodes {
		if w.imported-w.arrived() < w.people/2 {
			w.add()
		}
		want := w.arrived() + 150
		if !w.until(time.Minute, func() bool { return w.arrived() >= want }) {
			t.Fatalf("the campaign stands still at %d of %d", w.arrived(), w.imported)
		}
		if err := n.process.Freeze(); err != nil {
			t.Fatal(err)
		}
		frozen := time.Now()
		left := w.overdue(frozen)
		if !w.until(time.Minute, func() bool { return w.overdue(frozen) == 0 }) {
			t.Errorf("%d messages of a frozen node are not taken over", w.overdue(frozen))
		}
		thawed := time.Now()
		if err := n.process.Thaw(); err != nil {
			t.Fatal(err)
		}
		t.Logf("node %d stood still for %v with %d messages in flight on both", i, thawed.Sub(frozen).Round(time.Second), left)
		t.Cleanup(func() {
			if stale := w.mails.stale(frozen, thawed); stale != "" {
				t.Errorf("mails that a node had made before it stood still left after it:%s", stale)
			}
		})
	}
	w.end()
}

// overdue counts messages that were begun by a moment and are in the hands of whoever
// began them still.
func (w *town) overdue(at time.Time) (n int) {
	w.t.Helper()
	ctx, cancel := soon(w.t.Context())
	defer cancel()
	rows, err := table(ctx, w.db, fmt.Sprintf(`select coalesce(sum(n), 0) from (select count(*) as n from message where direction = 'out' and state = 'sending' and claim_token is not null and created_at <= %d
		union all select coalesce(sum(waiting), 0) from begun where begun_at <= %[1]d) x`, at.UnixMicro()))
	if err != nil {
		w.t.Fatal(err)
	}
	_, _ = fmt.Sscan(rows[0][0], &n) // a number
	return n
}

// stale names the mails that were made before a moment and came after another one.
func (s *sink) stale(made, came time.Time) string {
	var b strings.Builder
	for _, a := range s.arrivals() {
		if a.made.Before(made) && a.at.After(came) {
			fmt.Fprintf(&b, " %s, made at %s, at %s", a.to, a.made.Format(time.TimeOnly), a.at.Format("15:04:05.000"))
		}
	}
	return b.String()
}

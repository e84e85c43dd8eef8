package dispatch_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/internal/dispatch"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// barred is a rig whose provider answers nothing until answer is closed, on a database
// that writes can be taken from, as from a primary that becomes a standby.
type barred struct {
	*dispatchtest.Rig
	url     string
	answer  chan struct{}
	refused lines // records that failed
}

// lines counts the lines of a log that contain something.
type lines struct {
	atomic.Int64
	with string
}

// Write takes one line.
func (l *lines) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(l.with)) {
		l.Add(1)
	}
	return len(line), nil
}

func newBarred(t *testing.T, people int, lease time.Duration) *barred {
	t.Helper()
	b := &barred{url: storetest.URL(t, "postgres"), answer: make(chan struct{}), refused: lines{with: "step=record"}}
	b.Rig = dispatchtest.New(t, storetest.OpenURL(t, b.url))
	b.Fake.Workers(people).Otherwise(func(channels.Message, int) channeltest.Outcome { return channeltest.Outcome{Hold: b.answer} })
	b.Dispatcher.Log = slog.New(slog.NewTextHandler(&b.refused, nil))
	b.Dispatcher.Config.Lease = lease
	crowd(t, b.Rig, b.Dealer, "111", people)
	b.Plan(t)
	return b
}

// writes lets the database take writes, or no more.
func (b *barred) writes(t *testing.T, may bool) {
	t.Helper()
	c, err := pgx.ParseConfig(b.url)
	if err != nil {
		t.Fatal(err)
	}
	c.RuntimeParams["default_transaction_read_only"] = "off"
	conn, err := pgx.ConnectConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	setting := map[bool]string{true: "off", false: "on"}[may]
	for _, statement := range []string{
		"alter database " + pgx.Identifier{c.Database}.Sanitize() + " set default_transaction_read_only = " + setting,
		"select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadOnlyDatabase: what was handed over before the database took no more writes is
// recorded when it takes them again, after however long, and sending goes on by itself.
func TestReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	const people = 60
	b := newBarred(t, people, 20*time.Second)
	running(t, b.Rig)
	b.Fake.Await(t, 1)
	b.writes(t, false)
	close(b.answer)
	// Past the quarter of a lease for which any other failure is tried again.
	testserver.Wait(t, "the outcomes cannot be recorded for long", func() bool { return b.refused.Load() >= 11 })
	if err := b.Dispatcher.Unwritten(); !errors.Is(store.Cause(err), store.ErrReadOnly) {
		t.Errorf("the dispatcher says %v", err)
	}
	b.writes(t, true)
	testserver.Wait(t, "everybody's message is recorded as sent", func() bool {
		ms, err := b.Store.ListMessages(t.Context(), store.Filter{DealerID: b.Dealer.ID, Limit: 2 * people})
		sent := slices.DeleteFunc(ms, func(m store.ListedMessage) bool { return m.State != outreach.Sent })
		return err == nil && len(sent) == people // a session that was ended fails once
	})
	if n := len(b.Fake.Calls()); n != people {
		t.Errorf("%d messages were handed over to %d people", n, people)
	}
	if err := b.Dispatcher.Unwritten(); err != nil {
		t.Errorf("the dispatcher still says %v", err)
	}
}

// TestOnceOnAReadOnlyDatabase: the run ends, tells what it has sent, and why it ended.
func TestOnceOnAReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	b := newBarred(t, 60, 20*time.Second)
	type result struct {
		sum dispatch.Summary
		err error
	}
	ended := make(chan result, 1)
	go func() {
		sum, err := b.Dispatcher.Once(t.Context(), nil)
		ended <- result{sum, err}
	}()
	b.Fake.Await(t, 1)
	b.writes(t, false)
	close(b.answer)
	got := <-ended
	if !errors.Is(store.Cause(got.err), store.ErrAway) || !strings.Contains(got.err.Error(), "read-only") || !strings.Contains(got.err.Error(), "recording outcomes") {
		t.Errorf("the run ends with %v", got.err)
	}
	if got.sum.Sent == 0 || got.sum.Sent != len(b.Fake.Calls()) {
		t.Errorf("%d handed over, and told are %+v", len(b.Fake.Calls()), got.sum)
	}
}

// TestBeginRefused: while no message can begin the sender rests instead of trying with
// group after group, nothing goes out, and afterwards all goes on by itself.
func TestBeginRefused(t *testing.T) {
	t.Parallel()
	st := storetest.Open(t, "sqlite")
	r := dispatchtest.New(t, st)
	const people = 100
	crowd(t, r, r.Dealer, "111", people)
	r.Plan(t)
	alter(t, st, "create trigger refuse before insert on message begin select raise(abort, 'no room'); end")
	running(t, r)
	testserver.Wait(t, "the sender rests", func() bool {
		lanes := r.Dispatcher.Report()
		return len(lanes) == 1 && lanes[0].Reason == "database_away"
	})
	if n := len(r.Fake.Calls()); n != 0 {
		t.Errorf("%d messages were handed over, and none has begun", n)
	}
	alter(t, st, "drop trigger refuse")
	r.Fake.Await(t, people)
	testserver.Wait(t, "all is recorded", func() bool {
		return !slices.ContainsFunc(messages(t, r), func(m store.ListedMessage) bool { return m.State != outreach.Sent })
	})
	if n := len(r.Fake.Calls()); n != people {
		t.Errorf("%d messages were handed over to %d people", n, people)
	}
}

// alter changes the schema beside a running dispatcher.
func alter(t *testing.T, st *store.Store, statement string) {
	t.Helper()
	err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
		_, err := tx.ExecContext(t.Context(), statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

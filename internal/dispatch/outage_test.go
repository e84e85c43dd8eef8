package dispatch_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// beside runs something on a connection of its own, not on the store's.
func (b *barred) beside(t *testing.T, run func(*pgx.Conn) error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if err := run(conn); err != nil {
		t.Fatal(err)
	}
}

func (b *barred) execute(t *testing.T, statements string) {
	t.Helper()
	b.beside(t, func(c *pgx.Conn) error {
		_, err := c.Exec(t.Context(), statements)
		return err
	})
}

// uncertain counts the attempts that were told uncertain.
func (b *barred) uncertain(t *testing.T) (n int) {
	t.Helper()
	b.beside(t, func(c *pgx.Conn) error {
		return c.QueryRow(t.Context(), "select count(*) from attempt where class = 'uncertain'").Scan(&n)
	})
	return n
}

// TestWhoKnowsComesFirst: an outcome that a node knows and cannot record yet is not told
// uncertain when its lease has run out: not by that node, and not by another that has seen
// the outage, until there was time to record it.
func TestWhoKnowsComesFirst(t *testing.T) {
	t.Parallel()
	const people = 1 // a second group may wait until the first is answered
	b := newBarred(t, people, 20*time.Second)
	clock := &leaping{Clock: b.Clock}
	other := dispatchtest.New(t, storetest.OpenURL(t, b.url))
	b.Dispatcher.Clock, other.Dispatcher.Clock, other.Dispatcher.Config = clock, clock, b.Dispatcher.Config
	running(t, b.Rig)
	b.Fake.Await(t, people)
	b.execute(t, `create function refuse() returns trigger language plpgsql as
			$$ begin if new.state = 'sent' then raise exception using errcode = 'lock_not_available'; end if; return new; end $$;
		create trigger refuse before insert or update on message for each row execute function refuse()`)
	close(b.answer)
	testserver.Wait(t, "the outcomes cannot be recorded", func() bool { return b.refused.Load() > 0 })
	clock.stood.Store(int64(time.Minute))
	tried := b.refused.Load()
	testserver.Wait(t, "they are still tried", func() bool { return b.refused.Load() > tried+1 })

	if _, err := b.Dispatcher.Once(t.Context(), nil); err != nil || b.uncertain(t) > 0 {
		t.Fatalf("the node itself tells %d uncertain: %v", b.uncertain(t), err)
	}

	b.writes(t, false)
	if _, err := other.Dispatcher.Once(t.Context(), nil); err == nil {
		t.Fatal("the other node does not notice the outage")
	}
	b.writes(t, true)
	looked := func() bool {
		_, err := other.Dispatcher.Once(t.Context(), nil)
		return err == nil // a session that was ended fails once
	}
	testserver.Wait(t, "the other node sees that the outage is over", looked)
	testserver.Wait(t, "the other node looks again", looked)
	if n := b.uncertain(t); n > 0 {
		t.Errorf("the other node tells %d uncertain", n)
	}
	testserver.Wait(t, "the other node takes over in the end", func() bool {
		clock.stood.Add(int64(10 * time.Second))
		looked()
		return b.uncertain(t) == people
	})
	b.execute(t, "drop trigger refuse on message")
}

// still is a clock that moves only where it is made to.
type still struct{ business, machine time.Time }

func (s still) Business() time.Time { return s.business }
func (s still) Machine() time.Time  { return s.machine }

// TestWhoStartsLetsOthersRecordFirst: a node that starts knows of no outage before it, and
// tells nothing uncertain in its first moments; it sends at once.
func TestWhoStartsLetsOthersRecordFirst(t *testing.T) {
	t.Parallel()
	const people = 1
	b := newBarred(t, people, 50*time.Second)
	clock := &leaping{Clock: still{b.Clock.Business(), b.Clock.Machine()}}
	other := dispatchtest.New(t, storetest.OpenURL(t, b.url))
	b.Dispatcher.Clock, other.Dispatcher.Clock, other.Dispatcher.Config = clock, clock, b.Dispatcher.Config
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	once := make(chan error, 1)
	go func() {
		_, err := b.Dispatcher.Once(ctx, nil)
		once <- err
	}()
	b.Fake.Await(t, people) // what becomes of the message is for that node to say
	stop()                  // and it takes no other
	clock.stood.Store(int64(time.Minute))
	crowd(t, b.Rig, b.Dealer, "222", people)
	b.Plan(t)

	running(t, other)
	other.Fake.Await(t, people)
	if n := b.uncertain(t); n > 0 {
		t.Errorf("who has just started tells %d uncertain", n)
	}
	clock.stood.Add(int64(10 * time.Second))
	testserver.Wait(t, "it does in the end", func() bool { return b.uncertain(t) == people })
	close(b.answer)
	if err := <-once; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// refuseClaims is a trigger that lets no claim be handed back.
var refuseClaims = map[string]string{
	"sqlite": `create trigger refuse before update on outreach when old.claim_token is not null and new.claim_token is null and new.state = old.state
		begin select raise(abort, 'no room'); end`,
	"postgres": `create function refuse() returns trigger language plpgsql as $$ begin raise exception using errcode = 'lock_not_available'; end $$;
		create trigger refuse before update on outreach for each row
			when (old.claim_token is not null and new.claim_token is null and new.state = old.state) execute function refuse()`,
}

// TestOwedClaims: what a lane held when the database took nothing more is handed back as
// soon as it does, and does not wait for its lease.
func TestOwedClaims(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		const people = 100
		r := dispatchtest.New(t, st)
		r.Dispatcher.Config.Lease = time.Hour
		log := &lines{with: "not handed back"}
		r.Dispatcher.Log = slog.New(slog.NewTextHandler(log, nil))
		crowd(t, r, r.Dealer, "111", people)
		r.Plan(t)
		hurry := slowly(t, r)
		running(t, r)
		r.Fake.Await(t, 5)
		alter(t, st, refuseClaims[st.Engine()])
		name := store.ProgramPause("service-followup")
		if err := st.Pause(t.Context(), name, "", r.Clock.Business()); err != nil {
			t.Fatal(err)
		}
		testserver.Wait(t, "claims cannot be handed back", func() bool { return log.Load() > 0 })
		if err := st.Resume(t.Context(), name, "", r.Clock.Business()); err != nil {
			t.Fatal(err)
		}
		hurry()
		alter(t, st, map[string]string{"sqlite": "drop trigger refuse", "postgres": "drop trigger refuse on outreach"}[st.Engine()])
		r.Fake.AwaitTaken(t, people)
	})
}

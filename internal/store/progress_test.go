package store_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// queued are rows of outreach that a test writes past the store.
type queued struct {
	dealer, program, lane, state, rule string
	priority                           int
	due                                time.Time
	n                                  int
}

// fillQueue writes outreach rows; only what Progress looks at matters.
func fillQueue(t testing.TB, st *store.Store, db *sql.DB, from int, q queued) {
	t.Helper()
	id, dealer := "printf('0000000b-0000-7000-8000-%012x', i)", "'"+q.dealer+"'"
	if st.Engine() == "postgres" {
		id, dealer = "cast('0000000b-0000-7000-8000-' || lpad(to_hex(i), 12, '0') as uuid)", "cast("+dealer+" as uuid)"
	}
	_, err := db.ExecContext(t.Context(), fmt.Sprintf(`with recursive n(i) as (select %d union all select i + 1 from n where i < %d)
		insert into outreach (id, dealer_id, program, program_version, contact_id, occasion, step, purpose, priority, channel, state, due_at, target_at, deadline_at, rule, created_at, updated_at, lane)
		select %s, %s, '%s', 1, %s, 'o', 's', 'survey', %d, '', '%s', %d, 0, 0, '%s', 0, 0, '%s' from n`,
		from, from+q.n-1, id, dealer, q.program, id, q.priority, q.state, q.due.UnixMicro(), q.rule, q.lane))
	must(t, err)
}

// ready is one message that a test writes past the store.
type ready struct {
	id, dealer, outreach, direction, sender, state string
	due, retry, created                            time.Time
}

func addMessage(t testing.TB, db *sql.DB, m ready) {
	t.Helper()
	var outreach, retry any
	if m.outreach != "" {
		outreach = m.outreach
	}
	if !m.retry.IsZero() {
		retry = m.retry.UnixMicro()
	}
	_, err := db.ExecContext(t.Context(), `insert into message (id, dealer_id, outreach_id, direction, channel, sender, address, purpose, text, state, due_at, retry_at, created_at, updated_at)
		values ($1, $2, $3, $4, 'sms', $5, '+7900', 'survey', '', $6, $7, $8, $9, $9)`, m.id, m.dealer, outreach, m.direction, m.sender, m.state, m.due.UnixMicro(), retry, m.created.UnixMicro())
	must(t, err)
}

func TestProgress(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		ctx, d := t.Context(), storetest.Dealer(t, st)
		north, err := st.SaveDealer(ctx, store.Dealer{Code: "north", Name: "North", Zone: "UTC", Country: "US", Locale: "en"}, now)
		must(t, err)
		if p, err := st.Progress(ctx, nil, now, now); err != nil || len(p.Waits) != 0 || !p.Oldest.IsZero() || !p.OldestMessage.IsZero() {
			t.Errorf("of nothing: %+v, %v", p, err)
		}
		machine := now.Add(-time.Hour) // the two clocks are not the same
		const lane = "sms:+7495"
		n := 1
		for _, q := range []queued{
			{d.ID, "survey", lane, "planned", "", 3, now.Add(-time.Minute), 2},
			{d.ID, "survey", lane + "@@slow.example", "planned", "", 3, now.Add(-time.Minute), 1},
			{d.ID, "greeting", "pause:greeting", "planned", "", 5, now.Add(-time.Minute), 2},
			{d.ID, "survey", lane, "claimed", "", 2, now.Add(-2 * time.Minute), 1},
			{d.ID, "survey", lane, "held", "quiet_hours", 3, now.Add(-time.Second), 1}, // its time has come
			{d.ID, "survey", lane, "held", "cap", 3, now.Add(3 * time.Hour), 2},
			{d.ID, "survey", lane, "held", "quiet_hours", 4, now.Add(2 * time.Hour), 1},
			{d.ID, "greeting", "", "planned", "", 5, now.Add(24 * time.Hour), 4},
			{d.ID, "survey", lane, "done", "", 3, now.Add(-time.Hour), 5},
			{north.ID, "survey", lane, "planned", "", 3, now.Add(-3 * time.Minute), 7},
		} {
			fillQueue(t, st, db, n, q)
			n += q.n
		}
		const first = "0000000b-0000-7000-8000-000000000001"
		for i, m := range []ready{
			{dealer: d.ID, outreach: first, direction: "out", state: "queued", due: now.Add(-4 * time.Minute)},
			{dealer: d.ID, outreach: first, direction: "out", state: "queued", due: now, retry: machine.Add(10 * time.Minute)},
			{dealer: d.ID, direction: "out", state: "queued", due: now.Add(time.Hour)},
			{dealer: d.ID, outreach: first, direction: "out", state: "sending", due: now},
			{dealer: d.ID, direction: "out", state: "sending", due: now, retry: machine.Add(time.Minute)},
			{dealer: d.ID, direction: "out", state: "sent", due: now},
		} {
			m.id, m.sender = fmt.Sprintf("00000006-0000-7000-8000-%012x", i), "+7495"
			addMessage(t, db, m)
		}
		p, err := st.Progress(ctx, []string{d.ID}, now, machine)
		must(t, err)
		want := []store.Waits{
			{DealerID: d.ID, Program: "greeting", Waiting: 2, Later: 4},
			{DealerID: d.ID, Channel: channels.SMS, Sender: "+7495", Held: 1, Asking: 1, NextHeld: now.Add(time.Hour), HeldRule: "later"},
			{DealerID: d.ID, Program: "survey", Channel: channels.SMS, Sender: "+7495", Waiting: 6, Held: 4, InFlight: 1, NextHeld: now.Add(10 * time.Minute), HeldRule: "retry"},
		}
		if diff := cmp.Diff(want, p.Waits); diff != "" {
			t.Error(diff)
		}
		if !p.Oldest.Equal(now.Add(-2*time.Minute)) || !p.OldestMessage.Equal(now.Add(-4*time.Minute)) {
			t.Errorf("oldest %s, %s", p.Oldest, p.OldestMessage)
		}
		if p, err := st.Progress(ctx, nil, now, machine); err != nil || len(p.Waits) != 4 || p.Waits[2].DealerID == p.Waits[3].DealerID || !p.Oldest.Equal(now.Add(-3*time.Minute)) {
			t.Errorf("of all: %+v, %v", p, err)
		}
		if o, m, err := st.OldestDue(ctx, now); err != nil || !o.Equal(now.Add(-3*time.Minute)) || !m.Equal(now.Add(-4*time.Minute)) {
			t.Errorf("the oldest due: %s, %s, %v", o, m, err)
		}
		if o, m, err := st.OldestDue(ctx, now.Add(-time.Hour)); err != nil || !o.IsZero() || !m.IsZero() {
			t.Errorf("the oldest due before all: %s, %s, %v", o, m, err)
		}
	})
}

// TestProgressOfALongQueue: what is not looked at row by row is counted by the index
// and shared among the programs that were seen.
func TestProgressOfALongQueue(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		d := storetest.Dealer(t, st)
		fillQueue(t, st, db, 1, queued{d.ID, "rare", "", "planned", "", 5, now.Add(-time.Hour), 1000})
		fillQueue(t, st, db, 1001, queued{d.ID, "newyear", "", "planned", "", 5, now.Add(-time.Minute), 11_000})
		fillQueue(t, st, db, 12_001, queued{d.ID, "newyear", "", "held", "quiet_hours", 5, now.Add(time.Hour), 6000})
		p, err := st.Progress(t.Context(), nil, now, now)
		must(t, err)
		want := []store.Waits{
			{DealerID: d.ID, Program: "newyear", Waiting: 9600, Held: 6000, About: true, NextHeld: now.Add(time.Hour), HeldRule: "quiet_hours", AboutLater: true},
			{DealerID: d.ID, Program: "rare", Waiting: 2400, About: true},
		}
		if diff := cmp.Diff(want, p.Waits); diff != "" {
			t.Error(diff)
		}
	})
}

// TestProgressUsesItsIndexes: the cost of hopping from queue to queue is that of
// their number, whatever stands in the table.
func TestProgressUsesItsIndexes(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		d := storetest.Dealer(t, st)
		fillQueue(t, st, db, 1, queued{d.ID, "p", "sms:+7", "done", "", 3, now, 5000})
		fillQueue(t, st, db, 5001, queued{d.ID, "p", "sms:+7", "planned", "", 3, now, 5000})
		if st.Engine() == "postgres" {
			_, err := db.ExecContext(t.Context(), "analyze")
			must(t, err)
		}
		heads, some := st.ProgressStatements()
		for name, plan := range map[string]string{
			"queue heads": explain(t, st, db, heads, "'sms:+7'", "'"+d.ID+"'", "2"),
			"a part":      explain(t, st, db, some, "'sms:+7'", "'"+d.ID+"'", "3", fmt.Sprint(now.UnixMicro()), "100"),
		} {
			if !strings.Contains(plan, "outreach_queue") || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN outreach") || strings.Contains(plan, "Sort Key: outreach") {
				t.Errorf("%s:\n%s", name, plan)
			}
		}
	})
}

func TestOutcomes(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		ctx, d := t.Context(), storetest.Dealer(t, st)
		fillQueue(t, st, db, 1, queued{d.ID, "survey", "sms:+7", "done", "", 3, now, 1})
		const first = "0000000b-0000-7000-8000-000000000001"
		for i, m := range []ready{
			{outreach: first, direction: "out", state: "delivered", created: now.Add(-2 * time.Hour)},
			{outreach: first, direction: "out", state: "delivered", created: now.Add(-time.Hour)},
			{outreach: first, direction: "out", state: "unknown", created: now.Add(-time.Hour)},
			{direction: "out", state: "sent", created: now},
			{direction: "in", state: "received", created: now},
		} {
			m.id, m.dealer, m.sender = fmt.Sprintf("00000006-0000-7000-8000-%012x", i), d.ID, "+7"
			addMessage(t, db, m)
		}
		o, err := st.Outcomes(ctx, nil, now.Add(-time.Hour))
		must(t, err)
		got := map[string]int{}
		for _, c := range o.Counts {
			got[c.Program+" "+string(c.Channel)+" "+c.Sender+" "+string(c.State)] += c.N
		}
		if diff := cmp.Diff(map[string]int{"survey sms +7 delivered": 1, "survey sms +7 unknown": 1, " sms +7 sent": 1}, got); diff != "" || o.Cut || !o.Since.Equal(now.Add(-time.Hour)) {
			t.Errorf("%+v %s", o, diff)
		}
		if o, err := st.Outcomes(ctx, []string{st.NewID()}, now.Add(-time.Hour)); err != nil || len(o.Counts) != 0 {
			t.Errorf("of another dealer: %+v, %v", o, err)
		}
	})
}

// BenchmarkProgress has 1,000,000 outreach due, as on New Year's morning, and as many
// messages sent.
func BenchmarkProgress(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			url := storetest.URL(b, engine)
			st := storetest.OpenURL(b, url)
			db := raw(b, engine, url)
			d := storetest.Dealer(b, st)
			fillQueue(b, st, db, 1, queued{d.ID, "newyear", "", "planned", "", 5, now.Add(-time.Minute), 500_000})
			fillQueue(b, st, db, 500_001, queued{d.ID, "newyear", "sms:+7495", "planned", "", 5, now.Add(-time.Minute), 300_000})
			fillQueue(b, st, db, 800_001, queued{d.ID, "newyear", "sms:+7495", "held", "quiet_hours", 5, now.Add(time.Hour), 200_000})
			fill(b, st, db, d, 100_000)
			b.Run("progress", func(b *testing.B) {
				for b.Loop() {
					if p, err := st.Progress(b.Context(), nil, now, now); err != nil || len(p.Waits) != 2 {
						b.Fatal(p, err)
					}
				}
			})
			b.Run("outcomes", func(b *testing.B) {
				for b.Loop() {
					if o, err := st.Outcomes(b.Context(), nil, now.Add(-time.Hour)); err != nil || len(o.Counts) != 1 {
						b.Fatal(o, err)
					}
				}
			})
			b.Run("oldest", func(b *testing.B) {
				for b.Loop() {
					if _, _, err := st.OldestDue(b.Context(), now); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

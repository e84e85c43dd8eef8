package store_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// fill writes n contacts, each with an address, a car, a visit, a finished
// outreach, a message, and every tenth with a remark and a closed task, past the
// store: only their number matters.
func fill(t testing.TB, st *store.Store, db *sql.DB, d store.Dealer, n int) {
	t.Helper()
	id := func(kind int) string {
		if st.Engine() == "sqlite" {
			return fmt.Sprintf("printf('%08x-0000-7000-8000-%%012x', i)", kind)
		}
		return fmt.Sprintf("cast('%08x-0000-7000-8000-' || lpad(to_hex(i), 12, '0') as uuid)", kind)
	}
	at := now.UnixMicro()
	every := func(into, values string, nth int) {
		t.Helper()
		_, err := db.ExecContext(t.Context(), fmt.Sprintf("with recursive n(i) as (select 1 union all select i + 1 from n where i < %d) insert into %s select %s from n where i %% %d = 0", n, into, values, nth))
		must(t, err)
	}
	dealer := fmt.Sprintf("'%s'", d.ID)
	if st.Engine() == "postgres" {
		dealer = fmt.Sprintf("cast(%s as uuid)", dealer)
	}
	f := func(format string, args ...any) string { return fmt.Sprintf(format, args...) }
	every("contact (id, name, name_folded, created_at, updated_at)", f("%s, 'Клиентов Иван ' || i, 'клиентов иван ' || i, %d, %d", id(1), at, at), 1)
	every("address (id, contact_id, channel, value, created_at)", f("%s, %s, 'sms', '+79' || (100000000 + i), %d", id(2), id(1), at), 1)
	every("vehicle (id, contact_id, vin, plate, created_at, updated_at)", f("%s, %s, 'VIN' || i, 'А' || i, %d, %d", id(3), id(1), at, at), 1)
	every("visit (id, dealer_id, contact_id, vehicle_id, order_no, source, completed_at, created_at, updated_at)", f("%s, %s, %s, %s, 'ЗН-' || i, 'dms', %d - i, %d, %d", id(4), dealer, id(1), id(3), at, at, at), 1)
	every("outreach (id, dealer_id, program, program_version, contact_id, occasion, step, visit_id, purpose, priority, channel, state, due_at, target_at, deadline_at, created_at, updated_at)",
		f("%s, %s, 'p', 1, %s, cast(i as text), 's', %s, 'survey', 3, 'sms', 'done', %d - i, 0, 0, %d, %d", id(5), dealer, id(1), id(4), at, at, at), 1)
	every("conversation (id, dealer_id, contact_id, outreach_id, visit_id, survey, survey_version, locale, channel, address, state, position, version, token, opened_at, updated_at)",
		f("%s, %s, %s, %s, %s, 's', 1, 'ru', 'sms', '+79' || (100000000 + i), 'done', '{}', 1, 't' || i, %d, %d", id(10), dealer, id(1), id(5), id(4), at, at), 1)
	every("message (id, dealer_id, outreach_id, conversation_id, contact_id, direction, channel, sender, address, purpose, text, state, due_at, created_at, updated_at)",
		f("%s, %s, %s, %s, %s, 'out', 'sms', '+7', '+79' || (100000000 + i), 'survey', '?', 'delivered', %d, %d + i, %d", id(6), dealer, id(5), id(10), id(1), at, at, at), 1)
	every("message (id, dealer_id, direction, channel, sender, address, purpose, text, state, due_at, created_at, updated_at)",
		f("%s, %s, 'in', 'sms', '+7', '+1', '', 'кто это?', 'received', %d, %d + i, %d", id(7), dealer, at, at, at), 100)
	every("remark (id, dealer_id, kind, department, contact_id, text, at)", f("%s, %s, 'praise', 'Слесарный', %s, 'спасибо', %d + i", id(8), dealer, id(1), at), 10)
	every("task (id, dealer_id, kind, number, contact_id, state, severity, opened_at, due_at, version, updated_at)",
		f("%s, %s, 'callback', i, %s, case when i %% 100 = 0 then 'open' else 'closed' end, i %% 3, %d, %d + i, 1, %d", id(9), dealer, id(1), at, at, at), 10)
	if st.Engine() == "postgres" {
		_, err := db.ExecContext(t.Context(), "analyze")
		must(t, err)
	}
}

// explain gives the plan of a statement with its parameters written out.
func explain(t testing.TB, st *store.Store, db *sql.DB, query string, values ...string) string {
	t.Helper()
	for i := len(values); i > 0; i-- {
		query = strings.ReplaceAll(query, fmt.Sprint("$", i), values[i-1])
	}
	if st.Engine() == "postgres" {
		return strings.Join(strs(t, db, "explain "+query), "\n")
	}
	rows, err := db.QueryContext(t.Context(), "explain query plan "+query)
	must(t, err)
	defer func() { _ = rows.Close() }()
	var b strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		must(t, rows.Scan(&id, &parent, &unused, &detail))
		b.WriteString(detail + "\n")
	}
	must(t, rows.Err())
	return b.String()
}

// TestClaimsUseTheirIndexes: with many finished rows a claim reads those that are
// due and no others, whatever their number.
func TestClaimsUseTheirIndexes(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		d := storetest.Dealer(t, st)
		fill(t, st, db, d, 5000)
		token, at := "'"+st.NewID()+"'", fmt.Sprint(now.Add(time.Hour).UnixMicro())
		outreach, messages := st.ClaimStatements()
		for _, tt := range []struct{ table, index, plan string }{
			{"outreach", "outreach_queue", explain(t, st, db, outreach, token, at, "''", "'"+d.ID+"'", "3", at, at, "500", "0", "'"+d.ID+"'")},
			{"message", "message_queue", explain(t, st, db, messages, token, at, at, at, "500", "'sms'", "'+7'")},
		} {
			full := "Seq Scan on " + tt.table
			if st.Engine() == "sqlite" {
				full = "SCAN " + tt.table
			}
			if strings.Contains(tt.plan, full) || !strings.Contains(tt.plan, tt.index) {
				t.Errorf("claiming %s:\n%s", tt.table, tt.plan)
			}
		}
	})
}

// TestOnePersonsDecisions: they are found by the person, not among all of the dealer's.
func TestOnePersonsDecisions(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		d := storetest.Dealer(t, st)
		fill(t, st, db, d, 5000)
		record(t, st, db, d, 5000)
		plan := explain(t, st, db, store.DecisionsStatement(), "'"+d.ID+"'", "'00000001-0000-7000-8000-000000000001'", "100")
		if !strings.Contains(plan, "decision_contact") || strings.Contains(plan, "outreach_day") || strings.Contains(plan, "Seq Scan") {
			t.Error(plan)
		}
	})
}

// TestPlansReadTheirPeopleOnly: what waits for some people is found by them, also when
// everybody's visits have just been imported and all events wait.
func TestPlansReadTheirPeopleOnly(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		d := storetest.Dealer(t, st)
		fill(t, st, db, d, 5000)
		record(t, st, db, d, 5000)
		people := `'["00000001-0000-7000-8000-000000000001", "00000001-0000-7000-8000-000000000002"]'`
		if st.Engine() == "postgres" {
			people = "'{00000001-0000-7000-8000-000000000001,00000001-0000-7000-8000-000000000002}'"
		}
		due, unplanned := st.AheadStatements()
		for _, tt := range []struct{ table, index, query string }{{"outreach", "outreach_once", due}, {"event", "event_contact", unplanned}} {
			if plan := explain(t, st, db, tt.query, people); !strings.Contains(plan, tt.index) {
				t.Errorf("looking up %s:\n%s", tt.table, plan)
			}
		}
	})
}

// TestSweepsOfRecordsHaveTheirIndexes: whatever decides whether an appointment or a
// prospect goes can be looked up for each of them. PostgreSQL prefers to hash a table of
// this size once for 500 rows, so it is asked what it does without reading whole tables.
func TestSweepsOfRecordsHaveTheirIndexes(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		d := storetest.Dealer(t, st)
		fill(t, st, db, d, 2000)
		record(t, st, db, d, 2000)
		full := "SCAN "
		if st.Engine() == "postgres" {
			full = "Seq Scan"
			db.SetMaxOpenConns(1)
			_, err := db.ExecContext(t.Context(), "set enable_seqscan = off")
			must(t, err)
		}
		cutoff, id := fmt.Sprint(now.UnixMicro()), "'00000000-0000-7000-8000-000000000000'"
		part := "(" + strings.Repeat(id+", ", 99) + id + ")"
		for _, name := range []string{"appointment", "prospect"} {
			look, decide := store.SweepStatements(name)
			for _, plan := range []string{explain(t, st, db, look, cutoff, id), explain(t, st, db, decide+part, cutoff)} {
				if plan == "" || strings.Contains(plan, full) {
					t.Errorf("pruning %s:\n%s", name, plan)
				}
			}
		}
	})
}

// record writes n appointments and n prospects, each with the event that it came with.
func record(t testing.TB, st *store.Store, db *sql.DB, d store.Dealer, n int) {
	t.Helper()
	id := func(kind int) string {
		if st.Engine() == "sqlite" {
			return fmt.Sprintf("printf('%08x-0000-7000-8000-%%012x', i)", kind)
		}
		return fmt.Sprintf("cast('%08x-0000-7000-8000-' || lpad(to_hex(i), 12, '0') as uuid)", kind)
	}
	dealer := fmt.Sprintf("'%s'", d.ID)
	if st.Engine() == "postgres" {
		dealer = fmt.Sprintf("cast(%s as uuid)", dealer)
	}
	at := now.UnixMicro()
	for _, into := range []string{
		fmt.Sprintf("appointment (id, dealer_id, contact_id, external_id, source, state, starts_at, created_at, updated_at) select %s, %s, %s, 'З' || i, 'dms', 'done', %d - i, %d - i, %d - i", id(11), dealer, id(1), at, at, at),
		fmt.Sprintf("prospect (id, dealer_id, contact_id, external_id, source, state, contacted_at, due_at, created_at, updated_at) select %s, %s, %s, 'Л' || i, 'dms', 'lost', %d - i, %d - i, %d - i, %d - i", id(12), dealer, id(1), at, at, at, at),
		fmt.Sprintf("event (id, dealer_id, kind, contact_id, subject_id, at, created_at) select %s, %s, 'booked', %s, %s, %d, %d", id(13), dealer, id(1), id(11), at, at),
		fmt.Sprintf("decision (id, dealer_id, outreach_id, contact_id, verdict, rule, at) select %s, %s, %s, %s, 'hold', 'hours', %d", id(14), dealer, id(5), id(1), at),
	} {
		_, err := db.ExecContext(t.Context(), fmt.Sprintf("with recursive n(i) as (select 1 union all select i + 1 from n where i < %d) insert into %s from n", n, into))
		must(t, err)
	}
	if st.Engine() == "postgres" {
		_, err := db.ExecContext(t.Context(), "analyze")
		must(t, err)
	}
}

// TestBeginFindsOutreachByKey: a begin looks up the outreach of its group and no other,
// also when PostgreSQL takes each person to have many messages, as it does early in a
// campaign.
func TestBeginFindsOutreachByKey(t *testing.T) {
	url := storetest.FreshURL(t, "postgres")
	st, db := storetest.OpenURL(t, url), raw(t, "postgres", url)
	fill(t, st, db, storetest.Dealer(t, st), 5000)
	_, err := db.ExecContext(t.Context(), "update message set contact_id = '"+st.NewID()+"'")
	must(t, err)
	_, err = db.ExecContext(t.Context(), "analyze message")
	must(t, err)
	array := func(value string) string { return "array[" + strings.Repeat(value+", ", 63) + value + "]" }
	id, at := array("'"+st.NewID()+"'"), fmt.Sprint(now.UnixMicro())
	plan := explain(t, st, db, store.FinishStatement(), at, id, id, array("'sms'"), array("''"), array("''"), array(at), id, array("1"))
	if strings.Contains(plan, "Hash Join") || strings.Contains(plan, "Seq Scan on outreach") || !strings.Contains(plan, "Index Scan using outreach_pkey") {
		t.Errorf("beginning a group:\n%s", plan)
	}
}

// BenchmarkConsole reads what pages read, with 100,000 contacts.
func BenchmarkConsole(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			url := storetest.URL(b, engine)
			st := storetest.OpenURL(b, url)
			d := storetest.Dealer(b, st)
			fill(b, st, raw(b, engine, url), d, 100_000)
			ctx := b.Context()
			search := func(q string) func() (int, error) {
				return func() (int, error) { x, err := st.SearchContacts(ctx, d.ID, q, 20); return len(x), err }
			}
			f := store.Filter{DealerID: d.ID}
			for _, page := range []struct {
				name string
				rows int
				read func() (int, error)
			}{
				{"recent", 20, search("")}, {"name", 20, search("клиентов иван 99")}, {"part", 1, search("иван 99999")}, {"nobody", 0, search("петров сидор")}, {"phone", 1, search("8 (910) 009-99-99")},
				{"order", 1, search("ЗН-4711")}, {"plate", 1, search("А 4711")},
				{"tasks", 100, func() (int, error) {
					x, err := st.Tasks(ctx, store.TaskFilter{DealerID: d.ID, Open: true})
					return len(x), err
				}},
				{"counts", 1, func() (int, error) { x, _, err := st.TaskCounts(ctx, d.ID, now, store.Work{}); return len(x), err }},
				{"unassigned", 50, func() (int, error) { x, err := st.Unassigned(ctx, d.ID, 50); return len(x), err }},
				{"remarks", 50, func() (int, error) { x, err := st.Remarks(ctx, d.ID, "", 50); return len(x), err }},
				{"department", 50, func() (int, error) { x, err := st.Remarks(ctx, d.ID, "Слесарный", 50); return len(x), err }},
				{"messages", 100, func() (int, error) { x, err := st.ListMessages(ctx, f); return len(x), err }},
				{"messagesByOrder", 1, func() (int, error) {
					x, err := st.ListMessages(ctx, store.Filter{DealerID: d.ID, Order: "ЗН-4711"})
					return len(x), err
				}},
				{"messagesByPhone", 1, func() (int, error) {
					x, err := st.ListMessages(ctx, store.Filter{DealerID: d.ID, Address: "+79100004711"})
					return len(x), err
				}},
				{"decisions", 100, func() (int, error) { x, err := st.ListDecisions(ctx, f); return len(x), err }},
				{"decisionsOfOne", 1, func() (int, error) {
					x, err := st.ListDecisions(ctx, store.Filter{DealerID: d.ID, ContactID: "00000001-0000-7000-8000-000000000001"})
					return len(x), err
				}},
				{"decisionsByOrder", 1, func() (int, error) {
					x, err := st.ListDecisions(ctx, store.Filter{DealerID: d.ID, Order: "ЗН-4711"})
					return len(x), err
				}},
			} {
				b.Run(page.name, func(b *testing.B) {
					for b.Loop() {
						if n, err := page.read(); err != nil || n != page.rows {
							b.Fatal(n, err)
						}
					}
				})
			}
		})
	}
}

package store_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// past writes rows of any age past the store.
type past struct {
	t      testing.TB
	st     *store.Store
	tx     *sql.Tx
	dealer string
	number int
}

func newPast(t testing.TB, st *store.Store, db *sql.DB) *past {
	t.Helper()
	d := storetest.Dealer(t, st)
	tx, err := db.BeginTx(t.Context(), nil)
	must(t, err)
	return &past{t: t, st: st, tx: tx, dealer: d.ID}
}

type cols map[string]any

// put writes a row with what every row of its table must have and gives its id.
func (p *past) put(table string, at time.Time, given cols) string {
	p.t.Helper()
	p.number++
	id := p.st.NewID()
	row := cols{"id": id}
	for k, v := range map[string]cols{
		"contact":         {"name": "Иванов", "name_folded": "иванов", "created_at": at, "updated_at": at},
		"message":         {"dealer_id": p.dealer, "direction": "out", "channel": "sms", "sender": "+7", "address": "+79", "purpose": "survey", "text": "как дела?", "state": "delivered", "due_at": at, "created_at": at, "updated_at": at},
		"attempt":         {"at": at, "class": "transient"},
		"outreach":        {"dealer_id": p.dealer, "program": "p", "program_version": 1, "occasion": id, "step": "s", "purpose": "survey", "priority": 3, "channel": "sms", "state": "done", "due_at": at, "target_at": at, "deadline_at": at, "created_at": at, "updated_at": at},
		"decision":        {"dealer_id": p.dealer, "verdict": "hold", "rule": "quiet_hours", "at": at},
		"conversation":    {"dealer_id": p.dealer, "survey": "s", "survey_version": 1, "locale": "ru", "channel": "sms", "address": "+79", "state": "open", "position": "{}", "version": 1, "token": id, "opened_at": at, "updated_at": at},
		"answer":          {"question": "q", "channel": "sms", "at": at},
		"task":            {"dealer_id": p.dealer, "kind": "callback", "number": p.number, "state": "closed", "opened_at": at, "due_at": at, "version": 1, "updated_at": at},
		"task_step":       {"kind": "note", "at": at},
		"remark":          {"dealer_id": p.dealer, "kind": "praise", "text": "спасибо", "at": at},
		"visit":           {"dealer_id": p.dealer, "order_no": id, "source": "dms", "completed_at": at, "created_at": at, "updated_at": at},
		"appointment":     {"dealer_id": p.dealer, "external_id": id, "source": "dms", "state": "done", "starts_at": at, "created_at": at, "updated_at": at},
		"prospect":        {"dealer_id": p.dealer, "external_id": id, "source": "dms", "state": "lost", "contacted_at": at, "due_at": at, "created_at": at, "updated_at": at},
		"consent":         {"purpose": "ad", "channel": "sms", "given": true, "at": at, "how": "sms"},
		"attachment":      {"position": 0, "name": "voice", "state": "kept", "created_at": at},
		"attachment_part": {"number": 0, "content": []byte("..."), "created_at": at},
		"event":           {"dealer_id": p.dealer, "kind": "visit_completed", "at": at, "created_at": at},
		"audit":           {"action": "a", "object": "o", "object_id": id, "at": at},
	}[table] {
		row[k] = v
	}
	for k, v := range given {
		row[k] = v
	}
	p.insert(table, row)
	return id
}

func (p *past) insert(table string, row cols) {
	p.t.Helper()
	names, marks, args := []string{}, []string{}, []any{}
	for k := range row {
		names = append(names, k)
	}
	slices.Sort(names)
	for i, k := range names {
		mark := "?"
		if p.st.Engine() == "postgres" {
			mark = fmt.Sprint("$", i+1)
		}
		v := row[k]
		if at, ok := v.(time.Time); ok {
			v = at.UnixMicro()
		}
		marks, args = append(marks, mark), append(args, v)
	}
	_, err := p.tx.ExecContext(p.t.Context(), fmt.Sprintf("insert into %s (%s) values (%s)", table, strings.Join(names, ", "), strings.Join(marks, ", ")), args...)
	if err != nil {
		p.t.Fatalf("%s: %v", table, err)
	}
}

func yearsAgo(n int) time.Time { return now.AddDate(-n, 0, 0) }

// cutoffs are those of the shipped configuration.
func cutoffs() store.Cutoffs {
	return store.Cutoffs{Messages: yearsAgo(3), Bodies: yearsAgo(1), Outreach: yearsAgo(3), Decisions: yearsAgo(1), Attempts: yearsAgo(1), Idempotency: now.AddDate(0, 0, -7), Audit: yearsAgo(5), Appointments: yearsAgo(3), Prospects: yearsAgo(3)}
}

// prune runs until nothing is left to do and gives what went.
func prune(t testing.TB, st *store.Store, machine time.Time) store.Pruned {
	t.Helper()
	got, err := st.Prune(t.Context(), cutoffs(), machine)
	must(t, err)
	return got
}

func there(t testing.TB, db *sql.DB, query string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, id := range strs(t, db, query) {
		out[id] = true
	}
	return out
}

// pastMessage is one way in which a message may stand in history.
type pastMessage struct {
	age                time.Time
	state, talk, needs string
	// newer: he was written to since; else he wrote himself.
	newer             bool
	id, attempt, part string
}

// over tells whether nothing goes on around the message that began after a cutoff.
func (m pastMessage) over(cutoff time.Time) bool {
	return m.age.Before(cutoff) && m.state != "queued" && m.state != "sending" && m.talk != "moves" && m.talk != "review"
}

func (m pastMessage) body() bool {
	return m.over(yearsAgo(1)) && !slices.Contains([]string{"open task", "consent", "suppression", "planned"}, m.needs)
}

func (m pastMessage) row() bool {
	return m.body() && m.over(yearsAgo(3)) && !slices.Contains([]string{"task", "step", "remark"}, m.needs) && (m.state == "received" || m.newer)
}

func (p *past) message(m *pastMessage) {
	contact := p.put("contact", m.age, nil)
	given := cols{"contact_id": contact, "state": m.state}
	if m.state == "received" {
		given["direction"] = "in"
	}
	if m.talk != "" {
		c := cols{"contact_id": contact}
		switch m.talk {
		case "moves":
			c["updated_at"] = now.AddDate(0, 0, -1)
		case "review":
			c["state"] = "review"
		}
		given["conversation_id"] = p.put("conversation", m.age, c)
	}
	switch m.needs {
	case "planned":
		given["outreach_id"] = p.put("outreach", m.age, cols{"contact_id": contact, "state": "planned"})
	case "done":
		given["outreach_id"] = p.put("outreach", m.age, cols{"contact_id": contact})
	case "open task":
		p.put("task", m.age, cols{"contact_id": contact, "state": "claimed"})
	}
	m.id = p.put("message", m.age, given)
	m.attempt = p.put("attempt", m.age, cols{"message_id": m.id})
	m.part = p.put("attachment_part", m.age, cols{"attachment_id": p.put("attachment", m.age, cols{"message_id": m.id})})
	switch m.needs {
	case "task":
		p.put("task", m.age, cols{"contact_id": contact, "message_id": m.id})
	case "step":
		p.put("task_step", m.age, cols{"task_id": p.put("task", m.age, nil), "message_id": m.id})
	case "remark":
		p.put("remark", m.age, cols{"message_id": m.id})
	case "consent":
		p.put("consent", m.age, cols{"contact_id": contact, "message_id": m.id})
	case "suppression":
		p.insert("suppression", cols{"channel": "sms", "address": m.id, "purpose": "", "reason": "opt_out", "at": m.age, "message_id": m.id})
	}
	newest := cols{"contact_id": contact, "text": "новое"}
	if !m.newer {
		newest["direction"], newest["state"] = "in", "received"
	}
	p.put("message", now, newest)
}

// TestPruneMessages lays every age, state and need of a message beside each other:
// exactly what is old, over and needed by nothing goes.
func TestPruneMessages(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		p := newPast(t, st, db)
		var all []*pastMessage
		for _, age := range []time.Time{yearsAgo(4), now.AddDate(0, 0, -500), now.AddDate(0, 0, -30)} {
			for _, state := range []string{"queued", "sending", "unknown", "delivered", "received"} {
				for _, talk := range []string{"", "still", "moves", "review"} {
					for _, needs := range []string{"", "planned", "done", "open task", "task", "step", "remark", "consent", "suppression"} {
						for _, newer := range []bool{false, true} {
							m := &pastMessage{age: age, state: state, talk: talk, needs: needs, newer: newer}
							p.message(m)
							all = append(all, m)
						}
					}
				}
			}
		}
		must(t, p.tx.Commit())
		prune(t, st, now)
		rows, words, attempts := there(t, db, "select cast(id as text) from message"), there(t, db, "select cast(id as text) from message where text <> ''"), there(t, db, "select cast(id as text) from attempt")
		contents := there(t, db, "select cast(p.id as text) from attachment_part p join attachment a on a.id = p.attachment_id")
		gone := 0
		for _, m := range all {
			tried := m.age.Before(yearsAgo(1)) && m.state != "queued" && m.state != "sending"
			if rows[m.id] == m.row() || words[m.id] == m.body() || attempts[m.attempt] == tried {
				t.Errorf("row stands %t, words %t, attempt %t: %+v", rows[m.id], words[m.id], attempts[m.attempt], *m)
			}
			if contents[m.part] == m.body() {
				t.Errorf("a content stands %t: %+v", contents[m.part], *m)
			}
			if !rows[m.id] {
				gone++
			}
		}
		if gone == 0 || gone == len(all) {
			t.Errorf("%d of %d went", gone, len(all))
		}
		if again := prune(t, st, now.AddDate(0, 0, 40)); again["message"]+again["body"]+again["attempt"] > 0 {
			t.Errorf("a second run took more: %v", again)
		}
	})
}

// TestPruneHistory does the same for what stands around messages.
func TestPruneHistory(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		p := newPast(t, st, db)
		old, young := yearsAgo(6), now.AddDate(0, 0, -300)
		contact := p.put("contact", old, nil)
		of := cols{"contact_id": contact}
		with := func(c cols) cols {
			out := cols{"contact_id": contact}
			for k, v := range c {
				out[k] = v
			}
			return out
		}
		var stay, leave []string
		keep := func(id string) string { stay = append(stay, id); return id }
		drop := func(id string) string { leave = append(leave, id); return id }

		keep(p.put("event", old, of)) // waits for the planner

		drop(p.put("decision", old, with(cols{"outreach_id": drop(p.put("outreach", old, of))})))
		keep(p.put("decision", young, with(cols{"outreach_id": keep(p.put("outreach", young, of))})))
		for _, state := range []string{"planned", "held", "claimed"} {
			keep(p.put("decision", old, with(cols{"outreach_id": keep(p.put("outreach", old, with(cols{"state": state})))})))
		}
		for _, state := range []string{"merged", "superseded", "dropped"} {
			drop(p.put("outreach", old, with(cols{"state": state})))
		}
		keep(p.put("outreach", old, with(cols{"updated_at": young})))
		keep(p.put("task", old, with(cols{"outreach_id": keep(p.put("outreach", old, of))})))
		waits := keep(p.put("outreach", old, of))
		keep(p.put("message", old, with(cols{"outreach_id": waits, "state": "queued"})))
		asked := keep(p.put("outreach", old, of))
		keep(p.put("conversation", old, with(cols{"outreach_id": asked, "updated_at": young})))

		drop(p.put("conversation", old, of))
		drop(p.put("conversation", old, with(cols{"state": "done"})))
		keep(p.put("conversation", old, with(cols{"state": "review"})))
		keep(p.put("answer", old, cols{"conversation_id": keep(p.put("conversation", old, with(cols{"state": "done"})))}))
		keep(p.put("remark", old, cols{"conversation_id": keep(p.put("conversation", old, of))}))
		keep(p.put("task", old, cols{"conversation_id": keep(p.put("conversation", old, of))}))
		keep(p.put("message", young, with(cols{"conversation_id": keep(p.put("conversation", old, of))})))

		drop(p.put("audit", old, nil))
		keep(p.put("audit", yearsAgo(4), nil))
		must(t, p.tx.Commit())

		prune(t, st, now)
		left := map[string]bool{}
		for _, table := range []string{"event", "outreach", "decision", "conversation", "audit", "task", "message", "answer", "remark"} {
			for id := range there(t, db, "select cast(id as text) from "+table) {
				left[id] = true
			}
		}
		for i, id := range stay {
			if !left[id] {
				t.Errorf("row %d of those that stay is gone", i)
			}
		}
		for i, id := range leave {
			if left[id] {
				t.Errorf("row %d of those that go stands", i)
			}
		}
	})
}

// TestPruneSubjects: appointments and prospects go when they are old and nothing unfinished
// is about them; of somebody who is known by nothing else the newest stays.
func TestPruneSubjects(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		p := newPast(t, st, db)
		old, older, young := yearsAgo(4), yearsAgo(5), now.AddDate(0, 0, -300)
		stays, names := map[string]bool{}, map[string]string{}
		note := func(what, table string, stay bool, id string) string {
			stays[id], names[id] = stay, table+": "+what
			return id
		}
		person := func() string { return p.put("contact", older, nil) }
		known := func() cols { // by a visit
			c := person()
			p.put("visit", older, cols{"contact_id": c})
			return cols{"contact_id": c}
		}
		with := func(c cols, k string, v any) cols { c[k] = v; return c }
		day := map[string]string{"appointment": "starts_at", "prospect": "due_at"}
		for _, table := range []string{"appointment", "prospect"} {
			note("old", table, false, p.put(table, old, known()))
			note("young", table, true, p.put(table, young, known()))
			note("changed since", table, true, p.put(table, old, with(known(), "updated_at", young)))
			note("its day is still near", table, true, p.put(table, old, with(known(), day[table], young)))
			of := known()
			waits := note("an event waits", table, true, p.put(table, old, of))
			p.put("event", old, cols{"contact_id": of["contact_id"], "subject_id": waits})
			for _, state := range []string{"planned", "held", "claimed", "done", "dropped"} {
				of := known()
				id := note("outreach is "+state, table, state != "done" && state != "dropped", p.put(table, old, of))
				note("outreach of another is "+state, table, false, p.put(table, old, of))
				p.put("outreach", old, cols{"contact_id": of["contact_id"], "state": state, "occasion": id + "@2022-01-01T00:00:00Z"})
			}
			for _, state := range []string{"open", "claimed", "asked", "closed"} {
				of := known()
				note("a task is "+state, table, state != "closed", p.put(table, old, of))
				p.put("task", old, cols{"contact_id": of["contact_id"], "state": state})
			}
			only := cols{"contact_id": person()}
			note("the newest of all", table, true, p.put(table, old, only))
			note("one before the newest", table, false, p.put(table, older, only))
			note("as new as the newest", table, false, p.put(table, older, only))
		}
		both := cols{"contact_id": person()}
		note("beside a prospect", "appointment", false, p.put("appointment", old, both))
		note("beside an appointment", "prospect", true, p.put("prospect", older, both))
		slotless := cols{"contact_id": person(), "starts_at": nil, "state": "requested"}
		note("asked for without a slot, alone", "appointment", true, p.put("appointment", old, slotless))
		slotless = cols{"contact_id": person(), "starts_at": nil, "state": "requested"}
		for range 2 {
			note("asked for without a slot, twice", "appointment", true, p.put("appointment", old, slotless))
		}
		slotless = cols{"contact_id": person(), "starts_at": nil, "state": "requested"}
		note("asked for without a slot", "appointment", false, p.put("appointment", old, slotless))
		note("beside one without a slot", "appointment", true, p.put("appointment", older, cols{"contact_id": slotless["contact_id"]}))
		must(t, p.tx.Commit())

		got := prune(t, st, now)
		left := there(t, db, "select cast(id as text) from appointment union all select cast(id as text) from prospect")
		gone := int64(0)
		for id, stay := range stays {
			if left[id] != stay {
				t.Errorf("%s: stands %t, want %t", names[id], left[id], stay)
			}
			if !left[id] {
				gone++
			}
		}
		if got["appointment"]+got["prospect"] != gone || gone == 0 {
			t.Errorf("%v are counted, %d went", got, gone)
		}
		if again := prune(t, st, now.AddDate(0, 0, 40)); again["appointment"]+again["prospect"] > 0 {
			t.Errorf("a second run took more: %v", again)
		}
		w := store.Walk{Program: "p", Date: "2026-01-01"}
		people, _, err := st.People(t.Context(), w, "", 1000)
		must(t, err)
		for _, x := range people {
			if x.DealerID != p.dealer {
				t.Errorf("nobody knows whose customer %+v is", x)
			}
		}
	})
}

// TestPruneKeys removes answers to API calls, sessions and leases by their own age.
func TestPruneKeys(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		must(t, st.AddToken(ctx, d.ID, "dms", "secret", now))
		token, err := st.TokenBySecret(ctx, "secret")
		must(t, err)
		inTx(t, st, func(tx *store.Tx) error {
			for i := range 1200 {
				at := now.AddDate(0, 0, -8)
				if i%3 == 0 {
					at = now.AddDate(0, 0, -6)
				}
				if err := tx.Remember(ctx, token.ID, fmt.Sprint("k", i), store.Repeated{Status: 201}, at); err != nil {
					return err
				}
			}
			return nil
		})
		for name, at := range map[string]time.Time{"dead": now.AddDate(0, 0, -2), "held": now.Add(-time.Hour)} {
			if lead, err := st.Lead(ctx, name, "node", at, time.Minute); err != nil || !lead {
				t.Fatal(lead, err)
			}
			must(t, st.Sessions(func() time.Time { return at }).CommitCtx(ctx, name, []byte("x"), at.Add(time.Minute)))
		}
		prune(t, st, now)
		if n := len(strs(t, db, "select key from idempotency")); n != 400 {
			t.Errorf("%d keys stand, not the 400 young ones", n)
		}
		for _, q := range []string{"select name from lease", "select token from session"} {
			if got := strs(t, db, q); !slices.Equal(got, []string{"held"}) {
				t.Errorf("%s: %v", q, got)
			}
		}
	})
}

// TestPruneNothing: a zero cutoff keeps for ever.
func TestPruneNothing(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		p := newPast(t, st, db)
		old := yearsAgo(50)
		contact := p.put("contact", old, nil)
		p.put("message", old, cols{"contact_id": contact, "direction": "in", "state": "received"})
		p.put("outreach", old, cols{"contact_id": contact})
		p.put("event", old, cols{"contact_id": contact})
		p.put("audit", old, nil)
		for range 2 {
			p.put("appointment", old, cols{"contact_id": contact})
			p.put("prospect", old, cols{"contact_id": contact})
		}
		must(t, p.tx.Commit())
		got, err := st.Prune(t.Context(), store.Cutoffs{}, now)
		must(t, err)
		for table, n := range got {
			if n > 0 {
				t.Errorf("%d of %s went", n, table)
			}
		}
	})
}

// TestPruneGoesOn: a run begins where the last one ended, and history is gone
// through again after a month, for what was needed when its turn came.
func TestPruneGoesOn(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		p := newPast(t, st, db)
		var first string
		for i := range 1300 {
			at := yearsAgo(6).Add(time.Duration(i) * time.Hour)
			id := p.put("audit", at, nil)
			if i == 0 {
				first = id
			}
		}
		contact := p.put("contact", now, nil)
		busy := p.put("message", yearsAgo(4), cols{"contact_id": contact, "direction": "in", "state": "received"})
		task := p.put("task", now, cols{"contact_id": contact, "state": "open"})
		must(t, p.tx.Commit())
		if n := prune(t, st, now)["audit"]; n != 1300 {
			t.Errorf("%d of 1300 went", n)
		}
		// Came with an id that lies behind: seen by the next round only.
		_, err := db.ExecContext(t.Context(), fmt.Sprintf("insert into audit (id, action, object, object_id, at) values ('%s', 'a', 'o', 'x', 0)", first))
		must(t, err)
		_, err = db.ExecContext(t.Context(), fmt.Sprintf("update task set state = 'closed' where id = '%s'", task))
		must(t, err)
		if got := prune(t, st, now.AddDate(0, 0, 20)); got["audit"] != 0 || got["message"] != 0 {
			t.Errorf("history was read again: %v", got)
		}
		if got := prune(t, st, now.AddDate(0, 0, 31)); got["audit"] != 1 || got["message"] != 1 || there(t, db, "select cast(id as text) from message")[busy] {
			t.Errorf("what is needed no more stands: %v", got)
		}
	})
}

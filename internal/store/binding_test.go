package store_test

import (
	"errors"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestBinding guards what every statement leans on: $N is bound by its number,
// also out of order and twice, and a wrong count of arguments fails.
func TestBinding(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
			ask := func(q string, args ...any) (a, b, c string, err error) {
				rows, err := tx.QueryContext(t.Context(), q, args...)
				if err != nil {
					return "", "", "", err
				}
				defer func() { _ = rows.Close() }()
				for rows.Next() {
					err = errors.Join(err, rows.Scan(&a, &b, &c))
				}
				return a, b, c, errors.Join(err, rows.Err())
			}
			const q = "select cast($2 as text), cast($1 as text), cast($2 as text) || '$1'"
			for range 3 { // prepared, kept, used again
				if a, b, c, err := ask(q, "one", "two"); err != nil || a != "two" || b != "one" || c != "two$1" {
					t.Errorf("bound %q %q %q, %v", a, b, c, err)
				}
			}
			if st.Engine() == "sqlite" { // PostgreSQL's driver counts; a failed statement would end its transaction
				if _, _, _, err := ask(q, "one", "two", "three"); err == nil {
					t.Error("an argument too many went unnoticed")
				}
				if _, _, _, err := ask(q, "one"); err == nil {
					t.Error("a missing argument went unnoticed")
				}
			}
			return nil
		})
		must(t, err)
	})
}

// TestMoments stores times of a zone with summer time, to the microsecond, and
// reads the same instants.
func TestMoments(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		for i, at := range []time.Time{
			time.Date(2026, 10, 25, 2, 30, 0, 123456789, berlin),                // the first of two half past two
			time.Date(2026, 10, 25, 2, 30, 0, 123456000, berlin).Add(time.Hour), // the second
			time.Date(2026, 3, 29, 3, 0, 0, 0, berlin),                          // after the gap
			time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC),            // before 1970
			time.Date(2028, 2, 29, 23, 59, 59, 0, time.FixedZone("", 14*3600)),  // a leap day, far east
		} {
			r := storetest.Visit(string(rune('a'+i)), "Иван", "+79000000001", at)
			r.PromisedAt = time.Time{}
			saved := storetest.Save(t, st, d, r)
			v, err := st.Visit(t.Context(), saved[0].VisitID)
			if want := at.Truncate(time.Microsecond); err != nil || !v.CompletedAt.Equal(want) || v.CompletedAt.Location() != time.UTC {
				t.Errorf("stored %s, read %s, %v", want, v.CompletedAt, err)
			}
			if !v.PromisedAt.IsZero() {
				t.Errorf("no time became %s", v.PromisedAt)
			}
		}
	})
}

// TestUnstorable keeps a text that PostgreSQL would refuse: refusing what a person
// sent would make its provider send it again for ever.
func TestUnstorable(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		id := st.NewID()
		inTx(t, st, func(tx *store.Tx) error {
			_, err := tx.Receive(t.Context(), store.Message{ID: id, DealerID: d.ID, Channel: channels.SMS, Address: "+79", Text: "да\x00 \xff!", ProviderID: "1"}, now)
			return err
		})
		if m, err := st.Message(t.Context(), id); err != nil || m.Text != "да �!" {
			t.Errorf("text = %q, %v", m.Text, err)
		}
		if found, err := st.SearchContacts(t.Context(), d.ID, "a\x00b", 5); err != nil || len(found) != 0 {
			t.Errorf("%v, %v", found, err)
		}
		r := storetest.Visit("1", "Иван\x00", "+79000000001", now)
		s := storetest.Visit("2", "Пётр\xff", "+79000000002", now)
		saved := storetest.Save(t, st, d, r, s)
		if c, err := st.Contact(t.Context(), saved[1].ContactID); err != nil || c.Name != "Пётр�" {
			t.Errorf("name = %q, %v", c.Name, err)
		}
	})
}

// TestMalformedID asks every lookup for what is no id: not found on both engines,
// and the transaction goes on.
func TestMalformedID(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		for _, bad := range []string{"", "1", "'", "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz", "\x00", "00000000-0000-0000-0000-000000000000", st.NewID()} {
			f := store.Filter{DealerID: d.ID, ContactID: bad}
			inTx(t, st, func(tx *store.Tx) error {
				lookups := map[string]func() error{
					"Contact":                func() error { _, err := st.Contact(ctx, bad); return err },
					"Visit":                  func() error { _, err := st.Visit(ctx, bad); return err },
					"Outreach":               func() error { _, err := st.OutreachByID(ctx, bad); return err },
					"Conversation":           func() error { _, err := st.Conversation(ctx, bad); return err },
					"ConversationOfOutreach": func() error { _, err := st.ConversationOfOutreach(ctx, bad); return err },
					"Employee":               func() error { _, err := st.Employee(ctx, bad); return err },
					"Message":                func() error { _, err := st.Message(ctx, bad); return err },
					"Task":                   func() error { _, err := st.Task(ctx, bad); return err },
					"tx.Contact":             func() error { _, err := tx.Contact(ctx, bad); return err },
					"tx.LockContact":         func() error { return tx.LockContact(ctx, bad) },
					"tx.Conversation":        func() error { _, err := tx.Conversation(ctx, bad); return err },
					"tx.ConversationOfVisit": func() error { _, err := tx.ConversationOfVisit(ctx, bad, "s"); return err },
					"tx.Task":                func() error { _, err := tx.Task(ctx, bad); return err },
					"tx.OpenTaskOf":          func() error { _, err := tx.OpenTaskOf(ctx, bad, "callback"); return err },
					"tx.TaskOfConversation":  func() error { _, err := tx.TaskOfConversation(ctx, bad, "callback"); return err },
					"tx.PassRemark":          func() error { return tx.PassRemark(ctx, bad, d.ID, "", "", "", now) },
					"tx.Report": func() error {
						_, err := tx.Report(ctx, channels.Report{Channel: channels.SMS, MessageID: bad, ProviderID: "SM0", State: channels.StateSent}, now)
						return err
					},
				}
				for name, lookup := range lookups {
					if err := lookup(); !errors.Is(err, store.ErrNotFound) {
						t.Errorf("%s(%q): %v", name, bad, err)
					}
				}
				return nil
			})
			for name, list := range map[string]func() (int, error){
				"VisitsOf":      func() (int, error) { x, err := st.VisitsOf(ctx, bad); return len(x), err },
				"Visits":        func() (int, error) { x, err := st.Visits(ctx, []string{bad, bad}); return len(x), err },
				"Conversations": func() (int, error) { x, err := st.ConversationsFor(ctx, bad); return len(x), err },
				"Answers":       func() (int, error) { x, err := st.Answers(ctx, []string{bad}); return len(x), err },
				"Steps":         func() (int, error) { x, err := st.Steps(ctx, bad); return len(x), err },
				"MessagesOf":    func() (int, error) { x, err := st.MessagesOf(ctx, bad, 5); return len(x), err },
				"Attempts":      func() (int, error) { x, err := st.Attempts(ctx, bad); return len(x), err },
				"RemarksOf":     func() (int, error) { x, err := st.RemarksOf(ctx, bad); return len(x), err },
				"Facts": func() (int, error) {
					x, err := st.Facts(ctx, store.Wanted{Contacts: []string{bad, bad}, Visits: []string{bad}, Surveys: []string{bad}, Asked: []string{bad}, Calls: []string{bad}, Since: now, Now: now})
					return len(x.Contacts) + len(x.Visits) + len(x.Written), err
				},
				"Tasks": func() (int, error) {
					x, err := st.Tasks(ctx, store.TaskFilter{DealerID: d.ID, ContactID: bad, OwnerID: bad})
					return len(x), err
				},
				"ListMessages":  func() (int, error) { x, err := st.ListMessages(ctx, f); return len(x), err },
				"ListResponses": func() (int, error) { x, err := st.ListResponses(ctx, f); return len(x), err },
				"ListDecisions": func() (int, error) { x, err := st.ListDecisions(ctx, f); return len(x), err },
			} {
				if n, err := list(); err != nil || n != 0 {
					t.Errorf("%s(%q): %d rows, %v", name, bad, n, err)
				}
			}
		}
		f := store.Filter{DealerID: d.ID, After: "x"}
		_, err1 := st.ListMessages(ctx, f)
		_, err2 := st.ListResponses(ctx, f)
		_, err3 := st.ListDecisions(ctx, f)
		_, err4 := st.Tasks(ctx, store.TaskFilter{DealerID: d.ID, After: "x"})
		for i, err := range []error{err1, err2, err3, err4} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("malformed cursor of list %d: %v", i+1, err)
			}
		}
	})
}

// TestReadersDoNotWrite: a read connection that wrote would wait for, or hold,
// SQLite's one lock.
func TestReadersDoNotWrite(t *testing.T) {
	url := storetest.FreshURL(t, "sqlite")
	st := storetest.OpenURL(t, url)
	_, err := raw(t, "sqlite", url).ExecContext(t.Context(), "begin immediate")
	must(t, err)
	if _, err := st.Dealers(t.Context()); err != nil {
		t.Errorf("a reader waits for a writer: %v", err)
	}
}

package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

var now = storetest.Now

func TestSaveVisits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		a := storetest.Visit("1", "Иванов Иван", "+79000000001", now.Add(-time.Hour))
		got := storetest.Save(t, st, d, a, storetest.Visit("2", "Иванов Иван", "+79000000001", now), storetest.Visit("3", "Петрова Анна", "+79000000001", now))
		if got[0].Saved != store.Stored || got[0].ContactID != got[1].ContactID {
			t.Errorf("same name and phone should be one contact: %+v", got)
		}
		if got[2].ContactID == got[0].ContactID {
			t.Error("two names on one phone must be two contacts")
		}
		if again := storetest.Save(t, st, d, a); again[0] != (store.SavedRecord{Saved: store.Unchanged, VisitID: got[0].VisitID, ContactID: got[0].ContactID}) {
			t.Errorf("second import: %+v", again)
		}
		a.Works = []string{"ТО-4", "замена колодок"}
		a.CompletedAt = now
		if again := storetest.Save(t, st, d, a); again[0].Saved != store.Updated {
			t.Errorf("changed content: %+v", again)
		}
		v, err := st.Visit(t.Context(), got[0].VisitID)
		if err != nil || len(v.Works) != 2 || v.Advisor != "Орлова М.В." || v.Vehicle.Model != "LADA Vesta" || !v.CompletedAt.Equal(now) {
			t.Errorf("visit = %+v, %v", v, err)
		}
		other := storetest.Visit("1", "Сидоров Пётр", "+79000000009", now)
		other.VIN, other.Plate = "OTHER", "OTHER"
		if again := storetest.Save(t, st, d, other); again[0].Saved != store.Foreign {
			t.Errorf("same order, other customer and vehicle: %+v", again)
		}
		found, err := st.SearchContacts(t.Context(), d.ID, "петрова", 10)
		if err != nil || len(found) != 1 || found[0].On(channels.SMS) != "+79000000001" {
			t.Errorf("search: %+v, %v", found, err)
		}
	})
}

// plan writes n due outreach rows for n contacts.
func plan(t *testing.T, st *store.Store, d store.Dealer, n int) {
	t.Helper()
	rs := make([]store.VisitRecord, n)
	for i := range rs {
		rs[i] = storetest.Visit(fmt.Sprint(i), fmt.Sprintf("Клиент %d", i), fmt.Sprintf("+7900%07d", i), now.Add(-25*time.Hour))
	}
	saved := storetest.Save(t, st, d, rs...)
	err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
		var rows []store.Outreach
		for _, s := range saved {
			rows = append(rows, store.Outreach{DealerID: d.ID, ContactID: s.ContactID, VisitID: s.VisitID, Program: "p", ProgramVersion: 1, Occasion: s.VisitID, Step: "survey",
				Purpose: outreach.Survey, Priority: 3, State: outreach.Planned, DueAt: now, TargetAt: now, DeadlineAt: now.Add(time.Hour)})
		}
		first, err := tx.Plan(t.Context(), rows, now)
		if err != nil {
			return err
		}
		again, err := tx.Plan(t.Context(), rows, now)
		if first != int64(n) || again != 0 {
			t.Errorf("planned %d, then %d", first, again)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTwoClaimers lets two nodes claim at once: no outreach is in two hands.
func TestTwoClaimers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		plan(t, st, storetest.Dealer(t, st), 120)
		var mu sync.Mutex
		seen := map[string]int{}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					os, err := storetest.ClaimOutreach(t.Context(), st, st.NewID(), 7, now, now, time.Minute)
					if err != nil {
						t.Error(err)
						return
					}
					if len(os) == 0 {
						return
					}
					mu.Lock()
					for _, o := range os {
						seen[o.ID]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(seen) != 120 {
			t.Errorf("claimed %d of 120", len(seen))
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s claimed %d times", id, n)
			}
		}
	})
}

func begun(st *store.Store, o store.Outreach) store.Begun {
	return store.Begun{Outreach: &o, Message: store.Message{ID: st.NewID(), DealerID: o.DealerID, OutreachID: o.ID, ContactID: o.ContactID, Direction: store.Out, Channel: channels.SMS,
		Sender: "+7", Address: "+79", Purpose: outreach.Survey, Text: "?", State: outreach.Sending, ClaimToken: o.ClaimToken, DueAt: now}}
}

// TestLease walks claim, begin and record past the end of a lease: the holder of
// an expired claim can neither begin nor finish.
func TestLease(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		plan(t, st, storetest.Dealer(t, st), 1)
		first, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 5, now, now, time.Minute)
		if err != nil || len(first) != 1 {
			t.Fatal(first, err)
		}
		second, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 5, now, now.Add(2*time.Minute), time.Minute)
		if err != nil || len(second) != 1 {
			t.Fatal("an expired claim that was not begun goes back:", second, err)
		}
		if ok, err := st.Begin(ctx, []store.Begun{begun(st, first[0])}, now, now, time.Minute); err != nil || len(ok) != 0 {
			t.Fatal("the first holder lost its claim:", ok, err)
		}
		b := begun(st, second[0])
		b.Conversation = &store.Conversation{ID: st.NewID(), DealerID: b.Message.DealerID, ContactID: b.Message.ContactID, OutreachID: b.Outreach.ID, Survey: "s", SurveyVersion: 1,
			Locale: "ru", Channel: channels.SMS, Address: "+79", State: store.ConversationOpen, Position: "{}", Token: "tok"}
		b.Message.ConversationID = b.Conversation.ID
		if ok, err := st.Begin(ctx, []store.Begun{b}, now, now, time.Minute); err != nil || !ok[b.Message.ID] {
			t.Fatal(ok, err)
		}
		if none, err := st.ClaimUncertain(ctx, st.NewID(), 5, now, now.Add(30*time.Second), time.Minute); err != nil || len(none) != 0 {
			t.Fatal("still in flight:", none, err)
		}
		late, err := st.ClaimUncertain(ctx, st.NewID(), 5, now, now.Add(2*time.Minute), time.Minute)
		if err != nil || len(late) != 1 || late[0].State != outreach.Sending {
			t.Fatal("an expired claim in sending is uncertain:", late, err)
		}
		res := store.Result{Message: b.Message, Receipt: channels.Receipt{ProviderID: "SM1"}, Transition: outreach.Next(outreach.Attempt{}, nil, now), At: now}
		if lost, err := st.Record(ctx, []store.Result{res}, now); err != nil || lost != 1 {
			t.Fatal("the old holder must not finish it:", lost, err)
		}
		res.Message = late[0]
		if lost, err := st.Record(ctx, []store.Result{res}, now); err != nil || lost != 0 {
			t.Fatal(lost, err)
		}
		m, err := st.Message(ctx, b.Message.ID)
		if err != nil || m.State != outreach.Sent || m.ProviderID != "SM1" || m.Attempts != 1 {
			t.Errorf("message = %+v, %v", m, err)
		}
	})
}

// TestReportBeforeRecord lets the delivery report overtake the record of the send.
func TestReportBeforeRecord(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		plan(t, st, storetest.Dealer(t, st), 1)
		os, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 5, now, now, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		b := begun(st, os[0])
		if _, err := st.Begin(ctx, []store.Begun{b}, now, now, time.Minute); err != nil {
			t.Fatal(err)
		}
		report := func(state channels.State) store.Reported {
			var r store.Reported
			err := st.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
				var err error
				r, err = tx.Report(ctx, channels.Report{Channel: channels.SMS, MessageID: b.Message.ID, ProviderID: "SM9", State: state}, now)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := report(channels.StateDelivered); !r.Changed {
			t.Error("the report should move the message")
		}
		if r := report(channels.StateUndelivered); r.Changed {
			t.Error("delivered beats undelivered")
		}
		if _, err := st.Record(ctx, []store.Result{{Message: b.Message, Receipt: channels.Receipt{ProviderID: "SM9"}, Transition: outreach.Transition{State: outreach.Sent, Spent: true}, At: now}}, now); err != nil {
			t.Fatal(err)
		}
		if m, err := st.Message(ctx, b.Message.ID); err != nil || m.State != outreach.Delivered {
			t.Errorf("state = %s, %v", m.State, err)
		}
	})
}

func TestReceiveOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		var wg sync.WaitGroup
		var mu sync.Mutex
		stored := 0
		for range 8 {
			wg.Go(func() {
				err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
					ok, err := tx.Receive(t.Context(), store.Message{ID: st.NewID(), DealerID: d.ID, Channel: channels.SMS, Address: "+79", Text: "5", ProviderID: "SM5"}, now)
					if ok {
						mu.Lock()
						stored++
						mu.Unlock()
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if stored != 1 {
			t.Errorf("stored %d times", stored)
		}
	})
}

// TestSurveyOfQueries runs every list once with data, so that a mistake in SQL
// shows on both engines.
func TestSurveyOfQueries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		plan(t, st, d, 3)
		os, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 2, now, now, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		task := store.Task{DealerID: d.ID, Kind: store.TaskSurveyCall, ContactID: os[0].ContactID, VisitID: os[0].VisitID, OutreachID: os[0].ID, DueAt: now.Add(time.Hour),
			Clocks: []store.Clock{{Kind: "contact", DueAt: now.Add(time.Hour)}}}
		if err := st.Settle(ctx, []store.Verdict{{Outreach: os[0], State: outreach.Done, Verdict: "task", Rule: "phone_step", Task: &task},
			{Outreach: os[1], State: outreach.Held, Verdict: "hold", Rule: "quiet_hours", Until: now.Add(time.Hour)}}, now); err != nil {
			t.Fatal(err)
		}
		tasks, err := st.Tasks(ctx, store.TaskFilter{DealerID: d.ID, Open: true, Order: "0"})
		if err != nil || len(tasks) != 1 || tasks[0].Number != 1 {
			t.Fatalf("tasks = %+v, %v", tasks, err)
		}
		f := store.Filter{DealerID: d.ID, Address: "+79000000000"}
		ds, err := st.ListDecisions(ctx, f)
		if err != nil || len(ds) != 1 || ds[0].Rule != "phone_step" || ds[0].Order != "0" {
			t.Errorf("decisions = %+v, %v", ds, err)
		}
		for name, query := range map[string]func() error{
			"messages":   func() error { _, err := st.ListMessages(ctx, store.Filter{DealerID: d.ID, Order: "0"}); return err },
			"responses":  func() error { _, err := st.ListResponses(ctx, f); return err },
			"waiting":    func() error { _, _, err := st.Waiting(ctx, now); return err },
			"taskCounts": func() error { _, _, err := st.TaskCounts(ctx, d.ID, now, store.Work{}); return err },
			"nextDue":    func() error { _, err := st.NextDue(ctx); return err },
			"unassigned": func() error { _, err := st.Unassigned(ctx, d.ID, 5); return err },
			"remarks":    func() error { _, err := st.Remarks(ctx, d.ID, "", 5); return err },
			"visitsOf":   func() error { _, err := st.VisitsOf(ctx, os[0].ContactID); return err },
		} {
			if err := query(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestRecordOfARepeatedProviderID: one id given twice by a provider costs no other
// message its record.
func TestRecordOfARepeatedProviderID(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		plan(t, st, storetest.Dealer(t, st), 3)
		os, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 5, now, now, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		var group []store.Begun
		for _, o := range os {
			group = append(group, begun(st, o))
		}
		if _, err := st.Begin(ctx, group, now, now, time.Minute); err != nil {
			t.Fatal(err)
		}
		var rs []store.Result
		for i, id := range []string{"A", "A", "B"} {
			rs = append(rs, store.Result{Message: group[i].Message, Receipt: channels.Receipt{ProviderID: id}, Transition: outreach.Transition{State: outreach.Sent, Spent: true}, At: now})
		}
		if lost, err := st.Record(ctx, rs, now); err != nil || lost != 0 {
			t.Fatal(lost, err)
		}
		for i, want := range []string{"A", "", "B"} {
			if m, err := st.Message(ctx, group[i].Message.ID); err != nil || m.State != outreach.Sent || m.ProviderID != want {
				t.Errorf("message %d: %s %q, %v", i, m.State, m.ProviderID, err)
			}
		}
	})
}

// TestCanceled: a context that ends between the last statement and the commit is what
// the caller hears of, not that database/sql has rolled back behind its back.
func TestCanceled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		err := st.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
			cancel()
			testserver.Wait(t, "the rollback", func() bool {
				_, err := tx.ExecContext(context.Background(), "SELECT 1")
				return errors.Is(err, sql.ErrTxDone)
			})
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v", err)
		}
	})
}

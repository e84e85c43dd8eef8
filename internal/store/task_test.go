package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestTaskNumbers lets sixteen open tasks of one dealer at once, each in a
// transaction that has already written a row of that dealer and contact, as the
// inbox does: numbers have neither gaps nor doubles, and nobody deadlocks.
func TestTaskNumbers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		contact := storetest.Save(t, st, d, storetest.Visit("1", "Иван", "+79000000001", now))[0].ContactID
		var wg sync.WaitGroup
		var mu sync.Mutex
		var numbers []int64
		for i := range 16 {
			wg.Go(func() {
				var x store.Task
				err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
					if _, err := tx.Receive(t.Context(), store.Message{ID: st.NewID(), DealerID: d.ID, ContactID: contact, Channel: channels.SMS, Address: "+79", Text: "1", ProviderID: fmt.Sprint(i)}, now); err != nil {
						return err
					}
					if err := tx.LockContact(t.Context(), contact); err != nil {
						return err
					}
					var err error
					x, err = tx.OpenTask(t.Context(), store.Task{DealerID: d.ID, Kind: store.TaskReview, ContactID: contact, DueAt: now}, now)
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				numbers = append(numbers, x.Number)
			})
		}
		wg.Wait()
		slices.Sort(numbers)
		for i, n := range numbers {
			if n != int64(i+1) {
				t.Fatalf("numbers = %v", numbers)
			}
		}
	})
}

// talk makes a conversation about a saved visit.
func talk(t *testing.T, st *store.Store, d store.Dealer, v store.SavedRecord, o string) store.Conversation {
	t.Helper()
	c := store.Conversation{ID: st.NewID(), DealerID: d.ID, ContactID: v.ContactID, OutreachID: o, VisitID: v.VisitID, Survey: "s", SurveyVersion: 1, Locale: "ru", Channel: channels.SMS, Address: "+79",
		State: store.ConversationOpen, Position: "{}", Version: 1, Token: st.NewID()}
	inTx(t, st, func(tx *store.Tx) error { return tx.OpenConversation(t.Context(), c, now) })
	return c
}

// TestOpenTaskOnce: an outreach and a conversation have one task of a kind, also
// when several want to open it at the same moment.
func TestOpenTaskOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		plan(t, st, d, 1)
		os, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 1, now, now, time.Minute)
		must(t, err)
		c := talk(t, st, d, store.SavedRecord{ContactID: os[0].ContactID, VisitID: os[0].VisitID}, os[0].ID)
		open := func(x store.Task) store.Task {
			x.DealerID, x.ContactID, x.DueAt = d.ID, os[0].ContactID, now
			err := st.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
				var err error
				x, err = tx.OpenTask(ctx, x, now)
				return err
			})
			if err != nil {
				t.Error(err)
			}
			return x
		}
		var wg sync.WaitGroup
		ids := make([]string, 8)
		for i := range ids {
			wg.Go(func() { ids[i] = open(store.Task{Kind: store.TaskCallback, ConversationID: c.ID}).ID })
		}
		wg.Wait()
		if slices.Sort(ids); ids[0] != ids[7] {
			t.Errorf("several callbacks of one conversation: %v", ids)
		}
		if x := open(store.Task{Kind: store.TaskReview, ConversationID: c.ID}); x.ID == ids[0] {
			t.Error("another kind is another task")
		}
		byOutreach := open(store.Task{Kind: store.TaskSurveyCall, OutreachID: os[0].ID})
		if x := open(store.Task{Kind: store.TaskSurveyCall, OutreachID: os[0].ID, ConversationID: c.ID}); x.ID != byOutreach.ID {
			t.Error("the outreach has its task already")
		}
		// Known by its conversation although it came without the outreach.
		if x := open(store.Task{Kind: store.TaskCallback, OutreachID: os[0].ID, ConversationID: c.ID}); x.ID != ids[0] {
			t.Error("the conversation has its task already")
		}
	})
}

func TestSaveTask(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		v := storetest.Save(t, st, d, storetest.Visit("ЗН-7", "Иван", "+79000000001", now))[0]
		e, err := st.SaveEmployee(ctx, store.Employee{DealerID: d.ID, Name: "Анна"}, now)
		must(t, err)
		var x store.Task
		inTx(t, st, func(tx *store.Tx) error {
			x, err = tx.OpenTask(ctx, store.Task{DealerID: d.ID, Kind: store.TaskCallback, ContactID: v.ContactID, VisitID: v.VisitID, Words: "ждал", DueAt: now.Add(time.Hour),
				Clocks: []store.Clock{{Kind: "solution", DueAt: now.Add(24 * time.Hour)}, {Kind: "contact", DueAt: now.Add(time.Hour)}}}, now)
			return err
		})
		other := x
		x.State, x.OwnerID, x.Agreed, x.NextContactAt = store.TaskClaimed, e.ID, "позвоним", now.Add(48*time.Hour)
		inTx(t, st, func(tx *store.Tx) error {
			must(t, tx.SaveTask(ctx, x, now))
			if err := tx.SaveTask(ctx, other, now); !errors.Is(err, store.ErrConflict) {
				t.Errorf("a stale task was saved: %v", err)
			}
			must(t, tx.SetClock(ctx, x.ID, store.Clock{Kind: "contact", DueAt: now.Add(time.Hour), MetAt: now}))
			must(t, tx.AddStep(ctx, store.Step{TaskID: x.ID, Kind: "reached", EmployeeID: e.ID, Text: "обещали"}, now))
			return tx.AddStep(ctx, store.Step{TaskID: x.ID, Kind: "claimed", EmployeeID: e.ID}, now.Add(-time.Minute))
		})
		got, err := st.Task(ctx, x.ID)
		if err != nil || got.Version != 2 || got.OwnerName != "Анна" || got.ContactName != "Иван" || got.Order != "ЗН-7" || got.Words != "ждал" || !got.NextContactAt.Equal(now.Add(48*time.Hour)) {
			t.Errorf("task = %+v, %v", got, err)
		}
		if len(got.Clocks) != 2 || got.Clocks[0].Kind != "contact" || got.Clocks[0].MetAt.IsZero() || !got.Clocks[1].MetAt.IsZero() {
			t.Errorf("clocks = %+v", got.Clocks)
		}
		steps, err := st.Steps(ctx, x.ID)
		if err != nil || len(steps) != 2 || steps[0].Kind != "claimed" || steps[1].Employee != "Анна" || steps[1].Text != "обещали" {
			t.Errorf("steps = %+v, %v", steps, err)
		}
		counts, overdue, err := st.TaskCounts(ctx, d.ID, now.Add(2*time.Hour), store.Work{})
		if err != nil || counts[store.TaskCallback] != 1 || overdue != 1 {
			t.Errorf("counts = %v, %d, %v", counts, overdue, err)
		}
		inTx(t, st, func(tx *store.Tx) error {
			if o, err := tx.OpenTaskOf(ctx, v.ContactID, store.TaskCallback); err != nil || o.ID != x.ID || len(o.Clocks) != 2 {
				t.Errorf("open task = %+v, %v", o, err)
			}
			return nil
		})
	})
}

// TestTaskPages reads a queue page by page in its order.
func TestTaskPages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		inTx(t, st, func(tx *store.Tx) error {
			for i := range 9 {
				x := store.Task{DealerID: d.ID, Kind: store.TaskReview, Severity: i % 3, DueAt: now.Add(time.Duration(i%2) * time.Hour)}
				if i == 8 {
					x.State = store.TaskClosed
				}
				_, err := tx.OpenTask(ctx, x, now)
				must(t, err)
			}
			return nil
		})
		for _, open := range []bool{true, false} {
			f := store.TaskFilter{DealerID: d.ID, Open: open}
			all, err := st.Tasks(ctx, f)
			must(t, err)
			if want := map[bool]int{true: 8, false: 9}[open]; len(all) != want {
				t.Errorf("open %v: %d tasks", open, len(all))
			}
			if open && !slices.IsSortedFunc(all, func(a, b store.Task) int {
				if a.Severity != b.Severity {
					return b.Severity - a.Severity
				}
				return a.DueAt.Compare(b.DueAt)
			}) {
				t.Error("the queue is not in order of urgency")
			}
			var paged []string
			for f.Limit = 3; ; {
				page, err := st.Tasks(ctx, f)
				must(t, err)
				if len(page) == 0 || len(paged) > len(all) {
					break
				}
				for _, x := range page {
					paged = append(paged, x.ID)
				}
				f.After = page[len(page)-1].ID
			}
			var want []string
			for _, x := range all {
				want = append(want, x.ID)
			}
			if !slices.Equal(paged, want) {
				t.Errorf("open %v: pages give %v, want %v", open, paged, want)
			}
		}
	})
}

func TestConversation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		v := storetest.Save(t, st, d, storetest.Visit("1", "Иван", "+79000000001", now))[0]
		c := talk(t, st, d, v, "")
		stale := c
		c.Position, c.Channel, c.Address = `{"q":2}`, channels.Telegram, "77"
		inTx(t, st, func(tx *store.Tx) error {
			n, err := tx.SaveConversation(ctx, c, now.Add(time.Minute))
			if err != nil || n != 2 {
				t.Errorf("version %d, %v", n, err)
			}
			if _, err := tx.SaveConversation(ctx, stale, now); !errors.Is(err, store.ErrConflict) {
				t.Errorf("a stale position was saved: %v", err)
			}
			return nil
		})
		got, err := st.ConversationByToken(ctx, c.Token)
		if err != nil || got.ID != c.ID || got.Position != `{"q":2}` || got.Channel != channels.Telegram || got.Version != 2 || !got.ClosedAt.IsZero() || !got.UpdatedAt.Equal(now.Add(time.Minute)) {
			t.Errorf("conversation = %+v, %v", got, err)
		}
		got.State = store.ConversationDone
		inTx(t, st, func(tx *store.Tx) error {
			_, err := tx.SaveConversation(ctx, got, now.Add(time.Hour))
			must(t, err)
			newest, err := tx.ConversationOfVisit(ctx, v.VisitID, "s")
			if err != nil || newest.ID != c.ID || !newest.ClosedAt.Equal(now.Add(time.Hour)) {
				t.Errorf("of the visit: %+v, %v", newest, err)
			}
			for since, want := range map[time.Duration]int{time.Hour: 1, 2 * time.Hour: 0} {
				if cs, err := tx.ConversationsOf(ctx, v.ContactID, now.Add(since)); err != nil || len(cs) != want {
					t.Errorf("since %s: %d, %v", since, len(cs), err)
				}
			}
			return nil
		})
		if _, err := st.ConversationByToken(ctx, "nothing"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unknown token: %v", err)
		}
	})
}

func TestAnswers(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		v := storetest.Save(t, st, d, storetest.Visit("1", "Иван", "+79000000001", now))[0]
		c := talk(t, st, d, v, "")
		surveyed := store.Wanted{Surveys: []string{v.VisitID}, Now: now}
		if f, err := st.Facts(ctx, surveyed); err != nil || len(f.Answered) != 0 {
			t.Errorf("answered before the answer: %v, %v", f.Answered, err)
		}
		rate := func(n int) *int { return &n }
		inTx(t, st, func(tx *store.Tx) error {
			must(t, tx.SaveAnswer(ctx, store.Answer{ConversationID: c.ID, Question: "q", Rating: rate(5), Channel: channels.SMS}, now))
			must(t, tx.SaveAnswer(ctx, store.Answer{ConversationID: c.ID, Question: "why", Answer: "потому", Channel: channels.SMS}, now))
			return tx.SaveAnswer(ctx, store.Answer{ConversationID: c.ID, Question: "q", Rating: rate(0), Comment: "ой", Channel: channels.Form}, now.Add(time.Minute))
		})
		as, err := st.Answers(ctx, []string{c.ID})
		a := as[c.ID]
		if err != nil || len(a) != 2 || a[0].Question != "why" || a[0].Rating != nil || a[1].Rating == nil || *a[1].Rating != 0 || a[1].Channel != channels.Form {
			t.Errorf("answers = %+v, %v", a, err)
		}
		// What was replaced is kept, with when.
		if old := strs(t, db, "select cast(rating as text) || ' ' || cast(replaced_at as text) from answer where replaced_at is not null"); !slices.Equal(old, []string{fmt.Sprint("5 ", now.Add(time.Minute).UnixMicro())}) {
			t.Errorf("replaced = %v", old)
		}
		if f, err := st.Facts(ctx, surveyed); err != nil || !f.Answered[v.VisitID] {
			t.Errorf("answered = %v, %v", f.Answered, err)
		}
	})
}

func TestConsents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		id := storetest.Save(t, st, d, storetest.Visit("1", "Иван", "+79000000001", now))[0].ContactID
		inTx(t, st, func(tx *store.Tx) error {
			must(t, tx.AddConsent(ctx, store.Consent{ContactID: id, Purpose: "ad", Channel: channels.SMS, At: now.Add(time.Hour), How: "message"}))
			return tx.AddConsent(ctx, store.Consent{ContactID: id, DealerID: d.ID, Purpose: "ad", Channel: channels.SMS, Given: true, At: now, How: "form", TextVersion: "2"})
		})
		cs, err := st.Consents(ctx, []string{id, st.NewID()})
		if c := cs[id]; err != nil || len(cs) != 1 || len(c) != 2 || !c[0].Given || c[0].DealerID != d.ID || c[1].Given || !c[1].At.Equal(now.Add(time.Hour)) {
			t.Errorf("consents = %+v, %v", cs, err)
		}
	})
}

func TestRemarks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		v := storetest.Save(t, st, d, storetest.Visit("ЗН-1", "Иван", "+79000000001", now))[0]
		inTx(t, st, func(tx *store.Tx) error {
			must(t, tx.AddRemark(ctx, store.Remark{DealerID: d.ID, Kind: store.RemarkComplaint, ContactID: v.ContactID, VisitID: v.VisitID, Text: "стук", Topics: []string{"noise", "wait"}}, now))
			return tx.AddRemark(ctx, store.Remark{DealerID: d.ID, Kind: store.RemarkPraise, Department: "Кузовной", Text: "спасибо"}, now.Add(time.Minute))
		})
		all, err := st.Remarks(ctx, d.ID, "", 5)
		if err != nil || len(all) != 2 || all[0].Text != "спасибо" || all[1].Department != "Слесарный" || all[1].Order != "ЗН-1" || !slices.Equal(all[1].Topics, []string{"noise", "wait"}) {
			t.Fatalf("remarks = %+v, %v", all, err)
		}
		if one, err := st.Remarks(ctx, d.ID, "Слесарный", 5); err != nil || len(one) != 1 || one[0].ContactName != "Иван" {
			t.Errorf("of a department: %+v, %v", one, err)
		}
		if ds, err := st.Departments(ctx, d.ID); err != nil || !slices.Equal(ds, []string{"Кузовной", "Слесарный"}) {
			t.Errorf("departments = %v, %v", ds, err)
		}
		inTx(t, st, func(tx *store.Tx) error {
			must(t, tx.PassRemark(ctx, all[1].ID, d.ID, "заменить опору", "мастер", "", now))
			if err := tx.PassRemark(ctx, all[1].ID, st.NewID(), "", "", "", now); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("another dealer passed it on: %v", err)
			}
			return nil
		})
		if of, err := st.RemarksOf(ctx, v.ContactID); err != nil || len(of) != 1 || of[0].Recommendation != "заменить опору" || !of[0].PassedAt.Equal(now) {
			t.Errorf("of the contact: %+v, %v", of, err)
		}
	})
}

// TestLists reads messages, responses and decisions by order, number and contact,
// and page by page.
func TestLists(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		other, err := st.SaveDealer(ctx, store.Dealer{Code: "north", Name: "Север", Zone: "Europe/Moscow", Country: "RU", Locale: "ru"}, now)
		must(t, err)
		plan(t, st, d, 5) // orders "0" to "4" of +79000000000 to …4
		os, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 5, now, now, time.Minute)
		must(t, err)
		var group []store.Begun
		for _, o := range os[:4] {
			b := begun(st, o)
			c := store.Conversation{ID: st.NewID(), DealerID: d.ID, ContactID: o.ContactID, OutreachID: o.ID, VisitID: o.VisitID, Survey: "s", SurveyVersion: 1, Locale: "ru", Channel: channels.SMS, Address: "+79",
				State: store.ConversationOpen, Position: "{}", Token: st.NewID()}
			b.Conversation, b.Message.ConversationID = &c, c.ID
			b.Outreach.Rule = "allowed"
			group = append(group, b)
		}
		_, err = st.Begin(ctx, group, now, now, time.Minute)
		must(t, err)
		must(t, st.Settle(ctx, []store.Verdict{{Outreach: os[4], State: outreach.Dropped, Verdict: "drop", Rule: "too_late"}}, now))
		inTx(t, st, func(tx *store.Tx) error {
			for i, g := range group[:3] {
				five := 5
				must(t, tx.SaveAnswer(ctx, store.Answer{ConversationID: g.Conversation.ID, Question: "q", Rating: &five, Channel: channels.SMS}, now))
				_, err := tx.Receive(ctx, store.Message{ID: st.NewID(), DealerID: d.ID, ContactID: g.Message.ContactID, ConversationID: g.Conversation.ID, Channel: channels.SMS, Address: "+79", Text: "5", ProviderID: fmt.Sprint(i)}, now)
				must(t, err)
			}
			_, err := tx.Receive(ctx, store.Message{ID: st.NewID(), DealerID: d.ID, Channel: channels.SMS, Address: "+1", Text: "who?", ProviderID: "x"}, now)
			return err
		})
		v, err := st.Visit(ctx, os[0].VisitID)
		must(t, err)
		c, err := st.Contact(ctx, os[0].ContactID)
		must(t, err)
		lists := map[string]func(f store.Filter) (ids, orders []string){
			"messages": func(f store.Filter) (ids, orders []string) {
				xs, err := st.ListMessages(ctx, f)
				must(t, err)
				for _, x := range xs {
					ids, orders = append(ids, x.ID), append(orders, x.Order)
				}
				return ids, orders
			},
			"responses": func(f store.Filter) (ids, orders []string) {
				xs, err := st.ListResponses(ctx, f)
				must(t, err)
				for _, x := range xs {
					if len(x.Answers) != 1 || *x.Answers[0].Rating != 5 {
						t.Errorf("answers = %+v", x.Answers)
					}
					ids, orders = append(ids, x.Conversation.ID), append(orders, x.Order)
				}
				return ids, orders
			},
			"decisions": func(f store.Filter) (ids, orders []string) {
				xs, err := st.ListDecisions(ctx, f)
				must(t, err)
				for _, x := range xs {
					ids, orders = append(ids, x.ID), append(orders, x.Order)
					if want := map[string]string{"allowed": "send", "too_late": "drop"}[x.Rule]; x.Verdict != want {
						t.Errorf("decision = %+v", x)
					}
				}
				return ids, orders
			},
		}
		for name, want := range map[string][2]int{"messages": {8, 2}, "responses": {3, 1}, "decisions": {5, 1}} {
			list := lists[name]
			all, _ := list(store.Filter{DealerID: d.ID})
			if len(all) != want[0] || !slices.IsSortedFunc(all, func(a, b string) int { return -slices.Compare([]string{a}, []string{b}) }) {
				t.Errorf("%s: %d in all, %v", name, len(all), all)
			}
			for by, f := range map[string]store.Filter{"order": {Order: v.Order}, "address": {Address: c.On(channels.SMS)}, "contact": {ContactID: c.ID}, "all of it": {Order: v.Order, Address: c.On(channels.SMS), ContactID: c.ID}} {
				f.DealerID = d.ID
				ids, orders := list(f)
				if len(ids) != want[1] || slices.ContainsFunc(orders, func(o string) bool { return o != v.Order }) {
					t.Errorf("%s by %s: %v of orders %v", name, by, ids, orders)
				}
				f.DealerID = other.ID
				if ids, _ := list(f); len(ids) != 0 {
					t.Errorf("%s by %s: another dealer sees %v", name, by, ids)
				}
			}
			if ids, _ := list(store.Filter{DealerID: d.ID, Order: "none"}); len(ids) != 0 {
				t.Errorf("%s of no order: %v", name, ids)
			}
			var paged []string
			for f := (store.Filter{DealerID: d.ID, Limit: 2}); ; {
				page, _ := list(f)
				if len(page) == 0 || len(paged) > len(all) {
					break
				}
				paged = append(paged, page...)
				f.After = page[len(page)-1]
			}
			if !slices.Equal(paged, all) {
				t.Errorf("%s: pages give %v, want %v", name, paged, all)
			}
		}
		if ms, err := st.Unassigned(ctx, d.ID, 5); err != nil || len(ms) != 1 || ms[0].Text != "who?" {
			t.Errorf("unassigned = %+v, %v", ms, err)
		}
		if ms, err := st.MessagesOf(ctx, c.ID, 1); err != nil || len(ms) != 1 {
			t.Errorf("messages of the contact = %+v, %v", ms, err)
		}
	})
}

package inbox_test

import (
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/inbox"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/survey"
)

// TestCallThatIsNotNeeded: a survey call that is open ends when its customer answers or
// refuses on another channel; what an employee has taken stays his. Where the number is
// somebody else's, whoever has another one is called on that.
func TestCallThatIsNotNeeded(t *testing.T) {
	for name, tt := range map[string]struct {
		writes  string
		taken   bool
		another bool   // number beside the one that is written from
		outcome string // "" where it stays
	}{
		"a score":           {"5", false, false, "answered"},
		"a low score":       {"2. ждал 3 часа", false, false, "answered"},
		"a refusal":         {"СТОП", false, false, "opted_out"},
		"no more surveys":   {"не присылайте больше опросы", false, false, "opted_out"},
		"no advertising":    {"стоп реклама", false, false, ""},
		"a stranger":        {"вы ошиблись номером, я не Иван", false, false, "wrong_person"},
		"not his number":    {"вы ошиблись номером, я не Иван", false, true, ""},
		"refused on one":    {"СТОП", false, true, "opted_out"},
		"a question":        {"а до скольки вы работаете?", false, false, ""},
		"somebody calls":    {"5", true, false, ""},
		"refused meanwhile": {"СТОП", true, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w := newWorld(t, st)
				contact := w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
				w.send()
				if tt.another {
					w.also(contact)
				}
				w.forward(25 * time.Hour)
				w.send()
				call := w.tasks(store.TaskSurveyCall)
				if len(call) != 1 {
					t.Fatalf("%d calls", len(call))
				}
				if tt.taken {
					if err := w.desk.Claim(t.Context(), call[0].ID, w.maria); err != nil {
						t.Fatal(err)
					}
				}
				w.say(phone, tt.writes)
				x, err := st.Task(t.Context(), call[0].ID)
				if err != nil {
					t.Fatal(err)
				}
				if over := x.State == store.TaskClosed; over != (tt.outcome != "") || x.Outcome != tt.outcome {
					t.Errorf("the call is %s with %q, want %q", x.State, x.Outcome, tt.outcome)
				}
			})
		})
	}
}

// seller is who answers for the first contact after a purchase.
func (w *world) seller() {
	w.t.Helper()
	if _, err := w.Store.SaveEmployee(w.t.Context(), store.Employee{DealerID: w.Dealer.ID, Name: "Павел Зимин", Login: "pavel", Roles: []string{store.RoleConsultant}, Active: true}, storetest.Now); err != nil {
		w.t.Fatal(err)
	}
}

// TestCallAfterAPurchase: the call of a buyer goes on with the survey that he was sent,
// ends when he answers that, and belongs to no other survey of his.
func TestCallAfterAPurchase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		ctx := t.Context()
		w.seller()
		w.Purchase(t, "D1", phone, "", 3*24*time.Hour)
		w.one(w.send(), "довольны ли Вы покупкой")
		w.forward(7 * time.Hour)
		w.send()
		call := w.tasks(store.TaskSurveyCall)
		if len(call) != 1 || call[0].VisitID != "" {
			t.Fatalf("calls: %+v", call)
		}
		rating := 5
		submit := func() {
			t.Helper()
			out, err := w.in.Submit(ctx, inbox.Submission{TaskID: call[0].ID, Channel: channels.Phone, EmployeeID: w.maria.ID, Values: map[string]survey.Value{"delivery": {Rating: &rating}}})
			if err != nil || len(out.Refused) > 0 {
				t.Fatalf("%+v, %v", out, err)
			}
		}
		w.say(phone, "5")
		if left := w.tasks(store.TaskSurveyCall); len(left) != 0 {
			t.Errorf("the buyer has answered and is called all the same: %+v", left)
		}
		submit() // he was on the telephone
		submit() // twice
		cs, err := st.ConversationsFor(ctx, call[0].ContactID)
		if err != nil || len(cs) != 1 {
			t.Fatalf("%d conversations, %v", len(cs), err)
		}
		as, err := st.Answers(ctx, []string{cs[0].ID})
		if err != nil {
			t.Fatal(err)
		}
		by := map[string]channels.Kind{}
		for _, a := range as[cs[0].ID] {
			by[a.Question] = a.Channel
		}
		if by["purchase"] != channels.SMS || by["delivery"] != channels.Phone {
			t.Errorf("answers: %v", by)
		}
	})
}

// TestCallNobodyAskedBefore: a buyer whom no message reached is asked by telephone alone,
// and who enters something later goes on with the same conversation.
func TestCallNobodyAskedBefore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		ctx := t.Context()
		w.seller()
		w.Purchase(t, "D1", "+74950000077", "", 3*24*time.Hour)
		w.Dispatcher.Channels = nil
		w.send()
		w.forward(7 * time.Hour)
		w.send()
		call := w.tasks(store.TaskSurveyCall)
		if len(call) != 1 {
			t.Fatalf("calls: %+v", call)
		}
		for _, q := range []string{"purchase", "delivery"} {
			rating := 4
			if _, err := w.in.Submit(ctx, inbox.Submission{TaskID: call[0].ID, Channel: channels.Phone, EmployeeID: w.maria.ID, Values: map[string]survey.Value{q: {Rating: &rating}}}); err != nil {
				t.Fatal(err)
			}
		}
		cs, err := st.ConversationsFor(ctx, call[0].ContactID)
		if err != nil || len(cs) != 1 {
			t.Fatalf("%d conversations, %v", len(cs), err)
		}
		if as, err := st.Answers(ctx, []string{cs[0].ID}); err != nil || len(as[cs[0].ID]) != 2 {
			t.Errorf("answers: %+v, %v", as, err)
		}
	})
}

// TestWrongNumberEndsTheCallsToIt: what an operator hears on one call ends the other calls
// to the number, as its owner's own word does, but none that somebody has taken; a call
// that is put off stays for the right number, and other outcomes end nothing.
func TestWrongNumberEndsTheCallsToIt(t *testing.T) {
	for name, tt := range map[string]struct {
		attempt   callback.Attempt
		by        string
		own, free string // their states
		stands    bool
	}{
		"a wrong number":            {callback.Attempt{Outcome: callback.StepWrong}, store.RoleOperator, store.TaskClosed, store.TaskClosed, true},
		"of a call nobody has":      {callback.Attempt{Outcome: callback.StepWrong}, store.RoleManager, store.TaskClosed, store.TaskClosed, true},
		"a wrong number, put off":   {callback.Attempt{Outcome: callback.StepWrong, Next: storetest.Now.AddDate(0, 1, 0)}, store.RoleOperator, store.TaskClaimed, store.TaskClosed, true},
		"nobody picks up the phone": {callback.Attempt{Outcome: callback.StepNoAnswer}, store.RoleOperator, store.TaskClaimed, store.TaskOpen, false},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w := newWorld(t, st)
				ctx, now := t.Context(), w.Clock.Business()
				contact := w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
				var calls [3]store.Task
				err := st.Tx(ctx, store.RankPerson, func(tx *store.Tx) (err error) {
					for i := range calls {
						if calls[i], err = tx.OpenTask(ctx, store.Task{DealerID: w.Dealer.ID, Kind: store.TaskSurveyCall, ContactID: contact, DueAt: now.Add(time.Hour)}, now); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				who := store.Employee{ID: w.maria.ID, DealerID: w.Dealer.ID, Roles: []string{tt.by}}
				claimed := calls[:2]
				if tt.by == store.RoleManager {
					claimed = calls[1:2]
				}
				for _, x := range claimed {
					if err := w.desk.Claim(ctx, x.ID, w.maria); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.desk.Attempt(ctx, calls[0].ID, who, tt.attempt); err != nil {
					t.Fatal(err)
				}
				for i, want := range []string{tt.own, store.TaskClaimed, tt.free} {
					if x, err := st.Task(ctx, calls[i].ID); err != nil || x.State != want || want == store.TaskClosed && x.Outcome != callback.EndStranger {
						t.Errorf("call %d is %s with %q, want %s, %v", i, x.State, x.Outcome, want, err)
					}
				}
				xs, err := st.Suppressions(ctx, []string{phone}, now)
				if err != nil || (len(xs) == 1 && xs[0].Reason == store.WrongNumber && xs[0].Purpose == store.AllPurposes) != tt.stands {
					t.Errorf("against the number stands %+v, %v", xs, err)
				}
			})
		})
	}
}

package inbox_test

import (
	"errors"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/inbox"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/survey"
)

const second = "+79000000109"

// also gives a customer a second number.
func (w *world) also(contactID string) {
	w.t.Helper()
	err := w.Store.Tx(w.t.Context(), store.RankPerson, func(tx *store.Tx) error {
		return tx.AddAddress(w.t.Context(), contactID, store.Address{Channel: channels.SMS, Value: second, Rank: 1}, storetest.Now)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// called gives the customer of a survey by SMS one more number where wanted, and Maria his
// call.
func (w *world) called(two bool) store.Task {
	w.t.Helper()
	ctx := w.t.Context()
	contact := w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
	w.send()
	if two {
		w.also(contact)
	}
	var call store.Task
	err := w.Store.Tx(ctx, store.RankPerson, func(tx *store.Tx) (err error) {
		vs, err := w.Store.VisitsOf(ctx, contact)
		if err != nil {
			return err
		}
		call, err = tx.OpenTask(ctx, store.Task{DealerID: w.Dealer.ID, Kind: store.TaskSurveyCall, ContactID: contact, VisitID: vs[0].ID, DueAt: w.Clock.Business().Add(time.Hour)}, w.Clock.Business())
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.desk.Claim(ctx, call.ID, w.maria); err != nil {
		w.t.Fatal(err)
	}
	return call
}

// asked is the customer's conversation.
func (w *world) asked(contactID string) store.Conversation {
	w.t.Helper()
	cs, err := w.Store.ConversationsFor(w.t.Context(), contactID)
	if err != nil || len(cs) != 1 {
		w.t.Fatalf("conversations: %+v, %v", cs, err)
	}
	return cs[0]
}

// TestStrangerAnswersForNobody: once an employee knows that a number is somebody else's,
// what comes from there is not the customer's answer, by SMS or by the link in it, and what
// waited is not sent. Taken back, it is as if it had not been said.
func TestStrangerAnswersForNobody(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		ctx := t.Context()
		call := w.called(false)
		conv := w.asked(call.ContactID)
		err := st.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
			return tx.Queue(ctx, []store.Message{{ID: tx.NewID(), DealerID: w.Dealer.ID, ContactID: call.ContactID, ConversationID: conv.ID, Channel: channels.SMS, Address: phone, Sender: "+74950000000", Text: "?", DueAt: w.Clock.Business().Add(time.Hour)}}, w.Clock.Business())
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.desk.Attempt(ctx, call.ID, w.maria, callback.Attempt{Outcome: callback.StepWrong}); err != nil {
			t.Fatal(err)
		}
		if c := w.asked(call.ContactID); c.State != store.ConversationDone || c.ClosedAt.IsZero() {
			t.Errorf("the conversation is %s", c.State)
		}
		if why, err := st.EndedFor(ctx, conv.ID); err != nil || why != store.WrongNumber {
			t.Errorf("ended for %q, %v", why, err)
		}
		w.say(phone, "2. ждал три часа")
		five := 5
		form := inbox.Submission{Token: conv.Token, Channel: channels.Form, Values: map[string]survey.Value{"overall": {Rating: &five}}}
		if _, err := w.in.Submit(ctx, form); !errors.Is(err, inbox.ErrExpired) {
			t.Errorf("the form: %v", err)
		}
		if as := w.kept(call.ContactID, "overall"); len(as) != 0 {
			t.Errorf("a stranger's answer counts: %+v", as)
		}
		if cbs := w.tasks(store.TaskCallback); len(cbs) != 0 {
			t.Errorf("a stranger's complaint: %+v", cbs)
		}
		if ms, err := st.Unassigned(ctx, w.Dealer.ID, 5); err != nil || len(ms) != 1 {
			t.Errorf("what nobody wrote that we know: %+v, %v", ms, err)
		}
		w.forward(2 * time.Hour)
		if ms := w.send(); len(ms) != 0 {
			t.Errorf("sent to a stranger: %+v", ms)
		}
		if _, err := st.RightNumber(ctx, call.ContactID, phone, w.maria, w.Dealer.ID, w.Clock.Business()); err != nil {
			t.Fatal(err)
		}
		if c := w.asked(call.ContactID); c.State != store.ConversationOpen || !c.ClosedAt.IsZero() {
			t.Errorf("taken back, the conversation is %s", c.State)
		}
		if _, err := w.in.Submit(ctx, form); err != nil {
			t.Errorf("the form: %v", err)
		}
		w.say(phone, "4")
		if as := w.kept(call.ContactID, "overall"); len(as) == 0 || as[0].Channel != channels.SMS && *as[0].Rating != 4 {
			t.Errorf("his answers: %+v", as)
		}
	})
}

// TestOneOfTwoNumbers: the operator says which number is the stranger's; on the other the
// customer is called and written to, and the call goes on.
func TestOneOfTwoNumbers(t *testing.T) {
	for name, tt := range map[string]struct{ number, wrong, right string }{
		"the first, unsaid": {"", phone, second},
		"the first":         {phone, phone, second},
		"the second":        {second, second, phone},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w := newWorld(t, st)
				ctx := t.Context()
				call := w.called(true)
				if err := w.desk.Attempt(ctx, call.ID, w.maria, callback.Attempt{Outcome: callback.StepWrong, Number: "+79000000999"}); !errors.Is(err, callback.ErrOutcome) {
					t.Errorf("a number that is not his: %v", err)
				}
				if err := w.desk.Attempt(ctx, call.ID, w.maria, callback.Attempt{Outcome: callback.StepWrong, Number: tt.number}); err != nil {
					t.Fatal(err)
				}
				if x, err := st.Task(ctx, call.ID); err != nil || x.State != store.TaskClaimed {
					t.Errorf("the call is %s, %v", x.State, err)
				}
				c, err := st.Contact(ctx, call.ContactID)
				if err != nil {
					t.Fatal(err)
				}
				numbers, err := st.Numbers(ctx, c)
				if err != nil || callback.Dialled(numbers) != tt.right {
					t.Errorf("he is called on %q of %+v, %v", callback.Dialled(numbers), numbers, err)
				}
				if ended := w.asked(call.ContactID).State == store.ConversationDone; ended != (tt.wrong == phone) {
					t.Errorf("what is asked on the first number is over: %v", ended)
				}
				w.forward(90 * 24 * time.Hour)
				w.visit("1002", "Иванов Иван Петрович", tt.right, 25*time.Hour)
				if ms := w.send(); len(ms) == 0 || ms[0].To != tt.right {
					t.Errorf("sent: %+v", ms)
				}
				// The other one, too: nothing is left to call.
				if err := w.desk.Attempt(ctx, call.ID, w.maria, callback.Attempt{Outcome: callback.StepWrong}); err != nil {
					t.Fatal(err)
				}
				if x, err := st.Task(ctx, call.ID); err != nil || x.State != store.TaskClosed || x.Outcome != callback.EndStranger {
					t.Errorf("the call is %s with %q, %v", x.State, x.Outcome, err)
				}
			})
		})
	}
}

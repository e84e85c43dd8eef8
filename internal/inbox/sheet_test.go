package inbox_test

import (
	"context"
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

// sheet hands a paper sheet out for a visit that has just ended.
func (w *world) sheet() store.Task {
	w.t.Helper()
	w.HandOut("")
	w.visit("1001", "Иванов Иван Петрович", phone, time.Hour)
	w.send()
	ts := w.tasks(store.TaskPaper)
	if len(ts) != 1 {
		w.t.Fatalf("%d sheets", len(ts))
	}
	if err := w.in.Print(w.t.Context(), ts[0].ID, w.maria.ID); err != nil {
		w.t.Fatal(err)
	}
	return ts[0]
}

func (w *world) typeIn(id string, vs map[string]survey.Value) (inbox.Submitted, error) {
	w.t.Helper()
	return w.in.Submit(w.t.Context(), inbox.Submission{TaskID: id, Channel: channels.Paper, EmployeeID: w.maria.ID, Values: vs})
}

// kept are the answers to a question that stand and those kept beside them.
func (w *world) kept(contactID, question string) (out []store.Answer) {
	w.t.Helper()
	cs, err := w.Store.ConversationsFor(w.t.Context(), contactID)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range cs {
		for _, read := range []func(context.Context, []string) (map[string][]store.Answer, error){w.Store.Answers, w.Store.AnswersBeside} {
			as, err := read(w.t.Context(), []string{c.ID})
			if err != nil {
				w.t.Fatal(err)
			}
			for _, a := range as[c.ID] {
				if a.Question == question {
					out = append(out, a)
				}
			}
		}
	}
	return out
}

func score(n int, words string) map[string]survey.Value {
	vs := map[string]survey.Value{"overall": {Rating: &n}}
	if words != "" {
		vs["suggestions"] = survey.Value{Text: words}
	}
	return vs
}

// TestSheetIsTypedIn: the answers of a sheet come through the survey like those of a call,
// marked with who typed them; a low score brings a callback, and the second time the sheet
// is refused.
func TestSheetIsTypedIn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		sheet := w.sheet()
		if x, err := st.Task(t.Context(), sheet.ID); err != nil || x.State != store.TaskAsked {
			t.Fatalf("a sheet that is out is %s, %v", x.State, err)
		}
		nine := 9
		if out, err := w.typeIn(sheet.ID, map[string]survey.Value{"overall": {Rating: &nine}, "suggestions": {Text: "кофе"}}); err != nil || len(out.Refused) != 1 {
			t.Fatalf("%+v, %v", out, err)
		}
		if as := w.kept(sheet.ContactID, "suggestions"); len(as) != 0 {
			t.Errorf("of a sheet that is refused there is kept %+v", as)
		}
		out, err := w.typeIn(sheet.ID, score(2, "кофе"))
		if err != nil || !out.Flagged {
			t.Fatalf("%+v, %v", out, err)
		}
		if as := w.kept(sheet.ContactID, "overall"); len(as) != 1 || as[0].Channel != channels.Paper || as[0].EmployeeID != w.maria.ID || !as[0].ReplacedAt.IsZero() {
			t.Errorf("kept as %+v", as)
		}
		if cbs := w.tasks(store.TaskCallback); len(cbs) != 1 || cbs[0].WayIn != string(channels.Paper) {
			t.Errorf("callbacks: %+v", cbs)
		}
		if x, err := st.Task(t.Context(), sheet.ID); err != nil || x.Outcome != callback.EndTyped || x.OwnerID != w.maria.ID {
			t.Errorf("the sheet is %s with %q of %q, %v", x.State, x.Outcome, x.OwnerName, err)
		}
		if rs, err := st.RemarksOf(t.Context(), sheet.ContactID); err != nil || len(rs) != 1 || rs[0].Text != "кофе" {
			t.Errorf("remarks: %+v, %v", rs, err)
		}
		if _, err := w.typeIn(sheet.ID, score(5, "")); !errors.Is(err, callback.ErrTyped) {
			t.Errorf("typed in again: %v", err)
		}
		if as := w.kept(sheet.ContactID, "overall"); len(as) != 1 {
			t.Errorf("it counts twice: %+v", as)
		}
	})
}

// TestSheetBesideAnotherAnswer: who answers by SMS and on paper has one answer that counts
// and one beside it, whichever came first; a sheet that nobody has printed is not needed
// any more, one that is out still is.
func TestSheetBesideAnotherAnswer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		sheet := w.sheet()
		w.forward(25 * time.Hour)
		w.send()
		w.say(phone, "5")
		if left := w.tasks(store.TaskPaper); len(left) != 1 {
			t.Fatalf("a sheet that is out may not come back: %+v", left)
		}
		if out, err := w.typeIn(sheet.ID, score(3, "кофе")); err != nil || !out.Flagged {
			t.Fatalf("%+v, %v", out, err)
		}
		var stands, beside int
		for _, a := range w.kept(sheet.ContactID, "overall") {
			switch {
			case a.ReplacedAt.IsZero() && a.Channel == channels.SMS:
				stands++
			case !a.ReplacedAt.IsZero() && a.Channel == channels.Paper && *a.Rating == 3 && a.EmployeeID == w.maria.ID:
				beside++
			default:
				t.Errorf("kept as %+v", a)
			}
		}
		if stands != 1 || beside != 1 {
			t.Errorf("%d count, %d stand beside", stands, beside)
		}
		if cbs := w.tasks(store.TaskCallback); len(cbs) != 1 {
			t.Errorf("%d callbacks", len(cbs))
		}
		cs, err := st.ConversationsFor(t.Context(), sheet.ContactID)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cs {
			as, err := st.Answers(t.Context(), []string{c.ID})
			if err != nil || (len(as[c.ID]) > 0) != (c.Channel == channels.SMS || c.Channel == channels.Paper && c.State == store.ConversationDone) {
				t.Errorf("%s: %+v, %v", c.Channel, as, err)
			}
		}
	})
}

// TestSheetThatIsNotNeeded: an answer by another channel ends a sheet that would follow it
// and that nobody has printed. It is taken all the same when it comes.
func TestSheetThatIsNotNeeded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		w.HandOut("")
		all := w.Planner.Programs()
		all["service-followup"].Steps[2].Unless = "answered"
		w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		w.send()
		sheet := w.tasks(store.TaskPaper)
		if len(sheet) != 1 {
			t.Fatalf("%d sheets", len(sheet))
		}
		w.say(phone, "5")
		if left := w.tasks(store.TaskPaper); len(left) != 0 {
			t.Errorf("he has answered: %+v", left)
		}
		if err := w.in.Print(t.Context(), sheet[0].ID, w.maria.ID); !errors.Is(err, callback.ErrClosed) {
			t.Errorf("printed: %v", err)
		}
		if _, err := w.typeIn(sheet[0].ID, score(4, "")); err != nil {
			t.Fatal(err)
		}
		if _, err := w.typeIn(sheet[0].ID, score(4, "")); !errors.Is(err, callback.ErrTyped) {
			t.Errorf("typed in again: %v", err)
		}
	})
}

// TestOptOutOnPaper: who writes on a sheet that he wants nothing is written to on none of
// his addresses (invariant 3).
func TestOptOutOnPaper(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		sheet := w.sheet()
		err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			return tx.AddAddress(t.Context(), sheet.ContactID, store.Address{Channel: channels.Email, Value: "ivanov@example.org"}, storetest.Now)
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.typeIn(sheet.ID, score(4, "больше мне не пишите")); err != nil {
			t.Fatal(err)
		}
		xs, err := st.Suppressions(t.Context(), []string{phone, "ivanov@example.org"}, w.Clock.Business())
		if err != nil {
			t.Fatal(err)
		}
		on := map[string]bool{}
		for _, x := range xs {
			if x.Purpose == store.AllPurposes && x.Reason == store.OptedOut {
				on[x.Address] = true
			}
		}
		if len(on) != 2 {
			t.Errorf("suppressed: %+v", xs)
		}
	})
}

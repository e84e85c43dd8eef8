package inbox_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/conversation"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/inbox"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/survey"
)

const from = dispatchtest.Sender

// world is the main job without network: the rig with an inbox and a desk.
type world struct {
	*dispatchtest.Rig
	t     *testing.T
	in    *inbox.Inbox
	desk  *callback.Desk
	maria store.Employee
	n     int
}

func newWorld(t *testing.T, st *store.Store) *world {
	t.Helper()
	w := &world{Rig: dispatchtest.New(t, st), t: t}
	w.Clock.Stand() // people write within seconds of each other
	var err error
	if w.maria, err = st.SaveEmployee(t.Context(), store.Employee{DealerID: w.Dealer.ID, Name: "Мария Орлова", Login: "maria", Roles: []string{store.RoleOperator}, Active: true}, storetest.Now); err != nil {
		t.Fatal(err)
	}
	nothing := func() {}
	w.in = &inbox.Inbox{Store: st, Clock: w.Clock, Roster: w.Roster, Parser: dispatchtest.Parser(t), Survey: w.Survey, Drafter: w.Drafter, Copies: conversation.NewMemory(w.Clock.Machine),
		Log: slog.New(slog.DiscardHandler), Wake: nothing, Changed: nothing}
	w.desk = &callback.Desk{Store: st, Clock: w.Clock, Roster: w.Roster, Drafter: w.Drafter, Survey: w.Survey, Policy: w.Dispatcher.Policy, Wake: nothing, Changed: nothing}
	return w
}

// visit stores a visit that ended so long ago, and returns the contact.
func (w *world) visit(order, name, phone string, ago time.Duration) string {
	w.t.Helper()
	return w.Visit(w.t, order, name, phone, ago)
}

func (w *world) send() []channels.Message {
	w.t.Helper()
	return w.Send(w.t)
}

// write lets a person write, and sends what is answered to that and nothing that
// follows.
func (w *world) write(phone, text string) []channels.Message {
	w.t.Helper()
	w.say(phone, text)
	return w.rest()
}

// say lets a person write.
func (w *world) say(phone, words string) {
	w.t.Helper()
	w.n++
	w.hand(text(fmt.Sprintf("SM%d", w.n), phone, words))
}

// rest waits until what was written is answered and is over.
func (w *world) rest() []channels.Message {
	w.t.Helper()
	w.forward(5 * time.Second)
	ms := w.send()
	w.forward(5 * time.Second)
	return ms
}

func (w *world) hand(in channels.Inbound) {
	w.t.Helper()
	if err := w.in.Handle(w.t.Context(), channels.Event{Inbound: &in}, nil); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tasks(kind string) []store.Task {
	w.t.Helper()
	ts, err := w.Store.Tasks(w.t.Context(), store.TaskFilter{DealerID: w.Dealer.ID, Kind: kind, Open: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return ts
}

func (w *world) forward(d time.Duration) {
	w.t.Helper()
	w.Forward(w.t, d)
}

// one checks that exactly one message was sent and that it says something.
func (w *world) one(ms []channels.Message, says string) channels.Message {
	w.t.Helper()
	if len(ms) != 1 || !strings.Contains(ms[0].Text, says) {
		w.t.Fatalf("want one message that says %q, got %d: %+v", says, len(ms), ms)
	}
	return ms[0]
}

const phone = "+79000000101"

// TestMainJob is issue 2's story from the survey to the closed callback.
func TestMainJob(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		ctx := t.Context()
		w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		w.one(w.send(), "Иван Петрович")
		if again := w.send(); len(again) != 0 {
			t.Fatalf("sent twice: %+v", again)
		}

		w.one(w.write(phone, "2. ждал 3 часа, и стук остался"), "Мария Орлова")
		cb := w.tasks(store.TaskCallback)
		if len(cb) != 1 || !strings.Contains(cb[0].Words, "стук остался") || cb[0].Order != "1001" {
			t.Fatalf("callbacks: %+v", cb)
		}
		rs, err := st.ListResponses(ctx, store.Filter{DealerID: w.Dealer.ID, Order: "1001"})
		if err != nil || len(rs) != 1 || len(rs[0].Answers) != 1 || *rs[0].Answers[0].Rating != 2 || !strings.Contains(rs[0].Answers[0].Comment, "ждал 3 часа") {
			t.Fatalf("responses: %+v, %v", rs, err)
		}

		id := cb[0].ID
		if err := w.desk.Close(ctx, id, w.maria, ""); err == nil {
			t.Fatal("closed by somebody who has not claimed it")
		}
		must(t, w.desk.Claim(ctx, id, w.maria))
		if err := w.desk.Ask(ctx, id, w.maria); err == nil {
			t.Fatal("asked before anything was agreed")
		}
		must(t, w.desk.Attempt(ctx, id, w.maria, callback.Attempt{Outcome: callback.StepReached}))
		must(t, w.desk.Agree(ctx, id, w.maria, callback.Agreement{Solution: "бесплатная замена опоры 26 ноября в 9:00", Consent: "yes", Next: w.Clock.Business().Add(96 * time.Hour)}))
		if err := w.desk.Close(ctx, id, w.maria, "всё хорошо"); err == nil {
			t.Fatal("an operator closed it without the customer")
		}
		must(t, w.desk.Ask(ctx, id, w.maria))
		w.one(w.send(), "замена опоры")

		w.one(w.write(phone, "нет, опять стучит"), "Мария Орлова")
		if x, err := st.Task(ctx, id); err != nil || x.State != store.TaskClaimed {
			t.Fatalf("after no: %+v, %v", x, err)
		}
		must(t, w.desk.Agree(ctx, id, w.maria, callback.Agreement{Solution: "замена стойки", Consent: "yes", Next: w.Clock.Business().Add(96 * time.Hour)}))
		must(t, w.desk.Ask(ctx, id, w.maria))
		w.one(w.send(), "замена стойки")
		if ms := w.write(phone, "1"); len(ms) != 1 {
			t.Fatalf("thanks on yes: %+v", ms)
		}
		x, err := st.Task(ctx, id)
		if err != nil || x.State != store.TaskClosed || x.ConfirmedBy != "customer" {
			t.Fatalf("after yes: %+v, %v", x, err)
		}
		if next := w.tasks(store.TaskNext); len(next) != 1 || next[0].OwnerID != w.maria.ID {
			t.Errorf("the planned next contact: %+v", next)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestHappyCustomer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		contact := w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		w.send()
		if ms := w.write(phone, "5 спасибо Олегу!"); len(ms) != 1 {
			t.Fatalf("answer: %+v", ms)
		}
		if cb := w.tasks(store.TaskCallback); len(cb) != 0 {
			t.Errorf("a callback for a happy customer: %+v", cb)
		}
		rs, err := st.RemarksOf(t.Context(), contact)
		if err != nil || !slices.ContainsFunc(rs, func(r store.Remark) bool { return r.Kind == store.RemarkPraise }) {
			t.Errorf("praise: %+v, %v", rs, err)
		}
		// 48 hours later there is nothing to ask by phone.
		w.forward(48 * time.Hour)
		w.send()
		if calls := w.tasks(store.TaskSurveyCall); len(calls) != 0 {
			t.Errorf("a call although he answered: %+v", calls)
		}
	})
}

// TestSilentCustomer: no answer by 48 hours opens the operator's call, whose answers
// are entered; nothing is asked twice.
func TestSilentCustomer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		w.send()
		w.forward(24 * time.Hour)
		if ms := w.send(); len(ms) != 0 {
			t.Fatalf("a call is no message: %+v", ms)
		}
		calls := w.tasks(store.TaskSurveyCall)
		if len(calls) != 1 {
			t.Fatalf("calls: %+v", calls)
		}
		must(t, w.desk.Claim(t.Context(), calls[0].ID, w.maria))
		two := 2
		got, err := w.in.Submit(t.Context(), inbox.Submission{TaskID: calls[0].ID, Channel: channels.Phone, EmployeeID: w.maria.ID,
			Values: map[string]survey.Value{"overall": {Rating: &two, Text: "долго ждал"}}})
		if err != nil || !got.Flagged || len(got.Refused) != 0 {
			t.Fatalf("submit: %+v, %v", got, err)
		}
		if open := w.tasks(store.TaskSurveyCall); len(open) != 0 {
			t.Errorf("the call is done: %+v", open)
		}
		if cb := w.tasks(store.TaskCallback); len(cb) != 1 {
			t.Errorf("callback: %+v", cb)
		}
		if ms := w.send(); len(ms) != 0 {
			t.Errorf("what was said on the phone is not sent: %+v", ms)
		}
	})
}

// TestOptOut is invariant 3 on the way in: obeyed at once, confirmed once, and
// nothing goes to the address until START.
func TestOptOut(t *testing.T) {
	for _, stop := range []string{"STOP", "СТОП", "退订", "Не пишите мне больше"} {
		t.Run(stop, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w := newWorld(t, st)
				w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
				w.send()
				if ms := w.write(phone, stop); len(ms) != 1 {
					t.Fatalf("confirmed once: %+v", ms)
				}
				if ms := w.write(phone, stop); len(ms) != 0 {
					t.Errorf("confirmed twice: %+v", ms)
				}
				w.visit("1002", "Иванов Иван Петрович", phone, 25*time.Hour)
				w.forward(40 * 24 * time.Hour)
				w.visit("1003", "Иванов Иван Петрович", phone, 25*time.Hour)
				if ms := w.send(); len(ms) != 0 {
					t.Errorf("sent after %s: %+v", stop, ms)
				}
			})
		})
	}
}

// TestReplay hands one provider event in three times.
func TestReplay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		w.send()
		in := channels.Inbound{Channel: channels.SMS, ProviderID: "SMx", From: phone, To: from, Text: "2"}
		for range 3 {
			w.hand(in)
		}
		if ms := w.rest(); len(ms) != 1 {
			t.Errorf("answered %d times", len(ms))
		}
		if cb := w.tasks(store.TaskCallback); len(cb) != 1 {
			t.Errorf("callbacks: %+v", cb)
		}
	})
}

// TestStranger keeps what an unknown number writes and shows it to the operator.
func TestStranger(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		if ms := w.write("+79990000000", "Сколько стоит ТО?"); len(ms) != 0 {
			t.Errorf("a stranger is answered by a person: %+v", ms)
		}
		un, err := st.Unassigned(t.Context(), w.Dealer.ID, 10)
		if err != nil || len(un) != 1 || un[0].Text != "Сколько стоит ТО?" {
			t.Errorf("unassigned: %+v, %v", un, err)
		}
	})
}

// TestUnclear: one polite second try, then a person.
func TestUnclear(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		w.send()
		w.one(w.write(phone, "йцукен"), "1")
		w.write(phone, "фывапр")
		if ts := w.tasks(store.TaskReview); len(ts) != 1 || !strings.Contains(ts[0].Words, "фывапр") {
			t.Fatalf("reviews: %+v", ts)
		}
		w.write(phone, "4")
		if ts := w.tasks(store.TaskReview); len(ts) != 0 {
			t.Errorf("what became clear needs no review: %+v", ts)
		}
	})
}

// TestNight: nothing leaves at night but the answer to the person's own message.
func TestNight(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		w.forward(13 * time.Hour) // one o'clock in Moscow
		w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		if ms := w.send(); len(ms) != 0 {
			t.Fatalf("sent at night: %+v", ms)
		}
		w.forward(10 * time.Hour)
		w.one(w.send(), "Иван Петрович")
		w.forward(14 * time.Hour)
		if ms := w.write(phone, "2 стучит"); len(ms) != 1 {
			t.Errorf("the answer to his own message: %+v", ms)
		}
	})
}

// TestOldVersion: a conversation goes on with the version it began with.
func TestOldVersion(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	w := newWorld(t, st)
	w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
	w.send()
	asked := 0
	w.in.Version = func(_ context.Context, id string, version int) (*survey.Definition, error) {
		asked++
		d, _ := w.Survey(id)
		old := *d
		old.Version = version
		return &old, nil
	}
	newest := w.in.Survey
	w.in.Survey = func(id string) (*survey.Definition, bool) {
		d, ok := newest(id)
		changed := *d
		changed.Version++
		changed.Questions = nil
		return &changed, ok
	}
	w.write(phone, "2")
	if asked == 0 || len(w.tasks(store.TaskCallback)) != 1 {
		t.Errorf("the old version was read %d times, callbacks: %+v", asked, w.tasks(store.TaskCallback))
	}
}

// TestNamedTime: who asks to be called at a time is promised that time, with a survey
// open and without one.
func TestNamedTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		for name, surveyed := range map[string]bool{"survey": true, "none": false} {
			number := "+7900000060" + map[bool]string{true: "1", false: "2"}[surveyed]
			w.visit("named-"+name, "Клиент "+name, number, map[bool]time.Duration{true: 25 * time.Hour, false: time.Hour}[surveyed])
			w.send()
			w.one(w.write(number, "перезвоните завтра в 18:30"), "завтра")
			cb := w.tasks(store.TaskCallback)
			at := w.Clock.Business().In(w.Dealer.Location())
			from := time.Date(at.Year(), at.Month(), at.Day()+1, 18, 30, 0, 0, w.Dealer.Location())
			i := slices.IndexFunc(cb, func(x store.Task) bool { return x.ContactName == "Клиент "+name })
			if i >= 0 && !cb[i].CallFrom.Equal(from) {
				t.Errorf("%s: to be called from %v, want %v", name, cb[i].CallFrom, from)
			}
			if i < 0 || cb[i].DueAt.Before(from) || cb[i].DueAt.After(from.Add(3*time.Hour)) {
				t.Fatalf("%s: callbacks %+v, wanted about %v", name, cb, from)
			}
			steps, err := st.Steps(t.Context(), cb[i].ID)
			if err != nil || !slices.ContainsFunc(steps, func(s store.Step) bool { return s.Kind == callback.StepLater && s.Until.Equal(from) }) {
				t.Errorf("%s: steps %+v, %v", name, steps, err)
			}
		}
	})
}

// TestAnotherTime answers the promise's own question, "better at another time?": the
// call moves to the time that is named, and by nothing else that is said.
func TestAnotherTime(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	w := newWorld(t, st)
	at := func(days, hour, minute int) time.Time {
		l := w.Clock.Business().In(w.Dealer.Location())
		return time.Date(l.Year(), l.Month(), l.Day()+days, hour, minute, 0, 0, w.Dealer.Location())
	}
	for i, tt := range []struct {
		text  string
		moved bool
		due   time.Time
	}{
		{"завтра 18:30", true, at(1, 19, 30)},
		{"после шести", true, at(0, 21, 0)},
		{"давайте в 17:00", true, at(0, 18, 0)},
		{"лучше завтра после обеда", true, at(1, 21, 0)},
		{"tomorrow 6:30 pm please", true, at(1, 19, 30)},
		{"明天18:30", true, at(1, 19, 30)},
		{"ждал до 12:00", false, time.Time{}},
		{"и ещё сломали ручку", false, time.Time{}},
		{"ждал 3 часа", false, time.Time{}},
	} {
		number := fmt.Sprintf("+790000007%02d", i)
		w.visit("time-"+fmt.Sprint(i), "Клиент "+fmt.Sprint(i), number, 25*time.Hour)
		w.send()
		w.write(number, "2. стук остался")
		find := func() store.Task {
			cb := w.tasks(store.TaskCallback)
			k := slices.IndexFunc(cb, func(x store.Task) bool { return x.ContactName == "Клиент "+fmt.Sprint(i) })
			if k < 0 {
				t.Fatalf("%q: no callback", tt.text)
			}
			return cb[k]
		}
		before := find()
		ms := w.write(number, tt.text)
		after := find()
		switch {
		case !tt.moved && !after.DueAt.Equal(before.DueAt):
			t.Errorf("%q moved the call to %v", tt.text, after.DueAt)
		case tt.moved && !after.DueAt.Equal(tt.due):
			t.Errorf("%q: due %v, want %v", tt.text, after.DueAt, tt.due)
		case tt.moved && (len(ms) != 1 || !strings.Contains(ms[0].Text, "Мария Орлова")):
			t.Errorf("%q was answered %+v", tt.text, ms)
		}
		if !strings.Contains(after.Words, tt.text) {
			t.Errorf("%q is not among his words: %q", tt.text, after.Words)
		}
	}
}

// TestOptOutOnTheForm: "do not write to me" among a form's words is obeyed like a
// STOP (invariant 3), and other words are not one.
func TestOptOutOnTheForm(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		for words, obeyed := range map[string]bool{"Больше не пишите мне": true, "стоп-сигнал не горит": false} {
			number := "+7900000080" + map[bool]string{true: "1", false: "2"}[obeyed]
			w := newWorld(t, storetest.Open(t, st.Engine()))
			contact := w.visit("form-1", "Клиент", number, 25*time.Hour)
			w.send()
			cs, err := w.Store.ConversationsFor(t.Context(), contact)
			if err != nil || len(cs) != 1 {
				t.Fatal(cs, err)
			}
			four := 4
			if _, err := w.in.Submit(t.Context(), inbox.Submission{Token: cs[0].Token, Channel: channels.Form, Values: map[string]survey.Value{"overall": {Rating: &four, Text: words}}}); err != nil {
				t.Fatal(err)
			}
			sup, err := w.Store.Suppressions(t.Context(), []string{number}, w.Clock.Business())
			if err != nil || slices.ContainsFunc(sup, func(s store.Suppression) bool { return s.Purpose == store.AllPurposes && s.Reason == store.OptedOut }) != obeyed {
				t.Errorf("%q: %+v, %v", words, sup, err)
			}
		}
	})
}

// TestQuestionOfItsOwn: a customer whom nobody has asked anything writes; a person
// will read it, and he is told until when.
func TestQuestionOfItsOwn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		w.visit("1001", "Иванов Иван", "+79000000777", time.Hour)
		w.one(w.write("+79000000777", "А справку для страховой вы даёте?"), "Получили Ваш вопрос")
		if ts := w.tasks(store.TaskReview); len(ts) != 1 {
			t.Errorf("tasks: %+v", ts)
		}
	})
}

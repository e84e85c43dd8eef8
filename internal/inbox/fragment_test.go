package inbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// asked is a world in which one customer has been asked by text message.
func asked(t *testing.T, st *store.Store) (*world, string) {
	t.Helper()
	w := newWorld(t, st)
	contact := w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
	if ms := w.send(); len(ms) != 1 {
		t.Fatalf("asked %d times", len(ms))
	}
	return w, contact
}

// answers are a person's standing answers: value and comment by question.
func (w *world) answers(contact string) map[string]string {
	w.t.Helper()
	cs, err := w.Store.ConversationsFor(w.t.Context(), contact)
	must(w.t, err)
	var ids []string
	for _, c := range cs {
		ids = append(ids, c.ID)
	}
	all, err := w.Store.Answers(w.t.Context(), ids)
	must(w.t, err)
	out := map[string]string{}
	for _, as := range all {
		for _, a := range as {
			v := a.Answer + a.Choice
			if a.Rating != nil {
				v += fmt.Sprint(*a.Rating)
			}
			if a.Comment != "" {
				v += " " + a.Comment
			}
			out[a.Question] = strings.TrimSpace(v)
		}
	}
	return out
}

// TestFragments: one thought in several messages is read as one and answered once.
func TestFragments(t *testing.T) {
	for _, tt := range []struct {
		name     string
		says     []string
		overall  string
		callback string // its words, "" for none
		reviews  int
		told     string
		remarks  int
	}{
		{"the words of a score", []string{"2", "ждал 3 часа", "и стук остался"}, "2 ждал 3 часа\nи стук остался", "2\nждал 3 часа\nи стук остался", 0, "Мария Орлова", 1},
		{"the score after its words", []string{"ждал 3 часа", "2"}, "2 ждал 3 часа", "ждал 3 часа\n2", 0, "Мария Орлова", 1},
		{"a correction withdraws", []string{"1", "ой, 5, не 1"}, "5", "", 0, "Спасибо", 0},
		{"a correction opens", []string{"5", "ой, 1, не 5"}, "1", "5\nой, 1, не 5", 0, "позвонит", 0},
		{"a new number alone", []string{"5", "4"}, "4", "", 0, "Спасибо", 0},
		{"nothing that can be read", []string{"йцукен", "фывапр"}, "", "", 1, "1", 0},
		{"what was unclear becomes clear", []string{"йцукен", "5"}, "5", "", 0, "Спасибо", 0},
		{"a time to call", []string{"2 стук остался", "звоните завтра в 18:30"}, "2 стук остался\nзвоните завтра в 18:30", "2 стук остался\nзвоните завтра в 18:30", 0, "завтра", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w, contact := asked(t, st)
				for _, s := range tt.says {
					w.say(phone, s)
					w.forward(2 * time.Second)
				}
				w.one(w.rest(), tt.told)
				if got := w.answers(contact)["overall"]; !strings.HasPrefix(got, tt.overall) || tt.overall == "" && got != "" {
					t.Errorf("overall is %q", got)
				}
				cb := w.tasks(store.TaskCallback)
				if len(cb) > 1 || (len(cb) == 1) != (tt.callback != "") || len(cb) == 1 && cb[0].Words != tt.callback {
					t.Errorf("callbacks: %+v", cb)
				}
				if rv := w.tasks(store.TaskReview); len(rv) != tt.reviews {
					t.Errorf("reviews: %+v", rv)
				}
				rs, err := st.RemarksOf(t.Context(), contact)
				if err != nil || len(rs) != tt.remarks {
					t.Errorf("remarks: %+v, %v", rs, err)
				}
			})
		})
	}
}

// TestFragmentNamesTime: a time that stands alone beside a low score or a request to be
// called, before it or after, is when to call.
func TestFragmentNamesTime(t *testing.T) {
	for _, tt := range []struct {
		name  string
		says  []string
		pause time.Duration
		from  string
	}{
		{"after a score", []string{"2", "после шести"}, 2 * time.Second, "18:00"},
		{"after a score and its words", []string{"2", "стук остался", "после шести"}, 2 * time.Second, "18:00"},
		{"between them", []string{"2", "завтра после 18", "стук остался"}, 2 * time.Second, "18:00"},
		{"before a score", []string{"после шести", "2"}, 2 * time.Second, "18:00"},
		{"after the next question", []string{"2", "после шести"}, 6 * time.Second, "18:00"},
		{"a later time replaces it", []string{"2", "после шести", "нет, после семи"}, 2 * time.Second, "19:00"},
		{"after a request", []string{"перезвоните", "после шести"}, 2 * time.Second, "18:00"},
		{"before a request", []string{"после шести", "перезвоните"}, 2 * time.Second, "18:00"},
		{"in English", []string{"2", "after 6"}, 2 * time.Second, "18:00"},
		{"in English, a request", []string{"please call me", "after 6"}, 2 * time.Second, "18:00"},
		{"in Chinese", []string{"2", "明天下午"}, 2 * time.Second, "13:00"},
		{"in Chinese, a request", []string{"请给我回电话", "明天下午"}, 2 * time.Second, "13:00"},
		{"in one message", []string{"2, после шести"}, 2 * time.Second, "18:00"},
		{"what happened then is no time to call", []string{"2", "ждал до шести"}, 2 * time.Second, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w, _ := asked(t, st)
				zone, err := time.LoadLocation(w.Dealer.Zone)
				must(t, err)
				for _, s := range tt.says {
					w.say(phone, s)
					w.forward(tt.pause)
					w.send()
				}
				cb := w.tasks(store.TaskCallback)
				if len(cb) != 1 {
					t.Fatalf("callbacks: %+v", cb)
				}
				from := ""
				if !cb[0].CallFrom.IsZero() {
					from = cb[0].CallFrom.In(zone).Format("15:04")
				}
				if from != tt.from {
					t.Errorf("to be called from %q, want %q", from, tt.from)
				}
				if want := strings.Join(tt.says, "\n"); cb[0].Words != want {
					t.Errorf("words are %q, want %q", cb[0].Words, want)
				}
				if rv := w.tasks(store.TaskReview); len(rv) != 0 {
					t.Errorf("reviews: %+v", rv)
				}
			})
		})
	}
}

// TestFragmentActsAtOnce: the first message is acted upon before anything follows, and
// only what is told waits.
func TestFragmentActsAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w, contact := asked(t, st)
		w.say(phone, "1")
		if cb := w.tasks(store.TaskCallback); len(cb) != 1 || w.answers(contact)["overall"] != "1" {
			t.Fatalf("callbacks: %+v, answers %v", cb, w.answers(contact))
		}
		if ms := w.send(); len(ms) != 0 {
			t.Fatalf("told before the words were complete: %+v", ms)
		}
		w.forward(3 * time.Second)
		w.say(phone, "ой, 5, не 1")
		if cb := w.tasks(store.TaskCallback); len(cb) != 0 {
			t.Errorf("callbacks: %+v", cb)
		}
		ms, err := st.MessagesOf(t.Context(), contact, 20)
		must(t, err)
		states := map[outreach.MessageState]int{}
		for _, m := range ms {
			if m.Direction == store.Out {
				states[m.State]++
			}
		}
		if states[outreach.Canceled] != 1 || states[outreach.Queued] != 1 {
			t.Errorf("messages: %v", states)
		}
		if i := slices.IndexFunc(ms, func(m store.Message) bool { return m.Text == "ой, 5, не 1" }); i < 0 || !strings.Contains(ms[i].Reading, `"Joins":["`) {
			t.Error("the reading does not name what it was read with")
		}
	})
}

// TestNoFragment: what comes later, is asked for, or refuses stands for itself.
func TestNoFragment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		t.Run("later", func(t *testing.T) {
			w, contact := asked(t, storetest.Open(t, st.Engine()))
			w.one(w.write(phone, "5"), "Спасибо")
			w.one(w.write(phone, "кофе получше"), "Спасибо")
			if got := w.answers(contact); got["overall"] != "5" || got["suggestions"] != "кофе получше" {
				t.Errorf("answers: %v", got)
			}
		})
		t.Run("the next question was told", func(t *testing.T) {
			w, contact := asked(t, storetest.Open(t, st.Engine()))
			w.say(phone, "5")
			w.forward(5 * time.Second)
			w.one(w.send(), "улучшить")
			w.say(phone, "кофе получше")
			w.one(w.rest(), "Спасибо")
			if got := w.answers(contact); got["overall"] != "5" || got["suggestions"] != "кофе получше" {
				t.Errorf("answers: %v", got)
			}
		})
		t.Run("a refusal", func(t *testing.T) {
			for _, says := range [][]string{{"5", "СТОП"}, {"не", "пишите мне больше"}} {
				w, _ := asked(t, storetest.Open(t, st.Engine()))
				for _, s := range says {
					w.say(phone, s)
				}
				sup, err := w.Store.Suppressions(t.Context(), []string{phone}, w.Clock.Business())
				if err != nil || !slices.ContainsFunc(sup, func(s store.Suppression) bool { return s.Purpose == store.AllPurposes }) {
					t.Errorf("%q: %+v, %v", says, sup, err)
				}
				if ms := w.send(); len(ms) != 1 || !strings.Contains(ms[0].Text, "больше") {
					t.Errorf("%q is confirmed at once: %+v", says, ms)
				}
			}
		})
		t.Run("another channel", func(t *testing.T) {
			w, contact := asked(t, storetest.Open(t, st.Engine()))
			w.say(phone, "2")
			w.hand(channels.Inbound{Channel: channels.SMS, ProviderID: "SMother", From: "+79000000999", To: from, Text: "5"})
			if got := w.answers(contact)["overall"]; got != "2" {
				t.Errorf("overall is %q", got)
			}
		})
	})
}

// TestHuman: once a person has taken the callback, what the customer writes is kept
// and passed on to him, and the bot is silent; a refusal is confirmed all the same.
func TestHuman(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w, contact := asked(t, st)
		w.one(w.write(phone, "2"), "Мария Орлова")
		cb := w.tasks(store.TaskCallback)
		must(t, w.desk.Claim(t.Context(), cb[0].ID, w.maria))
		for _, s := range []string{"стук остался", "завтра после обеда", "йцукен", "5", "перезвоните мне"} {
			if ms := w.write(phone, s); len(ms) != 0 {
				t.Errorf("after %q the bot said %+v", s, ms)
			}
			if after := w.tasks(store.TaskCallback)[0]; !strings.Contains(after.Words, s) {
				t.Errorf("%q is not passed on: %q", s, after.Words)
			}
		}
		if got := w.answers(contact)["overall"]; !strings.HasPrefix(got, "5") {
			t.Errorf("overall is %q", got)
		}
		w.one(w.write(phone, "СТОП"), "больше")
	})
}

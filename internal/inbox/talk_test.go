package inbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestSeveral: a list of answers is mapped to the open questions in their order and
// confirmed; what only looks like a list is one answer.
func TestSeveral(t *testing.T) {
	for _, tt := range []struct {
		text string
		want map[string]string
		told string // in the confirmation, "" when there is none
	}{
		{"5 да да нет", map[string]string{"overall": "5", "fixed": "yes", "on_time": "yes", "explained": "no"}, "5, да, да, нет"},
		{"4, да, нет", map[string]string{"overall": "4", "fixed": "yes", "on_time": "no"}, "4, да, нет"},
		{"2 да да да", map[string]string{"overall": "2", "fixed": "yes", "on_time": "yes", "explained": "yes"}, ""},
		{"5 5 5", map[string]string{"overall": "5 5 5"}, ""},
		{"5 спасибо", map[string]string{"overall": "5"}, ""},
		{"да да", nil, ""},
	} {
		t.Run(tt.text, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w, contact := asked(t, st)
				ms := w.write(phone, tt.text)
				if got := w.answers(contact); fmt.Sprint(got) != fmt.Sprint(tt.want) && len(got)+len(tt.want) > 0 {
					t.Errorf("answers: %v", got)
				}
				noted := slices.ContainsFunc(ms, func(m channels.Message) bool { return strings.Contains(m.Text, "по порядку: "+tt.told) })
				if tt.told != "" && !noted {
					t.Errorf("not confirmed: %+v", ms)
				}
				if low := strings.HasPrefix(tt.text, "2") || slices.Contains([]string{tt.want["explained"], tt.want["on_time"]}, "no"); low != (len(w.tasks(store.TaskCallback)) == 1) {
					t.Errorf("callbacks: %+v", w.tasks(store.TaskCallback))
				}
			})
		})
	}
}

// TestInquiry: a question during an open survey goes to a person with the clock of a
// written question; nothing is asked again, and a later answer does not settle it.
func TestInquiry(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w, contact := asked(t, st)
		w.one(w.write(phone, "до скольки работаете?"), "Получили Ваш вопрос")
		find := func() store.Task {
			t.Helper()
			ts := w.tasks(store.TaskReview)
			if len(ts) != 1 || ts[0].Reason != callback.ReasonInquiry || ts[0].Words != "до скольки работаете?" {
				t.Fatalf("tasks: %+v", ts)
			}
			return ts[0]
		}
		x := find()
		if in := x.DueAt.Sub(x.OpenedAt); in != 2*time.Hour {
			t.Errorf("due in %v", in)
		}
		w.one(w.write(phone, "5"), "улучшить")
		find()
		if got := w.answers(contact)["overall"]; got != "5" {
			t.Errorf("overall is %q", got)
		}
	})
}

// TestInquiryBesideAnAnswer: the answer is kept and the question passed on.
func TestInquiryBesideAnAnswer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w, contact := asked(t, st)
		w.write(phone, "5. А до скольки вы работаете?")
		if ts := w.tasks(store.TaskReview); len(ts) != 1 || ts[0].Reason != callback.ReasonInquiry {
			t.Errorf("beside an answer: %+v", ts)
		}
		if got := w.answers(contact)["overall"]; !strings.HasPrefix(got, "5") {
			t.Errorf("overall is %q", got)
		}
	})
}

// TestInquiryWithoutMark: a question that is not marked as one is no answer and is not
// asked about again, in three languages; beside an answer both count.
func TestInquiryWithoutMark(t *testing.T) {
	for _, tt := range []struct{ text, told, overall string }{
		{"до скольки работаете", "Получили Ваш вопрос", ""},
		{"сколько стоит то-5", "Получили Ваш вопрос", ""},
		{"when do you close", "We have got your question", ""},
		{"几点关门", "已收到您的问题", ""},
		{"5, а до скольки работаете", "Получили Ваш вопрос", "5"},
		{"5, what time do you open tomorrow", "We have got your question", "5"},
		{"5分，你们几点关门", "已收到您的问题", "5"},
	} {
		t.Run(tt.text, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w, contact := asked(t, st)
				w.one(w.write(phone, tt.text), tt.told)
				if ts := w.tasks(store.TaskReview); len(ts) != 1 || ts[0].Reason != callback.ReasonInquiry || ts[0].Words != tt.text || ts[0].State != store.TaskOpen {
					t.Fatalf("tasks: %+v", ts)
				}
				// Answers are listed as rating and comment.
				if got, _, _ := strings.Cut(w.answers(contact)["overall"], " "); got != tt.overall {
					t.Errorf("overall is %q", got)
				}
				if tt.overall == "" {
					w.write(phone, "4")
					if got := w.answers(contact)["overall"]; got != "4" {
						t.Errorf("the question is not open any more: %q", got)
					}
				}
			})
		})
	}
}

// TestLanguage: the answer comes in the language in which the person writes, and
// stays in it; a word and a number prove none.
func TestLanguage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w, contact := asked(t, st)
		w.one(w.write(phone, "thank you, 5"), "improve")
		w.one(w.write(phone, "йцукен"), "Thank you")
		if c, err := st.Contact(t.Context(), contact); err != nil || c.Locale != "en" {
			t.Errorf("the contact's language is %q, %v", c.Locale, err)
		}
	})
	for words, says := range map[string]string{"ok 5": "Спасибо", "5": "улучшить", "非常满意，5分": "谢谢您", "Alles gut, danke, 5": "Спасибо"} {
		w, _ := asked(t, storetest.Open(t, "sqlite"))
		w.one(w.write(phone, words), says)
	}
}

// TestInquiryIsAcknowledged: who asks something beside an answer is told who answers it,
// until when, with the next question; where that has left already, in a message of its own.
func TestInquiryIsAcknowledged(t *testing.T) {
	const open = "до скольки работаете?"
	for _, tt := range []struct {
		name  string
		says  []string
		pause time.Duration
		told  []string // by the messages that stand, each a part
	}{
		{"with the next question", []string{"5, а " + open}, 0, []string{"Мария Орлова ответит на Ваш вопрос до 14:01 сегодня.\n\nВсё, о чём Вы просили"}},
		{"in the next message", []string{"5", open}, 2 * time.Second, []string{"Мария Орлова ответит на Ваш вопрос до 14:01 сегодня.\n\nВсё, о чём Вы просили"}},
		{"after the next question", []string{"5", open}, 5 * time.Second, []string{"Всё, о чём Вы просили", "Получили Ваш вопрос. Мария Орлова ответит"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w, contact := asked(t, st)
				w.chat(contact)
				before := len(w.told(contact))
				for _, text := range tt.says {
					w.n++
					w.telegram(channels.Inbound{ProviderID: fmt.Sprint("m", w.n), Text: text})
					w.forward(tt.pause)
					if tt.pause >= 5*time.Second {
						w.leave()
					}
				}
				got := w.told(contact)[before:]
				if len(got) != len(tt.told) {
					t.Fatalf("told: %q", got)
				}
				for i, part := range tt.told {
					if !strings.Contains(got[i], part) {
						t.Errorf("told %q, want %q", got[i], part)
					}
				}
				if rv := w.tasks(store.TaskReview); len(rv) != 1 || rv[0].Reason != callback.ReasonInquiry {
					t.Errorf("tasks: %+v", rv)
				}
			})
		})
	}
}

// told are the texts of what was told a contact and stands, in order.
func (w *world) told(contact string) (texts []string) {
	w.t.Helper()
	ms, err := w.Store.MessagesOf(w.t.Context(), contact, 50)
	must(w.t, err)
	for _, m := range ms {
		if m.Direction == store.Out && m.State != outreach.Canceled {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// leave marks what is queued on Telegram, which the rig has no channel for, as sent.
func (w *world) leave() {
	w.t.Helper()
	must(w.t, w.Store.Tx(w.t.Context(), store.RankPerson, func(tx *store.Tx) error {
		_, err := tx.ExecContext(w.t.Context(), "update message set state = 'sent' where state = 'queued' and channel = 'telegram'")
		return err
	}))
}

const chat = "4200042"

// chat moves the only conversation of a contact to Telegram, as a tap on the link in
// a message does, and returns its token.
func (w *world) chat(contact string) string {
	w.t.Helper()
	cs, err := w.Store.ConversationsFor(w.t.Context(), contact)
	must(w.t, err)
	w.telegram(channels.Inbound{ProviderID: "start", Start: cs[0].Token})
	w.forward(time.Minute)
	return cs[0].Token
}

func (w *world) telegram(in channels.Inbound) {
	w.t.Helper()
	in.Channel, in.From, in.To = channels.Telegram, chat, "bot"
	w.hand(in)
}

// last is what was queued for a contact last.
func (w *world) last(contact string) store.Message {
	w.t.Helper()
	ms, err := w.Store.MessagesOf(w.t.Context(), contact, 50)
	must(w.t, err)
	for _, m := range slices.Backward(ms) {
		if m.Direction == store.Out {
			return m
		}
	}
	w.t.Fatal("nothing was queued")
	return store.Message{}
}

// TestEdited: an edited message replaces what it answered, whatever is asked by now,
// and what it replaced is kept.
func TestEdited(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		t.Run("what was written last", func(t *testing.T) {
			w, contact := asked(t, storetest.Open(t, st.Engine()))
			w.chat(contact)
			w.telegram(channels.Inbound{ProviderID: "m1", Text: "5"})
			w.forward(time.Minute)
			w.telegram(channels.Inbound{ProviderID: "m1:edit:1", EditOf: "m1", Text: "2 стук остался"})
			if got := w.answers(contact); got["overall"] != "2 стук остался" {
				t.Errorf("answers: %v", got)
			}
			if cb := w.tasks(store.TaskCallback); len(cb) != 1 || cb[0].Words != "2 стук остался" {
				t.Errorf("callbacks: %+v", cb)
			}
			w.telegram(channels.Inbound{ProviderID: "m1:edit:2", EditOf: "m1", Text: "5"})
			if got := w.answers(contact); got["overall"] != "5" {
				t.Errorf("answers: %v", got)
			}
		})
		t.Run("what was written before", func(t *testing.T) {
			w, contact := asked(t, storetest.Open(t, st.Engine()))
			w.chat(contact)
			w.telegram(channels.Inbound{ProviderID: "m1", Text: "5"})
			w.forward(time.Minute)
			w.telegram(channels.Inbound{ProviderID: "m2", Text: "да"})
			w.forward(time.Minute)
			w.telegram(channels.Inbound{ProviderID: "m1:edit:1", EditOf: "m1", Text: "1"})
			if got := w.answers(contact); got["overall"] != "1" || got["fixed"] != "yes" || len(got) != 2 {
				t.Errorf("answers: %v", got)
			}
			if cb := w.tasks(store.TaskCallback); len(cb) != 1 {
				t.Errorf("callbacks: %+v", cb)
			}
		})
	})
}

// TestTappedScoreStays: the tapped message turns into the next one and still says what
// was tapped.
func TestTappedScoreStays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w, contact := asked(t, st)
		token := w.chat(contact)
		q := w.last(contact)
		must(t, st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			_, err := tx.ExecContext(t.Context(), "update message set state = 'sent', provider_id = '42:7' where id = $1", q.ID)
			return err
		}))
		w.telegram(channels.Inbound{ProviderID: "tap:1", Data: token + ":overall:5", References: []string{"42:7"}})
		if m := w.last(contact); m.Options.Edit != "42:7" || !strings.HasPrefix(m.Text, "✅ 5") || !strings.Contains(m.Text, "первого раза") || m.DueAt.After(w.Clock.Business()) {
			t.Errorf("the tapped message becomes %q at %v, edit of %q", m.Text, m.DueAt, m.Options.Edit)
		}
	})
}

// TestTwoOpenSurveys: of two open surveys the one gets the answer whose question it
// fits, though the other moved last.
func TestTwoOpenSurveys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w, contact := asked(t, st)
		w.one(w.write(phone, "2 стук остался"), "Мария Орлова")
		cb := w.tasks(store.TaskCallback)[0]
		must(t, w.desk.Claim(t.Context(), cb.ID, w.maria))
		must(t, w.desk.Agree(t.Context(), cb.ID, w.maria, callback.Agreement{Solution: "замена опоры", Consent: "yes", Next: w.Clock.Business().Add(96 * time.Hour)}))
		must(t, w.desk.Ask(t.Context(), cb.ID, w.maria))
		w.one(w.send(), "замена опоры")
		w.forward(time.Hour)
		must(t, st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			return tx.OpenConversation(t.Context(), store.Conversation{ID: st.NewID(), DealerID: w.Dealer.ID, ContactID: contact, Survey: "after-service", SurveyVersion: 1, Locale: "ru", Channel: channels.SMS,
				Address: phone, State: store.ConversationOpen, Position: `{"question":"overall","asked":[{"question":"overall","channel":"sms"}],"channel":"sms"}`, Token: "second"}, w.Clock.Business())
		}))
		w.in.Copies = nil
		// "да" is no score: it is the answer to "is it solved?", which was asked before.
		w.write(phone, "да, всё решено")
		if x, err := st.Task(t.Context(), cb.ID); err != nil || x.ConfirmedBy != "customer" {
			t.Errorf("the callback: %+v, %v", x, err)
		}
		w.write(phone, "5")
		cs, err := st.ConversationsFor(t.Context(), contact)
		must(t, err)
		as, err := st.Answers(t.Context(), []string{cs[0].ID})
		if err != nil || len(as[cs[0].ID]) != 1 || *as[cs[0].ID][0].Rating != 5 {
			t.Errorf("the new survey has %+v, %v", as, err)
		}
	})
}

// TestSoldCarOutsideASurvey: who answers wishes that he has sold his car hears nothing of
// that car any more; of two cars a person reads which it was.
func TestSoldCarOutsideASurvey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		sold := func(contact string) (n int) {
			t.Helper()
			vs, err := st.VehiclesOf(t.Context(), contact)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range vs {
				if !v.SoldAt.IsZero() {
					n++
				}
			}
			return n
		}
		const other = "+79000000177"
		one := w.visit("1001", "Иванов Иван", phone, 90*24*time.Hour)
		two := w.visit("1002", "Петров Пётр", other, 90*24*time.Hour)
		v := storetest.Visit("1003", "Петров Пётр", other, w.Clock.Business().AddDate(0, -4, 0))
		v.VIN, v.Plate = "XTA00000000000099", "В099ВВ777"
		storetest.Save(t, st, w.Dealer, v)
		w.send()
		w.one(w.write(phone, "Спасибо, но машину продал"), "Об этой машине больше не пишем")
		if n := sold(one); n != 1 || len(w.tasks(store.TaskReview)) != 0 {
			t.Errorf("%d cars are sold, reviews %+v", n, w.tasks(store.TaskReview))
		}
		w.write(other, "машину продал")
		if n := sold(two); n != 0 || len(w.tasks(store.TaskReview)) != 1 {
			t.Errorf("%d of two cars are sold, reviews %+v", n, w.tasks(store.TaskReview))
		}
	})
}

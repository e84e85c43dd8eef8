package inbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// pair is one person with two visits whose surveys are both open, by SMS or in a
// Telegram chat: the first about a Vesta, the second, which was asked last, about a
// Largus.
func pair(t *testing.T, st *store.Store, ch channels.Kind) (w *world, contact string) {
	t.Helper()
	w = newWorld(t, st)
	contact = w.visit("1001", "Иванов Иван Петрович", phone, 200*time.Hour)
	largus := storetest.Visit("1002", "Иванов Иван Петрович", phone, w.Clock.Business().Add(-100*time.Hour))
	largus.Customer.Given, largus.Customer.Patronymic, largus.Customer.Family, largus.Model = "Иван", "Петрович", "Иванов", "LADA Largus"
	storetest.Save(t, st, w.Dealer, largus)
	address := phone
	if ch == channels.Telegram {
		address = chat
	}
	for _, order := range []string{"1001", "1002"} {
		must(t, st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			now := w.Clock.Business()
			if err := tx.AddAddress(t.Context(), contact, store.Address{Channel: ch, Value: address}, now); err != nil {
				return err
			}
			var visit string
			if err := tx.QueryRowContext(t.Context(), "select id from visit where order_no = $1", order).Scan(&visit); err != nil {
				return err
			}
			return tx.OpenConversation(t.Context(), store.Conversation{ID: st.NewID(), DealerID: w.Dealer.ID, ContactID: contact, VisitID: visit, Survey: "after-service", SurveyVersion: 1, Locale: "ru", Channel: ch,
				Address: address, State: store.ConversationOpen, Position: fmt.Sprintf(`{"question":"overall","asked":[{"question":"overall","channel":%q}],"channel":%q}`, ch, ch), Token: "token" + order}, now)
		}))
		w.forward(time.Hour)
	}
	return w, contact
}

// about gives the standing answers to the survey about one visit.
func (w *world) about(order string) map[string]string {
	w.t.Helper()
	c, err := w.Store.ConversationByToken(w.t.Context(), "token"+order)
	must(w.t, err)
	as, err := w.Store.Answers(w.t.Context(), []string{c.ID})
	must(w.t, err)
	out := map[string]string{}
	for _, a := range as[c.ID] {
		v := a.Answer
		if a.Rating != nil {
			v = fmt.Sprint(*a.Rating)
		}
		out[a.Question] = strings.TrimSpace(v + " " + a.Comment)
	}
	return out
}

// TestWhichVisit: an answer that fits two open surveys is held, the person is asked
// once which visit he means, and the answer lands on that one. Until then, and where
// it stays unclear, his words lie with an operator.
func TestWhichVisit(t *testing.T) {
	for _, tt := range []struct {
		name          string
		says          []string
		first, second map[string]string // of the newer visit, which is named first, and of the older one
		review        string            // what an operator still has to read
		callback      string
	}{
		{"by number", []string{"5", "1"}, map[string]string{"overall": "5"}, nil, "", ""},
		{"by the other number", []string{"4", "2"}, nil, map[string]string{"overall": "4"}, "", ""},
		{"by the car", []string{"5", "ларгус"}, nil, nil, "5\nларгус", ""},
		{"by the car as it is written", []string{"5", "Vesta"}, nil, map[string]string{"overall": "5"}, "", ""},
		{"with words", []string{"2 стук остался", "2"}, nil, map[string]string{"overall": "2 стук остался"}, "", "2 стук остался"},
		{"a low score waits with a person", []string{"2 стук остался"}, nil, nil, "2 стук остался", ""},
		{"no answer to the question", []string{"5", "5"}, nil, nil, "5\n5", ""},
		{"not asked twice", []string{"5", "5", "4"}, map[string]string{"overall": "4"}, nil, "5\n5", ""},
		{"something else", []string{"5", "до скольки работаете?"}, nil, nil, "5\nдо скольки работаете?", ""},
		{"one goes on", []string{"5", "1", "долго ждал"}, map[string]string{"overall": "5", "suggestions": "долго ждал"}, nil, "", ""},
		{"the other comes next", []string{"5", "1", "4"}, map[string]string{"overall": "5"}, map[string]string{"overall": "4"}, "", ""},
		{"a lawyer is no matter of asking", []string{"2, мой юрист с вами свяжется"}, map[string]string{"overall": "2 мой юрист с вами свяжется"}, nil, "", "2, мой юрист с вами свяжется"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w, contact := pair(t, st, channels.SMS)
				asked := 0
				for _, s := range tt.says {
					for _, m := range w.write(phone, s) {
						if strings.Contains(m.Text, "1 - LADA Largus (") && strings.Contains(m.Text, ", 2 - LADA Vesta (") {
							asked++
						}
					}
					w.forward(time.Minute)
				}
				if want := 1; asked != want && tt.name != "a lawyer is no matter of asking" || asked > 1 {
					t.Errorf("asked %d times", asked)
				}
				if got := w.about("1002"); fmt.Sprint(got) != fmt.Sprint(tt.first) && len(got)+len(tt.first) > 0 {
					t.Errorf("the first has %v", got)
				}
				if got := w.about("1001"); fmt.Sprint(got) != fmt.Sprint(tt.second) && len(got)+len(tt.second) > 0 {
					t.Errorf("the second has %v", got)
				}
				w.expect(store.TaskReview, tt.review)
				w.expect(store.TaskCallback, tt.callback)
				if ms, err := st.MessagesOf(t.Context(), contact, 50); err != nil || len(tt.says) > 1 && tt.second != nil && tt.review == "" && ms[0].ConversationID == "" {
					t.Errorf("messages: %+v, %v", ms, err)
				}
			})
		})
	}
}

// expect checks the words of the only open task of a kind; "" for none.
func (w *world) expect(kind, words string) {
	w.t.Helper()
	ts := w.tasks(kind)
	if words == "" && len(ts) == 0 || len(ts) == 1 && ts[0].Words == words {
		return
	}
	w.t.Errorf("%s: %+v, want the words %q", kind, ts, words)
}

// TestWhichVisitByButton: in Telegram the visits are buttons, the tapped message turns
// into what follows, and what is written before the question has left joins the answer.
func TestWhichVisitByButton(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w, contact := pair(t, st, channels.Telegram)
		w.telegram(channels.Inbound{ProviderID: "m1", Text: "2"})
		w.forward(2 * time.Second)
		w.telegram(channels.Inbound{ProviderID: "m2", Text: "стук остался"})
		q := w.last(contact)
		if len(q.Buttons) != 2 || !strings.HasPrefix(q.Buttons[0][0].Label, "LADA Largus (") || !strings.HasPrefix(q.Buttons[1][0].Label, "LADA Vesta (") {
			t.Fatalf("asked %q with %+v", q.Text, q.Buttons)
		}
		w.expect(store.TaskReview, "2\nстук остался")
		must(t, st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			_, err := tx.ExecContext(t.Context(), "update message set state = 'sent', provider_id = '42:9' where id = $1", q.ID)
			return err
		}))
		w.forward(time.Minute)
		w.telegram(channels.Inbound{ProviderID: "tap1", Data: q.Buttons[1][0].Data, References: []string{"42:9"}})
		if got := w.about("1001"); got["overall"] != "2 стук остался" || len(w.about("1002")) > 0 {
			t.Errorf("the Vesta has %v, the Largus %v", got, w.about("1002"))
		}
		w.expect(store.TaskReview, "")
		if cb := w.tasks(store.TaskCallback); len(cb) != 1 || cb[0].Order != "1001" {
			t.Errorf("callbacks: %+v", cb)
		}
		// Tapped again, it means nothing any more.
		w.telegram(channels.Inbound{ProviderID: "tap2", Data: q.Buttons[0][0].Data, References: []string{"42:9"}})
		if got := w.about("1002"); len(got) > 0 {
			t.Errorf("the second tap gave %v", got)
		}
		// The words are where they belong, so that an edit of theirs finds its answer.
		w.forward(time.Minute)
		w.telegram(channels.Inbound{ProviderID: "m1:edit:1", EditOf: "m1", Text: "1"})
		if got := w.about("1001"); !strings.HasPrefix(got["overall"], "1") {
			t.Errorf("after the edit: %v", got)
		}
	})
}

// TestNotWorthAsking: a person in the middle of one survey goes on with it, a survey of
// long ago is over, and "is it solved?" is told by its words.
func TestNotWorthAsking(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		t.Run("in the middle of one", func(t *testing.T) {
			w, _ := pair(t, storetest.Open(t, st.Engine()), channels.Telegram)
			w.telegram(channels.Inbound{ProviderID: "t1", Data: "token1001:overall:5"})
			w.forward(time.Minute)
			w.telegram(channels.Inbound{ProviderID: "m1", Text: "да"})
			if got := w.about("1001"); got["fixed"] != "yes" {
				t.Errorf("answers: %v", got)
			}
			w.expect(store.TaskReview, "")
		})
		t.Run("long ago", func(t *testing.T) {
			w, _ := pair(t, storetest.Open(t, st.Engine()), channels.SMS)
			must(t, w.Store.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
				_, err := tx.ExecContext(t.Context(), "update conversation set updated_at = updated_at - $1 where token = 'token1001'", (20 * 24 * time.Hour).Microseconds())
				return err
			}))
			w.write(phone, "5")
			if got := w.about("1002"); got["overall"] != "5" {
				t.Errorf("answers: %v", got)
			}
		})
	})
}

// TestWhichOfOneVisit: two surveys about one visit are told apart by their titles.
func TestWhichOfOneVisit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w, contact := asked(t, st)
		w.one(w.write(phone, "2 стук остался"), "Мария Орлова")
		cb := w.tasks(store.TaskCallback)[0]
		must(t, w.desk.Claim(t.Context(), cb.ID, w.maria))
		must(t, w.desk.Agree(t.Context(), cb.ID, w.maria, callback.Agreement{Solution: "замена опоры", Consent: "yes", Next: w.Clock.Business().Add(96 * time.Hour)}))
		must(t, w.desk.Ask(t.Context(), cb.ID, w.maria))
		w.send()
		w.forward(time.Hour)
		must(t, st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			return tx.OpenConversation(t.Context(), store.Conversation{ID: st.NewID(), DealerID: w.Dealer.ID, ContactID: contact, VisitID: cb.VisitID, Survey: "csi", SurveyVersion: 1, Locale: "ru", Channel: channels.SMS,
				Address: phone, State: store.ConversationOpen, Position: `{"question":"overall","asked":[{"question":"overall","channel":"sms"}],"channel":"sms"}`, Token: "token2"}, w.Clock.Business())
		}))
		w.in.Copies = nil
		w.one(w.write(phone, "1"), "1 - Индекс удовлетворённости сервисом, 2 - Вопрос решён?")
		w.one(w.write(phone, "2"), "")
		if x, err := st.Task(t.Context(), cb.ID); err != nil || x.ConfirmedBy != "customer" {
			t.Errorf("the callback: %+v, %v", x, err)
		}
	})
}

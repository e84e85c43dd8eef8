package inbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/internal/callback"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

const (
	mailbox = "svc@south.example"
	ivan    = "ivan@example.org"
)

// numberless is a customer of whom there is no number, asked on a channel.
type numberless struct {
	*world
	contact, address string
	channel          channels.Kind
	fake             *channeltest.Fake
	// unasked: he writes on his own, not below what he was sent.
	unasked bool
}

func newNumberless(t *testing.T, st *store.Store, ch channels.Kind, locale string) *numberless {
	t.Helper()
	n := &numberless{world: newWorld(t, st), channel: ch, fake: channeltest.NewFake(ch), address: ivan}
	sender := mailbox
	if ch == channels.Telegram {
		n.address, sender = "9160001", "south_bot"
	}
	n.contact = n.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
	must(t, st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
		if _, err := tx.ExecContext(t.Context(), "delete from address where contact_id = $1", n.contact); err != nil {
			return err
		}
		if _, err := tx.ExecContext(t.Context(), "update contact set locale = $2 where id = $1", n.contact, locale); err != nil {
			return err
		}
		return tx.AddAddress(t.Context(), n.contact, store.Address{Channel: ch, Value: n.address}, n.Clock.Business())
	}))
	must(t, st.SaveSender(t.Context(), store.Sender{DealerID: n.Dealer.ID, Channel: ch, Address: sender}, n.Clock.Business()))
	roster, err := st.Roster(t.Context())
	must(t, err)
	n.Roster, n.Dispatcher.Roster, n.in.Roster = roster, roster, roster
	n.Dispatcher.Channels[ch] = n.fake
	n.order(ch)
	n.world.send()
	if len(n.fake.Calls()) != 1 {
		t.Fatalf("asked: %+v", n.fake.Calls())
	}
	return n
}

// tell lets the person write, and gives what he is answered.
func (n *numberless) tell(words string) string {
	n.t.Helper()
	n.n++
	before := n.fake.Calls()
	last := before[len(before)-1]
	in := channels.Inbound{Channel: n.channel, ProviderID: fmt.Sprintf("in%d", n.n), From: n.address, To: last.From, Text: words}
	if n.channel == channels.Email && !n.unasked {
		_, in.Token, _ = strings.Cut(strings.TrimSuffix(last.ReplyTo, "@south.example"), "+")
	}
	n.hand(in)
	n.forward(10 * time.Second)
	n.world.send()
	n.forward(10 * time.Second)
	var out []string
	for _, m := range n.fake.Calls()[len(before):] {
		out = append(out, m.Text)
	}
	return strings.Join(out, "\n---\n")
}

func (n *numberless) numbers() []string {
	n.t.Helper()
	c, err := n.Store.Contact(n.t.Context(), n.contact)
	must(n.t, err)
	var out []string
	for _, a := range c.Addresses {
		if a.Channel == channels.SMS {
			out = append(out, a.Value)
		}
	}
	return out
}

// TestNoNumberIsAskedFor: who is promised a call and has no number with us is asked for it
// with the promise; his answer is kept as his number, with where it is from, and no more asked.
func TestNoNumberIsAskedFor(t *testing.T) {
	for _, tt := range []struct {
		locale, low, asks, gives, promise string
	}{
		{"ru", "2", "на какой номер позвонить", "8 (900) 123-45-67", "позвонит"},
		{"en", "2", "which number to call", "my number is +7 900 123 45 67", "will call you"},
		{"zh", "2", "拨打哪个号码", "我的电话是+79001234567", "给您回电"},
	} {
		for _, ch := range []channels.Kind{channels.Email, channels.Telegram} {
			t.Run(tt.locale+" "+string(ch), func(t *testing.T) {
				storetest.Each(t, func(t *testing.T, st *store.Store) {
					n := newNumberless(t, st, ch, tt.locale)
					if got := n.tell(tt.low); !strings.Contains(got, tt.promise) || !strings.Contains(got, tt.asks) {
						t.Fatalf("told: %s", got)
					}
					cb := n.tasks(store.TaskCallback)
					if len(cb) != 1 {
						t.Fatalf("callbacks: %+v", cb)
					}
					if got := n.tell(tt.gives); !strings.Contains(got, tt.promise) || strings.Contains(got, tt.asks) {
						t.Errorf("told after the number: %s", got)
					}
					if got := n.numbers(); !slices.Equal(got, []string{"+79001234567"}) {
						t.Errorf("numbers: %q", got)
					}
					now := n.tasks(store.TaskCallback)
					if len(now) != 1 || !now[0].DueAt.Equal(cb[0].DueAt) || !strings.Contains(now[0].Words, tt.gives) {
						t.Errorf("callbacks: %+v, were %+v", now, cb)
					}
					steps, err := st.Steps(t.Context(), cb[0].ID)
					must(t, err)
					i := slices.IndexFunc(steps, func(s store.Step) bool { return s.Kind == callback.StepNumber })
					if i < 0 || steps[i].Text != "+79001234567" || steps[i].MessageID == "" {
						t.Errorf("steps: %+v", steps)
					}
					for q, a := range n.answers(n.contact) {
						if q == "trouble" || strings.ContainsAny(a, "9") {
							t.Errorf("%s is %q", q, a)
						}
					}
					if got := n.tell(map[string]string{"ru": "долго ждал, и стук остался", "en": "I waited long and the noise is still there", "zh": "等了很久，异响还在"}[tt.locale]); strings.Contains(got, tt.asks) {
						t.Errorf("asked again: %s", got)
					}
				})
			})
		}
	}
}

// TestNumberBesideWords: a number is found beside a score, a time or a complaint, which are
// all taken; the dealer's own number is not the customer's, and one who is known is not asked.
func TestNumberBesideWords(t *testing.T) {
	for _, tt := range []struct {
		name    string
		says    []string
		numbers []string
		asked   bool
		trouble bool
		wished  bool
	}{
		{"with the score", []string{"2, позвоните на 89001234567"}, []string{"+79001234567"}, false, false, false},
		{"with a time", []string{"2", "8 900 123-45-67 завтра в 18:30"}, []string{"+79001234567"}, false, false, true},
		{"with a complaint", []string{"2", "ждал три часа, а стук остался. 89001234567"}, []string{"+79001234567"}, false, true, false},
		{"the dealer's", []string{"2", "звонил вам на +7 495 000-00-00, никто не ответил"}, nil, true, true, false},
		{"no number", []string{"2", "заказ 1001, отдал 150 000 рублей"}, nil, true, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				n := newNumberless(t, st, channels.Email, "ru")
				last := ""
				for _, words := range tt.says {
					last = n.tell(words)
				}
				if got := n.numbers(); !slices.Equal(got, tt.numbers) {
					t.Errorf("numbers: %q", got)
				}
				if strings.Contains(last, "на какой номер") != tt.asked {
					t.Errorf("told: %s", last)
				}
				cb := n.tasks(store.TaskCallback)
				if len(cb) != 1 || cb[0].CallFrom.IsZero() == tt.wished {
					t.Errorf("callbacks: %+v", cb)
				}
				as, err := st.Answers(t.Context(), []string{cb[0].ConversationID})
				must(t, err)
				trouble := slices.ContainsFunc(as[cb[0].ConversationID], func(a store.Answer) bool { return a.Question == "trouble" && !strings.Contains(a.Comment, "8900") })
				if trouble != tt.trouble {
					t.Errorf("answers: %+v", as)
				}
			})
		})
	}
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w, _ := asked(t, st)
		if ms := w.write(phone, "2"); len(ms) != 1 || strings.Contains(ms[0].Text, "номер") {
			t.Errorf("told by SMS: %+v", ms)
		}
	})
}

// TestNumberOfAnInquirer: the same holds for who was asked nothing and wants to be called.
func TestNumberOfAnInquirer(t *testing.T) {
	for _, ch := range []channels.Kind{channels.Email, channels.Telegram} {
		t.Run(string(ch), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				n := newNumberless(t, st, ch, "ru")
				n.unasked = true
				n.forward(40 * 24 * time.Hour)
				if got := n.tell("Перезвоните мне, пожалуйста"); !strings.Contains(got, "позвонит") || !strings.Contains(got, "на какой номер") {
					t.Fatalf("told: %s", got)
				}
				cb := n.tasks(store.TaskCallback)
				if got := n.tell("89001234567"); !strings.Contains(got, "позвонит") || strings.Contains(got, "на какой номер") {
					t.Errorf("told after the number: %s", got)
				}
				if got := n.numbers(); !slices.Equal(got, []string{"+79001234567"}) {
					t.Errorf("numbers: %q", got)
				}
				now := n.tasks(store.TaskCallback)
				if len(cb) != 1 || len(now) != 1 || cb[0].ConversationID != "" || !now[0].DueAt.Equal(cb[0].DueAt) || !strings.Contains(now[0].Words, "89001234567") {
					t.Errorf("callbacks: %+v, were %+v", now, cb)
				}
				if rs := n.tasks(store.TaskReview); len(rs) != 0 {
					t.Errorf("reviews: %+v", rs)
				}
				if steps, err := st.Steps(t.Context(), now[0].ID); err != nil || !slices.ContainsFunc(steps, func(s store.Step) bool { return s.Kind == callback.StepNumber }) {
					t.Errorf("steps: %+v, %v", steps, err)
				}
			})
		})
	}
}

// TestLatePromise: a promise that waits leaves with the day it speaks of, and not at all
// once the promised time is over.
func TestLatePromise(t *testing.T) {
	for _, tt := range []struct {
		name  string
		waits time.Duration
		state outreach.MessageState
	}{
		{"a night", 22 * time.Hour, outreach.Sent},
		{"longer than promised", 25 * time.Hour, outreach.Expired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w, contact := asked(t, st)
				w.say(phone, "2")
				day := w.Clock.Business().AddDate(0, 0, 1).In(w.Dealer.Location())
				w.forward(tt.waits)
				w.send()
				ms, err := st.MessagesOf(t.Context(), contact, 10)
				must(t, err)
				i := slices.IndexFunc(ms, func(m store.Message) bool { return m.Template == "after-service/trouble" })
				if i < 0 || ms[i].State != tt.state {
					t.Fatalf("messages: %+v", ms)
				}
				if strings.Contains(ms[i].Text, "завтра") || !strings.Contains(ms[i].Text, fmt.Sprintf("%d ", day.Day())) {
					t.Errorf("told: %s", ms[i].Text)
				}
				if tt.state == outreach.Expired && ms[i].Reason != "too_late" {
					t.Errorf("dropped for %q", ms[i].Reason)
				}
			})
		})
	}
}

package inbox_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/internal/outreach"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestReach: how a customer wants to be reached is kept with its proof and used by the
// next outreach; who wants nothing has said no to greetings on every channel (R040).
func TestReach(t *testing.T) {
	for _, tt := range []struct {
		says, tap string
		preferred channels.Kind
		given     bool
		on        []channels.Kind
	}{
		{"", "telegram", channels.Telegram, true, []channels.Kind{channels.Telegram}},
		{"", "email", channels.Email, true, []channels.Kind{channels.Email}},
		{"почта", "", channels.Email, true, []channels.Kind{channels.Email}},
		{"", "none", "", false, []channels.Kind{channels.SMS, channels.Email, channels.Telegram, channels.Phone}},
		{"не нужно", "", "", false, []channels.Kind{channels.SMS, channels.Email, channels.Telegram, channels.Phone}},
		{"no greetings please", "", "", false, nil},
		{"不需要", "", "", false, []channels.Kind{channels.SMS, channels.Email, channels.Telegram, channels.Phone}},
	} {
		t.Run(tt.says+tt.tap, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w := newWorld(t, st)
				w.ask("purchase-first-contact")
				contact := w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
				w.send()
				token := w.chat(contact)
				for _, a := range []string{"purchase:5", "delivery:5", "liked:look", "liked:done", "recommend:yes"} {
					w.telegram(channels.Inbound{ProviderID: "tap:" + a, Data: token + ":" + a})
					w.forward(time.Minute)
				}
				if _, state := w.position(contact); state.Question != "contact" {
					t.Fatalf("%q is asked", state.Question)
				}
				in := channels.Inbound{ProviderID: "answer", Text: tt.says}
				if tt.tap != "" {
					in.Data = token + ":contact:" + tt.tap
				}
				w.telegram(in)
				c, err := st.Contact(t.Context(), contact)
				must(t, err)
				if c.Preferred != tt.preferred {
					t.Errorf("%q is preferred, want %q", c.Preferred, tt.preferred)
				}
				words, err := st.Consents(t.Context(), []string{contact})
				must(t, err)
				var on []channels.Kind
				for _, x := range words[contact] {
					if x.Purpose != string(outreach.Greeting) || x.Given != tt.given || x.How != "message" {
						t.Errorf("consent %+v", x)
					}
					on = append(on, x.Channel)
				}
				if tt.on != nil && !slices.Equal(on, tt.on) || len(on) == 0 {
					t.Errorf("a word for %v, want %v", on, tt.on)
				}
				must(t, st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
					var n int
					err := tx.QueryRowContext(t.Context(), "select count(*) from consent where contact_id = $1 and message_id is not null and (text_version like 'purchase-first-contact/contact version 1, %' or $2 = 1)", contact, map[bool]int{true: 1}[tt.on == nil]).Scan(&n)
					if err == nil && n != len(on) {
						t.Errorf("%d of %d words have their proof", n, len(on))
					}
					return err
				}))
			})
		})
	}
}

// TestPreferredChannel: the next outreach goes where the person wants it, as far as the
// program uses that channel.
func TestPreferredChannel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		contact := w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		must(t, st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			if err := tx.AddAddress(t.Context(), contact, store.Address{Channel: channels.Email, Value: "ivan@example.org"}, w.Clock.Business()); err != nil {
				return err
			}
			_, err := tx.ExecContext(t.Context(), "update contact set preferred = 'email' where id = $1", contact)
			return err
		}))
		must(t, st.SaveSender(t.Context(), store.Sender{DealerID: w.Dealer.ID, Channel: channels.Email, Address: "svc@south.example"}, w.Clock.Business()))
		var err error
		w.Dispatcher.Roster, err = st.Roster(t.Context())
		must(t, err)
		mail := channeltest.NewFake(channels.Email)
		w.Dispatcher.Channels[channels.Email] = mail
		w.order(channels.SMS, channels.Email)
		if ms := append(w.send(), mail.Calls()...); len(ms) != 1 || ms[0].To != "ivan@example.org" {
			t.Errorf("sent: %+v", ms)
		}
	})
}

// order has the follow-up's survey use these channels.
func (w *world) order(of ...channels.Kind) {
	p := *w.Planner.Programs()["service-followup"]
	p.Steps = slices.Clone(p.Steps)
	p.Steps[0].Channels = of
	w.Planner.Programs = program.Fixed(map[string]*program.Definition{p.ID: &p})
	w.Dispatcher.Programs = w.Planner.Programs
}

// TestPraisedIsNamed: the thanks name the colleague whom the customer has praised, by
// the name that is known here, and nobody where nobody is known.
func TestPraisedIsNamed(t *testing.T) {
	for _, tt := range []struct{ says, locale, want string }{
		{"5, спасибо Марии", "ru", "Передадим Ваши слова тем, кого Вы отметили: Мария Орлова."},
		{"5, спасибо Марии и Олегу", "ru", "Передадим Ваши слова тем, кого Вы отметили: Мария Орлова, Олег Ким."},
		{"5, спасибо Зиновию", "ru", "Рады, что всё хорошо."},
		{"5, девушка на приёмке молодец", "ru", "Рады, что всё хорошо."},
		{"5, thanks to Олег", "en", "We will pass your words on to Олег Ким."},
		{"5分，谢谢王强", "zh", "我们会把您的话转告王强。"},
		{"2, спасибо Марии, но стук остался", "ru", "позвонит"},
	} {
		t.Run(tt.says, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w, contact := asked(t, st)
				for _, name := range []string{"Олег Ким", "王强"} {
					_, err := st.SaveEmployee(t.Context(), store.Employee{DealerID: w.Dealer.ID, Name: name, Active: true}, storetest.Now)
					must(t, err)
				}
				must(t, st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
					_, err := tx.ExecContext(t.Context(), "update conversation set locale = $2 where contact_id = $1", contact, tt.locale)
					return err
				}))
				ms := w.write(phone, tt.says)
				if len(ms) == 0 || !strings.Contains(ms[len(ms)-1].Text, tt.want) || strings.Contains(ms[len(ms)-1].Text, "отметили") && !strings.Contains(tt.want, "отметили") {
					t.Errorf("told %+v, want %q", ms, tt.want)
				}
			})
		})
	}
}

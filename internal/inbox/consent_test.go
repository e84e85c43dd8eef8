package inbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/internal/app"
	"otklik/internal/campaign"
	"otklik/internal/intake"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/templates"
)

// shop is a world with a marketer who imports customers and advertises.
type shop struct {
	*world
	ads  *campaign.Desk
	lena store.Employee
}

func newShop(t *testing.T, st *store.Store) *shop {
	t.Helper()
	s := &shop{world: newWorld(t, st)}
	words, err := campaign.ReadAdvertising(templates.FS)
	must(t, err)
	s.ads = &campaign.Desk{Store: st, Clock: s.Clock, Planner: s.Planner, Dispatcher: s.Dispatcher, Drafter: s.Drafter, Policy: s.Dispatcher.Policy, Advertising: words,
		Programs: func() (out []program.Listed) {
			for _, p := range s.Planner.Programs() {
				out = append(out, program.Listed{Definition: p})
			}
			return out
		}}
	s.lena, err = st.SaveEmployee(t.Context(), store.Employee{DealerID: s.Dealer.ID, Name: "Лена", Login: "lena", Roles: []string{store.RoleMarketer}, Active: true}, storetest.Now)
	must(t, err)
	return s
}

// read imports a customer's rows: yes or no, date, source, and an address by mail where it is told. It gives the counts and
// the codes of what was said of the lines.
func (s *shop) read(d store.Dealer, rows ...string) string {
	s.t.Helper()
	im := &app.Importer{Store: s.Store, Now: s.Clock.Business}
	var codes []string
	text := "Клиент;Телефон;Согласие на рекламу;Дата согласия на рекламу;Источник согласия на рекламу;E-mail\n"
	for _, r := range rows {
		text += "Иванов Иван Петрович;" + phone + ";" + r + "\n"
	}
	_, n, err := im.Import(s.t.Context(), "f.csv", strings.NewReader(text), app.ImportOptions{Kind: intake.Customers, Dealer: d, Locale: "ru",
		Problem: func(_ string, p intake.Problem) { codes = append(codes, fmt.Sprintf("%d:%s", p.Line, p.Code)) }})
	must(s.t, err)
	return strings.TrimSpace(fmt.Sprintf("stored %d updated %d unchanged %d refused %d %s", n.Stored, n.Updated, n.Unchanged, n.Refused, strings.Join(codes, " ")))
}

// day is so many days ago, as a file writes it.
func (s *shop) day(ago int) string {
	return s.Clock.Business().In(s.Dealer.Location()).AddDate(0, 0, -ago).Format("02.01.2006")
}

// news are those of a dealer for two days ahead.
func (s *shop) news(d store.Dealer) store.Campaign {
	s.t.Helper()
	c := store.Campaign{DealerID: d.ID, Program: campaign.News, Title: "Новая модель", Date: s.Clock.Business().In(d.Location()).AddDate(0, 0, 2).Format(time.DateOnly), Hour: "12:00"}
	must(s.t, c.Worded(map[string]string{"ru": "Новая модель уже у нас, ждём Вас."}, nil))
	lena := s.lena
	lena.DealerID = d.ID
	c, err := s.ads.Save(s.t.Context(), c, lena)
	must(s.t, err)
	return c
}

// rehearsed says what a dry run of news at a dealer makes of the customer.
func (s *shop) rehearsed(d store.Dealer) string {
	s.t.Helper()
	c := s.news(d)
	got, err := s.ads.Rehearse(s.t.Context(), c, s.lena.ID)
	must(s.t, err)
	if got.Send == 1 {
		return "send"
	}
	if len(got.Skipped) == 1 {
		return got.Skipped[0].Rule
	}
	return fmt.Sprintf("%+v", got)
}

// planned says what a plan like that of `otklik plan` tells of launched news.
func (s *shop) planned(c *store.Campaign) string {
	s.t.Helper()
	now := s.Clock.Business()
	for rows, err := range s.Planner.Preview(s.t.Context(), c.DealerID, now, now.AddDate(0, 0, 3), now) {
		must(s.t, err)
		fs, err := s.Dispatcher.Forecast(s.t.Context(), rows)
		must(s.t, err)
		for _, f := range fs {
			if f.Subject == c.ID && f.Verdict == string(policy.Send) {
				return f.Verdict
			} else if f.Subject == c.ID {
				return f.Rule
			}
		}
	}
	return "nothing"
}

// TestImportedConsent: who agreed to advertising by a file with its proof is advertised to, dry run and plan say so; his
// STOP ends it, and neither the same file nor a newer one brings it back, on this address, on another, or for anything else.
func TestImportedConsent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		s.visit("1001", "Иванов Иван Петрович", phone, 24*40*time.Hour)
		s.Plan(t)
		if got := s.rehearsed(s.Dealer); got != policy.RuleNoConsent {
			t.Fatalf("without a word: %s", got)
		}
		yes := "да;" + s.day(90) + ";анкета № 17;"
		for _, want := range []string{"stored 0 updated 1 unchanged 0 refused 0", "stored 0 updated 0 unchanged 1 refused 0"} {
			if got := s.read(s.Dealer, yes); got != want {
				t.Errorf("imported: %s, want %s", got, want)
			}
		}
		if got := s.rehearsed(s.Dealer); got != "send" {
			t.Fatalf("with a consent: %s", got)
		}
		c := s.news(s.Dealer)
		c, err := s.ads.Launch(t.Context(), c, campaign.Order{Version: c.Version, Size: 1}, s.lena)
		must(t, err)
		if got := s.planned(&c); got != "send" {
			t.Errorf("planned: %s", got)
		}
		s.write(phone, "СТОП")
		if got := s.planned(&c); got != policy.RuleOptedOut {
			t.Errorf("planned after STOP: %s", got)
		}
		mail := channeltest.NewFake(channels.Email)
		must(t, st.SaveSender(t.Context(), store.Sender{DealerID: s.Dealer.ID, Channel: channels.Email, Address: "svc@south.example"}, s.Clock.Business()))
		s.Dispatcher.Roster, err = st.Roster(t.Context())
		must(t, err)
		s.Dispatcher.Channels[channels.Email] = mail
		s.forward(time.Hour)
		for _, row := range []string{yes, "да;" + s.day(0) + ";сайт;", yes + "ivan@example.org"} {
			got := s.read(s.Dealer, row)
			if !strings.HasSuffix(got, " 2:opted_out") {
				t.Errorf("imported after STOP: %s", got)
			}
			if got := s.rehearsed(s.Dealer); got != policy.RuleOptedOut && got != policy.RuleWithdrawn {
				t.Errorf("after STOP and %s: %s", row, got)
			}
		}
		s.visit("1002", "Иванов Иван Петрович", phone, 25*time.Hour)
		s.forward(48 * time.Hour)
		for _, m := range append(s.send(), mail.Calls()...) {
			if m.To == phone || strings.Contains(m.Text, "Новая модель") {
				t.Errorf("sent after STOP: %+v", m)
			}
		}
		s.write(phone, "START")
		if got := s.read(s.Dealer, yes); !strings.HasSuffix(got, " 2:opted_out") {
			t.Errorf("imported after START: %s", got)
		}
		if got := s.rehearsed(s.Dealer); got != policy.RuleOptedOut && got != policy.RuleWithdrawn {
			t.Errorf("after START: %s", got)
		}
	})
}

// TestImportedRefusal: the newest dated word of the files counts, a "no" before a "yes" of the same day, and no other.
func TestImportedRefusal(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		s.visit("1001", "Иванов Иван Петрович", phone, 24*40*time.Hour)
		s.Plan(t)
		s.read(s.Dealer, ";;;") // his language and the like
		for i, step := range []struct {
			row       func() string
			said, ads string
		}{
			{func() string { return "нет;;;" }, "stored 0 updated 0 unchanged 1 refused 0", policy.RuleNoConsent},
			{func() string { return "да;" + s.day(60) + ";анкета;" }, "stored 0 updated 1 unchanged 0 refused 0", "send"},
			{func() string { return "нет;" + s.day(90) + ";;" }, "stored 0 updated 1 unchanged 0 refused 0", "send"},
			{func() string { return "нет;;;" }, "stored 0 updated 0 unchanged 1 refused 0 2:no_date", "send"},
			{func() string { return "x;" + s.day(10) + ";анкета;" }, "stored 0 updated 0 unchanged 1 refused 0 2:bad_word", "send"},
			{func() string { return "нет;" + s.day(-1) + ";;" }, "stored 0 updated 0 unchanged 1 refused 0 2:bad_date", "send"},
			{func() string { return "нет;" + s.day(50) + ";;" }, "stored 0 updated 1 unchanged 0 refused 0", policy.RuleWithdrawn},
			{func() string { return "нет;" + s.day(50) + ";;" }, "stored 0 updated 0 unchanged 1 refused 0", policy.RuleWithdrawn},
			{func() string { return "да;" + s.day(60) + ";анкета;" }, "stored 0 updated 0 unchanged 1 refused 0 2:consent_withdrawn", policy.RuleWithdrawn},
			{func() string { return "да;" + s.day(50) + ";анкета;" }, "stored 0 updated 0 unchanged 1 refused 0 2:consent_withdrawn", policy.RuleWithdrawn},
			{func() string { return "да;" + s.day(40) + ";сайт;" }, "stored 0 updated 1 unchanged 0 refused 0", "send"},
			{func() string { return "нет;" + s.day(40) + ";;" }, "stored 0 updated 1 unchanged 0 refused 0", policy.RuleWithdrawn},
		} {
			if got := s.read(s.Dealer, step.row()); got != step.said {
				t.Errorf("%d: %s: %s, want %s", i, step.row(), got, step.said)
			}
			if got := s.rehearsed(s.Dealer); got != step.ads {
				t.Errorf("%d: after %s: %s, want %s", i, step.row(), got, step.ads)
			}
		}
		if got := s.read(s.Dealer, "да;"+s.day(30)+";сайт;", "да;"+s.day(30)+";сайт;", "нет;"+s.day(20)+";;", "да;"+s.day(30)+";сайт;"); got != "stored 0 updated 2 unchanged 2 refused 0 5:consent_withdrawn" {
			t.Errorf("several rows of one person: %s", got)
		}
	})
}

// TestImportedConsentIsTheDealers: who agreed to one dealer's advertisements has not agreed to another's of the group, and
// what he refused at one of them is refused at all.
func TestImportedConsentIsTheDealers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		north := s.Dealer
		north.ID, north.Code, north.Name = "", "north", "Север"
		north, err := st.SaveDealer(t.Context(), north, storetest.Now)
		must(t, err)
		must(t, st.SaveSender(t.Context(), store.Sender{DealerID: north.ID, Channel: channels.SMS, Address: "+74950000009"}, storetest.Now))
		s.Dispatcher.Roster, err = st.Roster(t.Context())
		must(t, err)
		// A customer is advertised to by the dealer where he has been last.
		n := 0
		at := func(d store.Dealer) string {
			n++
			storetest.Save(t, st, d, storetest.Visit(fmt.Sprint("200", n), "Иванов Иван Петрович", phone, s.Clock.Business().AddDate(0, 0, -100+n)))
			s.Plan(t)
			return s.rehearsed(d)
		}
		s.read(s.Dealer, "да;"+s.day(90)+";анкета № 17;")
		if here, there := at(s.Dealer), at(north); here != "send" || there != policy.RuleNoConsent {
			t.Errorf("agreed here: %s, there: %s", here, there)
		}
		s.read(north, "нет;"+s.day(80)+";;")
		if here, there := at(s.Dealer), at(north); here != "send" || there != policy.RuleWithdrawn {
			t.Errorf("refused there: here %s, there %s", here, there)
		}
		s.write(phone, "СТОП")
		if got := s.read(north, "да;"+s.day(0)+";сайт;"); !strings.HasSuffix(got, " 2:opted_out") {
			t.Errorf("imported after a STOP elsewhere: %s", got)
		}
	})
}

// TestImportedAfterStop: whose number said STOP before anybody knew whose it is, or before he was erased, is not advertised
// to on an address that a file brings with it.
func TestImportedAfterStop(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newShop(t, st)
		s.write(phone, "СТОП")
		yes := "да;" + s.day(90) + ";анкета № 17;ivan@example.org"
		if got := s.read(s.Dealer, yes); got != "stored 1 updated 0 unchanged 0 refused 0 2:opted_out" {
			t.Errorf("imported: %s", got)
		}
		person, err := st.SearchContacts(t.Context(), s.Dealer.ID, phone, 5)
		must(t, err)
		must(t, st.EraseContact(t.Context(), person[0].ID, s.Clock.Business()))
		if got := s.read(s.Dealer, yes); got != "stored 1 updated 0 unchanged 0 refused 0 2:opted_out" {
			t.Errorf("imported after he was erased: %s", got)
		}
	})
}

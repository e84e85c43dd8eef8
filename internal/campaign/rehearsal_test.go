package campaign_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/campaign"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/templates"
)

// town is what the test knows of the people it has made.
type town struct{ women, unknown, withNews, complaints int }

// populate makes people of mixed gender, language, consent and complaints.
func populate(t *testing.T, r *dispatchtest.Rig, n int) (x town) {
	t.Helper()
	dice := rand.New(rand.NewPCG(8, 3))
	now := r.Clock.Business()
	for i := range n {
		gender := []string{"female", "male", ""}[dice.IntN(3)]
		c := store.ContactRecord{Name: fmt.Sprintf("Клиент %d", i), Given: "Анна", Gender: gender, Locale: []string{"ru", "en", "zh"}[dice.IntN(3)], Phones: []string{fmt.Sprintf("+7900100%04d", i)}}
		v := storetest.Visit(fmt.Sprintf("T%d", i), c.Name, c.Phones[0], now.AddDate(0, -3, 0))
		v.Customer = c
		id := storetest.Save(t, r.Store, r.Dealer, v)[0].ContactID
		agreed, complains := dice.IntN(2) == 0, dice.IntN(8) == 0
		err := r.Store.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			if complains {
				if _, err := tx.OpenTask(t.Context(), store.Task{ID: r.Store.NewID(), DealerID: r.Dealer.ID, ContactID: id, Kind: store.TaskCallback, State: store.TaskOpen, Reason: "low_score", OpenedAt: now, DueAt: now.Add(time.Hour)}, now); err != nil {
					return err
				}
			}
			if !agreed {
				return nil
			}
			return tx.AddConsent(t.Context(), store.Consent{ContactID: id, DealerID: r.Dealer.ID, Purpose: string(outreach.Ad), Channel: channels.SMS, Given: true, At: now, How: "form"})
		})
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case gender == "":
			x.unknown++
		case gender == "female" && complains:
			x.complaints++
		case gender == "female":
			x.women++
			if agreed {
				x.withNews++
			}
		}
	}
	return x
}

// desk is the desk of a rig, and a marketer who works at it.
func desk(t testing.TB, r *dispatchtest.Rig) (*campaign.Desk, store.Employee) {
	t.Helper()
	ads, err := campaign.ReadAdvertising(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	lena, err := r.Store.SaveEmployee(t.Context(), store.Employee{DealerID: r.Dealer.ID, Name: "Лена", Login: "lena", Roles: []string{store.RoleMarketer}, Active: true}, r.Clock.Business())
	if err != nil {
		t.Fatal(err)
	}
	return &campaign.Desk{Store: r.Store, Clock: r.Clock, Planner: r.Planner, Dispatcher: r.Dispatcher, Drafter: r.Drafter, Policy: r.Dispatcher.Policy, Advertising: ads,
		Programs: func() (out []program.Listed) {
			for _, p := range r.Planner.Programs() {
				out = append(out, program.Listed{Definition: p})
			}
			return out
		}}, lena
}

// TestRehearsalIsWhatHappens: its figures are those of the people as the test has made
// them, those of the plan after the launch, and those of what leaves (invariant 13).
func TestRehearsalIsWhatHappens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		made := populate(t, r, 120)
		r.Plan(t)
		d, lena := desk(t, r)
		day := r.Clock.Business().In(r.Dealer.Location()).AddDate(0, 0, 2)
		c := store.Campaign{DealerID: r.Dealer.ID, Program: campaign.Greeting, Title: "8 Марта", Date: day.Format(time.DateOnly), Hour: "12:00", Audience: "{gender: female}"}
		if err := c.Worded(map[string]string{"ru": "С праздником!", "en": "Happy holiday!", "zh": "节日快乐！"}, map[string]string{"ru": "Новая модель.", "en": "A new model.", "zh": "新款到店。"}); err != nil {
			t.Fatal(err)
		}
		c, err := d.Save(t.Context(), c, lena)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Rehearse(t.Context(), c, lena.ID)
		if err != nil {
			t.Fatal(err)
		}
		why := map[string]int{}
		for _, s := range got.Skipped {
			why[s.Rule] = s.N
		}
		if got.Send != made.women || got.WithNews != made.withNews || why[program.RuleGenderUnknown] != made.unknown || why[policy.RuleCallback] != made.complaints || got.Skips() != made.unknown+made.complaints {
			t.Errorf("rehearsed %+v, made %+v", got, made)
		}
		if c, err = d.Launch(t.Context(), c, campaign.Order{Version: c.Version, Size: got.Send}, lena); err != nil {
			t.Fatal(err)
		}
		begin := time.Date(day.Year(), day.Month(), day.Day(), 12, 0, 0, 0, r.Dealer.Location())
		planned := 0
		for _, f := range r.Foresee(t, begin.Add(-time.Hour), begin.Add(time.Hour), r.Clock.Business()) {
			if f.Subject == c.ID && f.Verdict == string(policy.Send) {
				planned++
			}
		}
		r.Forward(t, begin.Add(time.Minute).Sub(r.Clock.Business()))
		if sent := len(r.Send(t)); sent != got.Send || planned != got.Send {
			t.Errorf("rehearsed %d, planned %d, sent %d", got.Send, planned, sent)
		}
		if n, err := d.Cancel(t.Context(), c, lena); err != nil || n != made.complaints {
			t.Errorf("ended %d that were held, %v, want %d", n, err, made.complaints)
		}
	})
}

package program_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// dated are programs of dates, all of them running.
func dated(t testing.TB) map[string]*program.Definition {
	t.Helper()
	step := "\nsteps: [{id: greet, purpose: greeting, message: greeting.birthday, channels: [sms], earliest: 0d 10:00, target: 0d 12:00, deadline: 0d 19:00}]"
	out := map[string]*program.Definition{}
	for _, text := range []string{
		"id: birthday\ntrigger: birthday\nresponsible: marketer" + step,
		"id: car\ntrigger: car_birthday\nresponsible: marketer\nmerge_within: 24h" + step,
		"id: women\ntrigger: dates\non: [{day: 03-08}]\nresponsible: marketer\naudience: {gender: female}" + step,
		"id: easter\ntrigger: dates\non: [{holiday: orthodox_easter}]\nresponsible: marketer\naudience: {tags: [orthodox]}" + step,
		"id: new-year\ntrigger: dates\non: [{day: 12-31}]\nresponsible: marketer\naudience: {prospects: too}" + step,
		"id: news\ntrigger: dates\nlaunch: human\nresponsible: marketer\naudience: {prospects: too, companies: too}" + strings.ReplaceAll(step, "greeting,", "ad,"),
	} {
		d, err := program.Parse("test", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		out[d.ID] = d
	}
	return out
}

// people stores customers and tells their ids by name.
func people(t testing.TB, st *store.Store, d store.Dealer, rs ...store.ContactRecord) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
		for i := range rs {
			rs[i].Phones = []string{fmt.Sprintf("+7900%07d", i)}
			if rs[i].ExternalID == "" {
				rs[i].ExternalID = rs[i].Name
			}
		}
		saved, err := tx.SaveContacts(t.Context(), d, rs, now)
		for i := range saved {
			out[rs[i].Name] = saved[i].ContactID
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDates walks through a year of dates on both engines: each row says what is
// planned for whom by the evening before, and what is not.
func TestDates(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		who := people(t, st, d,
			store.ContactRecord{Name: "Анна", Gender: "female", Birthday: "1980-05-17", Tags: []string{"orthodox"}},
			store.ContactRecord{Name: "Борис", Gender: "male", Birthday: "--02-29"},
			store.ContactRecord{Name: "Саша", Birthday: "1990-12-31"},
			store.ContactRecord{Name: "ООО Ромашка", Company: true, Birthday: "2001-05-17"},
			store.ContactRecord{Name: "Вера", Gender: "female", Birthday: "1950-05-17", Deceased: true},
			store.ContactRecord{Name: "Глеб", Gender: "male", Prospect: true})
		p := &program.Planner{Store: st, Programs: program.Fixed(dated(t)), Book: book(t), Policy: rules(t)}
		cases := []struct {
			day     string
			planned []string // program and name
			listed  map[string]string
		}{
			{"2026-12-31", []string{"new-year Анна", "new-year Борис", "new-year Глеб", "birthday Саша"}, map[string]string{"new-year Саша": policy.RuleOneGreeting, "new-year Вера": program.RuleDeceased}},
			{"2027-02-28", []string{"birthday Борис"}, nil},
			{"2027-03-08", []string{"women Анна"}, map[string]string{"women Саша": program.RuleGenderUnknown, "women Вера": program.RuleDeceased}},
			{"2027-05-02", []string{"easter Анна"}, nil},
			{"2027-05-17", []string{"birthday Анна"}, map[string]string{"birthday Вера": program.RuleDeceased}},
			{"2028-02-28", nil, nil},
			{"2028-02-29", []string{"birthday Борис"}, nil},
		}
		foreseen := map[string]int{}
		for _, c := range cases {
			for rows, err := range p.Preview(t.Context(), d.ID, midnight(t, c.day), midnight(t, c.day).Add(24*time.Hour), now) {
				if err != nil {
					t.Fatal(err)
				}
				foreseen[c.day] += len(rows)
			}
		}
		for _, c := range cases {
			eve := midnight(t, c.day)
			at := eve.Add(-10 * time.Hour)
			for range 2 { // a second run changes nothing
				if due, err := p.Due(t.Context(), at); err != nil {
					t.Fatal(err)
				} else if _, err := p.Run(t.Context(), at); err != nil {
					t.Fatal(due, err)
				}
			}
			planned, listed := found(t, st, d, who, eve)
			if slices.Sort(c.planned); !slices.Equal(planned, c.planned) {
				t.Errorf("%s: planned %q, want %q", c.day, planned, c.planned)
			}
			if len(listed) != len(c.listed) {
				t.Errorf("%s: listed %v, want %v", c.day, listed, c.listed)
			}
			for k, rule := range c.listed {
				if listed[k] != rule {
					t.Errorf("%s: %s is listed by %q, want %q", c.day, k, listed[k], rule)
				}
			}
			if foreseen[c.day] != len(planned)+len(listed) {
				t.Errorf("%s: %d were foreseen, not %d", c.day, foreseen[c.day], len(planned)+len(listed))
			}
		}
		if err := st.PruneWalks(t.Context(), "2028-02-01"); err != nil {
			t.Fatal(err)
		}
		walks, err := st.Walks(t.Context(), "2026-01-01")
		if err != nil || len(walks) == 0 {
			t.Errorf("no walk is left: %v", err)
		}
		for w := range walks {
			if w.Date < "2028-02-01" {
				t.Errorf("%+v was kept", w)
			}
		}
	})
}

func midnight(t testing.TB, day string) time.Time {
	t.Helper()
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// found tells what stands for the day that begins at a time, and what is listed
// although nothing is planned, with the rule.
func found(t testing.TB, st *store.Store, d store.Dealer, who map[string]string, eve time.Time) (planned []string, listed map[string]string) {
	t.Helper()
	listed = map[string]string{}
	for name, id := range who {
		os, err := st.OutreachOf(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range os {
			if o.DealerID != d.ID || o.DueAt.Before(eve) || o.DueAt.After(eve.Add(24*time.Hour)) {
				continue
			}
			if o.State == "planned" {
				planned = append(planned, o.Program+" "+name)
				if o.DueAt.In(d.Location()).Format("15:04") != "10:00" {
					t.Errorf("%s %s is due at %s", o.Program, name, o.DueAt)
				}
			} else {
				listed[o.Program+" "+name] = o.Rule
			}
		}
	}
	slices.Sort(planned)
	return planned, listed
}

// TestCampaign: a program that needs a human writes to nobody before one has launched
// it, and then once, to whom he means.
func TestCampaign(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		who := people(t, st, d, store.ContactRecord{Name: "Анна", Gender: "female"}, store.ContactRecord{Name: "Борис", Gender: "male"})
		p := &program.Planner{Store: st, Programs: program.Fixed(dated(t)), Book: book(t), Policy: rules(t)}
		eve := time.Date(2027, 4, 20, 0, 0, 0, 0, time.UTC)
		at := eve.Add(-4 * time.Hour)
		c := store.Campaign{DealerID: d.ID, Program: "news", Title: "Новая модель", Date: "2027-04-20", Audience: "gender: male"}
		save := func() {
			t.Helper()
			err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) (err error) { c, err = tx.SaveCampaign(t.Context(), c, at); return err })
			if err != nil {
				t.Fatal(err)
			}
		}
		save()
		if n, err := p.Run(t.Context(), at); err != nil || n != 0 {
			t.Fatalf("a draft plans %d, %v", n, err)
		}
		c.State, c.LaunchedAt = store.CampaignLaunched, at
		save()
		for _, want := range []int64{1, 0} {
			if n, err := p.Run(t.Context(), at); err != nil || n != want {
				t.Fatalf("planned %d, %v, want %d", n, err, want)
			}
		}
		if planned, listed := found(t, st, d, who, eve); len(planned) != 1 || planned[0] != "news Борис" || len(listed) != 0 {
			t.Errorf("planned %q, listed %v", planned, listed)
		}
		stale := c
		stale.Version--
		if err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error { _, err := tx.SaveCampaign(t.Context(), stale, at); return err }); err == nil {
			t.Error("a change over somebody else's was kept")
		}
	})
}

func rules(t testing.TB) *policy.Rules {
	t.Helper()
	r, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

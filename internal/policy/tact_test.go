package policy

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"otklik/channels"
	"otklik/internal/outreach"
)

func TestTact(t *testing.T) {
	r := rules(t)
	msk := zone(t, "Europe/Moscow")
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, msk) }
	noon := at(24, 12, 0) // a Tuesday
	base := Input{Now: noon, Purpose: outreach.Greeting, Channel: channels.SMS, Country: "RU", Zone: msk, Deadline: at(24, 19, 0), Relationship: "order 1"}
	with := func(f func(*Input)) Input { in := base; f(&in); return in }
	ad := func(f func(*Input)) Input {
		return with(func(i *Input) { i.Purpose, i.Consent, i.LaunchedBy, i.Size = outreach.Ad, Given, "anna", 500; f(i) })
	}
	service := func(f func(*Input)) Input {
		return with(func(i *Input) { i.Purpose, i.Deadline = outreach.Service, at(25, 12, 0); f(i) })
	}
	tests := []struct {
		name  string
		in    Input
		kind  Kind
		rule  string
		until time.Time
	}{
		{"a greeting", base, Send, RuleAllowed, time.Time{}},
		{"while a callback is open", with(func(i *Input) { i.OpenCallback = at(23, 9, 0) }), Hold, RuleCallback, at(24, 13, 0)},
		{"while a callback is open, near the deadline", with(func(i *Input) { i.Now, i.OpenCallback = at(24, 18, 30), at(23, 9, 0) }), Hold, RuleCallback, at(24, 19, 0)},
		{"while a callback is open, at the deadline", with(func(i *Input) { i.Now, i.OpenCallback = at(24, 19, 0), at(23, 9, 0) }), Drop, RuleCallback, time.Time{}},
		{"while a callback is open, at the deadline, if late ask", with(func(i *Input) { i.Now, i.OpenCallback, i.Late = at(24, 19, 0), at(23, 9, 0), LateAsk }), Ask, RuleLateAsk, time.Time{}},
		{"a survey while a callback is open", with(func(i *Input) { i.Purpose, i.OpenCallback = outreach.Survey, at(23, 9, 0) }), Send, RuleAllowed, time.Time{}},
		{"a week after a low score", with(func(i *Input) { i.LowScore = at(17, 12, 0) }), Drop, RuleLowScore, time.Time{}},
		{"a week after a low score, no deadline", with(func(i *Input) { i.LowScore, i.Deadline = at(17, 12, 0), time.Time{} }), Hold, RuleLowScore, time.Date(2026, 12, 17, 12, 0, 0, 0, msk)},
		{"thirty days after a low score", with(func(i *Input) { i.LowScore = noon.AddDate(0, 0, -30) }), Send, RuleAllowed, time.Time{}},
		{"a sold car's birthday", with(func(i *Input) { i.VehicleSold = true }), Drop, RuleSold, time.Time{}},
		{"a survey about a car that was sold since", with(func(i *Input) { i.Purpose, i.VehicleSold = outreach.Survey, true }), Send, RuleAllowed, time.Time{}},
		{"a company", with(func(i *Input) { i.Company = true }), Drop, RuleCompany, time.Time{}},
		{"a company is surveyed", with(func(i *Input) { i.Purpose, i.Company = outreach.Survey, true }), Send, RuleAllowed, time.Time{}},
		{"a person who has died", with(func(i *Input) { i.Deceased = true }), Drop, RuleDeceased, time.Time{}},
		{"a service message to one who has died", service(func(i *Input) { i.Deceased = true }), Drop, RuleDeceased, time.Time{}},
		{"an answer to the phone of one who has died", with(func(i *Input) { i.Purpose, i.Deceased, i.AnswersAt = outreach.Answer, true, noon }), Drop, RuleDeceased, time.Time{}},

		{"an ad", ad(func(*Input) {}), Send, RuleAllowed, time.Time{}},
		{"an ad that no human launched", ad(func(i *Input) { i.LaunchedBy = "" }), Drop, RuleNoLauncher, time.Time{}},
		{"an ad to more than a second must approve", ad(func(i *Input) { i.Size = 501 }), Hold, RuleApproval, at(24, 13, 0)},
		{"an ad approved by who launched it", ad(func(i *Input) { i.Size, i.ApprovedBy = 501, "anna" }), Hold, RuleApproval, at(24, 13, 0)},
		{"an ad approved by a second", ad(func(i *Input) { i.Size, i.ApprovedBy = 501, "boris" }), Send, RuleAllowed, time.Time{}},
		{"an ad while a callback is open", ad(func(i *Input) { i.OpenCallback = at(23, 9, 0) }), Hold, RuleCallback, at(24, 13, 0)},

		{"late, skip", with(func(i *Input) { i.Now = at(24, 19, 1) }), Drop, RuleTooLate, time.Time{}},
		{"late, send", with(func(i *Input) { i.Now, i.Late = at(24, 18, 59), LateSend; i.Deadline = at(24, 18, 0) }), Send, RuleAllowed, time.Time{}},
		{"late, send in the next window", with(func(i *Input) { i.Now, i.Late = at(24, 19, 1), LateSend }), Hold, RuleQuiet, at(25, 10, 0)},
		{"late, ask", with(func(i *Input) { i.Now, i.Late = at(24, 19, 1), LateAsk }), Ask, RuleLateAsk, time.Time{}},
		{"no time before the deadline, ask", with(func(i *Input) { i.Now, i.Deadline, i.Late = at(24, 20, 0), at(25, 9, 0), LateAsk }), Ask, RuleLateAsk, time.Time{}},
		{"a cap beyond the deadline, ask", with(func(i *Input) {
			i.Late, i.Past = LateAsk, []PastSend{{outreach.Greeting, at(23, 12, 0)}, {outreach.Greeting, at(22, 12, 0)}}
		}), Ask, RuleLateAsk, time.Time{}},

		{"not before eleven", with(func(i *Input) { i.Now, i.Hours = at(24, 10, 30), hours(t, "11:00-") }), Hold, RuleHours, at(24, 11, 0)},
		{"not before eleven, at night", with(func(i *Input) { i.Now, i.Deadline, i.Hours = at(24, 23, 0), time.Time{}, hours(t, "11:00-") }), Hold, RuleHours, at(25, 11, 0)},
		{"not after six in the evening, at noon", with(func(i *Input) { i.Hours = hours(t, "-18:00") }), Send, RuleAllowed, time.Time{}},
		{"hours wider than the window", with(func(i *Input) { i.Now, i.Hours = at(24, 9, 30), hours(t, "06:00-23:00") }), Hold, RuleQuiet, at(24, 10, 0)},
		{"hours outside the window count for nothing", with(func(i *Input) { i.Hours = hours(t, "21:00-23:00") }), Send, RuleAllowed, time.Time{}},

		{"an appointment in an hour, at half past seven", service(func(i *Input) { i.Now, i.Soon = at(24, 7, 30), true }), Send, RuleSoon, time.Time{}},
		{"an appointment in an hour, at half past six", service(func(i *Input) { i.Now, i.Soon = at(24, 6, 30), true }), Hold, RuleEarly, at(24, 7, 0)},
		{"an appointment in an hour, on Saturday at eight", service(func(i *Input) { i.Now, i.Soon, i.Deadline = at(28, 8, 0), true, at(28, 9, 0) }), Send, RuleSoon, time.Time{}},
		{"an appointment in an hour, at noon", service(func(i *Input) { i.Soon = true }), Send, RuleAllowed, time.Time{}},
		{"an appointment at half past six", service(func(i *Input) { i.Now, i.Soon, i.Deadline = at(24, 5, 30), true, at(24, 6, 30) }), Drop, RuleNoTime, time.Time{}},
		{"an appointment tomorrow, at half past seven", service(func(i *Input) { i.Now = at(24, 7, 30) }), Hold, RuleQuiet, at(24, 9, 0)},
		{"what the person waits for is not counted", service(func(i *Input) {
			i.Past = []PastSend{{outreach.Greeting, at(23, 12, 0)}, {outreach.Greeting, at(22, 12, 0)}, {outreach.Survey, at(21, 12, 0)}}
		}), Send, RuleAllowed, time.Time{}},

		{"a greeting that takes nobody's place", with(func(i *Input) { i.Ahead = []PastSend{{outreach.Survey, at(26, 12, 0)}} }), Send, RuleAllowed, time.Time{}},
		{"a greeting in the place of a survey", with(func(i *Input) {
			i.Deadline, i.Past, i.Ahead = time.Time{}, []PastSend{{outreach.Greeting, at(22, 12, 0)}}, []PastSend{{outreach.Survey, at(26, 12, 0)}}
		}), Hold, RuleYields, at(26, 13, 0)},
		{"a greeting in the place of a survey that cannot go either", with(func(i *Input) {
			i.Past, i.Ahead = []PastSend{{outreach.Survey, at(22, 12, 0)}}, []PastSend{{outreach.Survey, at(26, 12, 0)}}
		}), Send, RuleAllowed, time.Time{}},
		{"a survey takes the place of an ad", with(func(i *Input) {
			i.Purpose, i.Past, i.Ahead = outreach.Survey, []PastSend{{outreach.Greeting, at(22, 12, 0)}}, []PastSend{{outreach.Ad, at(26, 12, 0)}}
		}), Send, RuleAllowed, time.Time{}},
		{"an ad in the place of a greeting", ad(func(i *Input) {
			i.Past, i.Ahead = []PastSend{{outreach.Greeting, at(22, 12, 0)}}, []PastSend{{outreach.Greeting, at(24, 15, 0)}}
		}), Hold, RuleYields, at(24, 16, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := r.Decide(tt.in)
			if v.Kind != tt.kind || v.Rule != tt.rule || v.Kind != Send && !v.Until.Equal(tt.until) {
				t.Errorf("got %s %s until %v, want %s %s until %v", v.Kind, v.Rule, v.Until, tt.kind, tt.rule, tt.until)
			}
			if !slices.Contains(RuleNames(), v.Rule) {
				t.Errorf("%s is not among the rules", v.Rule)
			}
		})
	}
}

func hours(t testing.TB, s string) Window {
	t.Helper()
	w, err := ParseHours(s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestParseHoursRefuses(t *testing.T) {
	for _, bad := range []string{"-", "11", "11:00", "19:00-11:00", "11-19", "25:00-", "after lunch"} {
		if w, err := ParseHours(bad); err == nil {
			t.Errorf("%q was read as %s", bad, w)
		}
	}
}

func TestNews(t *testing.T) {
	r := rules(t)
	msk := zone(t, "Europe/Moscow")
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, msk)
	base := Input{Now: noon, Purpose: outreach.Greeting, Channel: channels.SMS, Country: "RU", Zone: msk, Relationship: "order 1", Consent: Given, LaunchedBy: "anna", Size: 10}
	for _, c := range []struct {
		name   string
		change func(*Input)
		kind   Kind
		rule   string
	}{
		{"with consent and a launcher", func(*Input) {}, Send, RuleAllowed},
		{"no word about ads", func(i *Input) { i.Consent = NoWord }, Drop, RuleNoConsent},
		{"consent was withdrawn", func(i *Input) { i.Consent = Withdrawn }, Drop, RuleWithdrawn},
		{"opted out of ads", func(i *Input) { i.AdSuppressed = "opted_out" }, Drop, RuleOptedOut},
		{"nobody launched it", func(i *Input) { i.LaunchedBy = "" }, Drop, RuleNoLauncher},
		{"many people, one human", func(i *Input) { i.Size = 1000 }, Drop, RuleApproval},
		{"a callback is open", func(i *Input) { i.OpenCallback = noon }, Drop, RuleCallback},
		{"a low score", func(i *Input) { i.LowScore = noon.AddDate(0, 0, -1) }, Drop, RuleLowScore},
		{"a car that was sold", func(i *Input) { i.VehicleSold = true }, Drop, RuleSold},
	} {
		in := base
		c.change(&in)
		if v := r.News(in); v.Kind != c.kind || v.Rule != c.rule || !v.Until.IsZero() {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
}

func TestMerge(t *testing.T) {
	r := rules(t)
	for _, c := range []struct {
		name   string
		wishes []Wish
		stays  string
	}{
		{"a birthday on 1 January", []Wish{{"1", "new_year"}, {"2", "birthday"}}, "2"},
		{"a birthday on 8 March", []Wish{{"1", "birthday"}, {"2", "women_8_march"}}, "1"},
		{"a car's birthday on 9 May", []Wish{{"1", "victory_9_may"}, {"2", "car_birthday"}}, "2"},
		{"two cars of one day", []Wish{{"b", "car_birthday"}, {"a", "car_birthday"}}, "a"},
		{"a holiday that no list knows", []Wish{{"1", "city_day"}, {"2", "new_year"}}, "2"},
		{"two that no list knows", []Wish{{"1", "family_day_ru"}, {"2", "city_day"}}, "2"},
		{"one", []Wish{{"1", "city_day"}}, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, ws := range [][]Wish{c.wishes, reversed(c.wishes)} {
				vs := r.Merge(ws)
				for i, w := range ws {
					want := Merge
					if w.ID == c.stays {
						want = Send
					}
					if vs[i].Kind != want || want == Merge && (vs[i].Rule != RuleOneGreeting || vs[i].Inputs["id"] != c.stays) {
						t.Errorf("%v: %+v, want %s", w, vs[i], want)
					}
				}
			}
		})
	}
	if len(r.Merge(nil)) != 0 {
		t.Error("nothing merges into something")
	}
}

func reversed(ws []Wish) []Wish {
	out := slices.Clone(ws)
	slices.Reverse(out)
	return out
}

func TestMayAsk(t *testing.T) {
	if MayAsk("anna", "boris", "anna") || !MayAsk("vera", "boris", "anna") || !MayAsk("", "") {
		t.Error("who is rated asks")
	}
}

func TestLaunch(t *testing.T) {
	r := rules(t)
	for _, c := range []struct {
		by, approved string
		size         int
		want         string
	}{{"", "", 1, RuleNoLauncher}, {"anna", "", 500, ""}, {"anna", "", 501, RuleApproval}, {"anna", "anna", 501, RuleApproval}, {"anna", "boris", 100_000, ""}, {"", "boris", 501, RuleNoLauncher}} {
		if got := r.Launch(c.by, c.approved, c.size); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// TestAGreetingNeverCostsASurvey: whatever was sent, a survey that could go at its time
// still can after each greeting or ad that policy lets out before it (invariant 5).
func TestAGreetingNeverCostsASurvey(t *testing.T) {
	r := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
		var past []PastSend
		for range rapid.IntRange(0, 3).Draw(t, "sends") {
			past = append(past, PastSend{rapid.SampledFrom([]outreach.Purpose{outreach.Survey, outreach.Greeting, outreach.Ad}).Draw(t, "purpose"), now.Add(-time.Duration(rapid.IntRange(1, 24*40).Draw(t, "hours ago")) * time.Hour)})
		}
		survey := PastSend{outreach.Survey, now.Add(time.Duration(rapid.IntRange(0, 24*10).Draw(t, "hours ahead")) * time.Hour)}
		could := r.fits(survey.Purpose, survey.At, past)
		in := Input{Now: now, Purpose: rapid.SampledFrom([]outreach.Purpose{outreach.Greeting, outreach.Ad}).Draw(t, "what"), Zone: time.UTC, Country: "RU", Relationship: "x", Consent: Given, LaunchedBy: "anna", Past: past, Ahead: []PastSend{survey}}
		if v := r.Decide(in); v.Rule == RuleCap || v.Rule == RuleYields {
			return
		}
		if could && !r.fits(survey.Purpose, survey.At, append(past, PastSend{in.Purpose, now})) {
			t.Fatalf("after %v the survey of %v cannot go", past, survey.At)
		}
	})
}

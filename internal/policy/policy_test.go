package policy

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"otklik/channels"
	"otklik/internal/outreach"
)

func rules(t testing.TB) *Rules {
	t.Helper()
	r, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestDecide(t *testing.T) {
	r := rules(t)
	msk := zone(t, "Europe/Moscow")
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, msk) // a Tuesday
	base := Input{Now: noon, Purpose: outreach.Survey, Channel: channels.SMS, Country: "RU", Zone: msk, Deadline: noon.Add(24 * time.Hour), Relationship: "order 1"}
	with := func(f func(*Input)) Input { in := base; f(&in); return in }
	day := func(d, h, m int) time.Time { return time.Date(2026, 11, d, h, m, 0, 0, msk) }
	const still = time.Microsecond // at the last moment it still goes
	tests := []struct {
		name  string
		in    Input
		kind  Kind
		rule  string
		until time.Time
	}{
		{"in the window", base, Send, RuleAllowed, day(24, 20, 0)},
		{"at night", with(func(i *Input) { i.Now = time.Date(2026, 11, 24, 23, 30, 0, 0, msk) }), Hold, RuleQuiet, time.Date(2026, 11, 25, 9, 0, 0, 0, msk)},
		{"saturday morning", with(func(i *Input) { i.Now, i.Deadline = time.Date(2026, 11, 28, 9, 30, 0, 0, msk), time.Time{} }), Hold, RuleQuiet, time.Date(2026, 11, 28, 11, 0, 0, 0, msk)},
		{"night in Vladivostok is noon in Moscow", with(func(i *Input) {
			i.Zone = zone(t, "Asia/Vladivostok")
			i.Now = time.Date(2026, 11, 24, 14, 0, 0, 0, msk)
		}), Hold, RuleQuiet, time.Date(2026, 11, 25, 9, 0, 0, 0, zone(t, "Asia/Vladivostok"))},
		{"past the deadline", with(func(i *Input) { i.Deadline = noon.Add(-time.Second) }), Drop, RuleTooLate, time.Time{}},
		{"the window opens after the deadline", with(func(i *Input) {
			i.Now = time.Date(2026, 11, 24, 23, 0, 0, 0, msk)
			i.Deadline = time.Date(2026, 11, 25, 3, 0, 0, 0, msk)
		}), Drop, RuleNoTime, time.Time{}},
		{"opted out", with(func(i *Input) { i.Suppressed = "opted_out" }), Drop, RuleOptedOut, time.Time{}},
		{"an answer after opt-out", with(func(i *Input) { i.Suppressed = "opted_out"; i.Purpose = outreach.Answer }), Drop, RuleOptedOut, time.Time{}},
		{"dead address", with(func(i *Input) { i.Suppressed = "dead" }), Drop, RuleAddress, time.Time{}},
		{"consent withdrawn", with(func(i *Input) { i.Consent = Withdrawn }), Drop, RuleWithdrawn, time.Time{}},
		{"ad without consent", with(func(i *Input) { i.Purpose = outreach.Ad }), Drop, RuleNoConsent, time.Time{}},
		{"ad with consent", with(func(i *Input) { i.Purpose, i.Consent, i.LaunchedBy = outreach.Ad, Given, "anna" }), Send, RuleAllowed, day(24, 19, 0)},
		{"a stranger", with(func(i *Input) { i.Relationship = "" }), Drop, RuleNoBasis, time.Time{}},
		{"a survey twenty days ago", with(func(i *Input) {
			i.Past = []PastSend{{outreach.Survey, noon.AddDate(0, 0, -20)}}
			i.Deadline = time.Time{}
		}), Hold, RuleCap, noon.AddDate(0, 0, 10)},
		{"a survey twenty days ago, deadline tomorrow", with(func(i *Input) { i.Past = []PastSend{{outreach.Survey, noon.AddDate(0, 0, -20)}} }), Drop, RuleCap, time.Time{}},
		{"a survey forty days ago", with(func(i *Input) { i.Past = []PastSend{{outreach.Survey, noon.AddDate(0, 0, -40)}} }), Send, RuleAllowed, day(24, 20, 0)},
		{"service is not capped", with(func(i *Input) {
			i.Purpose = outreach.Service
			i.Past = []PastSend{{outreach.Survey, noon.Add(-time.Hour)}, {outreach.Ad, noon.Add(-time.Hour)}, {outreach.Greeting, noon.Add(-time.Hour)}}
		}), Send, RuleAllowed, day(24, 20, 0)},
		{"an answer at night, at once", with(func(i *Input) {
			i.Purpose, i.Now = outreach.Answer, time.Date(2026, 11, 24, 23, 10, 0, 0, msk)
			i.AnswersAt = i.Now.Add(-14 * time.Minute)
		}), Send, RuleAnswer, day(24, 23, 11).Add(still)},
		{"an answer before the window shuts", with(func(i *Input) {
			i.Purpose, i.Now = outreach.Answer, day(24, 19, 55)
			i.AnswersAt = i.Now.Add(-time.Minute)
		}), Send, RuleAnswer, day(24, 20, 9).Add(still)},
		{"an answer by day", with(func(i *Input) { i.Purpose, i.AnswersAt = outreach.Answer, noon.Add(-time.Minute) }), Send, RuleAnswer, day(24, 20, 0)},
		{"a deadline before the window shuts", with(func(i *Input) { i.Deadline = day(24, 15, 0) }), Send, RuleAllowed, day(24, 15, 0).Add(still)},
		{"past a deadline that does not bind", with(func(i *Input) { i.Deadline, i.Late = day(24, 11, 0), LateSend }), Send, RuleAllowed, day(24, 20, 0)},
		{"the person's own hours", with(func(i *Input) { i.Hours = Window{To: 14 * time.Hour} }), Send, RuleAllowed, day(24, 14, 0)},
		{"an answer at night, too late for the exemption", with(func(i *Input) {
			i.Purpose, i.Now, i.Deadline = outreach.Answer, time.Date(2026, 11, 24, 23, 20, 0, 0, msk), time.Time{}
			i.AnswersAt = i.Now.Add(-16 * time.Minute)
		}), Hold, RuleQuiet, time.Date(2026, 11, 25, 9, 0, 0, 0, msk)},
		{"typed at nine in the evening", with(func(i *Input) {
			i.Purpose, i.Now = outreach.Callback, time.Date(2026, 11, 24, 21, 0, 0, 0, msk)
			i.Typed, i.AnswersAt = i.Now, time.Date(2026, 11, 24, 0, 30, 0, 0, msk)
		}), Send, RuleAnswer, day(24, 22, 0)},
		{"typed after ten in the evening", with(func(i *Input) {
			i.Purpose, i.Now = outreach.Callback, time.Date(2026, 11, 24, 22, 5, 0, 0, msk)
			i.Typed, i.AnswersAt = i.Now, time.Date(2026, 11, 24, 12, 0, 0, 0, msk)
		}), Hold, RuleQuiet, time.Date(2026, 11, 25, 9, 0, 0, 0, msk)},
		{"typed at nine in the evening to a message of the day before", with(func(i *Input) {
			i.Purpose, i.Now = outreach.Callback, time.Date(2026, 11, 24, 21, 0, 0, 0, msk)
			i.Typed, i.AnswersAt, i.Deadline = i.Now, time.Date(2026, 11, 23, 23, 0, 0, 0, msk), time.Time{}
		}), Hold, RuleQuiet, time.Date(2026, 11, 25, 9, 0, 0, 0, msk)},
		{"typed at nine in the evening without having been asked", with(func(i *Input) {
			i.Purpose, i.Now, i.Deadline = outreach.Callback, time.Date(2026, 11, 24, 21, 0, 0, 0, msk), time.Time{}
			i.Typed = i.Now
		}), Hold, RuleQuiet, time.Date(2026, 11, 25, 9, 0, 0, 0, msk)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := r.Decide(tt.in)
			if v.Kind != tt.kind || v.Rule != tt.rule || !v.Until.Equal(tt.until) {
				t.Errorf("got %s %s until %v, want %s %s until %v", v.Kind, v.Rule, v.Until, tt.kind, tt.rule, tt.until)
			}
		})
	}
}

// TestNothingLeavesOutsideItsWindow checks invariant 4 for any moment and zone:
// what is sent lies in the window, and what is held is held until one that does.
func TestNothingLeavesOutsideItsWindow(t *testing.T) {
	r := rules(t)
	zones := []string{"Europe/Moscow", "Asia/Vladivostok", "America/New_York", "Europe/Berlin", "Asia/Shanghai", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"}
	rapid.Check(t, func(t *rapid.T) {
		loc, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		in := Input{Now: time.Unix(rapid.Int64Range(1577836800, 1893456000).Draw(t, "at"), 0).UTC(), Zone: loc, Country: rapid.SampledFrom([]string{"RU", "US", "CN"}).Draw(t, "country"),
			Purpose: rapid.SampledFrom([]outreach.Purpose{outreach.Survey, outreach.Service, outreach.Greeting, outreach.Callback}).Draw(t, "purpose"), Relationship: "x"}
		v := r.Decide(in)
		if v.Kind == Hold {
			in.Now = v.Until
			if v = r.Decide(in); v.Kind != Send {
				t.Fatalf("held until %v, then %+v", in.Now, v)
			}
		}
		for at, want := range map[time.Time]Kind{v.Until.Add(-time.Microsecond): Send, v.Until: Hold} {
			later := in
			later.Now = at
			if again := r.Decide(later); again.Kind != want {
				t.Fatalf("may go until %v, at %v %+v", v.Until, at, again)
			}
		}
		w := r.window(in.Country, in.Purpose)
		if at := sinceMidnight(in.Now.In(loc)); at < w.From || at >= w.To {
			t.Fatalf("sent at %v", in.Now.In(loc))
		}
	})
}

func TestParseRefuses(t *testing.T) {
	for _, bad := range []string{"windows: {default: {survey: 20:00-09:00}}", "windows: {}", "windows: {default: {weekend_from: noon}}", "{"} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

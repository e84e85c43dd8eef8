package program_test

import (
	"strings"
	"testing"
	"time"

	"otklik/internal/calendar"
	"otklik/internal/program"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestOffset: each row is a rule of how people count from an occasion.
func TestOffset(t *testing.T) {
	closed, err := calendar.ParseSpan("2026-03-10..2026-03-11")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ offset, from, zone, country, want string }{
		"hours run through the night":                     {"24h", "2026-03-12T22:00:00+03:00", "Europe/Moscow", "RU", "2026-03-13T22:00:00+03:00"},
		"hours run through a clock change":                {"24h", "2026-03-28T12:00:00+01:00", "Europe/Berlin", "DE", "2026-03-29T13:00:00+02:00"},
		"days keep the time of day through it":            {"1d", "2026-03-28T12:00:00+01:00", "Europe/Berlin", "DE", "2026-03-29T12:00:00+02:00"},
		"an hour that the clocks skip":                    {"1d", "2026-03-28T02:30:00+01:00", "Europe/Berlin", "DE", "2026-03-29T03:30:00+02:00"},
		"minutes before":                                  {"-60m", "2026-03-12T10:00:00+03:00", "Europe/Moscow", "RU", "2026-03-12T09:00:00+03:00"},
		"three calendar days, weekend or not (R032)":      {"3d 11:00", "2026-03-13T18:20:00+03:00", "Europe/Moscow", "RU", "2026-03-16T11:00:00+03:00"},
		"the day is the recipient's":                      {"1d 10:00", "2026-03-12T23:30:00+03:00", "Asia/Vladivostok", "RU", "2026-03-14T10:00:00+10:00"},
		"the eve":                                         {"-1d 18:00", "2026-03-12T10:00:00+03:00", "Europe/Moscow", "RU", "2026-03-11T18:00:00+03:00"},
		"the same day":                                    {"0d 10:00", "2026-03-12T00:00:00+03:00", "Europe/Moscow", "RU", "2026-03-12T10:00:00+03:00"},
		"seven working days pass over 8 March (R063)":     {"7wd 12:00", "2026-03-05T15:00:00+03:00", "Europe/Moscow", "RU", "2026-03-19T12:00:00+03:00"},
		"working days of a country without a file":        {"3wd 12:00", "2026-03-05T15:00:00+01:00", "Europe/Berlin", "DE", "2026-03-12T12:00:00+01:00"},
		"a month after 31 January (R064)":                 {"1mo 12:00", "2026-01-31T15:00:00+03:00", "Europe/Moscow", "RU", "2026-02-28T12:00:00+03:00"},
		"eleven months":                                   {"11mo", "2026-03-31T15:00:00+03:00", "Europe/Moscow", "RU", "2027-02-28T15:00:00+03:00"},
		"nothing":                                         {"0h", "2026-01-31T15:00:00+03:00", "Europe/Moscow", "RU", "2026-01-31T15:00:00+03:00"},
		"China works on some Saturdays instead of others": {"1wd 09:00", "2026-02-13T15:00:00+08:00", "Asia/Shanghai", "CN", "2026-02-14T09:00:00+08:00"},
	} {
		o, err := program.ParseOffset(c.offset)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		from, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			t.Fatal(err)
		}
		p := program.Place{Zone: zone(t, c.zone), Country: c.country}
		if strings.HasPrefix(name, "seven") || strings.HasPrefix(name, "working days of a country") {
			p.Closed = calendar.Closures{closed}
		}
		if got := o.From(from, p, book(t)).In(p.Zone).Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %s from %s is %s, want %s", name, c.offset, c.from, got, c.want)
		}
		if again, err := program.ParseOffset(o.String()); err != nil || again != o {
			t.Errorf("%s: %q is read as %+v, %v", name, o.String(), again, err)
		}
	}
	for _, bad := range []string{"", "3", "3x", "d", "1h 10:00", "3d 25:00", "3d 10:00 11:00", "--3d", "99999d", "tomorrow"} {
		if o, err := program.ParseOffset(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, o)
		}
	}
}

func TestAudience(t *testing.T) {
	all := "prospects: too\ncompanies: too"
	for name, c := range map[string]struct {
		audience string
		person   program.Person
		in       bool
		rule     string
	}{
		"customers without conditions":           {"{}", program.Person{}, true, ""},
		"no prospect unless the program says so": {"{prospects: ''}", program.Person{Prospect: true}, false, ""},
		"prospects too":                          {all, program.Person{Prospect: true}, true, ""},
		"prospects only":                         {"prospects: only", program.Person{}, false, ""},
		"no company":                             {"{companies: ''}", program.Person{Company: true}, false, ""},
		"companies too":                          {all, program.Person{Company: true}, true, ""},
		"nobody who is dead":                     {all, program.Person{Deceased: true}, false, program.RuleDeceased},
		"women (R052)":                           {"gender: female", program.Person{Gender: "female"}, true, ""},
		"not men":                                {"gender: female", program.Person{Gender: "male"}, false, ""},
		"unknown gender is listed":               {"gender: female", program.Person{}, false, program.RuleGenderUnknown},
		"who fails otherwise is not listed":      {"{gender: female, tags: [vip]}", program.Person{}, false, ""},
		"language":                               {"locales: [zh]", program.Person{Locale: "ru"}, false, ""},
		"a car's model by its beginning":         {"models: [lada]", program.Person{Models: []string{"Kia Rio", "LADA Vesta"}}, true, ""},
		"no such car":                            {"models: [lada]", program.Person{Models: []string{"Kia Rio"}}, false, ""},
		"a tag whatever its case":                {"tags: [orthodox]", program.Person{Tags: []string{"Orthodox"}}, true, ""},
		"a tag that excludes":                    {"not_tags: [fleet]", program.Person{Tags: []string{"fleet"}}, false, ""},
	} {
		a, err := program.ParseAudience(c.audience)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if in, rule := a.Choose(&c.person); in != c.in || rule != c.rule {
			t.Errorf("%s: %t %q", name, in, rule)
		}
	}
	for _, bad := range []string{"gender: f", "prospects: never", "age: 40"} {
		if _, err := program.ParseAudience(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

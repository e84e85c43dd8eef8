package calendar

import (
	"bufio"
	"os"
	"strings"
	"testing"
	"time"
)

func date(t testing.TB, s string) Date {
	t.Helper()
	d, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestParse(t *testing.T) {
	for _, bad := range []string{"", "2026-2-3", "2025-02-29", "2026-13-01", "08.03.2026", "--03-08"} {
		if d, err := Parse(bad); err == nil {
			t.Errorf("%q was read as %s", bad, d)
		}
	}
	if d := date(t, "2024-02-29"); d != (Date{2024, time.February, 29}) || d.String() != "2024-02-29" {
		t.Errorf("%v", d)
	}
	if (Date{}).String() != "" || !(Date{}).IsZero() {
		t.Error("the zero value is a day")
	}
}

func TestAddMonths(t *testing.T) {
	for _, c := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-01-31", 1, "2026-02-28"},
		{"2024-01-31", 1, "2024-02-29"},
		{"2026-01-31", 2, "2026-03-31"},
		{"2026-08-31", 1, "2026-09-30"},
		{"2026-12-31", 2, "2027-02-28"},
		{"2026-11-15", 1, "2026-12-15"},
		{"2026-03-31", -1, "2026-02-28"},
		{"2026-01-15", -1, "2025-12-15"},
		{"2024-02-29", 12, "2025-02-28"},
	} {
		if got := date(t, c.from).AddMonths(c.n).String(); got != c.want {
			t.Errorf("%s and %d months: %s, want %s", c.from, c.n, got, c.want)
		}
	}
}

func TestDays(t *testing.T) {
	d := date(t, "2026-12-31")
	if got := d.AddDays(60).String(); got != "2027-03-01" {
		t.Error(got)
	}
	if got := d.AddDays(60).Sub(d); got != 60 {
		t.Error(got)
	}
	if d.Weekday() != time.Thursday || d.Weekend() || !date(t, "2027-01-02").Weekend() {
		t.Error("the day of the week is wrong")
	}
	if !d.Before(d.AddDays(1)) || !d.After(d.AddDays(-1)) || d.Before(d) || d.After(d) {
		t.Error("the order is wrong")
	}
}

func TestOf(t *testing.T) {
	at := time.Date(2026, 3, 7, 21, 30, 0, 0, time.UTC)
	for zone, want := range map[string]string{"Europe/Moscow": "2026-03-08", "Europe/Kaliningrad": "2026-03-07", "Asia/Kamchatka": "2026-03-08", "America/New_York": "2026-03-07"} {
		if got := Of(at, location(t, zone)).String(); got != want {
			t.Errorf("%s: %s, want %s", zone, got, want)
		}
	}
}

func TestIn(t *testing.T) {
	const half, night = 30 * time.Minute, 2*time.Hour + 30*time.Minute
	for _, c := range []struct {
		name, zone, day string
		clock           time.Duration
		want            string
	}{
		{"an ordinary day", "Europe/Moscow", "2026-03-08", 10 * time.Hour, "2026-03-08T07:00:00Z"},
		{"a skipped hour", "America/New_York", "2026-03-08", night, "2026-03-08T07:30:00Z"},
		{"an hour that comes twice", "America/New_York", "2026-11-01", time.Hour + half, "2026-11-01T05:30:00Z"},
		{"a gap of half an hour", "Australia/Lord_Howe", "2026-10-04", 2*time.Hour + 15*time.Minute, "2026-10-03T15:45:00Z"},
		{"a day without midnight", "America/Sao_Paulo", "2018-11-04", 0, "2018-11-04T03:00:00Z"},
		{"a day without midnight, Africa/Cairo", "Africa/Cairo", "2026-04-24", half, "2026-04-23T22:30:00Z"},
		{"a day that was left out", "Pacific/Apia", "2011-12-30", 12 * time.Hour, "2011-12-30T22:00:00Z"},
		{"a change of the zone in winter", "Asia/Almaty", "2024-02-29", 23*time.Hour + half, "2024-02-29T17:30:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := date(t, c.day).In(location(t, c.zone), c.clock).UTC().Format(time.RFC3339); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// zones are the names of all zones that this system knows, each once.
func zones(t *testing.T) []string {
	t.Helper()
	f, err := os.Open("/usr/share/zoneinfo/tzdata.zi")
	if err != nil {
		t.Skip("this system has no list of zones")
	}
	defer f.Close()
	var out []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if w := strings.Fields(s.Text()); len(w) > 2 && w[0] == "Z" { // "L" is another name for one of these
			out = append(out, w[1])
		}
	}
	return out
}

// TestEveryZone compares In, around every change of every zone from 1990 to 2040, with
// looking at the zone's clock each quarter of an hour.
func TestEveryZone(t *testing.T) {
	names, changes := zones(t), 0
	for _, name := range names {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		end := time.Date(2041, 1, 1, 0, 0, 0, 0, time.UTC)
		for at := time.Date(1990, 1, 1, 0, 0, 0, 0, zone); ; {
			_, next := at.ZoneBounds()
			if next.IsZero() || next.After(end) {
				break
			}
			if !next.After(at) { // the standard library errs on the last day of leap years
				at = at.Add(24 * time.Hour)
				continue
			}
			changes++
			at = next.In(zone)
			_, before := next.Add(-time.Second).In(zone).Zone()
			shown := next.UTC().Add(time.Duration(before) * time.Second) // what a clock that ran on shows
			for _, off := range []time.Duration{-24 * time.Hour, -61 * time.Minute, -60 * time.Minute, -20 * time.Minute, -time.Second, 0, time.Second, 20 * time.Minute, 59 * time.Minute, 2 * time.Hour, 23 * time.Hour} {
				reading(t, name, zone, shown.Add(off))
			}
		}
	}
	if len(names) < 300 || changes < 5000 {
		t.Errorf("only %d zones and %d changes were looked at", len(names), changes)
	}
}

// reading checks In for what clocks show, given as if it were UTC.
func reading(t *testing.T, name string, zone *time.Location, shown time.Time) {
	t.Helper()
	day := Of(shown, time.UTC)
	got := day.In(zone, shown.Sub(day.midnight()))
	offsets := map[int]bool{}
	for d := -farthest; d <= farthest; d += 30 * time.Minute {
		_, o := shown.Add(d).In(zone).Zone()
		offsets[o] = true
	}
	var first time.Time // at which the clocks show it
	var latest time.Time
	for o := range offsets {
		at := shown.Add(-time.Duration(o) * time.Second)
		if _, really := at.In(zone).Zone(); really == o && (first.IsZero() || at.Before(first)) {
			first = at
		}
		if at.After(latest) {
			latest = at
		}
	}
	if !first.IsZero() {
		if !got.Equal(first) {
			t.Errorf("%s %s: %s, but the clocks show it at %s", name, shown.Format(time.DateTime), got.UTC(), first.UTC())
		}
		return
	}
	// The later reading of a time that is skipped: with the offset before the gap.
	_, after := got.In(zone).Zone()
	if w := got.UTC().Add(time.Duration(after) * time.Second); !w.After(shown) || w.Sub(shown) > 24*time.Hour || !got.Equal(latest) {
		t.Errorf("%s %s was skipped: %s, which clocks show as %s", name, shown.Format(time.DateTime), got.UTC(), w.Format(time.DateTime))
	}
}

func TestSpans(t *testing.T) {
	s, err := ParseSpan("2026-12-31..2027-01-08")
	if err != nil || s.Days() != 9 || s.String() != "2026-12-31..2027-01-08" {
		t.Fatal(s, err)
	}
	one, err := ParseSpan("2026-06-12")
	if err != nil || one.Days() != 1 || one.String() != "2026-06-12" {
		t.Fatal(one, err)
	}
	c := Closures{s, one}
	for day, want := range map[string]bool{"2026-12-30": false, "2026-12-31": true, "2027-01-08": true, "2027-01-09": false, "2026-06-12": true} {
		if c.Has(date(t, day)) != want {
			t.Errorf("%s: %v", day, !want)
		}
	}
	for _, bad := range []string{"", "2027-01-08..2026-12-31", "2026-12-31...2027-01-08", "2026-12-31..", "every Sunday"} {
		if _, err := ParseSpan(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestBirthday(t *testing.T) {
	for _, c := range []struct {
		name, birthday string
		year           int
		want           string
	}{
		{"an ordinary day", "1980-03-08", 2026, "2026-03-08"},
		{"29 February in a leap year", "1980-02-29", 2028, "2028-02-29"},
		{"29 February in a common year", "1980-02-29", 2026, "2026-02-28"},
		{"29 February in 2100", "2000-02-29", 2100, "2100-02-28"},
		{"the year is not known", "--12-31", 2026, "2026-12-31"},
		{"29 February, the year is not known", "--02-29", 2026, "2026-02-28"},
		{"the day of the birth", "2026-01-01", 2026, "2026-01-01"},
		{"before the birth", "2026-01-01", 2025, ""},
		{"nothing", "", 2026, ""},
		{"29 February of a common year", "1981-02-29", 2026, ""},
		{"30 February", "--02-30", 2026, ""},
		{"words", "8 March", 2026, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := Birthday(c.birthday, c.year)
			if got.String() != c.want || ok != (c.want != "") {
				t.Errorf("got %s %v, want %s", got, ok, c.want)
			}
		})
	}
	if b, ok := ParseBirthday("--02-29"); !ok || b.Year != 0 {
		t.Errorf("%v", b)
	}
}

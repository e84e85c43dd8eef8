// Package calendar owns dates without a time: what day it is somewhere, which days
// people work, on which day a holiday or a birthday falls. The rules are pure and the
// facts are embedded files, each with its source; a year that no file describes falls
// back to what the law fixes and can be asked about. It knows no person and decides
// nothing: program, policy and the console ask it.
package calendar

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Date is a day of the Gregorian calendar without a zone. The zero value is no day.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// On gives a day and brings it into range, as time.Date does: 32 January is 1 February.
func On(year int, month time.Month, day int) Date {
	return Of(time.Date(year, month, day, 0, 0, 0, 0, time.UTC), time.UTC)
}

// Of is the day that a moment falls on in a zone.
func Of(t time.Time, zone *time.Location) Date {
	y, m, d := t.In(zone).Date()
	return Date{y, m, d}
}

// Parse reads "2006-01-02".
func Parse(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a date like 2026-03-08", s)
	}
	return Of(t, time.UTC), nil
}

// String is "2006-01-02"; "" for no day.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// IsZero tells whether it is no day.
func (d Date) IsZero() bool { return d == Date{} }

// Compare is negative when d comes before e, 0 when they are one day.
func (d Date) Compare(e Date) int {
	return cmp.Or(cmp.Compare(d.Year, e.Year), cmp.Compare(d.Month, e.Month), cmp.Compare(d.Day, e.Day))
}

// Before tells whether d comes before e.
func (d Date) Before(e Date) bool { return d.Compare(e) < 0 }

// After tells whether d comes after e.
func (d Date) After(e Date) bool { return d.Compare(e) > 0 }

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return d.midnight().Weekday() }

// Weekend tells whether it is a Saturday or Sunday.
func (d Date) Weekend() bool {
	wd := d.Weekday()
	return wd == time.Saturday || wd == time.Sunday
}

// AddDays is n days later, earlier for a negative n.
func (d Date) AddDays(n int) Date { return On(d.Year, d.Month, d.Day+n) }

// AddMonths is the same day n months later, or the month's last where there is none:
// a month after 31 January is the last day of February (R064).
func (d Date) AddMonths(n int) Date {
	first := On(d.Year, d.Month+time.Month(n), 1)
	return Date{first.Year, first.Month, min(d.Day, DaysIn(first.Year, first.Month))}
}

// Sub is the number of days from e to d.
func (d Date) Sub(e Date) int { return int(d.midnight().Sub(e.midnight()) / (24 * time.Hour)) }

// midnight is the day's beginning as if its zone were UTC.
func (d Date) midnight() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// DaysIn is how many days a month has.
func DaysIn(year int, month time.Month) int { return On(year, month+1, 0).Day }

// farthest is more than any zone is away from UTC.
const farthest = 16 * time.Hour

// In is the moment at which clocks of the zone show the time of day, given from
// midnight, on this day. A time that the clocks skip counts as if they had run on (the
// later reading), one that they show twice is the earlier (design.md, import). On a day
// that a zone left out it falls on the next.
func (d Date) In(zone *time.Location, clock time.Duration) time.Time {
	shown := d.midnight().Add(clock)
	// The moment lies within reach of its reading as UTC, in which no zone changes twice.
	// (Time.ZoneBounds would say where it does, but errs on 31 December of leap years.)
	before, after := offset(shown.Add(-farthest), zone), offset(shown.Add(farthest), zone)
	early, late := shown.Add(-before), shown.Add(-after)
	if before == after || offset(early, zone) == before {
		return early.In(zone)
	}
	if offset(late, zone) == after {
		return late.In(zone)
	}
	return early.In(zone) // a gap: the clocks went forward, and with the old offset it is later
}

// offset is how far the zone's clocks are ahead of UTC.
func offset(at time.Time, zone *time.Location) time.Duration {
	_, seconds := at.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// Span is a run of days, both ends in it.
type Span struct{ From, To Date }

// ParseSpan reads one day, "2026-12-31", or several, "2026-12-31..2027-01-08".
func ParseSpan(s string) (Span, error) {
	from, to, several := strings.Cut(s, "..")
	if !several {
		to = from
	}
	a, err1 := Parse(from)
	b, err2 := Parse(to)
	if err1 != nil || err2 != nil || b.Before(a) {
		return Span{}, fmt.Errorf("%q is neither a day like 2026-12-31 nor days like 2026-12-31..2027-01-08", s)
	}
	return Span{a, b}, nil
}

// UnmarshalYAML reads the form of ParseSpan.
func (s *Span) UnmarshalYAML(n *yaml.Node) error {
	span, err := ParseSpan(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*s = span
	return nil
}

// Has tells whether a day lies in the span.
func (s Span) Has(d Date) bool { return !d.Before(s.From) && !d.After(s.To) }

// Days is how many days the span has.
func (s Span) Days() int { return s.To.Sub(s.From) + 1 }

// String is the form that ParseSpan reads.
func (s Span) String() string {
	if s.From == s.To {
		return s.From.String()
	}
	return s.From.String() + ".." + s.To.String()
}

// Closures are the days on which one dealer is closed beside his country's.
type Closures []Span

// Has tells whether a day is one of them.
func (c Closures) Has(d Date) bool {
	for _, s := range c {
		if s.Has(d) {
			return true
		}
	}
	return false
}

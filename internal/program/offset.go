package program

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"otklik/internal/calendar"
)

// Offset is a distance from an occasion as people state it: "24h", "15m", "3d",
// "7wd 10:00", "1mo", "-1d 18:00". Hours and minutes run through nights and clock
// changes; days, working days and months are counted on the recipient's calendar and
// keep the time of day of the occasion unless they name their own.
type Offset struct {
	Clock                     time.Duration
	Days, WorkingDays, Months int
	// Hour is the time of day, from midnight, where HasHour.
	Hour    time.Duration
	HasHour bool
}

// Local tells whether the offset depends on where the recipient is.
func (o Offset) Local() bool { return o.Clock == 0 && (o.Calendar() || o.HasHour) }

// Calendar tells whether the offset counts days.
func (o Offset) Calendar() bool { return o.Days != 0 || o.WorkingDays != 0 || o.Months != 0 }

// offsetError: a text is no offset, on a line of a file where line is not 0.
type offsetError struct {
	line int
	text string
}

// Error says how an offset looks.
func (e *offsetError) Error() string {
	s := problemTexts.Problem("", e.line, "offset", e.text).Text
	if e.line > 0 {
		return fmt.Sprintf("line %d: %s", e.line, s)
	}
	return s
}

// ParseOffset reads an offset.
func ParseOffset(s string) (Offset, error) {
	var o Offset
	fields := strings.Fields(s)
	fail := func() (Offset, error) {
		return Offset{}, &offsetError{text: s}
	}
	if len(fields) == 0 || len(fields) > 2 {
		return fail()
	}
	digits := strings.TrimLeft(fields[0], "+-")
	end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	if end <= 0 {
		if fields[0] == "0" && len(fields) == 1 {
			return o, nil
		}
		return fail()
	}
	n, err := strconv.Atoi(digits[:end])
	if err != nil || n > mostUnits || len(fields[0])-len(digits) > 1 {
		return fail()
	}
	if strings.HasPrefix(fields[0], "-") {
		n = -n
	}
	switch digits[end:] {
	case "m":
		o.Clock = time.Duration(n) * time.Minute
	case "h":
		o.Clock = time.Duration(n) * time.Hour
	case "d":
		o.Days = n
	case "wd":
		o.WorkingDays = n
	case "mo":
		o.Months = n
	default:
		return fail()
	}
	if len(fields) == 2 {
		t, err := time.Parse("15:04", fields[1])
		if err != nil || o.Clock != 0 || digits[end:] == "h" || digits[end:] == "m" {
			return fail()
		}
		o.Hour, o.HasHour = time.Duration(t.Hour())*time.Hour+time.Duration(t.Minute())*time.Minute, true
	}
	return o, nil
}

// mostUnits bounds a figure of an offset: ten years of days, and no overflow.
const mostUnits = 3660

// UnmarshalYAML reads an offset.
func (o *Offset) UnmarshalYAML(n *yaml.Node) error {
	x, err := ParseOffset(n.Value)
	if err != nil {
		return &offsetError{n.Line, n.Value}
	}
	*o = x
	return nil
}

// String is the offset as ParseOffset reads it.
func (o Offset) String() string {
	var s string
	switch {
	case o.Months != 0:
		s = strconv.Itoa(o.Months) + "mo"
	case o.WorkingDays != 0:
		s = strconv.Itoa(o.WorkingDays) + "wd"
	case o.Days != 0 || o.HasHour:
		s = strconv.Itoa(o.Days) + "d"
	case o.Clock%time.Hour == 0:
		return strconv.Itoa(int(o.Clock/time.Hour)) + "h"
	default:
		return strconv.Itoa(int(o.Clock/time.Minute)) + "m"
	}
	if o.HasHour {
		s += fmt.Sprintf(" %02d:%02d", int(o.Hour.Hours()), int(o.Hour.Minutes())%60)
	}
	return s
}

// Place is where days are counted: the zone of who gets the message, and the working
// days of the dealer.
type Place struct {
	Zone    *time.Location
	Country string
	// Closed are the dealer's own closures.
	Closed calendar.Closures
}

// From is the moment at the offset from t.
func (o Offset) From(t time.Time, p Place, book *calendar.Book) time.Time {
	if !o.Local() {
		return t.Add(o.Clock)
	}
	day := o.day(calendar.Of(t, p.Zone), p, book)
	if o.HasHour {
		return day.In(p.Zone, o.Hour).UTC()
	}
	local := t.In(p.Zone)
	clock := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	return day.In(p.Zone, clock).UTC()
}

func (o Offset) day(d calendar.Date, p Place, book *calendar.Book) calendar.Date {
	switch {
	case o.Months != 0:
		return d.AddMonths(o.Months)
	case o.WorkingDays != 0:
		return book.AddWorking(p.Country, d, o.WorkingDays, p.Closed)
	}
	return d.AddDays(o.Days)
}

// rough is about how long the offset is, to tell which of two is later.
func (o Offset) rough() time.Duration {
	const day = 24 * time.Hour
	return o.Clock + time.Duration(o.Days)*day + time.Duration(o.WorkingDays)*day*7/5 + time.Duration(o.Months)*30*day + o.Hour
}

// after tells whether o surely comes after x: what the calendar can turn around is
// let pass.
func (o Offset) after(x Offset) bool {
	slack := time.Duration(0)
	if o.Calendar() != x.Calendar() || (o.WorkingDays != 0) != (x.WorkingDays != 0) || (o.Months != 0) != (x.Months != 0) {
		slack = 4 * 24 * time.Hour
	}
	return cmp.Compare(o.rough(), x.rough()+slack) > 0
}

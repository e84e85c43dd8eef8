package ratelimit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Limit is one unit per Period on average, and at most Burst units at once after
// a pause. A Period of zero or less is no limit. A Burst below one counts as one.
type Limit struct {
	Period time.Duration
	Burst  int
}

// Rate is the limit of n units in any window of length per, when burst is one;
// a larger burst adds burst-1 units to the worst window. n below one is treated
// as one; a per of zero gives no limit.
func Rate(n int, per time.Duration, burst int) Limit {
	units := time.Duration(max(n, 1))
	return Limit{Period: (per + units - 1) / units, Burst: burst}
}

// Units says the limit as a whole number of units in a second, a minute, an hour
// or a day, the shortest that fits, else as one unit in a whole number of
// microseconds: Rate makes the same limit of them. No limit is 0, 0.
func (l Limit) Units() (n int, per time.Duration) {
	if l.Period <= 0 {
		return 0, 0
	}
	for _, u := range spells() {
		n := (u.per + l.Period - 1) / l.Period
		if n <= mostUnits && Rate(int(n), u.per, 1).Period == l.Period {
			return int(n), u.per
		}
	}
	return 1, (l.Period + time.Microsecond - 1).Truncate(time.Microsecond)
}

// none is how people write that there is no limit.
const none = "none"

// Bounds of what people may write: the rule counts in microseconds, and a bucket
// that takes longer than a month to fill is a slip of the pen.
const (
	slowest   = 31 * 24 * time.Hour
	mostUnits = 1_000_000
)

// String writes the limit as ParseLimit reads it: "10/s", "30/s burst 10",
// "1/7s", "none".
func (l Limit) String() string {
	if l.Period <= 0 {
		return none
	}
	n, per := l.Units()
	s := strconv.Itoa(n) + "/"
	unit := per.String()
	for _, u := range spells() {
		if u.per == per {
			unit = u.names[0]
		}
	}
	s += unit
	if l.Burst > 1 {
		s += " burst " + strconv.Itoa(l.Burst)
	}
	return s
}

// ParseLimit reads "N/UNIT" or "N/UNIT burst N", where UNIT is s, min, h, day or a
// duration such as 15m, and "none". Without a burst it is one: evenly spaced. The
// error says what is wrong with the text.
func ParseLimit(s string) (Limit, error) {
	words := strings.Fields(strings.ToLower(s))
	if len(words) == 1 && words[0] == none {
		return Limit{}, nil
	}
	burst := 1
	switch {
	case len(words) == 1:
	case len(words) == 3 && words[1] == "burst":
		var err error
		if burst, err = count(words[2]); err != nil {
			return Limit{}, fmt.Errorf("limit %q: burst %w", s, err)
		}
	default:
		return Limit{}, fmt.Errorf(`limit %q: want a form like "10/s", "600/min", "30/s burst 10" or "none"`, s)
	}
	number, unit, ok := strings.Cut(words[0], "/")
	if !ok {
		return Limit{}, fmt.Errorf(`limit %q: want units and time with a slash, like "10/s"`, s)
	}
	n, err := count(number)
	if err != nil {
		return Limit{}, fmt.Errorf("limit %q: the number of units %w", s, err)
	}
	per, err := span(unit)
	if err != nil {
		return Limit{}, fmt.Errorf("limit %q: %w", s, err)
	}
	l := Rate(n, per, burst)
	if l.Period > slowest {
		return Limit{}, fmt.Errorf("limit %q: slower than one unit in 31 days", s)
	}
	if l.Period < time.Microsecond {
		return Limit{}, fmt.Errorf(`limit %q: faster than 1000000/s; write "none"`, s)
	}
	n, per = l.Units()
	return Rate(n, per, burst), nil
}

// count reads a number of units.
func count(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > mostUnits {
		return 0, fmt.Errorf("must be a whole number from 1 to %d, not %q", mostUnits, s)
	}
	return n, nil
}

var errSpan = errors.New("want s, min, h, day or a duration such as 15m after the slash")

// span reads a unit of time.
func span(s string) (time.Duration, error) {
	for _, u := range spells() {
		for _, name := range u.names {
			if s == name {
				return u.per, nil
			}
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, errSpan
	}
	return d, nil
}

// spelling is a unit of time with its names; the first is the one we write.
type spelling struct {
	per   time.Duration
	names []string
}

// spells are the units of time, the shortest first.
func spells() []spelling {
	return []spelling{
		{time.Second, []string{"s", "sec", "second"}},
		{time.Minute, []string{"min", "m", "minute"}},
		{time.Hour, []string{"h", "hour"}},
		{24 * time.Hour, []string{"day", "d"}},
	}
}

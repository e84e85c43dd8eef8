package calendar

import "strings"

// Born is a birthday as contacts have it: Year 0 where it is not known.
type Born Date

// ParseBirthday reads "1980-02-29", or "--02-29" without a year.
func ParseBirthday(s string) (Born, bool) {
	full := s
	if rest, yearless := strings.CutPrefix(s, "--"); yearless {
		full = "2000-" + rest // a leap year: 29 February is a birthday
	}
	d, err := Parse(full)
	if err != nil {
		return Born{}, false
	}
	if full != s {
		d.Year = 0
	}
	return Born(d), true
}

// Birthday is the day of a year on which a birthday is kept: 29 February on the 28th in
// common years (R049). False for what is no birthday, and for the years before the birth.
func Birthday(birthday string, year int) (Date, bool) {
	b, ok := ParseBirthday(birthday)
	if !ok || year < b.Year {
		return Date{}, false
	}
	return Anniversary(Date(b), year), true
}

// Anniversary is the same day of another year, 28 February for the 29th in common years:
// a car's birthday is that of its delivery (R050).
func Anniversary(d Date, year int) Date {
	return Date{year, d.Month, min(d.Day, DaysIn(year, d.Month))}
}

package config

import (
	"regexp"
	"strconv"
	"time"
)

// Age is how long something is kept, in calendar units; the zero value is for ever.
type Age struct{ Years, Months, Days int }

// Before is the moment of which everything older has served its time; zero when
// nothing ever has.
func (a Age) Before(now time.Time) time.Time {
	if a == (Age{}) {
		return time.Time{}
	}
	return now.AddDate(-a.Years, -a.Months, -a.Days)
}

// Retention is how long rows are kept that nothing unfinished needs. Answers,
// remarks, tasks and consents are results and always stay.
type Retention struct {
	// Messages are whole messages, Bodies what was written and heard.
	Messages, Bodies Age
	// Outreach is what was planned and is finished, with its decisions at the latest.
	Outreach, Decisions, Attempts Age
	// Idempotency is the answers to API calls with a key.
	Idempotency Age
	Audit       Age
	// Appointments and Prospects count from their last day and change.
	Appointments, Prospects Age
}

// kept are the variables of Retention. None may be shorter than least: caps look back
// one year at messages, and forms and callbacks need their texts for weeks.
var kept = []struct {
	name, fallback, least string
	field                 func(*Retention) *Age
}{
	{"OTKLIK_RETENTION_MESSAGES", "3y", "13m", func(r *Retention) *Age { return &r.Messages }},
	{"OTKLIK_RETENTION_BODIES", "1y", "60d", func(r *Retention) *Age { return &r.Bodies }},
	{"OTKLIK_RETENTION_OUTREACH", "3y", "13m", func(r *Retention) *Age { return &r.Outreach }},
	{"OTKLIK_RETENTION_DECISIONS", "1y", "60d", func(r *Retention) *Age { return &r.Decisions }},
	{"OTKLIK_RETENTION_ATTEMPTS", "1y", "60d", func(r *Retention) *Age { return &r.Attempts }},
	{"OTKLIK_RETENTION_IDEMPOTENCY", "7d", "1d", func(r *Retention) *Age { return &r.Idempotency }},
	{"OTKLIK_RETENTION_AUDIT", "5y", "1y", func(r *Retention) *Age { return &r.Audit }},
	{"OTKLIK_RETENTION_APPOINTMENTS", "3y", "13m", func(r *Retention) *Age { return &r.Appointments }},
	// A car is bought again after more years than anything else is kept.
	{"OTKLIK_RETENTION_PROSPECTS", "never", "13m", func(r *Retention) *Age { return &r.Prospects }},
}

func (r *reader) retention(to *Retention) {
	for _, k := range kept {
		v := r.get(k.name, k.fallback)
		age, ok := parseAge(v)
		if !ok {
			r.bad(k.name, "%q is not an age like 3y, 18m, 90d, or never", v)
			continue
		}
		*k.field(to) = age
		least, _ := parseAge(k.least)
		// Any moment will do to compare by; this one has a leap year behind it.
		at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
		if age != (Age{}) && age.Before(at).After(least.Before(at)) {
			r.bad(k.name, "%s is too short: what is younger than %s is still needed", v, k.least)
		}
	}
}

var ageForm = regexp.MustCompile(`^([1-9][0-9]{0,3})([ymd])$`)

// parseAge reads years, months or days; 0 and never are for ever.
func parseAge(s string) (Age, bool) {
	if s == "never" || s == "0" {
		return Age{}, true
	}
	m := ageForm.FindStringSubmatch(s)
	if m == nil {
		return Age{}, false
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return Age{}, false
	}
	switch m[2] {
	case "y":
		return Age{Years: n}, true
	case "m":
		return Age{Months: n}, true
	}
	return Age{Days: n}, true
}

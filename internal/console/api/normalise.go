package api

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"otklik/internal/intake"
	"otklik/internal/store"
)

// squeeze is text with single blanks and without control characters, of which
// PostgreSQL refuses one (NUL).
func squeeze(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
}

// reader turns wire shapes of one dealer into records and collects what cannot
// be used.
type reader struct {
	dealer store.Dealer
	// now is business time; it bounds birthdays.
	now    time.Time
	faults invalid
	// warnings are what was left out of a record that is stored.
	warnings []fault
}

// visit gives the record that an import of the same order would give.
func (x *reader) visit(v Visit) (store.VisitRecord, error) {
	r := store.VisitRecord{
		Order:    squeeze(v.ExternalID),
		ClosedAt: utc(v.ClosedAt), HandedOverAt: utc(v.HandedOverAt), PromisedAt: utc(v.PromisedAt),
		Advisor: squeeze(v.Advisor), Mechanic: squeeze(v.Mechanic), Department: squeeze(v.Department), Repeat: v.Repeat,
	}
	if r.Order == "" {
		x.faults.add("body.external_id", "is blank")
	}
	x.omit("body.handed_over_at", &r.HandedOverAt, intake.LatestDone(x.now))
	x.omit("body.closed_at", &r.ClosedAt, intake.LatestDone(x.now))
	if r.CompletedAt = r.HandedOverAt; r.CompletedAt.IsZero() {
		r.CompletedAt = r.ClosedAt
	}
	switch {
	case !r.CompletedAt.IsZero():
	case len(x.warnings) > 0:
		for _, w := range x.warnings {
			x.faults.add(w.Location, tooFarAhead)
		}
	default:
		x.faults.add("body.handed_over_at", "the clock starts at handed_over_at, else at closed_at; one of them is needed")
	}
	x.omit("body.promised_at", &r.PromisedAt, intake.LatestAhead(x.now))
	r.Works = works(v.Works)
	if v.Total != nil {
		r.TotalMinor, r.Currency = x.total(*v.Total)
	}
	c := x.car(v.Vehicle, r.CompletedAt)
	r.VIN, r.Plate, r.Make, r.Model, r.Mileage, r.DeliveredOn = c.VIN, c.Plate, c.Make, c.Model, c.Mileage, c.DeliveredOn
	r.Customer = x.customer("body.customer", v.Customer)
	return r, x.faults.orNil()
}

const tooFarAhead = "lies too far ahead"

// omit leaves a moment out that is later than it can be, with a warning.
func (x *reader) omit(at string, t *time.Time, latest time.Time) {
	if t.After(latest) {
		x.warnings = append(x.warnings, fault{at, tooFarAhead + "; left out"})
		*t = time.Time{}
	}
}

// notAfter refuses a moment that is later than it can be and that nothing stands in for.
func (x *reader) notAfter(at string, t, latest time.Time) {
	if t.After(latest) {
		x.faults.add(at, tooFarAhead)
	}
}

func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func (x *reader) total(t Total) (int64, string) {
	code := strings.ToUpper(squeeze(t.Currency))
	decimals, ok := intake.Exponent(code)
	if !ok {
		x.faults.add("body.total.currency", "is no currency of ISO 4217")
		return 0, ""
	}
	n, ok := minor(string(t.Amount), decimals)
	if !ok {
		x.faults.add("body.total.amount", fmt.Sprintf("is no decimal with at most 12 digits and %d decimals", decimals))
	}
	return n, code
}

// customer normalises a person or company found at a location of the body.
func (x *reader) customer(at string, c Customer) store.ContactRecord {
	r := store.ContactRecord{ExternalID: squeeze(c.ExternalID)}
	r.Locale = x.locale(at, c.Locale)
	x.named(at, c, &r)
	if !r.Company {
		switch c.Gender {
		case "male", "female":
			r.Gender, r.GenderSource = c.Gender, "data"
		}
		r.Birthday, r.Deceased = x.birthday(at, c.Birthday), c.Deceased
	}
	r.Tags = works(c.Tags)
	if c.Hours != "" {
		var ok bool
		if r.Hours, ok = intake.Hours(c.Hours); !ok {
			x.faults.add(at+".hours", "are no hours like 11:00-19:00, 11:00- or -19:00")
		}
	}
	if c.Zone != "" {
		if r.Zone, r.ZoneTold = intake.Zone(c.Zone); !r.ZoneTold {
			x.faults.add(at+".zone", "is no time zone like Asia/Vladivostok or UTC+10")
		}
	}
	for i, raw := range c.Phones {
		good, bad := intake.Phone(raw, x.dealer.Country)
		if len(bad) > 0 {
			x.faults.add(fmt.Sprintf("%s.phones[%d]", at, i), "is not a telephone number; write it with + and the country's code, or as it is dialled in the dealer's country")
		}
		r.Phones = appendNew(r.Phones, good...)
		if r.Zone == "" && len(good) > 0 {
			r.Zone = intake.ZoneOf(good[0])
		}
	}
	for i, raw := range c.Emails {
		if raw = squeeze(raw); raw == "" {
			continue
		}
		address, ok := intake.Email(raw)
		if !ok {
			x.faults.add(fmt.Sprintf("%s.emails[%d]", at, i), "is not a mail address")
			continue
		}
		r.Emails = appendNew(r.Emails, address)
	}
	return r
}

// named splits the name as an import does; gender follows from a patronymic only
// (invariant 14).
func (x *reader) named(at string, c Customer, r *store.ContactRecord) {
	full := squeeze(c.Name)
	if c.Company.name != "" {
		full = c.Company.name
	}
	p := intake.PersonName(full, r.Locale)
	switch {
	case full == "":
		x.faults.add(at+".name", "is needed")
	case p.Name == "":
		x.faults.add(at+".name", "holds no name")
	case c.Company.given && c.Company.is:
		r.Name, r.Company = full, true
	case c.Company.given && p.Company:
		r.Name = full // looks like a company's, but the caller knows better
	case p.Company:
		r.Name, r.Company = p.Name, true
	default:
		r.Name, r.Family, r.Given, r.Patronymic = p.Name, p.Family, p.Given, p.Patronymic
		r.Gender, r.GenderSource = p.Gender, p.GenderSource
	}
}

var languageTag = regexp.MustCompile(`^([A-Za-z]{2,3})([-_][A-Za-z0-9]{1,8})*$`)

// locale is the language alone: texts are kept per language.
func (x *reader) locale(at, tag string) string {
	if tag = squeeze(tag); tag == "" {
		return x.dealer.Locale
	}
	m := languageTag.FindStringSubmatch(tag)
	if m == nil {
		x.faults.add(at+".locale", "is no language tag")
		return ""
	}
	return strings.ToLower(m[1])
}

var birthdayForm = regexp.MustCompile(`^(\d{4}|-)-\d\d-\d\d$`)

// birthday checks the calendar; nobody is born before 1905 or after today.
func (x *reader) birthday(at, b string) string {
	if b = squeeze(b); b == "" {
		return ""
	}
	day, year := b, ""
	if strings.HasPrefix(b, "--") {
		day = "2000" + b[1:] // a leap year: 29 February is a birthday
	} else if len(b) > 4 {
		year = b[:4]
	}
	t, err := time.Parse(time.DateOnly, day)
	switch {
	case err != nil || !birthdayForm.MatchString(b):
		x.faults.add(at+".birthday", "is no date of the form YYYY-MM-DD or --MM-DD")
	case year != "" && (t.Year() < 1905 || t.After(x.now)):
		x.faults.add(at+".birthday", "lies in the future or before 1905")
	}
	return b
}

func appendNew(to []string, more ...string) []string {
	for _, s := range more {
		if !slices.Contains(to, s) {
			to = append(to, s)
		}
	}
	return to
}

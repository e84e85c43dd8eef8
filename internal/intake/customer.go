package intake

import (
	"fmt"
	"strings"
	"unicode"
)

// customer reads who the row is about: name, company, gender, birthday, locale. Addresses come later.
func (r *rowReader) customer() Customer {
	locale := r.locale()
	c := r.name(locale)
	c.ExternalID, c.Locale, c.Tags, c.Hours = r.word(fCustomerID), locale, r.tags(), r.hours()
	if c.Company {
		return c // a company has neither gender nor birthday, whatever the columns say
	}
	if w := fold(r.cell(fGender)); w != "" {
		switch g := words().gender[w]; {
		case g != "":
			c.Gender, c.GenderSource = g, "data"
		case !words().none[w] && !words().titles[w] && w != "-":
			r.warn(r.column(fGender), CodeBadWord, "%q is no known gender; left out", shorten(w, 20))
		}
	}
	c.Birthday, c.Deceased = r.birthday(), r.marked(fDeceased)
	return c
}

func (r *rowReader) name(locale string) Customer {
	var c Customer
	full := r.fullName()
	if r.c.has(fFamily) && strings.TrimSpace(r.cell(fFamily)+r.cell(fGiven)) != "" {
		c = named(r.cell(fFamily), r.cell(fGiven), r.cell(fPatronymic), locale)
	}
	if c.Name == "" {
		c = PersonName(full, locale)
	}
	if firm := r.word(fCompany); firm != "" && strings.ContainsFunc(firm, unicode.IsLetter) {
		return company(firm)
	}
	if c.Name != "" && !c.Company && words().companyType[fold(r.cell(fCustType))] {
		return company(squeeze(full))
	}
	return c
}

// fullName is the first of the customer columns that names somebody: in front of the owner's column, systems write "retail
// customer" or nothing.
func (r *rowReader) fullName() string {
	for _, at := range r.c.by[fCustomer] {
		name := nameOnly(clean(cellAt(r.line, at)))
		if !strings.ContainsFunc(name, unicode.IsLetter) {
			continue
		}
		if len(name) <= 40 { // as long as the longest of these words; folding every full name would be felt
			if w := fold(name); words().none[w] || words().nobody[w] {
				continue
			}
		}
		return name
	}
	return ""
}

// nameOnly takes telephone numbers and addresses out of a name: "Иванов Иван, тел. 8-916-…".
func nameOnly(cell string) string {
	if len(digitsOf(cell)) < 7 && !strings.Contains(cell, "@") {
		return cell
	}
	at := strings.IndexFunc(cell, func(r rune) bool { return r == '+' || unicode.IsDigit(r) })
	if m := strings.IndexByte(cell, '@'); m >= 0 {
		if sp := strings.LastIndexFunc(cell[:m], isBlank); at < 0 || sp < at {
			at = max(sp, 0)
		}
	}
	if at <= 0 {
		return ""
	}
	name := strings.TrimRight(cell[:at], " ,;:(.-\t")
	for _, mark := range []string{"тел", "моб", "tel", "phone", "т", "电话", "手机"} {
		if cut, ok := strings.CutSuffix(name, mark); ok && (cut == "" || hasHan(mark) || strings.ContainsAny(cut[len(cut)-1:], " ,;(")) {
			name = strings.TrimRight(cut, " ,;:(.-\t")
		}
	}
	return name
}

// locale is the column's language, else the file's.
func (r *rowReader) locale() string {
	if w := fold(r.cell(fLocale)); w != "" {
		if l := words().language[w]; l != "" {
			return l
		}
		if len(w) > 2 && (w[2] == '-' || w[2] == '_') {
			if l := words().language[w[:2]]; l != "" {
				return l
			}
		}
		if !words().none[w] {
			r.warn(r.column(fLocale), CodeBadWord, "%q is no known language; %s is taken", shorten(w, 20), r.f.opts.Locale)
		}
	}
	return r.f.opts.Locale
}

func (r *rowReader) birthday() string {
	d, ok := r.day(fBirthday)
	if !ok {
		return ""
	}
	now := r.f.opts.Now
	if d.year > 0 && !now.IsZero() && (date{year: d.year, month: d.month, day: d.day}).instant(r.f.opts.Zone).After(now) {
		if d.year-100 >= now.Year()-110 && d.year > now.Year() && len(digitsOf(r.cell(fBirthday))) <= 6 {
			d.year -= 100 // two digits of a year
		} else {
			r.warn(r.column(fBirthday), CodeBadDate, "the birthday is in the future; left out")
			return ""
		}
	}
	if d.year < 1905 {
		if d.year > 0 && d.year != 1900 && d.year != 1904 {
			r.warn(r.column(fBirthday), CodeBadDate, "the year of birth is before 1905; left out")
			return ""
		}
		return fmt.Sprintf("--%02d-%02d", d.month, d.day)
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)
}

// addresses fills telephones and e-mail addresses from all their columns, and warns where none is usable.
func (r *rowReader) addresses(c *Customer) {
	for _, f := range []string{fPhone, fContact, fEmail} {
		for _, at := range r.c.by[f] {
			cell := cellAt(r.line, at)
			if clean(cell) == "" {
				continue
			}
			r.contact(c, f, at, cell)
		}
	}
	if name := r.cell(fCustomer); len(digitsOf(name)) >= 10 {
		good, _ := Phone(name, r.f.Region)
		for _, n := range good {
			c.Phones = appendNew(c.Phones, n)
		}
	}
	c.Zone, c.ZoneTold = r.zone(c.Phones)
	if len(c.Phones) == 0 && len(c.Emails) == 0 && c.Name != "" {
		column := fPhone
		for _, f := range []string{fEmail, fContact, fPhone} {
			if r.c.has(f) {
				column = r.column(f)
			}
		}
		r.warn(column, CodeNoAddress, "no usable phone number or e-mail address; the customer cannot be reached")
	}
}

// contact reads one cell, whatever its header promises: e-mail addresses stand in telephone columns and the reverse.
func (r *rowReader) contact(c *Customer, field string, at int, cell string) {
	mail, tel := cell, ""
	switch {
	case field != fEmail:
		mail, tel = splitContact(cell)
	case !strings.Contains(cell, "@") && len(digitsOf(cell)) >= 10:
		mail, tel = "", cell
	}
	if mail != "" {
		emails, bad := parseEmails(mail)
		for _, e := range emails {
			c.Emails = appendNew(c.Emails, e)
		}
		if bad > 0 {
			r.warn(r.headerOf(at, field), CodeBadEmail, "not an e-mail address; left out")
		}
	}
	if tel == "" {
		return
	}
	t := r.telephones(tel)
	for _, n := range t.good {
		c.Phones = appendNew(c.Phones, n)
	}
	for _, reason := range t.bad {
		r.warn(r.headerOf(at, field), CodeBadPhone, "%s", reason)
	}
}

func (r *reader) telephones(cell string) tels {
	if t, ok := r.phones[cell]; ok {
		return t
	}
	good, bad := Phone(cell, r.f.Region)
	t := tels{good, bad}
	r.phones[cell] = t
	return t
}

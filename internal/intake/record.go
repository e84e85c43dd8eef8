package intake

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// rowReader reads one line; it collects what is wrong with it.
type rowReader struct {
	*reader
	line     line
	problems []Problem
}

func (r *reader) row(l line) Row {
	rr := rowReader{reader: r, line: l}
	row := Row{Line: l.no, Raw: rr.raw()}
	first, goesOn := r.above[l.no]
	if goesOn {
		rr.line = r.goOn(first, l)
	}
	rec := rr.record()
	row.Problems = rr.problems
	if goesOn {
		row.Problems = slices.DeleteFunc(row.Problems, func(p Problem) bool { return !p.Refused && p.Code != CodeBadMoney }) // told of above
	}
	for _, p := range rr.problems {
		if p.Refused {
			if rec != nil && rec.Order != "" {
				row.order = Row{Record: rec}.key()
			}
			return row
		}
	}
	row.Record = rec
	return row
}

// goOn fills a line that holds only works with what the order's first line says. Its amount counts where the first line
// has works of its own; else that line's amount is the whole order's.
func (r *reader) goOn(first, l line) line {
	out := line{no: l.no, cells: make([]string, max(len(first.cells), len(l.cells)))}
	copy(out.cells, first.cells)
	for at, c := range l.cells {
		if clean(c) != "" {
			out.cells[at] = c
		}
	}
	works := false
	for _, at := range r.c.by[fWorks] {
		works = works || clean(cellAt(first, at)) != ""
		if at < len(out.cells) {
			out.cells[at] = cellAt(l, at)
		}
	}
	for _, f := range [...]string{fTotal, fLabor, fParts} {
		if at := r.c.first(f); at >= 0 && at < len(out.cells) {
			out.cells[at] = ""
			if works {
				out.cells[at] = cellAt(l, at)
			}
		}
	}
	return out
}

// raw is the row as the file of refused rows repeats it. Dates of a column whose order was decided against the locale
// are written in ISO form, because a few refused rows alone may not tell that order again.
func (r *rowReader) raw() []string {
	out := make([]string, max(len(r.f.Header), len(r.line.cells)))
	copy(out, r.line.cells)
	for at, turned := range r.f.iso {
		if !turned {
			continue
		}
		st := scanStamp(out[at])
		if d, state := st.read(r.monthFirst[at], r.f.opts.Now); st.orderMatters() && state == stampGood && d.year != 0 {
			out[at] = d.text()
		}
	}
	return out
}

// text is the ISO form of a date.
func (d date) text() string {
	s := fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)
	if d.hasTime {
		s += fmt.Sprintf(" %02d:%02d:%02d", d.h, d.m, d.s)
	}
	return s
}

// cell is the cleaned cell of a field's best column.
func (r *rowReader) cell(field string) string { return clean(cellAt(r.line, r.c.first(field))) }

// word is a cell with single blanks, "" when it says "none".
func (r *rowReader) word(field string) string {
	c := squeeze(cellAt(r.line, r.c.first(field)))
	if words().says(c) {
		return ""
	}
	return c
}

// column is the name of a field's column for the user.
func (r *rowReader) column(field string) string {
	if at := r.c.first(field); at >= 0 && r.f.Header[at] != "" {
		return r.f.Header[at]
	}
	return field
}

func (r *rowReader) warn(column, code, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: r.line.no, Column: column, Code: code, Reason: fmt.Sprintf(format, args...)})
}

func (r *rowReader) refuse(column, code, reason string) {
	r.problems = append(r.problems, Problem{Line: r.line.no, Column: column, Code: code, Reason: reason, Refused: true})
}

func (r *rowReader) record() *Record {
	if beyond(r.line, r.width) {
		r.refuse("row", CodeShifted, fmt.Sprintf("has %d cells where the header has %d; a delimiter inside a cell must be quoted",
			len(r.line.cells), r.width))
		return nil
	}
	rec := &Record{
		Order: orderNumber(r.word(fOrder)), Dealer: r.word(fDealer), Advisor: r.word(fAdvisor), Mechanic: r.word(fMechanic),
		Department: r.word(fDepartment), Works: r.works(), Total: r.total(), Repeat: r.yes(fRepeat),
	}
	if r.f.opts.Kind == Visits && rec.Order == "" {
		r.refuse(r.column(fOrder), CodeNoOrder, "no order number")
	}
	rec.Customer = r.customer()
	if rec.Customer.Name == "" {
		r.refuse(r.customerColumn(), CodeNoCustomer, "no customer")
	}
	r.dates(rec)
	r.addresses(&rec.Customer)
	rec.Vehicle = r.vehicle(rec)
	switch r.f.opts.Kind {
	case Customers:
		rec.Customer.Consent = r.consent()
	case Deliveries:
		if v := rec.Vehicle; v.VIN == "" && v.Plate == "" && v.Model == "" {
			r.refuse(fVIN, CodeNoVehicle, "no vehicle: neither chassis number nor plate nor model")
		}
	case Appointments:
		rec.State = r.state(words().state)
		rec.Attention, rec.AttentionReason = r.flag(fAttention)
		rec.Request, rec.Warranty, rec.Immobile, rec.AgreedOther = r.word(fRequest), r.marked(fWarranty), r.marked(fImmobile), r.marked(fAgreedTerm)
	case Prospects:
		rec.Interest, rec.Notes = r.interest(), r.word(fNotes)
		rec.AgreedAt, _ = r.moment(fAgreedAt)
		if rec.State = r.state(words().funnel); rec.State == "won" || rec.State == "lost" {
			rec.Outcome = squeeze(r.cell(fStatus))
		}
	}
	return rec
}

func (r *rowReader) customerColumn() string {
	for _, f := range []string{fCustomer, fFamily, fCompany} {
		if r.c.has(f) {
			return r.column(f)
		}
	}
	return fCustomer
}

// orderNumber takes the number out of a document's full name, as 1C shows references: "Заказ-наряд ЗН-000777 от
// 18.11.2026 9:00:00". Another export of the same order will give the number alone.
func orderNumber(cell string) string {
	if !strings.Contains(cell, " ") {
		return cell
	}
	for _, of := range [...]string{" от ", " dated ", " of "} {
		name, day, ok := strings.Cut(cell, of)
		if st := scanStamp(day); !ok || st.state != stampGood || st.n != 3 {
			continue
		}
		w := splitWords(name)
		last := len(w) - 1
		if last > 0 && words().understand(strings.Join(w[:last], " ")).field != fOrder {
			return squeeze(name)
		}
		return strings.TrimLeft(w[last], "№#")
	}
	return cell
}

// moment reads a field's columns: one with date and time, or a date and a time in two. known is false when they are
// empty; a column that holds something that is no date, or an impossible one (Options.impossible), is named as a problem.
func (r *rowReader) moment(field string) (t time.Time, known bool) {
	var d, clock date
	var haveDate, haveClock bool
	for _, at := range r.c.by[field] {
		cell := cellAt(r.line, at)
		st := scanStamp(cell)
		if st.state == stampTime {
			st.state, st.nums, st.lens, st.n = stampGood, [3]int{2000, 1, 1}, [3]int{4, 1, 1}, 3
			if c, state := st.read(false, time.Time{}); state == stampGood && !haveClock {
				clock, haveClock = c, true
			}
			continue
		}
		got, state := st.read(r.monthFirst[at], r.f.opts.Now)
		if state == stampGood && got.year == 0 {
			state = stampText
		}
		switch {
		case state == stampGood && !haveDate:
			d, haveDate = got, true
		case state == stampImpossible:
			known = true
			r.warn(r.headerOf(at, field), CodeBadDate, "%q is not in the calendar; left out", shorten(squeeze(cell), 40))
		case state == stampText:
			known = true
			r.warn(r.headerOf(at, field), CodeBadDate, "%q is not a date; left out", shorten(squeeze(cell), 40))
		}
	}
	if !haveDate {
		return time.Time{}, known
	}
	if haveClock && !d.hasTime {
		d.h, d.m, d.s, d.hasTime = clock.h, clock.m, clock.s, true
	}
	t = d.instant(r.f.opts.Zone).UTC()
	if why := r.f.opts.impossible(field, t); why != "" {
		r.warn(r.column(field), CodeBadDate, "%s %s; left out", t.In(r.f.opts.Zone).Format(time.DateOnly), why)
		return time.Time{}, true
	}
	return t, true
}

func (r *rowReader) headerOf(at int, field string) string {
	if h := r.f.Header[at]; h != "" {
		return h
	}
	return field
}

// dates fills the record's moments and refuses a row whose clock cannot start.
func (r *rowReader) dates(rec *Record) {
	bad := "" // the column whose cell is no date
	for _, f := range []struct {
		field string
		to    *time.Time
		clock bool
	}{
		{fHandedOver, &rec.HandedOverAt, r.f.opts.Kind == Visits || r.f.opts.Kind == Deliveries},
		{fClosedAt, &rec.ClosedAt, r.f.opts.Kind == Visits || r.f.opts.Kind == Deliveries},
		{fStartsAt, &rec.StartsAt, r.f.opts.Kind == Appointments},
		{fOpenedAt, &rec.OpenedAt, r.f.opts.Kind == Prospects},
		{fPromisedAt, &rec.PromisedAt, false},
	} {
		t, known := r.moment(f.field)
		*f.to = t
		if bad == "" && f.clock && known && t.IsZero() {
			bad = r.column(f.field)
		}
	}
	clocks := clockFields(r.f.opts.Kind)
	if clocks == nil {
		return
	}
	starts := map[string]time.Time{fHandedOver: rec.HandedOverAt, fClosedAt: rec.ClosedAt, fStartsAt: rec.StartsAt, fOpenedAt: rec.OpenedAt}
	column := ""
	for _, f := range clocks {
		if !starts[f].IsZero() {
			return
		}
		if column == "" && r.c.has(f) {
			column = r.column(f)
		}
	}
	reason := "no date"
	if bad != "" {
		column, reason = bad, "no possible date"
	}
	if r.f.opts.Kind == Visits {
		reason += " of closing or hand-over"
	}
	r.refuse(column, CodeNoDate, reason)
}

// day reads a calendar date without a clock: sold, born. Its state tells an empty cell from a bad one.
func (r *rowReader) day(field string) (d date, ok bool) {
	at := r.c.first(field)
	if at < 0 {
		return date{}, false
	}
	cell := cellAt(r.line, at)
	d, state := scanStamp(cell).read(r.monthFirst[at], r.f.opts.Now)
	if state == stampImpossible {
		r.warn(r.column(field), CodeBadDate, "%q is not in the calendar; left out", shorten(squeeze(cell), 40))
	}
	if state == stampText || state == stampTime {
		r.warn(r.column(field), CodeBadDate, "%q is not a date; left out", shorten(squeeze(cell), 40))
	}
	return d, state == stampGood
}

// works are the parts of the works cells; a comma between digits or inside brackets does not part them.
func (r *rowReader) works() []string {
	var out []string
	for _, at := range r.c.by[fWorks] {
		for _, w := range splitWorks(cellAt(r.line, at)) {
			out = appendNew(out, w)
		}
	}
	return out
}

func splitWorks(cell string) []string {
	var out []string
	depth, from := 0, 0
	add := func(to int) {
		if w := squeeze(strings.Trim(cell[from:to], " .-•*")); w != "" && !words().says(w) {
			out = append(out, w)
		}
	}
	prev := rune(0)
	for i, c := range cell {
		switch c {
		case '(', '（', '[':
			depth++
		case ')', '）', ']':
			depth = max(0, depth-1)
		case ',', '，', '、':
			if depth > 0 || unicode.IsDigit(prev) && nextDigit(cell[i+1:]) {
				break
			}
			fallthrough
		case ';', '；', '\n', '\r', '|':
			add(i)
			from = i + len(string(c))
		}
		prev = c
	}
	add(len(cell))
	return out
}

func nextDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func (r *rowReader) yes(field string) bool { return words().yes[fold(r.cell(field))] }

// total is the whole amount, or labor and parts together where no column holds the whole.
func (r *rowReader) total() Money {
	if r.c.has(fTotal) {
		return r.money(fTotal)
	}
	m := r.money(fLabor)
	p := r.money(fParts)
	if !m.Valid {
		return p
	}
	m.Minor += p.Minor
	return m
}

func (r *rowReader) money(field string) Money {
	cell := r.word(field)
	if cell == "" {
		return Money{}
	}
	named := currencyOf(r.word(fCurrency), r.country)
	if named == "" {
		named = r.sumCurrency
	}
	m, ok := parseMoney(cell, r.f.opts.Locale, r.country, named)
	if !ok {
		r.warn(r.column(field), CodeBadMoney, "%q is no amount; left out", shorten(cell, 40))
	}
	return m
}

func (r *rowReader) vehicle(rec *Record) Vehicle {
	v := Vehicle{VIN: VIN(r.word(fVIN)), Plate: Plate(r.word(fPlate)), Model: r.word(fModel)}
	v.Make = r.word(fMake)
	if m := v.Make; m != "" && !strings.Contains(fold(v.Model), fold(m)) {
		v.Model = strings.TrimSpace(m + " " + v.Model)
	}
	if cell := r.word(fMileage); cell != "" {
		n, ok := parseCount(cell)
		if !ok {
			r.warn(r.column(fMileage), CodeBadNumber, "%q is no mileage; left out", shorten(cell, 40))
		}
		v.Mileage = n
	}
	switch d, ok := r.day(fSoldAt); {
	case ok && d.year != 0:
		v.DeliveredOn = r.delivered(fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day), rec)
	case r.f.opts.Kind == Deliveries && !rec.Clock().IsZero():
		v.DeliveredOn = rec.Clock().In(r.f.opts.Zone).Format(time.DateOnly)
	}
	return v
}

// delivered is a hand-over day where it can be one; "" with a warning otherwise.
func (r *rowReader) delivered(day string, rec *Record) string {
	var visit time.Time
	if r.f.opts.Kind == Visits {
		visit = rec.Clock()
	}
	if why := ImpossibleDelivery(day, visit, r.f.opts.Now, r.f.opts.Zone); why != "" {
		r.warn(r.column(fSoldAt), CodeBadDate, "%s %s; left out", day, why)
		return ""
	}
	return day
}

// latinTwins are the Cyrillic letters that are typed into chassis numbers by mistake.
var latinTwins = strings.NewReplacer("А", "A", "В", "B", "Е", "E", "К", "K", "М", "M", "Н", "H", "О", "O", "Р", "P", "С", "C",
	"Т", "T", "У", "Y", "Х", "X")

// VIN is a chassis number in capitals without blanks and asterisks, Cyrillic letters read as the Latin ones they look
// like. It checks nothing.
func VIN(s string) string {
	return latinTwins.Replace(strings.ToUpper(strings.Map(func(r rune) rune {
		if isBlank(r) || r == '*' {
			return -1
		}
		return r
	}, s)))
}

// Plate is a registration number in capitals without blanks and without the country's RUS behind the region. It checks
// nothing.
func Plate(s string) string {
	p := strings.ToUpper(strings.Map(func(r rune) rune {
		if isBlank(r) {
			return -1
		}
		return r
	}, s))
	if bare, ok := strings.CutSuffix(p, "RUS"); ok && bare != "" && isDigit(rune(bare[len(bare)-1])) {
		return bare
	}
	return p
}

// state is what the status column says, by the words for it.
func (r *rowReader) state(meanings map[string]string) string {
	w := fold(r.cell(fStatus))
	s, ok := meanings[w] // before the words for "none": "отказ" is both
	if !ok && w != "" && !words().says(w) {
		r.warn(r.column(fStatus), CodeBadWord, "%q is no known status; left out", shorten(w, 40))
	}
	return s
}

// flag reads a column that says yes, or why.
func (r *rowReader) flag(field string) (is bool, why string) {
	w := r.word(field)
	switch f := fold(w); {
	case f == "" || words().no[f]:
		return false, ""
	case words().yes[f] || f == "vip":
		return true, ""
	}
	return true, w
}

// marked is a flag whose reason does not matter.
func (r *rowReader) marked(field string) bool {
	is, _ := r.flag(field)
	return is
}

// tags are the words of a list in one cell.
func (r *rowReader) tags() (out []string) {
	for _, t := range strings.FieldsFunc(r.word(fTags), func(c rune) bool { return strings.ContainsRune(",;|/，；、", c) }) {
		if t = squeeze(t); t != "" {
			out = appendNew(out, t)
		}
	}
	return out
}

func (r *rowReader) interest() map[string]string {
	out := map[string]string{}
	for field, key := range interestKeys {
		if w := r.word(field); w != "" {
			out[key] = w
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

package intake

import (
	"context"
	"fmt"
	"strings"
	"unicode"
)

// reader turns a table's lines into rows.
type reader struct {
	f           *File
	t           *table
	c           *columns
	width       int             // cells that belong to the table
	monthFirst  map[int]bool    // by column
	phones      map[string]tels // cells already read: the library is slow, and customers come back
	country     string
	sumCurrency string       // named in the header of the amount
	above       map[int]line // by line number: the first line of the order that this one only goes on with
}

type tels struct{ good, bad []string }

func newReader(f *File, t *table) *reader {
	return &reader{f: f, t: t, monthFirst: map[int]bool{}, phones: map[string]tels{}, above: map[int]line{}, country: f.opts.Country}
}

// rows reads everything below the header. It looks at ctx every thousand rows.
func (r *reader) rows(ctx context.Context) error {
	r.c = newColumns(r.f, r.t)
	if err := r.c.missing(); err != nil {
		return err
	}
	r.describe()
	lines := r.data()
	r.decideWidth(lines)
	r.decideDates(lines)
	r.f.Region, r.f.RegionGuessed = r.f.opts.Region, false
	if r.f.Region == "" {
		r.f.Region, r.f.RegionGuessed = decideRegion(r.phoneCells(lines), r.f.opts.Country)
	}
	if r.f.RegionGuessed {
		r.country = r.f.Region // where the customers live is where the amounts are from
	}
	if at := r.totalColumn(); at >= 0 {
		r.sumCurrency = currencyOf(r.f.Header[at], r.country)
	}
	r.f.Rows = make([]Row, 0, len(lines))
	for i, l := range lines {
		if i%1000 == 0 && ctx.Err() != nil {
			return fmt.Errorf("at line %d: %w", l.no, ctx.Err())
		}
		r.f.Rows = append(r.f.Rows, r.row(l))
	}
	return nil
}

// describe tells the user how the header was understood.
func (r *reader) describe() {
	r.f.Fields = map[string]string{}
	for i, h := range r.f.Header {
		if field := r.c.fieldOf(i); field != "" {
			if h == "" {
				h = fmt.Sprintf("column %d", i+1)
			}
			r.f.Fields[h] = field
		}
	}
}

// data gives the lines that are data rows: no blank, total, title or group lines, no repetition of the header. A line
// that holds nothing but more works belongs to the order above it.
func (r *reader) data() []line {
	var out []line
	for _, l := range r.t.lines {
		if l.blank() || r.isTotal(l) || r.isTitle(l) || r.isHeader(l) {
			continue
		}
		if !r.names(l) {
			if r.isGroup(l) {
				continue
			}
			if len(out) > 0 && clean(cellAt(l, r.c.first(fOrder))) == "" {
				last := out[len(out)-1]
				if first, ok := r.above[last.no]; ok {
					last = first
				}
				r.above[l.no] = last
			}
		}
		out = append(out, l)
	}
	return out
}

func (r *reader) isHeader(l line) bool {
	same := 0
	for i, h := range r.f.Header {
		c := ""
		if i < len(l.cells) {
			c = l.cells[i]
		}
		if c != "" && !strings.EqualFold(squeeze(c), h) {
			return false
		}
		if c != "" {
			same++
		}
	}
	return same > 1
}

// names holds for a line that says who, when or which vehicle.
func (r *reader) names(l line) bool {
	for _, f := range [...]string{
		fCustomer, fFamily, fGiven, fCompany, fCustomerID, fPhone, fContact, fEmail, fVIN, fPlate, fClosedAt, fHandedOver, fPromisedAt,
		fOpenedAt, fStartsAt, fSoldAt, fBirthday,
	} {
		for _, at := range r.c.by[f] {
			if clean(cellAt(l, at)) != "" {
				return true
			}
		}
	}
	return false
}

// isGroup holds for a line above or under a group of rows, of those that name nobody: a heading where an order number
// would stand, or beside amounts only. A bare order number is a row in which everything else is missing.
func (r *reader) isGroup(l line) bool {
	if r.f.opts.Kind == Customers {
		return false
	}
	if order := squeeze(cellAt(l, r.c.first(fOrder))); order != "" {
		w := splitWords(order)
		last := len(w) - 1
		return !strings.ContainsFunc(order, unicode.IsDigit) || last > 0 && words().understand(strings.Join(w[:last], " ")).field != fOrder
	}
	for _, at := range r.c.by[fWorks] {
		if clean(cellAt(l, at)) != "" {
			return false
		}
	}
	return true
}

// isTotal holds for a line whose first filled cell begins with a total word and that has no customer of its own.
func (r *reader) isTotal(l line) bool {
	first := 0
	for first < len(l.cells) && clean(l.cells[first]) == "" {
		first++
	}
	word, rest := totalWord(l.cells[first])
	if !word {
		return false
	}
	for _, f := range []string{fCustomer, fFamily, fCompany} {
		if at := r.c.first(f); at >= 0 && at != first && strings.ContainsFunc(cellAt(l, at), unicode.IsLetter) {
			return false
		}
	}
	if rest == "" {
		return true
	}
	for _, f := range []string{fPhone, fContact, fEmail, fVIN, fCustomerID, fClosedAt, fHandedOver, fStartsAt, fOpenedAt, fBirthday} {
		for _, at := range r.c.by[f] {
			if at != first && clean(cellAt(l, at)) != "" {
				return false
			}
		}
	}
	return true
}

// totalWord tells whether a cell begins with a total word; rest is the letters behind it.
func totalWord(cell string) (ok bool, rest string) {
	c := fold(cell)
	if len(c) > 120 {
		return false, ""
	}
	for _, w := range words().totals {
		if !strings.HasPrefix(c, w) {
			continue
		}
		tail := c[len(w):]
		next := []rune(tail)
		if len(next) > 0 && unicode.IsLetter(next[0]) && !hasHan(w) {
			continue
		}
		return true, strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) {
				return r
			}
			return -1
		}, tail)
	}
	return false, ""
}

// isTitle holds for a heading or signature between or under the rows: one filled cell of several words, where none
// of the row's own meanings stands.
func (r *reader) isTitle(l line) bool {
	if len(r.f.Header) < 4 {
		return false
	}
	at := -1
	for i, c := range l.cells {
		if clean(c) != "" {
			if at >= 0 {
				return false
			}
			at = i
		}
	}
	if at < 0 {
		return false
	}
	switch r.c.fieldOf(at) {
	case fCustomer, fFamily, fCompany, fPhone, fContact, fEmail, fWorks:
		return false
	}
	text := squeeze(l.cells[at])
	n := len(splitWords(text))
	return strings.ContainsFunc(text, unicode.IsLetter) && (n > 2 || n == 2 && !strings.ContainsFunc(text, unicode.IsDigit))
}

func cellAt(l line, at int) string {
	if at >= 0 && at < len(l.cells) {
		return l.cells[at]
	}
	return ""
}

// decideWidth: a cell beyond the header's width is a shifted row, unless most rows have one there.
func (r *reader) decideWidth(lines []line) {
	wider := 0
	r.width = len(r.f.Header)
	for _, l := range lines {
		if beyond(l, r.width) {
			wider++
		}
	}
	if 2*wider > len(lines) && len(lines) > 2 {
		r.width = 1 << 30
	}
}

func beyond(l line, width int) bool {
	for i := width; i < len(l.cells); i++ {
		if clean(l.cells[i]) != "" {
			return true
		}
	}
	return false
}

// decideDates settles the order of day and month for every date column over all its cells. A column that does not
// tell follows the others of the file, then the locale.
func (r *reader) decideDates(lines []line) {
	usual := r.f.opts.Locale == "en" && (r.country == "" || r.country == "US" || r.country == "PH")
	var sum dayOrder
	open := map[int]dayOrder{}
	r.f.iso = make([]bool, len(r.f.Header))
	for field, list := range r.c.by {
		if !isDateField(field) {
			continue
		}
		for _, at := range list {
			var o dayOrder
			dots := 0
			for _, l := range lines {
				st := scanStamp(cellAt(l, at))
				o.see(st)
				if st.sep == '.' && st.orderMatters() {
					dots++
				}
			}
			sum.dayFirst += o.dayFirst
			sum.monthFirst += o.monthFirst
			switch {
			case o.dayFirst != o.monthFirst:
				r.monthFirst[at] = o.monthFirst > o.dayFirst
			case dots > 0 && 2*dots > o.total:
				r.monthFirst[at] = false // 03.04.2026: nobody writes the month first with dots
			default:
				open[at] = o
			}
		}
	}
	for at := range open {
		r.monthFirst[at] = usual
		if sum.dayFirst != sum.monthFirst {
			r.monthFirst[at] = sum.monthFirst > sum.dayFirst
		}
	}
	for at, m := range r.monthFirst {
		r.f.iso[at] = m != usual
	}
}

func (r *reader) phoneCells(lines []line) []string {
	var out []string
	for _, f := range []string{fPhone, fContact} {
		for _, at := range r.c.by[f] {
			for _, l := range lines {
				_, rest := splitContact(cellAt(l, at))
				if strings.ContainsFunc(rest, unicode.IsDigit) {
					out = append(out, rest)
				}
			}
		}
	}
	return out
}

func (r *reader) totalColumn() int {
	for _, f := range []string{fTotal, fLabor, fParts} {
		if at := r.c.first(f); at >= 0 {
			return at
		}
	}
	return -1
}

package intake

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// shape is what the cells of a column look like, in shares of its filled cells (of the first few hundred rows).
type shape struct {
	filled, distinct                                int
	date, clock, phone, email, vin, letters, person float64
	oneWord, gender, digits                         float64
}

const sniffRows = 300

// shapes looks at the data under every header.
func shapes(lines []line, width int) []shape {
	out := make([]shape, width)
	seen := make([]set, width)
	for i := range seen {
		seen[i] = set{}
	}
	rows := 0
	for _, l := range lines {
		if rows >= sniffRows {
			break
		}
		if l.blank() {
			continue
		}
		rows++
		for i := 0; i < width && i < len(l.cells); i++ {
			if c := squeeze(l.cells[i]); c != "" {
				seen[i][c] = true
				out[i].add(c)
			}
		}
	}
	for i := range out {
		out[i].distinct = len(seen[i])
		if n := float64(out[i].filled); n > 0 {
			for _, p := range []*float64{&out[i].date, &out[i].clock, &out[i].phone, &out[i].email, &out[i].vin,
				&out[i].letters, &out[i].person, &out[i].oneWord, &out[i].gender, &out[i].digits} {
				*p /= n
			}
		}
	}
	return out
}

func (s *shape) add(c string) {
	s.filled++
	switch st := scanStamp(c); {
	case st.state == stampTime:
		s.clock++
	case st.state == stampGood && (st.n == 3 || st.month != 0 || st.serial != 0):
		s.date++
	}
	if strings.Contains(c, "@") {
		s.email++
	}
	if d := digitsOf(c); len(d) >= 10 && len(d) <= 13 && strings.Trim(c, "0123456789+-() .") == "" && !strings.Contains(c, "..") {
		s.phone++
	}
	if isVIN(c) {
		s.vin++
	}
	if strings.ContainsFunc(c, unicode.IsLetter) {
		s.letters++
	}
	if strings.ContainsFunc(c, unicode.IsDigit) {
		s.digits++
	}
	n := len(splitWords(c))
	if n == 1 {
		s.oneWord++
	}
	if w := fold(c); words().gender[w] != "" || words().titles[w] {
		s.gender++
	}
	if !strings.ContainsFunc(c, unicode.IsDigit) && (n >= 2 && n <= 4 || hasHan(c) && len([]rune(c)) >= 2 && len([]rune(c)) <= 4) {
		s.person++
	}
}

func isVIN(c string) bool {
	if len(c) != 17 {
		return false
	}
	digits := 0
	for i := 0; i < len(c); i++ {
		switch b := c[i] | 0x20; {
		case c[i] >= '0' && c[i] <= '9':
			digits++
		case b < 'a' || b > 'z':
			return false
		}
	}
	return digits > 0 && digits < 17
}

// columns are the columns of each field, the best name first.
type columns struct {
	by     map[string][]int
	match  []match
	shape  []shape
	header []string
	kind   Kind
}

func newColumns(f *File, t *table) *columns {
	c := &columns{by: map[string][]int{}, match: slices.Clone(t.matches), header: f.Header, kind: f.opts.Kind}
	c.shape = shapes(t.lines, len(f.Header))
	for i, m := range c.match {
		if kinds, some := onlyFor[m.field]; some && !slices.Contains(kinds, c.kind) {
			c.match[i] = match{} // as if it said nothing
			continue
		}
		if m.field != "" && m.field != fIgnore {
			c.put(m.field, i)
		}
	}
	c.sniff()
	c.resolve()
	return c
}

// put adds a column to a field, in the order of its names' ranks.
func (c *columns) put(field string, at int) {
	list := c.by[field]
	i := len(list)
	for i > 0 && c.match[list[i-1]].rank > c.match[at].rank {
		i--
	}
	c.by[field] = append(list[:i:i], append([]int{at}, list[i:]...)...)
}

func (c *columns) has(field string) bool { return len(c.by[field]) > 0 }

// first is the best column of a field, -1 when there is none.
func (c *columns) first(field string) int {
	if list := c.by[field]; len(list) > 0 {
		return list[0]
	}
	return -1
}

// move gives all columns of one field to another.
func (c *columns) move(from, to string) {
	list := c.by[from]
	delete(c.by, from)
	for _, at := range list {
		c.put(to, at)
	}
}

// moveOne gives one column to another field.
func (c *columns) moveOne(at int, from, to string) {
	var rest []int
	for _, i := range c.by[from] {
		if i != at {
			rest = append(rest, i)
		}
	}
	if c.by[from] = rest; rest == nil {
		delete(c.by, from)
	}
	if to != "" {
		c.put(to, at)
	}
}

// sniff corrects ambiguous headers by their cells and takes columns whose cells can be only one thing.
func (c *columns) sniff() {
	if at := c.first(fContact); at >= 0 && c.shape[at].person > 0.6 && !c.has(fCustomer) {
		c.moveOne(at, fContact, fCustomer)
	}
	if at := c.first(fCustomer); at >= 0 && c.shape[at].filled > 0 && c.shape[at].letters < 0.2 {
		if name := c.unknown(isNames); name >= 0 {
			c.moveOne(at, fCustomer, fCustomerID)
			c.put(fCustomer, name)
		}
	}
	if at := c.first(fCompany); at >= 0 && c.shape[at].distinct == 1 && c.shape[at].filled > 2 {
		c.moveOne(at, fCompany, "") // the dealer's own company
	}
	if at := c.first(fOrder); at >= 0 && len(c.by[fOrder]) == 1 && c.shape[at].phone > 0.8 && !c.has(fPhone) {
		c.moveOne(at, fOrder, fPhone)
	}
	c.misnamed()
	c.splitName()
	for i, s := range c.shape {
		if c.match[i].field != "" || s.filled == 0 || c.staffs(i) {
			continue
		}
		switch {
		case s.email >= 0.8:
			c.put(fEmail, i)
		case s.vin >= 0.8 && !c.has(fVIN):
			c.put(fVIN, i)
		case s.phone >= 0.8 && 2*s.distinct >= s.filled && !c.has(fPhone) && !c.has(fContact):
			c.put(fPhone, i)
		}
	}
	c.only(fCustomer, !c.has(fFamily) && !c.has(fCompany), isNames)
	c.only(fOrder, c.kind == Visits, func(s shape) bool {
		return s.filled > 1 && s.distinct == s.filled && s.oneWord == 1 && s.date+s.phone+s.email+s.vin == 0
	})
	c.only(fDate, !c.anyDate(), func(s shape) bool { return s.date >= 0.8 })
}

// misnamed takes columns out of fields that their cells cannot be: "Work" and "MI" among telephones and names, a
// document's title where a form of address was expected.
func (c *columns) misnamed() {
	for _, at := range slices.Clone(c.by[fWorks]) {
		if c.shape[at].phone > 0.8 {
			c.moveOne(at, fWorks, fPhone)
		}
	}
	for _, at := range slices.Clone(c.by[fMileage]) {
		if s := c.shape[at]; s.letters > 0.8 && s.digits == 0 && c.has(fGiven) {
			c.moveOne(at, fMileage, fPatronymic)
		}
	}
	for _, at := range slices.Clone(c.by[fGender]) {
		if s := c.shape[at]; s.filled > 0 && s.gender < 0.2 && s.distinct > 2 {
			c.moveOne(at, fGender, "")
		}
	}
}

// staffs holds for headers that name somebody of the dealer's side.
func (c *columns) staffs(at int) bool {
	v := words()
	toks := v.tokens(c.header[at])
	return anyToken(toks, v.staff) || containsAny(strings.Join(toks, ""), v.hanStaff)
}

// splitName: beside a column of family names, one of single words is the given name.
func (c *columns) splitName() {
	at := c.first(fCustomer)
	if at >= 0 && c.has(fFamily) && !c.has(fGiven) && c.shape[at].oneWord > 0.8 {
		c.moveOne(at, fCustomer, fGiven)
	}
	if c.has(fGiven) && !c.has(fFamily) {
		if c.has(fCustomer) {
			delete(c.by, fGiven)
		} else {
			c.move(fGiven, fCustomer)
		}
	}
}

func isNames(s shape) bool { return s.person >= 0.7 && 2*s.distinct >= s.filled }

// only gives field the one unknown column of that shape; none when there are several.
func (c *columns) only(field string, wanted bool, is func(shape) bool) {
	if !wanted || c.has(field) {
		return
	}
	if at := c.unknown(is); at >= 0 {
		c.put(field, at)
	}
}

// unknown is the one column of that shape without a meaning, -1 when there is none or several.
func (c *columns) unknown(is func(shape) bool) int {
	at := -1
	for i, s := range c.shape {
		if c.match[i].field == "" && !c.taken(i) && s.filled > 0 && !c.staffs(i) && is(s) {
			if at >= 0 {
				return -1
			}
			at = i
		}
	}
	return at
}

func (c *columns) taken(at int) bool {
	for _, list := range c.by {
		for _, i := range list {
			if i == at {
				return true
			}
		}
	}
	return false
}

func (c *columns) anyDate() bool {
	for field := range c.by {
		if isDateField(field) && field != fBirthday && field != fPromisedAt {
			return true
		}
	}
	return false
}

// resolve gives the kind's own meaning to columns that depend on it, and drops what the kind has no use for.
func (c *columns) resolve() {
	clocks := clockFields(c.kind)
	have := false
	for _, f := range clocks {
		have = have || c.has(f)
	}
	for _, f := range standIns(c.kind) {
		if !have && c.has(f) {
			to := clocks[len(clocks)-1]
			if c.kind == Deliveries {
				to = clocks[0]
			}
			c.move(f, to)
			have = true
		}
	}
	for _, at := range slices.Clone(c.by[fDate]) {
		if c.shape[at].clock > 0.8 && have { // a time of day beside the clock's date
			for _, f := range clocks {
				if c.has(f) {
					c.moveOne(at, fDate, f)
					break
				}
			}
		}
	}
	if c.has(fDate) {
		switch {
		case c.kind == Visits && !c.has(fClosedAt):
			c.move(fDate, fClosedAt)
		case !c.has(fOpenedAt):
			c.move(fDate, fOpenedAt)
		}
	}
	delete(c.by, fDate)
	if c.kind == Customers && !c.has(fCustomerID) {
		c.move(fOrder, fCustomerID)
	}
	if c.kind == Prospects {
		if at := c.first(fTotal); at >= 0 && c.shape[at].letters > 0.5 && !c.has(fPayment) {
			c.moveOne(at, fTotal, fPayment) // "Оплата: кредит"
		}
		if !c.has(fIntModel) && !c.has(fVIN) {
			c.move(fModel, fIntModel)
		}
	} else {
		for f := range interestKeys {
			delete(c.by, f)
		}
	}
	if c.kind != Appointments && c.kind != Prospects {
		delete(c.by, fStatus)
	}
	for f, list := range c.by {
		if !manyColumns(f) {
			c.by[f] = list[:min(1, len(list))]
		}
	}
}

// missing names the first column without which no row can be used.
func (c *columns) missing() error {
	need := func(what string, fields ...string) error {
		for _, f := range fields {
			if c.has(f) {
				return nil
			}
		}
		return fmt.Errorf("%w: no column for the %s (looked for %s; understood %s)", ErrHeader, what, lookedFor(c.kind),
			c.understood())
	}
	if c.kind == Visits {
		if err := need("order number", fOrder); err != nil {
			return err
		}
	}
	if err := need("customer", fCustomer, fFamily, fCompany); err != nil {
		return err
	}
	if clocks := clockFields(c.kind); clocks != nil {
		return need("date", clocks...)
	}
	return nil
}

func (c *columns) understood() string {
	var out []string
	for i, h := range c.header {
		if f := c.fieldOf(i); f != "" {
			out = append(out, fmt.Sprintf("%q as %s", h, f))
		}
	}
	if out == nil {
		return "nothing"
	}
	return strings.Join(out, ", ")
}

func (c *columns) fieldOf(at int) string {
	for f, list := range c.by {
		for _, i := range list {
			if i == at {
				return f
			}
		}
	}
	return ""
}

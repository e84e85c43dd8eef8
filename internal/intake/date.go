package intake

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// stampState says what a cell of a date column is.
type stampState int

const (
	stampNone       stampState = iota // nothing there, or a placeholder for nothing
	stampGood                         // a date, perhaps with a time
	stampTime                         // a time of day alone
	stampImpossible                   // shaped like a date, but not in the calendar
	stampText                         // something else
)

// stamp is a date cell cut into its numbers; which of them is the day is decided over the whole column.
type stamp struct {
	state      stampState
	nums, lens [3]int
	n          int
	month      int // by name
	yearFirst  bool
	sep        byte
	h, m, s    int
	hasTime    bool
	half       byte // 'a' or 'p'
	offset     int  // seconds east
	hasOffset  bool
	serial     float64 // Excel's day number, 0 = none
}

// scanStamp reads a cell without deciding the order of day and month.
func scanStamp(cell string) stamp {
	c := clean(cell)
	if c == "" {
		return stamp{}
	}
	if serial, ok := excelSerial(c); ok {
		return stamp{state: stampGood, serial: serial}
	}
	sc := stampScanner{text: c}
	if !isASCII(c) {
		sc.text = norm.NFKC.String(c)
	}
	sc.text = strings.ToLower(sc.text)
	if !sc.scan() {
		if words().none[fold(c)] || strings.Trim(c, ".-/: _") == "" {
			return stamp{}
		}
		return stamp{state: stampText}
	}
	st := sc.out
	switch {
	case st.n == 0 && st.month == 0 && st.hasTime:
		st.state = stampTime
	case st.n == 0:
		st.state = stampNone
		if strings.IndexFunc(c, unicode.IsLetter) >= 0 {
			st.state = stampText
		}
	default:
		st.state = stampGood
	}
	return st
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// excelSerial reads "46327.4167": five digits, then nothing or a fraction.
func excelSerial(c string) (float64, bool) {
	if len(c) < 5 {
		return 0, false
	}
	day := 0
	for i := 0; i < 5; i++ {
		if c[i] < '0' || c[i] > '9' {
			return 0, false
		}
		day = day*10 + int(c[i]-'0')
	}
	if day < 10000 || day > 80000 || len(c) == 6 {
		return 0, false
	}
	frac, unit := 0.0, 0.1
	for i := 5; i < len(c); i++ {
		if i == 5 && (c[i] == '.' || c[i] == ',') {
			continue
		}
		if i == 5 || c[i] < '0' || c[i] > '9' {
			return 0, false
		}
		frac += float64(c[i]-'0') * unit
		unit /= 10
	}
	return float64(day) + frac, true
}

type stampScanner struct {
	text string
	pos  int
	iso  bool // a T stands between date and time
	out  stamp
}

// scan walks over numbers, words and signs; false means that this is no date.
func (sc *stampScanner) scan() bool {
	for sc.pos < len(sc.text) {
		c := sc.text[sc.pos]
		switch {
		case c >= '0' && c <= '9':
			if !sc.number() {
				return false
			}
		case c == '+' && sc.out.hasTime && sc.out.n > 0:
			if !sc.zone(c) {
				return false
			}
		case c == '-' && sc.out.hasTime && sc.out.n > 0:
			if !sc.iso {
				return true // 10:00-11:00: a span, its beginning counts
			}
			if !sc.zone(c) {
				return false
			}
		case c >= utf8.RuneSelf || c >= 'a' && c <= 'z':
			if !sc.word() {
				return false
			}
		case strings.IndexByte("./-", c) >= 0:
			if sc.out.n == 1 && sc.out.sep == 0 {
				sc.out.sep = c
			}
			sc.pos++
		case strings.IndexByte(" ,:()\t\n\r_'`", c) >= 0:
			sc.pos++
		default:
			return false
		}
	}
	return true
}

// digits reads at most 15 of them.
func (sc *stampScanner) digits() (value, n int) {
	for sc.pos < len(sc.text) && sc.text[sc.pos] >= '0' && sc.text[sc.pos] <= '9' && n < 15 {
		value = value*10 + int(sc.text[sc.pos]-'0')
		sc.pos++
		n++
	}
	return value, n
}

func (sc *stampScanner) number() bool {
	value, n := sc.digits()
	rest := sc.text[sc.pos:]
	switch {
	case !sc.out.hasTime && n <= 2 && (strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "时") || strings.HasPrefix(rest, "点")):
		return sc.clock(value)
	case sc.out.n == 0 && (n == 8 || n == 12 || n == 14):
		return sc.packed(value, n)
	case n > 4 || sc.out.n == 3:
		return false
	}
	switch {
	case strings.HasPrefix(rest, "年"):
		sc.out.yearFirst = true
		n = 4
	case strings.HasPrefix(rest, "月"):
		// the month of 3月15日 is a number by its sign, as if it had been written out
		sc.out.month = value
		if value == 0 {
			sc.out.month = 13
		}
		return true
	}
	sc.out.nums[sc.out.n], sc.out.lens[sc.out.n] = value, n
	sc.out.n++
	return true
}

// packed reads 20261115, 15112026, 202611152219 and 20261115221930.
func (sc *stampScanner) packed(value, n int) bool {
	switch n {
	case 14:
		sc.out.s = value % 100
		value /= 100
		fallthrough
	case 12:
		sc.out.m, sc.out.h, sc.out.hasTime = value%100, value/100%100, true
		value /= 10000
	}
	if y := value / 10000; y >= 1900 && y <= 2100 {
		sc.out.nums, sc.out.lens = [3]int{y, value / 100 % 100, value % 100}, [3]int{4, 2, 2}
	} else {
		sc.out.nums, sc.out.lens = [3]int{value / 1000000, value / 10000 % 100, value % 10000}, [3]int{2, 2, 4}
	}
	sc.out.n = 3
	return true
}

// clock reads the time behind its hour.
func (sc *stampScanner) clock(hour int) bool {
	sc.out.h, sc.out.hasTime = hour, true
	sc.sign()
	if m, n := sc.digits(); n > 0 {
		sc.out.m = m
	}
	if sc.pos < len(sc.text) && (sc.text[sc.pos] == ':' || strings.HasPrefix(sc.text[sc.pos:], "分")) {
		sc.sign()
		if s, n := sc.digits(); n > 0 {
			sc.out.s = s
		}
	}
	if sc.pos < len(sc.text) && (sc.text[sc.pos] == '.' || sc.text[sc.pos] == ',') {
		sc.pos++
		sc.digits()
	}
	return true
}

func (sc *stampScanner) sign() {
	_, w := utf8.DecodeRuneInString(sc.text[sc.pos:])
	sc.pos += w
}

// zone reads +03:00 or -0500 behind a time.
func (sc *stampScanner) zone(sign byte) bool {
	sc.pos++
	h, n := sc.digits()
	m := 0
	switch {
	case n == 4:
		h, m = h/100, h%100
	case n == 0 || n > 2:
		return false
	case sc.pos < len(sc.text) && sc.text[sc.pos] == ':':
		sc.pos++
		m, _ = sc.digits()
	}
	if h > 14 || m > 59 {
		return false
	}
	sc.out.offset, sc.out.hasOffset = h*3600+m*60, true
	if sign == '-' {
		sc.out.offset = -sc.out.offset
	}
	return true
}

func (sc *stampScanner) word() bool {
	end := sc.pos
	for end < len(sc.text) {
		r, w := utf8.DecodeRuneInString(sc.text[end:])
		if !unicode.IsLetter(r) {
			break
		}
		end += w
	}
	if end == sc.pos {
		return false
	}
	w := sc.text[sc.pos:end]
	sc.pos = end
	v := words()
	if w == "a" || w == "p" || w == "am" || w == "pm" { // also "a.m."
		if strings.HasPrefix(sc.text[sc.pos:], ".m") {
			sc.pos += len(".m")
		}
	}
	switch {
	case w == "t" && sc.out.n == 3:
		sc.iso = true
	case w == "z" || w == "utc" || w == "gmt":
		sc.out.hasOffset = true
	case v.am[w]:
		sc.out.half = 'a'
	case v.pm[w]:
		sc.out.half = 'p'
	case v.month[w] != 0:
		if sc.out.month != 0 {
			return false
		}
		sc.out.month = v.month[w]
	case v.dateWord[w] || strings.Trim(w, "年月日号时点分秒") == "":
	default:
		return sc.han(w)
	}
	return true
}

// han reads a run of Chinese words that stand together: 日下午, 日星期三.
func (sc *stampScanner) han(w string) bool {
	v := words()
	for w != "" {
		before := w
		w = strings.TrimLeft(w, "年月日号时点分秒")
		for a := range v.am {
			w = sc.cut(w, a, 'a')
		}
		for p := range v.pm {
			w = sc.cut(w, p, 'p')
		}
		for d := range v.dateWord {
			w = sc.cut(w, d, 0)
		}
		if w == before {
			return false
		}
	}
	return true
}

func (sc *stampScanner) cut(w, word string, half byte) string {
	if !hasHan(word) || !strings.HasPrefix(w, word) {
		return w
	}
	if half != 0 {
		sc.out.half = half
	}
	return w[len(word):]
}

// dayOrder counts what a column tells about the order of day and month.
type dayOrder struct{ dayFirst, monthFirst, total int }

func (o *dayOrder) see(st stamp) {
	if !st.orderMatters() {
		return
	}
	o.total++
	switch {
	case st.nums[0] > 12 && st.nums[0] <= 31 && st.nums[1] <= 12:
		o.dayFirst++
	case st.nums[1] > 12 && st.nums[1] <= 31 && st.nums[0] <= 12:
		o.monthFirst++
	}
}

func (st stamp) orderMatters() bool {
	return st.state == stampGood && st.serial == 0 && st.month == 0 && !st.yearFirst && st.n >= 2 && st.lens[0] <= 2
}

// date is a calendar day and time of day without a zone; year 0 means that the year is not known.
type date struct {
	year, month, day int
	h, m, s          int
	hasTime          bool
	offset           int
	hasOffset        bool
}

// read gives the calendar date under the column's order; now decides the century of two-digit years.
func (st stamp) read(monthFirst bool, now time.Time) (date, stampState) {
	if st.state != stampGood {
		return date{}, st.state
	}
	if st.serial != 0 {
		return fromSerial(st.serial, false), stampGood
	}
	y, m, d, ylen, ok := st.parts(monthFirst)
	if !ok {
		return date{}, stampText
	}
	if ylen == 2 {
		y += 2000
		if !now.IsZero() && y > now.Year()+20 {
			y -= 100
		}
	}
	if ylen > 0 && (y <= 1 || y <= 1900 && m == 1 && d == 1 || y == 1899) {
		return date{}, stampNone // 01.01.0001, 0000-00-00, 30.12.1899: how programs write "no date"
	}
	out := date{year: y, month: m, day: d, m: st.m, s: st.s, hasTime: st.hasTime, offset: st.offset, hasOffset: st.hasOffset}
	out.h = st.h
	switch {
	case st.half == 'p' && st.h < 12:
		out.h += 12
	case st.half == 'a' && st.h == 12:
		out.h = 0
	}
	leap := y
	if ylen == 0 {
		leap = 2000
		out.year = 0
	}
	if m < 1 || m > 12 || d < 1 || d > daysIn(leap, m) || ylen > 0 && (y < 1850 || y > 2100) {
		return date{}, stampImpossible
	}
	if out.h > 24 || out.h == 24 && (out.m > 0 || out.s > 0) || out.m > 59 || out.s > 59 {
		return date{}, stampImpossible
	}
	return out, stampGood
}

// parts gives year, month and day; ylen is the number of digits of the year, 0 = no year.
func (st stamp) parts(monthFirst bool) (y, m, d, ylen int, ok bool) {
	a, b, c := st.nums[0], st.nums[1], st.nums[2]
	switch {
	case st.month != 0 && st.n == 1:
		return 0, st.month, a, 0, true
	case st.month != 0 && st.n == 2 && (st.yearFirst || st.lens[0] == 4):
		return a, st.month, b, 4, true
	case st.month != 0 && st.n == 2:
		return b, st.month, a, st.lens[1], st.lens[1] == 2 || st.lens[1] == 4
	case st.month != 0:
		return 0, 0, 0, 0, false
	case st.n == 3 && (st.yearFirst || st.lens[0] == 4):
		return a, b, c, 4, true
	case st.n == 3 && st.lens[0] <= 2 && st.lens[1] <= 2 && (st.lens[2] == 4 || st.lens[2] == 2):
		if monthFirst {
			a, b = b, a
		}
		return c, b, a, st.lens[2], true
	case st.n == 2 && st.lens[0] <= 2 && st.lens[1] <= 2:
		if monthFirst {
			a, b = b, a
		}
		return 0, b, a, 0, true
	}
	return 0, 0, 0, 0, false
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// fromSerial reads Excel's day number of the 1900 or 1904 system, to the nearest second.
func fromSerial(serial float64, from1904 bool) date {
	base := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if from1904 {
		base = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	t := base.Add(time.Duration(serial*86400+0.5) * time.Second)
	return date{
		year: t.Year(), month: int(t.Month()), day: t.Day(), h: t.Hour(), m: t.Minute(), s: t.Second(),
		hasTime: t.Hour()+t.Minute()+t.Second() > 0,
	}
}

// instant is the moment of a local date. A time that the clock skipped counts as if the clock had run on (the later
// reading), one that came twice is the earlier (design.md, import).
func (d date) instant(zone *time.Location) time.Time {
	u := time.Date(d.year, time.Month(d.month), d.day, d.h, d.m, d.s, 0, time.UTC)
	if d.hasOffset {
		return u.Add(-time.Duration(d.offset) * time.Second)
	}
	_, before := u.Add(-24 * time.Hour).In(zone).Zone()
	_, after := u.Add(24 * time.Hour).In(zone).Zone()
	a := u.Add(-time.Duration(before) * time.Second)
	if before == after {
		return a
	}
	b := u.Add(-time.Duration(after) * time.Second)
	aOK, bOK := offsetAt(a, zone) == before, offsetAt(b, zone) == after
	switch {
	case aOK && bOK:
		return earlier(a, b)
	case aOK:
		return a
	case bOK:
		return b
	}
	if a.After(b) {
		return a
	}
	return b
}

func offsetAt(t time.Time, zone *time.Location) int {
	_, off := t.In(zone).Zone()
	return off
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

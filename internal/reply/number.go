package reply

import (
	"slices"
	"strings"
)

// role says what a number in the text is.
type role uint8

const (
	roleFree    role = iota // may be the score
	roleOther               // duration, price, date, clock, phone, plate, ordinal, mileage, model, count, percentage
	roleRange               // 2-3, "3 or 4"
	roleDecimal             // 3.5, "three and a half"
	roleShare               // N of M on another scale
	roleScale               // the scale itself: "out of ten"
	roleNegated             // "not 1"
	roleWish                // "would have been 5"
	roleAsked               // inside a question
	roleList                // 1) 2) 3) of a list
)

// mark says how strongly the words around a number call it the score.
type markKind uint8

const (
	markNone markKind = iota
	markStar
	markTotal
	markOverall
)

// item is a number of the text. [from,to) are its own tokens, [lo,hi) those that vanish from the comment with it.
type item struct {
	from, to, lo, hi int
	val              int
	role             role
	mark             markKind
	word             bool // written in letters
	noun             bool // the name of a grade, such as "пятёрка", which is rarely anything else
	stars            bool // a row of star symbols
	share            bool // of the scale: 4/5
}

// numbers finds all numbers of the document and what they are; top is the best score of the scale. Apart, "1 and 3" stays
// two numbers.
func (d *document) numbers(top int, apart bool) []item {
	its := d.collect(top)
	d.scales(its, top)
	if !apart {
		its = d.pair(its, top)
	}
	for i := range its {
		d.context(&its[i], top)
	}
	its = d.decorated(its)
	d.lists(its)
	d.refused(its)
	d.contrast(its)
	for i := range its {
		d.marks(&its[i])
	}
	for i := range its {
		d.asked(&its[i])
		if it := &its[i]; it.role == roleFree && it.hi < len(d.toks) && d.toks[it.hi].text == "?" && !d.atEnd(it.hi) {
			it.role = roleAsked // "пятёрка? двойка"
		}
	}
	return its
}

// scales takes the role of a score from the numbers that only name the scale.
func (d *document) scales(its []item, top int) {
	for _, m := range d.mat {
		if m.tag != tagScale {
			continue
		}
		for i := range its {
			if its[i].from < m.from || its[i].to > m.to {
				continue
			}
			its[i].role = roleOther
			if m.num > 0 && m.num != top {
				its[i].role = roleScale
			}
		}
	}
}

// collect makes items of digits, number words and rows of stars.
func (d *document) collect(top int) []item {
	var its []item
	for i := 0; i < len(d.toks); {
		t := &d.toks[i]
		if t.kind == kindNum {
			it := d.digits(i)
			if it.to == i+1 && i+2 < len(d.toks) && times(d.toks[i+1].text) && isStar(d.toks[i+2].text) { // 5x⭐
				it.to, it.mark = i+3, markStar
			}
			its = append(its, it)
			i = it.to
			continue
		}
		if t.kind == kindSymbol && isStar(t.text) {
			it := d.starRow(i)
			if n := len(its); n > 0 && its[n-1].to == i && !its[n-1].stars && it.to-it.from == 1 {
				its[n-1].mark, its[n-1].hi = markStar, it.to // 5⭐
			} else {
				its = append(its, it)
			}
			i = it.to
			continue
		}
		if m, ok := d.startingAt(i, tagNumber); ok && !(oblique(m) && !d.governed(m)) {
			its = append(its, item{from: m.from, to: m.to, val: m.num, word: true, noun: strings.HasSuffix(m.key, " grade") || oblique(m)})
			i = m.to
			continue
		}
		if m, ok := d.startingAt(i, tagTop); ok {
			its = append(its, item{from: m.from, to: m.to, val: top, word: true, mark: markStar})
			i = m.to
			continue
		}
		i++
	}
	for i := range its {
		it := &its[i]
		it.lo = it.from
		it.hi = max(it.to, it.hi)
	}
	return its
}

func isStar(s string) bool {
	return s == "⭐" || s == "★" || s == "🌟" || s == "✭" || s == "✮" || s == "☆"
}

func (d *document) starRow(i int) item {
	it := item{from: i, to: i, stars: true, mark: markStar}
	for ; it.to < len(d.toks); it.to++ {
		t := &d.toks[it.to]
		if t.kind != kindSymbol || !isStar(t.text) {
			break
		}
		if t.text != "☆" {
			it.val++
		}
	}
	if n := it.to + 1; it.val == 1 && n < len(d.toks) && times(d.toks[it.to].text) && d.toks[n].kind == kindNum { // ⭐ x5
		it.val, it.to = d.toks[n].val, n+1
	}
	return it
}

// times tells a sign of multiplication.
func times(s string) bool { return s == "x" || s == "х" || s == "*" }

// decorated drops the star that stands behind a score in stars: "5 stars ⭐".
func (d *document) decorated(its []item) []item {
	out := its[:0]
	for _, it := range its {
		if n := len(out); n > 0 && it.stars && it.to-it.from == 1 && out[n-1].mark >= markStar && out[n-1].role == roleFree && !out[n-1].stars && out[n-1].hi == it.from {
			out[n-1].hi = it.to
			continue
		}
		out = append(out, it)
	}
	return out
}

// glued gives token i when it stands without a space after its predecessor.
func (d *document) glued(i int, text string) bool {
	return i < len(d.toks) && !d.toks[i].space && d.toks[i].text == text
}

func (d *document) gluedNum(i int) bool {
	return i < len(d.toks) && !d.toks[i].space && d.toks[i].kind == kindNum
}

// digits reads the number that begins at token i together with what makes it a date, a clock, a phone and so on.
func (d *document) digits(i int) item {
	t := &d.toks[i]
	it := item{from: i, to: i + 1, val: t.val}
	if to := d.phone(i); to > 0 {
		it.to, it.role = to, roleOther
		return it
	}
	second := i + 2
	switch {
	case d.glued(i+1, ":") && d.gluedNum(second) && d.toks[second].digits == 2:
		it.to, it.role = second+1, roleOther
	case (d.glued(i+1, ".") || d.glued(i+1, ",")) && d.gluedNum(second) && d.toks[i+1].end-d.toks[i+1].start == 1:
		d.pointed(&it)
	case d.glued(i+1, "/") && d.gluedNum(second) && d.glued(i+3, "/") && d.gluedNum(i+4):
		it.to, it.role = i+5, roleOther
	case i+1 < len(d.toks) && d.toks[i+1].kind == kindNum && d.toks[i+1].space && d.toks[i+1].digits == 3 && t.digits <= 3 && t.val > 0:
		it.role = roleOther // 12 500
		for it.to < len(d.toks) && d.toks[it.to].kind == kindNum && d.toks[it.to].digits == 3 {
			it.to++
		}
	case d.glued(i+1, "-") && d.gluedNum(second) && d.glued(i+3, "-") && d.gluedNum(i+4):
		it.to, it.role = i+5, roleOther
	}
	if it.to == i+1 && (t.val < 0 || t.digits > 1 && t.text[0] == '0') {
		it.role = roleOther
	}
	return it
}

// pointed reads N.M and N,M: a date, thousands, a list or a decimal.
func (d *document) pointed(it *item) {
	i := it.from
	second := &d.toks[i+2]
	third := (d.glued(i+3, ".") || d.glued(i+3, ",")) && d.gluedNum(i+4)
	switch {
	case d.toks[i+1].text == "," && third:
		return // 5,4,5 is a row of answers
	case third:
		it.to, it.role = i+5, roleOther
	case second.digits == 3:
		it.to, it.role = i+3, roleOther
	case second.digits == 2 && second.val >= 1 && second.val <= 12 && it.val <= 31 && d.toks[i+1].text == ".":
		it.to, it.role = i+3, roleOther
	default:
		it.to, it.role = i+3, roleDecimal
		if second.val == 0 {
			it.role = roleFree
		}
	}
}

// phone gives the token after a telephone number that begins at token i, 0 when there is none.
func (d *document) phone(i int) int {
	digits, groups, j := 0, 0, i
	last := i
	for ; j < len(d.toks); j++ {
		t := &d.toks[j]
		if t.kind == kindNum {
			digits += t.digits
			groups++
			last = j
			continue
		}
		if t.kind != kindPunct || t.text != "-" && t.text != "(" && t.text != ")" {
			break
		}
	}
	plus := i > 0 && d.toks[i-1].text == "+"
	if digits >= 9 && digits >= 2*groups || plus && digits >= 7 || digits >= 6 && groups >= 3 && digits == 2*groups && last == i+2*(groups-1) {
		return last + 1
	}
	return 0
}

// pair joins neighbours: N of M, N to N, N and a half, decimals written in words.
func (d *document) pair(its []item, top int) []item {
	out := its[:0]
	for i := 0; i < len(its); i++ {
		a := its[i]
		if i+1 < len(its) && a.role == roleFree && !a.stars {
			b := its[i+1]
			if d.join(&a, b, top) {
				i++
			}
		}
		if a.role == roleFree {
			if m, ok := d.startingAt(a.hi, tagHalf); ok {
				last := i
				for last+1 < len(its) && its[last+1].from < m.to {
					last++
				}
				if last == i || its[last].val <= 9 { // "6点30" is a time
					a.role, a.hi, i = roleDecimal, m.to, last
				}
			}
		}
		out = append(out, a)
	}
	return out
}

func (d *document) join(a *item, b item, top int) bool {
	gap := b.from - a.hi
	one := gap == 1 && d.toks[a.hi].kind == kindPunct
	if b.role == roleDecimal && d.linked(a.hi, b.from, tagOutOf) {
		a.role, a.hi, a.to = roleShare, b.hi, b.to
		return true
	}
	if b.role != roleFree {
		return false
	}
	switch {
	case one && d.toks[a.hi].text == "/", d.linked(a.hi, b.from, tagOutOf):
		d.share(a, a.val, b.val, top)
	case d.linked(a.hi, b.from, tagOutOfRev):
		d.share(a, b.val, a.val, top)
	case one && a.val < 100 && b.val < 100 && (d.toks[a.hi].text == "-" || d.toks[a.hi].text == "~") && d.toks[a.hi].space == d.toks[b.from].space && (a.word == b.word || !d.toks[a.hi].space),
		d.linked(a.hi, b.from, tagOr), d.linked(a.hi, b.from, tagMinus) && !d.comma(a.hi, b.from), gap == 0 && a.word && b.word && d.toks[a.from].kind == kindHan && b.val == a.val+1:
		a.role = roleRange
	default:
		return false
	}
	a.hi, a.to = max(b.hi, b.to), b.to
	return true
}

// linked tells whether exactly one phrase of the section (and hyphens) stands between two tokens.
func (d *document) linked(from, to int, t tag) bool {
	if from < len(d.toks) && d.toks[from].kind == kindPunct && d.toks[from].text == "-" {
		from++
	}
	if m, ok := d.startingAt(from, tagSuffix); ok && m.to < to {
		from = m.to
	}
	if m, ok := d.startingAt(from, tagStar); ok && m.to < to {
		from = m.to
	}
	if from < len(d.toks) && d.toks[from].kind == kindPunct && d.toks[from].text == "," {
		from++
	}
	for _, m := range d.mat {
		if m.tag == t && m.from == from && m.to == to {
			return true
		}
	}
	return false
}

// comma tells whether a comma stands in the span.
func (d *document) comma(from, to int) bool {
	return slices.ContainsFunc(d.toks[from:to], func(t token) bool { return t.text == "," })
}

func (d *document) share(a *item, n, of, top int) {
	a.val = n
	if of == top {
		a.mark, a.share = max(a.mark, markStar), true
		return
	}
	a.role = roleShare
	if n < 10 && of < 10 && n > of {
		a.role = roleRange
	}
}

// lists takes the role of a score from the numbers of an enumeration, such as 1) and 2).
func (d *document) lists(its []item) {
	want, first := 1, -1
	for i := range its {
		it := &its[i]
		if it.word || it.hi >= len(d.toks) || it.role != roleFree {
			continue
		}
		sep := d.toks[it.hi].text
		if sep != ")" && sep != "." || it.val != want || !d.leftEdge(it.from) {
			continue
		}
		if want == 1 {
			first = i
		}
		if want == 2 && first >= 0 {
			its[first].role = roleList
		}
		if want >= 2 {
			it.role = roleList
		}
		want++
	}
}

// refused sees the negation of languages that put it after the number: "1 değil 5", "5 не поставлю".
func (d *document) refused(its []item) {
	for i := range its {
		it := &its[i]
		if it.role != roleFree {
			continue
		}
		if m, ok := d.startingAt(it.hi, tagNotAfter); ok {
			it.role, it.hi = roleNegated, m.to
		}
	}
}

package reply

import (
	"slices"
	"strings"
)

// bounded reads the most or the least that a person would give as the score: "выше тройки не поставлю", "nothing less than
// a five", "3'ten fazla veremem". The key says where the words of the bound stand: shut before the number, open before it
// with close behind it, after behind it.
func (d *document) bounded(it *item) bool {
	if it.role != roleFree || it.stars {
		return false
	}
	opened := false
	for k := range d.mat {
		m := &d.mat[k]
		if m.tag != tagBound || m.to != it.from {
			continue
		}
		if m.key == "shut" {
			it.lo, it.mark = min(it.lo, m.from), markTotal
		}
		opened = opened || m.key == "open"
	}
	if it.mark == markTotal {
		return true
	}
	for k := range d.mat {
		m := &d.mat[k]
		if m.tag != tagBound || m.from < it.to || !(m.key == "after" && d.touches(it, m.from) || m.key == "close" && opened && d.clause(m.from) <= it.from && m.from-it.hi <= widestGap) {
			continue
		}
		it.hi, it.mark = m.to, markTotal
		if open, ok := d.endingAt(it.from, tagBound); ok {
			it.lo = min(it.lo, open.from)
		}
		return true
	}
	return false
}

// touches tells whether token i follows the number, over an apostrophe or a hyphen and an ending that was taken with it.
func (d *document) touches(it *item, i int) bool {
	return i <= it.hi || i == it.to+1 && (d.toks[it.to].text == "'" || d.toks[it.to].text == "-")
}

// oblique tells the cases of a grade's name that are a number only beside words that govern them: "хватит и тройки".
func oblique(m match) bool { return strings.HasSuffix(m.key, " oblique") }

// governed tells whether words of a bound or of a score stand beside an oblique name of a grade.
func (d *document) governed(number match) bool {
	return slices.ContainsFunc(d.mat, func(m match) bool {
		switch m.tag {
		case tagBound:
			return m.to == number.from && m.key != "after" && m.key != "close" || m.from == number.to && m.key == "after"
		case tagTotal:
			return m.to == number.from
		}
		return false
	})
}

// declared takes the score that closes the text in so many words, in a clause of its own, where the other numbers belong to
// a story: "promised 2 hours, took 5. My rating is 4".
func (d *document) declared(free []item) (scored, bool) {
	last := free[len(free)-1]
	m, ok := d.startingAt(last.lo, tagStated)
	if !ok || m.to > last.from || !d.leftEdge(last.lo) || !d.rightEdge(last.hi) {
		return scored{}, false
	}
	for k := m.to; k < last.from; k++ {
		if d.toks[k].kind != kindPunct && !d.courtesy[k] && !d.inside(k, tagLead) && !d.inside(k, tagStated) {
			return scored{}, false
		}
	}
	for _, it := range free[:len(free)-1] {
		if it.val != last.val && (it.mark != markNone || d.leftEdge(it.lo) && d.rightEdge(it.hi)) {
			return scored{}, false
		}
	}
	return fixed(last, 0.9), true
}

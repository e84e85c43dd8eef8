package reply

import (
	"strings"
	"unicode/utf8"
)

func (d *document) readChoice(r *Reading, w wishes, p *Parser, q Question) {
	r.Comment = d.comment(nil)
	picked, conf := d.pick(p, q)
	if q.Kind == KindChoice && (len(picked) != 1 || w.has(IntentOptOut)) {
		if rest, declined := d.affirmed(p); rest != nil && (len(picked) != 1 || declined.namesAny(p, q)) {
			if only, sure := rest.pick(p, q); len(only) == 1 {
				r.Intent, r.Choice, r.Confidence = IntentAnswer, only[0], sure
				return
			}
		}
	}
	if w.has(IntentOptOut) {
		d.wishOr(r, w, 0)
		return
	}
	many := q.Kind == KindMultiChoice
	switch {
	case len(picked) == 0 || len(picked) > 1 && !many:
		d.wishOr(r, w, 0.3)
		return
	case w.has(IntentWrongPerson), w.has(IntentLater) && conf < 0.9:
		d.wishOr(r, w, 0)
		return
	}
	r.Intent, r.Confidence = IntentAnswer, conf
	if many {
		r.Choices = picked
	} else {
		r.Choice = picked[0]
	}
	for _, i := range w.list() {
		if i != IntentCallback { // "call me" names the option
			r.Also = append(r.Also, i)
		}
	}
}

// affirmed takes the clauses that decline something apart from the others: "no texts, email only". Both are nil where
// there are not both kinds.
func (d *document) affirmed(p *Parser) (rest, declined *document) {
	rest, declined = &document{src: d.src}, &document{src: d.src}
	for from := 0; from < len(d.toks); {
		to := from
		for to < len(d.toks) && !(d.toks[to].kind == kindPunct && !d.toks[to].joint && d.toks[to].text != "'") {
			to++
		}
		side := rest
		if d.declines(from, to) {
			side = declined
		}
		side.toks = append(side.toks, d.toks[from:to]...)
		from = to + 1
	}
	if len(rest.toks) == 0 || len(declined.toks) == 0 {
		return nil, nil
	}
	p.match(rest, "")
	p.match(declined, "")
	return rest, declined
}

// declines tells whether something is declined between two tokens.
func (d *document) declines(from, to int) bool {
	for _, m := range d.mat {
		if m.from < from || m.to > to {
			continue
		}
		switch m.tag {
		case tagNotBefore, tagNotAfter, tagNo, tagOptOut, tagOptOutBare:
			return true
		}
	}
	return false
}

// namesAny tells whether the text names any of the options, declined or not.
func (d *document) namesAny(p *Parser, q Question) bool {
	for _, o := range q.Options {
		for _, l := range append([]string{o.ID}, o.Labels...) {
			label := p.document(l, "")
			for i := range label.toks {
				for k := range d.toks {
					if d.toks[k].text == label.toks[i].text || label.toks[i].kind == kindWord && sameStem(d.toks[k].text, label.toks[i].text) {
						return true
					}
				}
			}
			for _, m := range label.mat {
				for _, x := range d.mat {
					if m.tag == tagSynonym && x.tag == tagSynonym && m.key == x.key {
						return true
					}
				}
			}
		}
	}
	return false
}

// pick gives the ids of the options that the text names, in the question's order.
func (d *document) pick(p *Parser, q Question) ([]string, float64) {
	many := q.Kind == KindMultiChoice
	n, numbered := d.optionNumbers(len(q.Options), many)
	if numbered && (many || len(n) != 1) {
		return idsAt(q.Options, n), 0.97
	}
	labels := make([]float64, len(q.Options))
	best := 0.0
	for i, o := range q.Options {
		for _, l := range append([]string{o.ID}, o.Labels...) {
			labels[i] = max(labels[i], d.names(p, l))
		}
		best = max(best, labels[i])
	}
	if numbered {
		if best >= 1 && labels[n[0]-1] == 0 { // "price 4" where 4 is something else
			return nil, 0
		}
		return idsAt(q.Options, n), 0.97
	}
	var at []int
	for i, s := range labels {
		if s > 0 && (s == best || s >= 1 || q.Kind == KindMultiChoice) {
			at = append(at, i+1)
		}
	}
	if len(at) > 1 && q.Kind != KindMultiChoice {
		at = longest(labels, at)
	}
	return idsAt(q.Options, at), 0.9
}

func idsAt(options []Option, numbers []int) []string {
	var ids []string
	for i := range options {
		for _, n := range numbers {
			if n == i+1 {
				ids = append(ids, options[i].ID)
				break
			}
		}
	}
	return ids
}

// longest keeps the option with the clearly highest score, where one label contains another.
func longest(score []float64, at []int) []int {
	top := at[0]
	for _, n := range at {
		if score[n-1] > score[top-1] {
			top = n
		}
	}
	for _, n := range at {
		if n != top && score[n-1] == score[top-1] {
			return at
		}
	}
	return []int{top}
}

// optionNumbers reads option numbers: a number alone, "option 2", "the second". ok is true when numbers were given at
// all, so that one out of range is not looked for among the labels.
func (d *document) optionNumbers(n int, many bool) ([]int, bool) {
	its := d.numbers(n, many)
	var got []int
	said := false
	for _, it := range its {
		ref := (it.role == roleOther || it.role == roleFree) && it.from > 0 && (d.toks[it.from-1].text == "#" || d.optionWord(it.from))
		listed := it.role == roleList || it.role == roleFree
		if it.role == roleRange {
			return nil, true
		}
		if it.role == roleNegated || !listed && !ref || it.stars {
			continue
		}
		alone := d.leftEdge(it.lo) && (d.rightEdge(it.hi) || d.conj(it.hi) || d.atStart(it.lo)) || d.atEnd(it.hi) ||
			it.mark != markNone || ref || d.inside(it.lo-1, tagConj)
		if !alone || it.word && !ref && !(d.leftEdge(it.lo) && d.rightEdge(it.hi)) && it.mark == markNone {
			continue
		}
		said = true
		if it.val >= 1 && it.val <= n {
			got = append(got, it.val)
		} else {
			return nil, true
		}
	}
	if said {
		return got, true
	}
	for _, m := range d.mat {
		if m.tag != tagOrdinal {
			continue
		}
		v := m.num
		if m.key == "last" {
			v = n
		}
		if v >= 1 && v <= n {
			got = append(got, v)
		}
	}
	return got, len(got) > 0
}

// optionWord tells whether a word like "option" or "number" that opens the text leads to the number.
func (d *document) optionWord(i int) bool {
	m, ok := d.endingAt(i, tagBefore)
	return ok && (m.key == "ref" || m.key == "option") && d.atStart(m.from)
}

// names tells how well the text names the label: 0 not at all, 1 and more for the words it shares, less for synonyms.
func (d *document) names(p *Parser, label string) float64 {
	l := p.document(label, "")
	var words []int
	for i := range l.toks {
		if k := l.toks[i].kind; k == kindWord || k == kindHan || k == kindNum {
			words = append(words, i)
		}
	}
	if len(words) == 0 {
		return 0
	}
	hits := 0
	for _, i := range words {
		if d.says(l.toks[i], l.toks[i].kind == kindHan) {
			hits++
		}
	}
	if hits == len(words) && (l.toks[words[0]].kind != kindHan || d.contains(l, words)) {
		return 1 + float64(hits)/100
	}
	for _, m := range l.mat {
		if m.tag != tagSynonym {
			continue
		}
		for _, x := range d.mat {
			if x.tag == tagSynonym && x.key == m.key && !d.declined(x.from) {
				return 0.9
			}
		}
	}
	if l.toks[words[0]].kind != kindHan && hits > 0 && 2*hits >= len(words) {
		return 0.5 * float64(hits) / float64(len(words))
	}
	return 0
}

// contains tells whether a Chinese label stands in the text as a whole.
func (d *document) contains(l *document, words []int) bool {
	for i := range d.toks {
		k := 0
		for k < len(words) && i+k < len(d.toks) && d.toks[i+k].text == l.toks[words[k]].text {
			k++
		}
		if k == len(words) && !d.declined(i) {
			return true
		}
	}
	return false
}

// says tells whether a word of the text is the label's word in any inflection and not declined.
func (d *document) says(word token, whole bool) bool {
	for i := range d.toks {
		t := &d.toks[i]
		if t.kind != word.kind || d.declined(i) {
			continue
		}
		if t.text == word.text || !whole && t.kind == kindWord && sameStem(t.text, word.text) {
			return true
		}
	}
	return false
}

// declined tells whether a negation stands right before token i: "не звонок", "not email".
func (d *document) declined(i int) bool {
	for back := i; back >= i-1 && back > 0; back-- {
		if m, ok := d.endingAt(back, tagNotBefore); ok && m.to <= i {
			return true
		}
	}
	_, after := d.startingAt(i+1, tagNotAfter)
	return after
}

// sameStem compares two words with their endings off: equal beginnings of at least four letters (three for short words)
// that leave no more than three letters of either word.
func sameStem(a, b string) bool {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n > 0 && n < len(a) && !utf8.RuneStart(a[n]) {
		n--
	}
	common := utf8.RuneCountInString(a[:n])
	restA, restB := utf8.RuneCountInString(a[n:]), utf8.RuneCountInString(b[n:])
	least := 4
	if strings.IndexFunc(a, func(r rune) bool { return r > 0x400 && r < 0x530 }) >= 0 && (restA <= 1 || restB <= 1) {
		least = 3
	}
	return common >= least && 5*common >= 3*(common+max(restA, restB)) && restA <= 3 && restB <= 3
}

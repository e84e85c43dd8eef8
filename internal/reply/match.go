package reply

import "unicode/utf8"

// match is a phrase of the lexicon found in the tokens [from, to).
type match struct {
	term
	from, to int
	dead     bool // taken back by a guard, or part of a longer phrase of its family
}

const widestGap = 3

// next gives the token a phrase may go on with after i: the following one, over quotes and joint hyphens; -1 at a
// punctuation mark or the end.
func (d *document) next(i int) int {
	for i++; i < len(d.toks); i++ {
		t := &d.toks[i]
		if t.kind != kindPunct {
			return i
		}
		if !t.joint && t.text != "\"" {
			return -1
		}
	}
	return -1
}

// scan finds every phrase; own is the language whose own-language phrases count.
func (lx *lexicon) scan(d *document, own string) {
	if cap(d.mat) == 0 {
		d.mat = make([]match, 0, 2*len(d.toks)+8)
	}
	s := scanner{d: d, own: own}
	for i := range d.toks {
		if d.toks[i].kind == kindPunct && !isKeyPunct(d.toks[i].text) {
			continue
		}
		s.first = i
		s.walk(&lx.root, i)
	}
	d.settle()
}

// isKeyPunct tells marks that lexicon phrases may begin with.
func isKeyPunct(s string) bool {
	switch s {
	case "+", "%", "/", "#", "*", "-", "~", "=", "?":
		return true
	}
	return false
}

type scanner struct {
	d     *document
	own   string
	first int
}

func (s *scanner) walk(n *node, i int) {
	t := &s.d.toks[i]
	if next := n.whole[t.text]; next != nil {
		s.reach(next, i)
	}
	if n.begin != nil && t.kind == kindWord {
		for l := n.shortest; l <= len(t.text) && l <= n.longest; l++ {
			if l < len(t.text) && !utf8.RuneStart(t.text[l]) {
				continue
			}
			if next := n.begin[t.text[:l]]; next != nil {
				s.reach(next, i)
			}
		}
	}
	if n.digits != nil && t.kind == kindNum {
		s.reach(n.digits, i)
	}
}

func (s *scanner) reach(n *node, i int) {
	for _, tm := range n.terms {
		if tm.own && tm.lang != s.own {
			continue
		}
		s.d.mat = append(s.d.mat, match{term: tm, from: s.first, to: i + 1})
	}
	j := s.d.next(i)
	if j < 0 {
		return
	}
	if n.whole != nil || n.begin != nil || n.digits != nil {
		s.walk(n, j)
	}
	if n.gap == nil {
		return
	}
	for skipped := 0; j >= 0 && skipped <= widestGap; skipped++ {
		s.walk(n.gap, j)
		j = s.d.next(j)
	}
}

// family groups the sections of which only the longest phrase at a place counts.
func family(t tag) int {
	switch t {
	case tagGrade, tagVague, tagNegative:
		return 1
	case tagYes, tagNo, tagMaybe, tagGood, tagBad:
		return 2
	case tagNumber, tagTop, tagOrdinal:
		return 3
	case tagOptOut, tagResume, tagOptOutBare, tagResumeBare:
		return 4
	case tagCallback, tagLater, tagCallbackBare, tagLaterBare, tagWrong:
		return 5
	}
	return 0
}

// settle applies the guards and lets the longest phrase of each family win.
func (d *document) settle() {
	for gi := range d.mat {
		g := &d.mat[gi]
		if g.tag != tagGuard {
			continue
		}
		for i := range d.mat {
			m := &d.mat[i]
			if m.tag == g.kill && m.from < g.to && g.from < m.to && (m.from >= g.from || m.to <= g.to) {
				m.dead = true
			}
		}
	}
	for i := range d.mat {
		a := &d.mat[i]
		f := family(a.tag)
		if a.dead || f == 0 {
			continue
		}
		for j := range d.mat {
			b := &d.mat[j]
			if i != j && !b.dead && family(b.tag) == f && b.from <= a.from && b.to >= a.to && b.to-b.from > a.to-a.from {
				a.dead = true
				break
			}
		}
	}
	live := d.mat[:0]
	for _, m := range d.mat {
		if !m.dead {
			live = append(live, m)
		}
	}
	d.mat = live
}

// has tells whether a phrase of the section was found.
func (d *document) has(t tag) bool {
	for i := range d.mat {
		if d.mat[i].tag == t {
			return true
		}
	}
	return false
}

// startingAt gives the longest phrase of the section that begins at token i.
func (d *document) startingAt(i int, t tag) (match, bool) {
	var best match
	for _, m := range d.mat {
		if m.tag == t && m.from == i && m.to > best.to {
			best = m
		}
	}
	return best, best.to > 0
}

// endingAt gives the longest phrase of the section that ends before token i.
func (d *document) endingAt(i int, t tag) (match, bool) {
	best := match{from: i}
	for _, m := range d.mat {
		if m.tag == t && m.to == i && m.from < best.from {
			best = m
		}
	}
	return best, best.to > 0
}

// inside tells whether token i lies in a phrase of the section.
func (d *document) inside(i int, t tag) bool {
	for k := range d.mat {
		if m := &d.mat[k]; m.tag == t && m.from <= i && i < m.to {
			return true
		}
	}
	return false
}

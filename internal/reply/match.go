package reply

import (
	"slices"
	"strings"
	"unicode/utf8"
)

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
	s := scanner{lx: lx, d: d, own: own}
	s.symbols()
	for i := range d.toks {
		if d.toks[i].kind == kindPunct && !isKeyPunct(d.toks[i].text) {
			continue
		}
		s.first = i
		s.walk(lx.auto.root, i)
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

// scanner holds the symbols of every token: those of token i are syms[at[i]:at[i+1]].
type scanner struct {
	lx    *lexicon
	d     *document
	own   string
	first int
	syms  []symbol
	at    []uint32
}

// symbols looks every token up once: as a word, as the beginnings it has, as a number.
func (s *scanner) symbols() {
	s.syms = make([]symbol, 0, 3*len(s.d.toks))
	s.at = make([]uint32, 0, len(s.d.toks)+1)
	for i := range s.d.toks {
		s.at = append(s.at, uint32(len(s.syms)))
		t := &s.d.toks[i]
		if t.kind != kindWord {
			if sym, ok := s.lx.whole[t.text]; ok {
				s.put(sym)
			}
			if t.kind == kindNum {
				s.syms = append(s.syms, symbolDigits)
			}
			continue
		}
		s.word(t.text)
		if s.own == "de" && strings.Contains(t.text, "e") {
			if bare := umlauts.Replace(t.text); bare != t.text {
				s.word(bare)
			}
		}
	}
	s.at = append(s.at, uint32(len(s.syms)))
}

// umlauts writes "spaeter" as "später" is folded.
var umlauts = strings.NewReplacer("ae", "a", "oe", "o", "ue", "u")

// word puts the symbols of a word: its own, and those of the beginnings that it has.
func (s *scanner) word(text string) {
	if sym, ok := s.lx.whole[text]; ok {
		s.put(sym)
	}
	for l := s.lx.shortest; l <= len(text) && l <= s.lx.longest; l++ {
		if l < len(text) && !utf8.RuneStart(text[l]) {
			continue
		}
		if sym, ok := s.lx.begin[text[:l]]; ok {
			s.put(sym)
		}
	}
}

// put adds a symbol of the current token with its classes; a word may come into a class by more than one beginning.
func (s *scanner) put(sym symbol) {
	from := s.at[len(s.at)-1]
	s.syms = append(s.syms, sym)
	for _, c := range s.lx.classes[sym] {
		if !slices.Contains(s.syms[from:], c) {
			s.syms = append(s.syms, c)
		}
	}
}

func (s *scanner) walk(st uint32, i int) {
	es := s.lx.auto.edgesOf(st)
	for _, sym := range s.syms[s.at[i]:s.at[i+1]] {
		if next, ok := follow(es, sym); ok {
			s.reach(next, i)
		}
	}
}

func (s *scanner) reach(st uint32, i int) {
	a := &s.lx.auto
	for _, e := range a.endsOf(st) {
		tm := s.lx.terms[e]
		if tm.own && tm.lang != s.own {
			continue
		}
		s.d.mat = append(s.d.mat, match{term: tm, from: s.first, to: i + 1})
	}
	links := a.linksOf(st)
	if len(a.edgesOf(st)) == 0 && len(links) == 0 {
		return
	}
	j := s.d.next(i)
	if j < 0 {
		return
	}
	s.on(st, j)
	for _, l := range links {
		s.on(l, j)
	}
}

// on goes on from a state at token j, and behind its gap at the tokens after it.
func (s *scanner) on(st uint32, j int) {
	s.walk(st, j)
	gap, ok := s.lx.auto.gap(st)
	for widest := widestGap; ok; widest += widestGap { // a second gap behind the first makes a wider one
		at := j
		for skipped := 0; at >= 0 && skipped <= widest; skipped++ {
			s.walk(gap, at)
			at = s.d.next(at)
		}
		gap, ok = s.lx.auto.gap(gap)
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

// bare tells the sections whose phrases count only as the whole text: they outdo no phrase that counts anywhere.
func bare(t tag) bool {
	return t == tagOptOutBare || t == tagResumeBare || t == tagCallbackBare || t == tagLaterBare
}

// noOptOut tells whether a phrase means something by itself that an opt-out of the same words would be taken for: "не пишите
// пока", "if I text STOP".
func (m *match) noOptOut() bool { return m.tag == tagPause || m.tag == tagHelp && m.key == "stop" }

// guards tells whether the phrase takes others back that share words with it, and are not wider than it on both sides.
func (m *match) guards(other *match) bool {
	if m.tag == tagGuard && other.tag != m.kill || m.tag != tagGuard && other.tag != tagOptOut && other.tag != tagOptOutBare {
		return false
	}
	return other.from < m.to && m.from < other.to && (other.from >= m.from || other.to <= m.to)
}

// settle applies the guards, then what means something else than an opt-out, and lets the longest phrase of each family
// win.
func (d *document) settle() {
	for _, meant := range [...]bool{false, true} {
		for gi := range d.mat {
			g := &d.mat[gi]
			if g.dead || meant != g.noOptOut() || !meant && g.tag != tagGuard {
				continue
			}
			for i := range d.mat {
				if m := &d.mat[i]; g.guards(m) {
					m.dead = true
				}
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
			if i != j && !b.dead && family(b.tag) == f && (!bare(b.tag) || bare(a.tag)) && b.from <= a.from && b.to >= a.to && b.to-b.from > a.to-a.from && !a.aside(b) {
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

// aside tells whether a statement about one thing stands beside another about something else, whatever their lengths.
func (m *match) aside(other *match) bool {
	return (m.tag == tagGood || m.tag == tagBad) && m.key != "" && m.key != other.key
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

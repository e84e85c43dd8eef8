package reply

import (
	"strings"
	"unicode/utf8"
)

// wishes are the things a person can want besides answering.
type wishes struct {
	optout, resume, help, callback, later, wrong span
	bare                                         bool
}

// span is a stretch of tokens; the zero value means none.
type span struct{ from, to int }

func (s span) some() bool { return s.to > s.from }

func (w wishes) list() []Intent {
	var out []Intent
	for _, c := range []struct {
		s span
		i Intent
	}{{w.optout, IntentOptOut}, {w.wrong, IntentWrongPerson}, {w.callback, IntentCallback}, {w.resume, IntentResume},
		{w.help, IntentHelp}, {w.later, IntentLater}} {
		if c.s.some() {
			out = append(out, c.i)
		}
	}
	return out
}

// covers tells whether the phrase is part of a wish: "waiting for a call" agrees to nothing.
func (w wishes) covers(m match) bool {
	for _, s := range [...]span{w.callback, w.later, w.help, w.resume} {
		if s.from < m.to && m.from < s.to {
			return true
		}
	}
	return false
}

func (w wishes) any() bool { return len(w.list()) > 0 }

func (w wishes) has(i Intent) bool {
	for _, x := range w.list() {
		if x == i {
			return true
		}
	}
	return false
}

// wishes finds opt-outs first, then everything else a person can want.
func (d *document) wishes(lx *lexicon) wishes {
	var w wishes
	d.optOut(&w, lx)
	for _, m := range d.mat {
		s := span{m.from, m.to}
		switch m.tag {
		case tagResume:
			w.resume = s
		case tagHelp:
			w.help = s
		case tagCallback:
			w.callback = s
		case tagLater, tagPause:
			w.later = s
		case tagWrong:
			w.wrong = s
		case tagFlag:
			if m.key == FlagSoldCar {
				w.wrong = s
			}
		case tagResumeBare:
			d.ifWhole(&w.resume, tagResumeBare)
		case tagHelpBare:
			d.ifWhole(&w.help, tagHelpBare)
		case tagCallbackBare:
			d.ifWhole(&w.callback, tagCallbackBare)
			if m.key == "last" && d.leftEdge(m.from) && d.atEnd(m.to) {
				w.callback = s
			}
		case tagLaterBare:
			d.ifWhole(&w.later, tagLaterBare)
			if d.opens(m) {
				w.later = s
			}
		}
	}
	if w.optout.some() { // "stop, do not call": the rest is the same wish in other words
		w.resume = span{}
	}
	if w.later.some() && (w.callback.some() || w.wrong.some()) {
		w.later = span{}
	}
	return w
}

// opens tells whether the phrase is a sentence of its own at the beginning; under the key "clause" a comma may end it.
func (d *document) opens(m match) bool {
	if m.key == "" || !d.atStart(m.from) {
		return false
	}
	i := m.to
	for i < len(d.toks) && d.courtesy[i] {
		i++
	}
	if i == len(d.toks) {
		return true
	}
	switch d.toks[i].text {
	case ".", "!", "\n":
		return true
	case ",":
		return m.key == "clause"
	}
	return false
}

// ifWhole sets the span when the whole text consists of phrases of the section.
func (d *document) ifWhole(s *span, t tag) {
	if d.whole(t) {
		*s = span{0, len(d.toks)}
	}
}

// whole tells whether all content of the text, but a score, is covered by phrases of the section.
func (d *document) whole(t tag) bool {
	seen := false
	for i := range d.toks {
		if !d.content(i) {
			continue
		}
		if d.inside(i, t) {
			seen = seen || d.toks[i].kind != kindNum
			continue
		}
		if k := d.toks[i].kind; k == kindNum {
			if t != tagOptOutBare || d.toks[i].val < 0 || d.toks[i].val > 10 {
				return false
			}
			continue
		}
		return false
	}
	return seen
}

// optOut looks for a phrase, a bare keyword, a keyword alone in a sentence, or a misspelt long keyword.
func (d *document) optOut(w *wishes, lx *lexicon) {
	if d.has(tagOptOutBare) && d.whole(tagOptOutBare) {
		w.optout, w.bare = span{0, len(d.toks)}, true
		return
	}
	for _, m := range d.mat {
		if m.tag == tagOptOut && !d.dispatches(m, lx) {
			w.optout = span{m.from, m.to}
			return
		}
	}
	if d.has(tagOptOutBare) {
		for _, m := range d.mat {
			if m.tag == tagOptOutBare && d.keywordSentence(m) {
				w.optout = span{m.from, m.to}
				return
			}
		}
	}
	if t, ok := d.misspelt(lx, tagOptOutBare); ok {
		w.optout, w.bare = span{t, t + 1}, true
	}
}

// dispatches tells whether the phrase asks not to send a person, whose name follows: "не присылайте больше Серёгу". A name is
// a word with a capital that no lexicon knows, in a text that is not all capitals.
func (d *document) dispatches(m match, lx *lexicon) bool {
	for k := range d.mat {
		p := &d.mat[k]
		if p.tag != tagDispatch || p.to >= len(d.toks) || p.from >= m.to || m.from >= p.to {
			continue
		}
		t := &d.toks[p.to]
		if _, known := d.startingAt(p.to, tagNickname); t.kind == kindWord && t.upper && !t.caps && (known || !lx.knows(t.text, "")) {
			return true
		}
	}
	return false
}

// keywordSentence tells whether a bare keyword is a sentence of its own at the beginning or end of a longer text:
// "Enough. STOP". After a comma it is talk: "стоп, я ещё не забрал машину".
func (d *document) keywordSentence(m match) bool {
	if utf8.RuneCountInString(d.toks[m.from].text) < 4 {
		return false
	}
	left, right := m.from-1, m.to
	for left >= 0 && d.courtesy[left] {
		left--
	}
	for right < len(d.toks) && d.courtesy[right] {
		right++
	}
	if left >= 0 && (d.toks[left].kind != kindPunct || d.toks[left].joint) {
		return false
	}
	if right < len(d.toks) && (d.toks[right].kind != kindPunct || d.toks[right].joint) {
		return false
	}
	if d.atEnd(right) {
		return left < 0 || d.toks[left].text != "\""
	}
	if left >= 0 {
		return false
	}
	end := d.toks[right].text
	return (end == "." || end == "!" || end == "\n") && !d.endsAsking()
}

func (d *document) endsAsking() bool {
	return len(d.toks) > 0 && d.toks[len(d.toks)-1].text == "?"
}

// misspelt finds a text of one long word that is one slip away from a word of the section.
func (d *document) misspelt(lx *lexicon, t tag) (int, bool) {
	at := -1
	for i := range d.toks {
		if !d.content(i) {
			continue
		}
		if at >= 0 || d.toks[i].kind != kindWord {
			return 0, false
		}
		at = i
	}
	if at < 0 {
		return 0, false
	}
	_, ok := lx.meant(d.toks[at].text, t)
	return at, ok
}

// shortText is how many tokens a text may have in which the words of an opt-out are read through a slip of the pen.
const shortText = 10

// respell mends words that are one slip away from a word of an opt-out and no word of the lexicons themselves:
// "unsuscribe me". It tells whether it mended any.
func (d *document) respell(lx *lexicon) bool {
	if len(d.toks) > shortText || d.has(tagOptOut) {
		return false
	}
	mended := false
	for i := range d.toks {
		t := &d.toks[i]
		if t.kind != kindWord || utf8.RuneCountInString(t.text) < shortestTypo {
			continue
		}
		if right, ok := lx.meant(t.text, tagSpelling); ok && right != t.text && !lx.knows(t.text, right) {
			t.text, mended = right, true
		}
	}
	return mended
}

// meant gives the word of the section that is one slip away.
func (lx *lexicon) meant(text string, t tag) (string, bool) {
	var room [24]rune
	word := room[:0]
	for _, r := range text {
		word = append(word, r)
	}
	for n := len(word) - 1; n <= len(word)+1; n++ {
		for _, right := range lx.long[typoKey{t, n}] {
			// A slip leaves the first letter or the last as it was.
			if (right[0] == word[0] || right[n-1] == word[len(word)-1]) && oneSlip(word, right) {
				return string(right), true
			}
		}
	}
	return "", false
}

// knows tells whether the word or a beginning of it that the other word does not share stands in a lexicon.
func (lx *lexicon) knows(text, other string) bool {
	if _, ok := lx.whole[text]; ok {
		return true
	}
	for l := lx.shortest; l <= len(text) && l <= lx.longest; l++ {
		if _, ok := lx.begin[text[:l]]; ok && !strings.HasPrefix(other, text[:l]) {
			return true
		}
	}
	return false
}

// oneSlip tells whether two words differ by one letter put in, left out, mistaken or swapped with its neighbour.
func oneSlip(a, b []rune) bool {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	rest := func(x, y []rune) bool { return string(x) == string(y) }
	switch {
	case len(a) == len(b):
		if i == len(a) || rest(a[i+1:], b[i+1:]) {
			return true
		}
		return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && rest(a[i+2:], b[i+2:])
	case len(a) == len(b)+1:
		return rest(a[i+1:], b[i:])
	case len(a)+1 == len(b):
		return rest(a[i:], b[i+1:])
	}
	return false
}

// mostly tells whether the span and courtesies are most of the text.
func (d *document) mostly(s span) bool {
	in, out := 0, 0
	for i := range d.toks {
		switch {
		case i >= s.from && i < s.to:
			in++
		case d.content(i):
			out++
		}
	}
	return in > 0 && out <= in+3
}

// questionBack tells whether the text only asks who or what this is.
func (d *document) questionBack() bool {
	return d.has(tagAsk)
}

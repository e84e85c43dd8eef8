package reply

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// fromLatin lists how people write Russian in Latin letters, the longest first.
var fromLatin = []struct{ latin, cyrillic string }{
	{"shch", "щ"}, {"sch", "щ"}, {"yo", "е"}, {"jo", "е"}, {"zh", "ж"}, {"kh", "х"}, {"ts", "ц"}, {"ch", "ч"}, {"sh", "ш"}, {"yu", "ю"}, {"ju", "ю"},
	{"ya", "я"}, {"ja", "я"}, {"ye", "е"}, {"je", "е"}, {"iy", "ий"}, {"yj", "ый"}, {"ij", "ий"}, {"4", "ч"}, {"6", "ш"},
	{"a", "а"}, {"b", "б"}, {"c", "ц"}, {"d", "д"}, {"e", "е"}, {"f", "ф"}, {"g", "г"}, {"h", "х"}, {"i", "и"}, {"j", "й"}, {"k", "к"}, {"l", "л"}, {"m", "м"},
	{"n", "н"}, {"o", "о"}, {"p", "п"}, {"q", "к"}, {"r", "р"}, {"s", "с"}, {"t", "т"}, {"u", "у"}, {"v", "в"}, {"w", "в"}, {"x", "х"}, {"y", "ы"}, {"z", "з"},
}

// maybeRussian tells whether a text in Latin letters may be Russian: where the conversation is in a language that
// people type so.
func (d *document) maybeRussian(locale string) bool {
	base, _, _ := strings.Cut(strings.ReplaceAll(locale, "_", "-"), "-")
	switch base {
	case "ru", "uk", "kk", "":
	default:
		return false
	}
	return d.script() == "" && slices.ContainsFunc(d.toks, func(t token) bool { return t.kind == kindWord })
}

// fromLatinScript rewrites words of Russian in Latin letters ("ubrat moy nomer") in Cyrillic, for a text that says
// nothing as it stands. It tells whether most of its words are Russian then; otherwise they stay as they were.
func (d *document) fromLatinScript(lx *lexicon) bool {
	var room [16]string
	words, known := room[:0], 0
	d.joinFigures()
	for i := range d.toks {
		t := &d.toks[i]
		if t.kind != kindWord {
			continue
		}
		to, ok := lx.cyrillic(t.text)
		if ok {
			known++
		}
		words = append(words, to)
	}
	if known == 0 || 2*known < len(words) {
		return false
	}
	n := 0
	for i := range d.toks {
		if d.toks[i].kind == kindWord {
			d.toks[i].text = words[n]
			n++
		}
	}
	return true
}

// joinFigures makes one word of letters and the figures 4 and 6 inside them: "4etyre", "o4en".
func (d *document) joinFigures() {
	out := d.toks[:0]
	for _, t := range d.toks {
		if n := len(out); n > 0 && !t.space && out[n-1].end == t.start {
			last := &out[n-1]
			if last.figure() && t.kind == kindWord || last.kind == kindWord && (t.figure() || t.kind == kindWord) {
				last.text, last.end, last.kind = last.text+t.text, t.end, kindWord
				continue
			}
		}
		out = append(out, t)
	}
	d.toks = out
}

// figure tells whether a number is one that stands for a letter.
func (t *token) figure() bool { return t.kind == kindNum && (t.text == "4" || t.text == "6") }

// cyrillic gives a Russian word written in Latin letters, and whether the lexicons know it.
func (lx *lexicon) cyrillic(word string) (string, bool) {
	var b strings.Builder
	for rest := word; rest != ""; {
		cut := ""
		for _, x := range fromLatin {
			if strings.HasPrefix(rest, x.latin) {
				cut = x.latin
				if x.latin == "y" && vowelBefore(b.String()) {
					b.WriteString("й")
				} else {
					b.WriteString(x.cyrillic)
				}
				break
			}
		}
		if cut == "" {
			return word, false
		}
		rest = rest[len(cut):]
	}
	plain := b.String()
	if to, ok := lx.spelled(plain); ok {
		return to, true
	}
	if strings.Contains(plain, "ц") { // "ts" may be two letters: otstan, otpisatsya
		if to, ok := lx.spelled(strings.ReplaceAll(plain, "ц", "тс")); ok {
			return to, true
		}
	}
	return plain, false
}

// spelled gives the word of the lexicons that letters taken one by one from another script stand for: soft signs are
// often left out, й and э are written as i and e.
func (lx *lexicon) spelled(plain string) (string, bool) {
	if lx.has(plain) {
		return plain, true
	}
	if rest, ok := strings.CutSuffix(plain, "и"); ok && vowelBefore(rest) && lx.has(rest+"й") {
		return rest + "й", true
	}
	if rest, ok := strings.CutPrefix(plain, "е"); ok && lx.has("э"+rest) {
		return "э" + rest, true
	}
	for i, r := range plain {
		if at := i + utf8.RuneLen(r); strings.ContainsRune("бвдзлмнпрстфшжч", r) {
			if soft := plain[:at] + "ь" + plain[at:]; lx.has(soft) {
				return soft, true
			}
		}
	}
	return "", false
}

// has tells whether a lexicon has the word.
func (lx *lexicon) has(word string) bool {
	_, ok := lx.whole[word]
	return ok
}

func vowelBefore(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return strings.ContainsRune("аеиоуыэюя", r)
}

// partNot makes two words of "неприсылайте" where the lexicons know only the second of them, which may have a slip in it
// where it belongs to an opt-out: "непресылайте".
func (d *document) partNot(lx *lexicon) {
	for i := 0; i < len(d.toks); i++ {
		t := d.toks[i]
		rest, ok := strings.CutPrefix(t.text, "не")
		if !ok || t.kind != kindWord || utf8.RuneCountInString(rest) < 4 || lx.knows(t.text, "") {
			continue
		}
		if !lx.has(rest) {
			if rest, ok = lx.meant(rest, tagSpelling); !ok {
				continue
			}
		}
		_, n := utf8.DecodeRuneInString(d.src[t.start:])
		_, e := utf8.DecodeRuneInString(d.src[t.start+n:])
		not, verb := t, t
		not.text, not.end = "не", t.start+n+e
		verb.text, verb.start, verb.space = rest, not.end, false
		d.toks = append(d.toks[:i], append([]token{not, verb}, d.toks[i+1:]...)...)
		i++
	}
}

// glued is the least letters of a word that may be several without their spaces.
const glued = 9

// unglue parts words that ran into each other ("непишитемнебольше") where the lexicons know all the parts and not the
// whole, for a text that says nothing as it stands. It tells whether it parted any.
func (d *document) unglue(lx *lexicon) bool {
	var out []token
	parted := false
	for _, t := range d.toks {
		var ends []int
		if t.kind == kindWord && utf8.RuneCountInString(t.text) >= glued && t.end-t.start == len(t.text) && !lx.has(t.text) {
			ends = lx.parts(t.text)
		}
		if len(ends) < 2 {
			out = append(out, t)
			continue
		}
		from := 0
		for _, to := range ends {
			part := t
			part.text, part.start, part.end, part.space = t.text[from:to], t.start+from, t.start+to, true
			out, from = append(out, part), to
		}
		parted = true
	}
	d.toks = out
	return parted
}

// parts gives the ends of the fewest words of the lexicons that a word consists of, none where it does not or where
// they would be shorter than three letters in the mean.
func (lx *lexicon) parts(word string) []int {
	type step struct{ words, from int }
	best := make([]step, len(word)+1)
	for to := range word {
		best[to].words = -1
	}
	best[len(word)].words, best[0].words = -1, 0
	for from := range word {
		if best[from].words < 0 {
			continue
		}
		for to := from + 2; to <= len(word); to++ {
			if to < len(word) && !utf8.RuneStart(word[to]) || utf8.RuneCountInString(word[from:to]) < 2 || !lx.has(word[from:to]) {
				continue
			}
			if n := best[from].words + 1; best[to].words < 0 || n < best[to].words {
				best[to] = step{n, from}
			}
		}
	}
	n := best[len(word)].words
	if n < 2 || 3*n > utf8.RuneCountInString(word) {
		return nil
	}
	ends := make([]int, n)
	for to := len(word); to > 0; to = best[to].from {
		n--
		ends[n] = to
	}
	return ends
}

package reply

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// enrich adds what every reading carries whatever the question: flags, topics, praise, times.
func (d *document) enrich(r *Reading, in Input) {
	for _, m := range d.mat {
		switch m.tag {
		case tagFlag:
			r.Flags = put(r.Flags, m.key)
		case tagTopic:
			r.Topics = put(r.Topics, m.key)
		case tagCorrection:
			if in.Question == nil {
				r.Flags = put(r.Flags, FlagCorrection)
			}
		}
	}
	if r.Flagged(FlagSafety) {
		r.Topics = put(r.Topics, "safety")
	}
	d.praise(r, in)
	sort.Strings(r.Flags)
	sort.Strings(r.Topics)
	r.OnlyTime, r.Regards = d.onlyTime(), r.Intent == IntentUnclear && d.onlyRegards()
	if r.Has(IntentCallback) || r.Has(IntentLater) || r.OnlyTime {
		r.When = d.when(in.Now, in.Zone)
	}
}

func put(list []string, s string) []string {
	for _, x := range list {
		if x == s {
			return list
		}
	}
	return append(list, s)
}

// praise finds named employees. A name counts as praised when the message holds no complaint.
func (d *document) praise(r *Reading, in Input) {
	if d.has(tagNegative) || d.complains() || r.Rating != nil && !d.mayPraise(*r.Rating, in.Question) {
		r.Flags = drop(r.Flags, FlagPraise)
		return
	}
	if !(r.Rating != nil && r.Comment == "") && d.delighted() { // a grade and nothing else is the score, not a word about it
		r.Flags = put(r.Flags, FlagPraise)
	}
	warm := d.has(tagThanks) || r.Rating != nil || r.Answer == yes.String() || d.has(tagGrade) || d.has(tagGood) || r.Flagged(FlagPraise)
	if !warm {
		return
	}
	for _, name := range in.Employees {
		if d.mentions(name) {
			r.Praise = put(r.Praise, name)
		}
	}
	if len(r.Praise) == 0 { // a colleague who is not on the list is named as the person wrote it
		if name := d.thanked(); name != "" {
			r.Praise = append(r.Praise, name)
		}
	}
	if len(r.Praise) > 0 {
		r.Flags = put(r.Flags, FlagPraise)
	}
}

// complains tells whether the text says that something went wrong, whatever the question.
func (d *document) complains() bool {
	for i := range d.mat {
		if m := &d.mat[i]; m.tag == tagBad && m.key == "" {
			return true
		}
	}
	return false
}

// mayPraise tells whether a good word goes with the score: with one in the middle of the scale only thanks do.
func (d *document) mayPraise(v int, q *Question) bool {
	low, top := q.scale()
	above := 2*(v-low) - (top - low)
	return above > 0 || above == 0 && d.has(tagThanks)
}

// delighted tells whether the text calls something excellent.
func (d *document) delighted() bool {
	for i := range d.mat {
		m := &d.mat[i]
		if (m.tag == tagGrade || m.tag == tagVague) && m.num >= 5 && !d.asksBack(*m) {
			if _, negated := d.endingAt(m.from, tagNotBefore); !negated {
				return true
			}
		}
	}
	return false
}

func drop(list []string, s string) []string {
	out := list[:0]
	for _, x := range list {
		if x != s {
			out = append(out, x)
		}
	}
	return out
}

// mentions tells whether the text names the employee by any part of the name, inflected or not.
func (d *document) mentions(name string) bool {
	for _, part := range strings.Fields(name) {
		if r, _ := utf8.DecodeRuneInString(part); unicode.Is(unicode.Han, r) {
			if d.mentionsHan([]rune(part)) {
				return true
			}
			continue
		}
		folded := foldName(part)
		l := strings.TrimRight(folded, nameEndings)
		if utf8.RuneCountInString(folded) <= 2 {
			l = folded
		}
		if utf8.RuneCountInString(l) < 2 {
			continue
		}
		for _, m := range d.mat {
			if m.tag == tagNickname && m.key == folded && d.toks[m.from].upper {
				return true
			}
		}
		for i := range d.toks {
			t := &d.toks[i]
			if t.kind == kindWord && t.upper && strings.HasPrefix(t.text, l) && utf8.RuneCountInString(t.text[len(l):]) <= 3 {
				return true
			}
		}
	}
	return false
}

// nameEndings are the letters in which the cases of a name differ; its stem is what stands before them.
const nameEndings = "аяйьеиоую"

// foldName folds a name like a token.
func foldName(name string) string {
	return strings.Map(func(r rune) rune {
		if to, ok := cyrillicFold[r]; ok {
			return to
		}
		return r
	}, strings.ToLower(name))
}

// mentionsHan finds the full name, the given name, or the surname with a title: 王师傅, 小王.
func (d *document) mentionsHan(name []rune) bool {
	text := d.src
	if strings.Contains(text, string(name)) {
		return true
	}
	if len(name) >= 3 && strings.Contains(text, string(name[1:])) && !d.title(name[1:]) {
		return true
	}
	sur := string(name[:1])
	for i := range d.toks {
		if d.toks[i].text != sur {
			continue
		}
		if _, ok := d.startingAt(i+1, tagTitle); ok {
			return true
		}
		if i > 0 && (d.toks[i-1].text == "小" || d.toks[i-1].text == "老") {
			return true
		}
	}
	return false
}

// title tells whether the characters are a title where the text has them: the list says 马师傅, the text only 师傅.
func (d *document) title(name []rune) bool {
	for i := range d.toks {
		if m, ok := d.startingAt(i, tagTitle); ok && m.to-m.from == len(name) && d.toks[i].text == string(name[0]) {
			return true
		}
	}
	return false
}

// thanked gives the capitalised word or titled name that the thanks go to, as written.
func (d *document) thanked() string {
	for _, m := range d.mat {
		if m.tag != tagThanks {
			continue
		}
		i := m.to
		for i < len(d.toks) && (d.inside(i, tagTitle) || d.inside(i, tagCourtesy)) && !d.toks[i].upper {
			i++
		}
		if i >= len(d.toks) {
			continue
		}
		t := &d.toks[i]
		switch {
		case t.kind == kindWord && t.upper && !t.caps && !d.courtesy[i] && utf8.RuneCountInString(t.text) > 2:
			return d.src[t.start:d.toks[d.nameEnds(i)-1].end]
		case t.kind == kindHan && (t.text == "小" || t.text == "老") && i+1 < len(d.toks):
			return d.src[t.start:d.toks[i+1].end]
		case t.kind == kindHan:
			if title, ok := d.startingAt(i+1, tagTitle); ok {
				return d.src[t.start:d.toks[title.to-1].end]
			}
		}
	}
	return ""
}

// nameEnds gives the token after a name of up to three capitalised words that begins at token i.
func (d *document) nameEnds(i int) int {
	to := i + 1
	for ; to < len(d.toks) && to < i+3; to++ {
		t := &d.toks[to]
		if t.kind != kindWord || !t.upper || t.caps || d.courtesy[to] {
			break
		}
	}
	return to
}

// onlyRegards tells whether the text is nothing but thanks and good wishes, signs of joy included. Whoever reads a word
// more, a question or an angry face in it reads something that a person has to see.
func (d *document) onlyRegards() bool {
	said := false
	for i := range d.toks {
		t := &d.toks[i]
		switch {
		case d.inside(i, tagRegards):
			said = true
		case t.kind == kindSymbol && strings.ContainsAny(t.text, joy):
			said = true
		case d.content(i), t.kind == kindSymbol, t.text == "?":
			return false
		}
	}
	return said
}

// joy are the emoji that only please.
const joy = "🙏❤♥👍👌👏🤝😊☺🙂😀😃😄😁🤗🥰😍😘🎉🎊🎁🎄💐🌹🌷🌸🥂🍾✨💖💕"

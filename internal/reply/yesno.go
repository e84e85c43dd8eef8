package reply

import (
	"slices"
	"strings"
)

// polarity is a yes or a no.
type polarity int8

const (
	unsaid polarity = iota
	yes
	no
)

func (p polarity) String() string {
	switch p {
	case yes:
		return "yes"
	case no:
		return "no"
	}
	return ""
}

func (d *document) readYesNo(r *Reading, w wishes, p *Parser, q Question) {
	r.Comment = d.comment(nil)
	if w.has(IntentOptOut) && w.bare {
		d.wishOr(r, w, 0)
		return
	}
	ans, conf, cut := d.yesNo()
	if number := d.opening(); ans == unsaid || number > 0 && !d.silent(number, cut.from) {
		prompt := p.document(q.Prompt, "")
		if by, sure, at := d.numbered(prompt); by != unsaid {
			ans, conf, cut = by, sure, at
		} else if ans == unsaid && !d.doubts() {
			if d.belated(prompt) {
				w.later = span{}
			}
			ans, conf = d.statement(prompt.about(), w)
		} else if ans == unsaid {
			ans, conf = d.leaning(prompt.about(), w), 0.7
		}
	}
	if ans == unsaid && !w.any() {
		ans, conf = d.signs()
	}
	if ans != unsaid && (conf >= 0.7 || !w.any()) && !w.has(IntentWrongPerson) && !w.has(IntentOptOut) {
		r.Intent, r.Answer, r.Confidence = IntentAnswer, ans.String(), conf
		r.Also = w.list()
		r.Comment = d.comment([][2]int{{cut.from, cut.to}})
		if d.has(tagCorrection) {
			r.Flags = append(r.Flags, FlagCorrection)
		}
		return
	}
	d.wishOr(r, w, 0.3)
}

// yesNo reads yes and no in words: the first clear word decides, a correction the last; a doubt spoils it. Without such a
// word a statement can say it: "fixed", "still knocks".
func (d *document) yesNo() (polarity, float64, span) {
	var first, last polarity
	var cut span
	maybe, conflict, both := false, false, false
	corrected := d.has(tagCorrection)
	for _, m := range d.mat {
		switch m.tag {
		case tagYes, tagNo:
			if !d.saysYesNo(m) {
				continue
			}
			p := yes
			if m.tag == tagNo {
				p = no
			}
			if first == unsaid {
				first, cut = p, span{m.from, m.to}
			} else if last != p && d.adjacent(cut, m) {
				conflict = true
			}
			both = both || p != first
			last = p
		case tagMaybe:
			maybe = maybe || !d.asksBack(m)
		}
	}
	switch {
	case maybe && both:
		return unsaid, 0, span{}
	case corrected && last != unsaid:
		return last, 0.8, cut
	case maybe && first != unsaid && !d.atStart(cut.from):
		return unsaid, 0, span{}
	case maybe && first == unsaid:
		return unsaid, 0, span{}
	case conflict, first == no && d.butAllWell(cut):
		return unsaid, 0, span{}
	case first != unsaid:
		return first, 0.95, cut
	}
	return unsaid, 0, span{}
}

// butAllWell tells whether nothing but "all is well" follows a bare no that opens the text: "не, всё ок" may deny a trouble
// that nobody asked about.
func (d *document) butAllWell(no span) bool {
	if !d.atStart(no.from) || no.to >= len(d.toks) || d.toks[no.to].kind != kindPunct {
		return false
	}
	said := false
	for i := no.to; i < len(d.toks); i++ {
		if !d.content(i) {
			continue
		}
		if !d.allWell(i) {
			return false
		}
		said = true
	}
	return said
}

// allWell tells whether token i belongs to a statement that all is well, whatever was asked.
func (d *document) allWell(i int) bool {
	for k := range d.mat {
		if m := &d.mat[k]; m.from <= i && i < m.to && (m.tag == tagGood && m.key == "" || m.tag == tagGrade && m.num >= 4) {
			return true
		}
	}
	return false
}

// doubts tells whether the person says that he does not know, or both yes and no.
func (d *document) doubts() bool {
	said := unsaid
	for _, m := range d.mat {
		switch m.tag {
		case tagMaybe:
			if !d.asksBack(m) {
				return true
			}
		case tagYes, tagNo:
			if !d.saysYesNo(m) {
				continue
			}
			p := yes
			if m.tag == tagNo {
				p = no
			}
			if said != unsaid && said != p {
				return true
			}
			said = p
		}
	}
	return false
}

// about gives the aspects that the prompt of a question speaks of.
func (d *document) about() []string {
	var out []string
	for _, m := range d.mat {
		if m.tag == tagAbout {
			out = put(out, m.key)
		}
	}
	return out
}

// adjacent tells whether the phrase follows the span with nothing but punctuation between.
func (d *document) adjacent(s span, m match) bool {
	for i := s.to; i < m.from; i++ {
		if d.content(i) {
			return false
		}
	}
	return d.atStart(s.from) && d.atEnd(m.to)
}

// saysYesNo tells whether a yes or no word answers rather than serves inside a sentence: it opens or closes a clause.
func (d *document) saysYesNo(m match) bool {
	if d.asksBack(m) && !d.atStart(m.from) {
		return false
	}
	if !d.atStart(m.from) && d.denies(m) {
		return false
	}
	han := d.toks[m.from].kind == kindHan
	if d.atStart(m.from) {
		return !han || m.to-m.from > 1 || d.rightEdge(m.to) || d.toks[m.to].kind != kindHan
	}
	if han {
		return d.leftEdge(m.from) && (m.to-m.from > 1 || d.rightEdge(m.to))
	}
	return d.leftEdge(m.from) || d.rightEdge(m.to) && d.atEnd(m.to) || m.to-m.from > 1
}

// denies tells whether the word is a particle that denies what follows it, no answer: "приеду, не сомневайтесь".
func (d *document) denies(m match) bool {
	if m.tag != tagNo || m.to-m.from > 1 || d.toks[m.from].kind != kindWord || d.rightEdge(m.to) {
		return false
	}
	p, ok := d.startingAt(m.from, tagNotBefore)
	return ok && p.to == m.to
}

// leaning gives what a doubt leans to, "вроде да", where what is said beside it agrees.
func (d *document) leaning(aspects []string, w wishes) polarity {
	got := unsaid
	for _, m := range d.mat {
		if m.tag != tagMaybe || m.key == "" {
			continue
		}
		got = yes
		if m.key == "no" {
			got = no
		}
	}
	if said, _ := d.statement(aspects, w); said != got {
		return unsaid
	}
	return got
}

// statement reads the answer from what the person says happened: first from what is said about the prompt's aspects, then
// from what is said at all.
func (d *document) statement(aspects []string, w wishes) (polarity, float64) {
	good, bad := d.stated(func(m match) bool { return slices.Contains(aspects, m.key) && !w.covers(m) })
	if good == bad {
		g, b := d.stated(func(m match) bool { return m.key == "" && !w.covers(m) })
		good, bad = good || g, bad || b
	}
	switch {
	case good && !bad:
		return yes, 0.75
	case bad && !good:
		return no, 0.75
	case !good && slices.Contains(aspects, "fixed") && d.has(tagFlag) && slices.ContainsFunc(d.mat, func(m match) bool { return m.tag == tagFlag && m.key == "not_fixed" }):
		return no, 0.7
	}
	return unsaid, 0
}

func (d *document) stated(counts func(match) bool) (good, bad bool) {
	for _, m := range d.mat {
		if m.tag != tagGood && m.tag != tagBad || !counts(m) || d.asksBack(m) {
			continue
		}
		_, negated := d.endingAt(m.from, tagNotBefore)
		switch {
		case m.tag == tagGood && !negated:
			good = true
		case m.tag == tagGood, !negated:
			bad = true
		}
	}
	return good, bad
}

// numbered reads the number, the number word or "the second" of an answer that the prompt numbers.
func (d *document) numbered(prompt *document) (polarity, float64, span) {
	got, _ := d.optionNumbers(9, false)
	if len(got) == 0 {
		return unsaid, 0, span{}
	}
	for _, n := range got {
		if n != got[0] {
			return unsaid, 0, span{}
		}
	}
	for i := range prompt.toks {
		if prompt.toks[i].kind != kindNum || prompt.toks[i].val != got[0] {
			continue
		}
		for _, step := range [...]int{1, -1} {
			at := i + step
			if step > 0 && prompt.listed(i) {
				at++ // "1. Yes"
			}
			if ans := prompt.word(at, step); ans != unsaid {
				return ans, 0.95, d.numberAt(got[0])
			}
		}
	}
	return unsaid, 0, span{}
}

// belated tells whether two words at most, which ask for another time elsewhere, answer a question about time: "a bit
// later", "not in time".
func (d *document) belated(prompt *document) bool {
	said := 0
	for i := range d.toks {
		if d.content(i) {
			said++
		}
	}
	if said > 2 || !slices.Contains(prompt.about(), "time") {
		return false
	}
	return slices.ContainsFunc(d.mat, func(m match) bool { return m.tag == tagBad && m.key == "time" })
}

// listed tells whether the number at token i counts what follows it, as in "1. Yes" or "1、是"; in "Yes - 1. No - 2" it
// does not.
func (d *document) listed(i int) bool {
	if !d.glued(i+1, ".") && !d.glued(i+1, ",") {
		return false
	}
	return i == 0 || !strings.Contains("-=:(", d.toks[i-1].text)
}

// opening gives the token after a number that opens the text as a sentence of its own, 0 when there is none.
func (d *document) opening() int {
	if len(d.toks) > 1 && d.toks[0].kind == kindNum && d.rightEdge(1) {
		return 1
	}
	return 0
}

// numberAt gives the first token that is the number.
func (d *document) numberAt(n int) span {
	for i := range d.toks {
		if d.toks[i].kind == kindNum && d.toks[i].val == n {
			return span{i, i + 1}
		}
		if m, ok := d.startingAt(i, tagNumber); ok && m.num == n {
			return span{m.from, m.to}
		}
	}
	return span{}
}

// word gives the yes or no next to token i in one direction, over signs like "-", "=" and ")".
func (d *document) word(i, step int) polarity {
	for ; i >= 0 && i < len(d.toks); i += step {
		if d.inside(i, tagYes) {
			return yes
		}
		if d.inside(i, tagNo) {
			return no
		}
		switch d.toks[i].text {
		case "-", "=", ":", ")", "(", "\"":
		default:
			if d.inside(i, tagBefore) { // "1 for Yes"
				continue
			}
			return unsaid
		}
	}
	return unsaid
}

// signs reads a thumb, a tick, a cross, a lone plus or minus.
func (d *document) signs() (polarity, float64) {
	got := unsaid
	for i := range d.toks {
		p := unsaid
		switch d.toks[i].text {
		case "👍", "✅", "✔", "👌", "☑", "💯", "🆗":
			p = yes
		case "👎", "❌", "✖", "✘", "⛔", "🚫":
			p = no
		case "+":
			p = yes
		case "-":
			p = no
		}
		if d.content(i) || p != unsaid && got != unsaid && p != got {
			return unsaid, 0
		}
		if p != unsaid {
			got = p
		}
	}
	return got, 0.6
}

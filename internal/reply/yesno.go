package reply

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
	if ans == unsaid {
		ans, conf, cut = d.numbered(p, q.Prompt)
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
	maybe, conflict := false, false
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
			last = p
		case tagMaybe:
			maybe = maybe || !d.asksBack(m)
		}
	}
	switch {
	case corrected && last != unsaid:
		return last, 0.8, cut
	case maybe && first != unsaid && !d.atStart(cut.from):
		return unsaid, 0, span{}
	case maybe && first == unsaid:
		return unsaid, 0, span{}
	case conflict:
		return unsaid, 0, span{}
	case first != unsaid:
		return first, 0.95, cut
	}
	return d.statement()
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
	han := d.toks[m.from].kind == kindHan
	if d.atStart(m.from) {
		return !han || m.to-m.from > 1 || d.rightEdge(m.to) || d.toks[m.to].kind != kindHan
	}
	if han {
		return d.leftEdge(m.from) && (m.to-m.from > 1 || d.rightEdge(m.to))
	}
	return d.leftEdge(m.from) || d.rightEdge(m.to) && d.atEnd(m.to) || m.to-m.from > 1
}

// statement reads the answer from what the person says happened.
func (d *document) statement() (polarity, float64, span) {
	good, bad := false, false
	for _, m := range d.mat {
		switch m.tag {
		case tagGood:
			if d.asksBack(m) {
				continue
			}
			if _, negated := d.endingAt(m.from, tagNotBefore); negated {
				bad = true
				continue
			}
			good = true
		case tagBad:
			bad = bad || !d.asksBack(m)
		}
	}
	switch {
	case good && !bad:
		return yes, 0.75, span{}
	case bad && !good:
		return no, 0.75, span{}
	}
	return unsaid, 0, span{}
}

// numbered reads 1 and 2 where the prompt numbers its yes and no.
func (d *document) numbered(p *Parser, prompt string) (polarity, float64, span) {
	at := -1
	for i := range d.toks {
		t := &d.toks[i]
		if t.kind == kindNum && (d.atStart(i) && d.rightEdge(i+1) || d.leftEdge(i) && d.atEnd(i+1)) {
			if at >= 0 && d.toks[at].val != t.val {
				return unsaid, 0, span{}
			}
			at = i
		}
	}
	if at < 0 {
		return unsaid, 0, span{}
	}
	q := p.document(prompt, "")
	for i := range q.toks {
		if q.toks[i].kind != kindNum || q.toks[i].val != d.toks[at].val {
			continue
		}
		if ans := q.word(i+1, 1); ans != unsaid {
			return ans, 0.95, span{at, at + 1}
		}
		if ans := q.word(i-1, -1); ans != unsaid {
			return ans, 0.95, span{at, at + 1}
		}
	}
	return unsaid, 0, span{}
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

package reply

import "slices"

// scored is what the rules for ratings found: a value, or a suggestion where honesty forbids one, and the tokens of the
// score, which do not belong into the comment.
type scored struct {
	found     bool
	val       int
	suggest   int // -1 when there is none
	conf      float64
	cuts      [][2]int
	corrected bool
	verbal    bool // a grade in words, no number
}

func unread() scored { return scored{suggest: -1} }

func fixed(it item, conf float64) scored {
	return scored{found: true, val: it.val, suggest: it.val, conf: conf, cuts: [][2]int{{it.lo, it.hi}}}
}

// rating reads the score of a rating or NPS question.
func (d *document) rating(low, top int) scored {
	its := d.numbers(top, false)
	if d.otherScale(its, top) {
		return unread()
	}
	free := d.inScale(d.candidates(its), low, top)
	var s scored
	switch {
	case d.rivalled(its, free):
		return d.hint(its, low, top)
	case len(free) > 0:
		s = d.choose(its, free)
	case d.blocked(its):
		return d.hint(its, low, top)
	default:
		if s = d.fullMarks(top); !s.found {
			s = d.verbal(low, top)
		}
	}
	if s.found && (s.val < low || s.val > top) {
		return unread()
	}
	if s.found && d.upsideDown(s) {
		u := unread()
		u.suggest, u.conf = low+top-s.val, 0.3
		return u
	}
	return s
}

// otherScale tells whether the person names a scale that is not the question's.
func (d *document) otherScale(its []item, top int) bool {
	for i := range its {
		if its[i].role == roleScale {
			return true
		}
	}
	for _, m := range d.mat {
		if m.tag == tagScale && m.num > 0 && m.num != top {
			return true
		}
	}
	return false
}

// candidates lists the numbers that may be the score. Number words are everyday words too, so they must stand alone,
// carry a mark, or open or close the text.
func (d *document) candidates(its []item) []item {
	var free []item
	for _, it := range its {
		if it.role != roleFree {
			continue
		}
		if it.val > 99 && (it.mark == markNone && !(d.atStart(it.lo) && d.atEnd(it.hi))) {
			continue
		}
		if it.word && !d.standing(it) {
			continue
		}
		free = append(free, it)
	}
	return free
}

// inScale drops numbers in the middle of sentences that the scale does not have, where one that it has stands by itself.
func (d *document) inScale(free []item, low, top int) []item {
	fits := func(it item) bool { return it.val >= low && it.val <= top }
	alone := func(it item) bool { return d.clauseEdge(it.lo) && d.rightEdge(it.hi) }
	if !slices.ContainsFunc(free, func(it item) bool { return fits(it) && (alone(it) || it.mark >= markTotal) }) {
		return free
	}
	return slices.DeleteFunc(free, func(it item) bool { return !fits(it) && !alone(it) && it.mark == markNone })
}

// rivalled tells whether the only candidate closes one of several clauses of which others close with a score in words:
// "five for the work, two for the price".
func (d *document) rivalled(its, free []item) bool {
	if len(free) != 1 || free[0].mark != markNone || d.leftEdge(free[0].lo) {
		return false
	}
	for _, it := range its {
		if it.role == roleFree && it.word && it.from < free[0].from && it.val != free[0].val && it.val > 1 && (d.rightEdge(it.hi) || d.conj(it.hi)) {
			return true
		}
	}
	return false
}

// clauseEdge is leftEdge that lets a conjunction open the clause: "6, but 5".
func (d *document) clauseEdge(i int) bool {
	if d.leftEdge(i) {
		return true
	}
	m, ok := d.endingAt(i, tagConj)
	return ok && d.leftEdge(m.from)
}

func (d *document) standing(it item) bool {
	if it.mark != markNone {
		return true
	}
	left, right := d.leftEdge(it.lo), d.rightEdge(it.hi)
	if left && right || it.noun && (left || right || d.conj(it.hi)) {
		return true
	}
	if d.toks[it.from].kind == kindHan || it.val < 2 {
		return false
	}
	return left && d.conj(it.hi) || right && d.atEnd(it.hi)
}

func (d *document) conj(i int) bool {
	_, ok := d.startingAt(i, tagConj)
	return ok
}

// blocked tells whether a number was meant as a score but cannot be one: a range, a decimal, another scale, a wish.
func (d *document) blocked(its []item) bool {
	for i := range its {
		if r := its[i].role; r != roleFree && r != roleOther || its[i].role == roleFree && !its[i].word {
			return true
		}
	}
	return false
}

// hint suggests the lower end of a range.
func (d *document) hint(its []item, low, top int) scored {
	s := unread()
	for _, it := range its {
		if (it.role == roleRange || it.role == roleDecimal) && it.val >= low && it.val <= top {
			s.suggest, s.conf = it.val, 0.3
			return s
		}
	}
	return s
}

// choose picks the score among several candidates, or admits that there are two.
func (d *document) choose(its, free []item) scored {
	free = d.given(free)
	if s, ok := d.correction(its, free); ok {
		return s
	}
	if s, ok := d.byMark(free, markOverall); ok {
		return s
	}
	if distinct(free) == 1 {
		return d.only(its, free)
	}
	if s, ok := d.closing(free); ok {
		return s
	}
	if s, ok := d.declared(free); ok {
		return s
	}
	if s, ok := d.byMark(free, markTotal); ok && !d.aspects(free, markTotal) {
		return s
	}
	if s, ok := d.byMark(free, markStar); ok && !d.aspects(free, markStar) && !d.edge(free) {
		return s
	}
	return d.byPlace(free)
}

// given leaves out the numbers of a reason behind the score: "9, because 10 is for gods".
func (d *document) given(free []item) []item {
	if distinct(free) < 2 {
		return free
	}
	first := free[0]
	return slices.DeleteFunc(free, func(it item) bool { return it.from > first.from && d.inReason(first.hi, it.from) })
}

// inReason tells whether a word like "because", which stands no earlier than token after, leads to token i.
func (d *document) inReason(after, i int) bool {
	for _, m := range d.mat {
		if m.tag != tagConj || m.key != "why" || m.from < after || m.to > i || i-m.to > widestGap {
			continue
		}
		if !slices.ContainsFunc(d.toks[m.to:i], func(t token) bool { return t.kind == kindPunct && !t.joint }) {
			return true
		}
	}
	return false
}

func distinct(its []item) int {
	n := 0
	for i := range its {
		seen := false
		for j := 0; j < i; j++ {
			seen = seen || its[j].val == its[i].val
		}
		if !seen {
			n++
		}
	}
	return n
}

// only accepts the one value that was given, unless it is an unmarked number in the middle of a sentence.
func (d *document) only(its, free []item) scored {
	best, conf := -1, 0.0
	for i, it := range free {
		if c := d.trust(it); c > conf {
			best, conf = i, c
		}
	}
	if best < 0 && negatedBeside(its) {
		best, conf = 0, 0.85
	}
	if best < 0 {
		s := unread()
		s.suggest = free[0].val
		return s
	}
	s := fixed(free[best], conf)
	for i, it := range free {
		if i != best && (it.mark != markNone || it.word != free[best].word && (d.leftEdge(it.lo) && d.rightEdge(it.hi) || it.lo == free[best].hi || it.hi == free[best].lo)) {
			s.cuts = append(s.cuts, [2]int{it.lo, it.hi})
		}
	}
	for _, it := range its {
		if it.role == roleRange && it.mark == markNone && conf < 0.9 {
			u := unread()
			u.suggest = s.val
			return u
		}
		if it.role == roleNegated && it.val != s.val && !d.inReason(free[best].hi, it.from) {
			s.corrected = true
			s.cuts = append(s.cuts, [2]int{it.lo, it.hi})
		}
	}
	return s
}

// negatedBeside tells whether another number was refused: "not 1 but 3".
func negatedBeside(its []item) bool {
	for i := range its {
		if its[i].role == roleNegated {
			return true
		}
	}
	return false
}

// trust says how surely an unrivalled number is the score.
func (d *document) trust(it item) float64 {
	start, end := d.atStart(it.lo), d.atEnd(it.hi)
	left, right := d.leftEdge(it.lo), d.rightEdge(it.hi)
	switch {
	case start && end:
		return 0.99
	case it.mark >= markTotal:
		return 0.97
	case it.mark == markStar:
		return 0.95
	case left && right:
		return 0.93
	case start && d.conj(it.hi):
		return 0.93
	case start:
		return 0.85
	case end:
		return 0.8
	case (left || right) && (d.conj(it.hi) || it.hi > it.to && d.inside(it.hi-1, tagConj)), d.inside(it.lo-1, tagLead) || d.inside(it.lo-1, tagGrade),
		right && d.inside(it.lo-1, tagYes):
		return 0.75
	case left && d.inside(it.hi, tagLead), it.noun:
		return 0.7
	}
	return 0
}

// byMark takes the one value that carries the mark.
func (d *document) byMark(free []item, mk markKind) (scored, bool) {
	var with []item
	for _, it := range free {
		if it.mark >= mk {
			with = append(with, it)
		}
	}
	if len(with) == 0 || distinct(with) != 1 {
		return scored{}, false
	}
	return fixed(with[0], 0.9), true
}

// closing takes a share of the scale that closes the text by itself, where all other numbers count something: "5 days,
// 0 updates. 2/5".
func (d *document) closing(free []item) (scored, bool) {
	last := free[len(free)-1]
	if !last.share || !d.leftEdge(last.lo) || !d.atEnd(last.hi) {
		return scored{}, false
	}
	for _, it := range free[:len(free)-1] {
		if it.mark != markNone || d.rightEdge(it.hi) || d.known(it.hi) {
			return scored{}, false
		}
	}
	return fixed(last, 0.9), true
}

// aspects tells whether a number without the mark looks like the score of another aspect: "5 for the master and 2 for…".
func (d *document) aspects(free []item, mk markKind) bool {
	for _, it := range free {
		if it.mark >= mk {
			continue
		}
		if it.mark != markNone || d.inside(it.lo-1, tagConj) || d.leftEdge(it.lo) || d.rightEdge(it.hi) || d.conj(it.hi) {
			return true
		}
	}
	return false
}

// edge tells whether an unmarked candidate opens the text by itself.
func (d *document) edge(free []item) bool {
	for _, it := range free {
		if it.mark == markNone && (d.atStart(it.lo) && d.rightEdge(it.hi) || d.atEnd(it.hi) && d.leftEdge(it.lo)) {
			return true
		}
	}
	return false
}

// byPlace takes the number that stands by itself at the beginning or end when all others are in the middle of sentences.
func (d *document) byPlace(free []item) scored {
	alone := -1
	for i, it := range free {
		left, right := d.leftEdge(it.lo), d.rightEdge(it.hi)
		if left && right && (d.atStart(it.lo) || d.atEnd(it.hi)) {
			if alone >= 0 && free[alone].val != it.val {
				return unread()
			}
			alone = i
			continue
		}
		if it.word && !it.noun && it.mark == markNone {
			continue
		}
		if it.mark != markNone || left || right || d.inside(it.lo-1, tagConj) {
			return unread()
		}
	}
	if alone < 0 {
		return unread()
	}
	return fixed(free[alone], 0.75)
}

// verbal reads a grade in words on a scale of five. The grade must stand by itself; praise or blame inside a sentence is
// no score.
func (d *document) verbal(low, top int) scored {
	s := unread()
	val, plain, negative := -1, true, false
	best := match{}
	for _, m := range d.mat {
		switch m.tag {
		case tagGrade:
			if _, ok := d.endingAt(m.from, tagNotBefore); ok {
				plain = false
				continue
			}
			if val >= 0 && val != m.num {
				plain = false
			}
			if !d.alone(m) {
				if val < 0 {
					s.suggest = m.num
				}
				continue
			}
			val, best = m.num, m
		case tagVague:
			if s.suggest < 0 {
				s.suggest = m.num
			}
			if d.alone(m) {
				plain = false
			}
		case tagNegative:
			negative = true
		case tagBad:
			negative = negative || m.key == ""
		case tagFlag:
			negative = negative || m.key != FlagPraise
		}
	}
	if low != 1 || top != 5 {
		if val >= 0 {
			s.suggest = (val*top + 4) / 5
		} else if s.suggest >= 0 {
			s.suggest = (s.suggest*top + 4) / 5
		}
		return s
	}
	if s.suggest >= 0 {
		s.conf = 0.35
	}
	if val < 0 {
		return s
	}
	s.suggest = val
	if !plain || val >= 4 && negative || d.asksBack(best) {
		return s
	}
	s.found, s.val, s.verbal, s.conf = true, val, true, 0.8
	s.cuts = [][2]int{{best.from, best.to}}
	return s
}

// fullMarks reads "满分五分", five being full marks, where the clause says nothing else: as a sentence about the scale it
// would tell us nothing.
func (d *document) fullMarks(top int) scored {
	for _, m := range d.mat {
		if m.tag != tagScale || m.num != top || !d.leftEdge(m.from) || !d.rightEdge(m.to) || d.asksBack(m) {
			continue
		}
		if t, ok := d.startingAt(m.from, tagTop); ok && t.to < m.to {
			return scored{found: true, val: top, suggest: top, conf: 0.8, cuts: [][2]int{{m.from, m.to}}}
		}
		if t, ok := d.endingAt(m.to, tagTop); ok && t.from > m.from {
			return scored{found: true, val: top, suggest: top, conf: 0.8, cuts: [][2]int{{m.from, m.to}}}
		}
	}
	return unread()
}

func (d *document) alone(m match) bool {
	left, right := m.from, m.to
	for {
		if t, ok := d.endingAt(left, tagOverall); ok {
			left = t.from
		} else if t, ok := d.endingAt(left, tagTotal); ok {
			left = t.from
		} else if t, ok := d.endingAt(left, tagLead); ok {
			left = t.from
		} else {
			break
		}
	}
	return d.leftEdge(left) && d.rightEdge(right)
}

// asksBack tells whether the phrase stands in a question.
func (d *document) asksBack(m match) bool {
	for k := m.to; k < len(d.toks); k++ {
		t := d.toks[k].text
		if t == "?" {
			return true
		}
		if t == "." || t == "!" || t == "\n" {
			return false
		}
	}
	return false
}

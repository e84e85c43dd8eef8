package reply

// leftEdge tells whether nothing but courtesy stands between token i and the punctuation or beginning before it.
func (d *document) leftEdge(i int) bool {
	for i--; i >= 0; i-- {
		t := &d.toks[i]
		if t.kind == kindPunct && !t.joint {
			return true
		}
		if t.kind != kindSymbol && !d.courtesy[i] {
			return false
		}
	}
	return true
}

// rightEdge is leftEdge for the tokens from i on.
func (d *document) rightEdge(i int) bool {
	for ; i < len(d.toks); i++ {
		t := &d.toks[i]
		if t.kind == kindPunct && !t.joint {
			return true
		}
		if t.kind != kindSymbol && !d.courtesy[i] {
			return false
		}
	}
	return true
}

// atStart tells whether only courtesy and punctuation stand before token i.
func (d *document) atStart(i int) bool {
	for i--; i >= 0; i-- {
		if d.content(i) {
			return false
		}
	}
	return true
}

// atEnd tells whether only courtesy and punctuation stand from token i on.
func (d *document) atEnd(i int) bool {
	for ; i < len(d.toks); i++ {
		if d.content(i) {
			return false
		}
	}
	return true
}

// content tells whether token i says something.
func (d *document) content(i int) bool {
	k := d.toks[i].kind
	return k != kindPunct && k != kindSymbol && !d.courtesy[i]
}

func currency(s string) bool {
	switch s {
	case "$", "€", "£", "¥", "₽", "₸", "₴", "₺", "%", "°", "℃", "‰":
		return true
	}
	return false
}

// context reads what stands directly before and after a number: units, prepositions, names, negations, wishes.
func (d *document) context(it *item, top int) {
	if it.role == roleOther || it.stars {
		return
	}
	d.after(it, top)
	if it.role == roleOther || it.role == roleScale || d.bounded(it) {
		return
	}
	d.before(it)
}

func (d *document) after(it *item, top int) {
	i := it.hi
	if i >= len(d.toks) {
		return
	}
	t := &d.toks[i]
	if currency(t.text) {
		it.role = roleOther
		return
	}
	if t.joint {
		i++
	} else if !it.word && t.kind == kindPunct {
		d.gradeSign(it)
		i = it.hi
	}
	if i >= len(d.toks) {
		return
	}
	t = &d.toks[i]
	touching := !t.space && t.kind == kindWord
	unit, isUnit := d.startingAt(i, tagUnit)
	star, isStar := d.startingAt(i, tagStar)
	if m, ok := d.startingAt(i, tagScale); ok && m.to >= star.to {
		it.role, it.hi = roleScale, m.to
		if it.val == top {
			it.role = roleOther
		}
		return
	}
	if isUnit && unit.to > star.to {
		it.role = roleOther
		return
	}
	suffix, isSuffix := d.startingAt(i, tagSuffix)
	switch {
	case isSuffix && suffix.key == "ordinal" && touching:
		it.role = roleOther
		return
	case isSuffix && suffix.key == "score" && touching, isSuffix && suffix.key == "sign":
		it.hi = suffix.to
		if s, ok := d.startingAt(it.hi, tagStar); ok {
			it.mark, it.hi = max(it.mark, markStar), s.to
		}
		if _, ok := d.startingAt(it.hi, tagUnit); ok {
			it.role = roleOther
		}
		return
	case isStar:
		if it.role == roleFree {
			it.mark = max(it.mark, markStar)
		}
		it.hi = star.to
		if s, ok := d.startingAt(it.hi, tagSuffix); ok && s.key == "sign" {
			it.hi = s.to
		}
		return
	}
	if touching && !it.word && !d.courtesy[i] && (len([]rune(t.text)) <= 2 || !t.upper && !d.known(i)) {
		it.role = roleOther // 5w, 4x, 4асто
	}
}

// known tells whether a phrase of the lexicon begins at token i.
func (d *document) known(i int) bool {
	for k := range d.mat {
		if d.mat[k].from == i {
			return true
		}
	}
	return false
}

// gradeSign takes up the plus or minus of a school grade: 5+, 3-, "4 -".
func (d *document) gradeSign(it *item) {
	i := it.hi
	sign := d.toks[i].text
	if sign != "+" && sign != "-" || d.toks[i].space && sign == "-" {
		return
	}
	for i < len(d.toks) && d.toks[i].text == sign && !d.toks[i].joint {
		i++
	}
	if sign == "-" && i < len(d.toks) && d.toks[i].kind != kindPunct && !d.toks[i].space {
		return
	}
	it.hi = i
}

func (d *document) before(it *item) {
	i := it.from
	if i == 0 {
		if it.role == roleFree && d.wished(it) {
			it.role = roleWish
		}
		return
	}
	p := &d.toks[i-1]
	if p.text == "-" && i == 1 && !d.toks[i].space && !it.word { // a number below zero
		it.role = roleNegated
		return
	}
	if currency(p.text) && p.text != "%" || p.text == "#" && !(d.atStart(i) && d.atEnd(it.hi)) {
		it.role = roleOther
		return
	}
	if m, ok := d.endingAt(i, tagBefore); ok && m.key == "counting" && !d.counted(it) {
		return
	} else if ok && !d.outdone(m, i) && !d.contrasted(m, i) && !(m.key == "service" && d.afterComma(m.from)) && !(m.key == "option" && d.atStart(m.from) && d.atEnd(it.hi)) {
		if it.role == roleFree || it.role == roleRange || it.role == roleDecimal {
			it.role = roleOther
		}
		return
	}
	if m, ok := d.endingAt(i-1, tagBefore); ok && m.key == "short" && p.text == "." && !p.space {
		it.role = roleOther
		return
	}
	if d.codeBefore(it) {
		it.role = roleOther
		return
	}
	if it.role != roleFree {
		return
	}
	if m, ok := d.endingAt(i, tagNotBefore); ok {
		it.role, it.lo = roleNegated, m.from
		return
	}
	if _, ok := d.endingAt(i, tagMinus); ok {
		it.role = roleOther
		return
	}
	if d.wished(it) {
		it.role = roleWish
	}
}

// counted tells whether a word of no meaning to us follows, which the number counts: "the 2 lads".
func (d *document) counted(it *item) bool {
	return it.hi < len(d.toks) && d.toks[it.hi].kind == kindWord && len(d.toks[it.hi].text) > 3 && !d.known(it.hi)
}

// outdone tells whether a longer phrase before token i names the score: "最多3" is at most 3, though "多3" is 3 more.
func (d *document) outdone(m match, i int) bool {
	total, isTotal := d.endingAt(i, tagTotal)
	lead, isLead := d.endingAt(i, tagLead)
	overall, isOverall := d.endingAt(i, tagOverall)
	return isTotal && total.from <= m.from || isLead && lead.from < m.from || isOverall && overall.from <= m.from || m.key == "turned" && d.measures(m.from)
}

// measures tells whether token i is the unit of a number before it: in "за 3 года 5" the years are three.
func (d *document) measures(i int) bool {
	return i > 0 && (d.toks[i-1].kind == kindNum || d.inside(i-1, tagNumber))
}

// afterComma tells whether the word is written small and stands after a comma: "if so, то 3" is no service number 3.
func (d *document) afterComma(i int) bool {
	return i > 0 && !d.toks[i].upper && d.toks[i-1].text == ","
}

// codeBefore tells whether letters touch the number from the left, as in A4, X-5, AB12.
func (d *document) codeBefore(it *item) bool {
	i := it.from
	if it.word {
		return false
	}
	k := i - 1
	if d.toks[k].joint {
		k--
	} else if d.toks[i].space {
		return false
	}
	p := &d.toks[k]
	if p.kind == kindNum && d.toks[i-1].joint {
		return true
	}
	if p.kind == kindWord && p.caps && p.text == "a" && !d.toks[i].space {
		return true // A4
	}
	if p.kind != kindWord || d.courtesy[k] || d.inside(k, tagTotal) || d.inside(k, tagLead) || d.inside(k, tagOverall) || d.inside(k, tagGrade) {
		return false
	}
	return d.toks[i-1].joint || len([]rune(p.text)) <= 3 || p.caps
}

// praising is the score from which a jeer makes it sarcasm: "dream on, 5", but not "0, no chance".
const praising = 4

// wished tells whether words of a wish or condition govern the number.
func (d *document) wished(it *item) bool {
	if m, ok := d.startingAt(it.hi, tagHypo); ok && m.key != "irony" || d.conditional(it.hi) || d.onCondition(it.from) {
		return true
	}
	if m, ok := d.startingAt(it.hi, tagTotal); ok && d.conditional(m.to) { // "5 поставлю, если …"
		return true
	}
	for _, m := range d.mat {
		if m.tag != tagHypo {
			continue
		}
		if m.key == "irony" && it.val >= praising && d.leftEdge(m.from) && d.rightEdge(m.to) && d.sentence(min(m.to, it.hi), max(m.from, it.from)) {
			return true
		}
		if m.to > it.from || m.key == "irony" {
			continue
		}
		if m.key == "far" && d.sentence(m.to, it.from) && !(d.leftEdge(it.lo) && d.rightEdge(it.hi)) {
			return true
		}
		if it.from-m.to > 4 || m.key == "if" {
			continue
		}
		plain := true
		for k := m.to; k < it.from; k++ {
			if d.toks[k].kind == kindPunct || d.toks[k].kind == kindNum || d.inside(k, tagConj) {
				plain = false
			}
		}
		if plain {
			return true
		}
	}
	return false
}

// sentence tells whether two tokens belong to one sentence.
func (d *document) sentence(from, to int) bool {
	for k := from; k < to; k++ {
		switch d.toks[k].text {
		case ".", "!", "?", "\n":
			return false
		}
	}
	return true
}

// conditional tells whether a condition follows: "would be 5 if …".
func (d *document) conditional(i int) bool {
	if i < len(d.toks) && (d.toks[i].text == "," || d.toks[i].text == "-") {
		i++
	}
	for k := range d.mat {
		if m := &d.mat[k]; m.tag == tagConj && m.key == "if" && m.from == i {
			return true
		}
	}
	return false
}

// onCondition tells whether the sentence of token i began with a condition and no other number stands between:
// "if it weren't for the queue, 5".
func (d *document) onCondition(i int) bool {
	for k := range d.mat {
		m := &d.mat[k]
		if m.tag != tagConj || m.key != "if" || m.to > i || !d.sentence(m.to, i) {
			continue
		}
		if m.from > 0 && !d.atStart(m.from) && d.sentence(m.from-1, m.from) {
			continue
		}
		clause, number := false, false
		for j := m.to; j < i; j++ {
			t := &d.toks[j]
			clause = clause || t.kind == kindPunct && !t.joint
			number = number || t.kind == kindNum
		}
		if clause && !number {
			return true
		}
	}
	return false
}

// marks looks for words that call the number the score and takes them into what vanishes with it.
func (d *document) marks(it *item) {
	if it.role == roleOther || it.role == roleScale || it.role == roleList {
		return
	}
	lo := it.lo
	for k := lo - 1; k >= 0 && lo-k <= 6; {
		if m, ok := d.endingAt(k+1, tagOverall); ok {
			it.mark, it.lo, k = markOverall, m.from, m.from-1
			continue
		}
		if m, ok := d.endingAt(k+1, tagTotal); ok {
			it.mark, it.lo, k = max(it.mark, markTotal), m.from, m.from-1
			continue
		}
		if m, ok := d.endingAt(k+1, tagLead); ok {
			if k+1 == it.lo {
				it.lo = m.from
			}
			k = m.from - 1
			continue
		}
		t := &d.toks[k]
		if t.kind == kindWord && d.courtesy[k] {
			k--
			continue
		}
		if t.kind == kindPunct && (t.text == ":" || t.text == "-" || t.text == "=" || t.text == "\"" || t.text == "(") {
			k--
			continue
		}
		break
	}
	d.marksAfter(it)
}

func (d *document) marksAfter(it *item) {
	for k := it.hi; k < len(d.toks) && k-it.hi <= 3; {
		if m, ok := d.startingAt(k, tagStar); ok && k == it.hi {
			it.mark, it.hi, k = max(it.mark, markStar), m.to, m.to
			continue
		}
		if m, ok := d.startingAt(k, tagTotal); ok && !d.number(m.to) {
			it.mark, it.hi = max(it.mark, markTotal), m.to
			return
		}
		if m, ok := d.startingAt(k, tagOverall); ok && !d.number(m.to) {
			it.mark, it.hi = markOverall, m.to
			return
		}
		if m, ok := d.startingAt(k, tagLead); ok && k == it.hi {
			it.hi, k = m.to, m.to
			continue
		}
		if t := &d.toks[k]; t.kind == kindPunct && (t.text == "-" || t.text == "=" || t.text == "\"" || t.text == ")") {
			k++
			continue
		}
		return
	}
}

// number tells whether a number stands at or just after token i.
func (d *document) number(i int) bool {
	for ; i < len(d.toks); i++ {
		if d.toks[i].kind == kindNum {
			return true
		}
		if _, ok := d.startingAt(i, tagNumber); ok {
			return true
		}
		if t := d.toks[i].text; t != ":" && t != "-" && t != "=" {
			return false
		}
	}
	return false
}

// explained tells whether a question says what the number means: "1 - плохо, 5 - отлично?".
func (d *document) explained(it *item) bool {
	if i := it.hi; i+1 >= len(d.toks) || d.toks[i].text != "-" && d.toks[i].text != "=" || !d.inside(i+1, tagGrade) && !d.inside(i+1, tagVague) && !d.inside(i+1, tagNegative) {
		return false
	}
	for k := it.hi; k < len(d.toks); k++ {
		switch d.toks[k].text {
		case "?":
			return true
		case ".", "!", "\n":
			return false
		}
	}
	return false
}

// asked takes the role of a score from a number inside a question.
func (d *document) asked(it *item) {
	if it.role != roleFree {
		return
	}
	for _, m := range d.mat {
		if m.tag == tagHelp && m.from <= it.hi && it.lo < m.to {
			it.role = roleAsked
			return
		}
	}
	if d.explained(it) {
		it.role = roleAsked
		return
	}
	hi := it.hi
	words := 0
	for ; hi < len(d.toks); hi++ {
		t := &d.toks[hi]
		if t.kind == kindPunct && !t.joint && t.text != "-" {
			break
		}
		if t.kind != kindPunct && t.kind != kindSymbol {
			words++
		}
	}
	if hi == len(d.toks) || d.toks[hi].text != "?" {
		return
	}
	for k := it.lo - 1; k >= 0; k-- {
		t := &d.toks[k]
		if t.kind == kindPunct && !t.joint {
			break
		}
		words++
	}
	if words > 0 {
		it.role = roleAsked
	}
}

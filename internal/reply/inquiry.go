package reply

// inquires tells whether the text asks us something, with a question mark or without: "а до скольки работаете",
// "几点关门". The sections' keys say where a phrase asks: any where it stands, open at the beginning of a sentence, end as
// a clause that the phrase ends; lead are words that lead a question in after something else. What tells of a question,
// "не сказали, сколько стоит", denies that it is one.
func (d *document) inquires() bool {
	asks := false
	for _, m := range d.mat {
		if m.tag != tagInquiry {
			continue
		}
		switch m.key {
		case "denies":
			return false
		case "any":
			asks = true
		case "open":
			asks = asks || d.opensQuestion(m.from)
		case "end":
			asks = asks || d.rightEdge(m.to) && d.opensQuestion(d.clause(m.from))
		}
	}
	return asks
}

// clause gives the token at which the clause of token i begins.
func (d *document) clause(i int) int {
	for i > 0 && (d.toks[i-1].kind != kindPunct || d.toks[i-1].joint) {
		i--
	}
	return i
}

// opensQuestion tells whether token i may begin a question: at the beginning of a sentence, after nothing but a score, or
// after words that lead a question in.
func (d *document) opensQuestion(i int) bool {
	led := false
	for i > 0 {
		if m, ok := d.leadBefore(i); ok {
			i, led = m.from, true
			continue
		}
		if d.toks[i-1].text == "," {
			if m, ok := d.leadBefore(i - 1); ok { // "подскажите, …"
				i, led = m.from, true
				continue
			}
		}
		if t := &d.toks[i-1]; t.kind != kindSymbol && !d.courtesy[i-1] {
			break
		}
		i--
	}
	if i == 0 || led {
		return true
	}
	switch d.toks[i-1].text {
	case ".", "!", "?", ";", "\n":
		return true
	}
	for i--; i >= 0; i-- {
		if d.content(i) && d.toks[i].kind != kindNum && !d.inside(i, tagNumber) && !d.inside(i, tagStar) {
			return false
		}
	}
	return true
}

// leadBefore gives the phrase before token i that leads a question in.
func (d *document) leadBefore(i int) (match, bool) {
	for _, m := range d.mat {
		if m.tag == tagInquiry && m.key == "lead" && m.to == i {
			return m, true
		}
	}
	return match{}, false
}

package reply

// correction handles "not 1 but 3" and "oops, 5".
func (d *document) correction(its, free []item) (scored, bool) {
	at := -1
	for _, m := range d.mat {
		if m.tag == tagCorrection {
			at = max(at, m.to)
		}
	}
	var cuts [][2]int
	if at < 0 {
		if m, ok := d.takenBack(free); ok {
			at, cuts = m.to, [][2]int{{m.from, m.to}}
		}
	}
	if at < 0 {
		return scored{}, false
	}
	var later []item
	for _, it := range free {
		if it.lo >= at-1 || it.from >= at {
			later = append(later, it)
		}
	}
	pick := free[len(free)-1]
	if len(later) > 0 {
		if distinct(later) > 1 {
			return unread(), true
		}
		pick = later[0]
	}
	for _, it := range its { // "I pressed 2 and wanted 5, please mend it"
		if it.role == roleWish && it.from > pick.from {
			pick = it
		}
	}
	if distinct(free) == 1 && d.trust(pick) == 0 && !negatedBeside(its) && pick.lo-at > 2 {
		return scored{}, false
	}
	s := fixed(pick, 0.9)
	s.corrected, s.cuts = true, append(s.cuts, cuts...)
	for _, it := range its {
		if it.role == roleFree || it.role == roleNegated || it.from == pick.from {
			s.cuts = append(s.cuts, [2]int{it.lo, it.hi})
		}
	}
	for _, m := range d.mat {
		if m.tag == tagCorrection {
			s.cuts = append(s.cuts, [2]int{m.from, m.to})
		}
	}
	return s, true
}

// takenBack gives the "no" that stands between two scores: "6... no, rather 7".
func (d *document) takenBack(free []item) (match, bool) {
	for k := len(free) - 1; k > 0; k-- {
		a, b := free[k-1], free[k]
		if a.val == b.val || !d.rightEdge(b.hi) {
			continue
		}
		for _, m := range d.mat {
			if m.tag == tagNo && m.from >= a.hi && m.to <= b.lo && d.rightEdge(a.hi) && d.silent(a.hi, m.from) && b.lo-m.to <= widestGap {
				return m, true
			}
		}
	}
	return match{}, false
}

// silent tells whether nothing is said between two tokens.
func (d *document) silent(from, to int) bool {
	for i := from; i < to; i++ {
		if d.content(i) {
			return false
		}
	}
	return true
}

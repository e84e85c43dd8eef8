package reply

// side is whom a number is for.
type side int8

const (
	nobody side = iota
	them
	us
)

// contrast takes the role of the score from what others get, or from what is given at other times, where another number
// is for us: "всем ставлю 5, а вам 3", "sonst immer 5, heute nur 3".
func (d *document) contrast(its []item) {
	if !d.has(tagContrast) {
		return
	}
	ours, theirs := false, false
	for i := range its {
		if its[i].role == roleFree {
			s := d.sideOf(its, i)
			ours, theirs = ours || s == us, theirs || s == them
		}
	}
	if !ours || !theirs {
		return
	}
	for i := range its {
		if its[i].role == roleFree && d.sideOf(its, i) == them {
			its[i].role = roleWish
		}
	}
}

// widestContrast is how many tokens may stand between a number and the words that say whom it is for.
const widestContrast = 5

// sideOf tells whom number i is for: the nearest such words before it in its sentence decide, without any those behind it
// in its clause; other numbers between take them for themselves.
func (d *document) sideOf(its []item, i int) side {
	it, got, nearest := &its[i], nobody, widestContrast+1
	for k := range d.mat {
		m := &d.mat[k]
		if m.tag == tagContrast && m.to <= it.from && it.from-m.to < nearest && d.sentence(m.to, it.from) && (i == 0 || its[i-1].to <= m.to) {
			got, nearest = sideNamed(m.key), it.from-m.to
		}
	}
	if got != nobody {
		return got
	}
	for k := range d.mat {
		m := &d.mat[k]
		if m.tag == tagContrast && m.from >= it.to && m.from-it.to < nearest && d.clause(m.from) <= it.from && (i+1 == len(its) || m.to <= its[i+1].from) {
			got, nearest = sideNamed(m.key), m.from-it.to
		}
	}
	return got
}

func sideNamed(key string) side {
	if key == "us" {
		return us
	}
	return them
}

// contrasted tells whether the words before token i say that the number is for us and others get another: "今天" is no date
// in "平时5分，今天3分".
func (d *document) contrasted(m match, i int) bool {
	c, ok := d.endingAt(i, tagContrast)
	if !ok || c.key != "us" || c.from > m.from {
		return false
	}
	for k := range d.mat {
		if d.mat[k].tag == tagContrast && d.mat[k].key != "us" {
			return true
		}
	}
	return false
}

// upsideDown tells whether the score is called a mark as schools of the language give it, the best being the lowest, and
// what is said beside it fits that: "Note 1, sehr gut".
func (d *document) upsideDown(s scored) bool {
	school, glad, sad := false, false, false
	for k := range d.mat {
		switch m := &d.mat[k]; m.tag {
		case tagTotal:
			school = school || m.key == "school" && len(s.cuts) > 0 && m.from >= s.cuts[0][0] && m.to <= s.cuts[0][1]
		case tagGrade, tagVague:
			glad, sad = glad || m.num >= 4, sad || m.num <= 2
		}
	}
	return school && (s.val <= 2 && glad && !sad || s.val >= 4 && sad && !glad)
}

package reply

// side is whom a number is for.
type side int8

const (
	nobody side = iota
	them
	us
)

// contrast takes the role of the score from what others get, or from what is given at other times, where another number
// is for us: "всем ставлю 5, а вам 3", "sonst immer 5, heute nur 3". Where theirs counts something, ours counts the same: "I
// usually wait 2 hours, here only 1".
func (d *document) contrast(its []item) {
	if !d.has(tagContrast) {
		return
	}
	sides := make([]side, len(its))
	ours, theirs, counted := false, false, false
	for i := range its {
		if its[i].role != roleFree && its[i].role != roleOther {
			continue
		}
		sides[i] = d.sideOf(its, i)
		ours = ours || sides[i] == us && its[i].role == roleFree
		theirs = theirs || sides[i] == them && its[i].role == roleFree
		counted = counted || sides[i] == them && its[i].role == roleOther
	}
	for i := range its {
		switch it := &its[i]; {
		case it.role != roleFree:
		case sides[i] == them && ours:
			it.role = roleWish
		case sides[i] == us && counted && !theirs && !d.named(it):
			it.role = roleOther
		}
	}
}

// named tells whether words beside the number call it a score.
func (d *document) named(it *item) bool {
	_, total := d.endingAt(it.from, tagTotal)
	return total || it.mark != markNone || it.noun || it.share
}

// widestContrast is how many tokens may stand between a number and the words that say whom it is for.
const widestContrast = 5

// sideOf tells whom number i is for: such words before it in its sentence decide, those of others and other times before
// ours ("раньше у вас было 5"); without any those behind it in its clause. Other numbers between take them for themselves.
func (d *document) sideOf(its []item, i int) side {
	it, got := &its[i], nobody
	for k := range d.mat {
		m := &d.mat[k]
		if m.tag == tagContrast && m.to <= it.from && it.from-m.to <= widestContrast && d.sentence(m.to, it.from) && (i == 0 || its[i-1].to <= m.to) && got != them {
			got = sideNamed(m.key)
		}
	}
	if got != nobody {
		return got
	}
	nearest := widestContrast + 1
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

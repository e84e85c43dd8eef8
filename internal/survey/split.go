package survey

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"otklik/channels"
)

// Draw chooses which questions of each set a person is asked in a month, in the
// order of the definition; nil where the questionnaire is not split. It depends on
// nothing but the definition, the contact's id and the month of at in its zone, so
// that every channel and every node draws the same.
//
// The questions of a set stand in a ring. A person begins at a place that his id
// gives and goes on by as many as he is asked each month: over as many months as
// the set has questions he meets each equally often, and none again before he has
// met nearly all. Over persons the places are even, so that within a month every
// question gets its equal share, of those who answer as of those who are asked. In
// the ring neighbours are far apart in the definition, so that one person's questions
// are about different things.
func (d *Definition) Draw(contact string, at time.Time) []string {
	if len(d.Split) == 0 {
		return nil
	}
	month := at.Year()*12 + int(at.Month())
	chosen := map[string]bool{}
	for _, set := range sortedKeys(d.Split) {
		var ids []string
		for i := range d.Questions {
			if d.Questions[i].Set == set {
				ids = append(ids, d.Questions[i].ID)
			}
		}
		n := min(d.Split[set], len(ids))
		for _, i := range ring(len(ids), n, d.ID+"/"+set+"/"+contact, month) {
			chosen[ids[i]] = true
		}
	}
	var out []string
	for i := range d.Questions {
		if chosen[d.Questions[i].ID] {
			out = append(out, d.Questions[i].ID)
		}
	}
	return out
}

// ring gives n places of size, beginning where seed and month say.
func ring(size, n int, seed string, month int) []int {
	if size == 0 {
		return nil
	}
	sum := sha256.Sum256([]byte(seed))
	begin := int(binary.BigEndian.Uint64(sum[:8]) % uint64(size))
	step := stride(size, n)
	out := make([]int, n)
	for i := range out {
		out[i] = (begin + month*n + i) % size * step % size
	}
	return out
}

// stride is how far apart neighbours in the ring are in the definition: about a
// person's share, and without a common divisor with size, so that the ring meets
// every place once.
func stride(size, n int) int {
	s := max(1, size/n)
	for divisor(s, size) != 1 {
		s++
	}
	return s
}

func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// meets tells whether the person is asked the question at all.
func (st *State) meets(q *Question) bool {
	return q.Set == "" || slices.Contains(st.Drawn, q.ID)
}

// Sheet is what one person is shown on a channel that shows everything at once:
// Definition.Sheet without the questions of sets that were not drawn for him.
func (st *State) Sheet(d *Definition, ch channels.Kind) []*Question {
	return slices.DeleteFunc(d.Sheet(ch), func(q *Question) bool { return !st.meets(q) })
}

// Likes are the options that the person chose as what he liked most (R038).
func (st *State) Likes(d *Definition) []Option {
	var out []Option
	for i := range d.Questions {
		q := &d.Questions[i]
		a, ok := st.Answers[q.ID]
		if q.Role != Liked || !ok {
			continue
		}
		for _, o := range q.Options {
			if o.ID == a.Choice || slices.Contains(a.Choices, o.ID) {
				out = append(out, o)
			}
		}
	}
	return out
}

package render

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrLetter: a stored letter cannot be read, or belongs to another text.
var ErrLetter = errors.New("not a letter of this text")

// letterVersion begins a stored letter. It is a digit, so that no letter begins
// as a page does.
const letterVersion = "1;"

// encode writes what the page has beside subject and text:
//
//	1;2,36,53,…;ru…
//
// a list of lengths, then the strings themselves in the same order: locale,
// preheader, legend; of the text only how long each part of it is (framed); and
// the rows: how many, how many answers in each, and for each answer its value
// and its label, whose length is one more than it is and 0 where the label is
// the value.
func (l *letter) encode() string {
	var lengths, strs [512]byte
	b, s := append(lengths[:0], letterVersion...), strs[:0]
	number := func(n int) { b = append(strconv.AppendInt(b, int64(n), 10), ',') }
	text := func(t string) { number(len(t)); s = append(s, t...) }
	text(l.locale)
	text(l.preheader)
	text(l.legend)
	for _, p := range l.framed() {
		number(len(*p.part))
	}
	number(len(l.rows))
	for _, row := range l.rows {
		number(len(row))
		for i := range row {
			text(row[i].value)
			if row[i].label == row[i].value {
				number(0)
				continue
			}
			number(len(row[i].label) + 1)
			s = append(s, row[i].label...)
		}
	}
	b[len(b)-1] = ';'
	return string(append(b, s...))
}

// read is the reverse of encode.
func (p *press) read(subject, text, stored string) error {
	head, ok := strings.CutPrefix(stored, letterVersion)
	end := strings.IndexByte(head, ';')
	if !ok || end < 0 {
		return fmt.Errorf("%w: it has no head", ErrLetter)
	}
	r := letterReader{lengths: head[:end], strings: head[end+1:]}
	l := &p.letter
	*l = letter{subject: subject}
	l.locale, l.preheader, l.legend = r.text(), r.text(), r.text()
	for _, p := range l.framed() {
		n := r.number()
		if n == 0 {
			continue
		}
		if text, ok = strings.CutPrefix(text, p.before); !ok || n > len(text) {
			return fmt.Errorf("%w: the text is another", ErrLetter)
		}
		*p.part, text = text[:n], text[n:]
	}
	l.rows = p.answers(&r)
	if r.bad || r.lengths != "" || r.strings != "" {
		return fmt.Errorf("%w: it is damaged", ErrLetter)
	}
	if text != "" {
		return fmt.Errorf("%w: the text is longer", ErrLetter)
	}
	return nil
}

// letterReader takes a stored letter apart. After the first thing that is not as
// encode writes it, bad is true and nothing more is read.
type letterReader struct {
	lengths, strings string
	bad              bool
}

func (r *letterReader) number() int {
	if r.bad {
		return 0
	}
	word, rest, _ := strings.Cut(r.lengths, ",")
	n, err := strconv.ParseUint(word, 10, 31)
	if err != nil {
		r.bad = true
		return 0
	}
	r.lengths = rest
	return int(n)
}

func (r *letterReader) cut(n int) string {
	if n > len(r.strings) {
		r.bad = true
		return ""
	}
	s := r.strings[:n]
	r.strings = r.strings[n:]
	return s
}

func (r *letterReader) text() string { return r.cut(r.number()) }

// count is a number of things that each take a length of their own: there cannot
// be more than the rest has room for.
func (r *letterReader) count() int {
	n := r.number()
	if n > len(r.lengths) {
		r.bad = true
		return 0
	}
	return n
}

// answers reads the rows.
func (p *press) answers(r *letterReader) [][]choice {
	p.choices, p.rows = p.choices[:0], p.rows[:0]
	for range r.count() {
		from := len(p.choices)
		for range r.count() {
			c := choice{value: r.text()}
			if n := r.number(); n > 0 {
				c.label = r.cut(n - 1)
			} else {
				c.label = c.value
			}
			p.choices = append(p.choices, c)
		}
		p.rows = append(p.rows, p.choices[from:])
	}
	return p.rows
}

package reply

import (
	"slices"
	"strings"
)

// comment gives the text without the score: what is left after the cuts, "" when only greetings, thanks, punctuation or
// emoji are left.
func (d *document) comment(cuts [][2]int) string {
	gone := make([]bool, len(d.toks))
	for _, c := range cuts {
		for i := c[0]; i < c[1] && i < len(d.toks); i++ {
			gone[i] = true
		}
	}
	if !d.worthKeeping(gone) {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(d.toks); {
		if gone[i] {
			i++
			continue
		}
		j := i
		for j < len(d.toks) && !gone[j] {
			j++
		}
		piece := visible(d.src[d.toks[i].start:d.toks[j-1].end])
		if b.Len() > 0 {
			piece = join(&b, piece)
		}
		b.WriteString(piece)
		i = j
	}
	return trim(b.String())
}

// join decides what stands between two pieces around a cut: no doubled commas or full stops.
func join(b *strings.Builder, piece string) string {
	piece = strings.TrimLeft(piece, " \t")
	if strings.HasPrefix(piece, "\n") {
		return piece
	}
	rest := strings.TrimLeft(piece, ".,;:!-–—，。！；、)） ")
	if rest == "" {
		return ""
	}
	so := b.String()
	if last := so[len(so)-1]; last != '\n' && last != ' ' {
		b.WriteByte(' ')
	}
	return rest
}

func (d *document) worthKeeping(gone []bool) bool {
	answered := slices.Contains(gone, true)
	for i := range d.toks {
		if !gone[i] && d.content(i) && !(answered && d.emphasis(i)) {
			return true
		}
	}
	return false
}

// emphasis tells words beside an answer that only repeat or stress it: "definitely", "for me", "yes".
func (d *document) emphasis(i int) bool {
	for k := range d.mat {
		m := &d.mat[k]
		if m.from > i || i >= m.to {
			continue
		}
		switch m.tag {
		case tagLead, tagTotal, tagOverall:
			return true
		case tagYes, tagNo:
			if m.to-m.from == 1 {
				return true
			}
		}
	}
	return false
}

// visible drops characters that have no shape, and nothing else.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x200B && r <= 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2060 && r <= 0x206F || r == 0xFEFF || r == 0xAD {
			return -1
		}
		return r
	}, s)
}

// trim takes separators off the beginning and off the end; an exclamation or question mark at the end stays.
func trim(s string) string {
	s = strings.TrimLeft(s, " \t\r\n.,;:!-–—=+*/)(，。！；：、）·•")
	return strings.TrimRight(s, " \t\r\n,;:-–—=(，；：、（")
}

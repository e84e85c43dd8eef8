package reply

import (
	"strings"
	"unicode/utf8"
)

// The letters of a word between which two may have been swapped.
const (
	shortestSwap = 3
	longestSwap  = 8
)

// longestSlip is how many words a text may have in which swapped letters are put right.
const longestSlip = 3

// unswap puts two neighbouring letters of a word right where no lexicon has it as it stands and one has it so, in a text of
// a word or two: "fvie", "нте", "трйока вам". It tells whether it did.
func (d *document) unswap(lx *lexicon) bool {
	said := 0
	for i := range d.toks {
		if d.content(i) {
			said++
		}
	}
	if said > longestSlip {
		return false
	}
	swapped := false
	for i := range d.toks {
		if d.content(i) && d.toks[i].kind == kindWord && !lx.knows(d.toks[i].text, "") {
			swapped = d.toks[i].unswap(lx) || swapped
		}
	}
	return swapped
}

// unswap is the same for one word.
func (t *token) unswap(lx *lexicon) bool {
	word := []rune(t.text)
	if len(word) < shortestSwap || len(word) > longestSwap {
		return false
	}
	for i := 1; i < len(word); i++ {
		word[i-1], word[i] = word[i], word[i-1]
		if right := string(word); lx.has(right) {
			t.text = right
			return true
		}
		word[i-1], word[i] = word[i], word[i-1]
	}
	return false
}

// denying takes "ни" before a request for the "не" that it sounds like: "ни пишите мне". It tells whether there is one.
func (d *document) denying() bool {
	found := false
	for i := 0; i+1 < len(d.toks); i++ {
		if next := &d.toks[i+1]; d.toks[i].text == "ни" && d.leftEdge(i) && utf8.RuneCountInString(next.text) > 4 && strings.HasSuffix(next.text, "те") {
			d.toks[i].text, found = "не", true
		}
	}
	return found
}

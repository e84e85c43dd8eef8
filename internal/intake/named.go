package intake

import (
	"regexp"
	"strings"
)

// dialable is what may be a telephone number among words, or several of them.
var dialable = regexp.MustCompile(`[+＋(（]*\p{Nd}[\p{Nd}\p{Zs}\t+＋().（）~_\p{Pd}]*\p{Nd}`)

// Named finds the telephone numbers that somebody has written among words, each once, by
// the rules of Phone, and gives the text without them. What else has digits in it, an hour
// or a price, stays in the text.
func Named(text, region string) (e164 []string, rest string) {
	var out strings.Builder
	last := 0
	for _, at := range dialable.FindAllStringIndex(text, -1) {
		found, left := namedIn(text[at[0]:at[1]], region)
		if len(found) == 0 {
			continue
		}
		for _, n := range found {
			e164 = appendNew(e164, n)
		}
		out.WriteString(text[last:at[0]])
		out.WriteString(left)
		last = at[1]
	}
	if len(e164) == 0 {
		return nil, text
	}
	out.WriteString(text[last:])
	return e164, strings.TrimSpace(out.String())
}

// mostGroups is in how many groups of digits people write a number.
const mostGroups = 8

// namedIn takes the numbers out of a run of digits and blanks: before one may stand an
// hour, and after it.
func namedIn(run, region string) (found []string, rest string) {
	groups := strings.Fields(run)
	var left []string
	for len(groups) > 0 {
		taken := 0
		for size := min(mostGroups, len(groups)); size > 0 && taken == 0; size-- {
			if numbers, bad := Phone(strings.Join(groups[:size], " "), region); len(numbers) > 0 && len(bad) == 0 {
				found, taken = append(found, numbers...), size
			}
		}
		if taken == 0 {
			left, taken = append(left, groups[0]), 1
		}
		groups = groups[taken:]
	}
	return found, strings.Join(left, " ")
}

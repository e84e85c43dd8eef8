package email

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// cutNamed removes a signature that no mark sets off: below a blank or drawn line the
// name by which the writer's program calls him, with a few short lines of trade, firm and
// address.
func cutNamed(lines []string, writer string) []string {
	const longest = 7
	for i := max(1, len(lines)-longest); i < len(lines); i++ {
		above := strings.TrimSpace(lines[i-1])
		if above != "" && !rule.MatchString(above) || !names(lines[i], writer) || slices.ContainsFunc(lines[i+1:], sentence) {
			continue
		}
		return dropRule(trimBlank(lines[:i]))
	}
	return lines
}

// names tells whether a line is a name and nothing else: all of the writer's, or his
// given or family name alone.
func names(line, writer string) bool {
	said, called := nameWords(line), nameWords(writer)
	if len(said) == 0 || len(said) > len(called) {
		return false
	}
	for _, w := range said {
		if utf8.RuneCountInString(w) < 2 || !slices.Contains(called, w) {
			return false
		}
	}
	return true
}

// nameWords are the words of a name in lower case, without what punctuates them.
func nameWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '\'' && r != '’' })
}

// sentence tells a line of text from one of a signature.
func sentence(line string) bool {
	const widest = 70
	s := strings.TrimSpace(line)
	if contact.MatchString(s) {
		return false
	}
	return utf8.RuneCountInString(s) > widest || strings.ContainsAny(lastRunes(s), ".!?。！？")
}

// lastRunes is the end of a line; "Ltd." and "д. 5." are short.
func lastRunes(s string) string {
	words := strings.Fields(s)
	if len(words) < 4 {
		return ""
	}
	return s[strings.LastIndexByte(s, ' ')+1:]
}

// listed begins the lines of a list.
var listed = regexp.MustCompile(`^\s*(?:[-*•–—+]|\d{1,2}[.)])\s`)

// cutInset removes the answered mail where a program marks it by nothing but setting it
// in: from a line below a blank one to the end all is set in, and what stands above is
// not.
func cutInset(lines []string) []string {
	const deep, least = "    ", 3
	inset := func(l string) bool { return strings.HasPrefix(l, deep) || strings.HasPrefix(l, "\t") }
	text := 0
	for i := len(lines) - 1; i >= 0; i-- {
		switch l := lines[i]; {
		case strings.TrimSpace(l) == "":
		case inset(l) && !listed.MatchString(l):
			text++
		case text < least || lines[i+1] != "" || slices.ContainsFunc(lines[:i+1], inset):
			return lines
		default:
			return lines[:i+1]
		}
	}
	return lines
}

package email

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Unquote gives what the writer of a plain-text mail added himself: quoted
// lines, the line that introduces them ("… wrote:"), header blocks of the
// answered mail, signatures and mobile footers are left out. Answers between or
// below quoted lines stay.
func Unquote(text string) string { return unquote(text, "") }

// unquote is Unquote where it is known what the writer calls himself.
func unquote(text, writer string) string {
	lines := ownLines(splitLines(text))
	lines = trimBlank(cutInset(lines))
	lines = cutSignature(lines, writer)
	text = strings.ReplaceAll(strings.Join(lines, "\n"), ownSign, "")
	return strings.TrimSpace(blankRuns.ReplaceAllString(text, "\n\n"))
}

// ownSign stands before a ">" that quotes nothing; no mail holds this character, which
// Unicode leaves to programs.
const ownSign = "\ue000"

var (
	blankRuns = regexp.MustCompile(`\n{3,}`)
	invisible = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u00a0", " ", "\u202f", " ", "\ufeff", "", "\u200b", "", "\u200e", "", "\u200f", "")
)

func splitLines(text string) []string {
	lines := strings.Split(invisible.Replace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	return lines
}

func trimBlank(lines []string) []string {
	for len(lines) > 0 && strings.TrimSpace(lines[0]) == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// ownLines leaves out everything that belongs to the answered mail.
func ownLines(lines []string) []string {
	fields := make([]string, len(lines))
	for i, line := range lines {
		fields[i] = fieldOf(line)
	}
	var own []string
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case quoted(line):
			continue
		case ownDelimiter.MatchString(line), separator.MatchString(line), fields[i] != "" && headerBlock(lines[i:], fields[i:], belowRule(own)):
			return dropRule(own)
		}
		n := attribution(lines[i:])
		if n == 0 {
			if !overflow(lines, i) {
				own = append(own, line)
			}
			continue
		}
		if next := nextText(lines[i+n:]); next == "" || !quoted(next) {
			// The answered mail follows without marks: nothing below is ours.
			return dropRule(own)
		}
		i += n - 1
	}
	return own
}

// belowRule: the last line with text is a drawn line.
func belowRule(lines []string) bool {
	lines = trimBlank(lines[max(0, len(lines)-3):])
	return len(lines) > 0 && rule.MatchString(lines[len(lines)-1])
}

// dropRule removes the horizontal rule that some programs draw above a quote.
func dropRule(lines []string) []string {
	lines = trimBlank(lines)
	if n := len(lines); n > 0 && rule.MatchString(lines[n-1]) {
		return lines[:n-1]
	}
	return lines
}

func quoted(line string) bool {
	s := strings.TrimLeft(line, " \t")
	return strings.HasPrefix(s, ">") || strings.HasPrefix(s, "&gt;") || initials.MatchString(s)
}

func nextText(lines []string) string {
	for _, l := range lines {
		if strings.TrimSpace(l) != "" {
			return l
		}
	}
	return ""
}

// overflow recognises what a program has wrapped off a long quoted line: one
// line between two quoted ones that goes on in the middle of a sentence.
func overflow(lines []string, i int) bool {
	const wrapped = 60
	if i == 0 || i+1 >= len(lines) || !quoted(lines[i-1]) || !quoted(lines[i+1]) || utf8.RuneCountInString(lines[i-1]) < wrapped {
		return false
	}
	r, _ := utf8.DecodeRuneInString(strings.TrimSpace(lines[i]))
	return unicode.IsLower(r)
}

// headerBlock recognises the header lines that Outlook, Foxmail and others put
// above an unmarked quote: at least two different fields, one of them From,
// which Yandex leaves out below its drawn line.
func headerBlock(lines, fields []string, ruled bool) bool {
	kinds := map[string]bool{}
	blanks := 0
	for i, line := range lines {
		if i > 9 {
			break
		}
		if strings.TrimSpace(line) == "" {
			if blanks++; blanks > 2 {
				break
			}
			continue
		}
		if kind := fields[i]; kind != "" {
			kinds[kind] = true
		} else if i > 0 && !kinds["from"] && len(kinds) > 1 {
			break
		}
	}
	return (kinds["from"] || ruled) && len(kinds) > 1
}

func fieldOf(line string) string {
	found := headerField.FindStringSubmatch(line)
	if found == nil {
		return ""
	}
	return headerFields[strings.ToLower(strings.Join(strings.Fields(found[1]), " "))]
}

// attribution gives the number of lines, from the first, that introduce a quote;
// zero when they do not. Programs wrap these lines, up to five here.
func attribution(lines []string) int {
	const most = 5
	joined := ""
	for n := 1; n <= most && n <= len(lines); n++ {
		line := strings.TrimSpace(lines[n-1])
		// "<a@b" at the end of a line leaves ">:" for the next.
		open := strings.Count(joined, "<") > strings.Count(joined, ">")
		if line == "" || quoted(line) && !open {
			return 0
		}
		if n > 1 && !startsAttribution(lines[0]) {
			return 0
		}
		joined = strings.TrimSpace(joined + " " + line)
		if len(joined) > 500 {
			return 0
		}
		if introduces(joined, lines[n:]) {
			if n > 1 && wholeBelow(lines[1:n]) {
				return 0
			}
			return n
		}
	}
	return 0
}

func startsAttribution(line string) bool {
	return attributionStart.MatchString(line) || dateInLine.MatchString(line) && timeInLine.MatchString(line)
}

// wholeBelow: these lines hold a whole attribution; what stands above it is the
// writer's own.
func wholeBelow(lines []string) bool {
	for i := range lines {
		joined := strings.Join(lines[i:], " ")
		if startsAttribution(lines[i]) && anyAddress.MatchString(joined) && dateInLine.MatchString(joined) {
			return true
		}
	}
	return false
}

// introduces judges one unwrapped line by what all attributions share: a verb of
// writing or a closing colon, and a date or an address.
func introduces(line string, rest []string) bool {
	hasAddress := anyAddress.MatchString(line)
	hasDate := dateInLine.MatchString(line)
	if wrote.MatchString(line) {
		colon := strings.HasSuffix(line, ":") || strings.HasSuffix(line, "：") || strings.HasSuffix(line, "-")
		switch {
		case hasAddress && hasDate:
			return true
		case colon && (hasAddress || hasDate):
			return true
		case colon:
			return quoted(nextText(rest))
		}
		return false
	}
	if !strings.HasSuffix(line, ":") && !strings.HasSuffix(line, "：") {
		return false
	}
	switch {
	case hasAddress && hasDate && timeInLine.MatchString(line):
		return true
	case wroteWho.MatchString(line):
		return hasDate && timeInLine.MatchString(line)
	}
	// Whatever its language: a line with date or address above a marked quote.
	return (hasDate && timeInLine.MatchString(line) || hasAddress) && quoted(nextText(rest))
}

// cutSignature removes signature, farewell and mobile footer from the end.
func cutSignature(lines []string, writer string) []string {
	for i := 1; i < len(lines); i++ {
		if signatureMark.MatchString(lines[i]) && nextText(lines[:i]) != "" {
			lines = trimBlank(lines[:i])
			break
		}
	}
	lines = cutFooter(lines)
	lines = cutContact(lines)
	lines = cutCard(lines)
	lines = cutFarewell(lines)
	lines = cutNamed(lines, writer)
	return trimBlank(lines)
}

// cutFooter removes what phones and free mail services append, and anything
// below it.
func cutFooter(lines []string) []string {
	for i, line := range lines {
		if footer.MatchString(strings.TrimSpace(line)) || disclaimer.MatchString(strings.TrimSpace(line)) {
			return dropRule(lines[:i])
		}
	}
	return lines
}

// cutContact removes a contact block below a drawn rule.
func cutContact(lines []string) []string {
	const longest = 8
	for i := len(lines) - 1; i > 0 && len(lines)-i <= longest; i-- {
		if rule.MatchString(lines[i]) && contact.MatchString(strings.Join(lines[i+1:], "\n")) {
			return trimBlank(lines[:i])
		}
	}
	return lines
}

// cutCard removes the table of name and address that NetEase's program draws.
func cutCard(lines []string) []string {
	for i, line := range lines {
		if i > 0 && cardEdge.MatchString(line) {
			return trimBlank(lines[:i])
		}
	}
	return lines
}

// cutFarewell removes "Kind regards" and the few lines of name below it, unless
// there is a postscript.
func cutFarewell(lines []string) []string {
	const longest = 8
	for i := max(1, len(lines)-longest); i < len(lines); i++ {
		if !farewell.MatchString(strings.TrimSpace(lines[i])) {
			continue
		}
		for _, l := range lines[i+1:] {
			if postscript.MatchString(l) {
				return lines
			}
		}
		return trimBlank(lines[:i])
	}
	return lines
}

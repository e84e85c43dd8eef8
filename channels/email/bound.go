package email

import (
	"regexp"
	"strings"
)

// A mail is read by strangers' rules, so what it may cost is bounded here. The
// limits are far above what people and mail servers write; what lies beyond them
// is not read.
const (
	mostParts      = 300
	mostRecipients = 100
	mostLevels     = 20
	longestText    = 64 << 10
	longestHTML    = 512 << 10
)

var (
	partHeader = regexp.MustCompile(`(?i)\ncontent-type[ \t]*:`)
	levelStart = regexp.MustCompile(`(?i)\bboundary[ \t]*=|\ncontent-type[ \t]*:[ \t]*message/`)
)

// boundedParts ends a mail before its parts, side by side or one inside of the
// other, become too many.
func boundedParts(raw []byte) []byte {
	if found := levelStart.FindAllIndex(raw, mostLevels+1); len(found) > mostLevels {
		raw = raw[:found[mostLevels][0]]
	}
	if found := partHeader.FindAllIndex(raw, mostParts+1); len(found) > mostParts {
		return raw[:found[mostParts][0]]
	}
	return raw
}

// boundedText is the beginning of a long text, whole lines where it has any.
func boundedText(s string, longest int) string {
	if len(s) <= longest {
		return s
	}
	s = s[:longest]
	if i := strings.LastIndexByte(s, '\n'); i > 0 {
		return s[:i]
	}
	return strings.ToValidUTF8(s, "")
}

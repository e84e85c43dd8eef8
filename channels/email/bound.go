package email

import (
	"bytes"
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
	partHeader = regexp.MustCompile(`(?i)^content-type[ \t]*:`)
	levelStart = regexp.MustCompile(`(?i)\bboundary[ \t]*=|^content-type[ \t]*:[ \t]*message/`)
)

// boundedParts ends a mail before its parts, side by side or one inside of the
// other, become too many.
func boundedParts(raw []byte) []byte {
	if at := beyond(raw, levelStart, mostLevels); at >= 0 {
		raw = raw[:at]
	}
	if at := beyond(raw, partHeader, mostParts); at >= 0 {
		raw = raw[:at]
	}
	return raw
}

// beyond is where the pattern is found in a line of the mail once more than n times, -1
// where it is not. A line of a header has a colon, or a blank where it goes on: the
// millions of others that a large attachment has are not looked at more closely.
func beyond(raw []byte, pattern *regexp.Regexp, n int) int {
	for at := 0; at < len(raw); {
		line := raw[at:]
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line = line[:end+1]
		}
		if bytes.IndexByte(line, ':') >= 0 || bytes.IndexByte(line, ' ') >= 0 || bytes.IndexByte(line, '\t') >= 0 {
			for _, found := range pattern.FindAllIndex(line, n+1) {
				if n--; n < 0 {
					return at + found[0]
				}
			}
		}
		at += len(line)
	}
	return -1
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

package email

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
)

// coding is how a part's text is written.
type coding uint8

const (
	asQuoted coding = iota
	asBase64
	// asEightBit needs the server's 8BITMIME (RFC 6152).
	asEightBit
	codings
)

func (e coding) goMail() gomail.Encoding {
	return [...]gomail.Encoding{gomail.EncodingQP, gomail.EncodingB64, gomail.NoEncoding}[e]
}

// longestLine is what RFC 5321 4.5.3.1.6 lets a line hold without its end.
const longestLine = 998

// codingFor is none where the server takes eight bits and the text has only
// lines that SMTP can carry; else the shorter of the two codings that survive
// any relay: quoted-printable costs two bytes more per non-ASCII byte, base64 a
// third of all.
func codingFor(s []byte, eightBit bool) coding {
	if eightBit && portable(s) {
		return asEightBit
	}
	high := 0
	for rest := s; len(rest) > 0; {
		block := rest[:min(len(rest), 256)]
		rest = rest[len(block):]
		for i := range block {
			high += int(block[i] >> 7)
		}
		if 6*high > len(s) {
			return asBase64
		}
	}
	return asQuoted
}

// portable tells whether a text has no line that is too long, no carriage return
// without its line feed and no NUL.
func portable(s []byte) bool {
	if bytes.IndexByte(s, 0) >= 0 {
		return false
	}
	if bytes.IndexByte(s, '\r') < 0 {
		// Only the last line end within reach need be found.
		for len(s) > longestLine {
			end := bytes.LastIndexByte(s[:longestLine+1], '\n')
			if end < 0 {
				return false
			}
			s = s[end+1:]
		}
		return true
	}
	for more := true; more; {
		var line []byte
		if line, s, more = bytes.Cut(s, []byte{'\n'}); more {
			line = bytes.TrimSuffix(line, []byte{'\r'})
		}
		if len(line) > longestLine || bytes.IndexByte(line, '\r') >= 0 {
			return false
		}
	}
	return true
}

// appendCRLF appends a text with the line ends that RFC 2046 4.1.1 wants.
func appendCRLF(b, s []byte) []byte {
	for {
		end := bytes.IndexByte(s, '\n')
		if end < 0 {
			return append(b, s...)
		}
		b, s = appendLine(b, s[:end]), s[end+1:]
	}
}

// appendPlain appends a text as it is, lines that begin with a dot doubled.
func appendPlain(b, s []byte) []byte {
	for {
		if len(s) > 0 && s[0] == '.' {
			b = append(b, '.')
		}
		end := bytes.IndexByte(s, '\n')
		if end < 0 {
			return append(b, s...)
		}
		b, s = appendLine(b, s[:end]), s[end+1:]
	}
}

// appendLine appends a line with its end.
func appendLine(b, line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return append(append(b, line...), '\r', '\n')
}

// base64Line is how many bytes fill a line of 76 characters.
const base64Line = 57

// base64Pairs are the two characters of each twelve bits: looked up in pairs, a
// page takes half of the time that encoding/base64 takes.
var base64Pairs = func() (out [1 << 12][2]byte) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range out {
		out[i] = [2]byte{digits[i>>6], digits[i&63]}
	}
	return out
}()

// appendBase64 appends lines of base64, each with its end.
func appendBase64(b, s []byte) []byte {
	b = slices.Grow(b, (len(s)/base64Line+1)*(base64Line/3*4+2))
	for len(s) > 0 {
		line := s[:min(len(s), base64Line)]
		s = s[len(line):]
		for ; len(line) >= 3; line = line[3:] {
			v := uint(line[0])<<16 | uint(line[1])<<8 | uint(line[2])
			first, second := base64Pairs[v>>12&0xfff], base64Pairs[v&0xfff]
			b = append(b, first[0], first[1], second[0], second[1])
		}
		b = append(base64.StdEncoding.AppendEncode(b, line), '\r', '\n')
	}
	return b
}

// quotedLine is how long a line of quoted-printable gets, without the equals sign
// that breaks it.
const quotedLine = 75

const upperHex = "0123456789ABCDEF"

// plainQuoted are the bytes that stand for themselves in quoted-printable, blanks
// among them: one at the end of a line is encoded afterwards.
var plainQuoted = func() (out [256]bool) {
	for c := '!'; c <= '~'; c++ {
		out[c] = c != '='
	}
	out[' '], out['\t'] = true, true
	return out
}()

// appendQuoted appends quoted-printable with CRLF where the text has any kind of
// line end, lines that begin with a dot doubled.
func appendQuoted(b, s []byte) []byte {
	column := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case plainQuoted[c]:
			if column == quotedLine {
				b, column = append(b, "=\r\n"...), 0
			}
			if c == '.' && column == 0 {
				b = append(b, '.')
			}
			b = append(b, c)
			column++
		case c == '\r' || c == '\n':
			b = append(lastBlank(b, column), '\r', '\n')
			column = 0
			if c == '\r' && i+1 < len(s) && s[i+1] == '\n' {
				i++
			}
		default:
			if column > quotedLine-3 {
				b, column = append(b, "=\r\n"...), 0
			}
			b = append(b, '=', upperHex[c>>4], upperHex[c&15])
			column += 3
		}
	}
	return lastBlank(b, column)
}

// lastBlank encodes a blank that a line of so many characters ends with: relays
// may cut it off.
func lastBlank(b []byte, column int) []byte {
	if column == 0 {
		return b
	}
	c := b[len(b)-1]
	if c != ' ' && c != '\t' {
		return b
	}
	b = b[:len(b)-1]
	if column-1 > quotedLine-3 {
		b = append(b, "=\r\n"...)
	}
	return append(b, '=', upperHex[c>>4], upperHex[c&15])
}

// headerWidth is how long a header's line gets where it can be folded.
const headerWidth = 76

// appendHeader appends a header folded at its blanks as go-mail folds it, with
// its line end.
func appendHeader(b []byte, name string, value []byte) []byte {
	b = append(append(b, name...), ": "...)
	room := headerWidth - 2 - len(name) - 2
	for {
		word, rest, more := bytes.Cut(value, []byte{' '})
		if room-len(word) <= 1 {
			if b[len(b)-1] == ' ' {
				b = b[:len(b)-1]
			}
			b = append(b, "\r\n "...)
			room = headerWidth - 3
		}
		b = append(b, word...)
		room -= len(word)
		if !more {
			return append(b, '\r', '\n')
		}
		b = append(b, ' ')
		room--
		value = rest
	}
}

// needsWords tells whether a header's value must be written in encoded words.
func needsWords(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' || c > '~') && c != '\t' {
			return true
		}
	}
	return false
}

// unfoldable tells whether a word of a header would make a line longer than SMTP
// carries.
func unfoldable(s string) bool {
	for more := len(s) > longestLine-headerWidth; more; {
		var word string
		if word, s, more = strings.Cut(s, " "); len(word) > longestLine-headerWidth {
			return true
		}
	}
	return false
}

// wordLength is what an encoded word holds besides charset, encoding and marks
// (RFC 2047 section 2).
const (
	wordLength  = 75 - len("=?UTF-8?q?") - len("?=")
	wordLengthB = wordLength / 4 * 3
)

// appendWordsB appends encoded words in base64, no character cut in two.
func appendWordsB(b []byte, charset, s string) []byte {
	for {
		n := whole(s, wordLengthB)
		var room [wordLengthB]byte
		b = append(append(append(b, "=?"...), charset...), "?b?"...)
		b = append(base64.StdEncoding.AppendEncode(b, room[:copy(room[:], s[:n])]), "?="...)
		if s = s[n:]; s == "" {
			return b
		}
		b = append(b, ' ')
	}
}

// whole is how many of the first bytes hold no character in part; what is no UTF-8
// counts as characters of one byte.
func whole(s string, most int) int {
	if len(s) <= most {
		return len(s)
	}
	for i := most - 1; i > most-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			if _, size := utf8.DecodeRuneInString(s[i:]); i+size > most {
				return i
			}
			return most
		}
	}
	return most
}

// appendWordsQ appends encoded words in the Q encoding, no character cut in two.
func appendWordsQ(b []byte, charset, s string) []byte {
	open := func() { b = append(append(append(b, "=?"...), charset...), "?q?"...) }
	open()
	used := 0
	for i := 0; i < len(s); {
		size, length := 1, 1
		if c := s[i]; c < ' ' || c > '~' || c == '=' || c == '?' || c == '_' {
			_, size = utf8.DecodeRuneInString(s[i:])
			length = 3 * size
		}
		if used+length > wordLength {
			b = append(b, "?= "...)
			open()
			used = 0
		}
		for _, c := range []byte(s[i : i+size]) {
			switch {
			case c == ' ':
				b = append(b, '_')
			case length == 1:
				b = append(b, c)
			default:
				b = append(b, '=', upperHex[c>>4], upperHex[c&15])
			}
		}
		used += length
		i += size
	}
	return append(b, "?="...)
}

// appendName appends a display name as net/mail writes it before an address, with
// a blank; nothing for "".
func appendName(b []byte, name string) []byte {
	if name == "" {
		return b
	}
	printable := true
	for i := range len(name) {
		if c := name[i]; (c < ' ' || c > '~') && c != '\t' {
			printable = false
			break
		}
	}
	switch {
	case printable:
		b = append(b, '"')
		for i := range len(name) {
			if name[i] == '"' || name[i] == '\\' {
				b = append(b, '\\')
			}
			b = append(b, name[i])
		}
		b = append(b, '"')
	case strings.ContainsAny(name, "\"#$%&'(),.:;<>@[]^`{|}~"):
		b = appendWordsB(b, "utf-8", name)
	default:
		b = appendWordsQ(b, "utf-8", name)
	}
	return append(b, ' ')
}

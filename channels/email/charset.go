package email

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// toUTF8 gives text whose charset was not stated, or wrongly: UTF-8 stays, else
// the best of the charsets that our customers' programs use.
func toUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	best, score := strings.ToValidUTF8(string(b), "\uFFFD"), -1<<31
	for _, e := range []encoding.Encoding{charmap.Windows1251, charmap.KOI8R, simplifiedchinese.GB18030, charmap.Windows1252} {
		decoded, err := e.NewDecoder().Bytes(b)
		if err != nil {
			continue
		}
		if s := plausibility(string(decoded)); s > score {
			best, score = string(decoded), s
		}
	}
	return best
}

// plausibility is higher for text as people write it. Reading KOI8-R as
// windows-1251 or the reverse swaps the cases, which running text betrays.
func plausibility(s string) int {
	score := 0
	var last rune
	for _, r := range s {
		switch {
		case r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t':
			score -= 20
		case unicode.Is(unicode.Han, r):
			score += 2
			if r > 0x9FFF || r < 0x4E00 {
				score -= 6
			}
		case unicode.Is(unicode.Cyrillic, r):
			score += 2
			if unicode.IsUpper(r) && unicode.IsLower(last) {
				score -= 6
			}
			if unicode.IsUpper(r) {
				score--
			}
			if (r < 'А' || r > 'я') && r != 'ё' && r != 'Ё' {
				score -= 4
			}
		case r > 0x7f && unicode.IsLetter(r):
			if unicode.IsLetter(last) && last > 0x7f {
				score--
			}
		case r > 0x7f && !unicode.IsPunct(r):
			score -= 2
		}
		last = r
	}
	return score
}

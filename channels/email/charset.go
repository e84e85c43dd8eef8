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

// relabelled undoes a wrong Western label: text that was taken for ISO 8859-1,
// windows-1252 or ASCII, and is UTF-8, or mostly letters that no Western text
// has so many of.
func relabelled(s string) string {
	raw, ok := westernBytes(s)
	if !ok {
		return s
	}
	if utf8.Valid(raw) {
		return string(raw)
	}
	letters, foreign := 0, 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			letters++
			if r > 0x7f {
				foreign++
			}
		}
	}
	const fewest = 4
	if foreign < fewest || foreign*10 < letters*6 {
		return s
	}
	if other := toUTF8(raw); plausibility(other) > plausibility(s) {
		return other
	}
	return s
}

// westernBytes gives the bytes of which a Western charset made the text; not ok
// when it did not, or when they are ASCII only.
func westernBytes(s string) (raw []byte, ok bool) {
	for _, r := range s {
		b := byte(r)
		if r > 0xff {
			var in bool
			if b, in = charmap.Windows1252.EncodeRune(r); !in {
				return nil, false
			}
		}
		ok = ok || r > 0x7f
		raw = append(raw, b)
	}
	return raw, ok
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

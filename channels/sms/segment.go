package sms

import (
	"strings"
	"unicode/utf16"
)

// Encodings that Segments names.
const (
	GSM7 = "GSM-7"
	UCS2 = "UCS-2"
)

// gsmBasic is the default alphabet of 3GPP TS 23.038 without its escape, one
// septet a character; gsmExtended are those behind the escape, two septets.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// Segments counts the billed parts of a text as Twilio cuts it, and names the
// encoding: 160 septets in one GSM-7 message or 153 in each of several, 70 UTF-16
// units in one UCS-2 message or 67 in each of several. Neither an escaped GSM
// character nor a surrogate pair is cut in two. An empty text is one segment.
func Segments(text string) (n int, encoding string) {
	encoding, single, part, width := GSM7, 160, 153, septets
	for _, r := range text {
		if septets(r) == 0 {
			encoding, single, part, width = UCS2, 70, 67, utf16.RuneLen
			break
		}
	}
	total, used := 0, 0
	n = 1
	for _, r := range text {
		w := width(r)
		total += w
		if used+w > part {
			n++
			used = 0
		}
		used += w
	}
	if total <= single {
		n = 1
	}
	return n, encoding
}

// septets is how much of a GSM-7 message a character takes, 0 if it cannot be
// in one.
func septets(r rune) int {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', ' ' <= r && r <= '?', strings.ContainsRune(gsmBasic, r):
		return 1
	case strings.ContainsRune(gsmExtended, r):
		return 2
	}
	return 0
}

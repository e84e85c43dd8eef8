package render

import (
	"strings"
	"unicode/utf16"
)

// Encodings of an SMS.
const (
	GSM7 = "GSM-7"
	UCS2 = "UCS-2"
)

// The alphabet of 3GPP TS 23.038; a character of the extension takes two septets.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtension = "\f^{}\\[~]|€"
)

// Segments counts the billed parts of an SMS and names its encoding. One part
// holds 160 septets or 70 UTF-16 units; of several, each holds 153 or 67, and
// neither an escape pair nor a surrogate pair is cut.
func Segments(text string) (n int, encoding string) {
	var sizes []int
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			sizes = append(sizes, 1)
		case strings.ContainsRune(gsmExtension, r):
			sizes = append(sizes, 2)
		default:
			return pack(units(text), 70, 67), UCS2
		}
	}
	return pack(sizes, 160, 153), GSM7
}

func units(text string) []int {
	var sizes []int
	for _, r := range text {
		sizes = append(sizes, utf16.RuneLen(r))
	}
	return sizes
}

func pack(sizes []int, single, part int) int {
	total := 0
	for _, s := range sizes {
		total += s
	}
	if total <= single {
		return 1
	}
	n, used := 1, 0
	for _, s := range sizes {
		if used+s > part {
			n, used = n+1, 0
		}
		used += s
	}
	return n
}

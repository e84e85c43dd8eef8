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
	gsmASCII = "@$\n\r !\"#%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
	gsmOther = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà"
	gsmTwice = "\f^{}\\[~]|"
	gsmEuro  = '€'
)

// asciiSeptets is what an ASCII character takes, 0 where the alphabet lacks it.
var asciiSeptets = func() (out [128]uint8) {
	for _, c := range []byte(gsmASCII) {
		out[c] = 1
	}
	for _, c := range []byte(gsmTwice) {
		out[c] = 2
	}
	return out
}()

// septets is what a character takes, 0 where the alphabet lacks it.
func septets(r rune) int {
	switch {
	case r < 128:
		return int(asciiSeptets[r])
	case r == gsmEuro:
		return 2
	case strings.ContainsRune(gsmOther, r):
		return 1
	}
	return 0
}

// Segments counts the billed parts of an SMS and names its encoding. One part
// holds 160 septets or 70 UTF-16 units; of several, each holds 153 or 67, and
// neither an escape pair nor a surrogate pair is cut.
func Segments(text string) (n int, encoding string) {
	total := 0
	for _, r := range text {
		size := septets(r)
		if size == 0 {
			return pack(text, utf16.RuneLen, units(text), 70, 67), UCS2
		}
		total += size
	}
	return pack(text, septets, total, 160, 153), GSM7
}

// units counts UTF-16 units.
func units(text string) (n int) {
	for _, r := range text {
		n += utf16.RuneLen(r)
	}
	return n
}

func pack(text string, size func(rune) int, total, single, part int) int {
	if total <= single {
		return 1
	}
	n, used := 1, 0
	for _, r := range text {
		s := size(r)
		if used+s > part {
			n, used = n+1, 0
		}
		used += s
	}
	return n
}

package render

import "strings"

// escape is one of html/template's escapings. For a string (the layout has no
// other values) the three of markup are one and the same.
type escape uint8

const (
	escapeMarkup escape = iota
	filterURL
	normalizeURL
)

// escapes are the names that html/template gives them in an escaped tree. They
// are no promise of its authors: where one is not found, html/template does the
// work, and a test sees that the shipped layout needs no others.
var escapes = map[string]escape{
	"_html_template_htmlescaper":   escapeMarkup,
	"_html_template_attrescaper":   escapeMarkup,
	"_html_template_rcdataescaper": escapeMarkup,
	"_html_template_urlfilter":     filterURL,
	"_html_template_urlnormalizer": normalizeURL,
}

// escaped appends a string as a chain of escapings leaves it.
func escaped(b []byte, s string, chain []escape) []byte {
	for i, e := range chain {
		switch e {
		case filterURL:
			if !safeURL(s) {
				s = "#ZgotmplZ"
			}
		case normalizeURL:
			s = normalURL(s)
		case escapeMarkup:
			if i == len(chain)-1 {
				return appendMarkup(b, s)
			}
			s = string(appendMarkup(nil, s))
		}
	}
	return append(b, s...)
}

// markup is what stands for a byte in HTML, in quoted attributes and in titles.
var markup = [256]string{0: "\uFFFD", '"': "&#34;", '&': "&amp;", '\'': "&#39;", '+': "&#43;", '<': "&lt;", '>': "&gt;"}

// appendMarkup appends text as it stands there.
func appendMarkup(b []byte, s string) []byte {
	written := 0
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= '>' && markup[c] != "" {
			b = append(append(b, s[written:i]...), markup[c]...)
			written = i + 1
		}
	}
	return append(b, s[written:]...)
}

// safeURL tells whether a link leads to the web or to a mailbox, or has no scheme.
func safeURL(s string) bool {
	scheme, _, found := strings.Cut(s, ":")
	return !found || strings.Contains(scheme, "/") ||
		strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "mailto")
}

// inURL marks the bytes that stay as they are in a link; a per cent sign stays
// before two hexadecimal digits.
var inURL = func() (out [256]bool) {
	for _, c := range []byte("!#$&*+,/:;=?@[]-._~") {
		out[c] = true
	}
	for c := range 256 {
		switch b := byte(c); {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
			out[c] = true
		}
	}
	return out
}()

func normalURL(s string) string {
	const digits = "0123456789abcdef"
	var out []byte
	written := 0
	for i := 0; i < len(s); i++ {
		if c := s[i]; !inURL[c] && (c != '%' || i+2 >= len(s) || !hex(s[i+1]) || !hex(s[i+2])) {
			out = append(append(out, s[written:i]...), '%', digits[c>>4], digits[c&15])
			written = i + 1
		}
	}
	if written == 0 {
		return s
	}
	return string(append(out, s[written:]...))
}

func hex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

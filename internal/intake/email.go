package intake

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// parseEmails reads every address of a cell, bare and in lower case; bad counts the parts that are none.
func parseEmails(cell string) (emails []string, bad int) {
	c := clean(cell)
	if c == "" || words().says(c) {
		return nil, 0
	}
	for _, part := range strings.FieldsFunc(c, func(r rune) bool {
		return isBlank(r) || strings.ContainsRune(",;:/|<>()\"", r)
	}) {
		if !strings.Contains(part, "@") {
			continue // a display name
		}
		if e, ok := Email(part); ok {
			emails = appendNew(emails, e)
		} else {
			bad++
		}
	}
	if emails == nil && bad == 0 {
		bad = 1
	}
	return emails, bad
}

// Email is a bare address in lower case with its domain in ASCII; false for anything but a dot-atom, an at sign and a
// domain with a dot.
func Email(s string) (string, bool) {
	s = strings.ToLower(strings.Trim(s, ".'`“”«»"))
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(local) > 64 || len(s) > 254 || strings.Contains(domain, "@") {
		return "", false
	}
	if local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, "..") {
		return "", false
	}
	for i := 0; i < len(local); i++ {
		c := local[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) < 0 {
			return "", false
		}
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || !validDomain(ascii) {
		return "", false
	}
	return local + "@" + ascii, true
}

func validDomain(d string) bool {
	labels := strings.Split(d, ".")
	if len(labels) < 2 || len(d) > 253 {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
	}
	top := labels[len(labels)-1]
	return len(top) >= 2 && strings.IndexFunc(top, unicode.IsLetter) >= 0
}

// splitContact parts a mixed cell into its addresses and the rest, which is for telephones.
func splitContact(cell string) (addresses, rest string) {
	if !strings.Contains(cell, "@") {
		return "", cell
	}
	var a, r []string
	for _, part := range strings.FieldsFunc(cell, func(c rune) bool {
		return c == ',' || c == ';' || c == '\n' || c == '\r' || c == ':' || c == '/' || c == '|'
	}) {
		for _, w := range splitWords(part) {
			if strings.Contains(w, "@") {
				a = append(a, w)
			} else {
				r = append(r, w)
			}
		}
		r = append(r, ",")
	}
	return strings.Join(a, " "), strings.Trim(strings.Join(r, " "), ", ")
}

func splitWords(s string) []string { return strings.FieldsFunc(s, isBlank) }

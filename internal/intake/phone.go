package intake

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"
)

// plan is what is needed of a country's numbering plan before the library is asked: the commonest shapes (mobiles, in
// North America all) are read without it, which is forty times faster, and made-up ranges such as 555-01xx pass.
type plan struct {
	code  string
	trunk string // prefix of national dialling, "" = none
	size  int    // digits of the common shape
	fits  func(national string) bool
}

// plans are also the countries among which a file's region is looked for, one per calling code.
var plans = map[string]plan{
	"RU": {"7", "8", 10, func(n string) bool { return n[0] == '9' }},
	"KZ": {"7", "8", 10, func(n string) bool { return n[0] == '7' && (n[1] == '0' || n[1] == '4' || n[1] == '7') }},
	"US": {"1", "1", 10, northAmerican},
	"CA": {"1", "1", 10, northAmerican},
	"CN": {"86", "", 11, func(n string) bool { return n[0] == '1' && n[1] >= '3' }},
	"GB": {"44", "0", 10, func(n string) bool { return n[0] == '7' && n[1] != '0' && n[1] != '6' }},
	"BY": {"375", "80", 9, func(n string) bool { return n[:2] == "25" || n[:2] == "29" || n[:2] == "33" || n[:2] == "44" }},
	"TR": {"90", "0", 10, func(n string) bool { return n[0] == '5' }},
	"UA": {"380", "0", 9, nil},
	"DE": {"49", "0", 0, nil},
	"FR": {"33", "0", 9, func(n string) bool { return n[0] == '6' || n[0] == '7' && n[1] >= '3' }},
}

func northAmerican(n string) bool {
	return n[0] >= '2' && n[3] >= '2' && n[1:3] != "11" && n[4:6] != "11"
}

// shortened is what spreadsheets make of long numbers: 7.91612E+10.
var shortened = regexp.MustCompile(`^\d[.,]\d+[eE]\+?\d+$`)

// Phone reads every telephone number of a cell. National numbers are those of region (ISO 3166 alpha-2); extensions are
// left out. e164 holds each number once, in order; bad holds the reason for each part that is no number, without
// repeating it. A cell that says "none" gives neither.
func Phone(raw, region string) (e164 []string, bad []string) {
	cell := phoneText(raw)
	if cell == "" {
		return nil, nil
	}
	if n, ok := onePhone(cell, region); ok {
		return []string{n}, nil
	}
	if shortened.MatchString(cell) {
		return nil, []string{"a spreadsheet has shortened the number; left out"}
	}
	for _, part := range strings.FieldsFunc(cell, isPhoneBreak) {
		if part = strings.TrimFunc(part, isBlank); !strings.ContainsFunc(part, unicode.IsDigit) {
			continue
		}
		numbers, ok := several(part, region)
		if !ok {
			bad = append(bad, badPhone(part, region))
			continue
		}
		for _, n := range numbers {
			e164 = appendNew(e164, n)
		}
	}
	if e164 == nil && bad == nil && !words().none[fold(raw)] {
		bad = []string{"no telephone number; left out"}
	}
	return e164, bad
}

// phoneText prepares a cell: compatibility digits, extensions and remarks taken out. "" when it says "none".
func phoneText(raw string) string {
	c := clean(raw)
	if c == "" || words().says(c) {
		return ""
	}
	if !isASCII(c) {
		c = norm.NFKC.String(c)
	}
	if n, ok := fromScientific(c); ok {
		return n
	}
	c = cutExtensions(c)
	return c
}

// fromScientific repairs 7.9161234567E+10, which spreadsheets make of a number; not one that lost digits.
func fromScientific(c string) (string, bool) {
	i := strings.IndexAny(c, "eE")
	if i < 0 {
		return "", false
	}
	mantissa := strings.Replace(c[:i], ",", ".", 1)
	if len(mantissa) < 10 {
		return "", false
	}
	f, err := strconv.ParseFloat(mantissa+c[i:], 64)
	if err != nil || f < 1e6 || f > 1e15 || f != float64(int64(f)) {
		return "", false
	}
	return strconv.FormatInt(int64(f), 10), true
}

var extensionMarks = []string{"доб", "вн", "добавочный", "ext", "extension", "x", "转", "分机", "#"}

// cutExtensions takes out "доб. 12", "ext 12", "x12", "转12".
func cutExtensions(c string) string {
	low := strings.ToLower(c)
	if len(low) != len(c) {
		return c
	}
	for _, mark := range extensionMarks {
		from := 0
		for {
			i := strings.Index(low[from:], mark)
			if i < 0 {
				break
			}
			i += from
			end := i + len(mark)
			for end < len(low) && (low[end] == '.' || low[end] == ' ' || low[end] == ':') {
				end++
			}
			digits := end
			for digits < len(low) && low[digits] >= '0' && low[digits] <= '9' && digits-end < 6 {
				digits++
			}
			if digits == end || !strings.ContainsAny(low[:i], "0123456789") {
				from = i + len(mark)
				continue
			}
			low, c = low[:i]+" "+low[digits:], c[:i]+" "+c[digits:]
			from = i + 1
		}
	}
	return c
}

func isPhoneBreak(r rune) bool {
	return strings.ContainsRune(",;/|\\\n\r、，；", r) || unicode.IsLetter(r) || r == ':'
}

// several reads a part as one number, or as numbers with only blanks between that use all its digits.
func several(part, region string) ([]string, bool) {
	if n, ok := onePhone(part, region); ok {
		return []string{n}, true
	}
	part = strings.ReplaceAll(part, "+", " +")
	groups := strings.FieldsFunc(part, isBlank)
	var out []string
	for len(groups) > 0 {
		taken := 0
		for i := 1; i <= len(groups) && i <= 8; i++ {
			if i < len(groups) && !strings.HasPrefix(groups[i], "+") && len(digitsOf(strings.Join(groups[:i], ""))) < 10 {
				continue
			}
			if n, ok := onePhone(strings.Join(groups[:i], " "), region); ok {
				out = append(out, n)
				taken = i
				break
			}
		}
		if taken == 0 {
			return nil, false
		}
		groups = groups[taken:]
	}
	return out, len(out) > 0
}

func digitsOf(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] >= '0' && s[i] <= '9' {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// onePhone reads exactly one number.
func onePhone(s, region string) (string, bool) {
	digits, plus, ok := dialled(s)
	if !ok {
		return "", false
	}
	if n, ok := common(digits, plus, region); ok {
		return n, true
	}
	if plus {
		digits = "+" + digits
	} else if region == "" {
		return "", false
	}
	num, err := phonenumbers.Parse(digits, region)
	if err != nil || !phonenumbers.IsValidNumber(num) {
		return "", false
	}
	return phonenumbers.Format(num, phonenumbers.E164), true
}

// dialled strips what people put between digits; ok is false when anything else is there.
func dialled(s string) (digits string, plus, ok bool) {
	var buf [20]byte
	n := 0
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			if n == len(buf) {
				return "", false, false
			}
			buf[n] = c
			n++
		case c == '+':
			if n > 0 || plus {
				return "", false, false
			}
			plus = true
		case strings.IndexByte(" -().\t_~*'", c) >= 0:
		case c >= utf8.RuneSelf:
			r, w := utf8.DecodeRuneInString(s[i:])
			if !isBlank(r) && !unicode.Is(unicode.Pd, r) {
				return "", false, false
			}
			i += w
			continue
		default:
			return "", false, false
		}
		i++
	}
	digits = string(buf[:n])
	if !plus && n > 11 && strings.HasPrefix(digits, "00") {
		return digits[2:], true, true
	}
	if !plus && n > 12 && strings.HasPrefix(digits, "810") {
		return digits[3:], true, true
	}
	return digits, plus, n >= 7
}

// common reads the commonest shapes without the library.
func common(digits string, plus bool, region string) (string, bool) {
	if plus {
		for _, r := range [...]string{"RU", "CN", "US"} {
			p := plans[r]
			if len(digits) == len(p.code)+p.size && strings.HasPrefix(digits, p.code) && p.fits(digits[len(p.code):]) {
				return "+" + digits, true
			}
		}
		if len(digits) == 11 && digits[0] == '8' && region == "RU" { // +8 916 …: a slip that is often made
			return common(digits, false, region)
		}
		return "", false
	}
	p, ok := plans[region]
	if !ok || p.fits == nil {
		return "", false
	}
	for _, prefix := range [...]string{"", p.trunk, p.code} {
		if len(digits) == len(prefix)+p.size && strings.HasPrefix(digits, prefix) && p.fits(digits[len(prefix):]) {
			return "+" + p.code + digits[len(prefix):], true
		}
	}
	return "", false
}

// badPhone says what is wrong without repeating the number.
func badPhone(part, region string) string {
	n := len(digitsOf(part))
	in := ""
	if region != "" {
		in = " of " + region
	}
	return fmt.Sprintf("%d digits are no telephone number%s; left out", n, in)
}

func appendNew(list []string, s string) []string {
	for _, old := range list {
		if old == s {
			return list
		}
	}
	return append(list, s)
}

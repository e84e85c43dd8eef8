package intake

import (
	"strings"
	"unicode"
)

// currencyOf tells the currency from the code, words and signs around an amount; "" when none says it.
func currencyOf(text, country string) string {
	if text == "" {
		return ""
	}
	if c := isoCode(text); c != "" {
		return c
	}
	text = fold(text)
	v := words()
	if c := v.currency[text]; c != "" {
		return yuanOrYen(c, country)
	}
	for _, w := range strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.Is(unicode.Sc, r)
	}) {
		if c := v.currency[w]; c != "" {
			return yuanOrYen(c, country)
		}
	}
	for _, r := range text {
		if unicode.Is(unicode.Sc, r) || r == '元' {
			if c := v.currency[string(r)]; c != "" {
				return yuanOrYen(c, country)
			}
		}
	}
	return ""
}

// yuanOrYen: both write ¥; only in Japan it is the yen.
func yuanOrYen(currency, country string) string {
	if currency == "CNY" && country == "JP" {
		return "JPY"
	}
	return currency
}

// parseMoney reads an amount as people and programs write it: "16 365,00", "$1,731.81", "1.731,81 €", "(25.00)".
// The amount is in the currency's minor unit (hundredths where the currency is not known), rounded half away from zero.
func parseMoney(cell, locale, country, columnCurrency string) (m Money, ok bool) {
	number, before, after, negative := cutNumber(clean(cell))
	if number == "" {
		return Money{}, false
	}
	if hundredths, rest := cutHundredths(after); hundredths != "" && !strings.ContainsAny(number, ",.") {
		number, after = number+"."+hundredths, rest
	}
	whole, frac, ok := splitDecimal(number, locale)
	if !ok || len(whole) > 13 {
		return Money{}, false
	}
	m = Money{Valid: true, Currency: currencyOf(before+" "+after, country)}
	if m.Currency == "" && (strings.ContainsFunc(before, unicode.IsLetter) || strings.ContainsFunc(after, unicode.IsDigit)) {
		return Money{}, false // "see invoice 12"
	}
	if m.Currency == "" {
		m.Currency = columnCurrency
	}
	if m.Currency == "" {
		m.Currency = homeCurrency(country)
	}
	places, known := Exponent(m.Currency)
	if !known {
		places = 2
	}
	m.Minor = scaled(whole, frac, places)
	if negative {
		m.Minor = -m.Minor
	}
	return m, true
}

// cutHundredths takes off what stands behind the whole units of "1500 руб. 50 коп." and of the bookkeepers' 1500-00.
func cutHundredths(after string) (hundredths, rest string) {
	if len(after) == 3 && (after[0] == '-' || after[0] == '=') && digitsOf(after[1:]) == after[1:] {
		return after[1:], ""
	}
	from := strings.IndexFunc(after, isDigit)
	if from < 1 {
		return "", after
	}
	end := from
	for end < len(after) && isDigit(rune(after[end])) {
		end++
	}
	if n := digitsOf(after[from:end]); n != "" && len(n) <= 2 && words().minorUnit[strings.Trim(fold(after[end:]), ". ")] {
		return strings.Repeat("0", 2-len(n)) + n, after[:from]
	}
	return "", after
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// cutNumber gives the first run of digits and separators without blanks, and the text on both sides.
func cutNumber(c string) (number, before, after string, negative bool) {
	from := strings.IndexFunc(c, unicode.IsDigit)
	if from < 0 {
		return "", c, "", false
	}
	if from > 0 && (c[from-1] == ',' || c[from-1] == '.') && (from == 1 || c[from-2] == ' ' || c[from-2] == '-') {
		from-- // ",50"
	}
	var b strings.Builder
	end := len(c)
	for i, r := range c[from:] {
		if r >= '0' && r <= '9' || r == ',' || r == '.' || r == '\'' || r == '’' {
			if r < 0x80 && r != '\'' {
				b.WriteRune(r)
			}
			continue
		}
		if r >= '０' && r <= '９' {
			b.WriteRune(r - '０' + '0')
			continue
		}
		if isBlank(r) && nextIsDigit(c[from+i:]) {
			continue
		}
		end = from + i
		break
	}
	before, after = strings.TrimFunc(c[:from], isBlank), strings.TrimFunc(c[end:], isBlank)
	if i := strings.IndexAny(before, "-−–"); i >= 0 || strings.HasPrefix(before, "(") && strings.HasSuffix(after, ")") {
		negative = true
	}
	return strings.TrimRight(b.String(), ".,"), before, after, negative
}

func nextIsDigit(s string) bool {
	s = strings.TrimLeftFunc(s, isBlank)
	return s != "" && s[0] >= '0' && s[0] <= '9'
}

// splitDecimal tells thousands from decimals: the last of two kinds of signs is the decimal one; a single comma before
// three digits is thousands where people write so; several of one kind are thousands.
func splitDecimal(n, locale string) (whole, frac string, ok bool) {
	comma, dot := strings.Count(n, ","), strings.Count(n, ".")
	at := -1
	switch {
	case comma > 0 && dot > 0:
		at = max(strings.LastIndexByte(n, ','), strings.LastIndexByte(n, '.'))
		if strings.IndexByte(n, n[at]) != at {
			return "", "", false
		}
	case dot == 1:
		at = strings.IndexByte(n, '.')
	case comma == 1:
		at = strings.IndexByte(n, ',')
		if locale != "ru" && len(n)-at-1 == 3 && at > 0 && at <= 3 && n[0] != '0' {
			at = -1
		}
	}
	if at < 0 {
		whole = n
	} else {
		whole, frac = n[:at], n[at+1:]
	}
	whole = strings.ReplaceAll(strings.ReplaceAll(whole, ",", ""), ".", "")
	if whole == "" && frac == "" {
		return "", "", false
	}
	return whole, frac, true
}

func scaled(whole, frac string, places int) int64 {
	var n int64
	for _, d := range whole {
		n = n*10 + int64(d-'0')
	}
	for i := 0; i < places; i++ {
		n *= 10
		if i < len(frac) {
			n += int64(frac[i] - '0')
		}
	}
	if places < len(frac) && frac[places] >= '5' {
		n++
	}
	return n
}

// parseCount reads a whole number with thousands separators and a unit: "107 134 км", "31,820", "1.2万公里".
func parseCount(cell string) (int, bool) {
	number, _, after, negative := cutNumber(clean(cell))
	if number == "" || negative {
		return 0, false
	}
	if strings.HasPrefix(after, "万") { // ten thousands
		whole, frac, ok := splitDecimal(number, "")
		n := scaled(whole, frac, 4)
		return int(n), ok && len(whole) < 4
	}
	if i := strings.IndexAny(number, ",."); i >= 0 && len(number)-i-1 != 3 {
		number = number[:i] // decimals; three digits are thousands
	}
	n := 0
	for _, d := range number {
		if d < '0' || d > '9' {
			continue
		}
		if n = n*10 + int(d-'0'); n > 9_999_999 {
			return 0, false
		}
	}
	return n, true
}

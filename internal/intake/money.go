package intake

import (
	"strings"
	"unicode"
)

// currencyOf tells the currency from the words and signs around an amount; "" when none says it.
func currencyOf(text, country string) string {
	if text == "" {
		return ""
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

// homeCurrency is the currency of a country's amounts that name none.
func homeCurrency(country string) string {
	switch country {
	case "RU":
		return "RUB"
	case "US":
		return "USD"
	case "CN":
		return "CNY"
	case "KZ":
		return "KZT"
	case "BY":
		return "BYN"
	case "UA":
		return "UAH"
	case "GB":
		return "GBP"
	case "TR":
		return "TRY"
	case "JP":
		return "JPY"
	case "DE", "FR", "AT", "IT", "ES", "NL", "BE", "FI", "IE", "PT", "GR", "LT", "LV", "EE", "SK", "SI":
		return "EUR"
	}
	return ""
}

// parseMoney reads an amount as people and programs write it: "16 365,00", "$1,731.81", "1.731,81 €", "(25.00)".
// The amount is in hundredths of the currency (units for the yen), rounded half away from zero.
func parseMoney(cell, locale, country, columnCurrency string) (m Money, ok bool) {
	number, before, after, negative := cutNumber(clean(cell))
	if number == "" {
		return Money{}, false
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
	places := 2
	if m.Currency == "JPY" {
		places = 0
	}
	m.Minor = scaled(whole, frac, places)
	if negative {
		m.Minor = -m.Minor
	}
	return m, true
}

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

// parseCount reads a whole number with thousands separators and a unit: "107 134 км", "31,820".
func parseCount(cell string) (int, bool) {
	number, _, _, negative := cutNumber(clean(cell))
	if number == "" || negative {
		return 0, false
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

package intake

import "testing"

func TestParseMoney(t *testing.T) {
	for _, c := range []struct {
		cell, locale, country string
		minor                 int64
		currency              string
	}{
		{"82574,01", "ru", "RU", 8257401, "RUB"},
		{"16 365,00", "ru", "RU", 1636500, "RUB"},
		{"16\u00a0365,00", "ru", "RU", 1636500, "RUB"},
		{"16\u202f365,5", "ru", "RU", 1636550, "RUB"},
		{"1 234 567,89 руб.", "ru", "RU", 123456789, "RUB"},
		{"5000 ₽", "ru", "RU", 500000, "RUB"},
		{"5000р.", "ru", "KZ", 500000, "RUB"},
		{"$1,731.81", "en", "US", 173181, "USD"},
		{"USD 1,731", "en", "US", 173100, "USD"},
		{"$14.15", "ru", "RU", 1415, "USD"},
		{"1.731,81 €", "en", "DE", 173181, "EUR"},
		{"1'731.81", "en", "DE", 173181, "EUR"},
		{"¥3932.69", "zh", "CN", 393269, "CNY"},
		{"￥3,932", "zh", "CN", 393200, "CNY"},
		{"3932元", "zh", "CN", 393200, "CNY"},
		{"¥3932", "zh", "JP", 3932, "JPY"},
		{"(25.00)", "en", "US", -2500, "USD"},
		{"-25,50", "ru", "RU", -2550, "RUB"},
		{"0", "ru", "RU", 0, "RUB"},
		{",50", "ru", "RU", 50, "RUB"},
		{"16365.009999999998", "ru", "RU", 1636501, "RUB"},
		{"1,731", "ru", "RU", 173, "RUB"},
		{"1,234,567", "en", "US", 123456700, "USD"},
		{"150000 тенге", "ru", "KZ", 15000000, "KZT"},
	} {
		m, ok := parseMoney(c.cell, c.locale, c.country, "")
		if !ok || m.Minor != c.minor || m.Currency != c.currency || !m.Valid {
			t.Errorf("%q: %+v %v, want %d %s", c.cell, m, ok, c.minor, c.currency)
		}
	}
	for _, cell := range []string{"бесплатно", "", "см. счет 12", "1,2.3,4", "99999999999999999999"} {
		if m, ok := parseMoney(cell, "ru", "RU", ""); ok {
			t.Errorf("%q taken as %+v", cell, m)
		}
	}
}

func TestParseCount(t *testing.T) {
	for cell, want := range map[string]int{"107134": 107134, "107 134 км": 107134, "31,820": 31820, "31.820": 31820, "31820.0": 31820, "12.5": 12, "0": 0} {
		if n, ok := parseCount(cell); !ok || n != want {
			t.Errorf("%q: %d %v, want %d", cell, n, ok, want)
		}
	}
	for _, cell := range []string{"нет", "-5", "999999999999"} {
		if n, ok := parseCount(cell); ok {
			t.Errorf("%q taken as %d", cell, n)
		}
	}
}

func TestCurrencyOfTheHeader(t *testing.T) {
	for header, want := range map[string]string{"Сумма, руб.": "RUB", "Сумма (₸)": "KZT", "Total (USD)": "USD", "金额(元)": "CNY", "Сумма": "", "Стоимость, р": "RUB"} {
		if got := currencyOf(header, "RU"); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

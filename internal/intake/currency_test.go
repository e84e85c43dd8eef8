package intake

import "testing"

func TestExponent(t *testing.T) {
	for code, want := range map[string]int{"RUB": 2, "CNY": 2, "USD": 2, "KRW": 0, "JPY": 0, "KWD": 3, "BHD": 3} {
		if n, ok := Exponent(code); !ok || n != want {
			t.Errorf("%s: %d %v, want %d", code, n, ok, want)
		}
	}
	for _, code := range []string{"", "RU", "XXX", "rub", "B C", "RUBL"} {
		if n, ok := Exponent(code); ok {
			t.Errorf("%q has %d decimals", code, n)
		}
	}
}

func TestAmountsInMinorUnits(t *testing.T) {
	for _, c := range []struct {
		cell, country, column string
		minor                 int64
		currency              string
	}{
		{"12.500", "KW", "", 12500, "KWD"},
		{"KWD 1.25", "RU", "", 1250, "KWD"},
		{"150,000", "KR", "", 150000, "KRW"},
		{"₩150,000.4", "RU", "", 150000, "KRW"},
		{"1 500 руб. 50 коп.", "RU", "", 150050, "RUB"},
		{"1500 руб 5 коп", "RU", "", 150005, "RUB"},
		{"1500-00", "RU", "", 150000, "RUB"},
		{"1500=50", "RU", "", 150050, "RUB"},
		{"100", "XX", "AED", 10000, "AED"},
		{"100", "XX", "", 10000, ""},
	} {
		locale := map[bool]string{true: "ru", false: "en"}[c.country == "RU"]
		if m, ok := parseMoney(c.cell, locale, c.country, c.column); !ok || m.Minor != c.minor || m.Currency != c.currency {
			t.Errorf("%q: %+v %v, want %d %s", c.cell, m, ok, c.minor, c.currency)
		}
	}
}

// Words in capitals are no currencies, codes in brackets are.
func TestCodesInHeaders(t *testing.T) {
	for header, want := range map[string]string{"TOTAL ALL": "", "TOTAL (KWD)": "KWD", "Total, AED": "AED", "Amount KRW": "KRW", "Sum": ""} {
		if got := currencyOf(header, "US"); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

func TestVehicleNumbers(t *testing.T) {
	for in, want := range map[string]string{"а 777 аа 59 RUS": "А777АА59", "AB12 CDE": "AB12CDE", "м-аb\u00a01234": "М-АB1234", "RUS": "RUS", "": "", "TORUS": "TORUS"} {
		if got := Plate(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := VIN(" *хта 21099*0001у* "); got != "XTA210990001Y" {
		t.Error(got)
	}
}

func TestEmail(t *testing.T) {
	for in, want := range map[string]string{
		"Maria@Example.COM":      "maria@example.com",
		"m.p+tag@example.com":    "m.p+tag@example.com",
		"m@пример.рф":            "m@xn--e1afmkfd.xn--p1ai",
		"мария@example.com":      "",
		"a..b@example.com":       "",
		"maria@localhost":        "",
		"maria@example":          "",
		"@example.com":           "",
		"maria@":                 "",
		"maria@@example.com":     "",
		"Maria <m@example.com>":  "",
		"<m@example.com>":        "",
		"a@example.com, b@x.com": "",
		`"a b"@example.com`:      "",
	} {
		if got, ok := Email(in); got != want || ok != (want != "") {
			t.Errorf("%q = %q, %v", in, got, ok)
		}
	}
}

package api

import (
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"otklik/internal/intake"
	"otklik/internal/store/storetest"
)

func TestMinor(t *testing.T) {
	for _, c := range []struct {
		amount, code string
		want         int64
		ok           bool
	}{
		{"7860", "RUB", 786000, true},
		{"7860.5", "RUB", 786050, true},
		{"7860.50", "CNY", 786050, true},
		{"0.01", "USD", 1, true},
		{"7860", "JPY", 7860, true},
		{"7860.000", "KRW", 7860, true},
		{"7860.1", "JPY", 0, false},
		{"1.234", "KWD", 1234, true},
		{"1.2345", "KWD", 0, false},
		{"1.2340", "KWD", 1234, true},
		{"999999999999.99", "RUB", 99999999999999, true},
		{"1000000000000", "RUB", 0, false},
		{"0", "RUB", 0, true},
		{"", "RUB", 0, false},
		{".5", "RUB", 0, false},
		{"1.", "RUB", 0, false},
		{"1e3", "RUB", 0, false},
		{"+1", "RUB", 0, false},
		{"-1", "RUB", 0, false},
		{" 1", "RUB", 0, false},
		{"1 000", "RUB", 0, false},
		{"١", "RUB", 0, false},
	} {
		decimals, ok := intake.Exponent(c.code)
		if !ok {
			t.Errorf("%s is unknown", c.code)
		}
		if got, ok := minor(c.amount, decimals); got != c.want || ok != c.ok {
			t.Errorf("%q %s = %d, %v", c.amount, c.code, got, ok)
		}
	}
	for _, code := range []string{"", "RUR", "R B", " RU", "rub", "RUB CNY", "USDT", "XAU"} {
		if _, ok := intake.Exponent(code); ok {
			t.Errorf("%q is taken for a currency", code)
		}
	}
}

// TestMinorExact holds minor to exact arithmetic for any amount and currency.
func TestMinorExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.StringMatching(`[0-9]{1,12}(\.[0-9]{1,6})?`).Draw(t, "amount")
		decimals := rapid.IntRange(0, 4).Draw(t, "decimals")
		exact, ok := new(big.Rat).SetString(amount)
		if !ok {
			t.Fatal(amount)
		}
		exact.Mul(exact, big.NewRat([]int64{1, 10, 100, 1000, 10000}[decimals], 1))
		got, ok := minor(amount, decimals)
		if ok != exact.IsInt() || ok && exact.Num().String() != strconv.FormatInt(got, 10) {
			t.Fatalf("%s with %d decimals = %d, %v", amount, decimals, got, ok)
		}
	})
}

func TestBirthday(t *testing.T) {
	for in, ok := range map[string]bool{
		"": true, "1984-02-29": true, "--02-29": true, "--12-31": true, " 1984-03-08 ": true, "2026-11-22": true, "1905-01-01": true,
		"1983-02-29": false, "--02-30": false, "--13-01": false, "84-03-08": false, "1984-3-8": false, "1984-03-08T00:00:00Z": false, "2026-11-23": false,
		"1904-12-31": false, "-1984-03-08": false, "---03-08": false, "2000-03-08-": false, "--": false, "-": false,
	} {
		x := reader{now: storetest.Now}
		if got := x.birthday("body", in); (len(x.faults) == 0) != ok || ok && got != strings.TrimSpace(in) {
			t.Errorf("%q = %q, %v", in, got, x.faults)
		}
	}
}

// TestSafe: huma's messages and places pass only where they cannot hold a value.
func TestSafe(t *testing.T) {
	const hidden = "cannot be read"
	for in, want := range map[string]string{
		"expected string":                                                   "expected string",
		`expected value to be one of "in, out"`:                             `expected value to be one of "in, out"`,
		"unexpected property":                                               "unexpected property",
		"expected required property id to be present":                       "expected required property id to be present",
		"expected string to be RFC 5322 email: mail: no angle-addr in Ivan": hidden,
		"invalid character 'И' looking for beginning of value":              hidden,
		"json: cannot unmarshal number 9165554433e400 into Go value":        hidden,
		"": hidden,
	} {
		if got := safeMessage(in); got != want {
			t.Errorf("%q → %q", in, got)
		}
	}
	for in, want := range map[string]string{
		"body.customer.phones[12]": "body.customer.phones[12]", "header.Idempotency-Key": "header.Idempotency-Key",
		"body.+79165554433": "body.?", "body.Иванов.name": "body.?.name", "body.a@b.c": "body.?.c", "body.x1": "body.?",
	} {
		if got := safeLocation(in); got != want {
			t.Errorf("%q → %q", in, got)
		}
	}
}

func TestFingerprint(t *testing.T) {
	same := fingerprint("visits", []byte(`{"a": 1.50, "b":["x"]}`))
	if fingerprint("visits", []byte("{\"b\":[\"x\"],\n\"a\":1.50}")) != same {
		t.Error("order and blanks make a difference")
	}
	for operation, body := range map[string]string{"deliveries": `{"a": 1.50, "b":["x"]}`, "visits": `{"a": 1.5, "b":["x"]}`} {
		if fingerprint(operation, []byte(body)) == same {
			t.Errorf("%s %s is taken for the same", operation, body)
		}
	}
}

// FuzzSqueeze: what goes to the database is valid UTF-8 without NUL, which
// PostgreSQL would refuse, and squeezing twice changes nothing.
func FuzzSqueeze(f *testing.F) {
	for _, s := range []string{"", " a  b ", "a\x00b", "\xff", "а\u00a0б", "\u200b", "\xd0 \xbf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := squeeze(s)
		if strings.ToValidUTF8(got, "?") != got || strings.ContainsRune(got, 0) || squeeze(got) != got || strings.Contains(got, "  ") {
			t.Errorf("%q → %q", s, got)
		}
	})
}

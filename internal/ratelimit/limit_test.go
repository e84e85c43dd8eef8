package ratelimit_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"otklik/internal/ratelimit"
)

func TestParseLimit(t *testing.T) {
	for _, tt := range []struct {
		text  string
		want  ratelimit.Limit
		short string
	}{
		{"10/s", ratelimit.Rate(10, time.Second, 1), "10/s"},
		{"600/min", ratelimit.Rate(10, time.Second, 1), "10/s"},
		{"7/s", ratelimit.Rate(7, time.Second, 1), "7/s"},
		{"30/s burst 10", ratelimit.Rate(30, time.Second, 10), "30/s burst 10"},
		{" 1/SECOND  Burst 3 ", ratelimit.Rate(1, time.Second, 3), "1/s burst 3"},
		{"1/s burst 1", ratelimit.Rate(1, time.Second, 1), "1/s"},
		{"20/m", ratelimit.Rate(20, time.Minute, 1), "20/min"},
		{"100/h", ratelimit.Rate(100, time.Hour, 1), "100/h"},
		{"10000/day burst 500", ratelimit.Rate(10000, 24*time.Hour, 500), "10000/day burst 500"},
		{"1/7s", ratelimit.Rate(1, 7*time.Second, 1), "1/7s"},
		{"100/15m", ratelimit.Rate(400, time.Hour, 1), "400/h"},
		{"1000000/s", ratelimit.Rate(1, time.Microsecond, 1), "1000000/s"},
		{"none", ratelimit.Limit{}, "none"},
	} {
		got, err := ratelimit.ParseLimit(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("%q is %v, %v; want %v", tt.text, got, err, tt.want)
		}
		if got.String() != tt.short {
			t.Errorf("%q is written %q, want %q", tt.text, got, tt.short)
		}
	}
}

func TestParseLimitRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"":                   "want a form like",
		"ten":                "slash",
		"10":                 "slash",
		"10/s burst":         "want a form like",
		"10/s bust 3":        "want a form like",
		"10/s burst 3 more":  "want a form like",
		"none burst 3":       "slash",
		"10/s burst 0":       "burst must be a whole number",
		"10/s burst 9999999": "burst must be a whole number",
		"0/s":                "number of units must be",
		"-1/s":               "number of units must be",
		"1.5/s":              "number of units must be",
		"/s":                 "number of units must be",
		"10/":                "want s, min, h, day",
		"10/fortnight":       "want s, min, h, day",
		"10/-5s":             "want s, min, h, day",
		"10/0s":              "want s, min, h, day",
		"1/1000h":            "slower than one unit in 31 days",
		"1000000/100ms":      "faster than 1000000/s",
	} {
		got, err := ratelimit.ParseLimit(text)
		if err == nil {
			t.Errorf("%q is read as %v", text, got)
		} else if !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: error %q does not say %q", text, err, says)
		}
	}
}

// What is read is written so that it reads the same, and its units and time make
// the same limit: that is how it goes through a database.
func TestLimitThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[1-9][0-9]{0,4}/(s|min|h|day|[1-9][0-9]?s|[1-9]m[1-9]s)( burst [1-9][0-9]?)?`).Draw(t, "text")
		l, err := ratelimit.ParseLimit(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ratelimit.ParseLimit(l.String())
		if err != nil || again != l {
			t.Fatalf("%q is %#v, written %q, which is %#v, %v", text, l, l, again, err)
		}
		n, per := l.Units()
		if got := ratelimit.Rate(n, per, l.Burst); got != l || per%time.Microsecond != 0 {
			t.Fatalf("%q: %d in %v make %#v, not %#v", text, n, per, got, l)
		}
	})
	if n, per := (ratelimit.Limit{}).Units(); n != 0 || per != 0 || ratelimit.Rate(n, per, 0) != (ratelimit.Limit{}) {
		t.Errorf("no limit is %d in %v", n, per)
	}
}

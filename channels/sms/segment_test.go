package sms

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

func TestSegments(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		n          int
		encoding   string
	}{
		{"empty", "", 1, GSM7},
		{"one full", strings.Repeat("a", 160), 1, GSM7},
		{"one more", strings.Repeat("a", 161), 2, GSM7},
		{"two full", strings.Repeat("a", 306), 2, GSM7},
		{"three", strings.Repeat("a", 307), 3, GSM7},
		{"euro counts two", strings.Repeat("a", 158) + "€", 1, GSM7},
		{"euro counts two, over", strings.Repeat("a", 159) + "€", 2, GSM7},
		{"escape is not cut", strings.Repeat("a", 152) + "€" + strings.Repeat("a", 152), 3, GSM7},
		{"cyrillic full", strings.Repeat("я", 70), 1, UCS2},
		{"cyrillic more", strings.Repeat("я", 71), 2, UCS2},
		{"chinese three", strings.Repeat("好", 135), 3, UCS2},
		{"one quote turns all", strings.Repeat("a", 100) + "’", 2, UCS2},
		{"emoji full", strings.Repeat("😀", 35), 1, UCS2},
		{"pair is not cut", strings.Repeat("я", 66) + "😀" + strings.Repeat("я", 66), 3, UCS2},
		{"pair fits", strings.Repeat("я", 65) + "😀" + strings.Repeat("я", 67), 2, UCS2},
		{"new line", "a\r\nb", 1, GSM7},
		{"family", "👨‍👩‍👧", 1, UCS2},
		{"not text", "\xff\xfe", 1, UCS2},
	} {
		if n, encoding := Segments(tc.text); n != tc.n || encoding != tc.encoding {
			t.Errorf("%s: %d in %s, want %d in %s", tc.name, n, encoding, tc.n, tc.encoding)
		}
	}
}

// TestSegmentsAsTwilio compares with Twilio's own calculator; testdata/README.md
// says how the figures were made.
func TestSegmentsAsTwilio(t *testing.T) {
	raw, err := os.ReadFile("testdata/segments.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Text     string
		Segments int
		Encoding string
	}
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) < 500 {
		t.Fatalf("%d texts only", len(rows))
	}
	for _, row := range rows {
		if n, encoding := Segments(row.Text); n != row.Segments || encoding != row.Encoding {
			t.Errorf("%q: %d in %s, twilio says %d in %s", row.Text, n, encoding, row.Segments, row.Encoding)
		}
	}
}

// TestSegmentsBounds: whatever the text, the parts can hold it, are not more than
// cutting can cost, and a longer text never takes fewer.
func TestSegmentsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("aя好😀€~ \n’Z1")), 0, 700, -1).Draw(t, "text")
		n, encoding := Segments(text)
		units, single, part := len(utf16.Encode([]rune(text))), 70, 67
		if encoding == GSM7 {
			units, single, part = len([]rune(text))+strings.Count(text, "€")+strings.Count(text, "~"), 160, 153
		}
		switch {
		case units <= single && n != 1:
			t.Fatalf("%d units in %d parts", units, n)
		case units > single && (n*part < units || (n-1)*(part-1) >= units):
			t.Fatalf("%d units in %d parts", units, n)
		}
		if longer, _ := Segments(text + "a"); longer < n {
			t.Fatalf("a longer text takes %d parts in place of %d", longer, n)
		}
	})
}

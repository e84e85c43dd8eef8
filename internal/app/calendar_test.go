package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"otklik/internal/config"
)

// stopped is a clock that stands.
type stopped time.Time

func (s stopped) Business() time.Time { return time.Time(s) }
func (s stopped) Machine() time.Time  { return time.Time(s) }

// TestDated: doctor says of which years the working days are known, and a folder of
// one's own adds one.
func TestDated(t *testing.T) {
	definitions := t.TempDir()
	look := func(year int, countries ...string) Finding {
		t.Helper()
		b, err := readCalendar(definitions)
		if err != nil {
			t.Fatal(err)
		}
		c := &config.Config{}
		for _, code := range countries {
			c.Dealers = append(c.Dealers, config.Dealer{Country: code})
		}
		return dated(&App{config: c, calendar: b, clock: stopped(time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC))})
	}
	check := func(f Finding, ok bool, says ...string) {
		t.Helper()
		for _, s := range says {
			if f.OK != ok || !strings.Contains(f.Says, s) {
				t.Errorf("%+v, want %v and %q", f, ok, s)
			}
		}
	}
	check(look(2025, "RU"), true, "RU: 2025 and 2026 are known")
	check(look(2026, "RU", "DE", "RU"), true, "RU: 2026 is known, 2027 is provisional", "DE: no calendar")
	check(look(2027, "RU", "CN"), false, "RU: the working days of 2027 are only those that the law fixes", "CN: the working days of 2027")

	own := filepath.Join(definitions, "calendars", "RU")
	if err := os.MkdirAll(own, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(own, "2027.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("source: decree\noff: ['2027-01-01..2027-01-10']")
	check(look(2026, "RU"), true, "RU: 2026 and 2027 are known")
	write("source: decree\noff: ['2028-01-01']")
	if _, err := readCalendar(definitions); err == nil || !strings.Contains(err.Error(), filepath.Join("RU", "2027.yaml")) {
		t.Errorf("a broken file: %v", err)
	}
}

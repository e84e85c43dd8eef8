package intake

import (
	"strings"
	"testing"
	"time"
)

func TestScanStamp(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		cell       string
		monthFirst bool
		want       string // "" = nothing there, "!" = not in the calendar, "?" = no date
	}{
		{"15.11.2026 22:19", false, "2026-11-15 22:19:00"},
		{"15.11.2026 9:05:07", false, "2026-11-15 09:05:07"},
		{"15.11.26", false, "2026-11-15"},
		{"15/11/2026", false, "2026-11-15"},
		{"11/15/2026 02:00 PM", true, "2026-11-15 14:00:00"},
		{"11/15/2026 12:00 AM", true, "2026-11-15 00:00:00"},
		{"11/15/2026 12:30 PM", true, "2026-11-15 12:30:00"},
		{"11/15/2026 2:00 p.m.", true, "2026-11-15 14:00:00"},
		{"2026-11-15", true, "2026-11-15"},
		{"2026/11/15 8:00", true, "2026-11-15 08:00:00"},
		{"2026-11-15T22:19:30.250", false, "2026-11-15 22:19:30"},
		{"20261115", false, "2026-11-15"},
		{"15112026", false, "2026-11-15"},
		{"20261115221930", false, "2026-11-15 22:19:30"},
		{"2026年11月15日", false, "2026-11-15"},
		{"2026年11月15日 下午2:30", false, "2026-11-15 14:30:00"},
		{"2026年11月15日14时30分", false, "2026-11-15 14:30:00"},
		{"2026年11月15日 星期日 09:00", false, "2026-11-15 09:00:00"},
		{"２０２６年１１月１５日", false, "2026-11-15"},
		{"15 ноября 2026 г. 10:00", false, "2026-11-15 10:00:00"},
		{"15 ноя 2026", false, "2026-11-15"},
		{"15-Nov-2026", true, "2026-11-15"},
		{"Nov 15, 2026 2:00 PM", false, "2026-11-15 14:00:00"},
		{"Sunday, November 15th, 2026", false, "2026-11-15"},
		{"46341", false, "2026-11-15"},
		{"46327.4167", false, "2026-11-01 10:00:03"},
		{"46341,5", false, "2026-11-15 12:00:00"},
		{"15.11.2026 10:00-11:00", false, "2026-11-15 10:00:00"},
		{"15.11.2026 24:00", false, "2026-11-15 24:00:00"},
		{"29.02.1988", false, "1988-02-29"},
		{"29.02.1987", false, "!"},
		{"31.02.2026 10:00", false, "!"},
		{"02/30/2026", true, "!"},
		{"2026-13-01", false, "!"},
		{"15.11.2026 25:00", false, "!"},
		{"15.11.1026", false, "!"},
		{"", false, ""}, {" \u00a0", false, ""}, {"-", false, ""}, {"нет", false, ""}, {"  .  .    ", false, ""}, {"n/a", false, ""},
		{"01.01.0001 0:00:00", false, ""}, {"0000-00-00 00:00:00", false, ""}, {"01.01.1900", false, ""}, {"30.12.1899", false, ""},
		{"завтра", false, "?"}, {"сегодня 10:00", false, "?"}, {"ЮГ00012000", false, "?"}, {"12345678901", false, "?"},
		{"1.2.3.4", false, "?"}, {"11.2026", false, "no year 11-20?"},
	} {
		d, state := scanStamp(c.cell).read(c.monthFirst, now)
		got := map[stampState]string{stampNone: "", stampImpossible: "!", stampText: "?", stampTime: "time"}[state]
		if state == stampGood {
			got = d.text()
		}
		if strings.HasPrefix(c.want, "no year") {
			if state != stampText && state != stampImpossible {
				t.Errorf("%q: %s", c.cell, got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%q (month first %v): %q, want %q", c.cell, c.monthFirst, got, c.want)
		}
	}
}

func TestStampOffset(t *testing.T) {
	msk := zone(t, "Europe/Moscow")
	for cell, want := range map[string]string{
		"2026-11-15T22:19:00Z":      "2026-11-15T22:19:00Z",
		"2026-11-15T22:19:00+05:00": "2026-11-15T17:19:00Z",
		"2026-11-15T22:19:00-0500":  "2026-11-16T03:19:00Z",
		"2026-11-15 22:19":          "2026-11-15T19:19:00Z",
	} {
		d, state := scanStamp(cell).read(false, time.Time{})
		if got := d.instant(msk).UTC().Format(time.RFC3339); state != stampGood || got != want {
			t.Errorf("%s: %s, want %s", cell, got, want)
		}
	}
}

// A time the clock skips is read as if it had run on, a time that comes twice as the first.
func TestInstantAtClockChange(t *testing.T) {
	for _, c := range []struct{ zone, local, want string }{
		{"America/New_York", "2026-03-08 02:30", "2026-03-08T07:30:00Z"}, // gap: 03:30 EDT
		{"America/New_York", "2026-03-08 03:30", "2026-03-08T07:30:00Z"},
		{"America/New_York", "2026-03-08 01:30", "2026-03-08T06:30:00Z"},
		{"America/New_York", "2026-11-01 01:30", "2026-11-01T05:30:00Z"}, // fold: the earlier, EDT
		{"America/New_York", "2026-11-01 02:30", "2026-11-01T07:30:00Z"},
		{"Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:30:00Z"},
		{"Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30:00Z"},
		{"Europe/Moscow", "2026-11-15 22:19", "2026-11-15T19:19:00Z"},
		{"Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03T15:45:00Z"}, // gap of half an hour
	} {
		d, _ := scanStamp(c.local).read(false, time.Time{})
		if got := d.instant(zone(t, c.zone)).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.local, c.zone, got, c.want)
		}
	}
}

// The order of day and month is one for the column: told by any cell, else by the file's other columns, else the locale.
func TestDayOrderOfAColumn(t *testing.T) {
	for _, c := range []struct {
		name, locale, country string
		closed                []string
		opened                string
		want                  string // day of the first row's closing
	}{
		{"a cell above twelve in front", "en", "US", []string{"03/04/2026", "25/04/2026"}, "", "2026-04-03"},
		{"a cell above twelve behind", "ru", "RU", []string{"03/04/2026", "04/25/2026"}, "", "2026-03-04"},
		{"an impossible cell changes nothing", "ru", "RU", []string{"03/04/2026", "25/04/2026", "31/02/2026"}, "", "2026-04-03"},
		{"locale of the United States", "en", "US", []string{"03/04/2026", "05/06/2026"}, "", "2026-03-04"},
		{"English elsewhere", "en", "GB", []string{"03/04/2026", "05/06/2026"}, "", "2026-04-03"},
		{"Russian", "ru", "RU", []string{"03/04/2026", "05/06/2026"}, "", "2026-04-03"},
		{"another column tells", "ru", "RU", []string{"03/04/2026", "05/06/2026"}, "02/28/2026", "2026-03-04"},
		{"dots are never American", "en", "US", []string{"03.04.2026", "05.06.2026"}, "", "2026-04-03"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			b.WriteString("RO Number,Customer,Phone,Closed,Opened\n")
			for i, d := range c.closed {
				b.WriteString(strings.Join([]string{string(rune('A' + i)), "John Smith", "", d, c.opened}, ",") + "\n")
			}
			f := read(t, b.String(), Options{Kind: Visits, Locale: c.locale, Country: c.country})
			if got := f.Rows[0].Record.ClosedAt.Format(time.DateOnly); got != c.want {
				t.Errorf("read as %s, want %s", got, c.want)
			}
		})
	}
}

func TestBirthdays(t *testing.T) {
	for cell, want := range map[string]string{
		"21.01.1988": "1988-01-21", "29.02.1988": "1988-02-29", "21.01.88": "1988-01-21", "05.03.04": "2004-03-05",
		"15.03": "--03-15", "29.02": "--02-29", "15 марта": "--03-15", "3月15日": "--03-15", "15.03.1900": "--03-15", "1990-12-31": "1990-12-31",
		"01.01.0001": "", "": "", "29.02.1987": "", "15.11.2027": "", "не указана": "",
	} {
		f := read(t, "Клиент;Телефон;Дата рождения\nИванов Иван Иванович;89010000000;"+cell+"\n", moscow(t, Customers))
		if got := f.Rows[0].Record.Customer.Birthday; got != want {
			t.Errorf("%q: %q, want %q", cell, got, want)
		}
	}
	f := read(t, "Клиент;Телефон;Дата рождения\nООО «Ромашка»;89010000000;21.01.1988\n", moscow(t, Customers))
	if c := f.Rows[0].Record.Customer; c.Birthday != "" || !c.Company {
		t.Errorf("a company with a birthday: %+v", c)
	}
}

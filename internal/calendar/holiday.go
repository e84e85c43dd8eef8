package calendar

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Holiday is a day that people greet one another on, or keep.
type Holiday struct {
	ID string
	// Title by language: ru, en, zh.
	Title map[string]string
	// Countries are where it is usual, Religions whose it is; without one it is
	// everybody's there. A dealer switches it on by them.
	Countries, Religions []string
	// Solemn tells that nobody is congratulated on it.
	Solemn bool
	// Source says where the dates come from.
	Source string
}

// holiday is a holiday as its file has it, with exactly one rule for its date.
type holiday struct {
	Title     map[string]string `yaml:"title"`
	Countries []string          `yaml:"countries"`
	Religions []string          `yaml:"religions"`
	Solemn    bool              `yaml:"solemn"`

	// Fixed is "03-08".
	Fixed string `yaml:"fixed"`
	// Weekday is "last Sunday of October" or "4th Thursday of November".
	Weekday string `yaml:"weekday"`
	// After is another holiday and a number of days: "orthodox_easter+49".
	After string `yaml:"after"`
	// Computed is "orthodox_easter" or "western_easter".
	Computed string `yaml:"computed"`
	// Dates are those of every year that is known.
	Dates []string `yaml:"dates"`

	source string
	month  time.Month
	day    int
	wd     time.Weekday
	nth    int // from 1; -1 for the last
	dates  map[int][]Date
	offset int
	base   string
}

type holidayFile struct {
	Source   string              `yaml:"source"`
	Holidays map[string]*holiday `yaml:"holidays"`
}

func (b *Book) holidayFile(data []byte) error {
	var f holidayFile
	if err := decode(data, &f, &f.Source); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(f.Holidays)) {
		h := f.Holidays[id]
		h.source = f.Source
		if err := h.read(); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		b.holidays[id] = h
	}
	return nil
}

func (h *holiday) read() error {
	for _, l := range []string{"ru", "en", "zh"} {
		if h.Title[l] == "" {
			return fmt.Errorf("title.%s is missing", l)
		}
	}
	rules := 0
	for _, set := range []bool{h.Fixed != "", h.Weekday != "", h.After != "", h.Computed != "", len(h.Dates) > 0} {
		if set {
			rules++
		}
	}
	if rules != 1 {
		return errors.New("give one of fixed, weekday, after, computed and dates")
	}
	switch {
	case h.Fixed != "":
		day, err := parseYearly(h.Fixed, 2000)
		h.month, h.day = day.From.Month, day.From.Day
		return err
	case h.Weekday != "":
		return h.readWeekday()
	case h.After != "":
		m := aroundForm.FindStringSubmatch(h.After)
		if m == nil {
			return fmt.Errorf("after %q is not like orthodox_easter+49", h.After)
		}
		h.base = m[1]
		_, err := fmt.Sscanf(m[2], "%d", &h.offset)
		return err
	case h.Computed != "":
		if h.Computed != "orthodox_easter" && h.Computed != "western_easter" {
			return fmt.Errorf("computed %q is not known", h.Computed)
		}
		return nil
	}
	h.dates = map[int][]Date{}
	for _, s := range h.Dates {
		d, err := Parse(s)
		if err != nil {
			return err
		}
		h.dates[d.Year] = append(h.dates[d.Year], d)
	}
	return nil
}

func (h *holiday) readWeekday() error {
	words := strings.Fields(h.Weekday)
	bad := fmt.Errorf("weekday %q is not like last Sunday of October", h.Weekday)
	if len(words) != 4 || words[2] != "of" {
		return bad
	}
	h.nth = slices.Index([]string{"last", "", "1st", "2nd", "3rd", "4th"}, words[0]) - 1
	var ok bool
	h.wd, ok = weekday(words[1])
	month, err := time.Parse("January", words[3])
	if h.nth < -1 || h.nth == 0 || !ok || err != nil {
		return bad
	}
	h.month = month.Month()
	return nil
}

// Holiday is the first date of a holiday in a year; false for an id that is not known,
// and for a year of which its date is not.
func (b *Book) Holiday(id string, year int) (Date, bool) {
	ds := b.Dates(id, year)
	if len(ds) == 0 {
		return Date{}, false
	}
	return ds[0], true
}

// Dates are all dates of a holiday in a year: those of the Islamic year, which is eleven
// days shorter, come twice in some.
func (b *Book) Dates(id string, year int) []Date {
	h := b.holidays[id]
	switch {
	case h == nil:
		return nil
	case h.Computed == "orthodox_easter":
		return []Date{orthodoxEaster(year)}
	case h.Computed == "western_easter":
		return []Date{westernEaster(year)}
	case h.base != "":
		return b.after(h, year)
	case h.dates != nil:
		return slices.Clone(h.dates[year])
	case h.nth == -1:
		last := On(year, h.month+1, 0)
		return []Date{last.AddDays(-int((last.Weekday() - h.wd + 7) % 7))}
	case h.nth > 0:
		first := On(year, h.month, 1)
		return []Date{first.AddDays(int((h.wd-first.Weekday()+7)%7) + 7*(h.nth-1))}
	}
	return []Date{{year, h.month, min(h.day, DaysIn(year, h.month))}}
}

// grounded refuses a holiday that follows none, or itself.
func (b *Book) grounded(id string) error {
	h := b.holidays[id]
	for range b.holidays {
		if h.base == "" {
			return nil
		}
		if h = b.holidays[h.base]; h == nil {
			break
		}
	}
	return fmt.Errorf("%s: after %q leads to no date", id, b.holidays[id].After)
}

// after gives dates of a holiday that follows another, which may lie in the year before
// or after.
func (b *Book) after(h *holiday, year int) []Date {
	var out []Date
	for y := year - 1; y <= year+1; y++ {
		for _, d := range b.Dates(h.base, y) {
			if d = d.AddDays(h.offset); d.Year == year {
				out = append(out, d)
			}
		}
	}
	return out
}

// Holidays are all that are known, by id.
func (b *Book) Holidays() []Holiday {
	out := make([]Holiday, 0, len(b.holidays))
	for _, id := range slices.Sorted(maps.Keys(b.holidays)) {
		h := b.holidays[id]
		out = append(out, Holiday{ID: id, Title: maps.Clone(h.Title), Countries: slices.Clone(h.Countries), Religions: slices.Clone(h.Religions), Solemn: h.Solemn, Source: h.source})
	}
	return out
}

// Usual are the holidays of a country: everybody's there, and those of the religions.
func (b *Book) Usual(country string, religions ...string) []Holiday {
	return slices.DeleteFunc(b.Holidays(), func(h Holiday) bool {
		if !slices.Contains(h.Countries, country) {
			return true
		}
		return len(h.Religions) > 0 && !slices.ContainsFunc(h.Religions, func(r string) bool { return slices.Contains(religions, r) })
	})
}

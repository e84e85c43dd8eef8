package calendar

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed data
var shipped embed.FS

// Book knows working days and holidays. It does not change once it is loaded and may be
// asked from anywhere at once.
type Book struct {
	countries map[string]*country
	holidays  map[string]*holiday
}

// Year is what a file says of the working days of one year.
type Year struct {
	// Source names the decree or law.
	Source string `yaml:"source"`
	// Provisional tells that the year's own decree was not known when the file was
	// made: the file holds what the law fixes.
	Provisional bool `yaml:"provisional"`
	// Off are days that are free, Work Saturdays and Sundays on which people work.
	Off  []string `yaml:"off"`
	Work []string `yaml:"work"`

	// free says of the days that are named whether they are free.
	free map[Date]bool
}

// law is what holds in every year that has no file.
type law struct {
	Source string `yaml:"source"`
	// Days are free: "01-01", or "01-01..01-08".
	Days []string `yaml:"days"`
	// Holidays are free too: a holiday's id, and days after it: "lunar_new_year+1".
	Holidays []string `yaml:"holidays"`
	// MadeUp names the days of both lists for which the next working day is free when
	// they fall on a weekend; "all" for all.
	MadeUp []string `yaml:"made_up"`
}

type country struct {
	years map[int]*Year
	law   *law
	// lawful are the years by the law alone.
	lawful map[int]*Year
}

// lawYears are the years for which the fallback is worked out.
const (
	firstLawYear = 1990
	lastLawYear  = 2100
)

// Default is the shipped book, with layers of one's own over it.
func Default(own ...fs.FS) (*Book, error) {
	data, err := fs.Sub(shipped, "data")
	if err != nil {
		return nil, err
	}
	return Load(append([]fs.FS{data}, own...)...)
}

// Load reads layers of files; one that comes later replaces what an earlier one says of
// the same year or holiday. A layer has files COUNTRY/YEAR.yaml, COUNTRY/law.yaml and
// holidays/NAME.yaml; docs/calendars.md describes them.
func Load(layers ...fs.FS) (*Book, error) {
	b := &Book{countries: map[string]*country{}, holidays: map[string]*holiday{}}
	for _, l := range layers {
		if err := b.layer(l); err != nil {
			return nil, fmt.Errorf("reading calendars: %w", err)
		}
	}
	for id := range b.holidays {
		if err := b.grounded(id); err != nil {
			return nil, fmt.Errorf("reading calendars: %w", err)
		}
	}
	for code, c := range b.countries {
		if c.law == nil {
			continue
		}
		for y := firstLawYear; y <= lastLawYear; y++ {
			year, err := b.byLaw(c.law, y)
			if err != nil {
				return nil, fmt.Errorf("reading calendars: %s/law.yaml: %w", code, err)
			}
			c.lawful[y] = year
		}
	}
	return b, nil
}

var (
	countryForm = regexp.MustCompile(`^[A-Z]{2}$`)
	yearForm    = regexp.MustCompile(`^(\d{4})\.yaml$`)
)

func (b *Book) layer(l fs.FS) error {
	names, err := fs.Glob(l, "*/*.yaml")
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := fs.ReadFile(l, name)
		if err != nil {
			return err
		}
		if err := b.file(name, data); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (b *Book) file(name string, data []byte) error {
	dir, file := path.Split(name)
	dir = path.Clean(dir)
	if dir == "holidays" {
		return b.holidayFile(data)
	}
	if !countryForm.MatchString(dir) {
		return fmt.Errorf("%q is neither a country's code nor holidays", dir)
	}
	c := b.countries[dir]
	if c == nil {
		c = &country{years: map[int]*Year{}, lawful: map[int]*Year{}}
		b.countries[dir] = c
	}
	if file == "law.yaml" {
		c.law = &law{}
		return decode(data, c.law, &c.law.Source)
	}
	m := yearForm.FindStringSubmatch(file)
	if m == nil {
		return errors.New("the file is named after neither a year nor law")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return err
	}
	y := &Year{}
	if err := decode(data, y, &y.Source); err != nil {
		return err
	}
	c.years[n] = y
	return y.index(n)
}

// decode reads a file that must name its source and hold nothing that is not known.
func decode(data []byte, into any, source *string) error {
	if err := decodeStrictly(data, into); err != nil {
		return err
	}
	if *source == "" {
		return errors.New("source is missing")
	}
	return nil
}

func (y *Year) index(year int) error {
	y.free = map[Date]bool{}
	mark := func(days []string, free bool) error {
		for _, s := range days {
			span, err := ParseSpan(s)
			if err != nil {
				return err
			}
			for d := span.From; !d.After(span.To); d = d.AddDays(1) {
				if _, twice := y.free[d]; twice || d.Year != year {
					return fmt.Errorf("%s is named twice or lies in another year", d)
				}
				if !free && !d.Weekend() {
					return fmt.Errorf("%s is worked on anyway", d)
				}
				y.free[d] = free
			}
		}
		return nil
	}
	return errors.Join(mark(y.Off, true), mark(y.Work, false))
}

// Working tells whether people work on a day in a country, at a dealer with these
// closures. A year without a file has the country's fixed holidays; a country without
// files works from Monday to Friday.
func (b *Book) Working(country string, d Date, closures Closures) bool {
	if closures.Has(d) {
		return false
	}
	if y := b.year(country, d.Year); y != nil {
		if free, named := y.free[d]; named {
			return !free
		}
	}
	return !d.Weekend()
}

func (b *Book) year(code string, year int) *Year {
	c := b.countries[code]
	if c == nil {
		return nil
	}
	if y := c.years[year]; y != nil {
		return y
	}
	return c.lawful[year]
}

// AddWorking is the n-th working day after a day, before it for a negative n (R063); for
// 0 the day itself, or the next working day where it is none.
func (b *Book) AddWorking(country string, d Date, n int, closures Closures) Date {
	step, left := 1, n
	if n < 0 {
		step, left = -1, -n
	}
	if n == 0 {
		for !b.Working(country, d, closures) {
			d = d.AddDays(1)
		}
	}
	for left > 0 {
		d = d.AddDays(step)
		if b.Working(country, d, closures) {
			left--
		}
	}
	return d
}

// Known tells whether the working days of a country's year are those of its decree: not
// the fallback, and not provisional.
func (b *Book) Known(country string, year int) bool {
	y, ok := b.Year(country, year)
	return ok && !y.Provisional
}

// Year is what is known of a country's year; false where there is no file.
func (b *Book) Year(country string, year int) (Year, bool) {
	if c := b.countries[country]; c != nil && c.years[year] != nil {
		return *c.years[year], true
	}
	return Year{}, false
}

// Country tells whether anything is known of a country beside that weeks have weekends.
func (b *Book) Country(country string) bool { return b.countries[country] != nil }

// byLaw works a year out from what the law fixes.
func (b *Book) byLaw(l *law, year int) (*Year, error) {
	y := &Year{Source: l.Source, Provisional: true, free: map[Date]bool{}}
	var again []Date
	take := func(name string, days Span) {
		made := false
		for _, m := range l.MadeUp {
			made = made || m == name || m == "all"
		}
		for d := days.From; !d.After(days.To); d = d.AddDays(1) {
			y.free[d] = true
			if made && d.Weekend() {
				again = append(again, d)
			}
		}
	}
	for _, s := range l.Days {
		days, err := parseYearly(s, year)
		if err != nil {
			return nil, err
		}
		take(s, days)
	}
	for _, s := range l.Holidays {
		days, err := b.around(s, year)
		if err != nil {
			return nil, err
		}
		for _, d := range days {
			take(s, Span{d, d})
		}
	}
	for _, d := range again {
		for y.free[d] || d.Weekend() {
			d = d.AddDays(1)
		}
		y.free[d] = true
	}
	return y, nil
}

// parseYearly reads "01-01" or "01-01..01-08" of a year.
func parseYearly(s string, year int) (Span, error) {
	prefix := fmt.Sprintf("%04d-", year)
	if len(s) == len("01-01..01-08") {
		s = s[:7] + prefix + s[7:]
	}
	return ParseSpan(prefix + s)
}

var aroundForm = regexp.MustCompile(`^([a-z0-9_]+?)([+-]\d+)?$`)

// around reads "lunar_new_year-1": days beside a holiday; none in a year of which the
// holiday's date is not known.
func (b *Book) around(s string, year int) ([]Date, error) {
	m := aroundForm.FindStringSubmatch(s)
	if m == nil || b.holidays[m[1]] == nil {
		return nil, fmt.Errorf("%q names no holiday", s)
	}
	n := 0
	if m[2] != "" {
		var err error
		if n, err = strconv.Atoi(m[2]); err != nil {
			return nil, err
		}
	}
	var out []Date
	for _, d := range b.Dates(m[1], year) {
		out = append(out, d.AddDays(n))
	}
	return out, nil
}

// weekdays by name, as files have them.
func weekday(name string) (time.Weekday, bool) {
	for wd := time.Sunday; wd <= time.Saturday; wd++ {
		if name == wd.String() {
			return wd, true
		}
	}
	return 0, false
}

// decodeStrictly refuses fields that are not known: mostly typing errors.
func decodeStrictly(data []byte, into any) error {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	return d.Decode(into)
}

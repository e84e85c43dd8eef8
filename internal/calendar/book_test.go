package calendar

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func book(t testing.TB) *Book {
	t.Helper()
	b, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWorking(t *testing.T) {
	b := book(t)
	closed := Closures{{date(t, "2026-06-15"), date(t, "2026-06-16")}}
	for _, c := range []struct {
		name, country, day string
		closures           Closures
		want               bool
	}{
		{"a Tuesday", "RU", "2026-11-24", nil, true},
		{"a Sunday", "RU", "2026-11-29", nil, false},
		{"the January holidays", "RU", "2026-01-05", nil, false},
		{"a day off for a Saturday of January", "RU", "2026-01-09", nil, false},
		{"the first day after the holidays", "RU", "2026-01-12", nil, true},
		{"a Saturday that is worked on", "RU", "2025-11-01", nil, true},
		{"its day off", "RU", "2025-11-03", nil, false},
		{"Women's Day on a Sunday: the Monday after it", "RU", "2026-03-09", nil, false},
		{"Women's Day is a working day in China", "CN", "2027-03-08", nil, true},
		{"Spring Festival", "CN", "2026-02-23", nil, false},
		{"the Saturday for it", "CN", "2026-02-28", nil, true},
		{"the Sunday for the National Day", "CN", "2026-09-20", nil, true},
		{"the dealer is closed", "RU", "2026-06-16", closed, false},
		{"the dealer is closed elsewhere too", "DE", "2026-06-16", closed, false},
		{"a year without a file, 1 May on a Tuesday", "RU", "2029-05-01", nil, false},
		{"a year without a file, 12 June 2032 is a Saturday: the Monday", "RU", "2032-06-14", nil, false},
		{"a year without a file, January is not made up", "RU", "2028-01-10", nil, true},
		{"a year without a file in China: Mid-Autumn", "CN", "2029-09-22", nil, false},
		{"a country that nobody described", "DE", "2026-12-25", nil, true},
		{"its weekend", "DE", "2026-12-26", nil, false},
		{"no country", "", "2026-12-28", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := b.Working(c.country, date(t, c.day), c.closures); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// TestYears compares the count of working days with what was published: for Russia the
// production calendars of 2025 and 2026 (247 days each), for China 365 days less 104 of
// weekends and less the days of 国办发明电 that replace working days.
func TestYears(t *testing.T) {
	b := book(t)
	for _, c := range []struct {
		country    string
		year, want int
	}{{"RU", 2025, 247}, {"RU", 2026, 247}, {"CN", 2025, 248}, {"CN", 2026, 248}} {
		n := 0
		for d := On(c.year, 1, 1); d.Year == c.year; d = d.AddDays(1) {
			if b.Working(c.country, d, nil) {
				n++
			}
		}
		if n != c.want || !b.Known(c.country, c.year) {
			t.Errorf("%s %d: %d working days, want %d", c.country, c.year, n, c.want)
		}
	}
	if b.Known("RU", 2027) || b.Known("CN", 2027) || b.Known("RU", 2040) || b.Known("DE", 2026) {
		t.Error("a year is said to be known of which the decree is not")
	}
}

// TestProvisionalYears holds the files that were written from the law against the rule
// for years without a file.
func TestProvisionalYears(t *testing.T) {
	b := book(t)
	for code, c := range b.countries {
		for n, y := range c.years {
			if !y.Provisional {
				continue
			}
			for d := On(n, 1, 1); d.Year == n; d = d.AddDays(1) {
				if y.free[d] != c.lawful[n].free[d] {
					t.Errorf("%s %s: the file says %v, the law %v", code, d, y.free[d], c.lawful[n].free[d])
				}
			}
		}
	}
}

func TestAddWorking(t *testing.T) {
	b := book(t)
	for _, c := range []struct {
		name, country, from string
		n                   int
		closures            Closures
		want                string
	}{
		{"seven working days (R063)", "RU", "2026-11-24", 7, nil, "2026-12-03"},
		{"over New Year", "RU", "2025-12-29", 7, nil, "2026-01-19"},
		{"over a Saturday that is worked on", "RU", "2025-10-30", 2, nil, "2025-11-01"},
		{"over Spring Festival", "CN", "2026-02-13", 7, nil, "2026-03-02"},
		{"over a closed week", "RU", "2026-11-24", 7, Closures{{date(t, "2026-11-30"), date(t, "2026-12-06")}}, "2026-12-10"},
		{"from a Sunday", "RU", "2026-11-29", 1, nil, "2026-11-30"},
		{"none, on a working day", "RU", "2026-11-24", 0, nil, "2026-11-24"},
		{"none, on a Saturday", "RU", "2026-11-28", 0, nil, "2026-11-30"},
		{"back over Women's Day", "RU", "2026-03-10", -1, nil, "2026-03-06"},
		{"where nothing is known", "DE", "2026-12-24", 7, nil, "2027-01-04"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := b.AddWorking(c.country, date(t, c.from), c.n, c.closures).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestLayers(t *testing.T) {
	base := fstest.MapFS{
		"RU/2028.yaml":       {Data: []byte("source: law\nprovisional: true\noff: ['2028-02-23']")},
		"holidays/some.yaml": {Data: []byte("source: s\nholidays: {day: {title: {ru: а, en: a, zh: 甲}, fixed: '08-01'}}")},
	}
	own := fstest.MapFS{
		"RU/2028.yaml":      {Data: []byte("source: decree\noff: ['2028-02-23', '2028-02-25']")},
		"holidays/own.yaml": {Data: []byte("source: s\nholidays: {day: {title: {ru: а, en: a, zh: 甲}, dates: ['2028-08-02']}}")},
	}
	b, err := Load(base, own)
	if err != nil {
		t.Fatal(err)
	}
	if !b.Known("RU", 2028) || b.Working("RU", date(t, "2028-02-25"), nil) {
		t.Error("the later layer does not replace the year")
	}
	if d, _ := b.Holiday("day", 2028); d.String() != "2028-08-02" {
		t.Errorf("the later layer does not replace the holiday: %s", d)
	}
	if y, ok := b.Year("RU", 2028); !ok || y.Source != "decree" {
		t.Errorf("%+v", y)
	}
}

func TestLoadRefuses(t *testing.T) {
	const day = "source: s\nholidays: {day: {title: {ru: а, en: a, zh: 甲}, "
	for name, files := range map[string]map[string]string{
		"a year without a source":       {"RU/2028.yaml": "off: ['2028-02-23']"},
		"a day of another year":         {"RU/2028.yaml": "source: s\noff: ['2027-02-23']"},
		"a day named twice":             {"RU/2028.yaml": "source: s\noff: ['2028-02-23', '2028-02-21..2028-02-24']"},
		"a working day that is one":     {"RU/2028.yaml": "source: s\nwork: ['2028-02-23']"},
		"a field that is not known":     {"RU/2028.yaml": "source: s\nfree: ['2028-02-23']"},
		"a strange file":                {"RU/next.yaml": "source: s"},
		"a strange folder":              {"Russia/2028.yaml": "source: s"},
		"a law with a strange holiday":  {"RU/law.yaml": "source: s\nholidays: [nothing+1]"},
		"a law with a strange day":      {"RU/law.yaml": "source: s\ndays: ['8 March']"},
		"a holiday without a title":     {"holidays/a.yaml": "source: s\nholidays: {day: {title: {ru: а, en: a}, fixed: '01-01'}}"},
		"a holiday without a date":      {"holidays/a.yaml": day + "}}"},
		"a holiday with two rules":      {"holidays/a.yaml": day + "fixed: '01-01', dates: ['2026-01-01']}}"},
		"a fixed day that is none":      {"holidays/a.yaml": day + "fixed: '02-30'}}"},
		"a weekday that is none":        {"holidays/a.yaml": day + "weekday: 5th Sunday of May}}"},
		"a month that is none":          {"holidays/a.yaml": day + "weekday: last Sunday of Mai}}"},
		"a computation that is none":    {"holidays/a.yaml": day + "computed: easter}}"},
		"a holiday after nothing":       {"holidays/a.yaml": day + "after: nothing+1}}"},
		"a holiday after itself":        {"holidays/a.yaml": day + "after: day+1}}"},
		"a holiday zero days after one": {"holidays/a.yaml": day + "after: day}}"},
		"a date that is none":           {"holidays/a.yaml": day + "dates: ['2026-02-29']}}"},
		"a file that is no YAML":        {"holidays/a.yaml": "{"},
	} {
		fsys := fstest.MapFS{}
		for f, text := range files {
			fsys[f] = &fstest.MapFile{Data: []byte(text)}
		}
		if _, err := Load(fsys); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// rows of a file of testdata.
func rows(t *testing.T, name string) [][]string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "#") {
			out = append(out, strings.Fields(line))
		}
	}
	if len(out) != 61 {
		t.Fatalf("%s has %d years", name, len(out))
	}
	return out
}

func TestPublishedTables(t *testing.T) {
	b := book(t)
	year := func(s string) (n int) {
		if _, err := fmt.Sscan(s, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	check := func(row []string, ids ...string) {
		t.Helper()
		for i, id := range ids {
			if got := b.Dates(id, year(row[0])); len(got) != 1 || got[0].String() != row[i+1][:10] {
				t.Errorf("%s %s: %s, published %s", id, row[0], got, row[i+1])
			}
		}
	}
	for _, r := range rows(t, "easter.txt") {
		check(r, "western_easter", "orthodox_easter")
	}
	for _, r := range rows(t, "lunar.txt") {
		check(r, "lunar_new_year", "dragon_boat", "qixi", "mid_autumn", "double_ninth", "qingming")
	}
}

func TestHoliday(t *testing.T) {
	b := book(t)
	for id, want := range map[string]string{
		"new_year": "2026-01-01", "orthodox_christmas": "2026-01-07", "defender_23_february": "2026-02-23", "women_8_march": "2026-03-08", "nowruz": "2026-03-21",
		"orthodox_easter": "2026-04-12", "orthodox_trinity": "2026-05-31", "forgiveness_sunday": "2026-02-22", "radonitsa": "2026-04-21", "western_easter": "2026-04-05", "good_friday": "2026-04-03",
		"victory_9_may": "2026-05-09", "driver_day": "2026-10-25", "mothers_day_ru": "2026-11-29", "thanksgiving_us": "2026-11-26", "christmas": "2026-12-25",
		"lunar_new_year": "2026-02-17", "lunar_new_year_eve": "2026-02-16", "lantern": "2026-03-03", "qingming": "2026-04-05", "dragon_boat": "2026-06-19", "qixi": "2026-08-19", "mid_autumn": "2026-09-25",
		"double_ninth": "2026-10-18", "national_day_cn": "2026-10-01", "eid_al_fitr": "2026-03-20", "eid_al_adha": "2026-05-27",
	} {
		if got, ok := b.Holiday(id, 2026); !ok || got.String() != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	if _, ok := b.Holiday("nothing", 2026); ok {
		t.Error("a holiday that nobody knows has a date")
	}
	if _, ok := b.Holiday("mid_autumn", 2051); ok {
		t.Error("a year beyond the table has a date")
	}
	if got := fmt.Sprint(b.Dates("eid_al_fitr", 2033)); got != "[2033-01-03 2033-12-23]" {
		t.Errorf("Eid al-Fitr of 2033: %s", got)
	}
	for y := 1990; y <= 2050; y++ {
		for _, id := range []string{"eid_al_fitr", "eid_al_adha"} {
			if len(b.Dates(id, y)) == 0 {
				t.Errorf("%s lacks %d", id, y)
			}
		}
	}
}

func TestUsual(t *testing.T) {
	b := book(t)
	ids := func(country string, religions ...string) (out []string) {
		for _, h := range b.Usual(country, religions...) {
			out = append(out, h.ID)
		}
		return out
	}
	if got := ids("RU"); !slices.Contains(got, "women_8_march") || slices.Contains(got, "orthodox_easter") || slices.Contains(got, "mid_autumn") {
		t.Errorf("Russia, no religion: %v", got)
	}
	if got := ids("RU", "orthodox"); !slices.Contains(got, "orthodox_easter") || slices.Contains(got, "eid_al_fitr") {
		t.Errorf("Russia, orthodox: %v", got)
	}
	if got := ids("CN"); !slices.Contains(got, "mid_autumn") || slices.Contains(got, "victory_9_may") {
		t.Errorf("China: %v", got)
	}
	for _, h := range b.Holidays() {
		if h.Title["ru"] == "" || h.Title["en"] == "" || h.Title["zh"] == "" || h.Source == "" {
			t.Errorf("%+v", h)
		}
		if h.Solemn != slices.Contains([]string{"qingming", "radonitsa", "good_friday"}, h.ID) {
			t.Errorf("%s: solemn %v", h.ID, h.Solemn)
		}
	}
}

func BenchmarkIn(b *testing.B) {
	zone := location(b, "Europe/Moscow")
	for i := 0; b.Loop(); i++ {
		On(2026, 1, 1+i%365).In(zone, 10*60*60*1e9)
	}
}

func BenchmarkAddWorking(b *testing.B) {
	bk := book(b)
	d := date(b, "2026-11-24")
	for b.Loop() {
		bk.AddWorking("RU", d, 7, nil)
	}
}

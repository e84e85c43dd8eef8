package console

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"otklik/internal/definition"
	"otklik/internal/program"
	"otklik/internal/render"
	"otklik/internal/survey"
	"otklik/templates"
)

// TestCataloguesSayTheSame: the languages have the same keys (New checks that too)
// and each text the same placeholders.
func TestCataloguesSayTheSame(t *testing.T) {
	cs, err := loadCatalogues(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	holes := regexp.MustCompile(`\{[a-z]+\}`)
	for key, ru := range cs["ru"].texts {
		want := holes.FindAllString(ru, -1)
		slices.Sort(want)
		for _, l := range locales()[1:] {
			got := holes.FindAllString(cs[l].texts[key], -1)
			slices.Sort(got)
			if !slices.Equal(slices.Compact(want), slices.Compact(got)) {
				t.Errorf("%s %s has %v, Russian %v", l, key, got, want)
			}
		}
	}
}

// TestEveryProblemIsSaid: what a check of a definition can find has a text in each
// language, about all that it is about, and no text is without a code.
func TestEveryProblemIsSaid(t *testing.T) {
	cs, err := loadCatalogues(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]int{OtherID: 2, Other: 1}
	for _, of := range []map[string]int{definition.YAMLCodes(), survey.Codes(), program.Codes(), render.Codes()} {
		for code, args := range of {
			if _, taken := codes[code]; taken {
				t.Errorf("%s is a code of two packages", code)
			}
			codes[code] = args
		}
	}
	holes := regexp.MustCompile(`\{\d+\}`)
	for _, l := range locales() {
		for code, args := range codes {
			var want []string
			for i := range args {
				want = append(want, fmt.Sprintf("{%d}", i+1))
			}
			s := cs[l].text("definitions.problem." + code)
			got := holes.FindAllString(s, -1)
			slices.Sort(got)
			if !slices.Equal(want, slices.Compact(got)) || strings.Contains(s, "⟦") {
				t.Errorf("%s %s has %v, want %v: %s", l, code, got, want, s)
			}
		}
		for _, key := range cs[l].keys() {
			if code, ok := strings.CutPrefix(key, "definitions.problem."); ok {
				if _, ok := codes[code]; !ok {
					t.Errorf("%s has a text for %s, which nothing finds", l, code)
				}
			}
		}
	}
}

// TestEveryLanguageHasEveryKey, texts and counted texts, and none of its own.
func TestEveryLanguageHasEveryKey(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	_, err := loadCatalogues(fstest.MapFS{
		"console/ru.yaml": file("a: {b: бэ, c: цэ}\nn: {one: раз, other: много}\n"),
		"console/en.yaml": file("a: {b: bee}\nn: {one: once, other: often}\n"),
		"console/zh.yaml": file("a: {b: 乙, c: 丙, d: 丁}\nm: {other: 多}\n"),
	})
	want := "en.yaml has no a.c\nzh.yaml has no n\nonly zh.yaml has a.d\nonly zh.yaml has m"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCounts(t *testing.T) {
	cs, err := loadCatalogues(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		locale string
		n      int
		want   string
	}{
		{"ru", 1, "1 час"}, {"ru", 2, "2 часа"}, {"ru", 5, "5 часов"}, {"ru", 11, "11 часов"}, {"ru", 21, "21 час"}, {"ru", 48, "48 часов"},
		{"en", 1, "1 hour"}, {"en", 48, "48 hours"}, {"zh", 1, "1小时"}, {"zh", 48, "48小时"},
	} {
		if got := cs[tt.locale].count("phones.hours", tt.n); got != tt.want {
			t.Errorf("%s %d: %q, want %q", tt.locale, tt.n, got, tt.want)
		}
	}
}

func TestAMissingTextShowsItself(t *testing.T) {
	c := &catalogue{}
	if got := c.text("no.such"); got != "⟦no.such⟧" {
		t.Errorf("got %q", got)
	}
}

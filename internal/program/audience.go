package program

import (
	"slices"
	"strings"
)

// Audience says for whom a program is. Conditions that are left out hold for
// everybody; those of a list hold when one of its entries does.
type Audience struct {
	// Gender is "female" or "male". A person of unknown gender gets nothing and is listed for
	// checking (R052).
	Gender  string   `yaml:"gender"`
	Locales []string `yaml:"locales"`
	// Models are beginnings of the car's model, whatever their case: "LADA", "Vesta".
	Models []string `yaml:"models"`
	// Tags: one of them; NotTags: none of them.
	Tags    []string `yaml:"tags"`
	NotTags []string `yaml:"not_tags"`
	// Prospects, Companies: "only", "too" or "" for none of them.
	Prospects string `yaml:"prospects"`
	Companies string `yaml:"companies"`
}

// Person is what an audience is chosen by.
type Person struct {
	Gender, Locale    string
	Models, Tags      []string
	Prospect, Company bool
	Deceased          bool
}

func (a Audience) check(bad func(code string, args ...any)) {
	if a.Gender != "" && a.Gender != "female" && a.Gender != "male" {
		bad("audience_gender", a.Gender)
	}
	for _, v := range []string{a.Prospects, a.Companies} {
		if v != "" && v != "only" && v != "too" {
			bad("audience_among", v)
		}
	}
}

// any tells whether everybody is meant whatever is known of him.
func (a Audience) any() bool {
	return a.Gender == "" && len(a.Locales)+len(a.Models)+len(a.Tags)+len(a.NotTags) == 0 && a.Prospects == "too" && a.Companies == "too"
}

// Choose tells whether the person is meant; rule says why he is listed although he
// is not, "" where nothing need be said.
func (a Audience) Choose(p *Person) (in bool, rule string) {
	switch {
	case p.Prospect && a.Prospects == "", !p.Prospect && a.Prospects == "only",
		p.Company && a.Companies == "", !p.Company && a.Companies == "only",
		len(a.Locales) > 0 && !a.speaks(p.Locale),
		len(a.Models) > 0 && !slices.ContainsFunc(p.Models, a.model),
		len(a.Tags) > 0 && !slices.ContainsFunc(a.Tags, p.tagged),
		slices.ContainsFunc(a.NotTags, p.tagged):
		return false, ""
	case a.Gender != "" && p.Gender != "" && a.Gender != p.Gender:
		return false, ""
	case p.Deceased:
		return false, RuleDeceased
	case a.Gender != "" && p.Gender == "":
		return false, RuleGenderUnknown
	}
	return true, ""
}

// speaks tells whether one of the languages is the person's: "zh" is that of "zh-CN".
func (a Audience) speaks(locale string) bool {
	language, _, _ := strings.Cut(locale, "-")
	return slices.Contains(a.Locales, locale) || slices.Contains(a.Locales, language)
}

func (a Audience) model(m string) bool {
	m = strings.ToLower(m)
	return slices.ContainsFunc(a.Models, func(want string) bool { return strings.HasPrefix(m, strings.ToLower(want)) })
}

func (p *Person) tagged(tag string) bool {
	return slices.ContainsFunc(p.Tags, func(t string) bool { return strings.EqualFold(t, tag) })
}

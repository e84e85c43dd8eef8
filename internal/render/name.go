package render

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Person is whom a message speaks to.
type Person struct {
	Given, Patronymic, Family, Full string
	// Gender is "male", "female" or "" for unknown: it is never guessed here
	// (invariant 14).
	Gender string
	Locale string
	// Company is written to without a personal name.
	Company bool
}

// Address is how a person is addressed in a locale: "Иван Петрович", "Ivan",
// "张先生". It is "" when no part of the name can be used with tact (a company,
// initials, digits), or when the locale has no forms: the texts then do without
// a name.
func Address(p Person, locale string) string {
	if w := shipped()[base(locale)]; w != nil {
		return w.address(p)
	}
	return ""
}

// addressForm is one way to address a person. It is used when every part is
// known and safe, the gender is as asked, and the name is written in the script.
type addressForm struct {
	Form   string `yaml:"form"`
	Gender string `yaml:"gender"`
	Script string `yaml:"script"`
}

func (w *words) address(p Person) string {
	if p.Company {
		return ""
	}
	parts := map[string]string{"{given}": p.Given, "{patronymic}": p.Patronymic, "{family}": p.Family, "{full}": p.Full}
	if p.Full == "" && han(p.Family) && han(p.Given) {
		parts["{full}"] = p.Family + p.Given
	}
	for _, f := range w.Address {
		if f.Gender != "" && f.Gender != p.Gender {
			continue
		}
		if s, ok := f.fill(parts); ok {
			return s
		}
	}
	return ""
}

func (f addressForm) fill(parts map[string]string) (string, bool) {
	out := f.Form
	for name, value := range parts {
		if !strings.Contains(out, name) {
			continue
		}
		value = line(value)
		if !safeName(value) || f.Script == "han" && !han(value) {
			return "", false
		}
		out = strings.ReplaceAll(out, name, value)
	}
	return out, true
}

const longestName = 30

// safeName refuses what an export may hold instead of a name: initials, numbers,
// notes, addresses.
func safeName(s string) bool {
	if utf8.RuneCountInString(s) > longestName {
		return false
	}
	letters := 0
	for _, r := range s {
		switch {
		case unicode.IsLetter(r):
			letters++
		case unicode.Is(unicode.Mn, r):
		case r != ' ' && r != '-' && r != '\'' && r != '’' && r != '·':
			return false
		}
	}
	return letters >= 2 || letters == 1 && han(s)
}

// han tells whether a name is written in Chinese characters.
func han(s string) bool {
	for _, r := range s {
		if !unicode.Is(unicode.Han, r) && r != '·' {
			return false
		}
	}
	return s != ""
}

// base is the language of a locale: "zh" of "zh-CN".
func base(locale string) string {
	lang, _, _ := strings.Cut(strings.ReplaceAll(locale, "_", "-"), "-")
	return strings.ToLower(lang)
}

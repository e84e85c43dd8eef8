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
		return w.address(&p)
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

func (w *words) address(p *Person) string {
	if p.Company {
		return ""
	}
	for i := range w.Address {
		f := &w.Address[i]
		if f.Gender != "" && f.Gender != p.Gender {
			continue
		}
		if s, ok := f.fill(p); ok {
			return s
		}
	}
	return ""
}

func (f *addressForm) fill(p *Person) (string, bool) {
	var room [4 * longestName]byte
	b, form := room[:0], f.Form
	for {
		before, name, rest, last := cut(form)
		b = append(b, before...)
		if last {
			return string(b), true
		}
		if value, known := p.part(name); known {
			value = line(value)
			if !safeName(value) || f.Script == "han" && !han(value) {
				return "", false
			}
			b = append(b, spoken(value)...)
		} else {
			b, rest = append(b, '{'), form[len(before)+1:]
		}
		form = rest
	}
}

// part is what stands for a name in an addressForm.
func (p *Person) part(name string) (value string, known bool) {
	switch name {
	case "given":
		return p.Given, true
	case "patronymic":
		return p.Patronymic, true
	case "family":
		return p.Family, true
	case "full":
		if p.Full == "" && han(p.Family) && han(p.Given) {
			return p.Family + p.Given, true
		}
		return p.Full, true
	}
	return "", false
}

// spoken is a name as people write it to one another: what an export has in capitals is
// not shouted. "оглы" and "кызы" are no names of their own and stay small.
func spoken(s string) string {
	if strings.ContainsFunc(s, unicode.IsLower) || !strings.ContainsFunc(s, unicode.IsUpper) {
		return s
	}
	r := []rune(strings.ToLower(s))
	start := true
	for i, c := range r {
		if start {
			r[i] = unicode.ToUpper(c)
		}
		start = c == ' ' || c == '-' || (c == '\'' || c == '’') && (i < 2 || r[i-2] == ' ' || r[i-2] == '-')
	}
	words := strings.Fields(string(r))
	for i, w := range words {
		if i == 0 {
			continue
		}
		switch w {
		case "Оглы", "Кызы", "Оглу", "Улы":
			words[i] = strings.ToLower(w)
		}
	}
	return strings.Join(words, " ")
}

// mixed tells whether a word has letters of two alphabets: Latin ones that look like
// Cyrillic ones, typed by mistake. A person whose name is garbled is not addressed by it.
func mixed(s string) bool {
	latin, cyrillic := false, false
	for _, r := range s {
		switch {
		case r == ' ' || r == '-':
			latin, cyrillic = false, false
		case r <= '\u024f': // the blocks of letters in names; unicode's tables take longer
			latin = latin || unicode.IsLetter(r)
		case r >= '\u0400' && r <= '\u052f':
			cyrillic = true
		}
		if latin && cyrillic {
			return true
		}
	}
	return false
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
	return (letters >= 2 || letters == 1 && han(s)) && !mixed(s)
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

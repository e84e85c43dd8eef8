package render

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// counted are the forms of a noun with its number {n}, by CLDR's plural category of
// the number: "{n} год", "{n} года", "{n} лет". Which category a number has in a
// language is CLDR's rule; which forms there are stands in templates/words.
type counted map[string]string

// categories are CLDR's, by what x/text calls them.
var categories = [...]string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}

// mostCounted is the number up to which a language must have every form that it
// needs: the rules of whole numbers repeat after a hundred.
const mostCounted = 220

func category(tag language.Tag, n int) string {
	return categories[plural.Cardinal.MatchPlural(tag, n, 0, 0, 0, 0)]
}

// of is a number with its noun.
func (c counted) of(tag language.Tag, n int) string {
	return strings.ReplaceAll(c[category(tag, n)], "{n}", strconv.Itoa(n))
}

// complete refuses forms that some number would need and that are not there.
func (c counted) complete(tag language.Tag) error {
	var errs []error
	missing := map[string]bool{}
	for n := range mostCounted {
		if k := category(tag, n); c[k] == "" && !missing[k] {
			missing[k] = true
			errs = append(errs, fmt.Errorf("years have no form %q, as for %d", k, n))
		}
	}
	for k, form := range c {
		if !strings.Contains(form, "{n}") {
			errs = append(errs, fmt.Errorf("years: the form %q has no {n}", k))
		}
	}
	return errors.Join(errs...)
}

// years is an age in words; "" for what is not a full year.
func (w *words) years(n int) string {
	if n < 1 {
		return ""
	}
	return w.Years.of(w.tag, n)
}

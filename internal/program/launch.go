package program

import (
	"fmt"
	"slices"
	"strings"

	"otklik/internal/survey"
)

// Launch says why a program cannot start, a line for each reason; nothing when it
// can. Each step's survey must be there, be complete in the locales of the dealers,
// and have its phrases for every channel of the step: what is missing would
// otherwise show when the message is due.
func Launch(d *Definition, find func(id string) (*survey.Definition, bool), locales []string) []string {
	var out []string
	for _, s := range d.Steps {
		if s.Survey == "" {
			continue
		}
		def, ok := find(s.Survey)
		if !ok {
			out = append(out, fmt.Sprintf("step %s: there is no survey %q", s.ID, s.Survey))
			continue
		}
		for _, l := range locales {
			if base, _, _ := strings.Cut(l, "-"); !slices.Contains(def.Locales, l) && !slices.Contains(def.Locales, base) {
				out = append(out, fmt.Sprintf("step %s: survey %s has no translation into %s", s.ID, def.ID, l))
			}
		}
		for _, ch := range s.Channels {
			if _, ok := def.Budget[ch]; !ok {
				out = append(out, fmt.Sprintf("step %s: survey %s has no phrases for %s (its budget does not name it)", s.ID, def.ID, ch))
			}
		}
	}
	return out
}

package program

import (
	"fmt"
	"slices"
	"strings"

	"otklik/internal/calendar"
	"otklik/internal/survey"
)

// Texts is what programs refer to.
type Texts struct {
	Survey func(id string) (*survey.Definition, bool)
	// Message names the locales of a text of the catalogue; false where there is none.
	Message func(id string) (locales []string, ok bool)
	Book    *calendar.Book
}

// Launch says why a program cannot start, a line for each reason; nothing when it
// can. Each step's survey must be there, be complete in the locales of the dealers,
// and have its phrases for every channel of the step: what is missing would
// otherwise show when the message is due.
func Launch(d *Definition, texts Texts, locales []string) []string {
	var out []string
	for _, x := range d.On {
		if x.Holiday != "" && !slices.ContainsFunc(texts.Book.Holidays(), func(h calendar.Holiday) bool { return h.ID == x.Holiday }) {
			out = append(out, fmt.Sprintf("there is no holiday %q", x.Holiday))
		}
	}
	for _, s := range d.Steps {
		if s.Message != "" {
			out = append(out, launchMessage(s, texts, locales)...)
		}
		if s.Survey == "" {
			continue
		}
		def, ok := texts.Survey(s.Survey)
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

func launchMessage(s Step, texts Texts, locales []string) (out []string) {
	have, ok := texts.Message(s.Message)
	if !ok {
		return []string{fmt.Sprintf("step %s: there is no message %q", s.ID, s.Message)}
	}
	for _, l := range locales {
		if base, _, _ := strings.Cut(l, "-"); !slices.Contains(have, l) && !slices.Contains(have, base) {
			out = append(out, fmt.Sprintf("step %s: message %s has no translation into %s", s.ID, s.Message, l))
		}
	}
	return out
}

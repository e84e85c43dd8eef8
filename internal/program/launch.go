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

// Listed is a program with what keeps it from starting, if anything does.
type Listed struct {
	*Definition
	Missing []Missing
}

// What may be missing.
const (
	NoHoliday     = "no_holiday"
	NoSurvey      = "no_survey"
	NoMessage     = "no_message"
	SurveyLocale  = "survey_locale"
	MessageLocale = "message_locale"
	SurveyChannel = "survey_channel"
)

// Missing is one reason why a program cannot start.
type Missing struct {
	// Rule is one of the constants above.
	Rule string
	// Step is the id of the step, "" where the whole program is meant; Name the id of
	// what is not there or not complete; In the locale or channel that it lacks.
	Step, Name, In string
}

// String says it to those who run the program.
func (m Missing) String() string {
	step := ""
	if m.Step != "" {
		step = "step " + m.Step + ": "
	}
	switch m.Rule {
	case NoHoliday:
		return fmt.Sprintf("there is no holiday %q", m.Name)
	case NoSurvey:
		return fmt.Sprintf("%sthere is no survey %q", step, m.Name)
	case NoMessage:
		return fmt.Sprintf("%sthere is no message %q", step, m.Name)
	case SurveyLocale:
		return fmt.Sprintf("%ssurvey %s has no translation into %s", step, m.Name, m.In)
	case MessageLocale:
		return fmt.Sprintf("%smessage %s has no translation into %s", step, m.Name, m.In)
	}
	return fmt.Sprintf("%ssurvey %s has no phrases for %s (its budget does not name it)", step, m.Name, m.In)
}

// Said joins what is missing, with something between.
func Said(missing []Missing, between string) string {
	var out []string
	for _, m := range missing {
		out = append(out, m.String())
	}
	return strings.Join(out, between)
}

// Launch says why a program cannot start; nothing when it can. Each step's survey must be there, be complete in the locales of the dealers,
// and have its phrases for every channel of the step: what is missing would
// otherwise show when the message is due.
func Launch(d *Definition, texts Texts, locales []string) []Missing {
	var out []Missing
	for _, x := range d.On {
		if x.Holiday != "" && !slices.ContainsFunc(texts.Book.Holidays(), func(h calendar.Holiday) bool { return h.ID == x.Holiday }) {
			out = append(out, Missing{Rule: NoHoliday, Name: x.Holiday})
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
			out = append(out, Missing{NoSurvey, s.ID, s.Survey, ""})
			continue
		}
		for _, l := range locales {
			if base, _, _ := strings.Cut(l, "-"); !slices.Contains(def.Locales, l) && !slices.Contains(def.Locales, base) {
				out = append(out, Missing{SurveyLocale, s.ID, def.ID, l})
			}
		}
		for _, ch := range s.Channels {
			if _, ok := def.Budget[ch]; !ok {
				out = append(out, Missing{SurveyChannel, s.ID, def.ID, string(ch)})
			}
		}
	}
	return out
}

func launchMessage(s Step, texts Texts, locales []string) (out []Missing) {
	have, ok := texts.Message(s.Message)
	if !ok {
		return []Missing{{NoMessage, s.ID, s.Message, ""}}
	}
	for _, l := range locales {
		if base, _, _ := strings.Cut(l, "-"); !slices.Contains(have, l) && !slices.Contains(have, base) {
			out = append(out, Missing{MessageLocale, s.ID, s.Message, l})
		}
	}
	return out
}

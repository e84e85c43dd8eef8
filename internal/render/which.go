package render

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/survey"
)

// WhichQuestion is the id of the question that Which makes; no survey has it.
const WhichQuestion = "which"

// Subject is a survey that a person may mean with an answer: its title per locale, and
// the visit that it is about, as far as there is one.
type Subject struct {
	Title               map[string]string
	Model, Plate, Order string
	Date                time.Time
}

// Which is the question which of several subjects is meant. Its options are named by
// the visit, where that does not tell them apart by the survey's title, then by the
// order; their ids are their numbers.
func (r *Renderer) Which(of []Subject, zone *time.Location, now time.Time) *survey.Question {
	q := &survey.Question{ID: WhichQuestion, Kind: survey.Choice, Options: make([]survey.Option, len(of))}
	for i := range q.Options {
		q.Options[i] = survey.Option{ID: strconv.Itoa(i + 1), Label: map[string]string{}, Also: map[string][]string{}}
	}
	for l, w := range r.words {
		by := func(s *Subject) string { return w.visit(s, zone, now) }
		if !distinct(of, by) {
			by = func(s *Subject) string { return cmp.Or(s.Title[l], w.visit(s, zone, now)) }
		}
		if !distinct(of, by) {
			by = func(s *Subject) string { return strings.TrimSpace(w.visit(s, zone, now) + " " + s.Order) }
		}
		for i := range of {
			o := &q.Options[i]
			o.Label[l] = by(&of[i])
			for _, word := range []string{of[i].Model, of[i].Plate, w.visit(&Subject{Date: of[i].Date}, zone, now)} {
				if word != "" {
					o.Also[l] = append(o.Also[l], word)
				}
			}
		}
	}
	return q
}

func distinct(of []Subject, by func(*Subject) string) bool {
	seen := map[string]bool{"": true}
	for i := range of {
		s := by(&of[i])
		if seen[s] {
			return false
		}
		seen[s] = true
	}
	return true
}

// visit names a visit by the car and the day; "" when neither is known.
func (w *words) visit(s *Subject, zone *time.Location, now time.Time) string {
	day, model := "", line(s.Model)
	if !s.Date.IsZero() {
		day = string(w.appendDate(nil, s.Date, zone, now))
	}
	if day == "" || model == "" {
		return day + model
	}
	return strings.NewReplacer("{model}", model, "{date}", day).Replace(w.Visit)
}

// Asking renders a shared message with the answers to a question under it.
func (r *Renderer) Asking(id string, q *survey.Question, locale string, ch channels.Kind, d Data) (Content, error) {
	m, ok := r.messages[id]
	if !ok {
		return Content{}, fmt.Errorf("rendering %s: %w", id, ErrUnknown)
	}
	return r.run(&job{name: id, text: m.compiled, channel: ch, purpose: m.Purpose, segments: m.Segments, data: &d, buttons: &asked{Question: q}}, locale)
}

package survey

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"otklik/channels"
	"otklik/internal/reply"
)

// Given is one of several answers in one text.
type Given struct {
	Question string
	Reading  reply.Reading
	// Text is the part of the text that gives it.
	Text string
}

// Bounds of what is taken for a list of answers.
const (
	mostGiven = 12
	longGiven = 6 // characters of one answer
)

// Several reads a text as a list of answers to the questions that are still open, in
// their order: "5 4 5 3 да". nil when it is none: each part must be a sure answer to
// its question and nothing else. Words that are only repeated ("да да") are one
// answer, and so are two without a number ("да нет").
func Several(d *Definition, st State, locale string, ch channels.Kind, text string, read func(string, *reply.Question) reply.Reading) []Given {
	parts := split(text)
	if len(parts) < 2 || len(parts) > mostGiven || st.Question == "" || st.Done || emphatic(parts) {
		return nil
	}
	s := step{d: d, st: st.clone()}
	s.st.Channel = ch
	var out []Given
	for _, part := range parts {
		q := s.following(len(parts) == 2)
		if q == nil {
			return nil
		}
		asked := q.Reply(locale, ch)
		r := read(part, &asked)
		a, ok := d.accepts(q, &r)
		if !ok || !a.valued() || a.Comment != "" || r.Intent != reply.IntentAnswer {
			return nil
		}
		s.st.Answers[q.ID] = a
		s.st.Question = ""
		out = append(out, Given{Question: q.ID, Reading: r, Text: part})
	}
	return out
}

// following is the open question, then what would be asked after it. Who gives more
// than two answers at once has the whole list before him, whatever the channel asks.
func (s *step) following(budgeted bool) *Question {
	if q, ok := s.d.Question(s.st.Question); ok {
		return q
	}
	if budgeted && len(s.st.Answers) >= s.d.Budget[s.st.Channel].Rated {
		return nil
	}
	for i := range s.d.Questions {
		q := &s.d.Questions[i]
		if !q.Open() && s.wanted(q, s.st.Channel) {
			return q
		}
	}
	return nil
}

// split cuts a list at blanks and separators; nil when a part is too long for one
// answer.
func split(text string) []string {
	parts := strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(",;/、，；", r)
	})
	if slices.ContainsFunc(parts, func(p string) bool { return utf8.RuneCountInString(p) > longGiven }) {
		return nil
	}
	return parts
}

func emphatic(parts []string) bool {
	number := func(p string) bool { return strings.ContainsFunc(p, unicode.IsDigit) }
	if slices.ContainsFunc(parts, number) {
		return false
	}
	return len(parts) == 2 || len(slices.Compact(slices.Clone(parts))) == 1
}

// several saves what a list gives. It is confirmed with what comes next.
func (s *step) several() {
	var saved []*Question
	for _, g := range s.in.Several {
		q, ok := s.d.Question(g.Question)
		if !ok {
			continue
		}
		if a, ok := s.d.accepts(q, &g.Reading); ok {
			s.save(q, a)
			s.settle(q)
			saved = append(saved, q)
		}
	}
	s.judge(saved, nil)
	s.proceed()
}

package survey

import (
	"slices"
	"strings"
	"unicode"

	"otklik/channels"
	"otklik/internal/reply"
)

// Target decides which question a text answers, and reads it against that one.
// read is the parser (reply.Input.Question). The id is "" when no question fits:
// then the reading is of the bare words, with no question open. Almost always it is the open question; it is an
// earlier one when the person corrects himself ("ой, 5, не 1") or sends a number
// while words, or nothing, are asked for. Words alone never change an earlier
// answer: "нет, спасибо" after the end is no answer to the last question.
func Target(d *Definition, st State, locale string, ch channels.Kind, text string, read func(*reply.Question) reply.Reading) (string, reply.Reading) {
	open, isOpen := d.Question(st.Question)
	if isOpen {
		q := open.Reply(locale, ch)
		r := read(&q)
		if id, ok := open.labelled(text); ok && r.Intent == reply.IntentUnclear {
			r.Intent, r.Choice, r.Comment, r.Confidence = reply.IntentAnswer, id, "", 1
		}
		if !open.Open() && r.Intent == reply.IntentAnswer {
			return open.ID, r
		}
		if q, c, ok := earlier(d, st, locale, ch, text, read); ok {
			return q, c
		}
		return open.ID, r
	}
	if q, c, ok := earlier(d, st, locale, ch, text, read); ok {
		return q, c
	}
	return "", read(nil)
}

// labelled finds the option that a text names word for word: to the parser a label that
// is a refusal, such as "不需要", may be one of anything.
func (q *Question) labelled(text string) (string, bool) {
	if q.Kind != Choice {
		return "", false
	}
	said := strings.ToLower(strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) }))
	for i := range q.Options {
		o := &q.Options[i]
		for l, label := range o.Label {
			if slices.ContainsFunc(append([]string{label}, o.Also[l]...), func(s string) bool { return strings.ToLower(s) == said }) {
				return o.ID, true
			}
		}
	}
	return "", false
}

// earlier reads a text as a new answer to a question that has one.
// A bare number does that only where no choice is open, for "1" may mean yes.
func earlier(d *Definition, st State, locale string, ch channels.Kind, text string, read func(*reply.Question) reply.Reading) (string, reply.Reading, bool) {
	open, isOpen := d.Question(st.Question)
	numbers := bareNumber(text) && (!isOpen || open.Open())
	for _, q := range scored(d, st) {
		asked := q.Reply(locale, ch)
		r := read(&asked)
		a, ok := q.fromReading(&r)
		if r.Intent != reply.IntentAnswer || !ok || !a.valued() {
			continue
		}
		if numbers && a.Rating != nil || r.Flagged(reply.FlagCorrection) {
			return q.ID, r, true
		}
	}
	return "", reply.Reading{}, false
}

// scored lists the questions that have more than words for an answer, the latest
// answer first.
func scored(d *Definition, st State) []*Question {
	var out []*Question
	for i := len(d.Questions) - 1; i >= 0; i-- {
		q := &d.Questions[i]
		if a, ok := st.Answers[q.ID]; ok && a.valued() {
			out = append(out, q)
		}
	}
	slices.SortStableFunc(out, func(a, b *Question) int {
		return st.Answers[b.ID].At.Compare(st.Answers[a.ID].At)
	})
	return out
}

// bareNumber tells whether a text is digits and marks only, in any script.
func bareNumber(text string) bool {
	digits := false
	for _, r := range strings.TrimSpace(text) {
		switch {
		case unicode.IsDigit(r):
			digits = true
		case !unicode.IsPunct(r) && !unicode.IsSymbol(r) && !unicode.IsSpace(r) && !unicode.Is(unicode.Mn, r):
			return false
		}
	}
	return digits
}

package survey

import (
	"strings"

	"otklik/internal/reply"
)

// accepts gives the answer to a question in a reading, where it can be trusted.
func (d *Definition) accepts(q *Question, r *reply.Reading) (Answer, bool) {
	a, ok := q.fromReading(r)
	return a, ok && (q.Open() || r.Confidence >= d.Confidence && answers(r))
}

// Accepts tells whether a text that was read against a question answers it.
func (d *Definition) Accepts(question string, r *reply.Reading) bool {
	q, ok := d.Question(question)
	if !ok {
		return false
	}
	_, ok = d.accepts(q, r)
	return ok
}

// answers tells whether a value in the reading is meant as an answer: a score may
// stand beside an opt-out or a wish to be called.
func answers(r *reply.Reading) bool {
	return r.Intent == reply.IntentAnswer || r.Intent == reply.IntentOptOut || r.Intent == reply.IntentCallback
}

// inquires tells whether the person asks something: the survey's question is no answer
// to that, and asking it again would be none either.
func inquires(r *reply.Reading, words string) bool {
	return r.Has(reply.IntentInquiry) || marked(words)
}

// marked tells whether words end in a question mark.
func marked(words string) bool {
	words = strings.TrimRight(words, " \n!.)")
	return (strings.HasSuffix(words, "?") || strings.HasSuffix(words, "？")) && wordy(words)
}

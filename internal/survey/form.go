package survey

import (
	"slices"

	"otklik/channels"
)

// form handles several answers given at once. What was sent is the whole: the
// survey ends, and a later form only changes answers.
func (s *step) form() {
	var saved []*Question
	var said []Cause
	for _, id := range sortedKeys(s.in.Form) {
		if _, ok := s.d.Question(id); !ok {
			s.refuse(id, "")
		}
	}
	for i := range s.d.Questions {
		q := &s.d.Questions[i]
		v, given := s.in.Form[q.ID]
		if !given || v.blank() {
			continue
		}
		a, ok := q.Check(v)
		if !ok {
			s.refuse(q.ID, v.Text)
			continue
		}
		if old, stands := s.st.Answers[q.ID]; stands && s.in.Channel == channels.Paper && old.Channel != channels.Paper {
			said = append(said, s.second(q, old, a)...)
			continue
		}
		if s.save(q, a) {
			saved = append(saved, q)
			_, low := s.d.lowAnswer(q, a)
			s.pass(q, low, a.Comment, s.in.Reading)
		}
	}
	if s.in.Reading != nil {
		said = append(said, s.d.saidCauses(s.in.Reading, s.words())...)
	}
	s.judge(saved, said)
	s.submitted()
}

// second keeps an answer of a paper sheet beside the one that stands: nobody knows which
// of the two the person gave last, and the one of his own hand and hour counts. What
// makes a callback makes one all the same, and new words reach those they are about.
func (s *step) second(q *Question, old, a Answer) []Cause {
	a.Channel, a.At, a.MessageID = s.in.Channel, s.now, s.in.MessageID
	s.emit(Effect{Kind: SecondMode, Question: q.ID, Answer: a, Previous: &old})
	c, low := s.d.lowAnswer(q, a)
	if a.Comment != old.Comment {
		s.pass(q, low, a.Comment, s.in.Reading)
	}
	if !low {
		return nil
	}
	return []Cause{c}
}

func (s *step) submitted() {
	if len(s.st.Answers) == 0 {
		return
	}
	s.st.Waiting = false
	switch {
	case s.st.Silent:
	case s.st.Done:
		s.promise()
	default:
		s.thank()
	}
}

func (v Value) blank() bool {
	return v.Rating == nil && v.Answer == "" && v.Choice == "" && len(v.Choices) == 0 && v.Text == ""
}

// Check turns a form's value into an answer; false when it does not fit the
// question. Words beside a value are kept as its comment.
func (q *Question) Check(v Value) (Answer, bool) {
	a := Answer{Rating: v.Rating, Answer: v.Answer, Choice: v.Choice, Choices: slices.Clone(v.Choices), Comment: v.Text}
	return a, q.fits(a)
}

func (q *Question) fits(a Answer) bool {
	only := func(rating, answer, choice, choices bool) bool {
		return rating == (a.Rating != nil) && answer == (a.Answer != "") &&
			choice == (a.Choice != "") && choices == (len(a.Choices) > 0)
	}
	switch q.Kind {
	case Rating, NPS:
		return only(true, false, false, false) && *a.Rating >= q.Min && *a.Rating <= q.Max
	case YesNo:
		return only(false, true, false, false) && (a.Answer == "yes" || a.Answer == "no")
	case Choice, Expectation:
		_, ok := q.Option(a.Choice)
		return only(false, false, true, false) && ok
	case MultiChoice:
		return only(false, false, false, true) && !slices.ContainsFunc(a.Choices, func(id string) bool {
			_, ok := q.Option(id)
			return !ok
		})
	default:
		return only(false, false, false, false) && a.Comment != ""
	}
}

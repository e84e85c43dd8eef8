package survey

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"otklik/internal/reply"
)

// text handles something the person wrote.
func (s *step) text(r *reply.Reading) {
	wasSilent := s.st.Silent
	defer func() {
		switch {
		case wasSilent:
			s.hush(Resume, Help)
		case s.in.Human:
			s.hush(Resume, Help, OptOut, WrongPerson, SoldCar)
		}
	}()
	r = s.trusted(r)
	switch r.Intent {
	case reply.IntentResume:
		s.st.Silent = false
		s.emit(Effect{Kind: Resume, Purpose: r.Purpose, Bare: r.Bare, Message: "resume.confirmed"})
		return
	case reply.IntentHelp:
		s.emit(Effect{Kind: Help, Message: "help"})
		return
	}
	if r.Has(reply.IntentWrongPerson) && !r.Flagged(reply.FlagSoldCar) {
		// Whatever score stands beside it is not the customer's.
		s.leave(Effect{Kind: WrongPerson, Words: s.words(), Message: "wrong_person.ack"})
		return
	}
	saved := s.readAnswer(r)
	switch {
	case r.Has(reply.IntentOptOut):
		s.judge(saved, s.d.saidCauses(r, s.words()))
		s.optOut(r)
	case r.Flagged(reply.FlagSoldCar):
		s.judge(saved, s.d.saidCauses(r, s.words()))
		s.leave(Effect{Kind: SoldCar, Message: "sold_car.ack"})
	case len(saved) > 0:
		s.answered(r, saved)
	default:
		s.unanswered(r)
	}
}

// trusted is the reading as far as it is acted upon: an unsure "later" or "not
// me" is unclear, while an opt-out and a request to be called are obeyed on
// suspicion.
func (s *step) trusted(r *reply.Reading) *reply.Reading {
	unsure := r.Confidence < s.d.Confidence && (r.Intent == reply.IntentLater || r.Intent == reply.IntentWrongPerson)
	if !unsure {
		return r
	}
	out := *r
	out.Intent = reply.IntentUnclear
	if out.Comment == "" {
		out.Comment = s.in.Text
	}
	return &out
}

// hush keeps quiet towards a person who wants no messages, or to whom a human
// speaks: what he asks for by name is answered, nothing else is said.
func (s *step) hush(but ...EffectKind) {
	for i := range s.effects {
		if e := &s.effects[i]; !slices.Contains(but, e.Kind) {
			e.Message = ""
		}
	}
}

// target is the question that the reading answers.
func (s *step) target() (*Question, bool) {
	id := s.in.Question
	if id == "" {
		id = s.st.Question
	}
	return s.d.Question(id)
}

// readAnswer saves the answer of a reading where there is one that can be
// trusted, with the remark or praise in its words.
func (s *step) readAnswer(r *reply.Reading) []*Question {
	q, ok := s.target()
	if !ok {
		return nil
	}
	a, ok := s.d.accepts(q, r)
	if q.Open() && (s.callTime(r) || s.onlyNumber(r)) {
		return nil
	}
	if !ok || q.Role == Suggestions && inquires(r, a.Comment) && !s.st.Flagged {
		return nil
	}
	words := a.Comment
	if s.st.Words != "" && !s.st.answered(q.ID) {
		words = join(s.st.Words, words)
	}
	if !s.save(q, a) {
		// The same answer again is an answer all the same: it settles the question.
		s.settle(q)
		return []*Question{q}
	}
	_, low := s.d.lowAnswer(q, a)
	s.pass(q, low, words, r)
	return []*Question{q}
}

func (st *State) answered(id string) bool {
	_, ok := st.Answers[id]
	return ok
}

// callTime tells whether the text, apart from an answer, only says when to call.
func (s *step) callTime(r *reply.Reading) bool { return r.OnlyTime && r.When != nil && s.st.Flagged }

// aside is how many words may stand beside a number that say nothing else: "my number is".
const aside = 3

// onlyNumber tells whether the text only says where to call.
func (s *step) onlyNumber(r *reply.Reading) bool {
	if !s.in.Number || len(r.Topics)+len(r.Flags)+len(r.Praise) > 0 {
		return false
	}
	words, han := len(strings.Fields(r.Comment)), 0
	for _, c := range r.Comment {
		if unicode.Is(unicode.Han, c) {
			han++
		}
	}
	return words+han/2 <= aside
}

// pass hands words on to the people they are about.
func (s *step) pass(q *Question, low bool, words string, r *reply.Reading) {
	if words == "" || low && r != nil && r.OnlyTime {
		return // "2, after six": when to call, no complaint
	}
	remark := Effect{Kind: Remark, Question: q.ID, Words: words}
	if r != nil {
		remark.Topics = r.Topics
	}
	praised := r != nil && (len(r.Praise) > 0 || r.Flagged(reply.FlagPraise))
	switch {
	case q.Role == Suggestions:
		remark.RemarkKind = Suggestion
	case q.Role == Trouble || low:
		remark.RemarkKind = Complaint
	case !praised && len(remark.Topics) > 0:
		remark.RemarkKind = Wish
	}
	if remark.RemarkKind != "" {
		s.emit(remark)
	}
	if praised {
		s.praise(q.ID, words, r)
	}
}

// praise passes a good word on, and remembers whom it is about.
func (s *step) praise(question, words string, r *reply.Reading) {
	s.emit(Effect{Kind: Praise, Question: question, Words: words, Names: r.Praise, Topics: r.Topics})
	for _, name := range r.Praise {
		if !slices.Contains(s.st.Praised, name) {
			s.st.Praised = append(s.st.Praised, name)
		}
	}
}

// answered follows an answer read from a text.
func (s *step) answered(r *reply.Reading, saved []*Question) {
	late := s.st.Done
	s.judge(saved, s.d.saidCauses(r, s.words()))
	if inquires(r, r.Comment) && !s.st.Flagged {
		// Who has a callback asks the person who calls.
		s.emit(Effect{Kind: Inquiry, Words: s.words(), Topics: r.Topics})
	}
	s.proceed()
	if late {
		s.note("survey.closed")
	}
}

// unanswered follows a text without an answer.
func (s *step) unanswered(r *reply.Reading) {
	if s.st.Flagged && (r.When != nil || s.in.Number) {
		// "After six" says when to call, not when to ask again; a number says where.
		s.extend()
		s.effects[len(s.effects)-1].Message = "callback.requested"
		return
	}
	if r.Intent == reply.IntentLater && !s.in.Human {
		s.emit(Effect{Kind: Later, When: r.When, Message: "later.ack"})
		return
	}
	said := s.d.saidCauses(r, s.words())
	if len(said) > 0 {
		s.keepWords(r)
		s.judge(nil, said)
		s.called(r)
		return
	}
	if (r.Has(reply.IntentInquiry) || marked(r.Comment) && r.Suggest == nil) && !s.st.Flagged {
		s.emit(Effect{Kind: Inquiry, Words: s.words(), Topics: r.Topics})
		if !s.st.Silent {
			s.effects[len(s.effects)-1].Message = "inquiry.received"
		}
		return
	}
	q, ok := s.target()
	if ok && q.ID == s.st.Question {
		s.doubt(q, r)
		return
	}
	s.lateWords(r)
}

// called answers words that opened a callback, or asked for one again.
func (s *step) called(r *reply.Reading) {
	switch {
	case s.st.Silent:
	case s.onlyRequested():
		s.effects[s.opened-1].Message = "callback.requested"
	case s.opened > 0:
		s.promise()
	case r.Intent == reply.IntentCallback && len(s.effects) > 0:
		s.effects[len(s.effects)-1].Message = "callback.promise"
	}
}

// wordy tells words from the digits and marks of a score that could not be read.
func wordy(text string) bool { return strings.ContainsFunc(text, unicode.IsLetter) }

func (s *step) keepWords(r *reply.Reading) {
	if wordy(r.Comment) && s.st.Question != "" {
		s.st.Words = join(s.st.Words, r.Comment)
	}
}

// doubt handles a text that cannot be read as an answer: one polite re-ask, then
// a person. Words that a human should read go to him at once, for the re-ask may
// stay unanswered.
func (s *step) doubt(q *Question, r *reply.Reading) {
	s.keepWords(r)
	if r.Comment != "" && (len(r.Praise) > 0 || r.Flagged(reply.FlagPraise)) {
		s.praise(q.ID, r.Comment, r)
	}
	review := Effect{Kind: Review, Question: q.ID, Words: s.words(), Topics: r.Topics}
	review.Suggestion = q.suggestion(r)
	switch {
	case s.st.Flagged && (s.stops() || s.in.Human):
		s.extend()
	case s.st.Waiting, s.in.Human:
		s.emit(review)
	case s.st.Reasks > 0:
		s.st.Waiting = true
		review.Message = "review.ack"
		s.emit(review)
	default:
		s.st.Reasks++
		if wordy(r.Comment) {
			s.emit(review)
		}
		s.emit(Effect{Kind: Reask, Question: q.ID})
	}
}

// lateWords handles a text when no question is open: it goes to the person who
// has the callback, else to an operator, and is acknowledged once. A mere "thank
// you" is no words to keep.
func (s *step) lateWords(r *reply.Reading) {
	words := s.words()
	if words == "" || r.Comment == "" {
		return
	}
	if len(r.Praise) > 0 || r.Flagged(reply.FlagPraise) {
		s.praise("", words, r)
	}
	if s.st.Flagged {
		s.extend()
	} else {
		s.emit(Effect{Kind: Review, Words: words, Topics: r.Topics})
	}
	if s.st.Flagged && r.When != nil && !s.st.Silent {
		// The answer to "better at another time?": the promise is made anew.
		s.effects[len(s.effects)-1].Message = "callback.requested"
		return
	}
	if s.st.Done {
		s.note("survey.closed")
	} else {
		s.note("review.ack")
	}
}

// note acknowledges something late, once, unless this step says something else.
func (s *step) note(message string) {
	if s.st.Noted || len(s.effects) == 0 || slices.ContainsFunc(s.effects, Effect.Says) {
		return
	}
	s.st.Noted = true
	s.effects[len(s.effects)-1].Message = message
}

// optOut obeys an opt-out. One that names a purpose ends only what it names.
func (s *step) optOut(r *reply.Reading) {
	e := Effect{Kind: OptOut, Purpose: r.Purpose, Bare: r.Bare, Message: "optout.confirmed"}
	if r.Purpose != "" {
		e.Message = "optout.purpose"
	}
	if r.Purpose == "" || r.Purpose == s.d.Purpose {
		s.st.Silent = s.st.Silent || r.Purpose == ""
		s.end(e)
		return
	}
	s.emit(e)
}

// leave ends the conversation with somebody who is not, or no longer, the customer.
func (s *step) leave(e Effect) {
	s.st.Silent = true
	s.end(e)
}

func (s *step) end(e Effect) {
	s.st.Waiting = false
	s.emit(e)
	if !s.st.Done {
		s.finish()
	}
}

// tap handles a pressed button.
func (s *step) tap() {
	q, ok := s.d.Question(s.in.Tap.Question)
	if !ok {
		s.refuse(s.in.Tap.Question, s.in.Tap.Value)
		return
	}
	switch {
	case s.in.Tap.Value == Skip && q.Optional:
		if s.st.Question == q.ID {
			s.st.Skipped = append(s.st.Skipped, q.ID)
			s.settle(q)
			s.proceed()
		}
	case q.Kind == MultiChoice && s.in.Tap.Value != Enough:
		s.toggle(q)
	case q.Kind == MultiChoice:
		s.settle(q)
		s.judge([]*Question{q}, nil)
		s.proceed()
	default:
		a, ok := q.fromTap(s.in.Tap.Value)
		if !ok {
			s.refuse(q.ID, s.in.Tap.Value)
			return
		}
		s.save(q, a)
		s.settle(q)
		s.judge([]*Question{q}, nil)
		s.proceed()
	}
}

// toggle marks or unmarks one option; the question stays open until Enough.
func (s *step) toggle(q *Question) {
	if _, ok := q.Option(s.in.Tap.Value); !ok {
		s.refuse(q.ID, s.in.Tap.Value)
		return
	}
	open := s.st.Question
	chosen := slices.Clone(s.st.Answers[q.ID].Choices)
	if len(chosen) == 1 && chosen[0] == s.in.Tap.Value {
		chosen = nil // as it comes back from storage
	} else if i := slices.Index(chosen, s.in.Tap.Value); i >= 0 {
		chosen = slices.Delete(chosen, i, i+1)
	} else {
		chosen = append(chosen, s.in.Tap.Value)
	}
	s.save(q, Answer{Choices: chosen})
	s.st.Question = open
}

func (s *step) refuse(question, value string) {
	s.emit(Effect{Kind: Refuse, Question: question, Value: value})
}

// suggestion is the likeliest answer in a text that was not read for sure.
func (q *Question) suggestion(r *reply.Reading) *Answer {
	guess := *r
	if guess.Rating == nil {
		guess.Rating = r.Suggest
	}
	if a, ok := q.fromReading(&guess); ok {
		return &a
	}
	return nil
}

func (q *Question) fromTap(value string) (Answer, bool) {
	var a Answer
	switch q.Kind {
	case Rating, NPS:
		n, err := strconv.Atoi(value)
		if err != nil {
			return Answer{}, false
		}
		a.Rating = &n
	case YesNo:
		a.Answer = value
	case Choice, Expectation:
		a.Choice = value
	}
	return a, q.fits(a)
}

// fromReading is the answer in a reading that fits the question. Text questions
// take any words.
func (q *Question) fromReading(r *reply.Reading) (Answer, bool) {
	a := Answer{Comment: r.Comment}
	switch q.Kind {
	case Text:
		ok := r.Intent == reply.IntentAnswer || r.Intent == reply.IntentUnclear
		return a, ok && a.Comment != ""
	case Rating, NPS:
		if r.Rating != nil {
			n := *r.Rating
			a.Rating = &n
		}
	case YesNo:
		a.Answer = r.Answer
	case Choice, Expectation:
		a.Choice = r.Choice
	case MultiChoice:
		a.Choices = slices.Clone(r.Choices)
		if len(a.Choices) == 0 && r.Choice != "" {
			a.Choices = []string{r.Choice}
		}
	}
	return a, q.fits(a)
}

package survey

import (
	"slices"
	"strconv"
	"time"

	"otklik/channels"
	"otklik/internal/reply"
)

// CorrectionWindow is how long after it was opened a callback is withdrawn when
// its only low answer is corrected upward.
const CorrectionWindow = 15 * time.Minute

// Step gives the position after an input and what follows from it. It is
// deterministic, and leaves st untouched. now is business time. Effects come in
// the order in which they are to be carried out, in one transaction.
func Step(d *Definition, st State, in Input, now time.Time) (State, []Effect) {
	s := &step{d: d, st: st.clone(), in: in, now: now}
	if in.Channel != "" {
		s.st.Channel = in.Channel
	}
	switch {
	case in.Form != nil:
		s.form()
	case in.Tap != nil:
		s.tap()
	case in.Several != nil:
		s.several()
	case in.Reading != nil:
		s.text(in.Reading)
	}
	return s.st, s.effects
}

// step is one run of Step.
type step struct {
	d       *Definition
	st      State
	in      Input
	now     time.Time
	effects []Effect
	// opened is the index of the Callback effect of this step, plus one.
	opened int
}

func (s *step) emit(e Effect) { s.effects = append(s.effects, e) }

func (s *step) words() string {
	if s.in.Text != "" {
		return s.in.Text
	}
	if s.in.Reading != nil {
		return s.in.Reading.Comment
	}
	return ""
}

// save stores an answer and tells whether it said anything new.
func (s *step) save(q *Question, a Answer) bool {
	old, had := s.st.Answers[q.ID]
	if had && a.Comment == "" && a.valued() {
		// A tap or a corrected digit says nothing about the words that came before.
		a.Comment = old.Comment
	}
	if !had && s.st.Words != "" {
		a.Comment = join(s.st.Words, a.Comment)
	}
	s.st.Words = ""
	if had && old.Same(a) {
		return false
	}
	a.Channel, a.At, a.MessageID = s.st.Channel, s.now, s.in.MessageID
	s.st.Answers[q.ID] = a
	s.st.Skipped = slices.DeleteFunc(s.st.Skipped, func(id string) bool { return id == q.ID })
	e := Effect{Kind: SaveAnswer, Question: q.ID, Answer: a, Replaces: had}
	if had {
		e.Previous = &old
	}
	s.emit(e)
	s.settle(q)
	if v, ok := recommendation(q, a); ok {
		s.emit(Effect{Kind: Recommendation, Question: q.ID, Value: v})
	}
	if q.Role == Reach && a.Choice != "" {
		s.emit(Effect{Kind: Prefer, Question: q.ID, Value: a.Choice})
	}
	return true
}

// settle closes a question that has been answered.
func (s *step) settle(q *Question) {
	if s.st.Question == q.ID {
		s.st.Question, s.st.Reasks = "", 0
	}
	s.st.Waiting = false
}

func recommendation(q *Question, a Answer) (string, bool) {
	switch {
	case q.Role != Recommend:
		return "", false
	case a.Rating != nil:
		return strconv.Itoa(*a.Rating), true
	case a.Answer != "":
		return a.Answer, true
	}
	return "", false
}

// judge opens, extends or withdraws the callback after answers were saved.
// said are causes found in words; saved are the questions just answered.
func (s *step) judge(saved []*Question, said []Cause) {
	before := len(s.st.Causes)
	for _, q := range saved {
		s.st.Causes = slices.DeleteFunc(s.st.Causes, func(c Cause) bool { return c.Question == q.ID })
		if c, low := s.d.lowAnswer(q, s.st.Answers[q.ID]); low {
			s.st.Causes = append(s.st.Causes, c)
		}
	}
	for _, c := range said {
		if !slices.Contains(s.st.Causes, c) {
			s.st.Causes = append(s.st.Causes, c)
		}
	}
	switch {
	case len(s.st.Causes) > 0 && !s.st.Flagged:
		top := worst(s.st.Causes)
		s.st.Flagged, s.st.FlaggedAt = true, s.now
		s.emit(Effect{Kind: Callback, Question: top.Question, Reason: top.Reason, Severity: top.Severity, Words: s.ownWords(), When: s.asked()})
		s.opened = len(s.effects)
	case len(s.st.Causes) == 0 && s.st.Flagged && before > 0:
		s.cleared()
	case s.st.Flagged && (len(saved) > 0 || len(said) > 0) && s.words() != "":
		s.extend()
	}
}

// extend adds what was said now to the callback that is open.
func (s *step) extend() {
	e := Effect{Kind: CallbackWords, Words: s.words(), When: s.asked()}
	if len(s.st.Causes) > 0 {
		top := worst(s.st.Causes)
		e.Reason, e.Severity = top.Reason, top.Severity
	}
	s.emit(e)
}

// asked is the time at which the person wants to be called.
func (s *step) asked() *reply.Interval {
	if s.in.Reading == nil {
		return nil
	}
	return s.in.Reading.When
}

// cleared follows a correction that left the callback without a cause. Once a
// person has it, or the window has passed, it is that person's to close.
func (s *step) cleared() {
	if s.in.Claimed || s.now.Sub(s.st.FlaggedAt) > CorrectionWindow {
		s.emit(Effect{Kind: CallbackWords, Words: s.ownWords()})
		return
	}
	s.st.Flagged, s.st.FlaggedAt = false, time.Time{}
	s.emit(Effect{Kind: CallbackWithdraw, Words: s.ownWords()})
}

// ownWords is what the operator reads first: the text as it was written, or the
// comments of a form.
func (s *step) ownWords() string {
	if w := s.words(); w != "" {
		return w
	}
	var out string
	for i := range s.d.Questions {
		out = join(out, s.st.Answers[s.d.Questions[i].ID].Comment)
	}
	return out
}

func join(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return a + "\n" + b
}

func worst(cs []Cause) Cause {
	top := cs[0]
	for _, c := range cs[1:] {
		if c.Severity > top.Severity || c.Severity == top.Severity && top.Reason == Requested {
			top = c
		}
	}
	return top
}

// proceed says what comes next: one question, the thanks, or the promise that
// goes with a callback opened in this step.
func (s *step) proceed() {
	switch {
	case s.st.Silent, s.in.Human && s.in.Form == nil:
	case s.onlyRequested():
		// The person asked for a human: a human answers, and the bot asks no more.
		s.effects[s.opened-1].Message = "callback.requested"
		if len(s.st.Answers) > 0 && s.st.Question == "" {
			s.finish()
		}
	case s.st.Question != "" && s.stillApplies():
		s.promise()
	case s.st.Done:
		s.promise()
	default:
		s.advance()
	}
}

func (s *step) onlyRequested() bool {
	if s.opened == 0 {
		return false
	}
	return !s.st.troubled()
}

// promise tells who will call, or answers what was asked, when nothing else of this step
// does.
func (s *step) promise() {
	if s.opened > 0 {
		s.effects[s.opened-1].Message = "callback.promise"
	} else if i := s.inquiry(); i >= 0 {
		s.effects[i].Message = "inquiry.received"
	}
}

// stillApplies tells whether the open question is still to be asked after the
// answers and the callback of this step.
func (s *step) stillApplies() bool {
	q, ok := s.d.Question(s.st.Question)
	return ok && q.When.holds(&s.st) && (s.opened == 0 || !s.stops() || q.aboutTrouble())
}

func (s *step) stops() bool {
	return s.st.Flagged && s.d.Budget[s.st.Channel].StopWhenFlagged
}

// advance asks the next question or ends the conversation with thanks.
func (s *step) advance() {
	s.st.Question, s.st.Reasks = "", 0
	if q := s.next(); q != nil {
		s.st.Question = q.ID
		s.st.Asked = append(s.st.Asked, Asked{Question: q.ID, Channel: s.st.Channel})
		s.emit(Effect{Kind: Ask, Question: q.ID, Before: s.before(q)})
		return
	}
	s.thank()
}

// before is what the person is told before the next question: who answers what he has
// asked, or who calls, unless the question says so itself.
func (s *step) before(q *Question) string {
	switch {
	case s.inquiry() >= 0:
		return "ack.inquiry"
	case s.opened > 0 && !q.aboutTrouble():
		return "ack.callback"
	}
	return ""
}

// inquiry is the index of this step's question to us, -1 for none.
func (s *step) inquiry() int {
	return slices.IndexFunc(s.effects, func(e Effect) bool { return e.Kind == Inquiry })
}

// thank ends the conversation with thanks, or with who answers where the person has asked
// something in the same breath. That happens once: Done is for good.
func (s *step) thank() {
	if i := s.inquiry(); i >= 0 {
		s.effects[i].Message = "inquiry.received"
		s.finish()
		return
	}
	s.emit(Effect{Kind: Thank, Outcome: s.outcome()})
	s.finish()
}

func (s *step) finish() {
	s.st.Question, s.st.Done = "", true
	s.emit(Effect{Kind: Close})
}

// next is the first question still to be asked on this channel.
func (s *step) next() *Question {
	ch := s.st.Channel
	budget, ok := s.d.Budget[ch]
	if !ok || !asksOneByOne(ch) {
		return nil
	}
	rated, open := s.st.spent(s.d, ch)
	for i := range s.d.Questions {
		q := &s.d.Questions[i]
		left := budget.Rated - rated
		if q.Open() {
			left = budget.Open - open
		}
		if left > 0 && s.wanted(q, ch) {
			return q
		}
	}
	return nil
}

func (s *step) wanted(q *Question, ch channels.Kind) bool {
	if _, answered := s.st.Answers[q.ID]; answered || slices.Contains(s.st.Skipped, q.ID) {
		return false
	}
	if !q.on(ch) || !s.st.meets(q) || !q.When.holds(&s.st) || s.stops() && !q.aboutTrouble() {
		return false
	}
	if slices.Contains(q.CoveredByWords, ch) && s.st.hasWords() {
		return false
	}
	return !slices.Contains(s.st.Asked, Asked{Question: q.ID, Channel: ch})
}

// outcome chooses the thanks from what was answered.
func (s *step) outcome() Outcome {
	if s.st.troubled() {
		return Low
	}
	q, a := s.main()
	switch {
	case q == nil:
		return OnlyPart
	case a.Rating != nil && pleased(q, *a.Rating), a.Answer == "yes", q.Kind == Expectation && a.Choice != Worse:
		return Good
	}
	return Neutral
}

// pleased is the top of a scale: 4 and 5 of 5, 8 to 10 of 10, a promoter's 9 and 10.
func pleased(q *Question, v int) bool {
	if q.Kind == NPS {
		return v >= 9
	}
	return v*100 >= q.Max*80
}

// main is the answer that stands for the whole: the overall one, else the first
// that carries a value.
func (s *step) main() (*Question, Answer) {
	var first *Question
	for i := range s.d.Questions {
		q := &s.d.Questions[i]
		if a, ok := s.st.Answers[q.ID]; ok && a.valued() {
			if q.Role == Overall {
				return q, a
			}
			if first == nil {
				first = q
			}
		}
	}
	if first == nil {
		return nil, Answer{}
	}
	return first, s.st.Answers[first.ID]
}

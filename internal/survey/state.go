package survey

import (
	"maps"
	"slices"
	"time"

	"otklik/channels"
	"otklik/internal/reply"
)

// State is where one person stands in one survey. Its zero value is a survey
// that has asked nothing. It is kept as JSON.
type State struct {
	// Question is the open question's id; "" when none is open.
	Question string            `json:"question,omitempty"`
	Answers  map[string]Answer `json:"answers,omitempty"`
	Skipped  []string          `json:"skipped,omitempty"`
	// Drawn are the questions of the sets that this person is asked, on whatever
	// channel (Definition.Split).
	Drawn []string `json:"drawn,omitempty"`
	// Asked is what was asked and where, in order; budgets are counted in it.
	Asked []Asked `json:"asked,omitempty"`
	// Reasks of the open question: at most one, then a person reads.
	Reasks int `json:"reasks,omitempty"`
	// Waiting: a reply could not be read twice and lies with the operator.
	Waiting bool `json:"waiting,omitempty"`
	// Words came without an answer and belong to the next one.
	Words string `json:"words,omitempty"`
	// Praised are the employees whom the person named in praise, as the parser gave
	// them.
	Praised []string `json:"praised,omitempty"`
	// Flagged: a callback is open because of this conversation, since FlaggedAt.
	Flagged   bool      `json:"flagged,omitempty"`
	FlaggedAt time.Time `json:"flagged_at,omitzero"`
	Causes    []Cause   `json:"causes,omitempty"`
	// Done: the survey asks nothing more. Late answers still count.
	Done bool `json:"done,omitempty"`
	// Noted: a late text was acknowledged once.
	Noted bool `json:"noted,omitempty"`
	// Silent: the person opted out or is not the customer; nothing is said.
	Silent bool `json:"silent,omitempty"`
	// Channel is where the person was last heard.
	Channel channels.Kind `json:"channel,omitempty"`
}

// Asked is one question put to the person on one channel.
type Asked struct {
	Question string        `json:"question"`
	Channel  channels.Kind `json:"channel"`
}

// Cause is one reason for the callback of a conversation; Question is "" for what
// was said beside the questions.
type Cause struct {
	Question string   `json:"question,omitempty"`
	Reason   Reason   `json:"reason"`
	Severity Severity `json:"severity,omitempty"`
}

// Answer is one answer with the channel (mode) it came by and its time.
type Answer struct {
	Rating  *int     `json:"rating,omitempty"`
	Answer  string   `json:"answer,omitempty"` // "yes" or "no"
	Choice  string   `json:"choice,omitempty"`
	Choices []string `json:"choices,omitempty"`
	Comment string   `json:"comment,omitempty"`

	Channel   channels.Kind `json:"channel"`
	At        time.Time     `json:"at"`
	MessageID string        `json:"message,omitempty"`
}

// Same tells whether two answers say the same, however they came.
func (a Answer) Same(b Answer) bool {
	if (a.Rating == nil) != (b.Rating == nil) || a.Rating != nil && *a.Rating != *b.Rating {
		return false
	}
	return a.Answer == b.Answer && a.Choice == b.Choice && a.Comment == b.Comment &&
		slices.Equal(a.Choices, b.Choices)
}

// valued tells whether the answer carries more than words.
func (a Answer) valued() bool {
	return a.Rating != nil || a.Answer != "" || a.Choice != "" || len(a.Choices) > 0
}

// Input is one thing the person did. Exactly one of Reading, Several, Tap and Form is
// set, but that a Reading may stand beside a Form for its words.
type Input struct {
	// Reading is what the parser understood of Text, read against Question.
	Reading *reply.Reading
	// Several are the answers of a text that is a list of them.
	Several []Given
	Tap     *Tap
	// Form is several answers at once: the form, a phone call, a paper sheet.
	Form map[string]Value
	// Question is the question a Reading answers when it is known (Target, an
	// edited message); "" means the open one.
	Question  string
	Channel   channels.Kind
	MessageID string
	// Text is the customer's own words, unedited (R123).
	Text string
	// Claimed: a person has taken the callback, so it is not withdrawn.
	Claimed bool
	// Human: a person has taken the conversation over. What is answered is kept and
	// passed on to him; the bot asks nothing and says nothing of its own.
	Human bool
	// Number: the text brings the number on which the person is to be called. The Reading
	// is of what else it says.
	Number bool
}

// Tap is a pressed button. Value is a number, "yes", "no", an option's id, or
// one of the words Skip and Enough.
type Tap struct{ Question, Value string }

// Values of a Tap that are no answers.
const (
	// Skip leaves an optional question out.
	Skip = "skip"
	// Enough ends a multi-choice question, whose taps toggle options.
	Enough = "done"
)

// Value is one field of a form. An empty Value is a question left blank.
type Value struct {
	Rating  *int
	Answer  string
	Choice  string
	Choices []string
	Text    string
}

// EffectKind names what the caller must do.
type EffectKind string

// Effects, in the order in which one step gives them.
const (
	// SaveAnswer stores Answer under Question; with Replaces the former answer
	// (Previous) stays in the audit trail.
	SaveAnswer EffectKind = "save_answer"
	// SecondMode keeps what a paper sheet says to a question that Previous answers on
	// another channel: it is on record beside that, and not counted twice.
	SecondMode EffectKind = "second_mode"
	// Remark passes Words to a department; RemarkKind and Topics say what about.
	Remark EffectKind = "remark"
	// Praise passes Words to the employees Names (none named: the advisor).
	Praise EffectKind = "praise"
	// Recommendation stores Value: "yes", "no" or a number (R037).
	Recommendation EffectKind = "recommendation"
	// Prefer notes Value, the channel on which the person wants to be reached, or
	// NoChannel: no greetings (R040).
	Prefer EffectKind = "prefer"
	// Callback opens a callback with Reason, Severity and the customer's Words;
	// When is the time he asked for, if he did.
	Callback EffectKind = "callback"
	// CallbackWords adds Words to the open callback, raises its Severity, and
	// moves the call to When where that is set.
	CallbackWords EffectKind = "callback_words"
	// CallbackWithdraw closes the callback: its only cause was corrected.
	CallbackWithdraw EffectKind = "callback_withdraw"
	// Review puts Words before an operator, with Suggestion where there is one.
	// One review per conversation is enough: a second one updates the first,
	// and a SaveAnswer of the same question settles it.
	Review EffectKind = "review"
	// Inquiry passes Words to an operator, who answers within the hours of a written
	// question; the survey waits where it stood.
	Inquiry EffectKind = "inquiry"
	// OptOut withdraws Purpose ("" with Bare for all).
	OptOut EffectKind = "opt_out"
	// Resume restores what an opt-out withdrew.
	Resume EffectKind = "resume"
	// Help explains how this works.
	Help EffectKind = "help"
	// Later asks again at When (nil: the program's default).
	Later EffectKind = "later"
	// WrongPerson marks the address as not the customer's.
	WrongPerson EffectKind = "wrong_person"
	// SoldCar ends the car's programmes.
	SoldCar EffectKind = "sold_car"
	// Refuse says that Value is no answer to Question; nothing was changed.
	Refuse EffectKind = "refuse"
	// Ask, Reask and Thank are said to the customer.
	Ask   EffectKind = "ask"
	Reask EffectKind = "reask"
	Thank EffectKind = "thank"
	// Close ends the conversation.
	Close EffectKind = "close"
)

// Kinds of a Remark.
const (
	Complaint  = "complaint"
	Suggestion = "suggestion"
	Wish       = "wish"
)

// Effect is one thing that follows from a step. In one step at most one effect
// speaks to the customer: an Ask, a Reask, a Thank, or an effect with Message.
type Effect struct {
	Kind       EffectKind
	Question   string
	Answer     Answer
	Previous   *Answer
	Replaces   bool
	Outcome    Outcome
	Reason     Reason
	Severity   Severity
	Words      string
	RemarkKind string
	Topics     []string
	Names      []string
	Value      string
	When       *reply.Interval
	Purpose    string
	Bare       bool
	Suggestion *Answer
	// Message is the id in templates/messages of what the customer is told
	// because of this effect; "" when nothing is said for it.
	Message string
	// Before is the id of the message that an Ask stands behind: what else the customer
	// is to be told.
	Before string
}

// Says tells whether the effect speaks to the customer.
func (e Effect) Says() bool {
	return e.Kind == Ask || e.Kind == Reask || e.Kind == Thank || e.Message != ""
}

func (st State) clone() State {
	st.Answers = maps.Clone(st.Answers)
	if st.Answers == nil {
		st.Answers = map[string]Answer{}
	}
	st.Skipped = slices.Clone(st.Skipped)
	st.Drawn = slices.Clone(st.Drawn)
	st.Asked = slices.Clone(st.Asked)
	st.Causes = slices.Clone(st.Causes)
	st.Praised = slices.Clone(st.Praised)
	return st
}

// Told notes that a question has reached the person, so that it is not asked again.
func (st *State) Told(question string, ch channels.Kind) {
	if a := (Asked{Question: question, Channel: ch}); !slices.Contains(st.Asked, a) {
		st.Asked = append(st.Asked, a)
	}
}

// spent counts what was asked on a channel, by openness of the question.
func (st *State) spent(d *Definition, ch channels.Kind) (rated, open int) {
	for _, a := range st.Asked {
		q, ok := d.Question(a.Question)
		switch {
		case !ok || a.Channel != ch:
		case q.Open():
			open++
		default:
			rated++
		}
	}
	return rated, open
}

// hasWords tells whether the person has written anything beside the scores.
func (st *State) hasWords() bool {
	if st.Words != "" {
		return true
	}
	for _, a := range st.Answers {
		if a.Comment != "" {
			return true
		}
	}
	return false
}

// troubled tells whether something is wrong, beyond a wish to be called.
func (st *State) troubled() bool {
	return slices.ContainsFunc(st.Causes, func(c Cause) bool { return c.Reason != Requested })
}

// Begin is the state after the invite went out on a channel. Channels that ask
// one question at a time have the first question open; the others show the
// sheet and wait for a Form. drawn is what Draw gave for the person.
func Begin(d *Definition, ch channels.Kind, drawn []string) State {
	st := State{Channel: ch, Drawn: drawn}
	if q := d.First(); q != nil && asksOneByOne(ch) {
		st.Question = q.ID
		st.Asked = []Asked{{Question: q.ID, Channel: ch}}
	}
	return st
}

// First is the question that the invite asks: the same for everybody.
func (d *Definition) First() *Question {
	for i := range d.Questions {
		if d.Questions[i].When == nil && d.Questions[i].Set == "" {
			return &d.Questions[i]
		}
	}
	return nil
}

func asksOneByOne(ch channels.Kind) bool {
	return ch == channels.SMS || ch == channels.Email || ch == channels.Telegram
}

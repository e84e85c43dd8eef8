package reply

import "time"

// Kind is the kind of the question that is open.
type Kind string

// The question kinds a survey definition knows.
const (
	KindRating      Kind = "rating"
	KindNPS         Kind = "nps"
	KindYesNo       Kind = "yesno"
	KindChoice      Kind = "choice"
	KindMultiChoice Kind = "multichoice"
	KindText        Kind = "text"
)

// Option is one answer of a choice question; labels are the words that stand for it in the person's language.
type Option struct {
	ID     string   `json:"id"`
	Labels []string `json:"labels"`
}

// Question is what the person was asked. Min and Max bound a rating (0 and 0 mean 1..5, for NPS 0..10); options
// stand in the order in which the message numbered them; a yes/no prompt is put so that "yes" is the good answer.
type Question struct {
	Kind    Kind     `json:"kind"`
	Min     int      `json:"min,omitempty"`
	Max     int      `json:"max,omitempty"`
	Prompt  string   `json:"prompt,omitempty"`
	Options []Option `json:"options,omitempty"`
}

// scale gives the bounds of a rating question with the defaults filled in.
func (q Question) scale() (low, high int) {
	if q.Max == 0 {
		if q.Kind == KindNPS {
			return 0, 10
		}
		return 1, 5
	}
	return q.Min, q.Max
}

// Intent is what the person wants with the message.
type Intent string

// The intents; the conventions are those of the labelled corpus.
const (
	IntentAnswer      Intent = "answer"
	IntentOptOut      Intent = "optout"
	IntentResume      Intent = "resume"
	IntentHelp        Intent = "help"
	IntentCallback    Intent = "callback"
	IntentLater       Intent = "later"
	IntentWrongPerson Intent = "wrong_person"
	IntentUnclear     Intent = "unclear"
	// IntentInquiry stands in Also only, beside an answer or what is unclear: the person asks us something.
	IntentInquiry Intent = "inquiry"
)

// Flags a reading can carry.
const (
	FlagLegal       = "legal"        // lawyer, court, consumer protection, press: to the manager at once (R092)
	FlagSafety      = "safety"       // brakes, steering, smoke, fire, fuel: to the manager at once
	FlagSoldCar     = "sold_car"     // the car is not the person's any more: its programmes stop (R048)
	FlagCorrection  = "correction"   // the answer replaces an earlier one
	FlagPraise      = "praise"       // a good word for a person or the team
	FlagWarnOthers  = "warn_others"  // would warn others: top severity (R124)
	FlagNotFixed    = "not_fixed"    // the fault is still there (R079)
	FlagRepairAgain = "repair_again" // came back, or has to, with the same fault (R133)
)

// Purposes that a person can name in an opt-out.
const (
	PurposeAd       = "ad"
	PurposeSurvey   = "survey"
	PurposeGreeting = "greeting"
)

// Interval is a span of time, From included and To excluded, in the zone of the input.
type Interval struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Input is one text with what is known about its author and moment.
type Input struct {
	Text     string
	Locale   string    // language of the conversation, a hint only
	Channel  string    // sms, email, telegram, …; read by nothing yet that changes the meaning
	Question *Question // nil: no question is open
	// Now and Zone anchor "after six" and "tomorrow"; a zero Now leaves Reading.When nil, a nil Zone means Now's own.
	Now       time.Time
	Zone      *time.Location
	Employees []string // names to recognise in praise
}

// Reading is what was understood. Comment is the text to keep without the score; Confidence lies in [0,1].
type Reading struct {
	Intent  Intent
	Rating  *int     // within the question's scale, nil where none was given
	Suggest *int     // for unclear readings: the likeliest rating, for the operator's review list
	Answer  string   // "yes", "no" or ""
	Choice  string   // option id of a choice question
	Choices []string // option ids of a multi-choice question, in the question's order
	Comment string
	Also    []Intent // wishes expressed besides the intent
	Flags   []string
	Topics  []string
	Praise  []string // employees named in praise: as listed in the input, otherwise as written
	When    *Interval
	// OnlyTime: apart from an answer, the text is nothing but a time. What is asked at that time it does not say.
	OnlyTime bool `json:",omitempty"`
	// Regards: the text is nothing but thanks and good wishes.
	Regards bool   `json:",omitempty"`
	Purpose string // of an opt-out: "" for everything, or PurposeAd, PurposeSurvey, PurposeGreeting
	Bare    bool   // of an opt-out: a bare keyword rather than a phrase
	Locale  string // language the text is evidently written in, "" when unknown
	// Confidence is a judgement of the rule that fired, not a probability; below 0.5 the person should be asked again.
	Confidence float64
}

// Has tells whether the reading expresses the intent, as its own or besides it.
func (r Reading) Has(i Intent) bool {
	if r.Intent == i {
		return true
	}
	for _, a := range r.Also {
		if a == i {
			return true
		}
	}
	return false
}

// Flagged tells whether the reading carries the flag.
func (r Reading) Flagged(flag string) bool {
	for _, f := range r.Flags {
		if f == flag {
			return true
		}
	}
	return false
}

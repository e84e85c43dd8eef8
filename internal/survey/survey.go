// Package survey owns what is asked and what follows from an answer: the
// definitions of surveys (YAML), the position of one person in one survey
// (State) and the step from an event to the next position and its effects.
//
// It is pure: it does no I/O, reads no clock, draws no random number and never
// speaks to a customer. It does not understand texts (internal/reply does) and
// renders none (internal/render does). The inbox and the console call Step and
// carry the effects out in one transaction; internal/render reads the wording.
package survey

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"otklik/channels"
	"otklik/internal/reply"
)

// Kind is the kind of a question.
type Kind string

// Question kinds. The highest number is always the best one.
const (
	Rating      Kind = "rating"
	NPS         Kind = "nps"
	YesNo       Kind = "yesno"
	Choice      Kind = "choice"
	MultiChoice Kind = "multichoice"
	// Expectation asks whether it was worse than expected, as expected or better:
	// satisfaction is what was got against what was hoped for (R071, R120).
	Expectation Kind = "expectation"
	Text        Kind = "text"
)

// The three answers to an Expectation question, in the order of its options.
const (
	Worse    = "worse"
	Expected = "expected"
	Better   = "better"
)

// Role says what an answer means beyond its question.
type Role string

// Roles. Every long form ends with a Suggestions question (R018).
const (
	// Overall is the one question that satisfaction is computed from (R001).
	Overall Role = "overall"
	// Trouble asks what went wrong; its answer is the customer's complaint.
	Trouble Role = "trouble"
	// Recommend asks whether the person would recommend the dealer (R037).
	Recommend Role = "recommend"
	// Suggestions asks for wishes; its answer is a suggestion, not a complaint.
	Suggestions Role = "suggestions"
	// Liked asks what was liked most; the thanks can name it (R036, R038).
	Liked Role = "liked"
	// Reach asks how the person wants to hear from us from time to time (R040): the
	// options are channels, and NoChannel for not at all.
	Reach Role = "reach"
)

// NoChannel is the option of a Reach question with which a person wants nothing.
const NoChannel = "none"

// Outcome chooses the thanks.
type Outcome string

// Outcomes of a conversation. Partial: nothing that can be rated was answered.
const (
	Good     Outcome = "good"
	Neutral  Outcome = "neutral"
	Low      Outcome = "low"
	OnlyPart Outcome = "partial"
)

// Outcomes lists every outcome; a definition has a thanks for each.
func Outcomes() []Outcome { return []Outcome{Good, Neutral, Low, OnlyPart} }

// DefaultConfidence is the confidence below which a reading is not acted upon.
const DefaultConfidence = 0.6

// Definition is one version of a survey.
type Definition struct {
	ID      string `yaml:"id"`
	Version int    `yaml:"version"`
	// Purpose is an outreach purpose ("survey", "callback", "greeting").
	Purpose string `yaml:"purpose"`
	// Micro: a check of a few questions and no questionnaire, so that neither five
	// questions nor one for suggestions are wanted of it (R017, R018).
	Micro bool `yaml:"micro"`
	// Locales the definition is complete in, the first being its author's.
	Locales []string          `yaml:"locales"`
	Title   map[string]string `yaml:"title"`
	// Confidence in (0,1] below which a reading is re-asked.
	Confidence float64 `yaml:"confidence"`
	// Segments is how many SMS segments one message may take.
	Segments int `yaml:"segments"`
	// Budget says how much each channel may ask; a channel that is not named
	// is not used by this survey.
	Budget map[channels.Kind]Budget `yaml:"budget"`
	// Split says of how many questions of each set one person is asked (Draw).
	Split map[string]int `yaml:"split"`
	// Flags are laid over the house rules (DefaultFlags, invariant 6).
	Flags     []Rule              `yaml:"flags"`
	Invite    Wording             `yaml:"invite"`
	Questions []Question          `yaml:"questions"`
	Thanks    map[Outcome]Wording `yaml:"thanks"`
	// Why stands at the foot of an email, per locale: why one gets it. Without it
	// the words of the house stand there.
	Why map[string]string `yaml:"why"`
	// Messages names shared messages used instead of wording of its own: key
	// "invite" or an outcome, value the id of a message in templates/messages.
	Messages map[string]string `yaml:"messages"`

	// Hash is the SHA-256 of the file in hex: two versions with one number
	// and different content are told apart by it.
	Hash string `yaml:"-"`
	// Warnings are findings that do not refuse the definition (R017).
	Warnings []Problem `yaml:"-"`
}

// Budget is how many questions a channel may ask in one conversation.
type Budget struct {
	// Rated counts questions answered by a tap or a digit, Open free text.
	Rated int `yaml:"rated"`
	Open  int `yaml:"open"`
	// StopWhenFlagged leaves out, once a callback is open, every question that
	// is not about what went wrong: a person calls, the bot stops asking.
	StopWhenFlagged bool `yaml:"stop_when_flagged"`
}

// Question is one question of a definition.
type Question struct {
	ID   string `yaml:"id"`
	Kind Kind   `yaml:"kind"`
	Role Role   `yaml:"role"`
	// Min and Max bound a rating; NPS is 0..10.
	Min     int      `yaml:"min"`
	Max     int      `yaml:"max"`
	Options []Option `yaml:"options"`
	// Optional questions carry a "skip" button.
	Optional bool `yaml:"optional"`
	// Set names the set of a split questionnaire that the question belongs to.
	Set string `yaml:"set"`
	// Factor is what reports put the question's answers together by (R130).
	Factor string `yaml:"factor"`
	// When is the condition under which it is asked; nil means always.
	When *Condition `yaml:"when"`
	// Channels that ask it; empty means every channel of the budget.
	Channels []channels.Kind `yaml:"channels"`
	// CoveredByWords names the channels on which the question is left out when
	// the person has already written words with an answer.
	CoveredByWords []channels.Kind `yaml:"covered_by_words"`
	Ask            Wording         `yaml:"ask"`
	// Brands are other wordings for vehicles of a brand, by its name in lower case
	// (R037). What one does not say is asked as in Ask.
	Brands map[string]Wording `yaml:"brands"`
}

// Option is one choice with its label per locale.
type Option struct {
	ID    string            `yaml:"id"`
	Label map[string]string `yaml:"label"`
	// Also are other words for it per locale, which the reply parser takes.
	Also map[string][]string `yaml:"also"`
}

// Wording is text per locale.
type Wording map[string]Phrases

// Phrases is the wording in one locale: one text for any channel and variants
// where a channel needs its own. All are templates of internal/render.
type Phrases struct {
	// Subject and Preheader are for email.
	Subject   string `yaml:"subject"`
	Preheader string `yaml:"preheader"`
	Any       string `yaml:"any"`
	SMS       string `yaml:"sms"`
	Email     string `yaml:"email"`
	Telegram  string `yaml:"telegram"`
	Phone     string `yaml:"phone"`
	Paper     string `yaml:"paper"`
	Form      string `yaml:"form"`
}

// For is the text for a channel: its own, else the one for any; empty for none.
func (p Phrases) For(ch channels.Kind) string {
	own := map[channels.Kind]string{
		channels.SMS: p.SMS, channels.Email: p.Email, channels.Telegram: p.Telegram,
		channels.Phone: p.Phone, channels.Paper: p.Paper, channels.Form: p.Form,
	}[ch]
	if own != "" {
		return own
	}
	return p.Any
}

// Question finds a question by its id.
func (d *Definition) Question(id string) (*Question, bool) {
	for i := range d.Questions {
		if d.Questions[i].ID == id {
			return &d.Questions[i], true
		}
	}
	return nil, false
}

// Sheet is what a channel that shows everything at once (form, phone, paper)
// shows, in order, with all questions of each set; State.Sheet is what one person
// is shown. Conditional questions are among them: the caller marks them with
// Conditional, since a page without JavaScript cannot hide them.
func (d *Definition) Sheet(ch channels.Kind) []*Question {
	if _, ok := d.Budget[ch]; !ok {
		return nil
	}
	var out []*Question
	for i := range d.Questions {
		if d.Questions[i].on(ch) {
			out = append(out, &d.Questions[i])
		}
	}
	return out
}

// Conditional tells whether the question depends on earlier answers.
func (q *Question) Conditional() bool { return q.When != nil }

func (q *Question) on(ch channels.Kind) bool {
	return len(q.Channels) == 0 || slices.Contains(q.Channels, ch)
}

// Open tells whether the answer is free text.
func (q *Question) Open() bool { return q.Kind == Text }

// Option finds an option by its id.
func (q *Question) Option(id string) (*Option, bool) {
	for i := range q.Options {
		if q.Options[i].ID == id {
			return &q.Options[i], true
		}
	}
	return nil, false
}

var action = regexp.MustCompile(`\{\{.*?\}\}`)

// Reply is the question as the reply parser needs it. The prompt is the wording
// of that channel without its placeholders, for it decides whether "1" means
// yes; it stays correct for invites too, because Parse demands that an invite
// that starts with a yes/no question numbers the answers as the question does.
func (q *Question) Reply(locale string, ch channels.Kind) reply.Question {
	out := reply.Question{
		Kind: replyKinds[q.Kind], Min: q.Min, Max: q.Max,
		Prompt: strings.TrimSpace(action.ReplaceAllString(q.Ask[locale].For(ch), "")),
	}
	for _, o := range q.Options {
		labels := append([]string{o.Label[locale]}, o.Also[locale]...)
		for _, l := range sortedKeys(o.Label) {
			if l != locale {
				labels = append(append(labels, o.Label[l]), o.Also[l]...)
			}
		}
		out.Options = append(out.Options, reply.Option{ID: o.ID, Labels: labels})
	}
	return out
}

var replyKinds = map[Kind]reply.Kind{
	Rating: reply.KindRating, NPS: reply.KindNPS, YesNo: reply.KindYesNo,
	Choice: reply.KindChoice, MultiChoice: reply.KindMultiChoice, Expectation: reply.KindChoice, Text: reply.KindText,
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}

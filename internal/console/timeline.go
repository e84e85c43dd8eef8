package console

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// timelineLength is how many messages a card reads.
const timelineLength = 100

// moment is one entry of a customer's history; what Kind says is set.
type moment struct {
	At time.Time
	// Kind is message, step, visit, consent, remark, task or decision.
	Kind        string
	Message     *store.Message
	Attachments []shownAttachment
	Step        *store.Step
	Visit       *store.Visit
	Consent     *store.Consent
	Remark      *store.Remark
	Task        *store.Task
	Decision    *why
}

func sortMoments(ms []moment) {
	slices.SortStableFunc(ms, func(a, b moment) int { return a.At.Compare(b.At) })
}

// messageMoments are a person's messages with the reader's dealer.
func (c *Console) messageMoments(q *request, contactID string) ([]moment, error) {
	ms, err := c.Store.MessagesOf(q.ctx(), contactID, timelineLength)
	if err != nil {
		return nil, fmt.Errorf("reading the messages: %w", err)
	}
	ms = slices.DeleteFunc(ms, func(m store.Message) bool { return m.DealerID != q.dealer.ID })
	attachments, err := c.attachmentsOf(q, ms)
	if err != nil {
		return nil, err
	}
	out := make([]moment, 0, len(ms))
	for i := range ms {
		out = append(out, moment{At: ms[i].CreatedAt, Kind: "message", Message: &ms[i], Attachments: attachments[ms[i].ID]})
	}
	return out, nil
}

// tapData is what a pressed button brings: token:question:value.
var tapData = regexp.MustCompile(`^[a-z2-7]{16}:([a-z_0-9]+):(\S+)$`)

// Tapped is a pressed button in words, "" for a message that was typed.
func (v *view) Tapped(m *store.Message) string {
	if m.Direction != store.In {
		return ""
	}
	parts := tapData.FindStringSubmatch(m.Text)
	if parts == nil {
		return ""
	}
	value := parts[2]
	if v.q.lang.has("answer." + value) {
		value = v.Label("answer", value)
	}
	return v.T("timeline.tapped", "question", v.Label("question", parts[1]), "value", value)
}

// Read is how an inbound message was understood: "2", "да", "" when it says
// nothing that fits in a word.
func (v *view) Read(m *store.Message) string {
	if m.Reading == "" || strings.HasPrefix(m.Text, "/") {
		return ""
	}
	var r reply.Reading
	if err := json.Unmarshal([]byte(m.Reading), &r); err != nil {
		return "" // a reading of an older version is not worth a failed page
	}
	said := v.said(&r)
	if r.When == nil {
		return said
	}
	to := v.Clock(r.When.To)
	if from := r.When.From.In(v.zone()); from.YearDay() != r.When.To.In(v.zone()).YearDay() {
		to = v.Stamp(r.When.To)
	}
	wished := v.T("timeline.wished", "from", v.Stamp(r.When.From), "to", to)
	if said == "" || r.Intent == reply.IntentUnclear {
		return wished // the time is what was understood
	}
	return said + ", " + wished
}

// said is what a reading says beside a time.
func (v *view) said(r *reply.Reading) string {
	switch {
	case r.Rating != nil:
		return fmt.Sprint(*r.Rating)
	case r.Regards:
		return v.Label("intent", "regards")
	case r.Intent != reply.IntentAnswer:
		return v.Label("intent", string(r.Intent))
	case r.Answer != "":
		return v.Label("answer", r.Answer)
	}
	return ""
}

// answered is one survey of a customer with its standing answers.
type answered struct {
	Conversation store.Conversation
	Title        string
	Lines        []answerLine
}

type answerLine struct {
	Question, Text string
	// Value is the answer in words, Low marks one that asks for a call.
	Value, Comment string
	Low            bool
	// Beside: it stands beside the one that counts.
	Beside  bool
	Channel string
	At      time.Time
}

// answersOf reads what a customer answered to the dealer's surveys, newest first.
func (c *Console) answersOf(q *request, contactID string) ([]answered, error) {
	cs, err := c.Store.ConversationsFor(q.ctx(), contactID)
	if err != nil {
		return nil, fmt.Errorf("reading the conversations: %w", err)
	}
	ids := make([]string, len(cs))
	for i := range cs {
		ids[i] = cs[i].ID
	}
	as, err := c.Store.Answers(q.ctx(), ids)
	if err != nil {
		return nil, fmt.Errorf("reading the answers: %w", err)
	}
	beside, err := c.Store.AnswersBeside(q.ctx(), ids)
	if err != nil {
		return nil, fmt.Errorf("reading the answers: %w", err)
	}
	var out []answered
	for _, conv := range cs {
		if conv.DealerID != q.dealer.ID || len(as[conv.ID]) == 0 {
			continue
		}
		// The answers speak for themselves where their survey is not known any more.
		def, err := c.Inbox.Definition(q.ctx(), conv.Survey, conv.SurveyVersion)
		known := err == nil
		x := answered{Conversation: conv, Title: conv.Survey}
		if known {
			x.Title = inLocale(def.Title, q.lang.locale)
		}
		for _, a := range as[conv.ID] {
			x.Lines = append(x.Lines, q.answerLine(def, known, a))
		}
		for _, a := range beside[conv.ID] {
			l := q.answerLine(def, known, a)
			l.Beside = true
			x.Lines = append(x.Lines, l)
		}
		out = append(out, x)
	}
	return out, nil
}

func (q *request) answerLine(def *survey.Definition, known bool, a store.Answer) answerLine {
	l := answerLine{Question: a.Question, Text: a.Question, Comment: a.Comment, Channel: string(a.Channel), At: a.At}
	var question *survey.Question
	if known {
		question, known = def.Question(a.Question)
	}
	if known {
		l.Text = q.lang.label("question", a.Question)
		if l.Text == a.Question {
			l.Text = plainWords(question, q.lang.locale)
		}
	}
	switch {
	case a.Rating != nil:
		l.Value = fmt.Sprint(*a.Rating)
		if known && question.Max > 0 {
			l.Value = fmt.Sprintf("%d / %d", *a.Rating, question.Max)
			l.Low = *a.Rating*10 <= question.Max*6
		}
	case a.Answer != "":
		l.Value, l.Low = q.lang.label("answer", a.Answer), a.Answer == "no"
	case a.Choice != "":
		l.Value = a.Choice
		if known {
			l.Value = choiceLabels(question, a.Choice, q.lang.locale)
			l.Low = question.Kind == survey.Expectation && a.Choice == survey.Worse
		}
	}
	return l
}

// inLocale is a text of a definition in the reader's language, else in any.
func inLocale(texts map[string]string, locale string) string {
	if s := texts[locale]; s != "" {
		return s
	}
	for _, l := range locales() {
		if s := texts[l]; s != "" {
			return s
		}
	}
	return ""
}

package inbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/draft"
	"otklik/internal/outreach"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// Submission is several answers at once: the customer's form, or what an operator
// enters from a call or a paper sheet.
type Submission struct {
	// Token names the conversation (form), TaskID the task (phone, paper).
	Token, TaskID string
	Values        map[string]survey.Value
	Channel       channels.Kind
	EmployeeID    string
}

// Submitted is what became of a submission.
type Submitted struct {
	Outcome survey.Outcome
	// Flagged: a callback is open now.
	Flagged bool
	// Refused names the questions whose values were no answers.
	Refused []string
}

// ErrExpired: the form can no longer be changed.
var ErrExpired = errors.New("the form has expired")

// FormDays is for how long a form can be opened and changed.
const FormDays = 14

// errUnfit ends the transaction of a sheet that has to be sent again as a whole.
var errUnfit = errors.New("an answer of the sheet does not fit")

// DefaultSurvey is asked by phone or on paper when a task names no survey of its own.
const DefaultSurvey = "after-service"

// SurveyOf is the survey that a task asks where its customer has not begun one.
func SurveyOf(t store.Task) string { return cmp.Or(t.Survey, DefaultSurvey) }

// Submit takes a form in. What is refused changes nothing else; of a paper sheet nothing is
// kept then, and callback.ErrTyped refuses one that was typed in before.
func (b *Inbox) Submit(ctx context.Context, s Submission) (Submitted, error) {
	var out Submitted
	var e *entry
	ask := store.Ask{Channel: s.Channel, Token: s.Token}
	if s.TaskID != "" {
		t, err := b.Store.Task(ctx, s.TaskID)
		if err != nil {
			return out, fmt.Errorf("taking a form in: %w", err)
		}
		ask.ContactID = t.ContactID
	}
	err := b.Store.Together(ctx, store.RankPerson, func(g *store.Group) error {
		turn := g.Turn()
		g.Keep(turn)
		e = &entry{Inbox: b, ctx: ctx, tx: turn, now: b.Clock.Business(), quiet: true, employeeID: s.EmployeeID, taskID: s.TaskID, in: channels.Inbound{Channel: s.Channel}}
		if err := g.Load(ctx, []store.Ask{ask}, e.now.Add(-openFor)); err != nil {
			return err
		}
		task, err := e.find(s)
		if err != nil {
			return err
		}
		out = Submitted{}
		if err := e.form(s, &out); err != nil {
			return err
		}
		if task != nil {
			return e.entered(task, &out)
		}
		return nil
	})
	if errors.Is(err, errUnfit) {
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("taking a form in: %w", err)
	}
	b.Metrics.Count(s.Channel, "stored")
	b.after(ctx, e)
	return out, nil
}

// entered settles the task whose sheet was taken in.
func (e *entry) entered(task *store.Task, out *Submitted) error {
	paper := task.Kind == store.TaskPaper
	switch {
	case len(out.Refused) > 0 && paper:
		return errUnfit
	case len(out.Refused) > 0:
		return nil
	case !paper:
		if err := e.tx.AddStep(e.ctx, store.Step{TaskID: task.ID, Kind: callback.StepReached, EmployeeID: e.employeeID}, e.now); err != nil {
			return err
		}
	}
	t, err := e.tx.Task(e.ctx, task.ID)
	switch {
	case err != nil:
		return err
	case paper:
		return callback.Typed(e.ctx, e.tx, t, e.employeeID, e.now)
	case t.Kind == store.TaskSurveyCall:
		return callback.Finish(e.ctx, e.tx, t, "answered", e.employeeID, e.now)
	}
	return nil
}

func (e *entry) form(s Submission, out *Submitted) error {
	in, err := e.taken()
	if err != nil {
		return err
	}
	var effects []survey.Effect
	words := e.readWords(s)
	in.Form, in.Reading = s.Values, words
	e.state, effects = survey.Step(e.def, e.state, in, e.now)
	for _, f := range effects {
		switch f.Kind {
		case survey.Refuse:
			out.Refused = append(out.Refused, f.Question)
		case survey.Thank:
			out.Outcome = f.Outcome
		}
		if err := e.apply(f); err != nil {
			return fmt.Errorf("carrying out %s: %w", f.Kind, err)
		}
	}
	if err := e.confirm(effects); err != nil {
		return err
	}
	if words != nil && words.Has(reply.IntentOptOut) {
		withdraw := e.withdraw
		if s.TaskID != "" {
			withdraw = e.withdrawAll
		}
		if err := withdraw(words.Purpose); err != nil {
			return err
		}
	}
	out.Flagged = e.state.Flagged
	return e.save()
}

// withdraw obeys an opt-out that stands among the words of a form, on the address
// that the person was asked on (invariant 3: in any channel).
func (e *entry) withdraw(purpose string) error {
	e.in.Channel, e.in.From = e.conv.Channel, e.conv.Address
	if e.in.Channel == channels.Phone {
		e.in.Channel = channels.SMS // one number
	}
	if e.in.From == "" {
		return nil
	}
	return e.optOut(purpose)
}

// withdrawAll obeys an opt-out that was said on the telephone, on all of the person's
// numbers, or written on paper, where no address is meant, on every address.
func (e *entry) withdrawAll(purpose string) error {
	onPhone := e.in.Channel == channels.Phone
	if onPhone {
		if err := e.withdraw(purpose); err != nil {
			return err
		}
	}
	for _, a := range e.contact.Addresses {
		if onPhone && (a.Channel != channels.SMS || a.Value == e.conv.Address) {
			continue
		}
		e.in.Channel, e.in.From = a.Channel, a.Value
		if err := e.optOut(purpose); err != nil {
			return err
		}
	}
	return nil
}

// find opens the conversation of a submission: by its token, or the task's, which
// may have to be begun. No question is asked twice: a survey that the person began
// elsewhere goes on.
func (e *entry) find(s Submission) (*store.Task, error) {
	if s.TaskID == "" {
		c, err := e.tx.ConversationByToken(e.ctx, s.Token)
		if err != nil {
			return nil, err
		}
		ended, err := e.tx.EndedFor(e.ctx, c.ID)
		if err != nil {
			return nil, fmt.Errorf("reading how a conversation has ended: %w", err)
		}
		if ended != "" || e.now.After(c.OpenedAt.AddDate(0, 0, FormDays)) {
			return nil, ErrExpired
		}
		e.contact.ID = c.ContactID
		return nil, e.open(&c)
	}
	t, err := e.tx.Task(e.ctx, s.TaskID)
	if err != nil {
		return nil, err
	}
	if t.Kind == store.TaskPaper && t.Outcome == callback.EndTyped {
		return nil, callback.ErrTyped
	}
	e.contact.ID = t.ContactID
	c, err := e.conversationOf(t, s.Channel)
	if err != nil {
		return nil, err
	}
	return &t, e.open(&c)
}

// conversationOf is the conversation of a task, begun on a channel where there is none.
func (e *entry) conversationOf(t store.Task, ch channels.Kind) (store.Conversation, error) {
	if t.ConversationID != "" {
		return e.tx.Conversation(e.ctx, t.ConversationID)
	}
	c, err := e.begun(&t)
	if !errors.Is(err, store.ErrNotFound) {
		return c, err
	}
	def, ok := e.Survey(SurveyOf(t))
	if !ok {
		return c, fmt.Errorf("survey %q is not known", SurveyOf(t))
	}
	person, err := e.tx.Contact(e.ctx, t.ContactID)
	if err != nil {
		return c, err
	}
	dealer, _ := e.Roster.Dealer(t.DealerID)
	began := ""
	if t.VisitID == "" {
		began = t.OutreachID // by which the next to enter something finds it
	}
	position, err := json.Marshal(survey.Begin(def, ch, def.Draw(t.ContactID, e.now.In(dealer.Location()))))
	if err != nil {
		return c, err
	}
	r := draft.Recipient{Dealer: dealer, Contact: person}
	c = store.Conversation{ID: e.tx.NewID(), DealerID: t.DealerID, ContactID: t.ContactID, VisitID: t.VisitID, OutreachID: began, Survey: def.ID, SurveyVersion: def.Version, Locale: r.LocaleOr(), Channel: ch,
		Address: person.On(channels.Phone), State: store.ConversationOpen, Position: string(position), Version: 1, Token: draft.NewToken(), OpenedAt: e.now}
	return c, e.tx.OpenConversation(e.ctx, c, e.now)
}

// begun is the conversation in which the customer of a call has been asked: about its
// visit, or of the same occasion where it is about none.
func (e *entry) begun(t *store.Task) (store.Conversation, error) {
	if t.VisitID != "" {
		return e.tx.ConversationOfVisit(e.ctx, t.VisitID, SurveyOf(*t))
	}
	return e.tx.ConversationOfOccasion(e.ctx, t.OutreachID, SurveyOf(*t))
}

// Unsubscribe withdraws surveys, greetings and ads on the address that a
// conversation was held on: what a person asks for on the page behind a link.
func (b *Inbox) Unsubscribe(ctx context.Context, token string) error {
	now := b.Clock.Business()
	c, err := b.Store.Addressee(ctx, token)
	if err != nil {
		return fmt.Errorf("unsubscribing: %w", err)
	}
	err = b.Store.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
		for _, p := range []outreach.Purpose{outreach.Survey, outreach.Greeting, outreach.Ad} {
			if err := tx.Suppress(ctx, store.Suppression{Channel: c.Channel, Address: c.Address, Purpose: string(p), Reason: store.OptedOut, At: now}); err != nil {
				return err
			}
			if err := tx.AddConsent(ctx, store.Consent{ContactID: c.ContactID, DealerID: c.DealerID, Purpose: string(p), Channel: c.Channel, At: now, How: "form"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("unsubscribing: %w", err)
	}
	b.Changed()
	return nil
}

// readWords reads what was written beside the values, for flags, topics and praise.
func (e *entry) readWords(s Submission) *reply.Reading {
	var words []string
	for _, q := range e.def.Questions {
		if t := s.Values[q.ID].Text; t != "" {
			words = append(words, t)
		}
	}
	if len(words) == 0 {
		return nil
	}
	r := e.read(strings.Join(words, ". "), &reply.Question{Kind: reply.KindText})
	return &r
}

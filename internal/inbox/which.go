package inbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"otklik/internal/callback"
	"otklik/internal/outreach"
	"otklik/internal/render"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// which is the question to a person whose answer fits several open surveys. It stands
// in the position of each of them, also when it is over: nobody is asked twice.
type which struct {
	// Open as long as the person has not said which one he means.
	Open bool      `json:"open,omitempty"`
	At   time.Time `json:"at"`
	// Of are the conversations in the order in which they were named, Held the
	// messages that wait to be told whose they are, Told the question itself.
	Of   []string `json:"of"`
	Held []string `json:"held"`
	Told string   `json:"told"`
}

// freshFor is for how long a survey that was not answered is taken to be in the
// person's mind: as long as its form can be filled in.
const freshFor = FormDays * 24 * time.Hour

// pending tells whether the person still owes the answer to which survey he means. A
// survey that was begun since is what he answers.
func (e *entry) pending(w *which) bool {
	return w != nil && w.Open && !e.newest.After(w.At) && e.now.Sub(w.At) <= freshFor
}

// unsure gives the conversations that the text may belong to equally well; none when
// it is clear, or not worth a question. fitting are those to whose open question the
// text gives a value, the one that moved last first.
func (e *entry) unsure(fitting []*store.Conversation, r *reply.Reading) ([]*store.Conversation, error) {
	if len(fitting) < 2 || e.in.Intent != "" || e.in.EditOf != "" || mustCall(r) || r.Flagged(reply.FlagCorrection) {
		return nil, nil
	}
	var out []*store.Conversation
	for i, c := range fitting {
		p, err := positionOf(c)
		switch {
		case err != nil:
			return nil, err
		case p.Which != nil, i == 0 && amidst(&p.State, fitting[1]):
			return nil, nil
		case e.now.Sub(c.UpdatedAt) <= freshFor:
			out = append(out, c)
		}
	}
	if len(out) < 2 {
		return nil, nil
	}
	return out, nil
}

// mustCall tells whether somebody calls at once whatever the text is about: he asks.
func mustCall(r *reply.Reading) bool {
	return r.Has(reply.IntentCallback) || r.Flagged(reply.FlagLegal) || r.Flagged(reply.FlagSafety) || r.Flagged(reply.FlagWarnOthers)
}

// amidst tells whether the person has answered in a survey since the other one moved:
// then he goes on with it.
func amidst(st *survey.State, other *store.Conversation) bool {
	for _, a := range st.Answers {
		if a.At.After(other.UpdatedAt) {
			return true
		}
	}
	return false
}

func positionOf(c *store.Conversation) (p position, err error) {
	if err := json.Unmarshal([]byte(c.Position), &p); err != nil {
		return p, fmt.Errorf("reading the position: %w", err)
	}
	return p, nil
}

// whose finds out whose a text is where several surveys are open. It returns true when
// nothing more is to be done with it.
func (e *entry) whose() (bool, error) {
	switch {
	case e.conv == nil || e.in.EditOf != "":
		return false, nil
	case e.pending(e.which):
		return e.chooses()
	case len(e.fitting) < 2:
		return false, nil
	}
	known, err := e.taken()
	if err != nil || known.Human || e.state.Silent {
		return false, err
	}
	return true, e.askWhich()
}

// askWhich asks the person which survey he means. His words lie with an operator until
// he says so, for he may never do.
func (e *entry) askWhich() error {
	q, err := e.choiceOf(e.fitting)
	if err != nil {
		return err
	}
	m, err := e.Drafter.Asking("which.visit", q, e.recipient())
	if err != nil {
		return err
	}
	m.ConversationID, m.DueAt = e.conv.ID, e.now.Add(answerWait)
	e.post(m)
	e.which = &which{Open: true, At: e.now, Held: []string{e.msg.ID}, Told: e.outbox[0].ID}
	for _, c := range e.fitting {
		e.which.Of = append(e.which.Of, c.ID)
	}
	return e.unassigned(e.read(e.in.Text, nil), e.fitting)
}

// unassigned leaves a text of which it is not known whose it is with an operator.
func (e *entry) unassigned(r reply.Reading, of []*store.Conversation) error {
	if err := e.note(heard{Reading: r}); err != nil {
		return err
	}
	if err := e.review(callback.ReasonWhich, e.in.Text, ""); err != nil {
		return err
	}
	e.said = e.last
	return errors.Join(e.keepWhich(of), e.save())
}

// keepWhich keeps where the question stands in the positions of the conversations that
// this event does not move.
func (e *entry) keepWhich(of []*store.Conversation) error {
	for _, c := range of {
		if c.ID == e.conv.ID {
			continue
		}
		p, err := positionOf(c)
		if err != nil {
			return err
		}
		p.Which = e.which
		b, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("encoding the position: %w", err)
		}
		c.Position = string(b)
		if _, err := e.tx.SaveConversation(e.ctx, *c, c.UpdatedAt); err != nil {
			return err
		}
	}
	return nil
}

// chooses takes a text that comes while the person owes an answer to which survey he
// means. What is no answer to that is left to a person, and not asked again.
func (e *entry) chooses() (bool, error) {
	of, q, err := e.candidates()
	if err != nil {
		return false, err
	}
	asked := q.Reply(e.locale(), e.in.Channel)
	r := e.read(e.in.Text, &asked)
	e.heed(&r)
	if urgent(&r) || mustCall(&r) {
		return false, nil
	}
	told, err := e.tx.Messages(e.ctx, []string{e.which.Told})
	if err != nil {
		return false, err
	}
	waits := len(told) == 1 && told[0].State == outreach.Queued
	switch i, _ := strconv.Atoi(r.Choice); {
	case !waits && r.Intent == reply.IntentAnswer && i > 0 && r.Confidence >= survey.DefaultConfidence:
		return false, e.belongs(of, i-1, r)
	case chatty(e.in.Channel) && e.now.Sub(e.which.At) <= joinWithin:
		e.which.At, e.which.Held = e.now, append(slices.Clone(e.which.Held), e.msg.ID)
		return true, e.unassigned(r, of)
	}
	e.which.Open = false
	for _, c := range of {
		fits, _, err := e.fits(c)
		if err != nil {
			return false, err
		}
		if fits {
			m, err := e.Drafter.Shared("review.ack", e.recipient(), nil)
			if err != nil {
				return false, err
			}
			m.ConversationID = e.conv.ID
			e.post(m)
			return true, e.unassigned(r, of)
		}
	}
	return false, e.keepWhich(of)
}

// tapWhich is the answer by a button.
func (e *entry) tapWhich(value string) error {
	i, err := strconv.Atoi(value)
	if err != nil || e.which == nil || !e.which.Open || i < 1 || i > len(e.which.Of) {
		return nil //nolint:nilerr // a button that means nothing any more
	}
	of, _, err := e.candidates()
	if err != nil {
		return err
	}
	if err := e.belongs(of, i-1, reply.Reading{Intent: reply.IntentAnswer, Choice: value, Confidence: 1}); err != nil {
		return err
	}
	return e.text()
}

// candidates are the conversations among which the person was asked to choose, and the
// question.
func (e *entry) candidates() ([]*store.Conversation, *survey.Question, error) {
	var of []*store.Conversation
	for _, id := range e.which.Of {
		c, err := e.tx.Conversation(e.ctx, id)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the conversation: %w", err)
		}
		of = append(of, &c)
	}
	q, err := e.choiceOf(of)
	return of, q, err
}

// choiceOf is the question which of the conversations is meant.
func (e *entry) choiceOf(of []*store.Conversation) (*survey.Question, error) {
	var subjects []render.Subject
	for _, c := range of {
		def, err := e.Definition(e.ctx, c.Survey, c.SurveyVersion)
		if err != nil {
			return nil, err
		}
		s := render.Subject{Title: def.Title}
		if c.VisitID != "" {
			v, err := e.tx.Visit(e.ctx, c.VisitID)
			if err != nil {
				return nil, fmt.Errorf("reading the visit: %w", err)
			}
			s.Model, s.Plate, s.Order, s.Date = v.Vehicle.Model, v.Vehicle.Plate, v.Order, v.CompletedAt
		}
		subjects = append(subjects, s)
	}
	r := e.recipient()
	return e.Drafter.Renderer.Which(subjects, r.Zone(), e.now), nil
}

// belongs gives the words that were held to the conversation that the person has named;
// from here on they are what the event is about.
func (e *entry) belongs(of []*store.Conversation, i int, r reply.Reading) error {
	held, err := e.tx.Messages(e.ctx, e.which.Held)
	if err != nil || len(held) == 0 {
		return errors.Join(err, fmt.Errorf("what was held is gone: %w", store.ErrNotFound))
	}
	if err := e.takeBack(words(held)); err != nil {
		return err
	}
	e.msg.ConversationID, e.msg.OutreachID = of[i].ID, of[i].OutreachID
	if err := e.note(heard{Reading: r}); err != nil {
		return err
	}
	e.which.Open = false
	over := e.which
	e.contact.ID = of[i].ContactID
	if err := e.open(of[i]); err != nil {
		return err
	}
	e.which = over
	e.msg, e.held = held[0], true
	e.msg.ConversationID, e.msg.OutreachID = e.conv.ID, e.conv.OutreachID
	inOrder(held)
	if e.in.Data == "" && telling(e.in.Text) {
		e.in.Text = words(held) + "\n" + e.in.Text
	} else {
		e.in.Text = words(held)
	}
	return e.keepWhich(of)
}

// takeBack takes words out of the operator's review, which ends with them.
func (e *entry) takeBack(words string) error {
	t, err := e.tx.OpenTaskOf(e.ctx, e.contact.ID, store.TaskReview)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	rest, ok := strings.CutSuffix(t.Words, words)
	if !ok {
		return nil
	}
	if t.Words = strings.TrimSuffix(rest, "\n"); t.Words == "" {
		return callback.Finish(e.ctx, e.tx, t, "answered", "", e.now)
	}
	return e.tx.SaveTask(e.ctx, t, e.now)
}

package inbox

import (
	"encoding/json"
	"fmt"
	"strings"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/outreach"
	"otklik/internal/render"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// ask is what the event tells of whom it comes from.
func (e *entry) ask() store.Ask {
	return store.Ask{Channel: e.in.Channel, Address: e.in.From, Token: e.token(), ConversationID: e.hint, References: e.in.References, ProviderID: e.in.ProviderID}
}

// take stores the event and carries out what follows from it.
func (e *entry) take() error {
	if err := e.identify(); err != nil {
		return err
	}
	if err := e.store(); err != nil {
		return err
	}
	switch {
	case e.in.Blocked:
		return e.tx.Suppress(e.ctx, store.Suppression{Channel: e.in.Channel, Address: e.in.From, Purpose: store.AllPurposes, Reason: string(channels.ReasonBlocked), At: e.now, MessageID: e.msg.ID})
	case e.in.Unblocked:
		return e.tx.Lift(e.ctx, e.in.Channel, e.in.From, string(channels.ReasonBlocked))
	case e.in.Automatic:
		return nil // kept, never read, never answered
	case e.in.Start != "":
		return e.start()
	case e.in.Data != "":
		return e.tap()
	}
	return e.text()
}

// store writes the inbound row; errReplay when it is there already.
func (e *entry) store() error {
	text := e.in.Text
	if text == "" {
		text = e.in.Data
	}
	e.msg = store.Message{ID: e.tx.NewID(), DealerID: e.dealer.ID, ContactID: e.contact.ID, Channel: e.in.Channel, Sender: e.in.To, Address: e.in.From, Purpose: outreach.Answer,
		Subject: e.in.Subject, Text: text, ProviderID: e.in.ProviderID, ProviderAt: e.in.At,
		Options: store.MessageOptions{Attachments: channels.Names(e.in.Attachments), Automatic: e.in.Automatic, FromName: e.in.FromName}}
	if e.conv != nil {
		e.msg.ConversationID, e.msg.OutreachID = e.conv.ID, e.conv.OutreachID
	}
	fresh, err := e.tx.Receive(e.ctx, e.msg, e.now)
	if err != nil {
		return fmt.Errorf("storing the message: %w", err)
	}
	if !fresh {
		return errReplay
	}
	for i := range e.attachments {
		e.attachments[i].MessageID = e.msg.ID
	}
	e.tx.Attach(e.attachments, e.now)
	return nil
}

// text reads what the person wrote and carries it out.
func (e *entry) text() error {
	if strings.TrimSpace(e.in.Text) == "" {
		return e.wordless()
	}
	if done, err := e.whose(); done || err != nil {
		return err
	}
	question, r := "", reply.Reading{}
	read := func(q *reply.Question) reply.Reading { return e.read(e.in.Text, q) }
	if e.conv == nil {
		r = read(nil)
	} else {
		question, r = survey.Target(e.def, e.state, e.locale(), e.in.Channel, e.in.Text, read)
	}
	if e.baffled {
		return e.review(callback.ReasonUnclear, e.in.Text, "")
	}
	e.heed(&r)
	e.follow(&r)
	if e.conv != nil && e.in.EditOf != "" {
		if done, err := e.correct(e.read); done || err != nil {
			return err
		}
	}
	if e.fragment(&r) {
		j, err := e.join(question, &r, e.read)
		if err != nil {
			return fmt.Errorf("reading a fragment: %w", err)
		}
		if j != nil {
			if err := e.note(heard{Reading: j.reading, Joins: j.last.Heard}); err != nil {
				return err
			}
			return e.again(j)
		}
	}
	if e.conv != nil && !urgent(&r) {
		if given := survey.Several(e.def, e.state, e.locale(), e.in.Channel, e.in.Text, e.read); given != nil {
			return e.several(given)
		}
	}
	if err := e.note(heard{Reading: r, Question: question}); err != nil {
		return err
	}
	if e.conv == nil {
		return e.loose(r)
	}
	return e.step(survey.Input{Reading: &r, Question: question, Text: e.in.Text})
}

// several takes a list of answers, and tells the person how they were taken.
func (e *entry) several(given []survey.Given) error {
	rest := make([]reply.Reading, 0, len(given))
	parts := make([]string, 0, len(given))
	for _, g := range given {
		rest, parts = append(rest, g.Reading), append(parts, g.Text)
	}
	if err := e.note(heard{Reading: rest[0], Next: rest[1:]}); err != nil {
		return err
	}
	known, err := e.taken()
	if err != nil {
		return err
	}
	if !e.state.Silent && !known.Human {
		m, err := e.Drafter.Shared("answers.noted", e.recipient(), func(x *render.Data) { x.Words = strings.Join(parts, ", ") })
		if err != nil {
			return err
		}
		m.ConversationID = e.conv.ID
		e.post(m)
	}
	return e.step(survey.Input{Several: given, Text: e.in.Text})
}

// heard is a reading as it is kept with its message; Joins are the earlier messages
// that were read with it, Next the readings of further answers in a list. Question is
// the survey's question that a text alone was read against, "" for none.
type heard struct {
	reply.Reading
	Question string          `json:",omitempty"`
	Next     []reply.Reading `json:",omitempty"`
	Joins    []string        `json:",omitempty"`
}

// heed takes the provider's own understanding of a keyword over ours.
func (e *entry) heed(r *reply.Reading) {
	if e.in.Intent != "" {
		r.Intent, r.Bare, r.Confidence = reply.Intent(e.in.Intent), true, 1
	}
}

// note keeps the reading with the message.
func (e *entry) note(r heard) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding a reading: %w", err)
	}
	e.msg.Reading = string(b)
	if err := e.tx.SetReading(e.ctx, e.msg); err != nil {
		return fmt.Errorf("keeping a reading: %w", err)
	}
	return nil
}

func (e *entry) locale() string {
	switch {
	case e.conv != nil:
		return e.conv.Locale
	case e.contact.Locale != "":
		return e.contact.Locale
	}
	return e.dealer.Locale
}

// tap handles a pressed button: token:question:value.
func (e *entry) tap() error {
	parts := strings.SplitN(e.in.Data, ":", 3)
	if e.conv == nil || len(parts) != 3 {
		return nil // a button of a conversation that is not ours any more
	}
	if parts[1] == render.WhichQuestion {
		return e.tapWhich(parts[2])
	}
	return e.step(survey.Input{Tap: &survey.Tap{Question: parts[1], Value: parts[2]}})
}

// step moves the survey and carries out its effects.
func (e *entry) step(in survey.Input) error {
	known, err := e.taken()
	if err != nil {
		return err
	}
	in.Channel, in.MessageID, in.Claimed, in.Human = known.Channel, known.MessageID, known.Claimed, known.Human
	before := e.state
	var effects []survey.Effect
	in.Number = e.brings(in.Text)
	e.state, effects = survey.Step(e.def, before, in, e.now)
	if err := e.dial(in.Text, e.state.Flagged); err != nil {
		return err
	}
	// The person goes on where he wrote last.
	if e.in.From != "" {
		e.conv.Channel, e.conv.Address = e.in.Channel, e.in.From
	}
	if err := e.carry(effects); err != nil {
		return err
	}
	if e.last != nil && len(e.outbox) > 0 && e.state.Question != before.Question && e.now.Sub(e.last.At) <= answerWait {
		e.tx.Recall(e.last.Told, "superseded", e.now) // what still waits spoke of the question before
	}
	if !e.held && (in.Several != nil || in.Reading != nil && !urgent(in.Reading)) {
		e.remember(before, []string{e.msg.ID})
	}
	return e.save()
}

// carry carries effects out in the transaction.
func (e *entry) carry(effects []survey.Effect) error {
	for _, f := range effects {
		if err := e.apply(f); err != nil {
			return fmt.Errorf("carrying out %s: %w", f.Kind, err)
		}
	}
	if err := e.recorded(); err != nil {
		return err
	}
	return e.confirm(effects)
}

// save writes the position, then queues what the person is told.
func (e *entry) save() error {
	b, err := json.Marshal(position{e.state, e.said, e.which})
	if err != nil {
		return fmt.Errorf("encoding the position: %w", err)
	}
	e.conv.Position = string(b)
	switch {
	case e.state.Done:
		e.conv.State = store.ConversationDone
	case e.state.Waiting:
		e.conv.State = store.ConversationReview
	default:
		e.conv.State = store.ConversationOpen
	}
	if e.conv.Version, err = e.tx.SaveConversation(e.ctx, *e.conv, e.now); err != nil {
		return err
	}
	return e.tx.Queue(e.ctx, e.outbox, e.now)
}

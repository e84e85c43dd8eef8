package inbox

import (
	"errors"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/render"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// loose handles a text that belongs to no survey.
func (e *entry) loose(r reply.Reading) error {
	switch {
	case r.Has(reply.IntentOptOut):
		already, err := e.tx.Suppressed(e.ctx, e.in.Channel, e.in.From)
		if err != nil {
			return err
		}
		if err := e.optOut(r.Purpose); err != nil {
			return err
		}
		if already || e.in.Answered {
			return nil
		}
		id := "optout.confirmed"
		if r.Purpose != "" {
			id = "optout.purpose"
		}
		return e.answer(id, true)
	case r.Intent == reply.IntentResume:
		return e.resumed()
	case r.Intent == reply.IntentHelp:
		if e.in.Answered {
			return nil
		}
		return e.answer("help", false)
	case e.contact.ID == "":
		return nil // kept and shown to the operator
	}
	return e.inquiry(r)
}

// resumed answers START; in Telegram it is also how anybody opens a bot.
func (e *entry) resumed() error {
	stopped, err := e.tx.Suppressed(e.ctx, e.in.Channel, e.in.From)
	if err != nil {
		return err
	}
	if err := e.resume(); err != nil || e.in.Answered {
		return err
	}
	switch {
	case stopped || e.in.Channel != channels.Telegram:
		return e.answer("resume.confirmed", false)
	case e.contact.ID != "":
		return e.answer("start.welcome", false)
	}
	return e.answer("start.unknown", false)
}

// inquiry opens a task for what a known person writes on his own.
func (e *entry) inquiry(r reply.Reading) error {
	urgent := r.Flagged(reply.FlagLegal) || r.Flagged(reply.FlagSafety)
	if !urgent && !r.Has(reply.IntentCallback) {
		_, err := e.tx.OpenTaskOf(e.ctx, e.contact.ID, store.TaskReview)
		if err := e.review(callback.ReasonInquiry, e.in.Text, ""); err != nil {
			return err
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err // told once already that a person reads it
		}
		m, err := e.Drafter.Shared("inquiry.received", e.recipient(), e.answerer)
		if err != nil {
			return err
		}
		e.post(m)
		return e.tx.Queue(e.ctx, e.outbox, e.now)
	}
	t := store.Task{DealerID: e.dealer.ID, Kind: store.TaskCallback, ContactID: e.contact.ID, MessageID: e.msg.ID, Reason: string(survey.Requested), Words: e.in.Text, SourceParty: "client", WayIn: string(e.in.Channel), Clocks: callback.Clocks(e.now)}
	t.DueAt = t.Clocks[0].DueAt
	if urgent {
		t.Severity, t.Reason = int(survey.Urgent), string(survey.Safety)
		if r.Flagged(reply.FlagLegal) {
			t.Reason = string(survey.Legal)
		}
	}
	wish(&t, r.When, e.now)
	if old, err := e.tx.OpenTaskOf(e.ctx, e.contact.ID, store.TaskCallback); err == nil {
		if err := e.callAt(&old, r.When); err != nil {
			return err
		}
		return callback.AddWords(e.ctx, e.tx, old, e.in.Text, e.msg.ID, t.Severity, e.now)
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	opened, err := e.tx.OpenTask(e.ctx, t, e.now)
	if err != nil {
		return err
	}
	if err := e.wished(opened, r.When); err != nil {
		return err
	}
	m, err := e.Drafter.Shared("callback.requested", e.recipient(), func(x *render.Data) {
		x.Callback.Owner, x.Callback.Due = e.responsible(), callback.WorkBy(t.DueAt, x.Zone)
	})
	if err != nil {
		return err
	}
	e.post(m)
	return e.tx.Queue(e.ctx, e.outbox, e.now)
}

// answer queues a shared message outside any survey.
func (e *entry) answer(id string, farewell bool) error {
	m, err := e.Drafter.Shared(id, e.recipient(), nil)
	if err != nil {
		return err
	}
	m.Options.Farewell = farewell
	e.post(m)
	return e.tx.Queue(e.ctx, e.outbox, e.now)
}

// start handles an opened deep link: the chat becomes the person's own, and a
// survey that is open goes on there.
func (e *entry) start() error {
	if e.conv == nil {
		return e.answer("start.unknown", false)
	}
	if err := e.tx.Dial(e.ctx, e.contact.ID, channels.Telegram, e.in.From, e.now); err != nil {
		return err
	}
	e.conv.Channel, e.conv.Address = channels.Telegram, e.in.From
	welcome, err := e.Drafter.Shared("start.welcome", e.recipient(), nil)
	if err != nil {
		return err
	}
	welcome.ConversationID = e.conv.ID
	e.post(welcome)
	if e.state.Question != "" {
		q, err := e.Drafter.Question(e.def, e.state.Question, e.recipient(), e.promise)
		if err != nil {
			return err
		}
		q.ConversationID = e.conv.ID
		e.post(q)
	}
	return e.save()
}

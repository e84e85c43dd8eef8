package inbox

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/outreach"
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
	case r.Regards:
		return nil // kept in the history: thanks for a greeting are no question, and need no answer
	case r.Flagged(reply.FlagSoldCar) && e.wanted(&r) == nil:
		if sold, err := e.sold(); err != nil || sold {
			return err
		}
	}
	return e.inquiry(r)
}

// sold notes that the person's only car is not his any more, and says so; with several a
// person has to read which (R048).
func (e *entry) sold() (bool, error) {
	vs, err := e.tx.VehiclesOf(e.ctx, e.contact.ID)
	if err != nil {
		return false, err
	}
	vs = slices.DeleteFunc(vs, func(v store.Vehicle) bool { return !v.SoldAt.IsZero() })
	if len(vs) != 1 {
		return false, nil
	}
	if err := e.tx.SellVehicle(e.ctx, vs[0].ID, e.now); err != nil {
		return false, err
	}
	return true, e.answer("sold_car.ack", false)
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

// inquiry opens a task for what a known person writes on his own: a callback where
// somebody has to call, else a review with the clock of a written question. What he
// writes in several messages is one thought here too.
func (e *entry) inquiry(r reply.Reading) error {
	before, err := e.before()
	if err != nil {
		return err
	}
	if len(before.heard) > 0 {
		r = e.read(before.text+"\n"+e.in.Text, nil)
	}
	t := e.wanted(&r)
	old, err := e.tx.OpenTaskOf(e.ctx, e.contact.ID, store.TaskCallback)
	mine := err == nil && slices.ContainsFunc(before.heard, func(m store.Message) bool { return m.ID == old.MessageID })
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := e.dial(e.in.Text, err == nil || t != nil); err != nil {
		return err
	}
	switch {
	case mine, err == nil && (t != nil || len(e.dialled) > 0):
		return e.further(old, t, &r, before)
	case t == nil:
		return e.written(before)
	}
	if len(before.heard) > 0 {
		// What came before is part of it, and needs neither review nor answer of its own.
		if err := e.takeBack(before.text); err != nil {
			return err
		}
		e.tx.Recall(before.told, "rewritten", e.now)
		t.Words, t.MessageID = before.text+"\n"+e.in.Text, before.heard[0].ID
	}
	opened, err := e.tx.OpenTask(e.ctx, *t, e.now)
	if err != nil {
		return err
	}
	if err := errors.Join(e.wished(opened, r.When), e.record(opened)); err != nil {
		return err
	}
	return e.called(*t)
}

// called tells who calls, and until when.
func (e *entry) called(t store.Task) error {
	return e.reply("callback.requested", func(x *render.Data) {
		x.Callback.Owner = cmp.Or(t.OwnerName, e.responsible())
		e.due(t, x)
	})
}

// further adds to the open callback what its customer writes on; t is what the words alone
// would call for, nil for nothing. One who names his number is told that he is called.
func (e *entry) further(old store.Task, t *store.Task, r *reply.Reading, before lately) error {
	if err := e.callAt(&old, r.When); err != nil {
		return err
	}
	severity := 0
	if t != nil {
		severity = t.Severity
	}
	if err := callback.AddWords(e.ctx, e.tx, old, e.in.Text, e.msg.ID, severity, e.now); err != nil || len(e.dialled) == 0 {
		return err
	}
	if err := e.record(old); err != nil || old.State == store.TaskClaimed {
		return err // who has taken it answers himself
	}
	e.tx.Recall(before.told, "rewritten", e.now)
	return e.called(old)
}

// wanted is the callback that words of somebody who was asked nothing call for: lawyers,
// danger, warning others, a fault that is still there, a wish to be called; nil for none.
func (e *entry) wanted(r *reply.Reading) *store.Task {
	t := &store.Task{DealerID: e.dealer.ID, Kind: store.TaskCallback, ContactID: e.contact.ID, MessageID: e.msg.ID, Words: e.in.Text, SourceParty: "client", WayIn: string(e.in.Channel), Clocks: callback.Clocks(e.now)}
	for _, cause := range [...]struct {
		here     bool
		reason   string
		severity survey.Severity
	}{
		{r.Flagged(reply.FlagLegal), string(survey.Legal), survey.Urgent},
		{r.Flagged(reply.FlagSafety), string(survey.Safety), survey.Urgent},
		{r.Flagged(reply.FlagWarnOthers), string(survey.WarnOthers), survey.Urgent},
		{r.Flagged(reply.FlagNotFixed), reply.FlagNotFixed, survey.High},
		{r.Flagged(reply.FlagRepairAgain), reply.FlagRepairAgain, survey.High},
		{r.Has(reply.IntentCallback), string(survey.Requested), survey.Normal},
	} {
		if cause.here {
			t.Reason, t.Severity, t.DueAt = cause.reason, int(cause.severity), t.Clocks[0].DueAt
			wish(t, r.When, e.now)
			return t
		}
	}
	return nil
}

// written leaves words with an operator, and tells the person so once, when he has
// written all of them.
func (e *entry) written(before lately) error {
	_, err := e.tx.OpenTaskOf(e.ctx, e.contact.ID, store.TaskReview)
	told := err == nil
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := e.review(callback.ReasonInquiry, e.in.Text, ""); err != nil || told && len(before.told) == 0 {
		return err
	}
	e.tx.Recall(before.told, "rewritten", e.now)
	return e.reply("inquiry.received", e.answerer)
}

// reply queues what a person is told who was asked nothing. It waits for what may
// follow, see joinWithin.
func (e *entry) reply(id string, fill func(*render.Data)) error {
	m, err := e.Drafter.Shared(id, e.recipient(), fill)
	if err != nil {
		return err
	}
	if chatty(e.in.Channel) {
		m.DueAt = e.now.Add(answerWait)
	}
	e.post(m)
	return e.tx.Queue(e.ctx, e.outbox, e.now)
}

// lately is what a person has written just before, as one text, and what still waits to
// be told because of it.
type lately struct {
	heard []store.Message
	told  []string
	text  string
}

// longestThought bounds how far back a chain of messages is followed.
const longestThought = time.Minute

// before finds what this message goes on with: each of it came within joinWithin of the
// next.
func (e *entry) before() (lately, error) {
	var out lately
	if !chatty(e.in.Channel) {
		return out, nil
	}
	ms, err := e.tx.Lately(e.ctx, e.contact.ID, e.now.Add(-longestThought))
	if err != nil {
		return out, err
	}
	last := e.now
	for _, m := range slices.Backward(ms) {
		switch {
		case m.Direction == store.Out && m.State == outreach.Queued:
			out.told = append(out.told, m.ID)
		case m.Direction == store.In && m.Channel == e.in.Channel && m.Address == e.in.From && last.Sub(m.CreatedAt) <= joinWithin:
			out.heard, last = append(out.heard, m), m.CreatedAt
		}
	}
	slices.Reverse(out.heard)
	out.text = words(out.heard)
	return out, nil
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

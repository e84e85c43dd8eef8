package inbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/draft"
	"otklik/internal/outreach"
	"otklik/internal/render"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// taken begins the input of a step with what is known of the event and of the people
// who have the conversation's tasks.
func (e *entry) taken() (survey.Input, error) {
	in := survey.Input{Channel: e.in.Channel, MessageID: cmp.Or(e.original, e.msg.ID)}
	for _, kind := range [...]string{store.TaskCallback, store.TaskReview} {
		t, err := e.tx.TaskOfConversation(e.ctx, e.conv.ID, kind)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return in, err
		}
		in.Claimed = in.Claimed || kind == store.TaskCallback && t.OwnerID != ""
		in.Human = in.Human || t.State == store.TaskClaimed
	}
	return in, nil
}

// apply carries out one effect in the transaction.
func (e *entry) apply(f survey.Effect) error {
	if err := e.act(f); err != nil {
		return err
	}
	return e.say(f)
}

func (e *entry) act(f survey.Effect) error {
	switch f.Kind {
	case survey.SaveAnswer:
		return e.saveAnswer(f)
	case survey.SecondMode:
		a := e.given(f)
		a.ReplacedAt = e.now
		return e.tx.SaveAnswer(e.ctx, a, e.now)
	case survey.Remark:
		return e.remark(f.RemarkKind, f.Words, f.Topics, "")
	case survey.Praise:
		return e.praise(f)
	case survey.Prefer:
		return e.prefer(f)
	case survey.Recommendation:
		return e.remark(store.RemarkRecommend, f.Value, nil, "")
	case survey.Callback:
		if e.amended != nil {
			return e.rewrite(f)
		}
		return e.callback(f)
	case survey.CallbackWords:
		if e.amended != nil {
			return e.rewrite(f)
		}
		return e.onCallback(func(t store.Task) error {
			if err := e.callAt(&t, f.When); err != nil {
				return err
			}
			return callback.AddWords(e.ctx, e.tx, t, f.Words, e.msg.ID, int(f.Severity), e.now)
		})
	case survey.CallbackWithdraw:
		return e.onCallback(func(t store.Task) error { return callback.Withdraw(e.ctx, e.tx, t, e.msg.ID, e.now) })
	case survey.Review:
		return e.review(callback.ReasonUnclear, f.Words, suggestion(f.Suggestion))
	case survey.Inquiry:
		return e.review(callback.ReasonInquiry, f.Words, "")
	case survey.OptOut:
		return e.optOut(f.Purpose)
	case survey.Resume:
		return e.resume()
	case survey.Later:
		return e.later(f)
	case survey.WrongPerson:
		if err := e.tx.Suppress(e.ctx, store.Suppression{Channel: e.in.Channel, Address: e.in.From, Purpose: store.AllPurposes, Reason: store.WrongPerson, At: e.now, MessageID: e.msg.ID}); err != nil {
			return err
		}
		return e.refusedCalls(callback.EndStranger, "")
	case survey.SoldCar:
		if e.visit.VehicleID == "" {
			return nil
		}
		return e.tx.SellVehicle(e.ctx, e.visit.VehicleID, e.now)
	}
	return nil
}

// wish moves a call to the time that the person named.
func wish(t *store.Task, w *reply.Interval, now time.Time) {
	if w == nil || !w.From.After(now) {
		return
	}
	callback.CallBetween(t, w.From, w.To)
}

// wished keeps the named time as evidence.
func (e *entry) wished(t store.Task, w *reply.Interval) error {
	if w == nil || !w.From.After(e.now) {
		return nil
	}
	return e.tx.AddStep(e.ctx, store.Step{TaskID: t.ID, Kind: callback.StepLater, MessageID: e.msg.ID, Text: e.in.Text, Until: w.From}, e.now)
}

// callAt moves an open callback to the time that the person named.
func (e *entry) callAt(t *store.Task, w *reply.Interval) error {
	wish(t, w, e.now)
	return e.wished(*t, w)
}

// callback opens the conversation's callback, or opens it again: one that was
// withdrawn, and the one whose customer says that it is not solved.
func (e *entry) callback(f survey.Effect) error {
	if e.conv.TaskID != "" {
		_, err := callback.Reopen(e.ctx, e.tx, e.conv.TaskID, e.msg.ID, f.Words, e.now)
		return err
	}
	fresh := callback.New(f, *e.conv, e.visit, e.now)
	fresh.MessageID = e.msg.ID
	wish(&fresh, f.When, e.now)
	t, err := e.tx.OpenTask(e.ctx, fresh, e.now)
	if err == nil && t.ID != "" && t.Version == 1 {
		err = e.wished(t, f.When)
	}
	if err != nil || t.State == store.TaskOpen || t.State == store.TaskClaimed || t.State == store.TaskAsked {
		return err
	}
	if t, err = callback.Reopen(e.ctx, e.tx, t.ID, e.msg.ID, f.Words, e.now); err != nil {
		return err
	}
	t.Version++
	return callback.AddWords(e.ctx, e.tx, t, f.Words, e.msg.ID, int(f.Severity), e.now)
}

// given is the row of an effect's answer.
func (e *entry) given(f survey.Effect) store.Answer {
	a := f.Answer
	choice := a.Choice
	if len(a.Choices) > 0 {
		choice = strings.Join(a.Choices, ",")
	}
	return store.Answer{ConversationID: e.conv.ID, Question: f.Question, Rating: a.Rating, Answer: a.Answer, Choice: choice, Comment: a.Comment, Channel: a.Channel,
		MessageID: e.msg.ID, EmployeeID: e.employeeID}
}

func (e *entry) saveAnswer(f survey.Effect) error {
	if err := e.tx.SaveAnswer(e.ctx, e.given(f), e.now); err != nil {
		return err
	}
	if err := e.answeredCalls(); err != nil {
		return err
	}
	// What was unclear is clear now.
	t, err := e.tx.TaskOfConversation(e.ctx, e.conv.ID, store.TaskReview)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || t.Reason != callback.ReasonUnclear {
		return err
	}
	return callback.Finish(e.ctx, e.tx, t, "answered", e.employeeID, e.now)
}

func (e *entry) remark(kind, words string, topics []string, employeeID string) error {
	if words == "" {
		return nil
	}
	if kind == survey.Wish {
		kind = store.RemarkSuggestion
	}
	return e.tx.AddRemark(e.ctx, store.Remark{DealerID: e.dealer.ID, Kind: kind, Department: e.visit.Department, ContactID: e.contact.ID, VisitID: e.visit.ID, ConversationID: e.conv.ID, MessageID: e.msg.ID,
		EmployeeID: employeeID, Text: words, Topics: topics}, e.now)
}

// praise goes to the employees who were named; with none named to the advisor of
// the visit (R013).
func (e *entry) praise(f survey.Effect) error {
	if len(f.Names) == 0 {
		return e.remark(store.RemarkPraise, f.Words, f.Topics, e.visit.AdvisorID)
	}
	for _, name := range f.Names {
		id := ""
		for _, s := range e.staff() {
			if folded := store.Fold(s.Name); folded == store.Fold(name) || slices.Contains(strings.Fields(folded), store.Fold(name)) {
				id = s.ID
				break
			}
		}
		if err := e.remark(store.RemarkPraise, f.Words, f.Topics, id); err != nil {
			return err
		}
	}
	return nil
}

func (e *entry) onCallback(fn func(store.Task) error) error {
	t, err := e.tx.TaskOfConversation(e.ctx, e.conv.ID, store.TaskCallback)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return fn(t)
}

func suggestion(a *survey.Answer) string {
	if a == nil {
		return ""
	}
	b, err := json.Marshal(struct {
		Rating         *int   `json:"rating,omitempty"`
		Answer, Choice string `json:",omitempty"`
	}{a.Rating, a.Answer, a.Choice})
	if err != nil {
		return ""
	}
	return string(b)
}

// review puts words before an operator. A second one joins the first, even one
// that was closed meanwhile.
func (e *entry) review(reason, words, note string) error {
	t := store.Task{DealerID: e.dealer.ID, Kind: store.TaskReview, ContactID: e.contact.ID, MessageID: e.msg.ID, Reason: reason, Words: words, Note: note,
		WayIn: string(e.in.Channel), SourceParty: "client", Clocks: callback.InquiryClocks(e.now)}
	t.DueAt = t.Clocks[0].DueAt
	if e.contact.ID == "" {
		return nil // stands in the list of messages from nobody we know
	}
	old, err := e.tx.OpenTaskOf(e.ctx, e.contact.ID, store.TaskReview)
	switch {
	case err == nil:
		if t.Note != "" {
			old.Note = t.Note
		}
		if (reason == callback.ReasonInquiry || reason == callback.ReasonWhich) && old.Reason == callback.ReasonUnclear {
			old.Reason = reason // an answer to the survey does not settle it any more
		}
		return callback.AddWords(e.ctx, e.tx, old, words, e.msg.ID, 0, e.now)
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if e.conv != nil {
		t.VisitID = e.conv.VisitID
		// One review per conversation is kept as its own (unique); a later one
		// stands alone.
		if _, err := e.tx.TaskOfConversation(e.ctx, e.conv.ID, store.TaskReview); errors.Is(err, store.ErrNotFound) {
			t.ConversationID = e.conv.ID
		}
	}
	_, err = e.tx.OpenTask(e.ctx, t, e.now)
	return err
}

// optOut obeys at once: a bare word withdraws everything on this address and ads on
// all the person's addresses, for the whole group; a named purpose only that one
// (invariant 3).
func (e *entry) optOut(purpose string) error {
	p := purpose
	if p == "" {
		p = store.AllPurposes
	}
	if err := e.tx.Suppress(e.ctx, store.Suppression{Channel: e.in.Channel, Address: e.in.From, Purpose: p, Reason: store.OptedOut, At: e.now, MessageID: e.msg.ID}); err != nil {
		return err
	}
	if err := e.refusedCalls(callRefused, purpose); err != nil {
		return err
	}
	if e.contact.ID != "" {
		if err := e.tx.AddConsent(e.ctx, store.Consent{ContactID: e.contact.ID, DealerID: e.dealer.ID, Purpose: p, Channel: e.in.Channel, At: e.now, How: "message", MessageID: e.msg.ID}); err != nil {
			return err
		}
	}
	if purpose != "" {
		return nil
	}
	for _, a := range e.contact.Addresses {
		if err := e.tx.Suppress(e.ctx, store.Suppression{Channel: a.Channel, Address: a.Value, Purpose: string(outreach.Ad), Reason: store.OptedOut, At: e.now, MessageID: e.msg.ID}); err != nil {
			return err
		}
	}
	return e.tx.CancelWaiting(e.ctx, e.in.Channel, e.in.From, store.OptedOut, e.now)
}

// resume restores what the STOP on this address withdrew, never ads.
func (e *entry) resume() error {
	n, err := e.tx.Unsuppress(e.ctx, e.in.Channel, e.in.From)
	if err != nil || n == 0 || e.contact.ID == "" {
		return err
	}
	return e.tx.AddConsent(e.ctx, store.Consent{ContactID: e.contact.ID, DealerID: e.dealer.ID, Purpose: store.AllPurposes, Channel: e.in.Channel, Given: true, At: e.now, How: "message", MessageID: e.msg.ID})
}

// laterBy is when a person who named no time is asked again.
const laterBy = 24 * time.Hour

// later queues the open question for the time the person named.
func (e *entry) later(f survey.Effect) error {
	if e.state.Question == "" || e.quiet {
		return nil
	}
	at := e.now.Add(laterBy)
	if f.When != nil && f.When.From.After(e.now) {
		at = f.When.From
	}
	m, err := e.Drafter.Question(e.def, e.state.Question, e.recipient(), e.promise)
	if err != nil {
		return err
	}
	m.ID, m.Purpose, m.Priority, m.DueAt, m.ConversationID = e.tx.NewID(), outreach.Reminder, outreach.Reminder.Priority(), at, e.conv.ID
	e.outbox = append(e.outbox, m)
	return nil
}

// confirm carries a finished "is it solved?" to its callback.
func (e *entry) confirm(effects []survey.Effect) error {
	if e.conv.TaskID == "" || e.def.ID != callback.SolvedSurvey {
		return nil
	}
	for _, f := range effects {
		if f.Kind != survey.SaveAnswer {
			continue
		}
		if f.Answer.Answer == "yes" {
			return callback.Confirm(e.ctx, e.tx, e.conv.TaskID, e.msg.ID, e.now)
		}
	}
	return nil
}

func (e *entry) recipient() draft.Recipient {
	r := draft.Recipient{Dealer: e.dealer, Contact: e.contact, Visit: e.visit, Channel: e.in.Channel, Address: e.in.From, Locale: e.locale(), Now: e.now}
	if s, ok := e.Roster.Sender(e.dealer.ID, e.in.Channel); ok {
		r.Sender = s
	}
	if e.conv != nil {
		r.Token = e.conv.Token
	}
	return r
}

// say drafts what an effect tells the person.
func (e *entry) say(f survey.Effect) error {
	if !f.Says() || e.quiet {
		return nil
	}
	var m store.Message
	var err error
	r := e.recipient()
	switch {
	case f.Kind == survey.Inquiry:
		m, err = e.Drafter.Shared(f.Message, r, e.answerer)
	case f.Message != "":
		if e.suppressedAnswer(f) {
			return nil
		}
		m, err = e.Drafter.Shared(f.Message, r, e.promise)
	case f.Before != "":
		m, err = e.Drafter.Behind(f.Before, e.def, f.Question, r, e.acknowledge(f.Before))
	case f.Kind == survey.Ask:
		m, err = e.Drafter.Question(e.def, f.Question, r, e.promise)
	case f.Kind == survey.Reask:
		m, err = e.Drafter.Reask(e.def, f.Question, r, e.promise)
	default:
		m, err = e.Drafter.Thanks(e.def, f.Outcome, r, e.promise)
	}
	if err != nil {
		return err
	}
	m.ConversationID = e.conv.ID
	m.Options.Farewell = f.Kind == survey.OptOut || f.Kind == survey.WrongPerson || f.Kind == survey.SoldCar
	if e.in.Data != "" && (f.Kind == survey.Ask || f.Kind == survey.Thank && f.Outcome == survey.Good) && len(e.in.References) > 0 {
		m.Options.Edit = e.in.References[0] // the tapped message turns into the next one
		m.Text = e.chosen() + m.Text
	}
	e.post(m)
	return nil
}

// chosen says what was tapped, as the button said it: it stays to be seen when the
// message turns into the next one.
func (e *entry) chosen() string {
	m, err := e.tx.MessageByProvider(e.ctx, e.in.Channel, store.Out, e.in.References[0])
	if err != nil {
		return ""
	}
	for _, row := range m.Buttons {
		for _, b := range row {
			if b.Data == e.in.Data {
				return "✅ " + b.Label + "\n\n"
			}
		}
	}
	return ""
}

// post readies a draft as the answer to the person's own message.
func (e *entry) post(m store.Message) {
	m.ID, m.AnswersAt, m.Purpose, m.Priority = e.tx.NewID(), e.now, outreach.Answer, outreach.Answer.Priority()
	if e.in.Channel == channels.Email {
		m.Options.InReplyTo = e.in.ProviderID
	}
	e.outbox = append(e.outbox, m)
}

// suppressedAnswer tells whether the provider has already answered a keyword.
func (e *entry) suppressedAnswer(f survey.Effect) bool {
	return e.in.Answered && (f.Kind == survey.OptOut || f.Kind == survey.Resume || f.Kind == survey.Help)
}

// promise fills in who calls, until when: the callback's owner, else the operator
// who answers for it; and what the person liked (R038).
func (e *entry) promise(x *render.Data) {
	if e.conv == nil {
		return
	}
	x.Liked, x.Praised = e.state.Likes(e.def), Known(e.state.Praised, e.staff())
	id := e.conv.TaskID
	var t store.Task
	var err error
	if id != "" {
		t, err = e.tx.Task(e.ctx, id)
	} else {
		t, err = e.tx.TaskOfConversation(e.ctx, e.conv.ID, store.TaskCallback)
	}
	if err != nil {
		return
	}
	e.due(t, x)
	x.Callback.Solution, x.Callback.Next = t.Agreed, t.NextContactAt
	x.Callback.Owner = t.OwnerName
	if x.Callback.Owner == "" {
		x.Callback.Owner = e.responsible()
	}
}

// due fills in until when somebody calls, and whether there is a number to call.
func (e *entry) due(t store.Task, x *render.Data) {
	x.Callback.Due = callback.Promise(t.DueAt, e.now, x.Zone)
	if !t.CallFrom.IsZero() && t.DueAt.After(e.now) {
		x.Callback.Due = t.DueAt // as he has wished
	}
	known, err := e.callable()
	if err != nil {
		e.Log.Warn("numbers were not read", "error", err)
	}
	x.Callback.NoNumber = err == nil && !known
}

// acknowledge fills in who answers or calls in what stands before a question.
func (e *entry) acknowledge(before string) func(*render.Data) {
	if before != "ack.inquiry" {
		return e.promise
	}
	return func(x *render.Data) {
		e.promise(x)
		e.answerer(x)
	}
}

// answerer fills in who answers a written question, and until when.
func (e *entry) answerer(x *render.Data) {
	x.Callback.Owner, x.Callback.Due = e.responsible(), callback.Promise(callback.InquiryClocks(e.now)[0].DueAt, e.now, x.Zone)
	x.Callback.NoNumber = false // the answer is written
}

// responsible is who calls as long as nobody has taken the task.
func (e *entry) responsible() string { return callback.Responsible(e.staff(), e.locale()) }

// staff are the dealer's employees; without them names stay as the customer wrote
// them.
func (e *entry) staff() []store.Employee {
	if e.employees == nil {
		es, err := e.tx.Employees(e.ctx, e.dealer.ID)
		if err != nil {
			e.Log.Warn("employees were not read", "error", err)
			return nil
		}
		e.employees = es
	}
	return e.employees
}

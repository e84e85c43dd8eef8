package callback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"otklik/channels"
	"otklik/internal/clock"
	"otklik/internal/draft"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/render"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// SolvedSurvey is the survey that asks whether it is solved.
const SolvedSurvey = "solved"

// Desk carries out what employees do with tasks. Safe for concurrent use.
type Desk struct {
	Store   *store.Store
	Clock   clock.Clock
	Roster  *store.Roster
	Drafter *draft.Drafter
	// Survey finds a survey definition by id.
	Survey func(id string) (*survey.Definition, bool)
	// Policy tells when an employee's own words may leave.
	Policy *policy.Rules
	// NextContact is when a prospect is due after a contact (R063).
	NextContact func(d store.Dealer, contacted time.Time) time.Time
	// Changed is told after each change, so that live pages follow; Wake that
	// a message was queued.
	Changed, Wake func()
	// Begun is told of a conversation that was opened, after commit; nil for
	// nobody.
	Begun func(ctx context.Context, c store.Conversation)
}

// change runs fn on the locked task in one transaction. Only its owner, or a
// manager, may change a claimed task.
func (d *Desk) change(ctx context.Context, taskID string, e store.Employee, fn func(*store.Tx, *store.Task, time.Time) error) error {
	now := d.Clock.Business()
	err := d.Store.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
		t, err := tx.Task(ctx, taskID)
		if err != nil {
			return fmt.Errorf("reading a task: %w", err)
		}
		if e.DealerID != "" && e.DealerID != t.DealerID {
			return store.ErrNotFound
		}
		if t.State == store.TaskClosed || t.State == store.TaskWithdrawn {
			return ErrClosed
		}
		if err := fn(tx, &t, now); err != nil {
			return err
		}
		return tx.SaveTask(ctx, t, now)
	})
	if err == nil {
		d.Changed()
		d.Wake()
	}
	return err
}

func owns(t *store.Task, e store.Employee) error {
	if t.OwnerID != e.ID && !e.Has(store.RoleManager) {
		return ErrNotOwner
	}
	return nil
}

// Claim gives a task one owner. store.ErrConflict when another has it; one that was
// only meant for somebody, and that he has not taken, is free.
func (d *Desk) Claim(ctx context.Context, taskID string, e store.Employee) error {
	return d.change(ctx, taskID, e, func(tx *store.Tx, t *store.Task, now time.Time) error {
		if t.State != store.TaskOpen && t.OwnerID == e.ID {
			return nil
		}
		if t.State != store.TaskOpen && t.OwnerID != "" {
			return store.ErrConflict
		}
		t.OwnerID, t.ClaimedAt = e.ID, now
		if t.State == store.TaskOpen {
			t.State = store.TaskClaimed
		}
		return tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepClaimed, EmployeeID: e.ID}, now)
	})
}

// TakeOver gives a manager a task that another holds: from, by id. store.ErrConflict
// when that is not so any more.
func (d *Desk) TakeOver(ctx context.Context, taskID, from string, e store.Employee) error {
	if !e.Has(store.RoleManager) {
		return ErrNotAllowed
	}
	return d.change(ctx, taskID, e, func(tx *store.Tx, t *store.Task, now time.Time) error {
		if from == "" || t.OwnerID != from || t.State == store.TaskOpen {
			return store.ErrConflict
		}
		t.OwnerID, t.ClaimedAt = e.ID, now
		return tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepTaken, EmployeeID: e.ID}, now)
	})
}

// Release puts a task back into the queue.
func (d *Desk) Release(ctx context.Context, taskID string, e store.Employee) error {
	return d.change(ctx, taskID, e, func(tx *store.Tx, t *store.Task, now time.Time) error {
		if err := owns(t, e); err != nil {
			return err
		}
		t.OwnerID, t.ClaimedAt = "", time.Time{}
		if t.State == store.TaskClaimed {
			t.State = store.TaskOpen
		}
		return tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepReleased, EmployeeID: e.ID}, now)
	})
}

// Attempt is one call.
type Attempt struct {
	// Outcome is StepReached, StepNoAnswer, StepLater or StepWrong.
	Outcome string
	Note    string
	// Next is when to try again; needed for StepLater.
	Next time.Time
	// Number is the one that is wrong; "" for the first that is not known to be.
	Number string
}

// ErrOutcome: the outcome of a call is not one of the known ones, or "later" has
// no time.
var ErrOutcome = errors.New("the outcome of the call is not complete")

// Attempt records a call. One that reached the customer, or that he put off, moves
// the task to its next time; the clocks stay. A wrong number is not used any more, by
// nobody and for nothing, and a survey call is over with it unless it has a next time or the
// customer another number. ErrOutcome where the wrong number is none of his.
func (d *Desk) Attempt(ctx context.Context, taskID string, e store.Employee, a Attempt) error {
	switch a.Outcome {
	case StepReached, StepNoAnswer, StepWrong:
	case StepLater:
		if a.Next.IsZero() {
			return ErrOutcome
		}
	default:
		return ErrOutcome
	}
	return d.change(ctx, taskID, e, func(tx *store.Tx, t *store.Task, now time.Time) error {
		if err := owns(t, e); err != nil {
			return err
		}
		if !a.Next.IsZero() {
			CallBetween(t, a.Next, a.Next)
		}
		if err := tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: a.Outcome, EmployeeID: e.ID, Text: a.Note, Until: a.Next}, now); err != nil {
			return err
		}
		if a.Outcome != StepWrong {
			return nil
		}
		left, err := stranger(ctx, tx, t, e, a.Number, now)
		if err != nil {
			return err
		}
		if left || t.Kind != store.TaskSurveyCall || !a.Next.IsZero() {
			return nil
		}
		return end(ctx, tx, t, e.ID, Result{Outcome: EndStranger, Note: a.Note}, now)
	})
}

// Agreement is what was told and agreed.
type Agreement struct {
	// Solution is what the customer was told (R044).
	Solution string
	// Agreed is what both agreed on, "" for nothing beyond the solution (R041).
	Agreed string
	// Consent is "yes", "no" or "" when he has not said (R045).
	Consent string
	// Next is the planned next contact (R047).
	Next time.Time
}

// ErrNoSolution: an agreement says nothing.
var ErrNoSolution = errors.New("the solution is missing")

// Agree records the solution that was told, the customer's consent to it and the
// planned next contact. It meets the solution clock.
func (d *Desk) Agree(ctx context.Context, taskID string, e store.Employee, a Agreement) error {
	if a.Solution == "" {
		return ErrNoSolution
	}
	if a.Next.IsZero() || !a.Next.After(d.Clock.Business()) {
		return ErrNoNextContact
	}
	return d.change(ctx, taskID, e, func(tx *store.Tx, t *store.Task, now time.Time) error {
		if err := owns(t, e); err != nil {
			return err
		}
		t.Agreed, t.Note, t.NextContactAt = a.Solution, a.Agreed, a.Next
		if err := tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepSolution, EmployeeID: e.ID, Text: a.Solution, Until: a.Next}, now); err != nil {
			return err
		}
		switch a.Consent {
		case "yes":
			if err := tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepConsent, EmployeeID: e.ID, Text: a.Agreed}, now); err != nil {
				return err
			}
		case "no":
			if err := tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepRefused, EmployeeID: e.ID, Text: a.Agreed}, now); err != nil {
				return err
			}
		}
		return meet(ctx, tx, t, now, ClockSolution, ClockInquiry)
	})
}

func meet(ctx context.Context, tx Book, t *store.Task, now time.Time, kinds ...string) error {
	for _, c := range t.Clocks {
		for _, k := range kinds {
			if c.Kind == k && c.MetAt.IsZero() {
				c.MetAt = now
				if err := tx.SetClock(ctx, t.ID, c); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Ask sends the customer, in his own channel, the question whether it is solved.
func (d *Desk) Ask(ctx context.Context, taskID string, e store.Employee) error {
	var opened store.Conversation
	err := d.change(ctx, taskID, e, func(tx *store.Tx, t *store.Task, now time.Time) error {
		if err := owns(t, e); err != nil {
			return err
		}
		if t.Kind != store.TaskCallback {
			return ErrNotAllowed
		}
		if t.Agreed == "" || t.NextContactAt.IsZero() {
			return ErrNoNextContact
		}
		r, err := d.recipient(ctx, tx, t, outreach.Callback, now)
		if err != nil {
			return err
		}
		var messageID string
		if opened, messageID, err = d.question(ctx, tx, t, r, now); err != nil {
			return err
		}
		t.State = store.TaskAsked
		return tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepAsked, EmployeeID: e.ID, MessageID: messageID, Text: string(r.Channel)}, now)
	})
	if err == nil && d.Begun != nil {
		d.Begun(ctx, opened)
	}
	return err
}

// question opens the conversation that asks and queues its message.
func (d *Desk) question(ctx context.Context, tx *store.Tx, t *store.Task, r draft.Recipient, now time.Time) (store.Conversation, string, error) {
	var c store.Conversation
	def, ok := d.Survey(SolvedSurvey)
	if !ok {
		return c, "", fmt.Errorf("survey %q is not known", SolvedSurvey)
	}
	r.Token = draft.NewToken()
	m, err := d.Drafter.Invite(def, r, func(x *render.Data) {
		x.Callback.Solution, x.Callback.Next = t.Agreed, t.NextContactAt
	})
	if err != nil {
		return c, "", err
	}
	position, err := json.Marshal(survey.Begin(def, r.Channel, def.Draw(t.ContactID, now.In(r.Dealer.Location()))))
	if err != nil {
		return c, "", err
	}
	c = store.Conversation{ID: tx.NewID(), DealerID: t.DealerID, ContactID: t.ContactID, VisitID: t.VisitID, TaskID: t.ID, Survey: def.ID, SurveyVersion: def.Version, Locale: r.LocaleOr(),
		Channel: r.Channel, Address: r.Address, State: store.ConversationOpen, Position: string(position), Version: 1, Token: r.Token}
	if err := tx.OpenConversation(ctx, c, now); err != nil {
		return c, "", err
	}
	m.ID, m.ConversationID, m.TaskID, m.Purpose, m.Priority = tx.NewID(), c.ID, t.ID, outreach.Callback, outreach.Callback.Priority()
	return c, m.ID, tx.Queue(ctx, []store.Message{m}, now)
}

// recipient finds the channel on which the customer is written to: the one he wrote on,
// else the first he can be reached on.
func (d *Desk) recipient(ctx context.Context, tx *store.Tx, t *store.Task, purpose outreach.Purpose, now time.Time) (draft.Recipient, error) {
	c, err := tx.Contact(ctx, t.ContactID)
	if err != nil {
		return draft.Recipient{}, fmt.Errorf("reading the customer: %w", err)
	}
	dealer, _ := d.Roster.Dealer(t.DealerID)
	r := draft.Recipient{Dealer: dealer, Contact: c, Now: now}
	if t.VisitID != "" {
		if r.Visit, err = d.Store.Visit(ctx, t.VisitID); err != nil {
			return r, fmt.Errorf("reading the visit: %w", err)
		}
	}
	type way struct {
		ch      channels.Kind
		address string
	}
	var ways []way
	if t.ConversationID != "" {
		conv, err := tx.Conversation(ctx, t.ConversationID)
		if err != nil {
			return r, fmt.Errorf("reading the conversation: %w", err)
		}
		r.Locale, r.Token = conv.Locale, conv.Token
		ways = append(ways, way{conv.Channel, conv.Address})
	}
	for _, ch := range []channels.Kind{channels.Kind(t.WayIn), channels.Telegram, channels.SMS, channels.Email} {
		ways = append(ways, way{ch, c.On(ch)})
	}
	for _, w := range ways {
		sender, on := d.Roster.Sender(t.DealerID, w.ch)
		if !on || w.address == "" {
			continue
		}
		stopped, err := tx.Suppressed(ctx, w.ch, w.address, purpose)
		if err != nil {
			return r, err
		}
		if !stopped {
			r.Channel, r.Address, r.Sender = w.ch, w.address, sender
			return r, nil
		}
	}
	return r, ErrUnreachable
}

// Close closes a callback. Without the customer's confirmation only a manager may,
// with a reason that is recorded.
func (d *Desk) Close(ctx context.Context, taskID string, e store.Employee, reason string) error {
	return d.change(ctx, taskID, e, func(tx *store.Tx, t *store.Task, now time.Time) error {
		if err := owns(t, e); err != nil {
			return err
		}
		if t.Kind != store.TaskCallback {
			return ErrNotAllowed
		}
		if t.ConfirmedAt.IsZero() {
			if reason == "" || !e.Has(store.RoleManager) {
				return ErrNotConfirmed
			}
			t.ConfirmedBy = "manager"
		}
		if t.NextContactAt.IsZero() {
			return ErrNoNextContact
		}
		return closeTask(ctx, tx, t, "closed", e.ID, reason, now)
	})
}

// Resolve ends a task that is no callback: a reply that was read, a message that
// did not arrive, a promised contact that was made.
func (d *Desk) Resolve(ctx context.Context, taskID string, e store.Employee, note string) error {
	return d.change(ctx, taskID, e, func(tx *store.Tx, t *store.Task, now time.Time) error {
		if err := owns(t, e); err != nil {
			return err
		}
		switch {
		case t.Kind == store.TaskCallback:
			return ErrNotConfirmed
		case len(endings[t.Kind]) > 0:
			return ErrOutcome
		}
		if err := meet(ctx, tx, t, now, ClockInquiry); err != nil {
			return err
		}
		t.State, t.ClosedAt, t.Outcome, t.Note = store.TaskClosed, now, "done", note
		if err := happened(ctx, tx, t, now); err != nil {
			return err
		}
		return tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepClosed, EmployeeID: e.ID, Text: note}, now)
	})
}

// closeTask closes a callback and opens the contact that was promised.
func closeTask(ctx context.Context, tx Book, t *store.Task, outcome, employeeID, text string, now time.Time) error {
	t.State, t.ClosedAt, t.Outcome = store.TaskClosed, now, outcome
	if err := meet(ctx, tx, t, now, ClockSolution, ClockDecision); err != nil {
		return err
	}
	if err := tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepClosed, EmployeeID: employeeID, Text: text}, now); err != nil {
		return err
	}
	if err := happened(ctx, tx, t, now); err != nil {
		return err
	}
	if !t.NextContactAt.After(now) {
		return nil
	}
	next := store.Task{DealerID: t.DealerID, Kind: store.TaskNext, ContactID: t.ContactID, VisitID: t.VisitID, Reason: "promised", Words: t.Agreed, DueAt: t.NextContactAt, OwnerID: t.OwnerID, Department: t.Department}
	if next.OwnerID != "" {
		next.State = store.TaskClaimed
	}
	_, err := tx.OpenTask(ctx, next, now)
	return err
}

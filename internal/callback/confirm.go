package callback

import (
	"context"
	"time"

	"otklik/channels"
	"otklik/internal/store"
)

// Book is where tasks are read and changed: a transaction of the desk, or one
// event's turn in a group of the inbox.
type Book interface {
	Task(ctx context.Context, id string) (store.Task, error)
	OpenTask(ctx context.Context, t store.Task, now time.Time) (store.Task, error)
	SaveTask(ctx context.Context, t store.Task, now time.Time) error
	SetClock(ctx context.Context, taskID string, c store.Clock) error
	AddStep(ctx context.Context, s store.Step, now time.Time) error
	AddEvent(ctx context.Context, e store.Event, now time.Time) error
	OpenTasksOf(ctx context.Context, contactID, kind string) ([]store.Task, error)
	Contact(ctx context.Context, id string) (store.Contact, error)
	ContactsAt(ctx context.Context, ch channels.Kind, value string) ([]string, error)
	Numbers(ctx context.Context, c store.Contact) ([]store.Number, error)
}

// happened tells programs that a callback was closed (R102) or a written question
// answered (R101), each by an event of its own; of other tasks they hear nothing.
func happened(ctx context.Context, tx Book, t *store.Task, now time.Time) error {
	switch {
	case t.Kind == store.TaskCallback:
		return tell(ctx, tx, t, store.EventCallbackClosed, now)
	case t.Kind == store.TaskReview && t.Reason == ReasonInquiry:
		return tell(ctx, tx, t, store.EventInquiryAnswered, now)
	}
	return nil
}

func tell(ctx context.Context, tx Book, t *store.Task, kind string, now time.Time) error {
	if t.ContactID == "" {
		return nil
	}
	return tx.AddEvent(ctx, store.Event{DealerID: t.DealerID, Kind: kind, ContactID: t.ContactID, VisitID: t.VisitID, SubjectID: t.ID, At: now}, now)
}

var (
	_ Book = (*store.Tx)(nil)
	_ Book = (*store.Turn)(nil)
)

// Confirm is the customer's yes: the callback closes (invariant 7). It works inside
// the inbox's transaction; messageID names the evidence.
func Confirm(ctx context.Context, tx Book, taskID, messageID string, now time.Time) error {
	t, err := tx.Task(ctx, taskID)
	if err != nil {
		return err
	}
	if t.State == store.TaskClosed || t.State == store.TaskWithdrawn {
		return nil
	}
	t.ConfirmedAt, t.ConfirmedBy = now, "customer"
	if err := tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepConfirmed, MessageID: messageID}, now); err != nil {
		return err
	}
	if t.NextContactAt.IsZero() {
		// He said so before anything was agreed: the owner still plans the contact.
		return tx.SaveTask(ctx, t, now)
	}
	if err := closeTask(ctx, tx, &t, "confirmed", "", "", now); err != nil {
		return err
	}
	return tx.SaveTask(ctx, t, now)
}

// Reopen is the customer's no: the solution clock starts anew, and a callback that
// was closed on his earlier yes opens again.
func Reopen(ctx context.Context, tx Book, taskID, messageID, words string, now time.Time) (store.Task, error) {
	t, err := tx.Task(ctx, taskID)
	if err != nil {
		return t, err
	}
	if t.State == store.TaskClosed && t.Kind == store.TaskCallback {
		if err := tell(ctx, tx, &t, store.EventCallbackReopened, now); err != nil {
			return t, err
		}
	}
	t.ConfirmedAt, t.ConfirmedBy, t.ClosedAt, t.Outcome = time.Time{}, "", time.Time{}, ""
	t.State = store.TaskOpen
	if t.OwnerID != "" {
		t.State = store.TaskClaimed
	}
	c := store.Clock{Kind: ClockSolution, DueAt: now.Add(solutionWithin)}
	t.DueAt, t.CallFrom = c.DueAt, time.Time{}
	if err := tx.SetClock(ctx, t.ID, c); err != nil {
		return t, err
	}
	if err := tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepReopened, MessageID: messageID, Text: words}, now); err != nil {
		return t, err
	}
	return t, tx.SaveTask(ctx, t, now)
}

// AddWords appends what the customer wrote later to an open task, and raises its
// severity.
func AddWords(ctx context.Context, tx Book, t store.Task, words, messageID string, severity int, now time.Time) error {
	t.Severity = max(t.Severity, severity)
	if words != "" {
		if t.Words != "" {
			t.Words += "\n"
		}
		t.Words += words
		if err := tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepWords, MessageID: messageID, Text: words}, now); err != nil {
			return err
		}
	}
	return tx.SaveTask(ctx, t, now)
}

// Withdraw ends a callback whose only cause the customer corrected; one that a
// person has taken stays.
func Withdraw(ctx context.Context, tx Book, t store.Task, messageID string, now time.Time) error {
	if t.State != store.TaskOpen {
		return nil
	}
	t.State, t.ClosedAt, t.Outcome = store.TaskWithdrawn, now, "corrected"
	if err := tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepWithdrawn, MessageID: messageID}, now); err != nil {
		return err
	}
	return tx.SaveTask(ctx, t, now)
}

// Finish ends a task that the system itself saw done: the survey was answered, the
// unclear reply became clear.
func Finish(ctx context.Context, tx Book, t store.Task, outcome, employeeID string, now time.Time) error {
	if t.State == store.TaskClosed || t.State == store.TaskWithdrawn {
		return nil
	}
	t.State, t.ClosedAt, t.Outcome = store.TaskClosed, now, outcome
	for _, c := range t.Clocks {
		if c.MetAt.IsZero() {
			c.MetAt = now
			if err := tx.SetClock(ctx, t.ID, c); err != nil {
				return err
			}
		}
	}
	if err := tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepClosed, EmployeeID: employeeID, Text: outcome}, now); err != nil {
		return err
	}
	if err := happened(ctx, tx, &t, now); err != nil {
		return err
	}
	return tx.SaveTask(ctx, t, now)
}

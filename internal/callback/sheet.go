package callback

import (
	"context"
	"errors"
	"time"

	"otklik/internal/store"
)

// EndTyped is how a paper entry ends whose sheet was typed in.
const EndTyped = "typed"

// ErrTyped: the sheet has been typed in already.
var ErrTyped = errors.New("the sheet has been typed in already")

// EndSheets ends those of a contact's paper entries whose sheet nobody has printed.
func EndSheets(ctx context.Context, tx Book, contactID, outcome string, is func(*store.Task) bool, now time.Time) error {
	return endOpen(ctx, tx, contactID, store.TaskPaper, outcome, is, now)
}

// Printed notes that the sheet of a paper entry is out: the customer is asked with it, and
// the task waits for what comes back. It works inside the transaction of the conversation
// that the sheet is of.
func Printed(ctx context.Context, tx Book, t store.Task, employeeID string, now time.Time) error {
	if err := tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepPrinted, EmployeeID: employeeID}, now); err != nil {
		return err
	}
	if t.State != store.TaskOpen && t.State != store.TaskClaimed {
		return nil
	}
	t.State = store.TaskAsked
	return tx.SaveTask(ctx, t, now)
}

// Typed ends a paper entry with who typed it in. A sheet may come back after its task has
// ended: then the task says so instead.
func Typed(ctx context.Context, tx Book, t store.Task, employeeID string, now time.Time) error {
	if t.OwnerID == "" {
		t.OwnerID, t.ClaimedAt = employeeID, now
	}
	if t.State != store.TaskClosed && t.State != store.TaskWithdrawn {
		return Finish(ctx, tx, t, EndTyped, employeeID, now)
	}
	t.State, t.ClosedAt, t.Outcome = store.TaskClosed, now, EndTyped
	if err := tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepClosed, EmployeeID: employeeID, Text: EndTyped}, now); err != nil {
		return err
	}
	return tx.SaveTask(ctx, t, now)
}

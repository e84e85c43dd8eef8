package store

import (
	"context"
	"fmt"
	"time"
)

// PlanAgain plans outreach anew that ended in somebody's hands instead of in a message:
// it is due now and may leave until the deadline. False when it did not end so.
func (t *Tx) PlanAgain(ctx context.Context, outreachID string, deadline, now time.Time) (bool, error) {
	r, err := t.ExecContext(ctx, `update outreach set state = 'planned', due_at = $2, deadline_at = $3, rule = '', inputs = '', lane = '', claim_token = null, claim_until = null, updated_at = $2
		where id = $1 and state = 'done' and not exists (select 1 from message where message.outreach_id = outreach.id)`, key(outreachID), at(now), at(deadline))
	if err != nil {
		return false, fmt.Errorf("planning outreach again: %w", err)
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// GiveSlot books an appointment for another start, or with a zero start only notes that
// the customer agreed to a later one (R073), and writes what follows from it as events.
// ErrState when the customer has come or the appointment is off.
func (t *Tx) GiveSlot(ctx context.Context, a Appointment, start time.Time, agreed bool, now time.Time) error {
	switch a.State {
	case AppointmentRequested, AppointmentBooked, AppointmentMissed:
	default:
		return fmt.Errorf("a slot for an appointment that is %s: %w", a.State, ErrState)
	}
	was := a
	a.AgreedOther = a.AgreedOther || agreed
	if !start.IsZero() {
		a.StartsAt, a.State = start, AppointmentBooked
	}
	if _, err := t.ExecContext(ctx, "update appointment set starts_at = $2, state = $3, agreed_other = $4, updated_at = $5 where id = $1", a.ID, at(a.StartsAt), a.State, a.AgreedOther, at(now)); err != nil {
		return fmt.Errorf("giving a slot: %w", err)
	}
	return t.appointmentEvents(ctx, &was, a, now)
}

// reopen opens a closed task again, for whoever takes it.
func (t *Tx) reopen(ctx context.Context, x Task, due, now time.Time) error {
	x.State, x.OwnerID, x.ClaimedAt, x.ClosedAt, x.Outcome, x.DueAt = TaskOpen, "", time.Time{}, time.Time{}, "", due
	if err := t.AddStep(ctx, Step{TaskID: x.ID, Kind: "late_again"}, now); err != nil {
		return err
	}
	return t.SaveTask(ctx, x, now)
}

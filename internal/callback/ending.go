package callback

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"otklik/internal/program"
	"otklik/internal/store"
)

// How the tasks end that programs open.
const (
	EndReached    = "reached"
	EndNotReached = "not_reached"
	EndMoved      = "moved"
	EndCanceled   = "canceled"
	EndContacted  = "contacted"
	EndMeeting    = "meeting_agreed" // R068
	EndTestDrive  = "test_drive"     // R067
	EndLost       = "lost"
	EndSlot       = "slot_given"
	EndLater      = "later_agreed"
	EndSend       = "send_now"
	EndLeave      = "left"
)

// Ending is one way in which a task may end.
type Ending struct {
	Outcome string
	// Dated: it may name a date; Needs: it must.
	Dated, Needs bool
}

// endings by kind of task.
var endings = map[string][]Ending{
	store.TaskNoShow:       {{Outcome: EndReached}, {EndMoved, true, true}, {Outcome: EndCanceled}, {Outcome: EndNotReached}},
	store.TaskProspect:     {{EndContacted, true, false}, {EndMeeting, true, true}, {EndTestDrive, true, false}, {Outcome: EndLost}, {Outcome: EndNotReached}},
	store.TaskWarrantySlot: {{EndSlot, true, true}, {EndLater, true, false}, {Outcome: EndCanceled}},
	store.TaskLate:         {{Outcome: EndSend}, {Outcome: EndLeave}},
}

// Endings lists how a task of a kind may end, the most usual first; none for kinds
// that end in their own way.
func Endings(kind string) []Ending { return slices.Clone(endings[kind]) }

// Result is how a task ended.
type Result struct {
	Outcome, Note string
	// When is the new start, the slot or the agreed date; zero for none.
	When time.Time
}

// ErrSlotLate: a slot for a warranty repair is later than it may be without the
// customer's consent (R073).
var ErrSlotLate = errors.New("the slot is later than the customer was promised")

// LateLeaves is how long a late message may still leave once somebody said that it may.
const LateLeaves = 4 * time.Hour

// End closes a task that a program opened, and carries out what its outcome means.
// ErrOutcome when a task of this kind does not end so.
func (d *Desk) End(ctx context.Context, taskID string, e store.Employee, r Result) error {
	return d.change(ctx, taskID, e, func(tx *store.Tx, t *store.Task, now time.Time) error {
		if err := owns(t, e); err != nil {
			return err
		}
		i := slices.IndexFunc(endings[t.Kind], func(x Ending) bool { return x.Outcome == r.Outcome })
		if i < 0 {
			return ErrOutcome
		}
		how := endings[t.Kind][i]
		if how.Needs && r.When.IsZero() || !r.When.IsZero() && !r.When.After(now) {
			return ErrNoNextContact
		}
		if !how.Dated {
			r.When = time.Time{}
		}
		if err := d.follow(ctx, tx, t, r, now); err != nil {
			return err
		}
		return end(ctx, tx, t, e.ID, r, now)
	})
}

// end closes a task with its outcome as evidence.
func end(ctx context.Context, tx Book, t *store.Task, employeeID string, r Result, now time.Time) error {
	for _, c := range t.Clocks {
		if err := meet(ctx, tx, t, now, c.Kind); err != nil {
			return err
		}
	}
	t.State, t.ClosedAt, t.Outcome, t.Note = store.TaskClosed, now, r.Outcome, r.Note
	return tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepClosed, EmployeeID: employeeID, Text: r.Outcome, Until: r.When}, now)
}

// follow carries out what an outcome means for what the task is about.
func (d *Desk) follow(ctx context.Context, tx *store.Tx, t *store.Task, r Result, now time.Time) error {
	if t.Kind == store.TaskLate {
		return sendLate(ctx, tx, t, r, now)
	}
	subject, err := d.subject(ctx, t)
	if err != nil || subject == "" || r.Outcome == EndNotReached || r.Outcome == EndReached {
		return err
	}
	if t.Kind == store.TaskProspect {
		p, err := tx.Prospect(ctx, subject)
		if err != nil {
			return fmt.Errorf("reading the prospect: %w", err)
		}
		state := map[string]string{EndMeeting: store.ProspectMeeting, EndTestDrive: store.ProspectTestDrive, EndLost: store.ProspectLost}[r.Outcome]
		return d.contacted(ctx, tx, p, Contacted{State: state, Note: r.Note, Agreed: r.When}, now)
	}
	a, err := tx.Appointment(ctx, subject)
	if err != nil {
		return fmt.Errorf("reading the appointment: %w", err)
	}
	switch due := a.WarrantyDue(); {
	case r.Outcome == EndCanceled:
		_, err = tx.MoveAppointment(ctx, a, store.AppointmentCanceled, now)
	case r.Outcome == EndSlot && !due.IsZero() && r.When.After(due):
		return ErrSlotLate
	default:
		err = tx.GiveSlot(ctx, a, r.When, r.Outcome == EndLater, now)
	}
	return err
}

func sendLate(ctx context.Context, tx *store.Tx, t *store.Task, r Result, now time.Time) error {
	if r.Outcome != EndSend {
		return nil
	}
	ok, err := tx.PlanAgain(ctx, t.OutreachID, now.Add(LateLeaves), now)
	if err == nil && !ok {
		return store.ErrConflict
	}
	return err
}

// subject is the id of what a program's task is about; "" for nothing.
func (d *Desk) subject(ctx context.Context, t *store.Task) (string, error) {
	if t.OutreachID == "" {
		return "", nil
	}
	o, err := d.Store.OutreachByID(ctx, t.OutreachID)
	if err != nil {
		return "", fmt.Errorf("reading what a task is about: %w", err)
	}
	subject, _ := program.Subject(o.Occasion)
	return subject, nil
}

// Contacted is a contact with a prospect.
type Contacted struct {
	// State is where in the funnel he is now; "" leaves him where he is.
	State string
	// Note is what was said; with a lost one, why.
	Note string
	// Agreed is the date of the next contact, which overrides the clocks (R065); zero
	// for none.
	Agreed time.Time
}

// Contacted records a contact with a prospect: his clocks begin anew (R063), and a call
// to him that is still to be made is done.
func (d *Desk) Contacted(ctx context.Context, prospectID string, e store.Employee, x Contacted) error {
	if x.State != "" && !slices.Contains(store.ProspectStates(), x.State) {
		return ErrOutcome
	}
	now := d.Clock.Business()
	if !x.Agreed.IsZero() && !x.Agreed.After(now) {
		return ErrNoNextContact
	}
	err := d.Store.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
		p, err := tx.Prospect(ctx, prospectID)
		if err != nil {
			return fmt.Errorf("reading the prospect: %w", err)
		}
		if e.DealerID != "" && e.DealerID != p.DealerID {
			return store.ErrNotFound
		}
		if err := d.contacted(ctx, tx, p, x, now); err != nil {
			return err
		}
		return d.called(ctx, tx, p, e, x, now)
	})
	if err == nil {
		d.Changed()
		d.Wake()
	}
	return err
}

func (d *Desk) contacted(ctx context.Context, tx *store.Tx, p store.Prospect, x Contacted, now time.Time) error {
	was := p
	dealer, _ := d.Roster.Dealer(p.DealerID)
	switch {
	case x.State != "":
		p.State = x.State
	case p.State == store.ProspectNew:
		p.State = store.ProspectContacted
	}
	p.ContactedAt, p.AgreedAt, p.DueAt = now, x.Agreed, x.Agreed
	if p.DueAt.IsZero() {
		p.DueAt = d.NextContact(dealer, now)
	}
	switch {
	case x.Note == "":
	case p.Open():
		p.Notes = strings.TrimSpace(p.Notes + "\n" + now.In(dealer.Location()).Format(time.DateOnly) + ": " + x.Note)
	default:
		p.Outcome = x.Note
	}
	return tx.SaveProspect(ctx, was, p, now)
}

// called ends the call that a program asked for, where the prospect was spoken to
// without it.
func (d *Desk) called(ctx context.Context, tx *store.Tx, p store.Prospect, e store.Employee, x Contacted, now time.Time) error {
	t, err := tx.OpenTaskOf(ctx, p.ContactID, store.TaskProspect)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for a call to a prospect: %w", err)
	}
	if subject, err := d.subject(ctx, &t); err != nil || subject != p.ID {
		return err
	}
	if err := end(ctx, tx, &t, e.ID, Result{Outcome: EndContacted, Note: x.Note, When: x.Agreed}, now); err != nil {
		return err
	}
	return tx.SaveTask(ctx, t, now)
}

package store

import (
	"context"
	"fmt"
	"time"
)

// Event is something that starts things; the store holds those that the planner has not
// taken up.
type Event struct {
	ID, DealerID, Kind, ContactID, VisitID string
	// SubjectID is what the event is about: an appointment, a prospect, a vehicle, a
	// task; "" for a completed visit.
	SubjectID string
	// At is what offsets are counted from; it may lie in the future.
	At time.Time
}

// Kinds of event, with subject and time. Something that is told again, moved or
// corrected comes as an event of the same kind and subject; one that still waits is
// moved instead.
const (
	// EventVisitCompleted: a visit has a completion time, which is At.
	EventVisitCompleted = "visit_completed"
	// EventVehicleDelivered: a vehicle was handed over to its buyer, at At (R032).
	EventVehicleDelivered = "vehicle_delivered"
	// EventAppointmentBooked: an appointment has a start in the future, which is At, or
	// another one than before (R139).
	EventAppointmentBooked = "appointment_booked"
	// EventAppointmentCanceled: it will not take place. At is when that was known.
	EventAppointmentCanceled = "appointment_canceled"
	// EventAppointmentMissed: nobody has come by its start, which is At (R140).
	EventAppointmentMissed = "appointment_missed"
	// EventAppointmentArrived: the customer is there since At: reminders have no sense
	// any more.
	EventAppointmentArrived = "appointment_arrived"
	// EventCarReady: the work is done, told at At. The subject is the visit, or the
	// appointment while there is none (R078).
	EventCarReady = "car_ready"
	// EventCarDelayed: it will take longer, told at At; the subject names the new time.
	EventCarDelayed = "car_delayed"
	// EventWarrantyRequested: a warranty repair was asked for at At and has no slot in
	// time yet. The subject is the appointment (R073).
	EventWarrantyRequested = "warranty_requested"
	// EventWarrantySettled: such a request got a slot in time, another one that the
	// customer agreed to, or was canceled.
	EventWarrantySettled = "warranty_settled"
	// EventProspectContacted: a prospect was last spoken to at At, or another date was
	// agreed with him: clocks begin anew (R063 to R065).
	EventProspectContacted = "prospect_contacted"
	// EventProspectAgreed: another date was agreed with a prospect, which is At and
	// overrides both clocks (R065).
	EventProspectAgreed = "prospect_agreed"
	// EventProspectClosed: a prospect has bought or will not.
	EventProspectClosed = "prospect_closed"
	// EventCallbackClosed: a callback was closed at At; the subject is its task (R102).
	EventCallbackClosed = "callback_closed"
	// EventInquiryAnswered: an employee has answered a written question at At; the subject
	// is its task (R101).
	EventInquiryAnswered = "inquiry_answered"
	// EventCallbackReopened: it was not solved after all.
	EventCallbackReopened = "callback_reopened"
)

// Events lists every kind of event.
func Events() []string {
	return []string{EventVisitCompleted, EventVehicleDelivered, EventAppointmentBooked, EventAppointmentCanceled, EventAppointmentMissed, EventAppointmentArrived, EventCarReady, EventCarDelayed,
		EventWarrantyRequested, EventWarrantySettled, EventProspectContacted, EventProspectAgreed, EventProspectClosed, EventCallbackClosed, EventInquiryAnswered, EventCallbackReopened}
}

const eventCols = "id, dealer_id, kind, contact_id, visit_id, subject_id, at"

// scan reads eventCols and what a statement selects beyond them.
func (e *Event) scan(r scanner, beyond ...any) error {
	var a moment
	var visit, subject text
	err := r.Scan(append([]any{&e.ID, &e.DealerID, &e.Kind, &e.ContactID, &visit, &subject, &a}, beyond...)...)
	e.At, e.VisitID, e.SubjectID = a.Time, string(visit), string(subject)
	return err
}

// revokes names the kinds of event about the same subject that one makes void.
var revokes = map[string][]string{
	EventAppointmentBooked:   {EventAppointmentCanceled, EventAppointmentMissed, EventAppointmentArrived},
	EventAppointmentCanceled: {EventAppointmentBooked, EventAppointmentMissed},
	EventAppointmentArrived:  {EventAppointmentBooked, EventAppointmentMissed, EventAppointmentCanceled},
	EventAppointmentMissed:   {EventAppointmentBooked},
	EventCarReady:            {EventCarDelayed},
	EventWarrantyRequested:   {EventWarrantySettled},
	EventWarrantySettled:     {EventWarrantyRequested},
	EventProspectContacted:   {EventProspectClosed, EventProspectAgreed},
	EventProspectAgreed:      {EventProspectClosed, EventProspectContacted},
	EventProspectClosed:      {EventProspectContacted, EventProspectAgreed},
	EventCallbackClosed:      {EventCallbackReopened},
	EventCallbackReopened:    {EventCallbackClosed},
}

// AddEvent writes an event about a subject for the planner. One of the same kind and
// subject that still waits is moved instead, and those that it makes void are removed:
// the planner sees what holds.
func (t *Tx) AddEvent(ctx context.Context, e Event, now time.Time) error {
	if err := t.takeBack(ctx, e.SubjectID, revokes[e.Kind]...); err != nil {
		return err
	}
	r, err := t.ExecContext(ctx, "update event set at = $3, contact_id = $4, visit_id = $5 where subject_id = $1 and kind = $2", key(e.SubjectID), e.Kind, at(e.At), e.ContactID, opt(e.VisitID))
	if err != nil {
		return fmt.Errorf("moving an event: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = insert(ctx, t, "event", eventInsert, [][]any{t.eventRow(e, now)}, "")
	return err
}

// takeBack removes waiting events about a subject.
func (t *Tx) takeBack(ctx context.Context, subjectID string, kinds ...string) error {
	if len(kinds) == 0 {
		return nil
	}
	in, args := list(1, kinds)
	if _, err := t.ExecContext(ctx, "delete from event where subject_id = $1 and kind in "+in, append([]any{key(subjectID)}, args...)...); err != nil {
		return fmt.Errorf("taking an event back: %w", err)
	}
	return nil
}

// AddEvent keeps an event about a subject for the planner.
func (t *Turn) AddEvent(_ context.Context, e Event, now time.Time) error {
	t.first = append(t.first, func(ctx context.Context, tx *Tx) error { return tx.AddEvent(ctx, e, now) })
	return nil
}

var eventInsert = []string{"id", "dealer_id", "kind", "contact_id", "visit_id", "subject_id", "at", "created_at"}

func (t *Tx) eventRow(e Event, now time.Time) []any {
	return []any{t.NewID(), e.DealerID, e.Kind, e.ContactID, opt(e.VisitID), opt(e.SubjectID), at(e.At), at(now)}
}

package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// AppointmentRecord is an appointment as a dealer system or the API tells of it.
type AppointmentRecord struct {
	// Number is its own; without one it is known again by customer and day.
	Number, Order string
	// State is one of the states of an appointment, "" where the system does not tell.
	State string
	// StartsAt is zero for a request without a slot.
	StartsAt, RequestedAt, PromisedAt time.Time
	Advisor, Department               string
	Works                             []string
	Request                           string
	Attention                         bool
	AttentionReason                   string
	Warranty, Immobile, AgreedOther   bool
	Customer                          ContactRecord
	Car                               CarRecord
}

var appointmentInsert = []string{"id", "dealer_id", "contact_id", "vehicle_id", "external_id", "source", "order_no", "state", "starts_at", "requested_at", "promised_at", "arrived_at", "advisor_id", "department",
	"works", "request", "attention", "attention_reason", "warranty", "immobile", "agreed_other", "content_hash", "created_at", "updated_at"}

// SaveAppointments writes appointments with their customers and vehicles in the
// transaction, and events for those that are new, moved or over. Records should not
// exceed SaveChunk.
func (t *Tx) SaveAppointments(ctx context.Context, d Dealer, rs []AppointmentRecord, now time.Time) ([]SavedRecord, error) {
	people, numbers := make([]ContactRecord, len(rs)), make([]string, 0, len(rs))
	for i := range rs {
		people[i] = rs[i].Customer
		numbers = append(numbers, rs[i].Number)
	}
	sv, err := t.saving(ctx, d, people, now)
	if err != nil {
		return nil, err
	}
	sv.asIs = true // who books a test drive has not bought yet
	old, err := t.appointmentsByNumber(ctx, d.ID, numbers)
	if err != nil {
		return nil, err
	}
	out := make([]SavedRecord, len(rs))
	for i := range rs {
		if out[i], err = sv.appointment(ctx, &rs[i], old); err != nil {
			return nil, fmt.Errorf("saving appointment %s: %w", rs[i].Number, err)
		}
	}
	return out, sv.flush(ctx)
}

// saving begins to save records about people.
func (t *Tx) saving(ctx context.Context, d Dealer, people []ContactRecord, now time.Time) (*saver, error) {
	if err := t.lockSaving(ctx); err != nil {
		return nil, err
	}
	return t.newSaver(ctx, d, people, now)
}

type oldAppointment struct {
	Appointment
	oldVisit
}

const (
	oldAppointmentCols = appointmentCols + ", a.content_hash, c.name_folded, c.erased_at is not null"
	oldAppointmentFrom = "appointment a join contact c on c.id = a.contact_id left join employee s on s.id = a.advisor_id left join vehicle k on k.id = a.vehicle_id"
)

func scanOldAppointment(r *sql.Rows) (x oldAppointment, err error) {
	err = x.Appointment.scan(r, &x.hash, &x.folded, &x.erased)
	x.id, x.contact, x.vin, x.plate = x.ID, x.ContactID, x.Vehicle.VIN, x.Vehicle.Plate
	return x, err
}

func (t *Tx) appointmentsByNumber(ctx context.Context, dealerID string, numbers []string) (map[string]oldAppointment, error) {
	rows, err := collect(ctx, t, scanOldAppointment, t.s.dialect.forEach(oldAppointmentCols, oldAppointmentFrom, "a.dealer_id = $1 and a.source = $2 and ", "a.external_id", "text", 3), dealerID, SourceDMS, t.s.dialect.set(numbers))
	if err != nil {
		return nil, fmt.Errorf("looking up appointments: %w", err)
	}
	out := make(map[string]oldAppointment, len(rows))
	for _, x := range rows {
		out[x.Number] = x
	}
	return out, nil
}

// appointment writes one; old are those that stand under the chunk's numbers.
func (sv *saver) appointment(ctx context.Context, r *AppointmentRecord, old map[string]oldAppointment) (SavedRecord, error) {
	mark := fingerprint(r)
	was, exists := old[r.Number]
	exists = exists && r.Number != ""
	if exists {
		if was.same(mark) {
			return SavedRecord{Saved: Unchanged, SubjectID: was.ID, ContactID: was.ContactID}, nil
		}
		if was.foreign(r.Customer, r.Car) {
			return SavedRecord{Saved: Foreign, SubjectID: was.ID, ContactID: was.ContactID}, nil
		}
	}
	contact, _, err := sv.contact(ctx, r.Customer)
	if err != nil {
		return SavedRecord{}, err
	}
	vehicle, _, err := sv.vehicle(ctx, contact, r.Car)
	if err != nil {
		return SavedRecord{}, err
	}
	number := r.Number
	if number == "" {
		if was, exists, err = sv.appointmentLike(ctx, contact, r); err != nil {
			return SavedRecord{}, err
		}
		if exists && was.same(mark) {
			return SavedRecord{Saved: Unchanged, SubjectID: was.ID, ContactID: was.ContactID}, nil
		}
	}
	a := sv.booked(r, was.Appointment, exists)
	a.ContactID, a.VehicleID, a.Number = contact, cmp.Or(vehicle, a.VehicleID), cmp.Or(number, was.Number, a.ID)
	works, err := json.Marshal(append([]string{}, a.Works...))
	if err != nil {
		return SavedRecord{}, err
	}
	if exists {
		old[a.Number] = oldAppointment{a, oldVisit{hash: mark, id: a.ID, contact: contact, vin: r.Car.VIN, plate: r.Car.Plate, folded: Fold(r.Customer.Name)}}
		return SavedRecord{Saved: Updated, SubjectID: a.ID, ContactID: contact}, sv.changeAppointment(ctx, was.Appointment, a, string(works), mark)
	}
	sv.appointments = append(sv.appointments, []any{a.ID, a.DealerID, contact, opt(vehicle), a.Number, SourceDMS, a.Order, a.State, at(a.StartsAt), at(a.RequestedAt), at(a.PromisedAt), at(a.ArrivedAt), opt(a.AdvisorID),
		a.Department, string(works), a.Request, a.Attention, a.AttentionReason, a.Warranty, a.Immobile, a.AgreedOther, mark, at(sv.now), at(sv.now)})
	for _, kind := range appointmentChanges(nil, a, sv.now) {
		e := Event{DealerID: a.DealerID, Kind: kind, ContactID: contact, SubjectID: a.ID, At: a.StartsAt}
		if kind == EventWarrantyRequested {
			e.At = a.RequestedAt
		}
		sv.events = append(sv.events, sv.tx.eventRow(e, sv.now))
	}
	old[a.Number] = oldAppointment{a, oldVisit{hash: mark, id: a.ID, contact: contact, vin: r.Car.VIN, plate: r.Car.Plate, folded: Fold(r.Customer.Name)}}
	if r.Number == "" {
		sv.like[sv.likeness(contact, r)] = a.ID
	}
	return SavedRecord{Saved: Stored, SubjectID: a.ID, ContactID: contact}, nil
}

// booked is what a record makes of an appointment: what it does not tell stays.
func (sv *saver) booked(r *AppointmentRecord, was Appointment, exists bool) Appointment {
	a := was
	if !exists {
		a = Appointment{ID: sv.tx.NewID(), DealerID: sv.dealer.ID, RequestedAt: sv.now, CreatedAt: sv.now}
	}
	for _, x := range []struct {
		to   *time.Time
		from time.Time
	}{{&a.StartsAt, r.StartsAt}, {&a.RequestedAt, r.RequestedAt}, {&a.PromisedAt, r.PromisedAt}} {
		if !x.from.IsZero() {
			*x.to = x.from
		}
	}
	a.Order, a.Department, a.Request = cmp.Or(r.Order, a.Order), cmp.Or(r.Department, a.Department), cmp.Or(r.Request, a.Request)
	a.AttentionReason = cmp.Or(r.AttentionReason, a.AttentionReason)
	a.Attention = a.Attention || r.Attention || r.AttentionReason != ""
	a.Warranty, a.Immobile, a.AgreedOther = r.Warranty || a.Warranty, r.Immobile || a.Immobile, r.AgreedOther || a.AgreedOther
	if len(r.Works) > 0 {
		a.Works = r.Works
	}
	if r.Advisor != "" {
		a.AdvisorID = sv.employee(r.Advisor, RoleAdvisor)
	}
	a.State = nextState(r, was, exists, sv.now)
	if a.State == AppointmentArrived && a.ArrivedAt.IsZero() {
		a.ArrivedAt = sv.now
	}
	return a
}

// nextState: what the dealer's system says is over, is. That it still says "booked"
// undoes nothing that was noted here, unless it has set another time or took a
// cancellation back.
func nextState(r *AppointmentRecord, was Appointment, exists bool, now time.Time) string {
	waiting := AppointmentBooked
	if r.StartsAt.IsZero() && (!exists || was.StartsAt.IsZero()) {
		waiting = AppointmentRequested
	}
	switch {
	case r.State != "" && r.State != AppointmentBooked && r.State != AppointmentRequested:
		return r.State
	case !exists, was.State == AppointmentRequested:
		return waiting
	case r.StartsAt.After(now) && !r.StartsAt.Equal(was.StartsAt), was.State == AppointmentCanceled && r.State == AppointmentBooked:
		return waiting
	}
	return was.State
}

// changeAppointment updates one in place, and takes what was planned for somebody who
// turns out not to be the customer.
func (sv *saver) changeAppointment(ctx context.Context, was, a Appointment, works, mark string) error {
	if err := sv.flush(ctx); err != nil { // the rows this one refers to
		return err
	}
	if _, err := sv.tx.ExecContext(ctx, `update appointment set contact_id = $2, vehicle_id = $3, order_no = $4, state = $5, starts_at = $6, requested_at = $7, promised_at = $8, arrived_at = $9, advisor_id = $10,
		department = $11, works = $12, request = $13, attention = $14, attention_reason = $15, warranty = $16, immobile = $17, agreed_other = $18, content_hash = $19, updated_at = $20 where id = $1`,
		a.ID, a.ContactID, opt(a.VehicleID), a.Order, a.State, at(a.StartsAt), at(a.RequestedAt), at(a.PromisedAt), at(a.ArrivedAt), opt(a.AdvisorID),
		a.Department, works, a.Request, a.Attention, a.AttentionReason, a.Warranty, a.Immobile, a.AgreedOther, mark, at(sv.now)); err != nil {
		return err
	}
	if err := sv.tx.appointmentEvents(ctx, &was, a, sv.now); err != nil {
		return err
	}
	return sv.tx.notHis(ctx, a.ID, was.ContactID, a.ContactID, sv.now)
}

// notHis takes back what was planned about a subject for somebody whose it is not.
func (t *Tx) notHis(ctx context.Context, subjectID, was, is string, now time.Time) error {
	if was == is {
		return nil
	}
	// An occasion begins with what it is about.
	_, err := t.ExecContext(ctx, `update outreach set state = 'superseded', rule = 'customer_corrected', claim_token = null, claim_until = null, updated_at = $3
		where contact_id = $1 and state in ('planned', 'held') and substr(occasion, 1, 36) = $2`, was, subjectID, at(now))
	return err
}

// likeness is by what an appointment without a number is known again: the customer and
// the day.
func (sv *saver) likeness(contact string, r *AppointmentRecord) string {
	return contact + r.StartsAt.In(sv.dealer.Location()).Format(time.DateOnly)
}

// appointmentLike finds the appointment of a contact that a record without a number
// means.
func (sv *saver) appointmentLike(ctx context.Context, contact string, r *AppointmentRecord) (oldAppointment, bool, error) {
	if sv.like[sv.likeness(contact, r)] != "" { // of this chunk
		if err := sv.flush(ctx); err != nil {
			return oldAppointment{}, false, err
		}
	}
	if sv.fresh[contact] {
		return oldAppointment{}, false, nil
	}
	where, args := "a.starts_at is null and a.state = 'requested'", []any{contact, sv.dealer.ID}
	if !r.StartsAt.IsZero() {
		l := r.StartsAt.In(sv.dealer.Location())
		day := time.Date(l.Year(), l.Month(), l.Day(), 0, 0, 0, 0, l.Location())
		where, args = "a.starts_at >= $3 and a.starts_at < $4", append(args, at(day), at(day.AddDate(0, 0, 1)))
	}
	x, err := one(ctx, sv.tx, scanOldAppointment, "select "+oldAppointmentCols+" from "+oldAppointmentFrom+" where a.contact_id = $1 and a.dealer_id = $2 and a.external_id = cast(a.id as text) and "+where+" order by a.id desc limit 1", args...)
	if errors.Is(err, ErrNotFound) {
		return x, false, nil
	}
	return x, err == nil, err
}

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// States of an appointment. Requested: asked for, without a slot yet. Done: the visit
// that it was for is over.
const (
	AppointmentRequested = "requested"
	AppointmentBooked    = "booked"
	AppointmentArrived   = "arrived"
	AppointmentMissed    = "missed"
	AppointmentCanceled  = "canceled"
	AppointmentDone      = "done"
)

// Appointment is a stay that is booked, or asked for, and under way once the customer
// has arrived.
type Appointment struct {
	ID, DealerID, ContactID, VehicleID string
	// Number is its own in the dealer's system, and made here where that has none.
	// Order is the repair order's, once there is one.
	Number, Order, Source string
	State                 string
	// StartsAt is zero while there is no slot.
	StartsAt time.Time
	// RequestedAt is when the customer asked for it.
	RequestedAt time.Time
	// PromisedAt is when the car will be ready, as told last; ReadyAt when it was.
	PromisedAt, ReadyAt time.Time
	ArrivedAt           time.Time
	AdvisorID, Advisor  string
	Department          string
	Works               []string
	// Request is the customer's key request in his own words (R134).
	Request string
	// Attention: this customer needs it, for a reason that may be blank (R137).
	Attention       bool
	AttentionReason string
	// Warranty repairs are offered a slot in time (R073); Immobile: the car cannot be
	// driven; AgreedOther: the customer agreed to a later one.
	Warranty, Immobile, AgreedOther bool
	CreatedAt                       time.Time
	// For lists.
	ContactName string
	Vehicle     Vehicle
}

// Within which a warranty repair has its slot (R073).
const (
	WarrantyWithin  = 48 * time.Hour
	ImmobileWithin  = 2 * time.Hour // "at once" needs some time to arrive in
	missedLookBack  = 2 * time.Hour
	missedChunk     = 200
	appointmentPage = 100
)

// WarrantyDue is by when a warranty repair has to begin; zero for others.
func (a Appointment) WarrantyDue() time.Time {
	switch {
	case !a.Warranty || a.AgreedOther:
		return time.Time{}
	case a.Immobile:
		return a.RequestedAt.Add(ImmobileWithin)
	}
	return a.RequestedAt.Add(WarrantyWithin)
}

// waits tells that a warranty repair has no slot in time.
func (a Appointment) waits() bool {
	due := a.WarrantyDue()
	if due.IsZero() || a.State != AppointmentRequested && a.State != AppointmentBooked && a.State != AppointmentMissed {
		return false
	}
	return a.StartsAt.IsZero() || a.StartsAt.After(due)
}

const appointmentCols = `a.id, a.dealer_id, a.contact_id, a.vehicle_id, a.external_id, a.order_no, a.source, a.state, a.starts_at, a.requested_at, a.promised_at, a.ready_at, a.arrived_at,
	a.advisor_id, s.name, a.department, a.works, a.request, a.attention, a.attention_reason, a.warranty, a.immobile, a.agreed_other, a.created_at, c.name, k.vin, k.plate, k.make, k.model, k.mileage`

const appointmentFrom = ` from appointment a join contact c on c.id = a.contact_id left join employee s on s.id = a.advisor_id left join vehicle k on k.id = a.vehicle_id`

func scanAppointment(r *sql.Rows) (a Appointment, err error) {
	return a, a.scan(r)
}

// scan reads appointmentCols and what a statement selects beyond them.
func (a *Appointment) scan(r scanner, beyond ...any) error {
	var vehicle, advisorID, advisor, vin, plate, maker, model text
	var starts, requested, promised, ready, arrived, created moment
	var mileage sql.NullInt64
	var works string
	err := r.Scan(append([]any{&a.ID, &a.DealerID, &a.ContactID, &vehicle, &a.Number, &a.Order, &a.Source, &a.State, &starts, &requested, &promised, &ready, &arrived,
		&advisorID, &advisor, &a.Department, &works, &a.Request, &a.Attention, &a.AttentionReason, &a.Warranty, &a.Immobile, &a.AgreedOther, &created, &a.ContactName,
		&vin, &plate, &maker, &model, &mileage}, beyond...)...)
	if err != nil {
		return err
	}
	a.VehicleID, a.AdvisorID, a.Advisor = string(vehicle), string(advisorID), string(advisor)
	a.StartsAt, a.RequestedAt, a.PromisedAt, a.ReadyAt, a.ArrivedAt, a.CreatedAt = starts.Time, requested.Time, promised.Time, ready.Time, arrived.Time, created.Time
	a.Vehicle = Vehicle{ID: a.VehicleID, ContactID: a.ContactID, VIN: string(vin), Plate: string(plate), Make: string(maker), Model: string(model), Mileage: int(mileage.Int64)}
	if err := json.Unmarshal([]byte(works), &a.Works); err != nil {
		return fmt.Errorf("works of appointment %s: %w", a.ID, err)
	}
	return nil
}

// Appointments reads appointments by id.
func (s *Store) Appointments(ctx context.Context, ids []string) (map[string]Appointment, error) {
	out, err := byID(ctx, s.read, ids, scanAppointment, func(a Appointment) string { return a.ID }, "select "+appointmentCols+appointmentFrom+" where a.id in ")
	if err != nil {
		return nil, fmt.Errorf("reading appointments: %w", err)
	}
	return out, nil
}

// AppointmentsOf lists a contact's appointments, newest first.
func (s *Store) AppointmentsOf(ctx context.Context, contactID string) ([]Appointment, error) {
	return collect(ctx, s.read, scanAppointment, "select "+appointmentCols+appointmentFrom+" where a.contact_id = $1 order by coalesce(a.starts_at, a.requested_at) desc, a.id desc limit 100", key(contactID))
}

// AppointmentFilter is a page of a dealer's appointments that start in [From, To).
type AppointmentFilter struct {
	DealerID string
	From, To time.Time
	// After is the cursor: the id of the last appointment of the page before.
	After string
	Limit int // 0 means 100
}

// ListAppointments lists appointments in the order of their start, canceled ones
// included. ErrNotFound when the cursor names none.
func (s *Store) ListAppointments(ctx context.Context, f AppointmentFilter) ([]Appointment, error) {
	where, args := " where a.dealer_id = $1 and a.starts_at >= $2 and a.starts_at < $3", []any{key(f.DealerID), at(f.From), at(f.To)}
	if f.After != "" {
		last, err := one(ctx, s.read, func(r *sql.Rows) (m moment, err error) { return m, r.Scan(&m) }, "select starts_at from appointment where id = $1", key(f.After))
		if err != nil {
			return nil, fmt.Errorf("the appointment of the cursor: %w", err)
		}
		where += " and (a.starts_at, a.id) > ($4, $5)"
		args = append(args, last, key(f.After))
	}
	if f.Limit <= 0 {
		f.Limit = appointmentPage
	}
	args = append(args, f.Limit)
	return collect(ctx, s.read, scanAppointment, "select "+appointmentCols+appointmentFrom+where+fmt.Sprintf(" order by a.starts_at, a.id limit $%d", len(args)), args...)
}

// AppointmentByNumber reads and locks the appointment that has a number, its own or
// its order's, at a dealer; the newest where several share an order.
func (t *Tx) AppointmentByNumber(ctx context.Context, dealerID, number string) (Appointment, error) {
	id, err := one(ctx, t, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) },
		"select id from appointment where dealer_id = $1 and external_id = $2 and source = $3 union all select id from (select id from appointment where dealer_id = $1 and order_no = $2 and order_no <> '' order by id desc limit 1) as o",
		key(dealerID), number, SourceDMS)
	if err != nil {
		return Appointment{}, err
	}
	return t.Appointment(ctx, id)
}

// Appointment reads and locks one.
func (t *Tx) Appointment(ctx context.Context, id string) (Appointment, error) {
	if _, err := one(ctx, t, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }, "select id from appointment where id = $1"+t.s.dialect.forUpdate, key(id)); err != nil {
		return Appointment{}, err
	}
	return one(ctx, t, scanAppointment, "select "+appointmentCols+appointmentFrom+" where a.id = $1", key(id))
}

// ErrState: an appointment or prospect cannot go where it was sent.
var ErrState = errors.New("not possible in this state")

// MoveAppointment notes that the customer has arrived, that it was canceled, or that
// the stay is over, and writes what follows from it as events. It returns false when
// that was known. ErrState for anything else.
func (t *Tx) MoveAppointment(ctx context.Context, a Appointment, state string, now time.Time) (bool, error) {
	if a.State == state {
		return false, nil
	}
	ok := false
	switch state {
	case AppointmentArrived:
		ok = a.State != AppointmentDone
	case AppointmentCanceled:
		ok = a.State != AppointmentDone && a.State != AppointmentArrived
	case AppointmentDone:
		ok = a.State != AppointmentCanceled
	}
	if !ok {
		return false, fmt.Errorf("appointment from %s to %s: %w", a.State, state, ErrState)
	}
	was := a
	a.State = state
	if state == AppointmentArrived {
		a.ArrivedAt = now
	}
	if _, err := t.ExecContext(ctx, "update appointment set state = $2, arrived_at = $3, updated_at = $4 where id = $1", a.ID, a.State, at(a.ArrivedAt), at(now)); err != nil {
		return false, fmt.Errorf("moving an appointment: %w", err)
	}
	return true, t.appointmentEvents(ctx, &was, a, now)
}

// appointmentEvents writes what a change of an appointment means; was is nil for a new
// one.
func (t *Tx) appointmentEvents(ctx context.Context, was *Appointment, a Appointment, now time.Time) error {
	for _, kind := range appointmentChanges(was, a, now) {
		e := Event{DealerID: a.DealerID, Kind: kind, ContactID: a.ContactID, SubjectID: a.ID, At: now}
		switch kind {
		case EventAppointmentBooked, EventAppointmentMissed:
			e.At = a.StartsAt
		case EventWarrantyRequested:
			e.At = a.RequestedAt
		}
		if err := t.AddEvent(ctx, e, now); err != nil {
			return err
		}
	}
	return nil
}

// appointmentChanges are the kinds of event that a change makes.
func appointmentChanges(was *Appointment, a Appointment, now time.Time) (kinds []string) {
	before := Appointment{}
	if was != nil {
		before = *was
	}
	moved := !a.StartsAt.Equal(before.StartsAt) || a.ContactID != before.ContactID
	switch changed := a.State != before.State; {
	case a.State == AppointmentBooked && (changed || moved) && a.StartsAt.After(now):
		kinds = append(kinds, EventAppointmentBooked)
	case a.State == AppointmentCanceled && changed && was != nil:
		kinds = append(kinds, EventAppointmentCanceled)
	case (a.State == AppointmentArrived || a.State == AppointmentDone) && changed && was != nil && before.State != AppointmentArrived:
		kinds = append(kinds, EventAppointmentArrived)
	case a.State == AppointmentMissed && changed && a.StartsAt.After(now.Add(-24*time.Hour)):
		kinds = append(kinds, EventAppointmentMissed)
	}
	switch {
	case a.waits() && (!before.waits() || !a.RequestedAt.Equal(before.RequestedAt) || a.Immobile != before.Immobile):
		kinds = append(kinds, EventWarrantyRequested)
	case before.waits() && !a.waits():
		kinds = append(kinds, EventWarrantySettled)
	}
	return kinds
}

// MarkMissed finds the appointments of today, in their dealers' zones, whose start has
// passed while nobody came, marks them missed and writes their events (R140). An
// appointment that became known only after its start is left alone: nobody can say
// whether the customer came. It returns how many there were; any number of nodes may
// call it, each appointment is found once.
func (s *Store) MarkMissed(ctx context.Context, now time.Time) (int, error) {
	dealers, err := s.Dealers(ctx)
	if err != nil {
		return 0, fmt.Errorf("looking for missed appointments: %w", err)
	}
	total := 0
	for _, d := range dealers {
		for {
			n, err := s.markMissed(ctx, d, now)
			total += n
			if err != nil {
				return total, fmt.Errorf("marking missed appointments: %w", err)
			}
			if n < missedChunk {
				break
			}
		}
	}
	return total, nil
}

func (s *Store) markMissed(ctx context.Context, d Dealer, now time.Time) (n int, err error) {
	l := now.In(d.Location())
	from := time.Date(l.Year(), l.Month(), l.Day(), 0, 0, 0, 0, l.Location())
	if back := now.Add(-missedLookBack); back.Before(from) {
		from = back
	}
	// Most passes find nothing, and need no write transaction for it.
	some, err := one(ctx, s.read, func(r *sql.Rows) (v bool, err error) { return v, r.Scan(&v) },
		"select exists (select 1 from appointment where dealer_id = $1 and state = 'booked' and starts_at >= $2 and starts_at <= $3 and created_at < starts_at)", d.ID, at(from), at(now))
	if err != nil || !some {
		return 0, err
	}
	err = s.Tx(ctx, RankBulk, func(tx *Tx) error {
		// The outer condition is asked again of a row that another node has just marked.
		rows, err := collect(ctx, tx, func(r *sql.Rows) (e Event, err error) {
			var a moment
			err = r.Scan(&e.SubjectID, &e.ContactID, &a)
			e.At = a.Time
			return e, err
		}, `update appointment set state = 'missed', updated_at = $3 where state = 'booked' and starts_at <= $3 and id in (select id from appointment
			where dealer_id = $1 and state = 'booked' and starts_at >= $2 and starts_at <= $3 and created_at < starts_at order by starts_at, id limit $4)
			returning id, contact_id, starts_at`, d.ID, at(from), at(now), missedChunk)
		if err != nil {
			return err
		}
		n = len(rows)
		for _, e := range rows {
			e.DealerID, e.Kind = d.ID, EventAppointmentMissed
			if err := tx.AddEvent(ctx, e, now); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// NextStart tells when the next booked appointment begins; zero when none does.
func (s *Store) NextStart(ctx context.Context, now time.Time) (time.Time, error) {
	m, err := one(ctx, s.read, func(r *sql.Rows) (m moment, err error) { return m, r.Scan(&m) }, "select min(starts_at) from appointment where state = 'booked' and starts_at > $1", at(now))
	if err != nil {
		return time.Time{}, fmt.Errorf("looking for the next appointment: %w", err)
	}
	return m.Time, nil
}

// Car is a vehicle that stands in the workshop: a visit, or an appointment that has
// arrived and will become one.
type Car struct {
	Visit       Visit
	Appointment Appointment
}

// CarOf finds and locks the stay that an order number means: its visit, else its
// appointment. ErrNotFound when there is neither.
func (t *Tx) CarOf(ctx context.Context, dealerID, order string) (Car, error) {
	id, err := one(ctx, t, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }, "select id from visit where dealer_id = $1 and order_no = $2 and source = $3"+t.s.dialect.forUpdate, key(dealerID), order, SourceDMS)
	if errors.Is(err, ErrNotFound) {
		a, err := t.AppointmentByNumber(ctx, dealerID, order)
		return Car{Appointment: a}, err
	}
	if err != nil {
		return Car{}, err
	}
	v, err := one(ctx, t, scanVisit, "select "+visitCols+visitFrom+" where v.id = $1", id)
	return Car{Visit: v}, err
}

// event is one about the stay.
func (c Car) event(kind string, now time.Time) Event {
	if c.Visit.ID != "" {
		return Event{DealerID: c.Visit.DealerID, Kind: kind, ContactID: c.Visit.ContactID, VisitID: c.Visit.ID, SubjectID: c.Visit.ID, At: now}
	}
	return Event{DealerID: c.Appointment.DealerID, Kind: kind, ContactID: c.Appointment.ContactID, SubjectID: c.Appointment.ID, At: now}
}

// open tells that the vehicle is still there to be fetched.
func (c Car) open() bool {
	if c.Visit.ID != "" {
		return c.Visit.HandedOverAt.IsZero()
	}
	return c.Appointment.State == AppointmentBooked || c.Appointment.State == AppointmentMissed || c.Appointment.State == AppointmentArrived
}

// CarReady notes that a car can be fetched, once (R078). It returns false when that was
// known. ErrState when it has left already.
func (t *Tx) CarReady(ctx context.Context, c Car, now time.Time) (bool, error) {
	switch {
	case !c.open():
		return false, fmt.Errorf("a car that has left: %w", ErrState)
	case !c.Appointment.ReadyAt.IsZero():
		return false, nil
	}
	if c.Appointment.ID != "" {
		if err := t.standing(ctx, c.Appointment, "ready_at", now, now); err != nil {
			return false, err
		}
	}
	return true, t.AddEvent(ctx, c.event(EventCarReady, now), now)
}

// CarDelayed notes that a car will be ready at another time (R078). It returns false
// when that was known. ErrState when it has left already.
func (t *Tx) CarDelayed(ctx context.Context, c Car, promised, now time.Time) (bool, error) {
	switch {
	case !c.open():
		return false, fmt.Errorf("a car that has left: %w", ErrState)
	case promised.Equal(c.Visit.PromisedAt), promised.Equal(c.Appointment.PromisedAt):
		return false, nil
	}
	if c.Appointment.ID != "" {
		if err := t.standing(ctx, c.Appointment, "promised_at", promised, now); err != nil {
			return false, err
		}
	} else if _, err := t.ExecContext(ctx, "update visit set promised_at = $2, updated_at = $3 where id = $1", c.Visit.ID, at(promised), at(now)); err != nil {
		return false, fmt.Errorf("noting a delay: %w", err)
	}
	return true, t.AddEvent(ctx, c.event(EventCarDelayed, now), now)
}

// standing notes a time of a car that stands here: who brought it has arrived.
func (t *Tx) standing(ctx context.Context, a Appointment, column string, when, now time.Time) error {
	if a.State != AppointmentArrived {
		if _, err := t.MoveAppointment(ctx, a, AppointmentArrived, now); err != nil {
			return err
		}
	}
	if _, err := t.ExecContext(ctx, "update appointment set "+column+" = $2, updated_at = $3 where id = $1", a.ID, at(when), at(now)); err != nil {
		return fmt.Errorf("noting when a car is ready: %w", err)
	}
	return nil
}

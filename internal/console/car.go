package console

import (
	"fmt"

	"otklik/internal/store"
)

// car notes, on the page of its owner, that a car can be fetched or will take longer
// (R078): programs tell him, as when the API says so.
func (c *Console) car(q *request) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	id, order, state := q.r.PathValue("id"), q.text("order"), q.r.PostFormValue("state")
	promised, err := q.moment("promised")
	if err != nil {
		return err
	}
	if state != "ready" && state != "delayed" || state == "delayed" && !promised.After(q.now) {
		return fmt.Errorf("%w: a delay needs a time to come", errBadForm)
	}
	noted := false
	err = c.Store.Tx(q.ctx(), store.RankPerson, func(tx *store.Tx) error {
		x, err := tx.CarOf(q.ctx(), q.dealer.ID, order)
		if err != nil {
			return fmt.Errorf("reading an order: %w", err)
		}
		if x.Visit.ContactID+x.Appointment.ContactID != id {
			return store.ErrNotFound
		}
		if state == "ready" {
			noted, err = tx.CarReady(q.ctx(), x, q.now)
		} else {
			noted, err = tx.CarDelayed(q.ctx(), x, promised, q.now)
		}
		if err != nil || !noted {
			return err
		}
		detail := order
		if state == "delayed" {
			detail += " " + promised.UTC().Format("2006-01-02T15:04Z07:00")
		}
		return tx.Audit(q.ctx(), q.dealer.ID, q.employee.ID, "car_"+state, "contact", id, detail, q.now)
	})
	if err != nil {
		return err
	}
	if noted {
		q.flash("car." + state + "_noted")
	} else {
		q.flash("car.known")
	}
	return q.redirect("/contacts/" + id)
}

// MayPark tells who says that a car is ready.
func (v *view) MayPark() bool { return v.May(parkers...) }

// Here tells whether the car of an appointment can stand in the workshop now: it has
// arrived, or was expected today or before.
func (v *view) Here(a store.Appointment) bool {
	switch a.State {
	case store.AppointmentArrived:
		return true
	case store.AppointmentBooked, store.AppointmentMissed:
		return a.StartsAt.In(v.zone()).Format("20060102") == v.Now.In(v.zone()).Format("20060102")
	}
	return false
}

// parked is a car in the workshop, by its order's number.
type parked struct{ ContactID, Order string }

// Standing is the car of an order, for its buttons.
func (v *view) Standing(contactID, order string) parked { return parked{contactID, order} }

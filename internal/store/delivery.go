package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// DeliveryRecord is the hand-over of a sold vehicle as a dealer system or the API
// tells of it (R031).
type DeliveryRecord struct {
	// Number is the contract's; without one the buyer and the vehicle tell.
	Number string
	// HandedOverAt is when the buyer got the vehicle; Car.DeliveredOn its day at the
	// dealer's.
	HandedOverAt time.Time
	Consultant   string
	Customer     ContactRecord
	Car          CarRecord
}

const kindDelivery = "delivery"

// SaveDeliveries writes deliveries with their buyers and vehicles in the transaction,
// and an event for each that is new or was on another day. Records should not exceed
// SaveChunk.
func (t *Tx) SaveDeliveries(ctx context.Context, d Dealer, rs []DeliveryRecord, now time.Time) ([]SavedRecord, error) {
	people := make([]ContactRecord, len(rs))
	numbers := make([]string, 0, 2*len(rs))
	for i := range rs {
		people[i] = rs[i].Customer
		of, err := t.ofCar(ctx, rs[i].Number, rs[i].Car.VIN)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, rs[i].Number, of)
	}
	sv, err := t.saving(ctx, d, people, now)
	if err != nil {
		return nil, err
	}
	old, err := t.deliveriesByNumber(ctx, d.ID, numbers)
	if err != nil {
		return nil, err
	}
	out := make([]SavedRecord, len(rs))
	for i := range rs {
		if out[i], err = sv.delivery(ctx, &rs[i], old); err != nil {
			return nil, fmt.Errorf("saving delivery %s: %w", rs[i].Number, err)
		}
	}
	return out, sv.flush(ctx)
}

// ofCar is the number of one of several vehicles of a contract. It stays after an
// erasure, so that the next import does not bring the person back, and does not tell
// the VIN.
func (t *Tx) ofCar(ctx context.Context, number, vin string) (string, error) {
	hidden, err := t.s.hide(ctx, t, vin)
	if err != nil {
		return "", fmt.Errorf("numbering a delivery: %w", err)
	}
	return number + "/" + hidden, nil
}

func (t *Tx) deliveriesByNumber(ctx context.Context, dealerID string, numbers []string) (map[string]oldVisit, error) {
	type row struct {
		number string
		v      oldVisit
	}
	rows, err := collect(ctx, t, func(r *sql.Rows) (x row, err error) {
		err = r.Scan(&x.number, &x.v.id, &x.v.contact, &x.v.hash, &x.v.vin, &x.v.plate, &x.v.folded, &x.v.erased)
		x.v.vehicle = x.v.id
		return x, err
	}, t.s.dialect.forEach("x.external_id, k.id, k.contact_id, x.content_hash, k.vin, k.plate, c.name_folded, c.erased_at is not null",
		"external_key x join vehicle k on k.id = x.object_id join contact c on c.id = k.contact_id", "x.dealer_id = $1 and x.source = $2 and x.kind = 'delivery' and ", "x.external_id", "text", 3),
		dealerID, SourceDMS, t.s.dialect.set(numbers))
	if err != nil {
		return nil, fmt.Errorf("looking up deliveries: %w", err)
	}
	out := make(map[string]oldVisit, len(rows))
	for _, x := range rows {
		out[x.number] = x.v
	}
	return out, nil
}

// delivery writes one; old are those that stand under the chunk's numbers.
func (sv *saver) delivery(ctx context.Context, r *DeliveryRecord, old map[string]oldVisit) (SavedRecord, error) {
	mark := fingerprint(r)
	number, was, exists, err := sv.oldDelivery(ctx, r, old)
	if err != nil {
		return SavedRecord{}, err
	}
	switch {
	case exists && was.same(mark):
		return SavedRecord{Saved: Unchanged, SubjectID: was.id, ContactID: was.contact}, nil
	case exists && was.foreign(r.Customer, r.Car):
		return SavedRecord{Saved: Foreign, SubjectID: was.id, ContactID: was.contact}, nil
	}
	contact, _, err := sv.contact(ctx, r.Customer)
	if err != nil {
		return SavedRecord{}, err
	}
	before := sv.car(contact, r.Car)
	vehicle, _, err := sv.vehicle(ctx, contact, r.Car)
	if err != nil {
		return SavedRecord{}, err
	}
	if vehicle == "" {
		return SavedRecord{}, errors.New("a delivery without a vehicle")
	}
	if number == "" {
		number = "/" + vehicle
		known, err := sv.tx.deliveriesByNumber(ctx, sv.dealer.ID, []string{number})
		if err != nil {
			return SavedRecord{}, err
		}
		if was, exists = known[number]; exists && was.same(mark) {
			return SavedRecord{Saved: Unchanged, SubjectID: vehicle, ContactID: contact}, nil
		}
	}
	told := exists && was.vehicle == vehicle && before.DeliveredOn == r.Car.DeliveredOn
	if err := sv.deliver(ctx, r, vehicle, contact, number, mark, told); err != nil {
		return SavedRecord{}, err
	}
	old[number] = oldVisit{id: vehicle, vehicle: vehicle, contact: contact, hash: mark, vin: r.Car.VIN, plate: r.Car.Plate, folded: Fold(r.Customer.Name)}
	if !exists {
		return SavedRecord{Saved: Stored, SubjectID: vehicle, ContactID: contact}, nil
	}
	if was.vehicle != vehicle { // it was somebody else's, or another car
		err = sv.undeliver(ctx, was, contact)
	}
	return SavedRecord{Saved: Updated, SubjectID: vehicle, ContactID: contact}, err
}

// oldDelivery finds the delivery that a record's number means, and the number under
// which it is kept: a contract may be about several vehicles.
func (sv *saver) oldDelivery(ctx context.Context, r *DeliveryRecord, old map[string]oldVisit) (string, oldVisit, bool, error) {
	if r.Number == "" {
		return "", oldVisit{}, false, nil
	}
	was, exists := old[r.Number]
	if !exists || was.erased || was.vin == "" || r.Car.VIN == "" || was.vin == r.Car.VIN || was.folded != Fold(r.Customer.Name) {
		return r.Number, was, exists, nil
	}
	number, err := sv.tx.ofCar(ctx, r.Number, r.Car.VIN)
	was, exists = old[number]
	return number, was, exists, err
}

// car is what is known of a contact's car before a record of it is saved.
func (sv *saver) car(contact string, r CarRecord) Vehicle {
	for _, v := range sv.vehicles[contact] {
		if r.VIN != "" && v.VIN == r.VIN || r.VIN == "" && (r.Plate != "" && v.Plate == r.Plate || r.Plate == "" && v.Model == r.Model) {
			return v
		}
	}
	return Vehicle{}
}

// deliver notes whose the vehicle is since when. Whoever had it before, and did not
// come with it later, has it no more (R048); an open interest of the buyer is won
// (R105). told: the event of this day was written before.
func (sv *saver) deliver(ctx context.Context, r *DeliveryRecord, vehicle, contact, number, mark string, told bool) error {
	consultant := sv.employee(r.Consultant, RoleConsultant)
	if err := sv.flush(ctx); err != nil {
		return err
	}
	if _, err := sv.tx.ExecContext(ctx, "update vehicle set delivered_on = $2, consultant_id = coalesce($3, consultant_id), sold_at = null, updated_at = $4 where id = $1", vehicle, r.Car.DeliveredOn, opt(consultant), at(sv.now)); err != nil {
		return err
	}
	for i := range sv.vehicles[contact] {
		if v := &sv.vehicles[contact][i]; v.ID == vehicle {
			v.DeliveredOn, v.ConsultantID = r.Car.DeliveredOn, consultant
		}
	}
	if r.Car.VIN != "" {
		if _, err := sv.tx.ExecContext(ctx, `update vehicle set sold_at = $3, updated_at = $4 where vin = $1 and vin <> '' and id <> $2 and sold_at is null and delivered_on < $5
			and not exists (select 1 from visit v where v.vehicle_id = vehicle.id and v.completed_at > $3)`, r.Car.VIN, vehicle, at(r.HandedOverAt), at(sv.now), r.Car.DeliveredOn); err != nil {
			return err
		}
	}
	if number != "" {
		if _, err := sv.tx.ExecContext(ctx, `insert into external_key (dealer_id, source, kind, external_id, object_id, content_hash) values ($1, $2, $3, $4, $5, $6)
			on conflict (external_id, dealer_id, source, kind) do update set object_id = excluded.object_id, content_hash = excluded.content_hash`,
			sv.dealer.ID, SourceDMS, kindDelivery, number, vehicle, mark); err != nil {
			return err
		}
	}
	if err := sv.win(ctx, contact, r.HandedOverAt); err != nil {
		return err
	}
	if told {
		return nil
	}
	return sv.tx.AddEvent(ctx, Event{DealerID: sv.dealer.ID, Kind: EventVehicleDelivered, ContactID: contact, SubjectID: vehicle, At: r.HandedOverAt}, sv.now)
}

// undeliver corrects what was told of a delivery that was somebody else's or of
// another car.
func (sv *saver) undeliver(ctx context.Context, was oldVisit, contact string) error {
	if err := sv.tx.takeBack(ctx, was.vehicle, EventVehicleDelivered); err != nil {
		return err
	}
	if _, err := sv.tx.ExecContext(ctx, "update vehicle set delivered_on = '', consultant_id = null, sold_at = coalesce(sold_at, $2), updated_at = $2 where id = $1", was.vehicle, at(sv.now)); err != nil {
		return err
	}
	return sv.tx.notHis(ctx, was.vehicle, was.contact, contact, sv.now)
}

// win closes the open interests of a buyer.
func (sv *saver) win(ctx context.Context, contact string, when time.Time) error {
	ps, err := collect(ctx, sv.tx, scanProspect, "select "+prospectCols+" from "+prospectFrom+" where p.contact_id = $1 and p.dealer_id = $2 and p.state not in ('won', 'lost') and p.contacted_at <= $3", contact, sv.dealer.ID, at(when))
	if err != nil {
		return err
	}
	for _, p := range ps {
		was := p
		p.State, p.Outcome = ProspectWon, "delivered"
		if err := sv.tx.SaveProspect(ctx, was, p, sv.now); err != nil {
			return err
		}
	}
	return nil
}

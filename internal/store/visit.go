package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Vehicle is a car of a contact.
type Vehicle struct {
	ID, ContactID string
	VIN, Plate    string
	Model         string
	Mileage       int
	SoldAt        time.Time
}

// Visit is one stay of a vehicle with its order.
type Visit struct {
	ID, DealerID, ContactID, VehicleID string
	Order, Source                      string
	ClosedAt, HandedOverAt, PromisedAt time.Time
	// CompletedAt is what the clock starts at: hand-over, else closing.
	CompletedAt           time.Time
	Works                 []string
	TotalMinor            int64
	Currency              string
	AdvisorID, MechanicID string
	Advisor, Mechanic     string
	Department            string
	Repeat                bool
	Vehicle               Vehicle
}

const visitCols = `v.id, v.dealer_id, v.contact_id, v.vehicle_id, v.order_no, v.source, v.closed_at, v.handed_over_at, v.promised_at, v.completed_at,
	v.works, v.total_minor, v.currency, v.advisor_id, v.mechanic_id, v.department, v.repeat_repair, a.name, m.name, k.vin, k.plate, k.model, k.mileage`

const visitFrom = ` from visit v left join employee a on a.id = v.advisor_id left join employee m on m.id = v.mechanic_id left join vehicle k on k.id = v.vehicle_id`

func scanVisit(r scanner) (v Visit, err error) {
	var closed, handed, promised, completed moment
	var vehicle, advisorID, mechanicID, advisor, mechanic, vin, plate, model text
	var mileage sql.NullInt64
	var works string
	err = r.Scan(&v.ID, &v.DealerID, &v.ContactID, &vehicle, &v.Order, &v.Source, &closed, &handed, &promised, &completed,
		&works, &v.TotalMinor, &v.Currency, &advisorID, &mechanicID, &v.Department, &v.Repeat, &advisor, &mechanic, &vin, &plate, &model, &mileage)
	if err != nil {
		return v, err
	}
	v.ClosedAt, v.HandedOverAt, v.PromisedAt, v.CompletedAt = closed.Time, handed.Time, promised.Time, completed.Time
	v.VehicleID, v.AdvisorID, v.MechanicID, v.Advisor, v.Mechanic = string(vehicle), string(advisorID), string(mechanicID), string(advisor), string(mechanic)
	v.Vehicle = Vehicle{ID: v.VehicleID, ContactID: v.ContactID, VIN: string(vin), Plate: string(plate), Model: string(model), Mileage: int(mileage.Int64)}
	if err := json.Unmarshal([]byte(works), &v.Works); err != nil {
		return v, fmt.Errorf("works of visit %s: %w", v.ID, err)
	}
	return v, nil
}

// Visits reads visits by id.
func (s *Store) Visits(ctx context.Context, ids []string) (map[string]Visit, error) {
	out := make(map[string]Visit, len(ids))
	for _, part := range chunks(ids, listRows) {
		in, args := keys(0, part)
		vs, err := collect(ctx, s.read, scanVisit, "select "+visitCols+visitFrom+" where v.id in "+in, args...)
		if err != nil {
			return nil, fmt.Errorf("reading visits: %w", err)
		}
		for _, v := range vs {
			out[v.ID] = v
		}
	}
	return out, nil
}

// Visit reads one.
func (s *Store) Visit(ctx context.Context, id string) (Visit, error) {
	return one(ctx, s.read, scanVisit, "select "+visitCols+visitFrom+" where v.id = $1", key(id))
}

// VisitsOf lists a contact's visits, newest first.
func (s *Store) VisitsOf(ctx context.Context, contactID string) ([]Visit, error) {
	return collect(ctx, s.read, scanVisit, "select "+visitCols+visitFrom+" where v.contact_id = $1 order by v.completed_at desc, v.id desc limit 100", key(contactID))
}

// Event is something that starts things; the store holds those that the planner has not
// taken up.
type Event struct {
	ID, DealerID, Kind, ContactID, VisitID string
	At                                     time.Time
}

// EventVisitCompleted is the kind of event a visit with a completion time makes.
const EventVisitCompleted = "visit_completed"

func scanEvent(r *sql.Rows) (e Event, err error) {
	var a moment
	var visit text
	err = r.Scan(&e.ID, &e.DealerID, &e.Kind, &e.ContactID, &visit, &a)
	e.At, e.VisitID = a.Time, string(visit)
	return e, err
}

// UnplannedBetween reads events not taken up yet whose time lies in [from, to).
func (s *Store) UnplannedBetween(ctx context.Context, dealerID string, from, to time.Time) ([]Event, error) {
	return collect(ctx, s.read, scanEvent, `select id, dealer_id, kind, contact_id, visit_id, at from event
		where dealer_id = $1 and at >= $2 and at < $3 order by created_at, id`, key(dealerID), at(from), at(to))
}

// SellVehicle notes that the person does not have the car any more (R048).
func (t *Tx) SellVehicle(ctx context.Context, id string, now time.Time) error {
	_, err := t.ExecContext(ctx, "update vehicle set sold_at = $2, updated_at = $2 where id = $1 and sold_at is null", key(id), at(now))
	if err != nil {
		return fmt.Errorf("marking a vehicle sold: %w", err)
	}
	return nil
}

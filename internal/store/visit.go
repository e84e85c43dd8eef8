package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

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

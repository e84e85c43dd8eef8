package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Vehicle is a car of a contact.
type Vehicle struct {
	ID, ContactID string
	VIN, Plate    string
	// Model is as shown, with the make where the dealer's system tells it.
	Make, Model string
	Mileage     int
	// DeliveredOn is the day (YYYY-MM-DD, of the dealer) on which the contact got the
	// car: its birthday is counted from here (R050). "" when nobody knows.
	DeliveredOn string
	// ConsultantID is who sold it.
	ConsultantID string
	// SoldAt is when it was known that the contact does not have it any more.
	SoldAt time.Time
}

const vehicleCols = "k.id, k.contact_id, k.vin, k.plate, k.make, k.model, k.mileage, k.delivered_on, k.consultant_id, k.sold_at"

func scanVehicle(r *sql.Rows) (v Vehicle, err error) {
	var consultant text
	var sold moment
	err = r.Scan(&v.ID, &v.ContactID, &v.VIN, &v.Plate, &v.Make, &v.Model, &v.Mileage, &v.DeliveredOn, &consultant, &sold)
	v.ConsultantID, v.SoldAt = string(consultant), sold.Time
	return v, err
}

// Vehicles reads vehicles by id.
func (s *Store) Vehicles(ctx context.Context, ids []string) (map[string]Vehicle, error) {
	return byID(ctx, s.read, ids, scanVehicle, func(v Vehicle) string { return v.ID }, "select "+vehicleCols+" from vehicle k where k.id in ")
}

// VehiclesOf lists a contact's vehicles, those he has first, the newest of them first.
func (s *Store) VehiclesOf(ctx context.Context, contactID string) ([]Vehicle, error) {
	return vehiclesOf(ctx, s.read, contactID)
}

func vehiclesOf(ctx context.Context, q querier, contactID string) ([]Vehicle, error) {
	vs, err := collect(ctx, q, scanVehicle, "select "+vehicleCols+" from vehicle k where k.contact_id = $1 order by k.sold_at is not null, k.id desc limit 100", key(contactID))
	if err != nil {
		return nil, fmt.Errorf("reading a contact's vehicles: %w", err)
	}
	return vs, nil
}

// byID reads rows by id with a statement that ends before an IN list.
func byID[T any](ctx context.Context, q querier, ids []string, scan func(*sql.Rows) (T, error), id func(T) string, query string) (map[string]T, error) {
	out := make(map[string]T, len(ids))
	for _, part := range chunks(ids, listRows) {
		in, args := keys(0, part)
		vs, err := collect(ctx, q, scan, query+in, args...)
		if err != nil {
			return nil, err
		}
		for _, v := range vs {
			out[id(v)] = v
		}
	}
	return out, nil
}

// SellVehicle notes that the person does not have the car any more (R048).
func (t *Tx) SellVehicle(ctx context.Context, id string, now time.Time) error {
	_, err := t.ExecContext(ctx, "update vehicle set sold_at = $2, updated_at = $2 where id = $1 and sold_at is null", key(id), at(now))
	if err != nil {
		return fmt.Errorf("marking a vehicle sold: %w", err)
	}
	return nil
}

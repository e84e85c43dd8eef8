package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// WantedSubjects says which things outreach is about beside visits.
type WantedSubjects struct {
	Appointments, Prospects, Vehicles []string
	// Visitors are the contacts of whom it matters when they last came.
	Visitors []string
}

// Subjects are things that outreach is about, by id.
type Subjects struct {
	Appointments map[string]Appointment
	Prospects    map[string]Prospect
	Vehicles     map[string]Vehicle
	// LastVisit is when a contact last came.
	LastVisit map[string]time.Time
}

// Subjects reads what is wanted; what is not costs nothing.
func (s *Store) Subjects(ctx context.Context, w WantedSubjects) (out Subjects, err error) {
	if len(w.Appointments) > 0 {
		if out.Appointments, err = s.Appointments(ctx, w.Appointments); err != nil {
			return out, err
		}
	}
	if len(w.Prospects) > 0 {
		if out.Prospects, err = s.Prospects(ctx, w.Prospects); err != nil {
			return out, err
		}
	}
	if len(w.Vehicles) > 0 {
		if out.Vehicles, err = s.Vehicles(ctx, w.Vehicles); err != nil {
			return out, err
		}
	}
	if len(w.Visitors) > 0 {
		out.LastVisit, err = s.lastVisits(ctx, w.Visitors)
	}
	return out, err
}

func (s *Store) lastVisits(ctx context.Context, contacts []string) (map[string]time.Time, error) {
	type row struct {
		contact string
		at      moment
	}
	out := make(map[string]time.Time, len(contacts))
	for _, part := range chunks(contacts, listRows) {
		in, args := keys(0, part)
		rows, err := collect(ctx, s.read, func(r *sql.Rows) (x row, err error) { return x, r.Scan(&x.contact, &x.at) },
			"select contact_id, max(completed_at) from visit where contact_id in "+in+" group by contact_id", args...)
		if err != nil {
			return nil, fmt.Errorf("reading last visits: %w", err)
		}
		for _, x := range rows {
			out[x.contact] = x.at.Time
		}
	}
	return out, nil
}

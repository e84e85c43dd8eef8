package store

import (
	"context"
	"fmt"
	"time"
)

// finishAppointments marks the appointments done that new or changed visits have come of:
// those of the same person or vehicle on the same day in the dealer's zone.
func (t *Tx) finishAppointments(ctx context.Context, d Dealer, rs []VisitRecord, saved []SavedRecord, now time.Time) error {
	type stay struct{ who, day string }
	zone := d.Location()
	stays := map[stay]bool{}
	var from, to time.Time
	for i := range rs {
		r := &rs[i]
		if saved[i].Saved != Stored && saved[i].Saved != Updated {
			continue
		}
		l := r.CompletedAt.In(zone)
		day := l.Format(time.DateOnly)
		stays[stay{saved[i].ContactID, day}] = true
		if r.VIN != "" {
			stays[stay{r.VIN, day}] = true
		}
		morning := time.Date(l.Year(), l.Month(), l.Day(), 0, 0, 0, 0, zone)
		if from.IsZero() || morning.Before(from) {
			from = morning
		}
		if night := morning.AddDate(0, 0, 1); night.After(to) {
			to = night
		}
	}
	if len(stays) == 0 {
		return nil
	}
	as, err := collect(ctx, t, scanAppointment, "select "+appointmentCols+appointmentFrom+" where a.dealer_id = $1 and a.starts_at >= $2 and a.starts_at < $3 and a.state in ('booked', 'missed', 'arrived')", key(d.ID), at(from), at(to))
	if err != nil {
		return fmt.Errorf("looking for the appointments of visits: %w", err)
	}
	for _, a := range as {
		day := a.StartsAt.In(zone).Format(time.DateOnly)
		if !stays[stay{a.ContactID, day}] && (a.Vehicle.VIN == "" || !stays[stay{a.Vehicle.VIN, day}]) {
			continue
		}
		if _, err := t.MoveAppointment(ctx, a, AppointmentDone, now); err != nil {
			return err
		}
	}
	return nil
}

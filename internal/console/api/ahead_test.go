package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"otklik/internal/store/storetest"
)

// TestMomentsTooFarAhead: what was done cannot lie in the future, what is agreed not
// years ahead; one good date of a visit is enough, and the answer says what was left out.
func TestMomentsTooFarAhead(t *testing.T) {
	b := newBench(t, storetest.Open(t, "sqlite"))
	in := func(d time.Duration) string { return storetest.Now.Add(d).Format(time.RFC3339) }
	const day, year = 24 * time.Hour, 366 * 24 * time.Hour
	car := fields{"vin": "XTA1"}
	for _, c := range []struct {
		name, what string
		body       fields
		refused    []string
		warned     []string
	}{
		{"a clock that is fast", "visits", fields{"handed_over_at": in(2 * day)}, nil, nil},
		{"handed over later", "visits", fields{"handed_over_at": in(2*day + time.Second)}, []string{"body.handed_over_at"}, nil},
		{"closed in 9999", "visits", fields{"closed_at": "9999-12-31T23:59:59Z"}, []string{"body.closed_at"}, nil},
		{"both", "visits", fields{"closed_at": in(10 * year), "handed_over_at": in(3 * day)}, []string{"body.closed_at", "body.handed_over_at"}, nil},
		{"one of two", "visits", fields{"closed_at": in(-day), "handed_over_at": in(10 * year)}, nil, []string{"body.handed_over_at"}},
		{"the other of two", "visits", fields{"closed_at": in(10 * year), "handed_over_at": in(-day)}, nil, []string{"body.closed_at"}},
		{"a promise", "visits", fields{"handed_over_at": in(-day), "promised_at": in(10 * year)}, nil, []string{"body.promised_at"}},
		{"a car of next year", "visits", fields{"handed_over_at": in(-day), "vehicle": fields{"vin": "XTA1", "delivered_on": "2099-01-01"}}, nil, []string{"body.vehicle.delivered_on"}},
		{"a car older than any", "visits", fields{"handed_over_at": in(-day), "vehicle": fields{"vin": "XTA1", "delivered_on": "1949-12-31"}}, nil, []string{"body.vehicle.delivered_on"}},
		{"a car bought after its visit", "visits", fields{"handed_over_at": in(-40 * day), "vehicle": fields{"vin": "XTA1", "delivered_on": storetest.Now.Add(-30 * day).Format(time.DateOnly)}}, nil, []string{"body.vehicle.delivered_on"}},
		{"a car bought on the day of its visit", "visits", fields{"handed_over_at": in(-40 * day), "vehicle": fields{"vin": "XTA1", "delivered_on": storetest.Now.Add(-40 * day).Format(time.DateOnly)}}, nil, nil},
		{"a car of 1950", "appointments", fields{"starts_at": in(year), "vehicle": fields{"vin": "XTA1", "delivered_on": "1950-01-01"}}, nil, nil},
		{"a car of an appointment", "appointments", fields{"starts_at": in(year), "vehicle": fields{"vin": "XTA1", "delivered_on": "2099-01-01"}}, nil, []string{"body.vehicle.delivered_on"}},
		{"no day at all", "visits", fields{"handed_over_at": in(-day), "vehicle": fields{"vin": "XTA1", "delivered_on": "2026-02-30"}}, []string{"body.vehicle.delivered_on"}, nil},
		{"a delivery", "deliveries", fields{"handed_over_at": in(3 * day), "vehicle": car}, []string{"body.handed_over_at"}, nil},
		{"a delivery today", "deliveries", fields{"handed_over_at": in(time.Hour), "vehicle": car}, nil, nil},
		{"an appointment in a year", "appointments", fields{"starts_at": in(year)}, nil, nil},
		{"an appointment in three", "appointments", fields{"starts_at": in(3 * year)}, []string{"body.starts_at"}, nil},
		{"asked for tomorrow", "appointments", fields{"starts_at": in(year), "requested_at": in(3 * day)}, nil, []string{"body.requested_at"}},
		{"a prospect", "prospects", fields{"contacted_at": in(-day), "agreed_at": in(10 * year)}, nil, []string{"body.agreed_at"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.body["external_id"] = c.name
			want := http.StatusCreated
			if c.refused != nil {
				want = http.StatusUnprocessableEntity
			}
			w := b.expect(want, "POST", "/api/v1/"+c.what, body(t, c.body), "Idempotency-Key", b.st.NewID())
			if c.refused != nil {
				if got := locations(t, w); !slices.Equal(got, c.refused) {
					t.Errorf("at %v, want %v: %s", got, c.refused, w.Body)
				}
				return
			}
			var made struct {
				Warnings []struct{ Location, Message string }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, x := range made.Warnings {
				got = append(got, x.Location)
			}
			if !slices.Equal(got, c.warned) {
				t.Errorf("warned of %v, want %v", got, c.warned)
			}
		})
	}
	b.expect(http.StatusUnprocessableEntity, "POST", "/api/v1/visits/7/delayed", body(t, fields{"promised_at": in(10 * year)}))
}

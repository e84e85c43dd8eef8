package dispatch_test

import (
	"strings"
	"testing"
	"time"

	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestSoon: the reminder of an appointment within the hour leaves in quiet hours too,
// yet not before seven (invariant 4).
func TestSoon(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		for start, leaves := range map[string]bool{"08:30": true, "07:15": false, "21:30": true} {
			r := dispatchtest.New(t, storetest.Open(t, st.Engine()))
			clk := r.Stop(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
			at, err := time.ParseInLocation("2006-01-02 15:04", "2026-12-03 "+start, r.Dealer.Location())
			if err != nil {
				t.Fatal(err)
			}
			err = r.Store.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
				_, err := tx.SaveAppointments(t.Context(), r.Dealer, []store.AppointmentRecord{{Number: "1", StartsAt: at,
					Customer: store.ContactRecord{Name: "Клиент", Phones: []string{phone}}}}, clk.Business())
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			live(t, r, clk, at)
			said := 0
			for _, m := range r.Fake.Calls() {
				if !strings.Contains(m.Text, "завтра") {
					said++
				}
			}
			if said == 1 != leaves || len(r.Fake.Calls()) != 1+said {
				t.Errorf("%s at %s: %+v", st.Engine(), start, r.Fake.Calls())
			}
		}
	})
}

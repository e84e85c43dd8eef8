package store_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestRateLimits: a limit is set, set again by somebody else and cleared; each change
// stands in the audit with its value.
func TestRateLimits(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		ctx, d := t.Context(), storetest.Dealer(t, st)
		lena, err := st.SaveEmployee(ctx, store.Employee{DealerID: d.ID, Name: "Лена Маркова", Active: true}, now)
		must(t, err)
		list := func(want ...store.RateLimit) {
			t.Helper()
			got, err := st.RateLimits(ctx)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		list()
		must(t, st.SetRateLimit(ctx, store.RateLimit{Name: "sender:sms:+74950000000", Units: 600, Per: time.Minute, Burst: 5, EmployeeID: lena.ID}, now))
		must(t, st.SetRateLimit(ctx, store.RateLimit{Name: "channel:email"}, now.Add(time.Second)))
		must(t, st.SetRateLimit(ctx, store.RateLimit{Name: "dealer:Север", Units: 1, Per: 333_334 * time.Microsecond, Burst: 1, EmployeeID: lena.ID}, now))
		none := store.RateLimit{Name: "channel:email", UpdatedAt: now.Add(time.Second)}
		north := store.RateLimit{Name: "dealer:Север", Units: 1, Per: 333_334 * time.Microsecond, Burst: 1, EmployeeID: lena.ID, EmployeeName: "Лена Маркова", UpdatedAt: now}
		list(none, north, store.RateLimit{Name: "sender:sms:+74950000000", Units: 600, Per: time.Minute, Burst: 5, EmployeeID: lena.ID, EmployeeName: "Лена Маркова", UpdatedAt: now})

		must(t, st.SetRateLimit(ctx, store.RateLimit{Name: "sender:sms:+74950000000", Units: 1, Per: time.Second, Burst: 1}, now.Add(time.Hour)))
		must(t, st.ClearRateLimit(ctx, "dealer:Север", lena.ID, now.Add(2*time.Hour)))
		must(t, st.ClearRateLimit(ctx, "dealer:Север", "", now.Add(3*time.Hour))) // nobody's any more
		list(none, store.RateLimit{Name: "sender:sms:+74950000000", Units: 1, Per: time.Second, Burst: 1, UpdatedAt: now.Add(time.Hour)})

		audit := strs(t, db, "select a.action || ' ' || a.object_id || ' ' || a.detail || ' ' || coalesce(e.name, '-') from audit a left join employee e on e.id = a.employee_id where a.object = 'rate_limit' order by a.at, a.id")
		want := []string{"limit.set sender:sms:+74950000000 600 in 1m0s, burst 5 Лена Маркова", "limit.set dealer:Север 1 in 333.334ms, burst 1 Лена Маркова", "limit.set channel:email 0 in 0s, burst 0 -",
			"limit.set sender:sms:+74950000000 1 in 1s, burst 1 -", "limit.cleared dealer:Север  Лена Маркова"}
		if diff := cmp.Diff(want, audit); diff != "" {
			t.Error(diff)
		}
	})
}

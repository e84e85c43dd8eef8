package store_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestPause: a pause is kept once with who made it, and each change stands in the
// audit.
func TestPause(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		ctx, d := t.Context(), storetest.Dealer(t, st)
		lena, err := st.SaveEmployee(ctx, store.Employee{DealerID: d.ID, Name: "Лена Маркова", Active: true}, now)
		must(t, err)
		andrei, err := st.SaveEmployee(ctx, store.Employee{DealerID: d.ID, Name: "Андрей Соколов", Active: true}, now)
		must(t, err)
		sender := store.SenderPause(channels.SMS, "+74950000000")
		must(t, st.Pause(ctx, sender, lena.ID, now))
		must(t, st.Pause(ctx, sender, andrei.ID, now.Add(time.Minute))) // it rests already
		must(t, st.Pause(ctx, store.PauseEverything, "", now.Add(time.Hour)))
		got, err := st.Pauses(ctx)
		must(t, err)
		want := []store.Pause{{Name: "sender:sms:+74950000000", EmployeeID: lena.ID, EmployeeName: "Лена Маркова", At: now}, {Name: "all", At: now.Add(time.Hour)}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		must(t, st.Resume(ctx, sender, andrei.ID, now.Add(2*time.Hour)))
		must(t, st.Resume(ctx, sender, andrei.ID, now.Add(3*time.Hour))) // it goes on already
		must(t, st.Resume(ctx, store.PauseEverything, "", now.Add(3*time.Hour)))
		if got, err := st.Pauses(ctx); err != nil || len(got) != 0 {
			t.Errorf("after all was resumed: %+v, %v", got, err)
		}
		audit := strs(t, db, "select a.action || ' ' || a.object_id || ' ' || coalesce(e.name, '-') from audit a left join employee e on e.id = a.employee_id where a.object = 'sending' order by a.at, a.id")
		if diff := cmp.Diff([]string{"pause sender:sms:+74950000000 Лена Маркова", "pause all -", "resume sender:sms:+74950000000 Андрей Соколов", "resume all -"}, audit); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNodes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		a := store.Node{ID: st.NewID(), Version: "v2", Role: "worker", StartedAt: now, SeenAt: now.Add(time.Minute), Trouble: []string{store.TroubleRedis},
			Lanes: []store.LaneState{{Channel: channels.SMS, Sender: "+7495", Waiting: 3, InFlight: 2, Sent: 40, Rate: 9.5, LastMinute: 30, LastHour: 40, RestingUntil: now.Add(time.Hour), Reason: "rate"}}}
		b := store.Node{ID: st.NewID(), Version: "v1", Role: "web", StartedAt: now.Add(-time.Hour), SeenAt: now}
		must(t, st.Beat(ctx, a))
		must(t, st.Beat(ctx, b))
		a.SeenAt, a.Trouble = now.Add(2*time.Minute), nil
		must(t, st.Beat(ctx, a))
		got, err := st.Nodes(ctx)
		must(t, err)
		if diff := cmp.Diff([]store.Node{b, a}, got); diff != "" {
			t.Error(diff)
		}
		if at := now.Add(store.NodeDeadAfter); b.Dead(at) || !b.Dead(at.Add(time.Second)) {
			t.Error("a node dies at another moment than NodeDeadAfter")
		}
		a.SeenAt = now.Add(25 * time.Hour) // b died a day ago
		must(t, st.Beat(ctx, a))
		if got, err := st.Nodes(ctx); err != nil || len(got) != 1 || got[0].ID != a.ID {
			t.Errorf("after a day: %+v, %v", got, err)
		}
		must(t, st.Farewell(ctx, a.ID))
		if got, err := st.Nodes(ctx); err != nil || len(got) != 0 {
			t.Errorf("after the farewell: %+v, %v", got, err)
		}
		if _, err := st.Lead(ctx, "imap:x", "me", now, time.Minute); err != nil {
			t.Fatal(err)
		}
		ls, err := st.Leases(ctx)
		if diff := cmp.Diff([]store.Lease{{Name: "imap:x", Holder: "me", Until: now.Add(time.Minute)}}, ls); diff != "" || err != nil {
			t.Error(diff, err)
		}
	})
}

package program_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"otklik/internal/outreach"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// due lists what stands of a dealer, whenever it is due.
func due(t *testing.T, st *store.Store, d store.Dealer) []store.Outreach {
	t.Helper()
	return storetest.Due(t, st, d.ID, now.AddDate(-10, 0, 0), now.AddDate(10, 0, 0))
}

// TestNodesPlanTogether lets three nodes plan while visits of the same people come in:
// whoever plans, a person's visits share one survey, and no event is left.
func TestNodesPlanTogether(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			url := storetest.FreshURL(t, engine)
			var nodes []*program.Planner
			for range 3 {
				nodes = append(nodes, &program.Planner{Store: storetest.OpenURL(t, url), Programs: program.Fixed(map[string]*program.Definition{"service-followup": followup(t)}), Book: book(t)})
			}
			st := nodes[0].Store
			d := storetest.Dealer(t, st)
			const people, rounds = 60, 4
			var all sync.WaitGroup
			done := make(chan struct{})
			for _, p := range nodes {
				all.Go(func() {
					for {
						if _, err := p.Run(t.Context(), now); err != nil {
							t.Error(err)
							return
						}
						select {
						case <-done:
							return
						default:
						}
					}
				})
			}
			for round := range rounds {
				var rs []store.VisitRecord
				for i := range people {
					rs = append(rs, storetest.Visit(fmt.Sprint(round, "-", i), fmt.Sprint("Клиент ", i), fmt.Sprintf("+790000000%02d", i), now.Add(time.Duration(round-10)*time.Hour)))
				}
				storetest.Save(t, st, d, rs...)
			}
			close(done)
			all.Wait()
			if _, err := nodes[1].Run(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			if some, err := st.EventsWait(t.Context()); some || err != nil {
				t.Errorf("events are left: %t, %v", some, err)
			}
			stands := map[string]int{}
			for _, o := range due(t, st, d) {
				stands[o.ContactID+" "+o.Step]++
				if v, err := st.Visit(t.Context(), o.VisitID); err != nil || !strings.HasPrefix(v.Order, fmt.Sprint(rounds-1, "-")) {
					t.Errorf("the latest visit stays, not %s (%v)", v.Order, err)
				}
			}
			if len(stands) != 2*people {
				t.Errorf("%d surveys and calls stand for %d people", len(stands), people)
			}
			for who, n := range stands {
				if n != 1 {
					t.Errorf("%s stands %d times", who, n)
				}
			}
		})
	}
}

// TestOneNodePlansAPart: while a node takes up a part of the events, another leaves
// that part alone and does not wait. SQLite has one writer.
func TestOneNodePlansAPart(t *testing.T) {
	url := storetest.FreshURL(t, "postgres")
	st, other := storetest.OpenURL(t, url), storetest.OpenURL(t, url)
	d := storetest.Dealer(t, st)
	storetest.Save(t, st, d, storetest.Visit("1", "Иванов Иван", "+79000000001", now.Add(-time.Hour)))
	calls := 0
	for part := range st.TakeParts() {
		_, _, _, err := st.TakeUp(t.Context(), store.Taking{Part: part}, now, func(store.Taken) (p store.Planned) {
			calls++
			storetest.Save(t, st, d, storetest.Visit("2", "Иванов Иван", "+79000000001", now))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			n, _, _, err := other.TakeUp(ctx, store.Taking{Part: part}, now, func(store.Taken) store.Planned { return store.Planned{} })
			if n != 0 || err != nil {
				t.Errorf("another node took %d events of the part, %v", n, err)
			}
			return p
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if some, err := st.EventsWait(t.Context()); !some || err != nil || calls != 1 {
		t.Errorf("the second visit waits: %t, %v, %d calls", some, err, calls)
	}
}

// TestStandingUnseen: a row that another writes between the look at what stands and
// the bulk load does not stop the planner. SQLite has one writer.
func TestStandingUnseen(t *testing.T) {
	st := storetest.Open(t, "postgres")
	d := storetest.Dealer(t, st)
	storetest.Save(t, st, d, storetest.Visit("1", "Иванов Иван", "+79000000001", now.Add(-time.Hour)))
	calls := 0
	for part := range st.TakeParts() {
		_, n, _, err := st.TakeUp(t.Context(), store.Taking{Part: part}, now, func(got store.Taken) (p store.Planned) {
			calls++
			e := got.Events[0]
			p.Rows = program.Plan(followup(t), program.Occasion{DealerID: e.DealerID, ContactID: e.ContactID, VisitID: e.VisitID, At: e.At}, now, book(t))
			if calls == 1 {
				err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error { _, err := tx.Plan(t.Context(), p.Rows[:1], now); return err })
				if err != nil {
					t.Fatal(err)
				}
			}
			return p
		})
		if err != nil || n > 1 {
			t.Fatal(n, err)
		}
	}
	if os := due(t, st, d); len(os) != 2 || calls != 2 {
		t.Errorf("%d calls, %+v", calls, os)
	}
}

// TestPrunedIsNotPlannedAgain: after outreach and event of an old visit are pruned,
// the visit may come again, as it was and corrected, and nothing goes out.
func TestPrunedIsNotPlannedAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		p := &program.Planner{Store: st, Programs: program.Fixed(map[string]*program.Definition{"service-followup": followup(t)}), Book: book(t)}
		run := func(at time.Time, want int64) {
			t.Helper()
			if n, err := p.Run(ctx, at); err != nil || n != want {
				t.Fatalf("planned %d, %v; want %d", n, err, want)
			}
		}
		r := storetest.Visit("1", "Иванов Иван", "+79000000001", now.Add(-time.Hour))
		storetest.Save(t, st, d, r)
		run(now, 2)
		// It runs its course: both steps are decided.
		for _, o := range due(t, st, d) {
			qs, err := st.ClaimOutreach(ctx, store.Queue{DealerID: d.ID, Priority: o.Priority}, st.NewID(), 10, now.AddDate(0, 0, 9), now, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			var vs []store.Verdict
			for _, q := range qs {
				vs = append(vs, store.Verdict{Outreach: q, State: outreach.Dropped, Verdict: "drop", Rule: "too_late"})
			}
			if err := st.Settle(ctx, vs, now); err != nil {
				t.Fatal(err)
			}
		}
		for years := 4; years <= 8; years += 4 {
			later := now.AddDate(years, 0, 0)
			old := later.AddDate(-3, 0, 0)
			got, err := st.Prune(ctx, store.Cutoffs{Messages: old, Bodies: old, Outreach: old, Decisions: old, Attempts: old, Audit: old}, later)
			if err != nil || got["outreach"] != 2 {
				t.Fatalf("pruned %v, %v", got, err)
			}
			storetest.Save(t, st, d, r)
			run(later, 0)
			r.CompletedAt = r.CompletedAt.Add(time.Minute)
			storetest.Save(t, st, d, r)
			run(later, 2) // written down as too late
			if os := due(t, st, d); len(os) != 0 {
				t.Fatalf("an old visit is planned: %+v", os)
			}
		}
	})
}

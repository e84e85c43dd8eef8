package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestWalkBreaksOff lets the plan of some people fail once: the page is walked again,
// and what its other parts have written is neither lost nor doubled.
func TestWalkBreaksOff(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		rs := make([]store.ContactRecord, 40)
		for i := range rs {
			rs[i] = store.ContactRecord{ExternalID: fmt.Sprint(i), Name: fmt.Sprintf("Клиент %d", i), Phones: []string{fmt.Sprintf("+7900%07d", i)}}
		}
		if err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
			_, err := tx.SaveContacts(t.Context(), d, rs, storetest.Now)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w := store.Walk{Program: "new-year", Date: "2026-12-31"}
		var mu sync.Mutex
		bad, broken := "", true
		plan := func(people []store.Person, _ []store.Outreach) (out store.Planned) {
			mu.Lock()
			defer mu.Unlock()
			for _, p := range people {
				if bad == "" {
					bad = p.ID // of the first part to come
				}
				o := store.Outreach{DealerID: d.ID, ContactID: p.ID, Program: w.Program, ProgramVersion: 1, Occasion: w.Date, Step: "wish", Purpose: outreach.Greeting, State: outreach.Planned,
					DueAt: storetest.Now, TargetAt: storetest.Now, DeadlineAt: storetest.Now.Add(time.Hour)}
				if p.ID == bad && broken {
					o.ID = st.NewID()
					twin := o
					twin.Occasion = "another"
					out.Rows = append(out.Rows, twin) // the same id twice is refused
				}
				out.Rows = append(out.Rows, o)
			}
			return out
		}
		walker := st.Walker(w)
		defer walker.Close()
		if _, _, err := walker.Advance(t.Context(), storetest.Now, plan); err == nil {
			t.Fatal("the page was written, although a part of it cannot be")
		}
		broken = false
		if done, _, err := walker.Advance(t.Context(), storetest.Now, plan); err != nil || !done {
			t.Fatal(done, err)
		}
		var ids []string
		for _, p := range everybody(t, st, w) {
			ids = append(ids, p.ID)
		}
		os, err := st.PendingOf(t.Context(), w.Program, ids)
		if err != nil {
			t.Fatal(err)
		}
		planned := map[string]int{}
		for _, o := range os {
			planned[o.ContactID]++
		}
		if len(ids) != len(rs) || len(planned) != len(rs) || len(os) != len(rs) {
			t.Errorf("%d people, %d of them have %d rows, want %d each", len(ids), len(planned), len(os), len(rs))
		}
	})
}

func everybody(t *testing.T, st *store.Store, w store.Walk) []store.Person {
	t.Helper()
	people, _, err := st.People(t.Context(), w, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return people
}

// TestWalkByCar: somebody with three cars of the same day is planned for in one go, also
// where a page is divided: the plan joins them.
func TestWalkByCar(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		var rs []store.DeliveryRecord
		for car := range 3 {
			for i := range 10 {
				rs = append(rs, store.DeliveryRecord{HandedOverAt: storetest.Now, Customer: store.ContactRecord{ExternalID: fmt.Sprint(i), Name: fmt.Sprintf("Клиент %d", i), Phones: []string{fmt.Sprintf("+7900%07d", i)}},
					Car: store.CarRecord{VIN: fmt.Sprintf("XTA%014d", 100*car+i), Model: "Vesta", DeliveredOn: "2024-05-17"}})
			}
		}
		if err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
			_, err := tx.SaveDeliveries(t.Context(), d, rs, storetest.Now)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		seen := map[string][]int{} // person → how many of his cars each call of the plan saw
		walker := st.Walker(store.Walk{Program: "car", Date: "2026-05-17", By: store.ByCar, Days: []string{"05-17"}})
		defer walker.Close()
		done, _, err := walker.Advance(t.Context(), storetest.Now, func(people []store.Person, _ []store.Outreach) store.Planned {
			mu.Lock()
			defer mu.Unlock()
			here := map[string]int{}
			for _, p := range people {
				here[p.ID]++
			}
			for id, n := range here {
				seen[id] = append(seen[id], n)
			}
			return store.Planned{}
		})
		if err != nil || !done {
			t.Fatal(done, err)
		}
		if len(seen) != 10 {
			t.Errorf("%d people, want 10", len(seen))
		}
		for id, calls := range seen {
			if len(calls) != 1 || calls[0] != 3 {
				t.Errorf("%s: cars seen by each call %v, want all by one", id, calls)
			}
		}
	})
}

// TestWalkersTakeTurns: of two nodes that walk one after the other each goes on where the
// other has ended, whatever it has read ahead itself, and everybody is planned for once.
func TestWalkersTakeTurns(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			url := storetest.FreshURL(t, engine)
			st := storetest.OpenURL(t, url)
			page := st.TakeChunk() * st.TakeParts()
			n := 3*page + 7
			storetest.Customers(t, url, n)
			w := store.Walk{Program: "new-year", Date: "2026-12-31"}
			walkers := []*store.Walker{st.Walker(w), st.Walker(w)}
			var mu sync.Mutex
			seen := make(map[string]int, n)
			for turn := 0; ; turn++ {
				done, _, err := walkers[turn%2].Advance(t.Context(), storetest.Now, func(people []store.Person, _ []store.Outreach) store.Planned {
					mu.Lock()
					defer mu.Unlock()
					for _, p := range people {
						seen[p.ID]++
					}
					return store.Planned{}
				})
				if err != nil {
					t.Fatal(err)
				}
				if done {
					break
				}
			}
			for _, k := range walkers {
				k.Close()
			}
			twice := 0
			for _, times := range seen {
				if times > 1 {
					twice++
				}
			}
			if len(seen) != n || twice > 0 {
				t.Errorf("%d of %d people were planned for, %d of them more than once", len(seen), n, twice)
			}
		})
	}
}

package console_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// BenchmarkPages measures what an operator waits for with 100,000 customers and
// 2,000 open tasks (goal: 50 ms a page).
func BenchmarkPages(b *testing.B) {
	st := storetest.Open(b, "sqlite")
	h := open(b, st)
	const customers, chunk = 100_000, 500
	var saved []store.SavedRecord
	for n := 0; n < customers; n += chunk {
		rs := make([]store.VisitRecord, chunk)
		for i := range rs {
			k := n + i
			rs[i] = storetest.Visit(fmt.Sprint(k), fmt.Sprintf("Клиент %06d", k), fmt.Sprintf("+79%09d", k), h.Clock.Business().Add(-time.Duration(k)*time.Minute))
		}
		saved = append(saved, storetest.Save(b, st, h.Dealer, rs...)...)
	}
	for n := range 2000 {
		err := st.Tx(b.Context(), store.RankBulk, func(tx *store.Tx) error {
			due := h.Clock.Business().Add(time.Duration(n-100) * time.Minute)
			_, err := tx.OpenTask(b.Context(), store.Task{DealerID: h.Dealer.ID, Kind: store.TaskCallback, ContactID: saved[n].ContactID, VisitID: saved[n].VisitID, Reason: "low_score", Words: "стук остался", DueAt: due,
				Clocks: []store.Clock{{Kind: "solution", DueAt: due}}}, h.Clock.Business())
			return err
		})
		check(b, err)
	}
	ts, err := st.Tasks(b.Context(), store.TaskFilter{DealerID: h.Dealer.ID, Open: true, Limit: 1})
	check(b, err)
	person := h.login("maria")
	for name, path := range map[string]string{"queue": "/queue", "task": "/tasks/" + ts[0].ID, "contacts": "/contacts", "by-name": "/contacts?q=" + "Клиент+0500", "by-phone": "/contacts?q=89000050000",
		"contact": "/contacts/" + ts[0].ContactID, "inbox": "/inbox", "remarks": "/remarks"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if p := person.get(path); p.StatusCode != http.StatusOK {
					b.Fatal(p.Status)
				}
			}
		})
	}
}

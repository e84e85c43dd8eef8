package store_test

import (
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// BenchmarkFacts reads what a batch of 256 outreach is judged on, surveys or greetings,
// one after another of 20,000 visits, and tells the processor time for each.
func BenchmarkFacts(b *testing.B) {
	for _, c := range []struct {
		engine string
		greet  bool
	}{{"sqlite", false}, {"postgres", false}, {"sqlite", true}, {"postgres", true}} {
		engine, what := c.engine, "surveys"
		if c.greet {
			what = "greetings"
		}
		b.Run(engine+"/"+what, func(b *testing.B) {
			const visits, batch = 20_000, 256
			url := storetest.URL(b, engine)
			st := storetest.OpenURL(b, url)
			d := storetest.Dealer(b, st)
			var saved []store.SavedRecord
			for i := 0; i < visits; i += store.SaveChunk {
				saved = append(saved, storetest.Save(b, st, d, records(i, store.SaveChunk)...)...)
			}
			db := raw(b, engine, url)
			if engine == "postgres" {
				_, err := db.ExecContext(b.Context(), "vacuum analyze")
				must(b, err)
			}
			program, database := testserver.Processor(b, url)
			n := 0
			for b.Loop() {
				from := n % (visits - batch)
				var contacts, about []string
				for _, s := range saved[from : from+batch] {
					contacts, about = append(contacts, s.ContactID), append(about, s.VisitID)
				}
				w := store.Wanted{Contacts: contacts, Visits: about, Since: now.AddDate(-1, 0, 0), Now: now}
				if c.greet {
					w.Greeted, w.Ahead = contacts, now.AddDate(0, 0, 7)
				}
				f, err := st.Facts(b.Context(), w)
				must(b, err)
				if len(f.Visits) != batch {
					b.Fatal(len(f.Visits))
				}
				n += batch
			}
			p, q := testserver.Processor(b, url)
			b.ReportMetric(float64((p-program)/time.Nanosecond)/1000/float64(n), "program-µs/row")
			b.ReportMetric(float64((q-database)/time.Nanosecond)/1000/float64(n), "database-µs/row")
		})
	}
}

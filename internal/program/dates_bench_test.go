package program_test

import (
	"testing"
	"time"

	"otklik/internal/program"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// BenchmarkDates plans a day of all customers: their birthdays, of which a day has one
// in 336, or a holiday, which is everybody's. Each is told in customers a second.
func BenchmarkDates(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, c := range []struct {
			id  string
			day time.Time
		}{{"birthday", time.Date(2027, 5, 17, 0, 0, 0, 0, time.UTC)}, {"new-year", time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)}} {
			b.Run(engine+"/"+c.id, func(b *testing.B) {
				n := size(b)
				var peak uint64
				var own, server time.Duration
				for range b.N {
					b.StopTimer()
					url := storetest.URL(b, engine)
					st := storetest.OpenURL(b, url)
					storetest.Dealer(b, st)
					storetest.Customers(b, url, n)
					def := dated(b)[c.id]
					planner := &program.Planner{Store: st, Programs: program.Fixed(map[string]*program.Definition{def.ID: def}), Book: book(b)}
					stop := watch(&peak)
					p0, d0 := testserver.Processor(b, url)
					b.StartTimer()
					if got, err := planner.Run(b.Context(), c.day.Add(-40*time.Hour)); err != nil || got == 0 {
						b.Fatal(got, err)
					}
					b.StopTimer()
					p1, d1 := testserver.Processor(b, url)
					own, server = own+p1-p0, server+d1-d0
					stop()
				}
				b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "contacts/s")
				b.ReportMetric(float64(own.Microseconds())/float64(n*b.N), "program-µs/contact")
				b.ReportMetric(float64(server.Microseconds())/float64(n*b.N), "database-µs/contact")
				b.ReportMetric(float64(peak)/1e6, "peak-heap-MB")
			})
		}
	}
}

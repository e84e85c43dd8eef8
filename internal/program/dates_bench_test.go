package program_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"otklik/internal/program"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// customers writes n customers past the store, with birthdays spread over the year.
func customers(t testing.TB, engine, url string, n int) {
	t.Helper()
	driver, dsn := "pgx", url
	id, birthday := "cast('00000001-0000-7000-8000-' || lpad(to_hex(i), 12, '0') as uuid)", "'1980-' || lpad(cast(1 + i % 12 as text), 2, '0') || '-' || lpad(cast(1 + (i / 12) % 28 as text), 2, '0')"
	if engine == "sqlite" {
		driver, dsn = "sqlite", strings.TrimPrefix(url, "sqlite:")
		id, birthday = "printf('00000001-0000-7000-8000-%012x', i)", "printf('1980-%02d-%02d', 1 + i % 12, 1 + (i / 12) % 28)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	statement := fmt.Sprintf(`with recursive n(i) as (select cast(1 as bigint) union all select i + 1 from n where i < %d)
		insert into contact (id, name, name_folded, gender, birthday, created_at, updated_at) select %s, 'Клиентов Иван ' || i, 'клиентов иван ' || i, case i %% 2 when 0 then 'male' else 'female' end, %s, %d, %d from n`,
		n, id, birthday, now.UnixMicro(), now.UnixMicro())
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	if engine == "postgres" {
		if _, err := db.ExecContext(t.Context(), "vacuum analyze contact"); err != nil {
			t.Fatal(err)
		}
	}
}

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
					customers(b, engine, url, n)
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

package program_test

import (
	"database/sql"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"otklik/internal/program"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// events writes n events of visits that ended an hour ago past the store, each of
// another contact: in the order of the contacts, as a greeting to everybody has it,
// or scattered, as a day's visits of customers known for years are.
func events(t testing.TB, engine, url, dealer string, n int, scattered bool) {
	t.Helper()
	driver, dsn, before := "pgx", url, "set session_replication_role = replica; "
	id := func(kind int, of string) string {
		return fmt.Sprintf("cast('%08x-0000-7000-8000-' || lpad(to_hex(%s), 12, '0') as uuid)", kind, of)
	}
	if engine == "sqlite" {
		driver, dsn, before = "sqlite", strings.TrimPrefix(url, "sqlite:"), ""
		id = func(kind int, of string) string {
			return fmt.Sprintf("printf('%08x-0000-7000-8000-%%012x', %s)", kind, of)
		}
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	at := now.Add(-time.Hour).UnixMicro()
	contact := id(1, "i")
	if scattered {
		// Prime: its multiples run through all numbers below a power of two.
		contact = id(1, "(i * 2654435761) % 1073741824")
	}
	statement := fmt.Sprintf(`%swith recursive n(i) as (select cast(1 as bigint) union all select i + 1 from n where i < %d)
		insert into event (id, dealer_id, kind, contact_id, visit_id, at, created_at) select %s, '%s', 'visit_completed', %s, %s, %d + i, %d + i / 500 from n`,
		before, n, id(2, "i"), dealer, contact, id(3, "i"), at, at)
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	if engine == "postgres" {
		if _, err := db.ExecContext(t.Context(), "vacuum analyze event"); err != nil {
			t.Fatal(err)
		}
	}
}

// size is how many events a benchmark plans: OTKLIK_BENCH_ROWS, or 100,000.
func size(t testing.TB) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("OTKLIK_BENCH_ROWS"))
	if err != nil {
		return 100_000
	}
	return n
}

// BenchmarkPlanner plans the events of a day, two outreach rows for each or, as a
// greeting has it, one, and tells the highest heap seen.
func BenchmarkPlanner(b *testing.B) {
	for _, c := range []struct {
		engine, name string
		scattered    bool
		steps        int
	}{
		{"sqlite", "one step", false, 1}, {"sqlite", "two steps", false, 2}, {"sqlite", "two steps, scattered", true, 2},
		{"postgres", "one step", false, 1}, {"postgres", "two steps", false, 2}, {"postgres", "two steps, scattered", true, 2},
	} {
		engine := c.engine
		b.Run(engine+"/"+c.name, func(b *testing.B) {
			n := size(b)
			var peak uint64
			var own, server time.Duration
			for range b.N {
				b.StopTimer()
				url := storetest.URL(b, engine)
				st := storetest.OpenURL(b, url)
				d := storetest.Dealer(b, st)
				events(b, engine, url, d.ID, n, c.scattered)
				def := followup(b)
				def.Steps = def.Steps[:c.steps]
				planner := &program.Planner{Store: st, Programs: program.Fixed(map[string]*program.Definition{def.ID: def}), Book: book(b)}
				stop := watch(&peak)
				p0, d0 := testserver.Processor(b, url)
				b.StartTimer()
				if got, err := planner.Run(b.Context(), now); err != nil || got != int64(c.steps*n) {
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

// watch notes the largest heap until the returned function is called.
func watch(peak *uint64) (stop func()) {
	debug.FreeOSMemory()
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			*peak = max(*peak, m.HeapInuse)
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(done); <-ended }
}

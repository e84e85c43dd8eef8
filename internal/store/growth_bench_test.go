package store_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// benchRows is how long a history is for benchmarks: OTKLIK_BENCH_ROWS, or 100,000.
func benchRows() int {
	if n, err := strconv.Atoi(os.Getenv("OTKLIK_BENCH_ROWS")); err == nil {
		return n
	}
	return 100_000
}

// waiting rows are of one dealer and one priority, and due.
const waiting = 20_000

// grown is a database with so many finished outreach and messages, and some that wait.
func grown(b *testing.B, engine string, history int) (*store.Store, *sql.DB, store.Queue) {
	b.Helper()
	url := storetest.URL(b, engine)
	st := storetest.OpenURL(b, url)
	db := raw(b, engine, url)
	d := storetest.Dealer(b, st)
	if engine == "sqlite" {
		db.SetMaxOpenConns(1) // pragmas are a connection's
		for _, p := range []string{"pragma synchronous = off", "pragma cache_size = -200000"} {
			_, err := db.ExecContext(b.Context(), p)
			must(b, err)
		}
	}
	lay(b, st, db, d.ID, "done", 1, history)
	lay(b, st, db, d.ID, "planned", history+1, waiting)
	if engine == "postgres" {
		_, err := db.ExecContext(b.Context(), "vacuum analyze outreach, message")
		must(b, err)
	}
	return st, db, store.Queue{DealerID: d.ID, Priority: 3}
}

// lay writes n outreach, each with a message, numbered from a number on. Those done
// end an hour before those that wait begin.
func lay(b *testing.B, st *store.Store, db *sql.DB, dealer, state string, from, n int) {
	b.Helper()
	number := func(kind int, of string) string {
		if st.Engine() == "sqlite" {
			return fmt.Sprintf("printf('%08x-0000-7000-8000-%%012x', %s)", kind, of)
		}
		return fmt.Sprintf("cast('%08x-0000-7000-8000-' || lpad(to_hex(%s), 12, '0') as uuid)", kind, of)
	}
	id := func(kind int) string { return number(kind, "i") }
	contact := number(1, "i / 4") // a person has four
	sent := "'delivered'"
	if state != "done" {
		sent = "'queued'"
	}
	at := fmt.Sprintf("%d + i * 100", now.Add(-time.Hour).UnixMicro()-int64(from+n)*100)
	const part = 500_000
	for first := from; first < from+n; first += part {
		last := min(first+part, from+n) - 1
		numbers := fmt.Sprintf("with recursive n(i) as (select cast(%d as bigint) union all select i + 1 from n where i < %d)", first, last)
		if st.Engine() == "postgres" {
			numbers = fmt.Sprintf("with n(i) as (select generate_series(cast(%d as bigint), %d))", first, last)
		}
		for _, insert := range []string{
			`insert into outreach (id, dealer_id, program, program_version, contact_id, occasion, step, visit_id, purpose, priority, channel, state, due_at, target_at, deadline_at, created_at, updated_at)
				select ` + id(5) + `, '` + dealer + `', 'service-followup', 1, ` + contact + `, cast(` + id(4) + ` as text), 'survey', ` + id(4) + `, 'survey', 3, 'sms', '` + state + `', ` + at + `, 0, 0, ` + at + `, ` + at + ` from n`,
			`insert into message (id, dealer_id, outreach_id, contact_id, direction, channel, sender, address, purpose, text, state, provider_id, priority, due_at, created_at, updated_at)
				select ` + id(6) + `, '` + dealer + `', ` + id(5) + `, ` + contact + `, 'out', 'sms', '+7', '+79' || (100000000 + i), 'survey', 'Как прошёл визит?', ` + sent + `, 'SM' || i, 3, ` + at + `, ` + at + `, ` + at + ` from n`,
		} {
			_, err := db.ExecContext(b.Context(), numbers+" "+insert)
			must(b, err)
		}
	}
}

// BenchmarkClaimHistory claims 500 outreach, and 500 messages, beside 10,000 finished
// rows and beside OTKLIK_BENCH_ROWS, in turn, and tells the ratio of their costs.
func BenchmarkClaimHistory(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			var sides [2]struct {
				st                *store.Store
				q                 store.Queue
				outreach, message []time.Duration
			}
			for i, n := range []int{10_000, benchRows()} {
				sides[i].st, _, sides[i].q = grown(b, engine, n)
			}
			machine := now
			b.ResetTimer()
			for range b.N {
				machine = machine.Add(time.Hour) // past all leases: the same rows are claimed again
				for i := range sides {
					s := &sides[i]
					began := time.Now()
					os, err := s.st.ClaimOutreach(b.Context(), s.q, s.st.NewID(), 500, now, machine, time.Minute)
					s.outreach = append(s.outreach, time.Since(began))
					if err != nil || len(os) != 500 {
						b.Fatal(len(os), err)
					}
					began = time.Now()
					ms, err := s.st.ClaimMessages(b.Context(), store.MessageQueue{Channel: "sms", Sender: "+7"}, s.st.NewID(), 500, now, machine, time.Minute)
					s.message = append(s.message, time.Since(began))
					if err != nil || len(ms) != 500 {
						b.Fatal(len(ms), err)
					}
				}
			}
			b.ReportMetric(median(sides[1].outreach)/median(sides[0].outreach), "ratio-outreach")
			b.ReportMetric(median(sides[1].message)/median(sides[0].message), "ratio-message")
			b.ReportMetric(median(sides[1].outreach)/500, "µs/outreach")
			b.ReportMetric(median(sides[1].message)/500, "µs/message")
		})
	}
}

// median in microseconds.
func median(ds []time.Duration) float64 {
	ds = slices.Sorted(slices.Values(ds))
	return float64(ds[len(ds)/2].Nanoseconds()) / 1000
}

// BenchmarkDrain claims and finishes a campaign of OTKLIK_BENCH_ROWS rows to its end
// and tells what a claim of 500 costs in the first tenth and in the last: what is
// finished must not stand in the way of what waits.
func BenchmarkDrain(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				st, db, q := grown(b, engine, 1)
				n := benchRows()
				lay(b, st, db, q.DealerID, "planned", waiting+10, n)
				finish := "update outreach set state = 'done', claim_token = null, claim_until = null where id in "
				if engine == "postgres" {
					finish += "(select cast(value as uuid) from json_array_elements_text(cast($1 as json)))"
				} else {
					finish += "(select value from json_each(?))"
				}
				b.StartTimer()
				var took []time.Duration
				for {
					token := st.NewID()
					began := time.Now()
					os, err := st.ClaimOutreach(b.Context(), q, token, 500, now.Add(time.Hour), now, time.Minute)
					must(b, err)
					if len(os) == 0 {
						break
					}
					took = append(took, time.Since(began))
					ids := make([]string, len(os))
					for i, o := range os {
						ids[i] = o.ID
					}
					list, err := json.Marshal(ids)
					must(b, err)
					_, err = db.ExecContext(b.Context(), finish, string(list))
					must(b, err)
				}
				tenth := max(len(took)/10, 1)
				b.ReportMetric(median(took[:tenth])/500, "µs-first-tenth")
				b.ReportMetric(median(took[len(took)-tenth:])/500, "µs-last-tenth")
				b.ReportMetric(median(took[len(took)-tenth:])/median(took[:tenth]), "ratio")
			}
		})
	}
}

// BenchmarkPrune removes a history of OTKLIK_BENCH_ROWS outreach with their messages
// and tells the longest that an operator's transaction had to wait meanwhile.
func BenchmarkPrune(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				st, _, _ := grown(b, engine, benchRows())
				c := store.Cutoffs{Messages: now.Add(time.Hour), Outreach: now.Add(time.Hour)}
				var waited []time.Duration
				done, ended := make(chan struct{}), make(chan struct{})
				b.StartTimer()
				go func() {
					defer close(ended)
					tick := time.NewTicker(5 * time.Millisecond)
					defer tick.Stop()
					for {
						began := time.Now()
						if err := st.SetSetting(b.Context(), "bench", began.String()); err != nil {
							b.Error(err)
						}
						waited = append(waited, time.Since(began))
						select {
						case <-done:
							return
						case <-tick.C:
						}
					}
				}()
				got, err := st.Prune(b.Context(), c, now)
				close(done)
				<-ended
				must(b, err)
				b.ReportMetric(float64(got["outreach"]+got["message"])/b.Elapsed().Seconds(), "rows/s")
				b.ReportMetric(median(waited)/1000, "ms-operator-median")
				slices.Sort(waited)
				b.ReportMetric(float64(waited[len(waited)*99/100].Microseconds())/1000, "ms-operator-p99")
				b.ReportMetric(float64(waited[len(waited)-1].Microseconds())/1000, "ms-operator-worst")
			}
		})
	}
}

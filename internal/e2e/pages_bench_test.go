package e2e

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"
	"time"

	"otklik/internal/store"
)

// Size of the rooftop in BenchmarkPages.
const (
	manyContacts = 100_000
	manyTasks    = 2_000
)

// BenchmarkPages reads each page of the console with a hundred thousand customers in the
// embedded database.
func BenchmarkPages(b *testing.B) {
	d := startDemo(b, func(st *store.Store) { crowd(b, st) })
	client := d.client(b, "maria")
	ivan := d.surveyed("Иванов Иван Петрович")
	tasks, err := d.app.Store().Tasks(b.Context(), store.TaskFilter{DealerID: d.dealer().ID, Open: true, Limit: 1})
	if err != nil || len(tasks) == 0 {
		b.Fatalf("reading a task: %v", err)
	}
	for _, x := range []page{{"queue", "/queue"}, {"kind", "/queue?kind=callback"}, {"own", "/queue?mine=1"}, {"card", "/tasks/" + tasks[0].ID}, {"inbox", "/inbox"},
		{"contacts", "/contacts"}, {"name", "/contacts?q=" + url.QueryEscape("Иванов")}, {"phone", "/contacts?q=" + url.QueryEscape("+79100012345")},
		{"order", "/contacts?q=N00012345"}, {"nobody", "/contacts?q=qqq"}, {"contact", "/contacts/" + ivan.ID}, {"remarks", "/remarks"}, {"phones", "/phones"}} {
		b.Run(x.name, func(b *testing.B) {
			for b.Loop() {
				resp, err := client.Get(d.url + x.path)
				if err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Fatalf("%s answers %d", x.path, resp.StatusCode)
				}
			}
		})
	}
}

// client is a logged-in employee without a browser.
func (d *demo) client(t testing.TB, name string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: time.Minute}
	resp, err := c.PostForm(d.url+"/login", url.Values{"login": {name}, "password": {d.logins[name].Password}})
	if err != nil {
		t.Fatalf("logging in: %v", err)
	}
	resp.Body.Close()
	if resp.Request.URL.Path == "/login" {
		t.Fatalf("the login of %s was refused", name)
	}
	return c
}

// crowd stores a hundred thousand customers with a visit each, a year long, and a
// full queue.
func crowd(t testing.TB, st *store.Store) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	ds, err := st.Dealers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	families, given := []string{"Иванов", "Петров", "Сидоров", "Кузнецов", "Смирнов", "Попов", "Соколов", "Лебедев"}, []string{"Иван", "Пётр", "Олег", "Анна", "Ирина"}
	const chunk = 500
	for from := 0; from < manyContacts; from += chunk {
		rs := make([]store.VisitRecord, chunk)
		for i := range rs {
			n := from + i
			at := now.Add(-30*24*time.Hour - time.Duration(n)*5*time.Minute)
			f, g := families[n%len(families)], given[n%len(given)]
			rs[i] = store.VisitRecord{Order: fmt.Sprintf("N%08d", n), ClosedAt: at, HandedOverAt: at, CompletedAt: at, Works: []string{"ТО-2"}, TotalMinor: 500000, Currency: "RUB", Department: "Слесарный", Advisor: "Петров Сергей",
				Customer: store.ContactRecord{Name: fmt.Sprintf("%s %s %d", f, g, n), Family: f, Given: g, Locale: "ru", Phones: []string{fmt.Sprintf("+7910%07d", n)}}, VIN: fmt.Sprintf("XTAGFL110%08d", n), Model: "LADA Vesta"}
		}
		err := st.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
			saved, err := tx.SaveVisits(ctx, ds[0], rs, now)
			if err != nil {
				return err
			}
			for i := range saved {
				if (from+i)%(manyContacts/manyTasks) != 0 {
					continue
				}
				task := store.Task{ID: st.NewID(), DealerID: ds[0].ID, Kind: store.TaskCallback, State: store.TaskOpen, Reason: "low_score", Words: "2, долго", ContactID: saved[i].ContactID, VisitID: saved[i].VisitID, OpenedAt: now, DueAt: now.Add(time.Duration(from+i) * time.Minute)}
				if _, err := tx.OpenTask(ctx, task, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatalf("storing the crowd: %v", err)
		}
	}
}

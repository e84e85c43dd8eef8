package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

func TestToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		for _, authorization := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic " + secret, secret, "Bearer " + store.HashToken(secret)} {
			w := b.do("POST", "/api/v1/visits", visit(t, "1", nil), http.Header{"Authorization": {authorization}})
			if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Bearer" || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%q: %d %v", authorization, w.Code, w.Header())
			}
		}
		b.expect(http.StatusOK, "GET", "/api/v1/messages", "", "Authorization", "bearer "+secret)
		b.expect(http.StatusOK, "GET", "/api/v1/messages?dealer=south", "")
		for _, path := range []string{"messages", "responses", "callbacks", "decisions"} {
			b.expect(http.StatusForbidden, "GET", "/api/v1/"+path+"?dealer=north", "")
		}
		b.expect(http.StatusForbidden, "POST", "/api/v1/visits", visit(t, "1", func(v map[string]any) { v["dealer"] = "north" }))
		b.expect(http.StatusForbidden, "POST", "/api/v1/customers", `{"dealer":"north","name":"Иванов"}`)
		b.expect(http.StatusCreated, "POST", "/api/v1/visits", visit(t, "1", func(v map[string]any) { v["dealer"] = "south" }))
	})
}

func TestPostVisit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		first := id(t, b.expect(http.StatusCreated, "POST", "/api/v1/visits", visit(t, "ЗН-1", nil)))
		v, err := st.Visit(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		c, err := st.Contact(t.Context(), v.ContactID)
		if err != nil {
			t.Fatal(err)
		}
		handed := time.Date(2026, 11, 20, 15, 45, 0, 0, time.UTC)
		type kept struct {
			Order, Source, Advisor, Mechanic, Department, Currency, VIN, Plate string
			Completed, Closed                                                  time.Time
			Works                                                              []string
			Minor                                                              int64
			Mileage                                                            int
			Repeat                                                             bool
			Family, Given, Patronymic, Gender, Source2, Locale, Phone, Email   string
		}
		got := kept{v.Order, v.Source, v.Advisor, v.Mechanic, v.Department, v.Currency, v.Vehicle.VIN, v.Vehicle.Plate, v.CompletedAt, v.ClosedAt, v.Works, v.TotalMinor, v.Vehicle.Mileage, v.Repeat,
			c.Family, c.Given, c.Patronymic, c.Gender, c.GenderSource, c.Locale, c.On(channels.SMS), c.On(channels.Email)}
		want := kept{"ЗН-1", store.SourceDMS, "Орлова М.В.", "Ким О.", "Слесарный", "RUB", "XTA0001", "А001АА77", handed, handed.Add(-15 * time.Minute), []string{"ТО-4", "Замена колодок"}, 786050, 41200, true,
			"Иванова", "Мария", "Петровна", "female", "patronymic", "ru", "+79000000001", "maria@example.com"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}

		if again := id(t, b.expect(http.StatusOK, "POST", "/api/v1/visits", visit(t, "ЗН-1", nil))); again != first {
			t.Error("an equal visit got another id")
		}
		inUTC := visit(t, "ЗН-1", func(v map[string]any) {
			v["closed_at"], v["handed_over_at"] = "2026-11-20T15:30:00Z", "2026-11-20T15:45:00Z"
			v["total"] = map[string]any{"amount": 7860.5, "currency": "RUB"}
		})
		b.expect(http.StatusOK, "POST", "/api/v1/visits", inUTC)
		if n := b.saved.Load(); n != 1 {
			t.Errorf("the planner was woken %d times", n)
		}
		changed := visit(t, "ЗН-1", func(v map[string]any) { v["works"] = []any{"ТО-5"} })
		if again := id(t, b.expect(http.StatusOK, "POST", "/api/v1/visits", changed)); again != first {
			t.Error("a changed visit got another id")
		}
		if v, err := st.Visit(t.Context(), first); err != nil || !slices.Equal(v.Works, []string{"ТО-5"}) || b.saved.Load() != 2 {
			t.Errorf("%v, %v, woken %d times", v.Works, err, b.saved.Load())
		}
		b.expect(http.StatusConflict, "POST", "/api/v1/visits", visit(t, "ЗН-1", func(v map[string]any) {
			v["customer"] = map[string]any{"name": "Сидоров Пётр"}
			v["vehicle"] = map[string]any{"plate": "Х999ХХ99"}
		}))
		if v, err := st.Visit(t.Context(), first); err != nil || !slices.Equal(v.Works, []string{"ТО-5"}) {
			t.Errorf("the refused visit changed something: %+v, %v", v, err)
		}
		byFile := storetest.Visit("ЗН-1", "Иванова Мария Петровна", "+79000000001", handed)
		if saved := storetest.Save(t, st, b.dealer, byFile); saved[0].VisitID != first || saved[0].Saved != store.Updated {
			t.Errorf("the same order by file: %+v", saved)
		}
	})
}

// TestClock: it starts at hand-over, else at closing.
func TestClock(t *testing.T) {
	b := newBench(t, storetest.Open(t, "sqlite"))
	for name, c := range map[string]struct{ handed, closed, want any }{
		"hand-over": {"2026-11-20T18:45:00+03:00", "2026-11-20T12:00:00+03:00", "2026-11-20T15:45:00Z"},
		"closing":   {nil, "2026-11-20T12:00:00.5+03:00", "2026-11-20T09:00:00.5Z"},
		"neither":   {nil, nil, nil},
	} {
		w := b.send("POST", "/api/v1/visits", visit(t, name, func(v map[string]any) { v["handed_over_at"], v["closed_at"] = c.handed, c.closed }))
		if c.want == nil {
			if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "body.handed_over_at") {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
			continue
		}
		if v, err := b.st.Visit(t.Context(), id(t, w)); err != nil || v.CompletedAt.Format(time.RFC3339Nano) != c.want {
			t.Errorf("%s: %s, %v", name, v.CompletedAt, err)
		}
	}
}

func TestPostCustomer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		const body = `{"external_id":"7","name":"Петрова Анна Ивановна","phones":["89000000007"],"gender":"female","birthday":"--02-29","locale":"zh-Hans-CN"}`
		first := id(t, b.expect(http.StatusCreated, "POST", "/api/v1/customers", body))
		if again := id(t, b.expect(http.StatusOK, "POST", "/api/v1/customers", body)); again != first {
			t.Error("the same customer got another id")
		}
		if again := id(t, b.expect(http.StatusOK, "POST", "/api/v1/customers", `{"external_id":"7","name":"Петрова А.","emails":["A@EXAMPLE.COM"]}`)); again != first {
			t.Error("the same external id got another id")
		}
		c, err := st.Contact(t.Context(), first)
		if err != nil || c.Given != "Анна" || c.GenderSource != "data" || c.Birthday != "--02-29" || c.Locale != "zh" || c.On(channels.Email) != "a@example.com" {
			t.Errorf("%+v, %v", c, err)
		}
		for body, want := range map[string]store.Contact{
			`{"name":"ООО \"Ромашка\"","phones":["89000000008"],"gender":"male"}`:               {Name: `ООО "Ромашка"`, Company: true},
			`{"name":"Иванов Иван","company":"ООО Василёк","phones":["89000000009"]}`:           {Name: "ООО Василёк", Company: true},
			`{"name":"Ромашка Плюс","company":true,"phones":["89000000010"]}`:                   {Name: "Ромашка Плюс", Company: true},
			`{"name":"Li Na","company":false,"phones":["+8613800000000"],"locale":"en"}`:        {Name: "Li Na", Given: "Li", Family: "Na"},
			`{"name":"Кузнецов Олег","company":null,"phones":["89000000011"],"gender":"male"}`:  {Name: "Кузнецов Олег", Given: "Олег", Family: "Кузнецов", Gender: "male", GenderSource: "data"},
			`{"name":"Кузнецов О.","company":"","phones":["89000000012"],"gender":"unknown"}`:   {Name: "Кузнецов О.", Given: "О.", Family: "Кузнецов"},
			`{"name":"Garage LLC","company":false,"phones":["89000000013"],"gender":"unknown"}`: {Name: "Garage LLC"},
		} {
			c, err := st.Contact(t.Context(), id(t, b.expect(http.StatusCreated, "POST", "/api/v1/customers", body)))
			got := store.Contact{Name: c.Name, Company: c.Company, Family: c.Family, Given: c.Given, Gender: c.Gender, GenderSource: c.GenderSource}
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("%s: %s %v", body, d, err)
			}
		}
	})
}

func TestIdempotencyKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		body := visit(t, "1", nil)
		first := b.expect(http.StatusCreated, "POST", "/api/v1/visits", body, "Idempotency-Key", "k1")
		again := b.expect(http.StatusOK, "POST", "/api/v1/visits", body, "Idempotency-Key", "k1")
		if first.Body.String() != again.Body.String() {
			t.Errorf("%s, then %s", first.Body, again.Body)
		}
		// The first answer stays the answer, even after the visit has changed.
		b.expect(http.StatusOK, "POST", "/api/v1/visits", visit(t, "1", func(v map[string]any) { v["works"] = []any{"ТО-5"} }))
		var spaced bytes.Buffer
		if err := json.Indent(&spaced, []byte(body), "", "\t"); err != nil {
			t.Fatal(err)
		}
		b.expect(http.StatusOK, "POST", "/api/v1/visits", spaced.String(), "Idempotency-Key", "k1")
		if v, err := st.Visit(t.Context(), id(t, first)); err != nil || !slices.Equal(v.Works, []string{"ТО-5"}) {
			t.Errorf("a repetition had an effect: %v, %v", v.Works, err)
		}
		b.expect(http.StatusConflict, "POST", "/api/v1/visits", visit(t, "2", nil), "Idempotency-Key", "k1")
		b.expect(http.StatusConflict, "POST", "/api/v1/customers", `{"name":"Иванов"}`, "Idempotency-Key", "k1")
		// What was refused has used up no key.
		b.expect(http.StatusUnprocessableEntity, "POST", "/api/v1/visits", visit(t, "3", func(v map[string]any) { v["works"] = 3 }), "Idempotency-Key", "k2")
		b.expect(http.StatusCreated, "POST", "/api/v1/visits", visit(t, "3", nil), "Idempotency-Key", "k2")
		b.expect(http.StatusUnprocessableEntity, "POST", "/api/v1/visits", body, "Idempotency-Key", strings.Repeat("k", 201))
		b.expect(http.StatusUnprocessableEntity, "POST", "/api/v1/visits", body, "Idempotency-Key", "ключ")
	})
}

// together posts one body several times at once and returns the answers.
func together(b *bench, muxes []*http.ServeMux, path, body, key string) []*httptest.ResponseRecorder {
	out := make([]*httptest.ResponseRecorder, 12)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range out {
		wg.Go(func() {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+secret)
			if key != "" {
				r.Header.Set("Idempotency-Key", key)
			}
			out[i] = httptest.NewRecorder()
			<-start
			muxes[i%len(muxes)].ServeHTTP(out[i], r)
		})
	}
	close(start)
	wg.Wait()
	return out
}

// TestTogether sends the same thing to two processes on one database, many times
// at once: one effect, and everybody gets its id.
func TestTogether(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			url := storetest.FreshURL(t, engine)
			b := newBench(t, storetest.OpenURL(t, url))
			other, _ := node(t, storetest.OpenURL(t, url), &bytes.Buffer{})
			muxes := []*http.ServeMux{b.mux, other}
			for _, c := range []struct{ path, body, key string }{
				{"/api/v1/visits", visit(t, "1", nil), "together"},
				{"/api/v1/visits", visit(t, "2", nil), ""},
				{"/api/v1/customers", `{"name":"Петрова Анна","phones":["89000000007"]}`, "together-2"},
				{"/api/v1/customers", `{"external_id":"8","name":"Петров Олег","phones":["89000000008"]}`, ""},
			} {
				made := 0
				ids := map[string]bool{}
				for _, w := range together(b, muxes, c.path, c.body, c.key) {
					switch w.Code {
					case http.StatusCreated:
						made++
					case http.StatusOK:
					default:
						t.Errorf("%s %q: %d %s", c.path, c.key, w.Code, w.Body)
						continue
					}
					ids[id(t, w)] = true
				}
				if made != 1 || len(ids) != 1 {
					t.Errorf("%s %q: made %d, ids %v", c.path, c.key, made, ids)
				}
			}
			found, err := b.st.SearchContacts(t.Context(), b.dealer.ID, "петрова", 10)
			if err != nil || len(found) != 1 {
				t.Errorf("%d customers, %v", len(found), err)
			}
		})
	}
}

// TestExamplesWork posts the document's own examples.
func TestExamplesWork(t *testing.T) {
	b := newBench(t, storetest.Open(t, "sqlite"))
	for _, path := range []string{"/api/v1/visits", "/api/v1/customers"} {
		example, ok := dig(b.doc, "paths", path, "post", "requestBody", "content", "application/json", "example").(map[string]any)
		if !ok {
			t.Fatalf("%s has no example", path)
		}
		delete(example, "dealer")
		body, err := json.Marshal(example)
		if err != nil {
			t.Fatal(err)
		}
		b.send("POST", path, string(body), "Idempotency-Key", path)
		b.expect(http.StatusOK, "POST", path, string(body), "Idempotency-Key", path)
	}
}

func BenchmarkPostVisit(bm *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		bm.Run(engine, func(bm *testing.B) {
			b := newBench(bm, storetest.Open(bm, engine))
			n := 0
			for bm.Loop() {
				n++
				body := visit(bm, fmt.Sprint(n), nil)
				r := httptest.NewRequest(http.MethodPost, "/api/v1/visits", strings.NewReader(body))
				r.Header.Set("Authorization", "Bearer "+secret)
				r.Header.Set("Idempotency-Key", fmt.Sprint(n))
				w := httptest.NewRecorder()
				if b.mux.ServeHTTP(w, r); w.Code != http.StatusCreated {
					bm.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

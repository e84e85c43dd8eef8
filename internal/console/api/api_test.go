package api_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"otklik/internal/console/api"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

const secret = "token-of-the-south"

// fixed is a clock that stands.
type fixed struct{}

func (fixed) Business() time.Time { return storetest.Now }
func (fixed) Machine() time.Time  { return storetest.Now }

// bench is an API on a database with one dealer and his token.
type bench struct {
	testing.TB
	st     *store.Store
	dealer store.Dealer
	mux    *http.ServeMux
	doc    spec
	log    *bytes.Buffer
	saved  *atomic.Int64
}

func newBench(t testing.TB, st *store.Store) *bench {
	t.Helper()
	b := &bench{TB: t, st: st, dealer: storetest.Dealer(t, st), log: &bytes.Buffer{}}
	other := store.Dealer{Code: "north", Name: "Автоцентр Север", Zone: "Asia/Yekaterinburg", Country: "RU", Locale: "ru"}
	if _, err := st.SaveDealer(t.Context(), other, storetest.Now); err != nil {
		t.Fatal(err)
	}
	if err := st.AddToken(t.Context(), b.dealer.ID, "dms", secret, storetest.Now); err != nil {
		t.Fatal(err)
	}
	b.mux, b.saved = node(t, st, b.log)
	b.doc = parsed(t, b.do("GET", "/api/openapi.json", "", nil).Body.Bytes())
	return b
}

// node is one process on a database.
func node(t testing.TB, st *store.Store, log *bytes.Buffer) (*http.ServeMux, *atomic.Int64) {
	t.Helper()
	roster, err := st.Roster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	saved := &atomic.Int64{}
	mux := http.NewServeMux()
	api.New(api.Deps{Store: st, Clock: fixed{}, Roster: roster, Version: "test", Log: slog.New(slog.NewTextHandler(log, nil)),
		Saved:       func() { saved.Add(1) },
		NextContact: func(_ store.Dealer, contacted time.Time) time.Time { return contacted.Add(7 * 24 * time.Hour) },
		Sentence:    func(locale string, d store.ListedDecision, _ *time.Location) string { return locale + ": " + d.Rule },
	}).Routes(mux)
	return mux, saved
}

// document is what an API serves that has no database.
func document(t testing.TB) []byte {
	t.Helper()
	st := storetest.Open(t, "sqlite")
	mux, _ := node(t, st, &bytes.Buffer{})
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil))
	if w.Code != http.StatusOK {
		t.Fatal(w.Code)
	}
	return w.Body.Bytes()
}

// do sends a request as it is.
func (b *bench) do(method, target, body string, header http.Header) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header = header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if body != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	b.mux.ServeHTTP(w, r)
	if w.Header().Get("X-Request-Id") == "" {
		b.Errorf("%s %s: no request id", method, target)
	}
	return w
}

// send sends a request with the token and holds the answer to the document.
func (b *bench) send(method, target, body string, header ...string) *httptest.ResponseRecorder {
	b.Helper()
	h := http.Header{"Authorization": {"Bearer " + secret}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	w := b.do(method, target, body, h)
	path, _, _ := strings.Cut(target, "?")
	path = visitPath.ReplaceAllString(appointmentPath.ReplaceAllString(path, "/appointments/{external_id}/$1"), "/visits/{order}/$1")
	for _, p := range b.doc.problems(method, path, w.Code, w.Header().Get("Content-Type"), w.Body.Bytes()) {
		b.Errorf("%s %s: %s", method, path, p)
	}
	return w
}

var (
	appointmentPath = regexp.MustCompile(`/appointments/[^/]+/(\w+)$`)
	visitPath       = regexp.MustCompile(`/visits/[^/]+/(\w+)$`)
)

// expect sends and checks the status.
func (b *bench) expect(status int, method, target, body string, header ...string) *httptest.ResponseRecorder {
	b.Helper()
	w := b.send(method, target, body, header...)
	if w.Code != status {
		b.Fatalf("%s %s: %d, want %d: %s", method, target, w.Code, status, w.Body)
	}
	return w
}

// id is the id of a POST's answer.
func id(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	var v struct{ ID string }
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || v.ID == "" {
		t.Fatalf("no id in %s", w.Body)
	}
	return v.ID
}

// visit is a body that can be posted; edit changes it first.
func visit(t testing.TB, order string, edit func(v map[string]any)) string {
	t.Helper()
	v := map[string]any{
		"external_id": order, "closed_at": "2026-11-20T18:30:00+03:00", "handed_over_at": "2026-11-20T18:45:00+03:00",
		"works": []any{"ТО-4", " Замена  колодок "}, "total": map[string]any{"amount": "7860.50", "currency": "RUB"},
		"advisor": "Орлова М.В.", "mechanic": "Ким О.", "department": "Слесарный", "repeat": true,
		"customer": map[string]any{"external_id": "C-" + order, "name": "ИВАНОВА МАРИЯ ПЕТРОВНА", "phones": []any{"8 (900) 000-00-01"}, "emails": []any{"Maria@Example.com"}},
		"vehicle":  map[string]any{"vin": "хта0001", "plate": "а001аа 77", "model": "LADA Vesta", "mileage": 41200},
	}
	if edit != nil {
		edit(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

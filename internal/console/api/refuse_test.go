package api_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/internal/console/api"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// locations are where a problem says that something is wrong.
func locations(t testing.TB, w *httptest.ResponseRecorder) []string {
	t.Helper()
	var p struct {
		Errors []struct{ Location, Message string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range p.Errors {
		if e.Message == "" {
			t.Errorf("no reason at %s", e.Location)
		}
		out = append(out, e.Location)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestUnusableFields(t *testing.T) {
	b := newBench(t, storetest.Open(t, "sqlite"))
	customer := func(field string, v any) func(map[string]any) {
		return func(body map[string]any) { body["customer"].(map[string]any)[field] = v }
	}
	total := func(amount, currency any) func(map[string]any) {
		return func(body map[string]any) { body["total"] = map[string]any{"amount": amount, "currency": currency} }
	}
	for name, c := range map[string]struct {
		edit func(map[string]any)
		want string
	}{
		"phone":              {customer("phones", []any{"89000000001", "12345"}), "body.customer.phones[1]"},
		"phone of letters":   {customer("phones", []any{"позвоните"}), "body.customer.phones[0]"},
		"12 digits":          {customer("phones", []any{"890000000011"}), "body.customer.phones[0]"},
		"email":              {customer("emails", []any{"ok@example.com", "ivan@"}), "body.customer.emails[1]"},
		"email with name":    {customer("emails", []any{"Ivan <ivan@example.com>"}), "body.customer.emails[0]"},
		"no name":            {customer("name", ""), "body.customer.name"},
		"digits for a name":  {customer("name", "12345"), "body.customer.name"},
		"gender":             {customer("gender", "mal"), "body.customer.gender"},
		"31.02":              {customer("birthday", "1984-02-31"), "body.customer.birthday"},
		"German date":        {customer("birthday", "31.01.1984"), "body.customer.birthday"},
		"born tomorrow":      {customer("birthday", "2026-11-23"), "body.customer.birthday"},
		"born long ago":      {customer("birthday", "1884-01-01"), "body.customer.birthday"},
		"locale":             {customer("locale", "по-русски"), "body.customer.locale"},
		"company a number":   {customer("company", 7), "body.customer.company"},
		"unknown field":      {func(v map[string]any) { v["odometer"] = 1 }, "body.odometer"},
		"unknown inner":      {customer("phone", "89000000001"), "body.customer.phone"},
		"no order":           {func(v map[string]any) { delete(v, "external_id") }, "body"},
		"blank order":        {func(v map[string]any) { v["external_id"] = " \u0000 " }, "body.external_id"},
		"no customer":        {func(v map[string]any) { delete(v, "customer") }, "body"},
		"time without zone":  {func(v map[string]any) { v["closed_at"] = "2026-11-20T18:30:00" }, "body.closed_at"},
		"time with blank":    {func(v map[string]any) { v["promised_at"] = "2026-11-20 18:30" }, "body.promised_at"},
		"impossible time":    {func(v map[string]any) { v["handed_over_at"] = "2026-02-31T18:30:00Z" }, "body.handed_over_at"},
		"currency":           {total("1", "RUR"), "body.total.currency"},
		"kopecks of yen":     {total("1.5", "JPY"), "body.total.amount"},
		"tenth of a kopeck":  {total("1.005", "RUB"), "body.total.amount"},
		"negative":           {total(-1, "RUB"), "body.total.amount"},
		"comma":              {total("1,50", "RUB"), "body.total.amount"},
		"words for money":    {total("сто", "RUB"), "body.total.amount"},
		"no currency":        {func(v map[string]any) { v["total"] = map[string]any{"amount": 1} }, "body.total"},
		"mileage":            {func(v map[string]any) { v["vehicle"] = map[string]any{"mileage": -1} }, "body.vehicle.mileage"},
		"half a kilometre":   {func(v map[string]any) { v["vehicle"] = map[string]any{"mileage": 1.5} }, "body.vehicle.mileage"},
		"works no list":      {func(v map[string]any) { v["works"] = "ТО" }, "body.works"},
		"a work of a number": {func(v map[string]any) { v["works"] = []any{"ТО", 5} }, "body.works[1]"},
		"long advisor":       {func(v map[string]any) { v["advisor"] = strings.Repeat("о", 201) }, "body.advisor"},
	} {
		t.Run(name, func(t *testing.T) {
			w := b.expect(http.StatusUnprocessableEntity, "POST", "/api/v1/visits", visit(t, "1", c.edit))
			if got := locations(t, w); !slices.Equal(got, []string{c.want}) {
				t.Errorf("at %v, want %s: %s", got, c.want, w.Body)
			}
		})
	}
	w := b.expect(http.StatusUnprocessableEntity, "POST", "/api/v1/customers", `{"phones":["1"],"emails":["x"]}`)
	if got := locations(t, w); !slices.Equal(got, []string{"body.emails[0]", "body.name", "body.phones[0]"}) {
		t.Errorf("not all faults at once: %v", got)
	}
	if _, err := b.st.SearchContacts(t.Context(), b.dealer.ID, "", 1); err != nil || b.saved.Load() != 0 {
		t.Errorf("something was stored: %v", err)
	}
}

func TestUnusableBodies(t *testing.T) {
	b := newBench(t, storetest.Open(t, "sqlite"))
	for name, c := range map[string]struct {
		body, contentType string
		want              int
	}{
		"empty":        {"", "application/json", http.StatusBadRequest},
		"broken":       {`{"external_id":"Иванов`, "application/json", http.StatusBadRequest},
		"two values":   {`{} {}`, "application/json", http.StatusBadRequest},
		"list":         {`[]`, "application/json", http.StatusUnprocessableEntity},
		"huge number":  {visit(t, "1", func(v map[string]any) { v["vehicle"] = map[string]any{"mileage": json.Number("1e999")} }), "application/json", http.StatusBadRequest},
		"form":         {"external_id=1", "application/x-www-form-urlencoded", http.StatusUnsupportedMediaType},
		"over 1 MiB":   {`{"external_id":"` + strings.Repeat("1", 1<<20) + `"}`, "application/json", http.StatusRequestEntityTooLarge},
		"just 1 MiB":   {`{"external_id":"` + strings.Repeat("1", 1<<20-18) + `"}`, "application/json", http.StatusUnprocessableEntity},
		"with charset": {visit(t, "2", nil), "application/json; charset=utf-8", http.StatusCreated},
	} {
		t.Run(name, func(t *testing.T) {
			b.TB = t
			b.expect(c.want, "POST", "/api/v1/visits", c.body, "Content-Type", c.contentType)
		})
	}
}

// TestNothingEchoed puts a mark with the looks of personal data wherever a body or
// a query takes a value or a field's name, and looks for it in the answer and in
// the log. A field's name in plain Latin letters is shown: it is a slip of the
// caller's program (externalId), not a person.
func TestNothingEchoed(t *testing.T) {
	b := newBench(t, storetest.Open(t, "sqlite"))
	marks := []string{"+7 916 555-44-33", "Сквозняков", "Foma Skvoznyakov", "foma.skvoz@example", "9165554433"}
	var base map[string]any
	if err := json.Unmarshal([]byte(visit(t, "1", nil)), &base); err != nil {
		t.Fatal(err)
	}
	var bodies []string
	var walk func(v any, set func(any))
	try := func(set func(any), was any) {
		for _, m := range marks {
			for _, bad := range []any{m, []any{m}, map[string]any{m: m}, map[string]any{"name": m}, []any{map[string]any{m: 1}}, json.Number("9165554433e400"), json.Number("-9165554433.5")} {
				set(bad)
				body, err := json.Marshal(base)
				if err != nil {
					t.Fatal(err)
				}
				bodies = append(bodies, string(body), string(body)+m, string(body[:len(body)-3]))
			}
		}
		set(was)
	}
	walk = func(v any, set func(any)) {
		try(set, v)
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(x, func(y any) { v[k] = y })
			}
			for _, m := range marks {
				v[m] = m
			}
			body, err := json.Marshal(base)
			if err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, string(body))
			for _, m := range marks {
				delete(v, m)
			}
		case []any:
			for i, x := range v {
				walk(x, func(y any) { v[i] = y })
			}
		}
	}
	for k, x := range base {
		walk(x, func(y any) { base[k] = y })
	}
	clean := func(what, text string) {
		t.Helper()
		for _, m := range marks {
			if strings.Contains(text, m) {
				t.Fatalf("%s repeats %q: %s", what, m, text)
			}
		}
	}
	refused := 0
	for _, body := range bodies {
		w := b.send("POST", "/api/v1/visits", body)
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("%d %s for %s", w.Code, w.Body, body)
		}
		if w.Code >= http.StatusBadRequest {
			refused++
		}
		clean("the answer", w.Body.String())
	}
	for _, target := range []string{"?phone=79165554433x1y", "?phone=Foma+Skvoznyakov", "?cursor=Foma+Skvoznyakov", "?limit=9165554433", "?limit=Foma+Skvoznyakov", "?9165554433=1", "?Foma+Skvoznyakov=1", "?order=9165554433", "/9165554433", "?dealer=Foma+Skvoznyakov"} {
		w := b.do("GET", "/api/v1/messages"+target, "", http.Header{"Authorization": {"Bearer " + secret}})
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%s: %d", target, w.Code)
		}
		clean(target, w.Body.String())
	}
	clean("the log", b.log.String())
	if strings.Contains(b.log.String(), secret) || !strings.Contains(b.log.String(), "request_id=") {
		t.Error("the log shows the token, or no request id")
	}
	if refused < 500 {
		t.Errorf("only %d of %d bodies were refused", refused, len(bodies))
	}
}

func TestNowhere(t *testing.T) {
	b := newBench(t, storetest.Open(t, "sqlite"))
	for target, want := range map[string]int{
		"GET /api/v1/invoices":   http.StatusNotFound,
		"POST /api/v1/estimates": http.StatusNotFound,
		"GET /api/":              http.StatusNotFound,
		"GET /api/docs":          http.StatusNotFound,
		"PUT /api/v1/visits":     http.StatusMethodNotAllowed,
		"POST /api/v1/messages":  http.StatusMethodNotAllowed,
	} {
		method, path, _ := strings.Cut(target, " ")
		w := b.do(method, path, "", http.Header{"Authorization": {"Bearer " + secret}})
		if w.Code != want || w.Header().Get("Content-Type") != "application/problem+json" || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: %d %v %s", target, w.Code, w.Header(), w.Body)
		}
		if want == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
			t.Errorf("%s: no Allow", target)
		}
	}
}

// TestBroken: what fails here is a problem with a request id that is in the log.
func TestBroken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		roster, err := st.Roster(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fill(b)
		b.mux = http.NewServeMux()
		api.New(api.Deps{Store: st, Clock: fixed{}, Roster: roster, Log: slog.New(slog.NewTextHandler(b.log, nil)), Version: "test",
			Sentence: func(string, store.ListedDecision, *time.Location) string { panic("Сквозняков") }}).Routes(b.mux)
		check := func(w *httptest.ResponseRecorder) {
			t.Helper()
			request := w.Header().Get("X-Request-Id")
			if !strings.Contains(w.Body.String(), fmt.Sprintf("%q", request)) || !strings.Contains(b.log.String(), "level=ERROR") || !strings.Contains(b.log.String(), request) {
				t.Errorf("%s: %s\n%s", request, w.Body, b.log)
			}
			if strings.Contains(w.Body.String()+b.log.String(), "Сквозняков") {
				t.Error("the panic's value is shown")
			}
			b.log.Reset()
		}
		check(b.expect(http.StatusInternalServerError, "GET", "/api/v1/decisions", ""))
		st.Close()
		check(b.expect(http.StatusInternalServerError, "GET", "/api/v1/messages", ""))
	})
}

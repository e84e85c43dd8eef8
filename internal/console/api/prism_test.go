package api_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// prism starts Prism (https://github.com/stoplightio/prism) as a proxy before an
// upstream. It reads the golden document; a request that breaks it gets 422 and
// goes no further, an answer that breaks it becomes a 500.
func prism(t *testing.T, upstream string) string {
	t.Helper()
	program := testserver.Peer(t, "prism")
	home := testserver.Dir(t)
	golden, err := os.ReadFile(filepath.Join("testdata", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	spec := filepath.Join(home, "openapi.json")
	if err := os.WriteFile(spec, golden, 0o600); err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(testserver.FreePort(t))
	addr := net.JoinHostPort("127.0.0.1", port)
	testserver.Start(t, testserver.Program{
		Args: []string{program, "proxy", "--errors", "--host", "127.0.0.1", "--port", port, spec, upstream},
		Home: home,
		Root: true, // the repository may be where only its owner can read it
	}, func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
	return "http://" + addr
}

// TestAsDescribed lets a judge that others made read the document and watch the
// API keep it, in what it takes and in what it answers.
func TestAsDescribed(t *testing.T) {
	b := newBench(t, storetest.Open(t, "sqlite"))
	fill(b)
	var spoiled atomic.Bool
	var reached atomic.Int64
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		if spoiled.Load() {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"items":[{"id":"1"}]}`)
			return
		}
		b.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(upstream.Close)
	base := prism(t, upstream.URL)
	client := &http.Client{Timeout: time.Minute}
	send := func(want int, method, target, body string, header ...string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, base+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+secret)
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		answer, err := io.ReadAll(w.Body)
		if err != nil || w.StatusCode != want {
			t.Errorf("%s %s: %d, want %d: %s %v", method, target, w.StatusCode, want, answer, err)
		}
	}
	send(http.StatusCreated, "POST", "/api/v1/visits", visit(t, "9", nil), "Idempotency-Key", "k")
	send(http.StatusOK, "POST", "/api/v1/visits", visit(t, "9", nil), "Idempotency-Key", "k")
	send(http.StatusConflict, "POST", "/api/v1/visits", visit(t, "10", nil), "Idempotency-Key", "k")
	send(http.StatusCreated, "POST", "/api/v1/customers", `{"name":"Петрова Анна","company":false,"phones":["89000000055"]}`)
	send(http.StatusForbidden, "POST", "/api/v1/customers", `{"name":"Петрова","dealer":"north"}`)
	send(http.StatusUnprocessableEntity, "POST", "/api/v1/customers", `{"name":"Петрова Анна","phones":["12"]}`)
	for _, list := range []string{"messages", "responses", "callbacks", "decisions"} {
		send(http.StatusOK, "GET", "/api/v1/"+list+"?limit=2", "")
		send(http.StatusForbidden, "GET", "/api/v1/"+list+"?dealer=north", "")
	}
	// The judge is awake.
	before := reached.Load()
	send(http.StatusUnprocessableEntity, "POST", "/api/v1/visits", visit(t, "11", func(v map[string]any) { v["odometer"] = 1 }))
	send(http.StatusUnprocessableEntity, "GET", "/api/v1/messages?limit=1000", "")
	if reached.Load() != before {
		t.Error("what breaks the document reached the API")
	}
	spoiled.Store(true)
	send(http.StatusInternalServerError, "GET", "/api/v1/messages", "")
}

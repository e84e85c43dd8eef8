package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// TestDatabaseAway: a system is told to come again, and nothing of the server.
func TestDatabaseAway(t *testing.T) {
	url, stop, start := testserver.PrivatePostgres(t)
	b := newBench(t, storetest.OpenURL(t, url))
	stop()
	for method, path := range map[string]string{"POST": "/api/v1/visits", "GET": "/api/v1/messages"} {
		text := ""
		if method == "POST" {
			text = visit(t, "1", nil)
		}
		w := b.expect(http.StatusServiceUnavailable, method, path, text)
		var p struct{ Detail string }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if w.Header().Get("Retry-After") == "" || w.Header().Get("Content-Type") != "application/problem+json" || !strings.HasPrefix(p.Detail, "The database is away.") {
			t.Errorf("%s: %v %s", method, w.Header(), w.Body)
		}
		if strings.Contains(w.Body.String(), "refused") {
			t.Errorf("%s tells of the server: %s", method, w.Body)
		}
	}
	if !strings.Contains(b.log.String(), "api request failed") {
		t.Errorf("the log does not say why:\n%s", b.log)
	}
	start()
	b.expect(http.StatusCreated, "POST", "/api/v1/visits", visit(t, "1", nil))
}

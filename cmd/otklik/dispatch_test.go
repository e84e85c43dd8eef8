package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"otklik/internal/testserver"
)

// TestDispatchSaysWhatStays: what is due and cannot go is named with its reason. A pause
// is somebody's will; a refusal is to be mended, and fails each run until it is.
func TestDispatchSaysWhatStays(t *testing.T) {
	t.Parallel()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"code":20003,"message":"Authenticate","status":401}`)
	}))
	t.Cleanup(provider.Close)
	dir := t.TempDir()
	environ := []string{"OTKLIK_DATABASE_URL=sqlite:" + filepath.Join(dir, "otklik.db"), "OTKLIK_DEALER_NAME=South", "OTKLIK_DEALER_ZONE=" + testserver.Noon(time.Now()), "OTKLIK_PUBLIC_URL=https://south.example",
		"OTKLIK_TWILIO_ACCOUNT_SID=AC0123456789abcdef0123456789abcdef", "OTKLIK_TWILIO_AUTH_TOKEN=wrong", "OTKLIK_TWILIO_FROM=+74950000000", "OTKLIK_TWILIO_API_BASE=" + provider.URL}
	visits := filepath.Join(dir, "visits.csv")
	if err := os.WriteFile(visits, fmt.Appendf(nil, "Заказ-наряд;Дата закрытия;Клиент;Телефон\nW1;%s;John Smith;+79000000001\n", time.Now().Add(-25*time.Hour).UTC().Format(time.RFC3339)), 0o600); err != nil {
		t.Fatal(err)
	}
	want := func(ctx context.Context, code int, says string, args ...string) {
		t.Helper()
		var stderr bytes.Buffer
		got := execute(run{ctx: ctx, stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &stderr, environ: environ}, args)
		if got != code || !strings.Contains(stderr.String(), says) {
			t.Errorf("%s: exit %d, want %d and %q: %s", args, got, code, says, &stderr)
		}
	}
	const sender = "(sms:+74950000000, service-followup)"
	want(t.Context(), exitDone, "", "import", "--kind", "visits", visits)
	want(t.Context(), exitDone, "", "sending", "pause", "all")
	want(t.Context(), exitDone, "1 wait (no sender chosen yet, service-followup): all is paused since ", "dispatch", "--once")
	want(t.Context(), exitDone, "", "sending", "resume", "all")
	want(t.Context(), exitFailed, "1 wait "+sender+": refused by the provider since ", "dispatch", "--once")
	// By now it is not due, and its sender is refused as before.
	want(t.Context(), exitFailed, "1 wait "+sender+": refused by the provider since ", "dispatch", "--once")
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	want(interrupted, exitFailed, "otklik: interrupted", "dispatch", "--once")
}

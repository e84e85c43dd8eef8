package app_test

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"otklik/internal/app"
	"otklik/internal/store"
)

// TestDemoStarts: the demo dealership is seeded, serves its pages, and is not seeded
// again at the next start.
func TestDemoStarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demo.db")
	contacts := startDemo(t, path)
	if contacts == 0 {
		t.Error("the demo has no customers")
	}
	if again := startDemo(t, path); again != contacts {
		t.Errorf("%d customers at the second start, %d at the first", again, contacts)
	}
}

// startDemo starts the demo on a file, looks at it and stops it; it returns how many
// customers there are.
func startDemo(t *testing.T, path string) int {
	t.Helper()
	ctx := t.Context()
	a, logins, err := app.NewDemo(ctx, "127.0.0.1:0", path, app.Options{Role: app.RoleAll, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("making the demo: %v", err)
	}
	if err := a.Start(ctx); err != nil {
		t.Fatalf("starting the demo: %v", err)
	}
	defer func() {
		if err := a.Stop(context.WithoutCancel(ctx)); err != nil {
			t.Errorf("stopping the demo: %v", err)
		}
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.Addr()+"/login", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Timeout: time.Minute}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("its login page is %s", resp.Status)
	}
	ds, err := a.Store().Dealers(ctx)
	if err != nil || len(ds) != 1 || !ds[0].Demo {
		t.Fatalf("its dealers are %+v, %v", ds, err)
	}
	people, err := a.Store().Employees(ctx, ds[0].ID)
	if err != nil || len(people) < len(logins) || len(logins) == 0 {
		t.Errorf("%d employees for %d logins, %v", len(people), len(logins), err)
	}
	return customers(t, a.Store(), ds[0].ID)
}

func customers(t *testing.T, st *store.Store, dealerID string) int {
	t.Helper()
	cs, err := st.SearchContacts(t.Context(), dealerID, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(cs)
}

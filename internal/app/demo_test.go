package app_test

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"otklik/internal/app"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/testserver"
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

// TestDemoHalfMadeIsRemoved: a start that was ended while the dealership was being made
// leaves nothing that the next would take for whole.
func TestDemoHalfMadeIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "demo.db")
	ctx, cancel := context.WithCancel(t.Context())
	log := slog.New(slog.DiscardHandler)
	made := make(chan error)
	go func() {
		_, _, err := app.NewDemo(ctx, "127.0.0.1:0", path, app.Options{Role: app.RoleAll, Version: "test", Log: log})
		made <- err
	}()
	testserver.Wait(t, "the phones are there", func() bool {
		_, err := os.Stat(strings.TrimSuffix(path, ".db") + ".phones.jsonl")
		return err == nil
	})
	cancel()
	if err := <-made; err == nil {
		t.Fatal("the demo was made before it could be ended")
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a half-made demo is left: %v", err)
	}
}

// TestDemoHasAYesterday: the campaign of the day before is over as a campaign ends, with
// somebody who answered, one who refused and one whom nothing reached; nothing of it is
// left to do.
func TestDemoHasAYesterday(t *testing.T) {
	ctx := t.Context()
	a, _, err := app.NewDemo(ctx, "127.0.0.1:0", filepath.Join(t.TempDir(), "demo.db"), app.Options{Role: app.RoleAll, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("making the demo: %v", err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.WithoutCancel(ctx)); err != nil {
			t.Errorf("stopping the demo: %v", err)
		}
	})
	st := a.Store()
	ds, err := st.Dealers(ctx)
	if err != nil || len(ds) != 1 {
		t.Fatalf("%d dealers, %v", len(ds), err)
	}
	cs, err := st.Campaigns(ctx, ds[0].ID, "0001-01-01", "9999-12-31")
	if err != nil || len(cs) != 2 || cs[0].State != store.CampaignLaunched || cs[1].State != store.CampaignDraft {
		t.Fatalf("its campaigns are %+v, %v", cs, err)
	}
	for _, c := range cs {
		texts, _, err := c.Wording()
		if err != nil || texts["ru"] == "" || texts["en"] == "" || texts["zh"] == "" {
			t.Errorf("the texts of %q are %v, %v", c.Title, texts, err)
		}
	}
	ends, err := st.CampaignEnds(ctx, cs[0])
	if err != nil {
		t.Fatal(err)
	}
	by := map[outreach.MessageState]int{}
	for _, e := range ends {
		if e.State != outreach.Done {
			t.Errorf("%d of the campaign's people are %s (%s)", e.N, e.State, e.Rule)
		}
		by[e.Message] += e.N
	}
	if by[outreach.Delivered] == 0 || by[outreach.Undelivered] != 1 || by[outreach.Delivered]+by[outreach.Undelivered]+by[outreach.Sent] != cs[0].People {
		t.Errorf("of %d people the campaign came to %v", cs[0].People, by)
	}
	if _, answered, refused, err := st.CampaignAnswers(ctx, cs[0], 10); err != nil || answered < 2 || refused != 1 {
		t.Errorf("%d answered, %d of them refused, %v", answered, refused, err)
	}
	left, err := st.Tasks(ctx, store.TaskFilter{DealerID: ds[0].ID, Open: true, Limit: 10})
	if err != nil || len(left) != 0 {
		t.Errorf("the operators begin with %+v, %v", left, err)
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

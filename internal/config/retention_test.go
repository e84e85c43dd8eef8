package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRetention(t *testing.T) {
	name := filepath.Join(t.TempDir(), "otklik.yaml")
	if err := os.WriteFile(name, []byte("retention: {messages: never, bodies: 90d, audit: 20m, prospects: 6y}\nsettings: {retention_attempts: 2y}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load([]string{"OTKLIK_CONFIG=" + name, "OTKLIK_RETENTION_AUDIT=10y"})
	if err != nil {
		t.Fatal(err)
	}
	want := Retention{Bodies: Age{Days: 90}, Outreach: Age{Years: 3}, Decisions: Age{Years: 1}, Attempts: Age{Years: 2}, Idempotency: Age{Days: 7}, Audit: Age{Years: 10}, Appointments: Age{Years: 3}, Prospects: Age{Years: 6}}
	if c.Retention != want {
		t.Errorf("%+v, want %+v", c.Retention, want)
	}
	now := time.Date(2028, 2, 29, 12, 0, 0, 0, time.UTC)
	for age, want := range map[Age]time.Time{{}: {}, {Years: 3}: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC), {Months: 18}: time.Date(2026, 8, 29, 12, 0, 0, 0, time.UTC), {Days: 7}: now.AddDate(0, 0, -7)} {
		if got := age.Before(now); !got.Equal(want) {
			t.Errorf("%+v before %v is %v, want %v", age, now, got, want)
		}
	}
}

func TestRetentionProblems(t *testing.T) {
	for _, bad := range []string{"OTKLIK_RETENTION_MESSAGES=1y", "OTKLIK_RETENTION_MESSAGES=30d", "OTKLIK_RETENTION_OUTREACH=12m", "OTKLIK_RETENTION_BODIES=1m", "OTKLIK_RETENTION_ATTEMPTS=-1y", "OTKLIK_RETENTION_AUDIT=1 year",
		"OTKLIK_RETENTION_DECISIONS=24h", "OTKLIK_RETENTION_ATTEMPTS=59d", "OTKLIK_RETENTION_IDEMPOTENCY=0d", "OTKLIK_RETENTION_APPOINTMENTS=1y", "OTKLIK_RETENTION_PROSPECTS=12m"} {
		variable, _, _ := strings.Cut(bad, "=")
		if _, err := Load([]string{bad}); err == nil || !strings.Contains(err.Error(), variable+":") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, good := range []string{"OTKLIK_RETENTION_MESSAGES=13m", "OTKLIK_RETENTION_MESSAGES=0", "OTKLIK_RETENTION_BODIES=60d", "OTKLIK_RETENTION_IDEMPOTENCY=never", "OTKLIK_RETENTION_AUDIT=1y"} {
		if _, err := Load([]string{good}); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

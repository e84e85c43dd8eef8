package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDefaults(t *testing.T) {
	c, err := Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.DatabaseURL != "sqlite:data/otklik.db" || len(c.Dealers) != 1 || c.Dealers[0].Zone != "Europe/Moscow" || c.Twilio.On() || c.Telegram.On() || c.Attachments != (Attachments{20 << 20, 50 << 20}) {
		t.Errorf("%+v", c)
	}
}

// TestAllProblemsAtOnce breaks everything that can be broken: each problem is
// reported with its variable, and no secret is repeated.
func TestAllProblemsAtOnce(t *testing.T) {
	_, err := Load([]string{"OTKLIK_LISTEN=8080", "OTKLIK_LOG=xml", "OTKLIK_DATABASE_URL=mysql://u:hunter2@h/d", "OTKLIK_REDIS_URL=http://:hunter2@h", "OTKLIK_DEALER_ZONE=Moscow", "OTKLIK_DEALER_COUNTRY=Russia",
		"OTKLIK_DEALER_LOCALE=xx", "OTKLIK_TWILIO_ACCOUNT_SID=AC1", "OTKLIK_TELEGRAM_TOKEN=1:hunter2", "OTKLIK_TELEGRAM_MODE=push", "OTKLIK_SMTP_URL=smtp://u:hunter2@h:25", "OTKLIK_EMAIL_FROM=nobody", "OTKLIK_TWILO_FROM=+1"})
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatal(err)
	}
	for _, name := range []string{"OTKLIK_LISTEN", "OTKLIK_LOG", "OTKLIK_DATABASE_URL", "OTKLIK_REDIS_URL", "OTKLIK_DEALER_ZONE", "OTKLIK_DEALER_COUNTRY", "OTKLIK_DEALER_LOCALE", "OTKLIK_TWILIO_AUTH_TOKEN",
		"OTKLIK_TWILIO_FROM", "OTKLIK_PUBLIC_URL", "OTKLIK_TELEGRAM_MODE", "OTKLIK_EMAIL_FROM", "OTKLIK_TWILO_FROM"} {
		if !strings.Contains(err.Error(), name+":") {
			t.Errorf("%s is not named in\n%v", name, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret is repeated in\n%v", err)
	}
}

func TestFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "otklik.yaml")
	text := "settings: {listen: '127.0.0.1:9', log: json}\ndealers:\n  - {code: south, name: Юг}\n  - {code: gz, name: 南方汽车, zone: Asia/Shanghai, country: CN, locale: zh}\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load([]string{"OTKLIK_CONFIG=" + name, "OTKLIK_LOG=text"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:9" || c.Log != "text" || len(c.Dealers) != 2 || c.Dealers[1].Zone != "Asia/Shanghai" || c.Dealers[0].Country != "RU" {
		t.Errorf("%+v", c)
	}
}

func TestClosures(t *testing.T) {
	load := func(closures string) (*Config, error) {
		name := filepath.Join(t.TempDir(), "otklik.yaml")
		if err := os.WriteFile(name, []byte("dealers:\n  - {code: south, name: Юг, closures: ["+closures+"]}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load([]string{"OTKLIK_CONFIG=" + name})
	}
	c, err := load("2026-12-30..2027-01-11, 2026-08-03")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Dealers[0].Closures; len(got) != 2 || got[0].String() != "2026-12-30..2027-01-11" || got[1].String() != "2026-08-03" {
		t.Errorf("%v", got)
	}
	for bad, says := range map[string]string{"2027-01-11..2026-12-30": "line 2", "in summer": "line 2", "2026-12-30..2072-01-11": "dealers[0].closures"} {
		if _, err := load(bad); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestForms(t *testing.T) {
	for _, c := range []struct {
		name, value string
		fine        bool
	}{
		{"OTKLIK_DATABASE_URL", "sqlite:otklik.db", true},
		{"OTKLIK_DATABASE_URL", "sqlite:", false},
		{"OTKLIK_DATABASE_URL", "postgres://otklik:s%25cret@db/otklik", true},
		{"OTKLIK_DATABASE_URL", "postgres:///otklik?host=/run/postgresql", true},
		{"OTKLIK_DATABASE_URL", "postgres://otklik:s%cret@db/otklik", false},
		{"OTKLIK_DATABASE_URL", "otklik.db", false},
		{"OTKLIK_REDIS_URL", "redis://sentinel:26379/0?master_name=main", true},
		{"OTKLIK_REDIS_URL", "rediss://:secret@cache:6380/1", true},
		{"OTKLIK_REDIS_URL", "unix:///run/redis.sock", true},
		{"OTKLIK_REDIS_URL", "redis+cluster://cache:6379", false},
		{"OTKLIK_REDIS_URL", "redis://cache:6379/0?nonsense=1", false},
		{"OTKLIK_REDIS_URL", "redis://cache:6379/zero", false},
		{"OTKLIK_REDIS_URL", "redis://cache:6379?cluster=maybe", false},
		{"OTKLIK_TELEGRAM_TOKEN", "123456:AbC-d_e", true},
		{"OTKLIK_TELEGRAM_TOKEN", "AbC-d_e", false},
	} {
		_, err := Load([]string{c.name + "=" + c.value})
		if (err == nil) != c.fine {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		}
		if err != nil && (!strings.Contains(err.Error(), c.name+":") || len(c.value) > len("sqlite:") && strings.Contains(err.Error(), c.value)) {
			t.Errorf("%s=%s: says %v", c.name, c.value, err)
		}
	}
}

// TestFileThatIsMistyped: a key that nothing reads would leave its default in force, a
// rooftop in Vladivostok on Moscow time; each is named with its line, as is what cannot be
// a zone, a number or an address.
func TestFileThatIsMistyped(t *testing.T) {
	name := filepath.Join(t.TempDir(), "otklik.yaml")
	text := `dealer:
  - {code: x}
dealers:
  - {code: vl, name: Восток, timezone: Asia/Vladivostok, sms_from: "89000000000"}
  - {code: b, zone: Local, email_from: nobody}
  - {code: c, name: Запад, sms_from: OTKLIK, email_from: "Сервис <service@example.org>"}
  - {code: d, name: Центр, sms_from: "+74950000000"}
settings: {zzz: 1, aaa: 2}
`
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load([]string{"OTKLIK_CONFIG=" + name})
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatal(err)
	}
	at := "OTKLIK_CONFIG: " + name + ": "
	want := Problems{at + "line 1: field dealer not found", at + "line 4: field timezone not found", at + `setting "aaa" is not known`, at + `setting "zzz" is not known`,
		`OTKLIK_CONFIG: dealers[0].sms_from: "89000000000" is not a number like +74950000000`, `OTKLIK_CONFIG: dealers[1].zone: "Local" is not a time zone like Europe/Moscow`,
		"OTKLIK_CONFIG: dealers[1].name: is missing: customers read it in every message", `OTKLIK_CONFIG: dealers[1].email_from: "nobody" is not a mail address like Service <service@example.org>`}
	if !slices.Equal(ps, want) {
		t.Errorf("%v, want\n%v", ps, want)
	}
}

// TestSizes: a number with its unit, or nothing at all.
func TestSizes(t *testing.T) {
	for v, want := range map[string]int64{"20MB": 20 << 20, "500 KB": 500 << 10, "1GB": 1 << 30, "0": 0, "": 20 << 20, "20": -1, "0MB": -1, "-1MB": -1, "2.5MB": -1, "many": -1} {
		c, err := Load([]string{"OTKLIK_ATTACHMENT_LIMIT=" + v})
		switch {
		case want < 0 && (err == nil || !strings.Contains(err.Error(), "OTKLIK_ATTACHMENT_LIMIT:")):
			t.Errorf("%q: %v", v, err)
		case want >= 0 && (err != nil || c.Attachments.Each != want):
			t.Errorf("%q: %+v, %v", v, c, err)
		}
	}
}

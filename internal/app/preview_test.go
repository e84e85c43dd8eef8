package app

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"otklik/channels"
	"otklik/internal/program"
)

// TestShippedProgramsSpeak: every shipped program can start, and every step that says
// something says it to its person, finished, in each language on each of its channels.
func TestShippedProgramsSpeak(t *testing.T) {
	a := start(t, filepath.Join(t.TempDir(), "otklik.db"), "")
	if len(a.problems) > 0 {
		t.Fatalf("problems: %v", a.problems)
	}
	d := a.roster.Dealers()[0]
	names := map[string][2]string{"ru": {"Иван Петрович", "Анна Сергеевна"}, "en": {"Ivan", "Anna"}, "zh": {"张先生", "王女士"}}
	spoken := 0
	for id, def := range a.inForce() {
		calls := !slices.ContainsFunc(def.Steps, func(s program.Step) bool { return !s.Phone() })
		for locale, name := range names {
			for _, ch := range []channels.Kind{channels.SMS, channels.Telegram, channels.Email} {
				parts, err := a.Preview(d, "", id, locale, ch)
				if calls {
					if err == nil || !strings.Contains(err.Error(), "says nothing") {
						t.Errorf("%s only calls: %v, %v", id, parts, err)
					}
					continue
				}
				if err != nil || len(parts) == 0 {
					t.Errorf("%s %s %s: %v", id, locale, ch, err)
					continue
				}
				spoken++
				who := name[0]
				if def.Audience.Gender == "female" {
					who = name[1]
				}
				// The subject of a survey's invite may do without, its text not.
				if first := parts[0]; !strings.Contains(first.Text, who) || strings.Contains(first.Text, "{{") || ch == channels.Email && first.Subject == "" {
					t.Errorf("%s %s %s: %q, %q", id, locale, ch, first.Subject, first.Text)
				}
			}
		}
	}
	if spoken < 100 {
		t.Errorf("%d previews", spoken)
	}
	for _, want := range []struct{ id, name string }{{"birthday", "greeting.birthday with greeting-check"}, {"birthday", "greeting-check/car_ok"},
		{"appointment-reminders", "appointment.day_before"}, {"appointment-reminders", "appointment.hour_before"}, {"service-followup", "after-service/invite"}} {
		parts, err := a.Preview(d, "", want.id, "ru", channels.SMS)
		if err != nil || !slices.ContainsFunc(parts, func(p PreviewPart) bool { return p.Name == want.name }) {
			t.Errorf("%s has no %s: %v", want.id, want.name, err)
		}
	}
}

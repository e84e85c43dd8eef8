package app

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"otklik/internal/console"
	"otklik/internal/definition"
	"otklik/internal/program"
	"otklik/internal/render"
	"otklik/internal/store"
)

// smallSurvey is complete, in English and by SMS only.
const smallSurvey = `id: greeting-check
version: 1
purpose: greeting
micro: true
locales: [en]
title: {en: Two questions}
budget: {sms: {rated: 1, open: 1}}
invite: {en: {any: "Hello{{if .Has \"name\"}} {{.name}}{{end}}, {{.dealer}}. {{.question}}"}}
questions:
  - {id: score, kind: rating, min: 1, max: 5, role: overall, ask: {en: {any: "How was it? Reply 1-5 (5=great)."}}}
  - {id: ideas, kind: text, role: suggestions, optional: true, ask: {en: {any: "What should we improve?"}}}
messages: {good: thanks.neutral, neutral: thanks.neutral, low: thanks.low, partial: thanks.partial}
`

// TestEditor: what the console keeps is in force, a file of the folder does not replace
// it, outreach finds its earlier version, and what is wrong is named by line.
func TestEditor(t *testing.T) {
	db, folder := filepath.Join(t.TempDir(), "otklik.db"), t.TempDir()
	a := start(t, db, folder)
	old := content(t, "programs/birthday.yaml")
	bare := func(old, with string) string { return strings.Replace(smallSurvey, old, with, 1) }
	for _, c := range []struct {
		name, kind, id, content string
		want                    console.Finding
	}{
		{"a field that is not known", "program", "birthday", strings.Replace(old, "start:", "begins:", 1), console.Finding{Line: 7, Code: definition.UnknownField, Args: []string{"begins"}}},
		{"another id", "program", "birthday", strings.Replace(old, "id: birthday", "id: other", 1), console.Finding{Line: 1, Code: console.OtherID, Args: []string{"other", "birthday"}}},
		{"a step without a channel", "program", "birthday", strings.Replace(old, "channels: [telegram, sms, email]", "channels: []", 1), console.Finding{Line: 10, Step: "greeting", Code: "step_channels"}},
		{"a message that is not there", "program", "birthday", strings.Replace(old, "greeting.birthday", "no.such", 1), console.Finding{Line: 12, Step: "greeting", Missing: program.Missing{Rule: program.NoMessage, Step: "greeting", Name: "no.such"}}},
		{"no YAML", "survey", "nps", "id: [", console.Finding{Line: 2, Code: definition.NotYAML, Args: []string{"did not find expected node content"}}},
		{"nothing", "survey", "nps", "", console.Finding{Line: 1, Code: definition.Empty}},
		{"a kind that is not known", "survey", "greeting-check", bare("kind: text", "kind: stars"), console.Finding{Line: 11, Code: "kind", Args: []string{"ideas", "stars"}}},
		{"brackets that do not close, said once for all channels", "survey", "greeting-check", bare("What should we improve?", "What, {{.name"), console.Finding{Line: 11, Code: render.BadTemplate, Args: []string{"unclosed action"}}},
		{"a word that no placeholder is", "survey", "greeting-check", bare("{{.dealer}}", "{{.nobody}}"), console.Finding{Line: 8, Code: render.NoPlaceholder, Args: []string{"nobody"}}},
		{"a shared message that is not there", "survey", "greeting-check", bare("low: thanks.low", "low: no.such"), console.Finding{Line: 12, Code: render.NoMessage, Args: []string{"no.such"}}},
		{"a survey that a program needs in Russian", "survey", "greeting-check", smallSurvey, console.Finding{Program: "birthday", Step: "greeting", Missing: program.Missing{Rule: program.SurveyLocale, Step: "greeting", Name: "greeting-check", In: "ru"}}},
	} {
		wrong, _, err := a.checkDefinition(c.kind, c.id, c.content)
		n := 0
		for _, f := range wrong {
			if f.Same(c.want) {
				n++
			}
		}
		if err != nil || n != 1 {
			t.Errorf("%s: %+v, %v", c.name, wrong, err)
		}
	}
	_, warnings, err := a.checkDefinition("survey", "greeting-check", bare("Hello{{if .Has \\\"name\\\"}} {{.name}}{{end}}", "Our excellent Hello"))
	for _, want := range []console.Finding{{Line: 8, Code: "steers_loaded", Args: []string{"Our excellent"}}, {Line: 8, Code: render.Nameless, Args: []string{"en", "sms"}}} {
		if err != nil || !slices.ContainsFunc(warnings, want.Same) {
			t.Errorf("no %+v among %+v, %v", want, warnings, err)
		}
	}
	begging := strings.Replace(content(t, "surveys/nps.yaml"), "title:", "# changed\ntitle:", 1)
	if wrong, _, err := a.checkDefinition("survey", "nps", begging); err != nil || len(wrong) > 0 {
		t.Errorf("a comment refuses: %+v %v", wrong, err)
	}

	later := strings.Replace(old, "0d 10:00", "0d 11:00", 1)
	if wrong, _, err := a.checkDefinition("program", "birthday", later); err != nil || len(wrong) > 0 {
		t.Fatal(wrong, err)
	}
	if n, err := a.saveDefinition(t.Context(), "program", "birthday", later, "Лена", 1); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	if _, err := a.saveDefinition(t.Context(), "program", "birthday", old, "Андрей", 1); !errors.Is(err, store.ErrConflict) {
		t.Errorf("what somebody else wrote meanwhile is overwritten: %v", err)
	}
	if p := a.inForce()["birthday"]; p.Version != 2 || p.Steps[0].Earliest.String() != "0d 11:00" {
		t.Errorf("in force is version %d from %s", p.Version, p.Steps[0].Earliest)
	}
	if p, err := a.programAt(t.Context(), "birthday", 1); err != nil || p.Steps[0].Earliest.String() != "0d 10:00" {
		t.Errorf("the earlier version: %v, %v", p, err)
	}
	if n, err := a.saveDefinition(t.Context(), "survey", "nps", begging, "Лена", 1); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	if def, _ := a.survey("nps"); def.Version != 2 {
		t.Errorf("in force is version %d of the survey", def.Version)
	}
	place(t, folder, "programs/birthday.yaml", strings.Replace(old, "0d 10:00", "0d 09:00", 1))
	a = restart(t, a, db, folder)
	if p := a.inForce()["birthday"]; p.Version != 2 || !slices.ContainsFunc(a.problems, func(s string) bool { return strings.Contains(s, "console: Лена") }) {
		t.Errorf("a file has replaced what the console wrote: version %d, %v", p.Version, a.problems)
	}
}

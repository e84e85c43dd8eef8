package app

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"otklik/internal/config"
	"otklik/internal/store"
	"otklik/templates"
)

// start opens the program on a database and a folder of definitions.
func start(t *testing.T, db, folder string) *App {
	t.Helper()
	c := &config.Config{DatabaseURL: "sqlite:" + db, Listen: "127.0.0.1:0", Definitions: folder,
		Dealers: []config.Dealer{{Code: "main", Name: "Юг", Zone: "Europe/Moscow", Country: "RU", Locale: "ru"}}}
	a, err := New(t.Context(), c, Options{Role: RoleAll, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Stop(t.Context()) })
	return a
}

// restart is start after what runs has stopped.
func restart(t *testing.T, a *App, db, folder string) *App {
	t.Helper()
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return start(t, db, folder)
}

func place(t *testing.T, folder, name, content string) string {
	t.Helper()
	path := filepath.Join(folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func content(t *testing.T, name string) string {
	t.Helper()
	b, err := templates.FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// inForce checks a survey's version and Russian title, and what is wrong.
func inForce(t *testing.T, a *App, id string, version int, title, problem string) {
	t.Helper()
	d, ok := a.survey(id)
	if !ok || d.Version != version || d.Title["ru"] != title {
		t.Errorf("%s is in force (%v) as version %d, %q; want version %d, %q", id, ok, d.Version, d.Title["ru"], version, title)
	}
	got := strings.Join(a.problems, "\n")
	if problem == "" && got != "" || !strings.Contains(got, problem) {
		t.Errorf("problems: %q, want %q", got, problem)
	}
}

func TestFolderGivesNewVersions(t *testing.T) {
	db, folder := filepath.Join(t.TempDir(), "o.db"), t.TempDir()
	shipped := content(t, "surveys/nps.yaml")
	titled := func(s string) string {
		return strings.Replace(shipped, "ru: Порекомендуете ли нас", "ru: "+s, 1)
	}
	a := start(t, db, folder)
	inForce(t, a, "nps", 1, "Порекомендуете ли нас", "")

	path := place(t, folder, "surveys/nps.yaml", titled("Наш NPS"))
	a = restart(t, a, db, folder)
	inForce(t, a, "nps", 2, "Наш NPS", "")
	a = restart(t, a, db, folder) // nothing has changed
	inForce(t, a, "nps", 2, "Наш NPS", "")

	place(t, folder, "surveys/nps.yaml", titled("Сломан")+"colour: red\n")
	a = restart(t, a, db, folder)
	inForce(t, a, "nps", 2, "Наш NPS", fmt.Sprintf("%s:%d: field colour not found", path, strings.Count(shipped, "\n")+1))

	// A conversation keeps the version that it began with.
	if old, err := a.surveyAt(t.Context(), "nps", 1); err != nil || old.Title["ru"] != "Порекомендуете ли нас" {
		t.Errorf("version 1: %v, %v", old, err)
	}

	// The console's version is not overwritten, whichever the file is.
	write := func(id, text, source string) {
		t.Helper()
		if _, err := a.store.Version(t.Context(), "survey", id, text, store.HashToken(text), source, a.clock.Business()); err != nil {
			t.Fatal(err)
		}
	}
	write("nps", titled("Из консоли"), "console")
	for _, title := range []string{"Наш NPS", "Новее"} {
		place(t, folder, "surveys/nps.yaml", titled(title))
		a = restart(t, a, db, folder)
		inForce(t, a, "nps", 3, "Из консоли", "the database has a newer version 3 of survey nps, from console")
	}
	if err := a.UseDefinition(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	a = restart(t, a, db, folder)
	inForce(t, a, "nps", 4, "Новее", "")

	// A file that another node's newer one has replaced, and that nobody touched.
	write("nps", titled("Другой узел"), sourceFolder)
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	a = restart(t, a, db, folder)
	inForce(t, a, "nps", 5, "Другой узел", "newer version 5")

	// What the folder brought stays when the file is gone: the database is the truth.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	a = restart(t, a, db, folder)
	inForce(t, a, "nps", 5, "Другой узел", "")

	own := strings.Replace(titled("Своя анкета"), "id: nps", "id: own", 1)
	place(t, folder, "surveys/own.yaml", own)
	a = restart(t, a, db, folder)
	inForce(t, a, "own", 1, "Своя анкета", "")
}

func TestProgramsThatCannotSpeakDoNotStart(t *testing.T) {
	db, folder := filepath.Join(t.TempDir(), "o.db"), t.TempDir()
	english := strings.NewReplacer("id: nps", "id: english", "locales: [ru, en, zh]", "locales: [en]").Replace(content(t, "surveys/nps.yaml"))
	var kept []string // without what is in Russian and Chinese
	skip := -1
	for _, l := range strings.Split(english, "\n") {
		depth := len(l) - len(strings.TrimLeft(l, " "))
		if skip >= 0 && (depth > skip || strings.TrimSpace(l) == "") {
			continue
		}
		skip = -1
		if x := strings.TrimSpace(l); strings.HasPrefix(x, "ru:") || strings.HasPrefix(x, "zh:") {
			skip = depth
			continue
		}
		kept = append(kept, l)
	}
	place(t, folder, "surveys/english.yaml", strings.Join(kept, "\n"))
	unsent := strings.Replace(content(t, "surveys/inquiry-answered.yaml"), "id: inquiry-answered", "id: unsent", 1)
	place(t, folder, "surveys/unsent.yaml", strings.NewReplacer("  telegram: {rated: 2, open: 1, stop_when_flagged: true}\n", "", "[sms, email, telegram]", "[sms, email]").Replace(unsent))
	programText := func(id, survey, channels string) string {
		s := strings.NewReplacer("id: service-followup", "id: "+id, "survey: after-service", "survey: "+survey).Replace(content(t, "programs/service-followup.yaml"))
		return strings.Replace(s, "[telegram, sms, email]", channels, 1)
	}
	place(t, folder, "programs/speechless.yaml", programText("speechless", "english", "[sms]"))
	place(t, folder, "programs/silent.yaml", programText("silent", "unsent", "[sms, telegram]"))
	place(t, folder, "programs/lost.yaml", programText("lost", "gone", "[sms]"))
	place(t, folder, "programs/fine.yaml", programText("fine", "csi", "[sms]"))
	a := start(t, db, folder)
	got := strings.Join(a.problems, "\n")
	for _, want := range []string{"survey english has no translation into ru", "survey unsent has no phrases for telegram", `there is no survey "gone"`} {
		if !strings.Contains(got, want) {
			t.Errorf("problems: %q, want %q", got, want)
		}
	}
	for id, want := range map[string]bool{"speechless": false, "silent": false, "lost": false, "fine": true, "service-followup": true} {
		if _, ok := a.inForce()[id]; ok != want {
			t.Errorf("%s is there: %v", id, ok)
		}
	}
	if f := defined(a); f.OK || !strings.Contains(f.Says, "program lost does not start") {
		t.Errorf("doctor says %+v", f)
	}
	checked, err := Check([]string{filepath.Join(folder, "programs/silent.yaml"), filepath.Join(folder, "surveys/english.yaml"), filepath.Join(folder, "programs/fine.yaml")}, os.ReadFile)
	if err != nil || checked[0].Err == nil || checked[1].Err != nil || checked[2].Err != nil {
		t.Errorf("check says %+v, %v", checked, err)
	}
}

// TestCheckMissesTheName: a survey that begins without the customer's name is warned of,
// by language and channel (R158); the shipped ones are not.
func TestCheckMissesTheName(t *testing.T) {
	folder := t.TempDir()
	text := content(t, "surveys/after-service.yaml")
	place(t, folder, "surveys/after-service.yaml", text)
	place(t, folder, "surveys/nameless.yaml", strings.NewReplacer("id: after-service\n", "id: nameless\n", `.Has "name"`, `.Has "dealer"`, "{{.name}}", "{{.dealer}}").Replace(text))
	checked, err := Check([]string{filepath.Join(folder, "surveys/after-service.yaml"), filepath.Join(folder, "surveys/nameless.yaml")}, os.ReadFile)
	if err != nil || checked[0].Err != nil || checked[1].Err != nil {
		t.Fatal(checked, err)
	}
	if got := strings.Join(checked[0].Warnings, "\n"); strings.Contains(got, "R158") {
		t.Error(got)
	}
	if got := strings.Join(checked[1].Warnings, "\n"); !strings.Contains(got, "nameless/invite: the text in zh for sms never uses {{.name}}") || !strings.Contains(got, "the text in ru for email") {
		t.Errorf("warnings: %s", got)
	}
}

// TestCheckSaysWhereItIsMissing: what a program refers to and what is not there is said
// with its line, as docs/definitions.md promises of every mistake.
func TestCheckSaysWhereItIsMissing(t *testing.T) {
	folder := t.TempDir()
	place(t, folder, "programs/x.yaml", `id: x
title: {ru: "Х"}
trigger: dates
responsible: marketer
on:
  - day: "01-01"
  - holiday: nothing
steps:
  - id: a
    purpose: greeting
    message: greeting.nothing
    survey: none
    channels: [sms]
    earliest: 0d 10:00
    target: 0d 11:00
    deadline: 0d 12:00
`)
	name := filepath.Join(folder, "programs/x.yaml")
	checked, err := Check([]string{name}, os.ReadFile)
	want := name + `:7: there is no holiday "nothing"` + "\n" + name + `:11: step a: there is no message "greeting.nothing"` + "\n" + name + `:12: step a: there is no survey "none"`
	if err != nil || checked[0].Err == nil || checked[0].Err.Error() != want {
		t.Errorf("said is %v, %v\nwant %s", checked[0].Err, err, want)
	}
}

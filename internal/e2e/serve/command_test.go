package serve_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
)

// TestConfiguration: all problems come at once with the variables' names, exit
// code 2, and no secret is repeated.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	s := newShell(t, "OTKLIK_LISTEN=8080", "OTKLIK_LOG=xml", "OTKLIK_DATABASE_URL=mysql://root:hunter2@db/otklik", "OTKLIK_REDIS_URL=http://:hunter2@cache", "OTKLIK_DEALER_ZONE=Moscow",
		"OTKLIK_TWILIO_ACCOUNT_SID="+twilioSID, "OTKLIK_TELEGRAM_TOKEN=hunter2", "OTKLIK_SMTP_URL=smtp://me:hunter2@mail", "OTKLIK_TWILO_FROM=+1", "OTKLIK_CONFIG=nowhere.yaml")
	for _, command := range [][]string{{"serve"}, {"doctor"}, {"migrate", "status"}, {"import", "--kind", "visits", "x.csv"}, {"dispatch", "--once"}, {"token", "add"}} {
		e := s.run(command...)
		e.want(t, 2, "OTKLIK_LISTEN:", "OTKLIK_LOG:", "OTKLIK_DATABASE_URL:", "OTKLIK_REDIS_URL:", "OTKLIK_DEALER_ZONE:", "OTKLIK_TWILIO_AUTH_TOKEN:", "OTKLIK_TWILIO_FROM:",
			"OTKLIK_TELEGRAM_TOKEN:", "OTKLIK_EMAIL_FROM:", "OTKLIK_PUBLIC_URL:", "OTKLIK_TWILO_FROM:", "OTKLIK_CONFIG:")
		if strings.Contains(e.out+e.err, "hunter2") {
			t.Errorf("%s repeats a secret:\n%s%s", command, e.out, e.err)
		}
	}
}

// TestCommands is what each small command prints and ends with.
func TestCommands(t *testing.T) {
	onEngines(t, func(t *testing.T, db string) {
		s := newShell(t, "OTKLIK_DATABASE_URL="+db)
		pending := s.ok("migrate", "status")
		if !strings.Contains(pending, " pending ") || strings.Contains(pending, " applied ") {
			t.Errorf("before: %s", pending)
		}
		if out := s.ok("migrate", "up"); !regexp.MustCompile(`^applied [1-9]\d*\n$`).MatchString(out) {
			t.Errorf("up: %q", out)
		}
		if out := s.ok("migrate", "up"); out != "applied 0\n" {
			t.Errorf("up again: %q", out)
		}
		if out := s.ok("migrate", "status"); strings.Contains(out, " pending ") || out != strings.ReplaceAll(pending, " pending ", " applied ") {
			t.Errorf("after: %s", out)
		}
		if out := s.ok("version"); out != "otklik e2e\n" {
			t.Errorf("version: %q", out)
		}
		s.run("doctor").want(t, 1, "MEND employees", "MEND channels", "ok   database")
		for _, c := range []struct {
			stdin string
			args  []string
			code  int
			says  string
		}{
			{"correct horse\n", []string{"user", "add", "maria", "--role", "operator"}, 0, "maria"},
			{"correct horse\n", []string{"user", "add", "maria", "--role", "operator"}, 1, "taken"},
			{"1234567\n", []string{"user", "add", "olga", "--role", "operator"}, 2, "8"},
			{"", []string{"user", "add", "olga", "--role", "operator"}, 2, "standard input"},
			{"correct horse\n", []string{"user", "add", "olga"}, 2, "--role"},
			{"correct horse\n", []string{"user", "add", "olga", "--role", "king"}, 2, "king"},
			{"another horse\n", []string{"user", "passwd", "maria"}, 0, ""},
			{"another horse\n", []string{"user", "passwd", "nobody"}, 1, "nobody"},
			{"short\n", []string{"user", "passwd", "maria"}, 2, "8"},
			{"", []string{"preview", "--survey", "nosuch"}, 2, "nosuch"},
			{"", []string{"preview", "--program", "nosuch"}, 2, "nosuch"},
			{"", []string{"preview"}, 2, "--survey"},
			{"", []string{"plan", "--from", "yesterday", "--to", "2026-11-22"}, 2, "yesterday"},
			{"", []string{"plan", "--from", "2026-11-22", "--to", "2026-11-21"}, 2, "--to 2026-11-21 is not after --from 2026-11-22"},
			{"", []string{"dispatch"}, 2, "--once"},
			{"", []string{"contact", "export", "01a20472-ba31-783f-994f-22bbe303b792"}, 1, "not found"},
			{"", []string{"contact", "erase", "no-id"}, 1, "no-id"},
		} {
			e := s.feed(c.stdin, c.args...)
			if e.want(t, c.code, c.says); strings.Contains(e.out+e.err, "horse") {
				t.Errorf("%s repeats the password", c.args)
			}
		}
		if out := s.ok("token", "add"); !regexp.MustCompile(`^[A-Za-z0-9_-]{30,}\n$`).MatchString(out) {
			t.Errorf("token add prints more than the token: %q", out)
		}
	})
}

// TestPreview shows every survey in every language and channel, finished.
func TestPreview(t *testing.T) {
	t.Parallel()
	s := newShell(t, "OTKLIK_DATABASE_URL="+sqlite(t), "OTKLIK_PUBLIC_URL=https://south.example")
	for locale, thanks := range map[string]string{"ru": "Иван Петрович", "en": "Ivan", "zh": "张先生"} {
		for _, channel := range []string{"sms", "email", "telegram"} {
			out := s.ok("preview", "--survey", "after-service", "--locale", locale, "--channel", channel)
			if !strings.Contains(out, "after-service/invite") || !strings.Contains(out, thanks) || strings.Contains(out, "<no value>") || strings.Contains(out, "{{") {
				t.Errorf("%s %s:\n%s", locale, channel, out)
			}
			if (channel == "sms") != strings.Contains(out, "segment") || (channel == "telegram") != strings.Contains(out, "\n[") || channel == "email" && !strings.Contains(out, "https://south.example/s/") {
				t.Errorf("%s %s:\n%s", locale, channel, out)
			}
		}
	}
	if out := s.ok("preview", "--program", "service-followup"); !strings.Contains(out, "after-service/invite") {
		t.Errorf("program: %s", out)
	}
}

// TestDefinitions: what is exported is fine, and what is broken in it is named.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.ok("definitions", "export", "out")
	files, err := filepath.Glob(filepath.Join(s.dir, "out", "*", "*.yaml"))
	if err != nil || len(files) < 3 {
		t.Fatalf("exported: %v, %v", files, err)
	}
	s.ok(append([]string{"definitions", "check"}, files...)...)
	for name, breakIt := range map[string]func(string) string{
		"surveys/after-service.yaml":     func(s string) string { return strings.Replace(s, "\npurpose: survey", "\npurpose: fun", 1) },
		"programs/service-followup.yaml": func(s string) string { return strings.Replace(s, "responsible:", "irresponsible:", 1) },
	} {
		text, err := os.ReadFile(filepath.Join(s.dir, "out", name))
		if err != nil {
			t.Fatal(err)
		}
		broken := breakIt(string(text))
		if broken == string(text) {
			t.Fatalf("%s has changed its form", name)
		}
		s.file("broken.yaml", broken)
		s.run("definitions", "check", "broken.yaml", "nowhere.yaml", files[0]).want(t, 1, "broken.yaml:", "nowhere.yaml", ": ok")
	}
}

// TestParse reads replies as JSON lines: a bad line is answered in its place.
func TestParse(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	e := s.feed(`{"id":"a","text":"2. ждал 3 часа, и стук остался","channel":"sms","question":{"kind":"rating","min":1,"max":5}}
oops
{"id":"c","text":"СТОП","channel":"sms"}
`, "parse")
	e.want(t, 0)
	var got []item
	for _, l := range lines(e.out) {
		var x item
		if err := json.Unmarshal([]byte(l), &x); err != nil {
			t.Fatal(err)
		}
		got = append(got, x)
	}
	if len(got) != 3 || got[0]["rating"] != 2.0 || got[0]["id"] != "a" || !strings.Contains(got[0]["comment"].(string), "стук") || got[1]["id"] != nil || got[1]["error"] == "" || got[2]["intent"] != "optout" {
		t.Errorf("%s", e.out)
	}
}

// TestParseEmail reads raw mails in order; one that cannot be read does not stop it.
func TestParseEmail(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.file("reply.eml", "From: Anna <anna@example.org>\nTo: service@example.org\nSubject: Re: service\nMessage-ID: <1@example.org>\nIn-Reply-To: <0@example.org>\nContent-Type: text/plain; charset=utf-8\n\n2. long wait\n\nOn Mon, 23 Nov 2026 at 10:00, Service <service@example.org> wrote:\n> How was it?\n")
	s.file("auto.eml", "From: anna@example.org\nTo: service@example.org\nSubject: Out of office\nAuto-Submitted: auto-replied\nMessage-ID: <2@example.org>\nContent-Type: text/plain\n\nI am away.\n")
	e := s.run("parse-email", "reply.eml", "nowhere.eml", "auto.eml")
	e.want(t, 1, "nowhere.eml: no such file")
	var kinds []string
	for _, l := range lines(e.out) {
		var x struct {
			File, Kind string
			Text       *string
			Rating     *int
		}
		if err := json.Unmarshal([]byte(l), &x); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, x.File+" "+x.Kind)
		if x.Kind == "reply" && (x.Text == nil || strings.Contains(*x.Text, "wrote") || x.Rating == nil || *x.Rating != 2) || x.Kind != "reply" && x.Text != nil {
			t.Errorf("%s", l)
		}
	}
	if !slices.Equal(kinds, []string{"reply.eml reply", "nowhere.eml error", "auto.eml autoreply"}) {
		t.Errorf("%s", e.out)
	}
}

// TestPlanIsWhatHappens: what `plan` prints is what `dispatch --once` does.
func TestPlanIsWhatHappens(t *testing.T) {
	onEngines(t, func(t *testing.T, db string) {
		w := newTown(t, db)
		s := w.with(append(w.sms(), w.mail()...)...)
		stamp := func(ago time.Duration) string { return time.Now().Add(-ago).UTC().Format("2006-01-02T15:04:05Z") }
		s.file("visits.csv", "Заказ-наряд;Дата закрытия;Клиент;Телефон;E-mail\n"+
			"П1;"+stamp(due)+";Иванов Иван Петрович;+79000000501;\n"+
			"П2;"+stamp(due)+";Петрова Анна Ильинична;;anna@example.org\n"+
			"П3;"+stamp(100*time.Hour)+";Сидоров Олег Ильич;+79000000503;\n"+
			"П4;"+stamp(due)+";Немой Пётр Ильич;;\n")
		s.run("import", "--kind", "visits", "visits.csv").want(t, 0)
		before := rows(t, db)
		from, to := stamp(200*time.Hour), time.Now().Add(time.Minute).UTC().Format(time.RFC3339)
		type planned struct{ At, Contact, Order, Program, Step, Channel, Verdict, Rule string }
		plan := map[string]planned{}
		out := s.ok("plan", "--from", from, "--to", to, "--json")
		for _, l := range lines(out) {
			var p planned
			if err := json.Unmarshal([]byte(l), &p); err != nil {
				t.Fatal(err)
			}
			plan[p.Order+" "+p.Step] = p
		}
		if after := rows(t, db); fmt.Sprint(before) != fmt.Sprint(after) {
			t.Errorf("plan changed something:\n%v\n%v", before, after)
		}
		if p := plan["П1 survey"]; p.Verdict != "send" || p.Channel != "sms" || p.Contact == "" {
			t.Errorf("П1: %+v\n%s", p, out)
		}
		if p := plan["П2 survey"]; p.Verdict != "send" || p.Channel != "email" {
			t.Errorf("П2: %+v", p)
		}
		if p := plan["П3 survey"]; p.Verdict != "drop" || p.Rule != "too_late" {
			t.Errorf("П3: %+v", p)
		}
		if p := plan["П4 survey"]; p.Verdict != "drop" {
			t.Errorf("П4: %+v", p)
		}
		if out := s.ok("dispatch", "--once"); !strings.HasPrefix(out, "sent 2 ") {
			t.Errorf("dispatch: %s", out)
		}
		w.arrived(channels.SMS, "+79000000501", 1)
		w.arrived(channels.Email, "anna@example.org", 1)
		w.front.set(t, s.serve("--role", "web"))
		for key, p := range plan {
			if p.Step != "survey" {
				continue
			}
			ds := w.api.order("decisions", p.Order)
			if !slices.ContainsFunc(ds, func(d item) bool { return d["verdict"] == p.Verdict && d["rule"] == p.Rule }) {
				t.Errorf("%s was planned as %+v and became %v", key, p, ds)
			}
		}
		if out := s.ok("dispatch", "--once"); !strings.HasPrefix(out, "sent 0 ") {
			t.Errorf("dispatch again: %s", out)
		}
	})
}

// TestContact exports and erases a person: afterwards nothing of him is in the
// database's texts, and the order's figures stay.
func TestContact(t *testing.T) {
	onEngines(t, func(t *testing.T, db string) {
		w := newTown(t, db)
		n := w.open(w.sms()...)
		const phone = "+79000000601"
		w.api.post("visits", visit("К1", due, map[string]any{"name": "Уникумов Иван Петрович", "phones": []string{phone}}))
		w.arrived(channels.SMS, phone, 1)
		w.write(channels.SMS, phone, complaint)
		w.arrived(channels.SMS, phone, 2)
		id := w.contact(db, "Уникумов")
		out := w.ok("contact", "export", id)
		var whole any
		if err := json.Unmarshal([]byte(out), &whole); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, s := range []string{"Уникумов", phone, "стук остался", "К1", "LADA Vesta"} {
			if !strings.Contains(out, s) {
				t.Errorf("the export lacks %q", s)
			}
		}
		if err := n.process.Stop(); err != nil {
			t.Fatal(err)
		}
		if out := w.ok("contact", "erase", id); out != "erased\n" {
			t.Errorf("erase: %q", out)
		}
		for _, s := range []string{"Уникумов", strings.TrimPrefix(phone, "+"), "стук остался"} {
			if where := search(t, db, s); len(where) > 0 {
				t.Errorf("%q is still in %v", s, where)
			}
		}
		w.open(w.sms()...)
		if got := w.api.list("messages", url.Values{"phone": {phone}}); len(got) != 0 {
			t.Errorf("messages of nobody: %v", got)
		}
	})
}

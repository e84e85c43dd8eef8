package console_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// TestDatabaseAway: a customer's answers wait in the page that says so, in his language
// as far as it is known, and are taken when the database is back.
func TestDatabaseAway(t *testing.T) {
	db, stop, start := testserver.PrivatePostgres(t)
	h := open(t, storetest.OpenURL(t, db))
	h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
	h.Send(t)
	token := h.token()
	at, b, maria := "/s/"+token, h.stranger(), h.login("maria")
	b.get(at).want(t, http.StatusOK)
	stop()
	away := func(p page, says ...string) {
		t.Helper()
		p.want(t, http.StatusServiceUnavailable, says...)
		if p.Header.Get("Retry-After") == "" {
			t.Error("when to come again is not said")
		}
	}
	away(b.get(at+"?q=2"), "Попробуйте через минуту", `href="`+at+`?q=2"`)
	away(b.get(at+"?lang=zh"), `<html lang="zh">`, "请一分钟后再试")
	away(b.get("/u/"+token), "Попробуйте")
	away(maria.get("/queue"), "Попробуйте ещё раз через минуту")
	kept := b.post(at+"?lang=en", "q.overall", "2", "q.trouble", `a "knock" <still>`)
	away(kept, `<html lang="en">`, "Your answers are kept on this page", `action="`+at+`?lang=en"`)
	start()
	b.post(at+"?lang=en", hidden(kept)...).want(t, http.StatusSeeOther)
	if as := h.answers(); *as["overall"].Rating != 2 || !strings.Contains(as["trouble"].Answer+as["trouble"].Comment, `a "knock" <still>`) {
		t.Errorf("taken as %+v", as)
	}
}

// hidden are the fields of a page that nobody sees.
func hidden(p page) (pairs []string) {
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`).FindAllStringSubmatch(p.body, -1) {
		pairs = append(pairs, html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return pairs
}

// TestDatabaseAwayFromAnEmployee: what an employee has typed waits in the page that says
// that it cannot be saved, with the button he pressed, and is taken when the database is
// back. A password is not given back.
func TestDatabaseAwayFromAnEmployee(t *testing.T) {
	db, stop, start := testserver.PrivatePostgres(t)
	h := open(t, storetest.OpenURL(t, db))
	call := h.surveyCall()
	maria, stranger := h.login("maria"), h.stranger()
	sheet, attempt := "/tasks/"+call.ID+"/survey", "/tasks/"+call.ID+"/attempt"
	maria.post("/tasks/"+call.ID+"/claim").want(t, http.StatusSeeOther)
	stop()
	called := maria.post(attempt, "outcome", "no_answer", "note", `ждёт "завтра" <утром>`)
	called.want(t, http.StatusServiceUnavailable, "Всё, что Вы набрали, осталось на этой странице", `action="`+attempt+`"`)
	asked := maria.post(sheet, "q.overall", "2", "q.suggestions", "кофе\nи чай", "then", "stay")
	asked.want(t, http.StatusServiceUnavailable, `action="`+sheet+`"`)
	if got := hidden(asked); len(got) != 6 {
		t.Errorf("kept are %q", got)
	}
	login := stranger.post("/login", "login", "maria", "password", password)
	login.want(t, http.StatusServiceUnavailable)
	if strings.Contains(login.body, password) || len(hidden(login)) > 0 {
		t.Errorf("the page gives a password back:\n%s", login.body)
	}
	if p := maria.get("/queue"); strings.Contains(p.body, "<form") {
		t.Errorf("a look has a form:\n%s", p.body)
	}
	start()
	maria.post(attempt, hidden(called)...).want(t, http.StatusSeeOther)
	maria.get("/tasks/"+call.ID).want(t, http.StatusOK, `ждёт "завтра" <утром>`)
	maria.post(sheet, hidden(asked)...).want(t, http.StatusSeeOther)
	if as := h.answers(); *as["overall"].Rating != 2 || as["suggestions"].Comment != "кофе\nи чай" {
		t.Errorf("taken as %+v", as)
	}
}

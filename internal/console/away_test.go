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
	var typed []string
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`).FindAllStringSubmatch(kept.body, -1) {
		typed = append(typed, html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	b.post(at+"?lang=en", typed...).want(t, http.StatusSeeOther)
	if as := h.answers(); *as["overall"].Rating != 2 || !strings.Contains(as["trouble"].Answer+as["trouble"].Comment, `a "knock" <still>`) {
		t.Errorf("taken as %+v", as)
	}
}

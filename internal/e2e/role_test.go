package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/internal/store"
)

// TestRoles shows everybody his own pages and nobody those of others.
func TestRoles(t *testing.T) {
	var contactID, taskID string
	d := startDemo(t, func(st *store.Store) { contactID, taskID = otherDealer(t, st) })
	stranger := d.open(t, desktop)
	for _, path := range []string{"/", "/queue", "/queue/next", "/tasks/x", "/contacts", "/inbox", "/remarks", "/sending", "/campaigns", "/campaigns/new", "/phones", "/welcome", "/prospects", "/programs", "/calendar", "/calendar/2026-12/31", "/definitions", "/definitions/program/birthday"} {
		stranger.visit(path)
		stranger.at("/login")
	}
	stranger.visit("/contacts?q=qqq")
	stranger.enterLogin(d, "andrei")
	stranger.wait("the page that was wanted opens after the login", "location.pathname + location.search === '/contacts?q=qqq'")

	oleg := d.open(t, desktop)
	oleg.login(d, "oleg")
	oleg.at("/remarks")
	if got := oleg.text("header nav"); got != "Замечания\nТелефоны" && got != "Замечания Телефоны" {
		t.Errorf("the engineer's menu is %q", got)
	}
	oleg.expect("403")
	for _, path := range []string{"/queue", "/queue/next", "/inbox", "/contacts", "/sending", "/campaigns", "/campaigns/new", "/welcome", "/prospects", "/programs", "/calendar", "/calendar/2026-12/31", "/calendar/2026-12/31/csv"} {
		oleg.visit(path)
		oleg.see("main", "не для Вашей роли")
	}

	maria := d.open(t, desktop)
	maria.expect("404")
	maria.expect("403")
	maria.login(d, "maria")
	for _, path := range []string{"/sending", "/programs", "/calendar", "/calendar/2026-12/31", "/definitions", "/definitions/program/birthday"} {
		maria.visit(path)
		maria.see("main", "не для Вашей роли")
	}
	for _, path := range []string{"/contacts/" + contactID, "/tasks/" + taskID, "/tasks/" + taskID + "/survey"} {
		maria.visit(path)
		maria.see("main", "не Вашего центра")
	}
	maria.visit("/contacts?q=%D0%A7%D1%83%D0%B6%D0%BE%D0%B9") // Чужой
	maria.see(".empty", "Никого не нашлось")
	if strings.Contains(maria.queueText(), "чужие слова") {
		t.Error("the queue shows another dealer's task")
	}
	crossOrigin(t, d)
	wrongPassword(t, d)
}

// queueText is all that the queue shows.
func (p *tab) queueText() string {
	p.t.Helper()
	p.visit("/queue")
	return p.text("main")
}

// enterLogin fills the login page that is open.
func (p *tab) enterLogin(d *demo, name string) {
	p.t.Helper()
	p.fill("input[name=login]", name)
	p.fill("input[name=password]", d.logins[name].Password)
	p.click("button.main", "")
}

// otherDealer stores a second rooftop with a customer and a task of its own, and
// gives their ids.
func otherDealer(t *testing.T, st *store.Store) (contactID, taskID string) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	other, err := st.SaveDealer(ctx, store.Dealer{Code: "north", Name: "North", Zone: "Europe/Moscow", Country: "RU", Locale: "ru", Demo: true}, now)
	if err != nil {
		t.Fatal(err)
	}
	task := store.Task{ID: st.NewID(), DealerID: other.ID, Kind: store.TaskCallback, State: store.TaskOpen, Reason: "low_score", Words: "чужие слова", OpenedAt: now, DueAt: now.Add(time.Hour)}
	err = st.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
		saved, err := tx.SaveVisits(ctx, other, []store.VisitRecord{{Order: "N1", ClosedAt: now, HandedOverAt: now, CompletedAt: now, Customer: store.ContactRecord{Name: "Чужой Клиент", Phones: []string{"+79000000999"}, Locale: "ru"}}}, now)
		if err != nil {
			return err
		}
		contactID, task.ContactID = saved[0].ContactID, saved[0].ContactID
		opened, err := tx.OpenTask(ctx, task, now)
		taskID = opened.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return contactID, taskID
}

// crossOrigin posts as a page of another site would make Maria's browser do.
func crossOrigin(t *testing.T, d *demo) {
	t.Helper()
	for _, header := range []struct{ name, value string }{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		for _, path := range []string{"/login", "/logout", "/language", "/phones/write"} {
			r := d.request(http.MethodPost, path, "login=maria")
			r.Header.Set(header.name, header.value)
			if status, _ := d.fetch(r); status != http.StatusForbidden {
				t.Errorf("POST %s with %s: %s answers %d, want 403", path, header.name, header.value, status)
			}
		}
	}
}

// wrongPassword says the same of an unknown name and of a wrong password.
func wrongPassword(t *testing.T, d *demo) {
	t.Helper()
	p := d.open(t, desktop)
	p.expect("401")
	p.visit("/login")
	for _, name := range []string{"maria", "nobody"} {
		p.set("input[name=login]", "")
		p.fill("input[name=login]", name)
		p.fill("input[name=password]", "wrong")
		p.click("button.main", "")
		p.see("[role=alert]", "Логин или пароль не подходят")
	}
}

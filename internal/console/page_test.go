package console_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestEveryPageInEveryLanguage renders every page with data on it: no text is
// missing, and no page leaves its own policy.
func TestEveryPageInEveryLanguage(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	cb := h.complaint()
	check(t, h.desk.Claim(t.Context(), cb.ID, h.people["andrei"]))
	h.Visit(t, "1002", "Петров Пётр Петрович", "+79000000102", 49*time.Hour)
	h.Send(t)
	h.Forward(t, 7*time.Hour) // time to answer
	h.Send(t)
	call := h.open(store.TaskSurveyCall)
	check(t, h.servers.StartBot(t.Context(), "700101", "Иван", ""))
	check(t, h.in.Handle(t.Context(), channels.Event{Inbound: &channels.Inbound{Channel: channels.SMS, ProviderID: "SMstranger", From: "+79990000000", To: "+74950000000", Text: "кто это?"}}, nil))
	_, err := h.Store.PauseSender(t.Context(), channels.SMS, "+74950000000", "config", h.Clock.Business())
	check(t, err)
	token := h.token()
	h.HandOut("")
	h.Visit(t, "1003", "Сидоров Иван Петрович", "+79000000103", time.Hour)
	h.Send(t)
	sheet := "/tasks/" + h.open(store.TaskPaper).ID
	now, andrei := h.Clock.Business(), h.people["andrei"].ID
	a := h.appointment(store.AppointmentRecord{Number: "A1", StartsAt: now.Add(24 * time.Hour), RequestedAt: now, Warranty: true, Immobile: true, Attention: true})
	p := h.prospect(store.ProspectRecord{Number: "P1", Model: "Tiggo 8", ContactedAt: now.AddDate(0, 0, -10), DueAt: now.Add(-time.Hour)})
	var asked []string
	for kind, program := range map[string]string{store.TaskNoShow: "no-show", store.TaskWarrantySlot: "warranty-slot", store.TaskProspect: "prospect-followup", store.TaskLate: "car-ready"} {
		subject := a.ID
		if kind == store.TaskProspect {
			subject = p.ID
		}
		asked = append(asked, "/tasks/"+h.asked(kind, program, a.ContactID, subject, andrei).ID)
	}
	b := h.login("andrei")
	b.post(sheet+"/paper").want(t, http.StatusSeeOther)
	for _, locale := range []string{"ru", "en", "zh"} {
		b.post("/language", "locale", locale, "back", "/queue").want(t, http.StatusSeeOther)
		b.header.Set("Accept-Language", locale)
		outside := h.stranger()
		outside.header.Set("Accept-Language", locale)
		pages := []page{outside.get("/login"), outside.post("/login", "login", "x", "password", "x"), outside.get("/s/" + token + "?lang=" + locale), outside.get("/s/" + token + "/thanks?o=low&f=true&lang=" + locale),
			outside.get("/s/" + token + "/thanks?o=good&lang=" + locale), outside.get("/s/" + token + "/thanks?o=neutral&lang=" + locale), outside.get("/u/" + token + "?lang=" + locale), outside.get("/s/none")}
		for _, path := range []string{"/queue", "/queue?kind=callback", "/queue?mine=1", "/tasks/" + cb.ID, "/tasks/" + call.ID, "/tasks/" + call.ID + "/survey", "/contacts", "/contacts?q=none", "/contacts/" + cb.ContactID,
			"/welcome", "/welcome?for=lounge", "/welcome?for=gate", "/prospects", asked[0], asked[1], asked[2], asked[3], "/inbox", "/sending", "/remarks", "/remarks?kind=complaint&department=", "/phones", "/tasks/none", "/paper", "/paper?q=none", sheet, sheet + "/survey"} {
			pages = append(pages, b.get(path))
		}
		pages = append(pages, b.post("/tasks/"+cb.ID+"/close"), b.post("/tasks/"+cb.ID+"/agree"), b.post("/tasks/"+call.ID+"/survey"), b.post("/phones/write", "channel", "sms", "text", ""), b.post(sheet+"/survey"), b.get(sheet+"/paper"))
		for _, p := range pages {
			if p.StatusCode >= 500 {
				t.Errorf("%s %s: %s\n%s", locale, p.Request.URL.Path, p.Status, h.log)
			}
			if missing := regexp.MustCompile(`⟦[^⟧]*⟧`).FindAllString(p.body, -1); missing != nil {
				t.Errorf("%s %s lacks %v", locale, p.Request.URL.Path, missing)
			}
			if !strings.Contains(p.body, `<html lang="`+locale+`">`) {
				t.Errorf("%s %s is in another language", locale, p.Request.URL.Path)
			}
			if left := regexp.MustCompile(`[^{]\{[a-z]+\}`).FindAllString(p.body, -1); left != nil {
				t.Errorf("%s %s leaves %v unfilled", locale, p.Request.URL.Path, left)
			}
			if regexp.MustCompile(`(?i)\sstyle="|\son[a-z]+="|<script>|javascript:`).MatchString(p.body) {
				t.Errorf("%s has something that its policy forbids", p.Request.URL.Path)
			}
			if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'self'") || strings.Contains(csp, "unsafe") {
				t.Errorf("%s has the policy %q", p.Request.URL.Path, csp)
			}
		}
	}
}

// TestFaultsAreSentences: the person reads a sentence and the request's number, the
// log has the chain.
func TestFaultsAreSentences(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	h := open(t, st)
	h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
	h.Send(t)
	token := h.token()
	st.Close()
	p := h.stranger().get("/s/" + token)
	p.want(t, http.StatusInternalServerError, "Что-то сломалось у нас", "Номер запроса")
	id := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f-]+`).FindString(p.body)
	if id == "" || !strings.Contains(h.log.String(), id) || !strings.Contains(h.log.String(), "database is closed") {
		t.Errorf("the log does not explain request %q:\n%s", id, h.log)
	}
	if strings.Contains(p.body, "database") {
		t.Error("the page shows the fault's insides")
	}
	h.stranger().get("/login").want(t, http.StatusOK)
}

func TestUnclearAndStrangersStandInTheInbox(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		check(t, h.in.Handle(t.Context(), channels.Event{Inbound: &channels.Inbound{Channel: channels.SMS, ProviderID: "SM1", From: "+79990000000", To: "+74950000000", Text: "<b>кто это?</b>"}}, nil))
		b := h.login("maria")
		p := b.get("/inbox")
		p.want(t, http.StatusOK, "<b>кто это?</b>", "+79990000000")
		if strings.Contains(p.body, "<b>кто") {
			t.Error("a stranger's words became markup")
		}
		b.get("/queue").want(t, http.StatusOK, "непонятый ответ")
	})
}

func TestPhonesShowAndType(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	id := h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
	check(t, h.Store.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
		return tx.AddAddress(t.Context(), id, store.Address{Channel: channels.Telegram, Value: "700101"}, storetest.Now)
	}))
	check(t, h.servers.StartBot(t.Context(), "700101", "Иван", ""))
	b := h.login("maria")
	b.get("/phones").want(t, http.StatusOK, "Иванов Иван Петрович", "/start", phone)
	b.post("/phones/write", "who", id, "channel", "telegram", "address", "700101", "text", "добрый день <i>").want(t, http.StatusSeeOther)
	b.get("/phones?who="+id).want(t, http.StatusOK, "добрый день <i>")
	b.post("/phones/write", "who", id, "channel", "telegram", "address", "999", "text", "х").want(t, http.StatusConflict, "бота ещё не открывали", "Иванов")
	b.post("/phones/tap", "who", id, "chat", "700101", "item", "1", "data", "x").want(t, http.StatusConflict, "кнопки на сообщении уже нет")
	before := h.Clock.Business()
	b.post("/phones/advance", "hours", "24").want(t, http.StatusSeeOther)
	b.post("/phones/advance", "hours", "-24").want(t, http.StatusBadRequest)
	if moved := h.Clock.Business().Sub(before); moved < 24*time.Hour || moved > 25*time.Hour {
		t.Errorf("the clock moved by %v", moved)
	}
}

// TestLivePagesAreWoken reads the stream that a page listens to.
func TestLivePagesAreWoken(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	h.stranger().get("/live?page=queue").want(t, http.StatusUnauthorized)
	b := h.login("maria")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.server.URL+"/live?page=queue", nil)
	check(t, err)
	res, err := b.client.Do(r)
	check(t, err)
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	h.changed <- struct{}{}
	for lines.Scan() && lines.Text() != "event: change" {
	}
	if lines.Err() != nil || lines.Text() != "event: change" {
		t.Fatalf("no word of the change: %v", lines.Err())
	}
	close(h.changed) // the program stops
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Errorf("the stream did not end with the program: %v", err)
	}
}

func TestStaticFilesCarryTheirVersion(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	b := h.stranger()
	for _, link := range regexp.MustCompile(`/static/[^"]+`).FindAllString(b.get("/login").body, -1) {
		p := b.get(link)
		p.want(t, http.StatusOK)
		if !strings.Contains(link, "?v=") || !strings.Contains(p.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %v", link, p.Header)
		}
	}
	b.get("/static/ru.yaml").want(t, http.StatusNotFound)
	b.get("/static/..%2flayout.html").want(t, http.StatusNotFound)
}

// TestPhonesFold: whoever was written to is called by name though he never came, and
// those past the first twelve are folded; a chosen one unfolds them.
func TestPhonesFold(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	var people []store.CustomerRecord
	for i := range 14 {
		mail := fmt.Sprintf("guest%d@example.org", i)
		people = append(people, store.CustomerRecord{ContactRecord: store.ContactRecord{Name: fmt.Sprintf("Гостев-%d Пётр", i), Emails: []string{mail}}})
	}
	check(t, h.Store.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
		_, err := tx.SaveCustomers(t.Context(), h.Dealer, people, storetest.Now)
		return err
	}))
	b := h.login("maria")
	if p := b.get("/phones"); strings.Contains(p.body, "<details") {
		t.Error("there is a fold with nobody in it")
	}
	for _, p := range people {
		check(t, h.servers.Write(t.Context(), channels.Email, p.Emails[0], "добрый день"))
	}
	p := b.get("/phones")
	p.want(t, http.StatusOK, "Гостев-13 Пётр", "Ещё 2 клиента")
	front, others, _ := strings.Cut(p.body, "<details>")
	if strings.Contains(front, "Гостев-1 Пётр") || !strings.Contains(others, "Гостев-1 Пётр") || !strings.Contains(others, "Гостев-0 Пётр") {
		t.Error("the first two who wrote are not the folded ones")
	}
	ids, err := h.Store.ContactsAt(t.Context(), channels.Email, people[0].Emails[0])
	if err != nil || len(ids) != 1 {
		t.Fatalf("the owner of an address is %v, %v", ids, err)
	}
	b.get("/phones?who="+ids[0]).want(t, http.StatusOK, "<details open>")
}

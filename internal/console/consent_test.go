package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestConsentOnTheContactsPage: after a STOP an operator records what the customer agrees
// to again, with its proof; the page says what was lifted, what stays, and who recorded
// it. What proves nothing is refused beside what was typed.
func TestConsentOnTheContactsPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		id := h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		h.write("СТОП")
		stop := h.Clock.Business()
		_, err := h.Clock.Advance(2 * time.Hour)
		check(t, err)
		path, b := "/contacts/"+id, h.login("maria")
		local := func(at time.Time) string { return at.In(h.Dealer.Location()).Format("2006-01-02T15:04") }
		form := func(purpose, how string, at time.Time, text string) []string {
			return []string{"purpose", purpose, "channel", "sms", "how", how, "at", local(at), "text", text}
		}
		now := h.Clock.Business()
		const text = "Да, присылайте мне опросы"
		b.get(path).want(t, http.StatusOK, "Записать новое согласие", "Нельзя", "всё")
		for name, bad := range map[string]struct {
			form   []string
			status int
			say    string
		}{
			"without the wording": {form("survey", "phone", now, " "), http.StatusUnprocessableEntity, "впишите текст"},
			"without the way":     {form("survey", "", now, text), http.StatusUnprocessableEntity, "впишите текст"},
			"without a purpose":   {form("survey", "phone", now, text)[2:], http.StatusUnprocessableEntity, "впишите текст"},
			"to everything":       {form(store.AllPurposes, "phone", now, text), http.StatusBadRequest, "Форму не удалось"},
			"on another channel":  {append([]string{"channel", "email"}, append(form("survey", "phone", now, text)[:2], form("survey", "phone", now, text)[4:]...)...), http.StatusBadRequest, "Форму не удалось"},
			"to come":             {form("survey", "phone", now.Add(time.Hour), text), http.StatusUnprocessableEntity, "не может быть дано в будущем"},
			"older than the STOP": {form("survey", "phone", stop.Add(-time.Hour), text), http.StatusConflict, "данное после отказа"},
		} {
			if p := b.post(path+"/consent", bad.form...); p.StatusCode != bad.status || !strings.Contains(p.body, bad.say) || !strings.Contains(p.body, "<details open><summary>Записать новое согласие") {
				t.Errorf("%s: status %d, or the sentence %q or the open form is missing", name, p.StatusCode, bad.say)
			}
		}
		h.login("lena").post(path+"/consent", form("ad", "paper", now, text)...).want(t, http.StatusForbidden)
		if p := h.login("lena").get(path); strings.Contains(p.body, path+"/consent") {
			t.Error("a form that may not be used")
		}
		if p := b.get(path); strings.Contains(p.body, "<b>Согласие</b>") {
			t.Error("something refused was recorded")
		}

		b.post(path+"/consent", form("survey", "phone", now, text)...).want(t, http.StatusSeeOther)
		p := b.get(path)
		p.want(t, http.StatusOK, "прежний отказ от этого снят", "опросы", "по телефону: "+text, "записано: Мария")
		if _, refused, _ := strings.Cut(p.body, "Согласия и отказы"); strings.Contains(refused, "СМС · всё") || strings.Contains(refused, "СМС · опросы") || !strings.Contains(refused, "СМС · реклама") || !strings.Contains(refused, "СМС · поздравления") {
			t.Error("refused is not everything but surveys")
		}
		b.post(path+"/consent", form("survey", "writing", now, text)...).want(t, http.StatusSeeOther)
		if p := b.get(path); !strings.Contains(p.body, "Согласие записано.") {
			t.Error("a consent that lifts nothing is said to lift something")
		}
	})
}

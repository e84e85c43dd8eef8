package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// TestCountingGoesOn: a dry run and a day that take longer than a page waits say how far
// they have come, go on by themselves, and are there at the next look.
func TestCountingGoesOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		h.deps.Patience = time.Nanosecond
		h.serve()
		h.customer(store.ContactRecord{Name: "Вера", Family: "Лебедева", Given: "Вера", Gender: "female", Phones: []string{"+79000000502"}})
		lena := h.login("lena")
		day := h.Clock.Business().In(h.Dealer.Location()).AddDate(0, 0, 2).Format(time.DateOnly)
		p := lena.post("/campaigns", "kind", "greeting", "title", "Всем", "date", day, "hour", "11:00", "gender", "", "text-ru", "С праздником, {имя}!", "version", "0", "do", "rehearse")
		p.want(t, http.StatusSeeOther)
		at := p.Header.Get("Location")
		for path, done := range map[string]string{at: "По каналам", "/calendar/" + day[:7] + "/" + day[8:]: "На этот день ничего не запланировано"} {
			// What is counted within a nanosecond is counted anew.
			testserver.Wait(t, path+" is being counted", func() bool {
				p := lena.get(path + "?anew=1")
				p.want(t, http.StatusOK)
				return strings.Contains(p.body, "считается") && strings.Contains(p.body, "Посмотреть ещё раз")
			})
			testserver.Wait(t, path+" is there", func() bool { return strings.Contains(lena.get(path).body, done) })
		}
		lena.get(strings.TrimSuffix(at, "rehearsal")+"launch").want(t, http.StatusOK, "Что произойдёт")
	})
}

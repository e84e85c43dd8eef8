package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/internal/policy"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestCallFrom: who said when to call him is nobody's next call before, the queue and the
// card say it in the dealer's time, and a deadline that comes first is red at once.
func TestCallFrom(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		cb := h.complaint() // at noon in Moscow
		_, err := h.Clock.Advance(time.Minute)
		check(t, err)
		h.write("после шести")
		b := h.login("maria")
		for locale, said := range map[string]string{"ru": "звонить после 18:00", "en": "call after 18:00", "zh": "18:00以后致电"} {
			b.post("/language", "locale", locale, "back", "/queue").want(t, http.StatusSeeOther)
			for _, path := range []string{"/queue", "/tasks/" + cb.ID} {
				if p := b.get(path); !strings.Contains(p.body, said) {
					t.Errorf("%s, %s: %q is not said", locale, path, said)
				}
			}
		}
		b.post("/language", "locale", "zh", "back", "/queue").want(t, http.StatusSeeOther)
		next := func() string { return b.get("/queue/next").Header.Get("Location") }
		if at := next(); at != "/queue" {
			t.Errorf("before six the next call is %s", at)
		}
		if _, late, err := st.TaskCounts(t.Context(), h.Dealer.ID, cb.OpenedAt.Add(23*time.Hour), store.Work{}); err != nil || late != 1 {
			t.Errorf("%d late after 23 hours, %v", late, err)
		}
		_, err = h.Clock.Advance(6*time.Hour + time.Minute)
		check(t, err)
		if at := next(); at != "/tasks/"+cb.ID {
			t.Errorf("after six the next call is %s", at)
		}
		h.write("лучше послезавтра после обеда")
		if p := b.get("/queue"); !strings.Contains(p.body, `class="task late"`) || !strings.Contains(p.body, "期限先到") {
			t.Errorf("a time after the deadline is not red:\n%s", p.body)
		}
		if x := h.task(cb.ID); !x.CallFrom.After(x.Due()) {
			t.Errorf("to be called from %v, deadline %v", x.CallFrom, x.Due())
		}
		_, err = h.Clock.Advance(18 * time.Hour)
		check(t, err)
		if _, late, err := st.TaskCounts(t.Context(), h.Dealer.ID, h.Clock.Business(), store.Work{}); err != nil || late != 1 {
			t.Errorf("%d late past the deadline, %v", late, err)
		}
		if at := next(); at != "/tasks/"+cb.ID {
			t.Errorf("past the deadline the next call is %s", at)
		}
	})
}

// TestHoursOnTheContactsPage: whoever talks to customers notes when they want to be written
// to, in his own words; it is audited, and others may not.
func TestHoursOnTheContactsPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		id := h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		path := "/contacts/" + id
		b := h.login("maria")
		b.post(path+"/hours", "hours", "с 11 до 19").want(t, http.StatusSeeOther)
		if p := b.get(path); !strings.Contains(p.body, "11:00-19:00") || !strings.Contains(p.body, "Когда писать") {
			t.Error("the hours are not on the page")
		}
		b.post(path+"/hours", "hours", "когда-нибудь").want(t, http.StatusUnprocessableEntity, "Часы не понятны", `value="когда-нибудь"`)
		if c, err := st.Contact(t.Context(), id); err != nil || c.Hours != "11:00-19:00" {
			t.Errorf("hours %q, %v", c.Hours, err)
		}
		h.login("lena").post(path+"/hours", "hours", "").want(t, http.StatusForbidden)
		if p := h.login("lena").get(path); strings.Contains(p.body, `action="/contacts/`+id+`/hours"`) {
			t.Error("a form that may not be used")
		}
		all, err := st.ExportContact(t.Context(), id)
		if check(t, err); !strings.Contains(string(all), `"action": "hours"`) && !strings.Contains(string(all), `"action":"hours"`) {
			t.Error("not audited")
		}
	})
}

// TestZoneOnTheContactsPage: whoever talks to customers corrects where they live; the next
// delivery keeps to the hours there, what is no zone is said, and others may not.
func TestZoneOnTheContactsPage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		id := h.Visit(t, "1001", "Иванов Иван Петрович", phone, 20*time.Hour) // asked about at four in the afternoon in Moscow
		path := "/contacts/" + id
		b := h.login("maria")
		planned := func() time.Time {
			t.Helper()
			now := h.Clock.Business()
			for rows, err := range h.Planner.Preview(t.Context(), h.Dealer.ID, now, now.AddDate(0, 0, 2), now) {
				check(t, err)
				fs, err := h.Dispatcher.Forecast(t.Context(), rows)
				check(t, err)
				for _, f := range fs {
					if f.Contact == id && f.Verdict == string(policy.Send) {
						return f.At
					}
				}
			}
			t.Fatal("nothing is planned")
			return time.Time{}
		}
		b.get(path).want(t, http.StatusOK, "Europe/Moscow", "не указан, действует пояс дилера")
		due := h.Clock.Business().Add(4 * time.Hour).Truncate(time.Second)
		if at := planned(); at.Sub(due).Abs() > time.Minute {
			t.Errorf("planned for %v, not %v", at, due)
		}
		b.post(path+"/zone", "zone", "Asia/Nowhere").want(t, http.StatusUnprocessableEntity, "Такого часового пояса нет", `value="Asia/Nowhere"`)
		b.post(path+"/zone", "zone", "Asia/Vladivostok").want(t, http.StatusSeeOther)
		b.get(path).want(t, http.StatusOK, "Часовой пояс сохранён.", "Asia/Vladivostok", "указан")
		there, err := time.LoadLocation("Asia/Vladivostok")
		check(t, err)
		at := planned().In(there)
		if morning := at.Hour() == 9 || at.Hour() == 11; !morning || !at.After(due) { // at the weekend it is eleven
			t.Errorf("planned for %v where he lives", at)
		}
		h.Plan(t)
		_, err = h.Clock.Advance(5 * time.Hour)
		check(t, err)
		if ms := h.Send(t); len(ms) != 0 {
			t.Errorf("sent at night: %+v", ms)
		}
		_, err = h.Clock.Advance(at.Add(time.Minute).Sub(h.Clock.Business()))
		check(t, err)
		if ms := h.Send(t); len(ms) != 1 || ms[0].To != phone {
			t.Errorf("sent in the morning: %+v", ms)
		}
		b.post(path+"/zone", "zone", "МСК+7").want(t, http.StatusSeeOther)
		if c, err := st.Contact(t.Context(), id); err != nil || c.Zone != "Etc/GMT-10" {
			t.Errorf("zone %q, %v", c.Zone, err)
		}
		b.post(path+"/zone", "zone", "").want(t, http.StatusSeeOther)
		if c, err := st.Contact(t.Context(), id); err != nil || c.Zone != "" {
			t.Errorf("zone %q, %v", c.Zone, err)
		}
		h.login("lena").post(path+"/zone", "zone", "Europe/Moscow").want(t, http.StatusForbidden)
		all, err := st.ExportContact(t.Context(), id)
		if check(t, err); strings.Count(string(all), `"action": "zone"`) != 3 {
			t.Error("not audited")
		}
		landline := h.Visit(t, "1002", "Примеров Иван Петрович", "+74232000002", time.Hour)
		check(t, st.SetZone(t.Context(), landline, "Asia/Vladivostok", h.people["maria"], h.Dealer.ID, h.Clock.Business()))
		for locale, said := range map[string]string{"ru": "по номеру телефона", "en": "by the phone number", "zh": "根据电话号码"} {
			b.post("/language", "locale", locale, "back", "/queue").want(t, http.StatusSeeOther)
			b.get("/contacts/"+landline).want(t, http.StatusOK, said)
		}
	})
}

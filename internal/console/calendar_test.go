package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"otklik/internal/outlook"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// ahead is what the calendar asks.
func (h *house) ahead() *outlook.Outlook {
	o := &outlook.Outlook{Store: h.Store, Clock: h.Clock, Planner: h.Planner, Dispatcher: h.Dispatcher}
	h.t.Cleanup(o.Close)
	return o
}

// TestCalendar counts a month's birthdays and 8 March by itself and compares.
func TestCalendar(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		year := h.Clock.Business().Year() + 1
		month := fmt.Sprintf("%04d-03", year)
		born, women, unknown := map[int]int{}, 0, 0
		var cs []store.ContactRecord
		for i := range 150 {
			day := 1 + i*i%31
			born[day]++
			c := store.ContactRecord{ExternalID: fmt.Sprint(i), Name: fmt.Sprintf("Клиент %03d", i), Given: "Анна", Birthday: fmt.Sprintf("1980-03-%02d", day), Gender: []string{"female", "male", ""}[i%3], Phones: []string{fmt.Sprintf("+7900%07d", i)}}
			women, unknown = women+map[bool]int{true: 1}[i%3 == 0], unknown+map[bool]int{true: 1}[i%3 == 2]
			cs = append(cs, c)
		}
		cs[4].Name = "=1+1"
		check(t, st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
			_, err := tx.SaveContacts(t.Context(), h.Dealer, cs, h.Clock.Business())
			return err
		}))
		for _, id := range []string{"birthday", "womens-day"} {
			check(t, st.SetProgram(t.Context(), store.ProgramSetting{DealerID: h.Dealer.ID, Program: id, Running: true, ChangedAt: h.Clock.Business()}))
		}
		lena := h.login("lena")
		p := lena.get("/calendar/" + month)
		p.want(t, http.StatusOK, fmt.Sprint("Март ", year), `class="holiday"><a href="/campaigns/new?day=`+month+`-08"`, "Международный женский день</a>", "Серым", "/calendar/"+fmt.Sprintf("%04d-02", year), "/calendar/"+fmt.Sprintf("%04d-04", year))
		for day := 1; day <= 31; day++ {
			link := fmt.Sprintf(`href="/calendar/%s/%d?program=birthday#people">День рождения</a> <b>%d</b>`, month, day, born[day])
			if strings.Contains(p.body, link) != (born[day] > 0) {
				t.Errorf("day %d has not %d birthdays", day, born[day])
			}
		}
		p.want(t, http.StatusOK, fmt.Sprintf(`/8?program=womens-day#people">8 Марта</a> <b>%d</b>`, women), fmt.Sprintf("пол? %d", unknown))
		if strings.Contains(p.body, "data-live") {
			t.Error("the month is counted anew at every change")
		}

		d := lena.get("/calendar/" + month + "/8")
		d.want(t, http.StatusOK, "8 марта", "Получат", fmt.Sprintf("пол неизвестен</a> <b>%d</b>", unknown), "одно поздравление в день", "Клиент 0", fmt.Sprintf("1–50 из %d", women+unknown+born[8]))
		if n := strings.Count(d.body, `<tr><td class="when">`); n != 50 {
			t.Errorf("%d rows", n)
		}
		u := lena.get("/calendar/" + month + "/8?program=womens-day&rule=gender_unknown")
		u.want(t, http.StatusOK, "проверьте карточку", "Откройте карточку и проверьте", `href="/contacts/`)
		if n := strings.Count(u.body, `<tr><td class="when">`); n != min(unknown, 50) || strings.Contains(u.body, "Уйдёт</span>") {
			t.Errorf("%d of %d unknown", n, unknown)
		}
		lena.get("/calendar/"+month+"/8?page=99").want(t, http.StatusOK, fmt.Sprintf("–%d из", women+unknown+born[8]))
		lena.get("/calendar/"+month+"/8?program=nothing").want(t, http.StatusOK, "Таких нет")
		f := lena.get("/calendar/" + month + "/8/csv?program=womens-day")
		f.want(t, http.StatusOK, "\ufeffВремя;Часовой пояс;Имя", "Клиент 003;8 Марта", "проверьте карточку", "Уйдёт", "основание: наш клиент")
		if n := strings.Count(f.body, "\n"); n != women+unknown+1 || strings.Contains(f.body, ";=1+1") {
			t.Errorf("%d lines of the file", n)
		}
		past := h.Clock.Business().AddDate(0, -1, 0)
		lena.get(fmt.Sprintf("/calendar/%s/1", past.Format("2006-01"))).want(t, http.StatusOK, "В этот день ничего не уходило")
		for _, locale := range []string{"ru", "en", "zh"} {
			lena.post("/language", "locale", locale, "back", "/calendar").want(t, http.StatusSeeOther)
			for _, path := range []string{"/calendar", "/calendar/" + month, "/calendar/" + month + "/8", "/calendar/" + month + "/8?rule=gender_unknown"} {
				if p := lena.get(path); strings.Contains(p.body, "⟦") || p.StatusCode != http.StatusOK {
					t.Errorf("%s in %s: %d\n%s", path, locale, p.StatusCode, p.body)
				}
			}
		}
		h.login("andrei").get("/calendar").want(t, http.StatusOK)
		for _, path := range []string{"/calendar", "/calendar/" + month, "/calendar/" + month + "/8", "/calendar/" + month + "/8/csv"} {
			h.login("maria").get(path).want(t, http.StatusForbidden)
		}
		for _, path := range []string{"/calendar/x", "/calendar/2027-13", "/calendar/0001-01", "/calendar/" + month + "/32", "/calendar/" + month + "/x", "/calendar/2027-02/29"} {
			lena.get(path).want(t, http.StatusNotFound)
		}
	})
}

// TestDaysOff are explained: a transferred day, a day on which people work, a closure.
func TestDaysOff(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	lena := h.login("lena")
	lena.get("/calendar/2026-12").want(t, http.StatusOK, `class="off`, "нерабочий день", `class="weekend`)
	lena.get("/calendar/2026-12/31").want(t, http.StatusOK, "нерабочий день", "четверг")
	lena.get("/calendar/2025-11").want(t, http.StatusOK, `class="moved past"`, "рабочая суббота или воскресенье")
	lena.get("/calendar/2027-11").want(t, http.StatusOK, "Перенос выходных на 2027 год ещё не внесён")
}

package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/outreach"
	"otklik/internal/ratelimit"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// stopped are the names of what is paused.
func (h *house) stopped() string {
	h.t.Helper()
	ps, err := h.Store.Pauses(h.t.Context())
	check(h.t, err)
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.Name + " by " + p.EmployeeName
	}
	return strings.Join(names, ", ")
}

// TestSendingShowsWhatMovesAndWhatRests has a campaign under way.
func TestSendingShowsWhatMovesAndWhatRests(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		ctx, now, machine := t.Context(), h.Clock.Business(), h.Clock.Machine()
		contact := h.Visit(t, "1001", "Иванов Иван Петрович", phone, time.Hour)
		plan := func(dealer store.Dealer, occasion string, due time.Time) store.Outreach {
			return store.Outreach{DealerID: dealer.ID, ContactID: contact, Program: "newyear", Occasion: occasion, Step: "s", State: outreach.Planned, DueAt: due, TargetAt: due, DeadlineAt: due}
		}
		check(t, st.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
			later := plan(h.Dealer, "5", now.Add(2*time.Hour))
			later.Program = "spring"
			_, err := tx.Plan(ctx, []store.Outreach{plan(h.Dealer, "1", now), plan(h.Dealer, "2", now), plan(h.Dealer, "3", now.Add(time.Hour)), plan(h.north, "4", now), later}, now)
			return err
		}))
		node := store.Node{ID: st.NewID(), Version: "v9.8", Role: "worker", StartedAt: machine.Add(-3 * time.Hour), SeenAt: machine,
			Lanes: []store.LaneState{{Channel: channels.SMS, Sender: dispatchtest.Sender, Rate: 7.25, LastMinute: 431, LastHour: 25123}}}
		check(t, st.Beat(ctx, node))
		dead := store.Node{ID: st.NewID(), Version: "v9.7", Role: "worker", StartedAt: machine.Add(-5 * time.Hour), SeenAt: machine.Add(-2 * time.Hour), Lanes: []store.LaneState{{Channel: channels.SMS, Sender: dispatchtest.Sender, Rate: 1000}}}
		check(t, st.Beat(ctx, dead))
		_, err := st.PauseSender(ctx, channels.SMS, dispatchtest.Sender, "20003 the account is suspended", now)
		check(t, err)

		b := h.login("andrei")
		p := b.get("/sending")
		p.want(t, http.StatusOK, dispatchtest.Sender, "<b>2</b> ждут отправки", "7,2", "431", "newyear", "20003 the account is suspended", "v9.8", "v9.7", "не отвечает", "3 ч 00 мин", "2 ч 00 мин назад", `data-live="sending"`)
		if strings.Contains(p.body, "1\u00a0007") || strings.Contains(p.body, "Автоцентр Север") {
			t.Errorf("the page counts a dead node or shows another dealer:\n%s", p.body)
		}
		if n := strings.Count(p.body, "<td>spring"); n != 1 {
			t.Errorf("what is only planned stands %d times on the page, not just among the programs:\n%s", n, p.body)
		}
		h.login("boris").get("/sending").want(t, http.StatusOK, "<b>1</b> ждёт отправки")

		node.Trouble = []string{store.TroubleStuck, store.TroubleRedis, store.TroubleClock}
		check(t, st.Beat(ctx, node))
		b.get("/sending").want(t, http.StatusOK, "Отправка зависла", "Redis недоступен", "Часы узла расходятся", "часы неверны")
		node.Trouble = nil
		check(t, st.Beat(ctx, node))

		// What is paused neither moves nor counts for the time that is left.
		err = st.LiftSender(ctx, channels.SMS, dispatchtest.Sender)
		check(t, err)
		b.get("/sending").want(t, http.StatusOK, "до конца, сегодня в")
		check(t, st.Pause(ctx, store.ProgramPause("newyear"), "", now))
		if p := b.get("/sending"); strings.Contains(p.body, "до конца, сегодня") || strings.Count(p.body, "tag lane-paused") != 1 || !strings.Contains(p.body, "администратор из командной строки") {
			t.Errorf("a paused program moves:\n%s", p.body)
		}
	})
}

// TestSendingIsSteered: who may, may; the others may not; the audit knows.
func TestSendingIsSteered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		sender, own, other := "sender:sms:"+dispatchtest.Sender, "dealer:"+h.Dealer.Code, "dealer:"+h.north.Code
		lena := h.login("lena")
		lena.post("/sending/pause", "name", sender).want(t, http.StatusSeeOther)
		lena.get("/sending").want(t, http.StatusOK, "Остановлен отправитель СМС "+dispatchtest.Sender, "Лена Маркова", "Остановлено. Новые сообщения не уходят", `action="/sending/resume"`)
		lena.post("/sending/pause", "name", own).want(t, http.StatusSeeOther)
		if got := h.stopped(); got != sender+" by Лена Маркова, "+own+" by Лена Маркова" {
			t.Errorf("stopped: %s", got)
		}
		h.login("andrei").post("/sending/resume", "name", sender).want(t, http.StatusSeeOther)
		for _, who := range []struct {
			name, path, what string
			status           int
		}{
			{"lena", "/sending/pause", other, http.StatusForbidden},
			{"lena", "/sending/pause", "all", http.StatusForbidden}, // there is another dealer
			{"lena", "/sending/pause", "program:newyear", http.StatusForbidden},
			{"boris", "/sending/resume", own, http.StatusForbidden},
			{"boris", "/sending/pause", sender, http.StatusForbidden},
			{"lena", "/sending/pause", "sender:sms:+70000000000", http.StatusNotFound},
			{"lena", "/sending/pause", "dealer:nowhere", http.StatusNotFound},
			{"lena", "/sending/pause", "", http.StatusNotFound},
			{"lena", "/sending/pause", "all:of it", http.StatusNotFound}, {"lena", "/sending/pause", "all:", http.StatusNotFound},
			{"maria", "/sending/pause", sender, http.StatusForbidden},
			{"oleg", "/sending/resume", own, http.StatusForbidden},
		} {
			h.login(who.name).post(who.path, "name", who.what).want(t, who.status)
		}
		for _, name := range []string{"maria", "oleg"} {
			h.login(name).get("/sending").want(t, http.StatusForbidden)
		}
		if got := h.stopped(); got != own+" by Лена Маркова" {
			t.Errorf("stopped: %s", got)
		}
		// Somebody of the group stops all of it.
		gleb := h.admin()
		for _, name := range []string{"all", "program:newyear", other} {
			gleb.post("/sending/pause", "name", name).want(t, http.StatusSeeOther)
		}
		gleb.get("/sending").want(t, http.StatusOK, "Вся отправка остановлена", "Остановлена программа «newyear»", "Автоцентр Север", "Продолжить отправку")
		lena.get("/sending").want(t, http.StatusOK, "остановлено вместе с остальным")
		lena.post("/sending/resume", "name", "all").want(t, http.StatusForbidden)
	})
}

// admin logs somebody in who administers the whole group.
func (h *house) admin() *browser {
	h.t.Helper()
	_, err := h.Store.SaveEmployee(h.t.Context(), store.Employee{Name: "Глеб Общий", Login: "gleb", PasswordHash: passwordHash(), Roles: []string{store.RoleAdmin}, Active: true}, storetest.Now)
	check(h.t, err)
	return h.login("gleb")
}

// TestLimitsAreChanged by administrators, in a form that says what is wrong.
func TestLimitsAreChanged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		limits := func() string {
			t.Helper()
			ls, err := st.RateLimits(t.Context())
			check(t, err)
			var out []string
			for _, l := range ls {
				out = append(out, l.Name+" "+ratelimit.Rate(l.Units, l.Per, l.Burst).String()+" by "+l.EmployeeName)
			}
			return strings.Join(out, ", ")
		}
		b := h.admin()
		b.get("/sending").want(t, http.StatusOK, "СМС: каждый отправитель", "10 в секунду, после паузы сразу до 10", "Сохранить")
		b.post("/sending/limits", "name", "channel:sms", "value", "5/s").want(t, http.StatusSeeOther)
		b.post("/sending/limits", "name", "domain:", "domain", "Gmail.com", "value", "600/min burst 5").want(t, http.StatusSeeOther)
		b.post("/sending/limits", "name", "sender:sms:"+dispatchtest.Sender, "value", "none").want(t, http.StatusSeeOther)
		const set = "channel:sms 5/s by Глеб Общий, domain:gmail.com 10/s burst 5 by Глеб Общий, sender:sms:" + dispatchtest.Sender + " none by Глеб Общий"
		if got := limits(); got != set {
			t.Errorf("limits: %s", got)
		}
		b.get("/sending").want(t, http.StatusOK, "изменено: Глеб Общий", "Вернуть: 10 в секунду, после паузы сразу до 10", "Снять ограничение", "Почта на gmail.com", "без ограничения")
		for _, bad := range []struct {
			name, domain, value string
			status              int
		}{
			{"channel:sms", "", "fast", http.StatusUnprocessableEntity}, {"domain:", "", "1/s", http.StatusUnprocessableEntity}, {"channel:pigeon", "", "1/s", http.StatusUnprocessableEntity},
			{"dealer:nowhere", "", "1/s", http.StatusUnprocessableEntity}, {"sender:sms:+70000000000", "", "1/s", http.StatusUnprocessableEntity}, {"", "", "", http.StatusUnprocessableEntity},
		} {
			b.post("/sending/limits", "name", bad.name, "domain", bad.domain, "value", bad.value).want(t, bad.status, `role="alert"`)
		}
		b.post("/sending/limits", "name", "channel:sms", "value", "typed in vain").want(t, http.StatusUnprocessableEntity, "Такой скорости не бывает", `value="typed in vain"`)
		h.login("andrei").get("/sending").want(t, http.StatusOK, "5 в секунду")
		if p := h.login("andrei").get("/sending"); strings.Contains(p.body, "/sending/limits") {
			t.Error("a manager is shown the form")
		}
		h.login("andrei").post("/sending/limits", "name", "channel:sms", "value", "1/s").want(t, http.StatusForbidden)
		if got := limits(); got != set {
			t.Errorf("limits: %s", got)
		}
		b.post("/sending/limits", "name", "channel:sms", "do", "reset", "value", "5/s").want(t, http.StatusSeeOther)
		if got := limits(); strings.Contains(got, "channel:sms") {
			t.Errorf("after the reset: %s", got)
		}
		for _, locale := range []string{"ru", "en", "zh"} {
			b.post("/language", "locale", locale, "back", "/sending").want(t, http.StatusSeeOther)
			if p := b.get("/sending"); strings.Contains(p.body, "⟦") || p.StatusCode != http.StatusOK {
				t.Errorf("%s lacks a text:\n%s", locale, p.body)
			}
		}
	})
}

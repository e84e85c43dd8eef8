package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/internal/callback"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestWriteToTheCustomer: an operator answers in his own words, and while he talks the
// bot is silent.
func TestWriteToTheCustomer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		cb := h.complaint()
		maria, sergey, at := h.login("maria"), h.login("sergey"), "/tasks/"+cb.ID
		maria.post(at+"/write", "text", "Добрый день!").want(t, http.StatusForbidden)
		maria.post(at+"/claim").want(t, http.StatusSeeOther)
		h.Forward(t, time.Minute)
		h.Send(t) // what the bot says to the complaint
		maria.get(at).want(t, http.StatusOK, "Написать клиенту")
		maria.post(at+"/write", "text", " \n ").want(t, http.StatusUnprocessableEntity, "Ничего не введено")
		maria.post(at+"/write", "text", strings.Repeat("Запчасть пришла. ", 60)).want(t, http.StatusUnprocessableEntity, "Слишком длинно", "Запчасть пришла.")
		sergey.post(at+"/write", "text", "Здравствуйте").want(t, http.StatusForbidden, "Задачу ведёт другой")
		maria.post(at+"/write", "text", "Добрый день! Опора пришла.\nКогда Вам удобно?").want(t, http.StatusSeeOther)
		if ms := h.Send(t); len(ms) != 1 || ms[0].To != phone || ms[0].Text != "Добрый день! Опора пришла. Когда Вам удобно? - Мария Орлова, Автоцентр Юг" {
			t.Fatalf("sent: %+v", ms)
		}
		maria.get(at).want(t, http.StatusOK, "Клиенту отправлено", "Написали клиенту", "Мария Орлова", "Опора пришла.")

		before := h.told()
		h.write("В пятницу после шести. А кофе у вас есть?")
		h.Forward(t, time.Minute)
		h.Send(t)
		if after := h.told(); after != before {
			t.Errorf("the bot spoke into it: %d messages, then %d", before, after)
		}
		maria.get(at).want(t, http.StatusOK, "В пятницу после шести")
		h.write("стоп")
		maria.post(at+"/write", "text", "Жаль").want(t, http.StatusConflict, "нет ни одного доступного адреса")
	})
}

// told counts what the customer was sent.
func (h *house) told() (n int) {
	h.t.Helper()
	cs, err := h.Store.SearchContacts(h.t.Context(), h.Dealer.ID, phone, 1)
	check(h.t, err)
	ms, err := h.Store.MessagesOf(h.t.Context(), cs[0].ID, 100)
	check(h.t, err)
	for _, m := range ms {
		if m.Direction == store.Out {
			n++
		}
	}
	return n
}

// TestWriteInQuietHours is invariant 4 for what an employee types: to a message of the
// same day it may go until ten in the evening, when he says so; else it waits.
func TestWriteInQuietHours(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		cb := h.complaint()
		b, at := h.login("maria"), "/tasks/"+cb.ID
		b.post(at+"/claim").want(t, http.StatusSeeOther)
		h.Forward(t, time.Minute)
		h.Send(t) // what the bot says to the complaint
		h.Forward(t, h.until(21, 20))
		b.post(at+"/write", "text", "Опора пришла").want(t, http.StatusConflict, "тихие часы", "Отправить сейчас", "Опора пришла</textarea>")
		b.post(at+"/write", "text", "Опора пришла", "when", "now").want(t, http.StatusSeeOther)
		if ms := h.Send(t); len(ms) != 1 || !strings.Contains(ms[0].Text, "Опора пришла") {
			t.Fatalf("sent: %+v", ms)
		}
		b.post(at+"/write", "text", "И колодки", "when", "later").want(t, http.StatusSeeOther)
		b.get(at).want(t, http.StatusOK, "уйдёт, когда они кончатся")
		h.Forward(t, h.until(22, 5))
		b.post(at+"/write", "text", "И свечи", "when", "now").want(t, http.StatusSeeOther)
		if ms := h.Send(t); len(ms) != 0 {
			t.Fatalf("sent at night: %+v", ms)
		}
		h.Forward(t, 11*time.Hour+time.Minute)
		if ms := h.Send(t); len(ms) != 2 || !strings.Contains(ms[0].Text+ms[1].Text, "И колодки") || !strings.Contains(ms[0].Text+ms[1].Text, "И свечи") {
			t.Errorf("in the morning: %+v", ms)
		}
	})
}

// until is how long it is until an hour of the dealer's day.
func (h *house) until(hour, minute int) time.Duration {
	now := h.Clock.Business().In(h.Dealer.Location())
	return time.Date(now.Year(), now.Month(), now.Day(), hour, minute, 0, 0, now.Location()).Sub(now)
}

// TestWrittenQuestionIsAnswered meets the clock of two hours (R099).
func TestWrittenQuestionIsAnswered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		h.write("Сколько стоит замена масла?")
		h.Forward(t, time.Minute)
		h.Send(t)
		review := h.open(store.TaskReview)
		b, at := h.login("maria"), "/tasks/"+review.ID
		b.post(at+"/claim").want(t, http.StatusSeeOther)
		b.post(at+"/write", "text", "3000 рублей").want(t, http.StatusSeeOther)
		for _, c := range h.task(review.ID).Clocks {
			if c.Kind == callback.ClockInquiry && c.MetAt.IsZero() {
				t.Error("the clock of the question runs on")
			}
		}
		if ms := h.Send(t); len(ms) != 1 || ms[0].To != phone || !strings.Contains(ms[0].Text, "3000 рублей") {
			t.Errorf("sent: %+v", ms)
		}
		b.post(at+"/resolve", "note", "ответила").want(t, http.StatusSeeOther)
	})
}

// TestManagerTakesOver: a task is not stuck with somebody who is away.
func TestManagerTakesOver(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		cb := h.complaint()
		maria, sergey, boss, at := h.login("maria"), h.login("sergey"), h.login("andrei"), "/tasks/"+cb.ID
		maria.post(at+"/claim").want(t, http.StatusSeeOther)
		boss.get(at).want(t, http.StatusOK, "Забрать у: Мария Орлова")
		boss.post(at+"/claim").want(t, http.StatusConflict)
		boss.post(at+"/claim", "from", h.people["sergey"].ID).want(t, http.StatusConflict, "Кто-то успел раньше")
		sergey.post(at+"/claim", "from", h.people["maria"].ID).want(t, http.StatusForbidden)
		boss.post(at+"/claim", "from", h.people["maria"].ID).want(t, http.StatusSeeOther)
		if x := h.task(cb.ID); x.OwnerID != h.people["andrei"].ID || x.State != store.TaskClaimed {
			t.Errorf("%s has it, %s", x.OwnerName, x.State)
		}
		maria.post(at+"/attempt", "outcome", "reached").want(t, http.StatusForbidden)
		boss.get(at).want(t, http.StatusOK, "Забрал руководитель")
		boss.post(at+"/release").want(t, http.StatusSeeOther)
		sergey.post(at+"/claim").want(t, http.StatusSeeOther)
	})
}

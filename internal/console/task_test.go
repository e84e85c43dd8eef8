package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// next is a planned contact as a browser writes it.
func (h *house) next(in time.Duration) string {
	return h.Clock.Business().Add(in).In(h.Dealer.Location()).Format("2006-01-02T15:04")
}

func TestClaimConflict(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		cb := h.complaint()
		maria, sergey := h.login("maria"), h.login("sergey")
		maria.get("/tasks/"+cb.ID).want(t, http.StatusOK, "ждал 3 часа, и стук остался", "Возьмите задачу", "1001", "Орлова М.В.")
		maria.post("/tasks/"+cb.ID+"/claim").want(t, http.StatusSeeOther)
		sergey.post("/tasks/"+cb.ID+"/claim").want(t, http.StatusConflict, "Кто-то успел раньше", "Задачу ведёт Мария Орлова")
		sergey.post("/tasks/"+cb.ID+"/attempt", "outcome", "reached").want(t, http.StatusForbidden, "Задачу ведёт другой сотрудник")
		if x := h.task(cb.ID); x.OwnerID != h.people["maria"].ID {
			t.Errorf("the owner is %s", x.OwnerName)
		}
		maria.post("/tasks/"+cb.ID+"/release").want(t, http.StatusSeeOther)
		sergey.post("/tasks/"+cb.ID+"/claim").want(t, http.StatusSeeOther)
	})
}

// TestCallbackClosesOnTheCustomersYes is the operator's part of the main job.
func TestCallbackClosesOnTheCustomersYes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		cb := h.complaint()
		b, at := h.login("maria"), "/tasks/"+cb.ID
		b.get("/queue").want(t, http.StatusOK, "Иванов Иван Петрович", "стук остался", "/queue/next")
		if to := b.get("/queue/next").Header.Get("Location"); to != at {
			t.Fatalf("next leads to %q", to)
		}
		b.post(at+"/claim").want(t, http.StatusSeeOther)
		h.Forward(t, time.Minute)
		h.Send(t) // what the bot says to the complaint
		b.get(at).want(t, http.StatusOK, "Закрыть нельзя: не запланирован следующий контакт")
		b.post(at+"/close").want(t, http.StatusConflict)
		b.post(at+"/attempt", "outcome", "later").want(t, http.StatusUnprocessableEntity)
		b.post(at+"/attempt", "outcome", "reached", "note", "попросил быстрее").want(t, http.StatusSeeOther)
		b.post(at+"/agree", "solution", "заменим опору", "next", "").want(t, http.StatusUnprocessableEntity, "Запланируйте следующий контакт", "заменим опору")
		b.post(at+"/agree", "solution", "заменим опору", "next", "вчера").want(t, http.StatusBadRequest)
		b.post(at+"/agree", "solution", "заменим опору", "next", h.next(-time.Hour)).want(t, http.StatusUnprocessableEntity)
		b.post(at+"/agree", "solution", "заменим опору", "consent", "yes", "next", h.next(96*time.Hour)).want(t, http.StatusSeeOther)
		b.get(at).want(t, http.StatusOK, "клиент ещё не подтвердил", "заменим опору", "попросил быстрее")
		b.post(at+"/close").want(t, http.StatusConflict, "Закрыть нельзя, пока клиент не подтвердил")
		b.post(at+"/close", "reason", "я так решила").want(t, http.StatusConflict)
		b.post(at+"/ask").want(t, http.StatusSeeOther)
		if ms := h.Send(t); len(ms) != 1 || !strings.Contains(ms[0].Text, "заменим опору") {
			t.Fatalf("the customer was asked: %+v", ms)
		}
		b.get(at).want(t, http.StatusOK, "ждём ответа клиента", "Клиента спросили")
		h.write("1")
		if x := h.task(cb.ID); x.State != store.TaskClosed {
			t.Fatalf("after the customer's yes the callback is %s", x.State)
		}
		b.get(at).want(t, http.StatusOK, "Клиент подтвердил, что вопрос решён")
		b.post(at+"/close").want(t, http.StatusConflict, "Задача уже закрыта")
		h.open(store.TaskNext) // the promised contact
	})
}

func TestManagerClosesWithAReason(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		cb := h.complaint()
		b, at := h.login("andrei"), "/tasks/"+cb.ID
		b.post(at+"/claim").want(t, http.StatusSeeOther)
		b.post(at+"/agree", "solution", "вернули деньги", "next", h.next(24*time.Hour)).want(t, http.StatusSeeOther)
		b.post(at+"/close", "reason", "").want(t, http.StatusConflict)
		b.post(at+"/close", "reason", "клиент уехал на год").want(t, http.StatusSeeOther)
		b.get(at).want(t, http.StatusOK, "клиент уехал на год")
		if x := h.task(cb.ID); x.State != store.TaskClosed || x.ConfirmedBy != "manager" {
			t.Errorf("the callback is %s, confirmed by %q", x.State, x.ConfirmedBy)
		}
	})
}

// surveyCall brings a phone task about: nobody answered for two days.
func (h *house) surveyCall() store.Task {
	h.t.Helper()
	h.Visit(h.t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
	h.Send(h.t)
	h.Forward(h.t, 25*time.Hour)
	h.Send(h.t)
	return h.open(store.TaskSurveyCall)
}

func TestOperatorEntersASurveyByPhone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		call := h.surveyCall()
		b, at := h.login("maria"), "/tasks/"+call.ID+"/survey"
		b.get(at).want(t, http.StatusOK, "Как Вы в целом оцениваете обслуживание от 1 до 5", "Есть ли у Вас предложения", "Спасибо за ответы")
		b.post(at).want(t, http.StatusUnprocessableEntity, "Ничего не введено")
		b.post(at, "q.overall", "9", "q.fixed", "yes").want(t, http.StatusUnprocessableEntity, "refused")
		b.post(at, "q.overall", "2", "q.fixed", "no", "q.trouble", "стук остался", "q.suggestions", "кофе").want(t, http.StatusSeeOther)
		as := h.answers()
		if a := as["overall"]; a.Rating == nil || *a.Rating != 2 || a.Channel != channels.Phone || a.EmployeeID != h.people["maria"].ID {
			t.Errorf("the rating is kept as %+v", a)
		}
		if as["fixed"].Answer != "no" || as["suggestions"].Comment != "кофе" {
			t.Errorf("answers: %+v", as)
		}
		if x := h.task(call.ID); x.State != store.TaskClosed || x.OwnerID != h.people["maria"].ID {
			t.Errorf("the call's task is %s of %q", x.State, x.OwnerName)
		}
		h.open(store.TaskCallback)
		b.get(at).want(t, http.StatusSeeOther) // to the task
	})
}

// answers are the standing answers of the customer's newest survey.
func (h *house) answers() map[string]store.Answer {
	h.t.Helper()
	cs, err := h.Store.SearchContacts(h.t.Context(), h.Dealer.ID, phone, 1)
	check(h.t, err)
	convs, err := h.Store.ConversationsFor(h.t.Context(), cs[0].ID)
	check(h.t, err)
	as, err := h.Store.Answers(h.t.Context(), []string{convs[0].ID})
	check(h.t, err)
	out := map[string]store.Answer{}
	for _, a := range as[convs[0].ID] {
		out[a.Question] = a
	}
	return out
}

// TestRatedEmployeeDoesNotAskHisOwnCustomer is invariant 14.
func TestRatedEmployeeDoesNotAskHisOwnCustomer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		call := h.surveyCall()
		v, err := st.Visit(t.Context(), call.VisitID)
		check(t, err)
		advisor, err := st.Employee(t.Context(), v.AdvisorID)
		check(t, err)
		advisor.Login, advisor.PasswordHash, advisor.Roles = "advisor", h.people["maria"].PasswordHash, []string{store.RoleAdvisor, store.RoleOperator}
		_, err = st.SaveEmployee(t.Context(), advisor, storetest.Now)
		check(t, err)
		b := h.login("advisor")
		b.post("/tasks/"+call.ID+"/claim").want(t, http.StatusForbidden, "Это Ваш клиент")
		b.post("/tasks/"+call.ID+"/survey", "q.overall", "5").want(t, http.StatusForbidden, "Это Ваш клиент")
		if as := h.answers(); len(as) != 0 {
			t.Errorf("answers were taken: %+v", as)
		}
	})
}

// TestRemarkIsPassedOn is R026 and R027.
func TestRemarkIsPassedOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		h.complaint()
		rs, err := st.Remarks(t.Context(), h.Dealer.ID, "", 10)
		check(t, err)
		b := h.login("oleg")
		b.get("/remarks").want(t, http.StatusOK, "стук остался", "Передать")
		b.post("/remarks/"+rs[0].ID, "recommendation", "проверить опоры").want(t, http.StatusUnprocessableEntity, "кому передано", "проверить опоры")
		b.post("/remarks/"+rs[0].ID, "passed_to", "смена Петрова", "recommendation", "проверить опоры", "back", "/remarks").want(t, http.StatusSeeOther)
		b.get("/remarks").want(t, http.StatusOK, "смена Петрова", "проверить опоры", "Записано")
	})
}

func TestCustomersAreFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		h.Visit(t, "1001", "Иванов Иван Петрович", "+79161234567", 25*time.Hour)
		b := h.login("maria")
		for _, query := range []string{"иванов", "Иванов Иван", "+79161234567", "89161234567", "8 (916) 123-45-67", "1001", ""} {
			b.get("/contacts?"+url.Values{"q": {query}}.Encode()).want(t, http.StatusOK, "Иванов Иван Петрович")
		}
		b.get("/contacts?q=Сидоров").want(t, http.StatusOK, "Никого не нашлось")
	})
}

// TestUnclearReplyIsReadByAPerson: the card says what the reply probably means, and
// the answer entered from it settles the task.
func TestUnclearReplyIsReadByAPerson(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		h.Send(t)
		h.write("ну такое, 3-4")
		h.write("ну такое, 3-4")
		review := h.open(store.TaskReview)
		b, at := h.login("maria"), "/tasks/"+review.ID
		b.get(at).want(t, http.StatusOK, "ну такое, 3-4", "Похоже, клиент имел в виду", "Записать ответ в анкету")
		b.post(at+"/survey", "q.overall", "3").want(t, http.StatusSeeOther)
		if a := h.answers()["overall"]; a.Rating == nil || *a.Rating != 3 {
			t.Errorf("the rating is kept as %+v", a)
		}
		if x := h.task(review.ID); x.State != store.TaskClosed {
			t.Errorf("the task is %s", x.State)
		}
		// The reply is a proposal for the lexicons now, with what Maria read; its
		// repetition was read as a part of it and stands for nothing alone.
		ps, err := h.in.Proposals(t.Context(), h.Dealer.ID)
		if err != nil || len(ps) != 1 {
			t.Fatalf("proposals: %+v, %v", ps, err)
		}
		p := ps[0]
		if p.Text != "ну такое, 3-4" || p.Question.Kind != reply.KindRating || p.Question.Max != 5 || p.Locale != "ru" || p.Want.Intent != reply.IntentAnswer || p.Want.Rating == nil || *p.Want.Rating != 3 {
			t.Errorf("proposal: %+v", p)
		}
	})
}

package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// sheetOut brings a paper entry about whose sheet is printed, with the code on it.
func (h *house) sheetOut(b *browser) (task store.Task, code string) {
	h.t.Helper()
	h.HandOut("")
	h.Visit(h.t, "1001", "Иванов Иван Петрович", phone, time.Hour)
	h.Send(h.t)
	task = h.open(store.TaskPaper)
	at := "/tasks/" + task.ID
	if p := b.get(at + "/paper"); p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != at {
		h.t.Errorf("a look at a sheet that is not out leads to %q", p.Header.Get("Location"))
	}
	if p := b.post(at + "/paper"); p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != at+"/paper" {
		h.t.Fatalf("printing: %s\n%s", p.Status, p.body)
	}
	m := regexp.MustCompile(`<b class="code">([0-9]+-[0-9]{2})</b>`).FindStringSubmatch(b.get(at + "/paper").body)
	if m == nil {
		h.t.Fatal("there is no code on the sheet")
	}
	return task, m[1]
}

// TestPaperSheet: a sheet is printed, found by whatever is known of it, typed in by
// somebody who is named, and not a second time.
func TestPaperSheet(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		b := h.login("maria")
		task, code := h.sheetOut(b)
		entry := "/tasks/" + task.ID + "/survey"
		b.get("/tasks/"+task.ID+"/paper").want(t, http.StatusOK, `<article class="paper" lang="ru">`, "Как Вы в целом оцениваете обслуживание? 1 - очень плохо, 5 - отлично", "1001", "Расскажите, как всё прошло")
		b.get("/paper").want(t, http.StatusOK, code, "Иванов Иван Петрович", "Ждут печати или возвращения")
		for _, query := range []string{code, strings.ReplaceAll(code, "-", ""), strings.ReplaceAll(code, "-", "%20"), "1001", "%2B79000000101", "8%20900%20000-01-01"} {
			if p := b.get("/paper?q=" + query); p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != entry {
				t.Errorf("%s: %s to %q", query, p.Status, p.Header.Get("Location"))
			}
		}
		swapped := code[len(code)-1:] + code[len(code)-2:len(code)-1]
		b.get("/paper?q="+strings.TrimSuffix(code, code[len(code)-2:])+swapped).want(t, http.StatusOK, "Такой анкеты нет")
		b.get(entry).want(t, http.StatusOK, "Анкета на бумаге: Иванов", `data-key="5"`, code)
		b.post(entry).want(t, http.StatusUnprocessableEntity, "Ничего не введено")
		b.post(entry, "q.overall", "9").want(t, http.StatusUnprocessableEntity, "refused")
		if p := b.post(entry, "q.overall", "2", "q.fixed", "no", "q.trouble", "стук остался", "q.suggestions", "кофе", "then", "next"); p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != "/paper" {
			t.Errorf("typed in: %s to %q\n%s", p.Status, p.Header.Get("Location"), p.body)
		}
		if a := h.answers()["overall"]; a.Rating == nil || *a.Rating != 2 || a.Channel != channels.Paper || a.EmployeeID != h.people["maria"].ID {
			t.Errorf("kept as %+v", a)
		}
		h.open(store.TaskCallback)
		b.get("/paper?q="+code).want(t, http.StatusOK, "уже внесена: Мария Орлова")
		b.get(entry).want(t, http.StatusConflict, "Эта анкета уже внесена")
		b.post(entry, "q.overall", "5").want(t, http.StatusConflict, "Эта анкета уже внесена")
		b.get("/tasks/"+task.ID).want(t, http.StatusOK, "Анкета внесена", "Анкета напечатана")
	})
}

// TestPaperBesideSMS: what the customer has answered by SMS is shown beside the fields, is
// typed in all the same, and stands on his page as what does not count.
func TestPaperBesideSMS(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		b := h.login("sergey")
		task, _ := h.sheetOut(b)
		h.Forward(t, 25*time.Hour)
		h.Send(t)
		h.write("5")
		b = h.login("sergey")
		p := b.get("/tasks/" + task.ID + "/survey")
		p.want(t, http.StatusOK, "уже есть ответ, СМС: 5 / 5", `name="q.overall"`)
		if strings.Contains(p.body, " checked") {
			t.Error("the sheet is filled in with what he has said elsewhere")
		}
		b.post("/tasks/"+task.ID+"/survey", "q.overall", "4").want(t, http.StatusSeeOther)
		b.get("/tasks/"+task.ID+"/survey").want(t, http.StatusConflict)
		b.header = http.Header{"X-Live": {"1"}} // the page that is still open looks for news
		b.get("/tasks/"+task.ID+"/survey").want(t, http.StatusNoContent)
		b.header = nil
		b.get("/contacts/"+task.ContactID).want(t, http.StatusOK, "4 / 5", "Анкета на бумаге · ", "не считается второй раз")
		if a := h.answers()["overall"]; *a.Rating != 5 || a.Channel != channels.SMS {
			t.Errorf("%+v counts", a)
		}
	})
}

// TestPaperOfHisOwn: who is rated on a sheet does not type it in (invariant 14); one that
// is meant for an advisor stands in his queue and in no other's.
func TestPaperOfHisOwn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		h.HandOut(store.RoleAdvisor)
		for _, login := range []string{"pavel", "vera"} {
			var err error
			h.people[login], err = st.SaveEmployee(t.Context(), store.Employee{DealerID: h.Dealer.ID, Name: login, Login: login, PasswordHash: passwordHash(), Roles: []string{store.RoleAdvisor}, Active: true}, storetest.Now)
			check(t, err)
		}
		h.Visit(t, "1001", "Иванов Иван Петрович", phone, time.Hour)
		h.Send(t)
		task := h.open(store.TaskPaper)
		of, other := "pavel", "vera"
		if task.OwnerID == h.people["vera"].ID {
			of, other = other, of
		}
		at := "/tasks/" + task.ID
		h.login(of).get("/queue").want(t, http.StatusOK, at)
		h.login(of).get(at+"/survey").want(t, http.StatusOK, `name="q.overall"`)
		h.login(other).get(at).want(t, http.StatusForbidden)
		h.login(other).post(at+"/paper").want(t, http.StatusForbidden)
		v, err := st.Visit(t.Context(), task.VisitID)
		check(t, err)
		rated, err := st.Employee(t.Context(), v.AdvisorID)
		check(t, err)
		rated.Login, rated.PasswordHash, rated.Roles = "rated", passwordHash(), []string{store.RoleAdvisor, store.RoleOperator}
		_, err = st.SaveEmployee(t.Context(), rated, storetest.Now)
		check(t, err)
		h.login("rated").post(at+"/survey", "q.overall", "5").want(t, http.StatusForbidden, "Это Ваш клиент")
		h.login("maria").post(at+"/survey", "q.overall", "5").want(t, http.StatusSeeOther)
	})
}

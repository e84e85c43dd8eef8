package console_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/survey"
)

func TestFormGetSavesNothingAndPostSaves(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		h.Send(t)
		at := "/s/" + h.token()
		b := h.stranger()
		p := b.get(at + "?q=2")
		p.want(t, http.StatusOK, "Иван Петрович, здравствуйте!", "ТО-4", `value="2" data-key="2" checked`)
		if len(p.body) > 50<<10 {
			t.Errorf("the form has %d bytes", len(p.body))
		}
		if strings.Contains(p.body, "<script") {
			t.Error("the form needs a script")
		}
		if len(p.Cookies()) != 0 {
			t.Error("the form sets a cookie")
		}
		if as := h.answers(); len(as) != 0 {
			t.Fatalf("a GET recorded answers: %+v", as)
		}
		b.post(at).want(t, http.StatusUnprocessableEntity, "Выберите хотя бы один ответ")
		b.post(at, "q.overall", "17").want(t, http.StatusUnprocessableEntity)

		// A mail program's own browser may send any origin.
		b.header = http.Header{"Origin": {"null"}, "Sec-Fetch-Site": {"cross-site"}}
		sent := b.post(at+"?lang=en", "q.overall", "2", "q.trouble", "the knock is still there")
		sent.want(t, http.StatusSeeOther)
		if a := h.answers()["overall"]; a.Rating == nil || *a.Rating != 2 || a.Channel != channels.Form {
			t.Errorf("the rating is kept as %+v", a)
		}
		if cb := h.open(store.TaskCallback); !strings.Contains(cb.Words, "still there") {
			t.Errorf("the callback says %q", cb.Words)
		}
		b.get(sent.Header.Get("Location")).want(t, http.StatusOK, "Thank you for telling us", "Мария Орлова will call you by")

		b.get(at).want(t, http.StatusOK, "Вы уже отвечали", `value="2" data-key="2" checked`, "the knock is still there")
		b.post(at, "q.overall", "5").want(t, http.StatusSeeOther)
		if a := h.answers()["overall"]; *a.Rating != 5 {
			t.Errorf("the changed rating is %d", *a.Rating)
		}
		b.get("/s/"+h.token()+"/thanks?o=good&f=false").want(t, http.StatusOK, "Спасибо за ответ!")
	})
}

// A survey that was changed after a person was asked goes on for him as it began.
func TestFormAsksWhatItBeganWith(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
	h.Send(t)
	was, _ := h.Survey("after-service")
	older, newer := *was, *was
	older.Questions, newer.Version = older.Questions[:1], was.Version+1
	h.in.Survey = func(string) (*survey.Definition, bool) { return &newer, true }
	h.in.Version = func(_ context.Context, _ string, version int) (*survey.Definition, error) {
		if version != was.Version {
			t.Errorf("version %d is asked for", version)
		}
		return &older, nil
	}
	p := h.stranger().get("/s/" + h.token())
	p.want(t, http.StatusOK, "q.overall")
	if strings.Contains(p.body, "q.fixed") {
		t.Error("the form asks what the newest version asks")
	}
}

// What went wrong is asked below the scores, and the wishes last; on the phone it is
// asked where the survey has it.
func TestFormIsInReadingOrder(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	call := h.surveyCall()
	for path, want := range map[string]string{"/s/" + h.token(): "overall fixed on_time explained trouble suggestions", "/tasks/" + call.ID + "/survey": "overall trouble fixed on_time explained suggestions"} {
		var got []string
		for _, m := range regexp.MustCompile(`id="q\.(\w+)\.label"`).FindAllStringSubmatch(h.login("maria").get(path).body, -1) {
			if slices.Contains(strings.Fields(want), m[1]) { // without the one that is drawn
				got = append(got, m[1])
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s asks %v, want %s", path, got, want)
		}
	}
}

func TestFormSpeaksTheChosenLanguage(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
	h.Send(t)
	b := h.stranger()
	b.get("/s/"+h.token()+"?lang=zh").want(t, http.StatusOK, `<html lang="zh">`, "您对这次服务的总体评价")
	b.get("/s/"+h.token()+"?lang=en").want(t, http.StatusOK, `<html lang="en">`, "How would you rate the service overall?")
	b.get("/s/"+h.token()+"?lang=xx").want(t, http.StatusOK, `<html lang="ru">`)
}

func TestFormsThatAreNotThereAnswerKindly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		h.Send(t)
		token := h.token()
		b := h.stranger()
		b.get("/s/aaaaaaaaaaaaaaaa").want(t, http.StatusNotFound, "Такой ссылки нет, или её срок прошёл")
		b.get("/u/aaaaaaaaaaaaaaaa").want(t, http.StatusNotFound)
		h.Forward(t, 13*24*time.Hour)
		b.get("/s/"+token).want(t, http.StatusOK)
		h.Forward(t, 2*24*time.Hour)
		b.get("/s/"+token).want(t, http.StatusNotFound, "Такой ссылки нет, или её срок прошёл", "+74950000000")
		b.post("/s/"+token, "q.overall", "5").want(t, http.StatusNotFound)
		if as := h.answers(); len(as) != 0 {
			t.Errorf("an expired form took answers: %+v", as)
		}
		if strings.Contains(h.log.String(), token) {
			t.Error("the log has a customer's token")
		}
	})
}

func TestUnsubscribeActsOnPostOnly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		h.Send(t)
		at := "/u/" + h.token()
		refused := func() int {
			t.Helper()
			xs, err := st.Suppressions(t.Context(), []string{phone}, h.Clock.Business())
			check(t, err)
			return len(xs)
		}
		b := h.stranger()
		p := b.get(at)
		p.want(t, http.StatusOK, "Да, отписать меня", "…0101")
		if strings.Contains(p.body, phone) {
			t.Error("the page shows the whole number")
		}
		if refused() != 0 {
			t.Fatal("a GET unsubscribed")
		}
		// A mail provider's one-click POST (RFC 8058) has no cookie and no origin of ours.
		b.header = http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://mail.example"}}
		b.post(at, "List-Unsubscribe", "One-Click").want(t, http.StatusOK, "Вы отписаны")
		if refused() == 0 {
			t.Error("the POST did not unsubscribe")
		}
	})
}

// TestFormIsLight: on one page, in three languages, without a script, a login or
// anything from elsewhere, under 50 KB with its style sheet, and fit for a phone.
func TestFormIsLight(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
	h.Send(t)
	b := h.stranger()
	for _, lang := range []string{"ru", "en", "zh"} {
		p := b.get("/s/" + h.token() + "?lang=" + lang)
		p.want(t, http.StatusOK, `<html lang="`+lang+`">`, `name="viewport"`, "ТО-4")
		size := len(p.body)
		for _, m := range regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(p.body, -1) {
			switch at := m[1]; {
			case strings.HasPrefix(at, "?lang="), strings.HasPrefix(at, "tel:"):
			case !strings.HasPrefix(at, "/") || strings.HasPrefix(at, "//"):
				t.Errorf("%s: the form needs %s", lang, at)
			default:
				size += len(b.get(at).body)
			}
		}
		if size > 50<<10 {
			t.Errorf("%s: the form takes %d bytes", lang, size)
		}
		if strings.Contains(p.body, "<script") || strings.Contains(p.body, " onclick=") {
			t.Errorf("%s: the form has a script", lang)
		}
		if n := strings.Count(p.body, "<form"); n != 1 {
			t.Errorf("%s: %d forms", lang, n)
		}
	}
}

// TestFormGoesOnWithWhatWasAnswered: an answer by text message stands on the form,
// and one that the form changes is kept.
func TestFormGoesOnWithWhatWasAnswered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		h.Send(t)
		h.write("4")
		at := "/s/" + h.token()
		b := h.stranger()
		b.get(at).want(t, http.StatusOK, "Вы уже отвечали", `value="4" data-key="4" checked`)
		b.post(at, "q.overall", "4", "q.fixed", "yes").want(t, http.StatusSeeOther)
		as := h.answers()
		if a := as["overall"]; *a.Rating != 4 || a.Channel != channels.SMS {
			t.Errorf("what was not changed is %+v", a)
		}
		if a := as["fixed"]; a.Answer != "yes" || a.Channel != channels.Form || a.At.IsZero() {
			t.Errorf("what was added is %+v", a)
		}
		h.Forward(t, 13*24*time.Hour)
		b.post(at, "q.overall", "3").want(t, http.StatusSeeOther)
		if a := h.answers()["overall"]; *a.Rating != 3 || a.Channel != channels.Form {
			t.Errorf("what was changed is %+v", a)
		}
	})
}

package console_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// asks has the follow-up ask a survey; its call names none and takes that of the step
// before it.
func (h *house) asks(survey string) {
	p := *h.Planner.Programs()["service-followup"]
	p.Steps = slices.Clone(p.Steps)
	p.Steps[0].Survey, p.Steps[1].Survey = survey, ""
	h.Planner.Programs = program.Fixed(map[string]*program.Definition{p.ID: &p})
	h.Dispatcher.Programs = h.Planner.Programs
}

// TestPhoneSheetAsksTheSurveyOfItsTask: a call asks what the program of its task asks,
// and a callback goes on with the survey that it came from.
func TestPhoneSheetAsksTheSurveyOfItsTask(t *testing.T) {
	for survey, wording := range map[string]string{
		"purchase-first-contact": "Насколько Вы довольны покупкой, от 1 до 5",
		"csi":                    "Как Вы в целом оцениваете",
		"nps":                    "от 0 до 10",
		"complaint-handled":      "Как мы занимались Вашим обращением",
	} {
		t.Run(survey, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				h := open(t, st)
				h.asks(survey)
				call := h.surveyCall()
				def, _ := h.Survey(survey)
				b, at := h.login("maria"), "/tasks/"+call.ID+"/survey"
				first := def.First()
				b.get(at).want(t, http.StatusOK, def.Title["ru"], `name="q.`+first.ID+`"`, wording)
				b.post(at, "q."+first.ID, "3").want(t, http.StatusSeeOther)
				if a := h.answers()[first.ID]; a.Rating == nil || *a.Rating != 3 {
					t.Errorf("answers: %+v", h.answers())
				}
				// 3 opens a callback; its sheet goes on with the same survey.
				callback := h.open(store.TaskCallback)
				p := b.get("/tasks/" + callback.ID + "/survey")
				p.want(t, http.StatusOK, wording, `class="tick"`)
				if left := def.Questions[len(def.Questions)-1].ID; left == "suggestions" {
					b.post("/tasks/"+callback.ID+"/survey", "q.suggestions", "кофе").want(t, http.StatusSeeOther)
					if a := h.answers()["suggestions"]; a.Comment != "кофе" {
						t.Errorf("answers: %+v", h.answers())
					}
				}
			})
		})
	}
}

// TestSheetOutlivesItsTask: who was on the telephone while the customer answered by SMS
// loses nothing, and a sheet of days ago is not taken.
func TestSheetOutlivesItsTask(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		call := h.surveyCall()
		b, at := h.login("maria"), "/tasks/"+call.ID+"/survey"
		b.get(at).want(t, http.StatusOK, `name="q.suggestions"`)
		h.write("5")
		if x := h.task(call.ID); x.State != store.TaskClosed {
			t.Fatalf("the call is %s", x.State)
		}
		b.post(at, "q.suggestions", "кофе").want(t, http.StatusSeeOther)
		if as := h.answers(); as["suggestions"].Comment != "кофе" || *as["overall"].Rating != 5 {
			t.Errorf("answers: %+v", as)
		}
		leads := func() {
			t.Helper()
			if p := b.get(at); p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != "/tasks/"+call.ID {
				t.Errorf("the sheet of a call that is over: %d to %q, want to its task", p.StatusCode, p.Header.Get("Location"))
			}
		}
		leads()
		h.Forward(t, 25*time.Hour)
		leads()
		b.post(at, "q.suggestions", "чай").want(t, http.StatusNotFound)
	})
}

// TestConsultantCallsHisBuyer: the first call after a purchase is the consultant's (R030):
// it stands in his queue, its sheet asks about the car, and no other survey call is his.
func TestConsultantCallsHisBuyer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		for login, name := range map[string]string{"pavel": "Павел Зимин", "inna": "Инна Роева"} {
			var err error
			h.people[login], err = st.SaveEmployee(t.Context(), store.Employee{DealerID: h.Dealer.ID, Name: name, Login: login, PasswordHash: passwordHash(), Roles: []string{store.RoleConsultant}, Active: true}, storetest.Now)
			check(t, err)
		}
		h.Purchase(t, "D1", phone, "Павел Зимин", 3*24*time.Hour)
		h.Send(t)
		h.Forward(t, 7*time.Hour)
		h.Send(t)
		call := h.open(store.TaskSurveyCall)
		pavel, inna := h.login("pavel"), h.login("inna")
		at := "/tasks/" + call.ID
		pavel.get("/queue?kind=survey_call").want(t, http.StatusOK, at, "Иванов Иван Петрович")
		pavel.get(at).want(t, http.StatusOK, "LADA Vesta", at+"/survey")
		pavel.get(at+"/survey").want(t, http.StatusOK, "Насколько Вы довольны покупкой", "LADA Vesta")
		if p := inna.get("/queue"); strings.Contains(p.body, at) {
			t.Error("it stands in the queue of another consultant")
		}
		inna.get(at).want(t, http.StatusForbidden)
		inna.post(at+"/survey", "q.purchase", "5").want(t, http.StatusForbidden)
		pavel.post(at+"/survey", "q.purchase", "5", "q.delivery", "4").want(t, http.StatusSeeOther)
		// Another buyer, whom he does not reach.
		h.Purchase(t, "D2", "+79000000177", "Павел Зимин", 3*24*time.Hour)
		h.Send(t)
		h.Forward(t, 20*time.Hour)
		h.Send(t)
		silent := h.open(store.TaskSurveyCall)
		pavel.post("/tasks/"+silent.ID+"/claim").want(t, http.StatusSeeOther)
		pavel.post("/tasks/"+silent.ID+"/attempt", "outcome", "no_answer").want(t, http.StatusSeeOther)
		pavel.post("/tasks/"+silent.ID+"/resolve", "note", "не дозвонился").want(t, http.StatusSeeOther)
		if x := h.task(silent.ID); x.State != store.TaskClosed || x.Note != "не дозвонился" {
			t.Errorf("the call is %s with %q", x.State, x.Note)
		}
		if x := h.task(call.ID); x.State != store.TaskClosed || x.OwnerID != h.people["pavel"].ID {
			t.Errorf("the call is %s of %s", x.State, x.OwnerName)
		}
		if a := h.answers()["delivery"]; a.Rating == nil || *a.Rating != 4 {
			t.Errorf("answers: %+v", h.answers())
		}
	})
}

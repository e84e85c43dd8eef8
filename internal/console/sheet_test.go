package console_test

import (
	"net/http"
	"slices"
	"testing"

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

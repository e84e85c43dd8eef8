package console_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// listed are the rig's programs with what keeps them from starting.
func (h *house) listed() []program.Listed {
	ps := h.Planner.Programs()
	texts := program.Texts{Survey: h.Survey, Message: h.Renderer.MessageLocales, Book: h.Planner.Book}
	var out []program.Listed
	for _, id := range slices.Sorted(maps.Keys(ps)) {
		out = append(out, program.Listed{Definition: ps[id], Missing: program.Launch(ps[id], texts, []string{"ru"})})
	}
	return out
}

// row is what the page says of a program.
func (p page) row(t *testing.T, id string) string {
	t.Helper()
	_, rest, ok := strings.Cut(p.body, `<tr id="`+id+`">`)
	if !ok {
		t.Fatalf("the page does not show %s:\n%s", id, p.body)
	}
	row, _, _ := strings.Cut(rest, "</tr>")
	return row
}

// TestProgramsAreSwitched by those who may, and the audit knows.
func TestProgramsAreSwitched(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		setting := func(id string) store.ProgramSetting {
			t.Helper()
			s, err := st.ProgramSettings(t.Context())
			check(t, err)
			x, _ := s.Of(h.Dealer.ID, id)
			return x
		}
		broken := *h.Planner.Programs()["birthday"]
		broken.ID, broken.Steps = "broken", slices.Clone(broken.Steps)
		broken.Steps[0].Message, broken.Steps[0].Survey = "no.such", ""
		all := maps.Clone(h.Planner.Programs())
		all["broken"] = &broken
		h.Planner.Programs = program.Fixed(all)

		lena := h.login("lena")
		p := lena.get("/programs")
		p.want(t, http.StatusOK, "Программы", "День рождения клиента", "через 3 дня в 11:00", "за 1 день в 12:00", "31 декабря", "Пасха", "Нет сообщения «no.such»", "звонок, мастер-консультант этого клиента")
		for id, says := range map[string][]string{
			"service-followup": {"включена", "Опрос после обслуживания", "через 24 часа", "Телеграм → СМС → Почта", "если клиент ещё не ответил", `name="on" value="no"`},
			"birthday":         {"выключена", `name="on" value="yes"`, "по роли: Маркетолог", "в тот же день в 10:00"},
			"holidays-cn":      {"не для Вашей страны"},
			"broken":           {"не может работать"},
			"next-service":     {"кто включит программу, тот её и запустил"},
			"company-news":     {"каждую рассылку запускает человек"},
			"car-birthday":     {"Годовщина выдачи автомобиля"},
			"no-show":          {"Никто не отвечает: нет сотрудника с ролью «Мастер-консультант»", `<option value="` + h.people["maria"].ID + `"`},
		} {
			for _, s := range says {
				if !strings.Contains(p.row(t, id), s) {
					t.Errorf("%s does not say %q:\n%s", id, s, p.row(t, id))
				}
			}
		}
		for _, id := range []string{"holidays-cn", "broken"} {
			if strings.Contains(p.row(t, id), "/run") {
				t.Errorf("%s can be switched on", id)
			}
			lena.post("/programs/"+id+"/run", "on", "yes").want(t, http.StatusConflict, "Программу включить нельзя")
		}

		// Whoever switches an advertisement on is its launcher, and stays it.
		lena.post("/programs/next-service/run", "on", "yes").want(t, http.StatusSeeOther)
		lena.get("/programs").want(t, http.StatusOK, "Программа включена.", "Запустил: Лена Маркова")
		andrei := h.login("andrei")
		andrei.post("/programs/next-service/responsible", "responsible", h.people["sergey"].ID).want(t, http.StatusSeeOther)
		if x := setting("next-service"); !x.Running || x.ChangedBy != h.people["lena"].ID || x.ResponsibleID != h.people["sergey"].ID {
			t.Errorf("next-service: %+v", x)
		}
		andrei.post("/programs/next-service/run", "on", "no").want(t, http.StatusSeeOther)
		if x := setting("next-service"); x.Running || x.ChangedBy != h.people["andrei"].ID || x.ResponsibleID != h.people["sergey"].ID {
			t.Errorf("next-service: %+v", x)
		}

		// Who is named answers for it, whatever he is; what ran before goes on.
		andrei.post("/programs/no-show/responsible", "responsible", h.people["maria"].ID).want(t, http.StatusSeeOther)
		if row := andrei.get("/programs").row(t, "no-show"); strings.Contains(row, "Никто не отвечает") || !strings.Contains(row, "включена") {
			t.Errorf("no-show:\n%s", row)
		}
		for _, bad := range []struct {
			who, path, key, value string
			status                int
		}{
			{"maria", "birthday/run", "on", "yes", http.StatusForbidden},
			{"oleg", "birthday/responsible", "responsible", "", http.StatusForbidden},
			{"lena", "nothing/run", "on", "yes", http.StatusNotFound},
			{"lena", "birthday/responsible", "responsible", h.people["boris"].ID, http.StatusBadRequest},
			{"lena", "birthday/responsible", "responsible", "x", http.StatusBadRequest},
		} {
			h.login(bad.who).post("/programs/"+bad.path, bad.key, bad.value).want(t, bad.status)
		}
		if x := setting("birthday"); x.Running {
			t.Errorf("birthday: %+v", x)
		}
		for _, locale := range []string{"ru", "en", "zh"} {
			lena.post("/language", "locale", locale, "back", "/programs").want(t, http.StatusSeeOther)
			if p := lena.get("/programs"); strings.Contains(p.body, "⟦") || p.StatusCode != http.StatusOK {
				t.Errorf("%s lacks a text:\n%s", locale, p.body)
			}
		}
	})
}

// TestTriggersHaveWords: no shipped program shows a code.
func TestTriggersHaveWords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		b := h.login("lena")
		for _, locale := range []string{"ru", "en", "zh"} {
			b.post("/language", "locale", locale, "back", "/programs").want(t, http.StatusSeeOther)
			p := b.get("/programs")
			for _, x := range h.listed() {
				row := p.row(t, x.ID)
				for _, code := range []string{"<p>" + x.Trigger + "</p>", "· " + string(x.Steps[0].Purpose) + " ·"} {
					if strings.Contains(row, code) {
						t.Errorf("%s shows %q in %s", x.ID, code, locale)
					}
				}
				if x.Steps[0].Unless != "" && strings.Contains(row, "· "+x.Steps[0].Unless) {
					t.Errorf("%s shows %q in %s", x.ID, x.Steps[0].Unless, locale)
				}
			}
		}
	})
}

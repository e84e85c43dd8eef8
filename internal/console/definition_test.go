package console_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"otklik/channels"
	"otklik/internal/console"
	"otklik/internal/program"
	"otklik/internal/render"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/templates"
)

// editor refuses what says BAD and what is no program, and warns of what says ODD;
// internal/app has the real one.
func (h *house) editor() *console.Definitions {
	return &console.Definitions{
		Check: func(kind, id, content string) (wrong, warnings []console.Finding, err error) {
			if strings.Contains(content, "BAD") {
				wrong = []console.Finding{{Line: 7, Code: console.Other, Args: []string{"this is bad"}}}
			}
			_, err = program.Parse(id, []byte(content))
			var r *program.Refused
			if strings.Contains(content, "steps:") && errors.As(err, &r) {
				for _, p := range r.Problems {
					wrong = append(wrong, console.Finding{Line: p.Line, Step: p.Step, Code: p.Code, Args: p.Args})
				}
			}
			if strings.Contains(content, "BREAKS") {
				wrong = append(wrong, console.Finding{Program: "birthday", Step: "ask", Missing: program.Missing{Rule: program.SurveyLocale, Step: "ask", Name: "nps", In: "ru"}})
			}
			if strings.Contains(content, "ODD") {
				warnings = []console.Finding{{Code: console.Other, Args: []string{"this is odd"}}}
			}
			return wrong, warnings, nil
		},
		Save: func(ctx context.Context, kind, id, content, by string, seen int) (int, error) {
			return h.Store.VersionAfter(ctx, seen, kind, id, content, store.HashToken(content), console.WrittenBy+by, h.Clock.Business())
		},
		Preview: func(_ store.Dealer, _, _, locale string, ch channels.Kind) ([]console.Part, error) {
			return []console.Part{{Name: "greeting", Content: render.Content{Text: "С днём рождения " + locale + string(ch), Segments: 1}}}, nil
		},
	}
}

// TestAMistakeIsSaidInTheLanguage of who makes it, with its line.
func TestAMistakeIsSaidInTheLanguage(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	h := open(t, st)
	content, err := fs.ReadFile(templates.FS, "programs/birthday.yaml")
	check(t, err)
	_, err = st.Version(t.Context(), "program", "birthday", string(content), store.HashToken(string(content)), "shipped", h.Clock.Business())
	check(t, err)
	vera := h.people["lena"]
	vera.ID, vera.DealerID, vera.Login = "", "", "vera"
	h.people["vera"], err = st.SaveEmployee(t.Context(), vera, h.Clock.Business())
	check(t, err)
	group := h.login("vera")
	edit := func(old, with string) page {
		return group.post("/definitions/program/birthday/edit", "content", strings.Replace(string(content), old, with, 1), "seen", "1", "do", "save")
	}
	for locale, says := range map[string]struct{ field, step, yaml, breaks []string }{
		"ru": {[]string{"Строка 7", "Поля «begins» здесь не бывает"}, []string{"Строка 10", "Шаг «greeting». Не назван ни один канал (channels)."}, []string{"Строка 14", "не читается как YAML", "Дословно: did not find"}, []string{"В целом", "Программа «birthday» не сможет работать. Шаг «ask». Опрос «nps» не переведён, язык: русский."}},
		"en": {[]string{"Line 7", "There is no field “begins” here"}, []string{"Line 10", "Step “greeting”. No channel is named (channels)."}, []string{"Line 14", "the YAML cannot be read", "did not find"}, []string{"All of it", "The program “birthday” could not run. Step “ask”. The survey “nps” is not translated: Russian."}},
		"zh": {[]string{"第7行", "没有“begins”这个字段"}, []string{"第10行", "步骤“greeting”：没有写明渠道（channels）。"}, []string{"第14行", "无法按YAML读取", "did not find"}, []string{"整体", "方案“birthday”将无法运行：步骤“ask”：问卷“nps”缺少译文：俄语。"}},
	} {
		group.post("/language", "locale", locale, "back", "/definitions").want(t, http.StatusSeeOther)
		edit("start:", "begins:").want(t, http.StatusUnprocessableEntity, says.field...)
		edit("channels: [telegram, sms, email]", "channels: []").want(t, http.StatusUnprocessableEntity, says.step...)
		edit("channels: [telegram, sms, email]", "channels: [telegram, sms").want(t, http.StatusUnprocessableEntity, says.yaml...)
		edit("start:", "# BREAKS\nstart:").want(t, http.StatusUnprocessableEntity, says.breaks...)
	}
}

// TestDefinitions are shown and written by those who may; nothing that was typed is lost.
func TestDefinitions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		old, err := fs.ReadFile(templates.FS, "programs/birthday.yaml")
		check(t, err)
		for kind, id := range map[string]string{"program": "birthday", "survey": "nps"} {
			_, err := st.Version(t.Context(), kind, id, string(old), store.HashToken(string(old)), "shipped", h.Clock.Business())
			check(t, err)
		}
		const path = "/definitions/program/birthday"
		h.login("andrei").get(path).want(t, http.StatusOK, "День рождения", "поставка", "С днём рождения rusms", "СМС: 1")
		for _, who := range []string{"andrei", "boris", "maria"} {
			h.login(who).get(path+"/edit").want(t, http.StatusForbidden)
			h.login(who).post(path+"/edit", "content", "x", "seen", "1", "do", "save").want(t, http.StatusForbidden)
		}
		// Definitions are the group's: of two dealers nobody of one may write them.
		h.login("lena").get(path+"/edit").want(t, http.StatusForbidden)
		if p := h.login("lena").get(path); strings.Contains(p.body, "/edit") {
			t.Error("somebody of one dealer is offered to edit")
		}
		vera := h.people["lena"]
		vera.ID, vera.DealerID, vera.Login, vera.Name = "", "", "vera", "Вера Общая"
		h.people["vera"], err = st.SaveEmployee(t.Context(), vera, h.Clock.Business())
		check(t, err)
		group := h.login("vera")
		group.get(path+"/edit").want(t, http.StatusOK, "id: birthday", `name="seen" value="1"`)
		group.post(path+"/edit", "content", "id: birthday\r\nBAD <b>", "seen", "1", "do", "save").want(t, http.StatusUnprocessableEntity, "Строка 7", "this is bad", "BAD <b>", "набранное осталось")
		group.post(path+"/edit", "content", "ODD", "seen", "1", "do", "check").want(t, http.StatusOK, "Ошибок нет", "this is odd", "В целом")
		group.post(path+"/edit", "content", "id: birthday\r\n# new\r\n", "seen", "1", "do", "save").want(t, http.StatusSeeOther)
		if got, err := st.Definition(t.Context(), "program", "birthday", 2); err != nil || got != "id: birthday\n# new\n" {
			t.Errorf("kept is %q, %v", got, err)
		}
		group.get(path).want(t, http.StatusOK, "новая версия действует", "Вера Общая", "Вернуть", "# new")
		group.post(path+"/edit", "content", "mine", "seen", "1", "do", "save").want(t, http.StatusConflict, "появилась версия 2 (Вера Общая)", "mine", `name="seen" value="2"`)
		group.get(path+"/edit?version=1").want(t, http.StatusOK, "trigger: birthday", `name="seen" value="2"`)
		for _, bad := range []string{"/definitions/program/nothing", "/definitions/other/birthday", path + "?version=9", path + "/edit?version=x"} {
			group.get(bad).want(t, http.StatusNotFound)
		}
		group.post(path+"/edit", "content", "x", "seen", "x", "do", "save").want(t, http.StatusBadRequest)
		for _, locale := range []string{"ru", "en", "zh"} {
			group.post("/language", "locale", locale, "back", "/definitions").want(t, http.StatusSeeOther)
			for _, at := range []string{"/definitions", path, "/definitions/survey/nps?locale=zh&channel=email", path + "/edit"} {
				if p := group.get(at); strings.Contains(p.body, "⟦") || p.StatusCode != http.StatusOK {
					t.Errorf("%s in %s: %d\n%s", at, locale, p.StatusCode, p.body)
				}
			}
		}
	})
}

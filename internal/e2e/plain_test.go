package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"otklik/internal/testserver"
)

// TestWithoutScript does the main job in a browser that runs no JavaScript.
func TestWithoutScript(t *testing.T) {
	d := startDemo(t)
	p := d.open(t, desktop)
	p.withoutScript()
	p.login(d, "maria")
	p.at("/queue")

	ivan := d.surveyed("Иванов")
	p.on(ivan)
	p.fill(".device.sms textarea", ivansWords)
	p.click(".device.sms button.send", "")
	p.see(".device.sms .chat.mine", ivansWords)
	d.answered(t, ivan, 1)
	// The promise waits for a further thought of his; without the script one looks again.
	testserver.Wait(t, "the promise has arrived", func() bool {
		p.on(ivan)
		there, _ := try[bool](p, `document.body.innerText.includes("Мария Орлова позвонит")`)
		return there
	})

	p.visit("/queue")
	p.see(".queue .task blockquote", ivansWords)
	p.click("a.button", "Следующий")
	p.see("h1", "Иванов Иван Петрович")
	p.click("form[action$='/claim'] button", "")
	p.see(".banner.good", "Задача Ваша")
	p.click("button[value=reached]", "")
	p.see(".banner.good", "Звонок записан")
	p.fill("textarea[name=solution]", "бесплатная замена стойки")
	p.set("form[action$='/agree'] input[name=next]", p.soon(d, 72*time.Hour))
	p.click("button", "Записать договорённость")
	p.see(".banner.good", "Договорённость записана")
	p.click("form[action$='/ask'] button", "")
	p.see(".banner.good", "Клиенту ушёл вопрос")

	form := d.open(t, phone)
	form.withoutScript()
	form.visit(d.formOf("Смирнов"))
	form.click("fieldset:first-of-type label.option", "2")
	form.fill("textarea", "долго искали машину")
	form.click("button.main", "")
	form.see("h1", "Спасибо")
	form.see(".promise", "позвонит")
	p.visit("/queue")
	p.see(".queue .task blockquote", "долго искали машину")
}

// TestCalendarWithoutScript follows a holiday from the month to the people and back.
func TestCalendarWithoutScript(t *testing.T) {
	d := startDemo(t)
	p := d.open(t, desktop)
	p.withoutScript()
	p.login(d, "elena")
	p.visit("/programs")
	p.see("h1", "Программы")
	p.visit(fmt.Sprintf("/calendar/%d-12", time.Now().Year()))
	p.see("h1", "Декабрь")
	p.click(".month a", "Новый год")
	p.see("h1", "31 декабря")
	p.see(".people-list", "Иванов Иван Петрович")
	p.set("select[name=verdict]", "drop")
	p.click("button", "Показать")
	p.wait("only those are listed whom it does not reach", "location.search.includes('verdict=drop') && document.readyState === 'complete'")
	p.see(".people-list", "номер не существует")
	p.set("select[name=verdict]", "merge")
	p.click("button", "Показать")
	p.see(".empty", "Таких нет")
	p.click("a", "показать всех")
	p.see(".people-list", "Уйдёт")
	p.click("nav a", "Декабрь")
	p.see("h1", "Декабрь")
}

// TestCampaignWithoutScript writes wishes, looks at them as somebody will see them, and
// keeps the draft.
func TestCampaignWithoutScript(t *testing.T) {
	d := startDemo(t)
	p := d.open(t, desktop)
	p.withoutScript()
	p.login(d, "elena")
	p.visit("/campaigns")
	p.see("table.campaigns tr:has(.phase-draft)", "Новый кузовной цех")
	p.see("table.campaigns tr:has(.phase-finished)", "Нам 15 лет")
	p.click("table.campaigns a", "Нам 15 лет")
	p.see("h1", "Нам 15 лет")
	p.see(".answers-live li", "А в субботу вы работаете?")
	p.see(".answers-live li:has([href^='/contacts/']) .tag", "благодарит")
	for label, n := range map[string]int{"Отправлено": 7, "Доставлено": 5, "Ответили": 3, "Отказались": 1, "Не получат": 0} {
		if got := p.count(".tiles div", label); got != n {
			t.Errorf("%q is %d, want %d", label, got, n)
		}
	}
	day := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	p.visit("/campaigns/new?day=" + day)
	p.wait("the day is filled in", "document.querySelector('input[name=date]').value === '"+day+"'")
	p.fill("input[name=title]", "8 Марта")
	for _, l := range []string{"ru", "en", "zh"} {
		p.fill("textarea[name=text-"+l+"]", "♥ "+l)
	}
	p.fill("input[name=who]", "Кузнецова")
	p.click(".searching button", "Показать")
	p.see("#campaign-preview", "Так увидит Анна Сергеевна")
	p.see("#campaign-preview .look.sms .bubble", "♥ ru")
	p.click(".bottom button", "Сохранить черновик")
	p.see(".banner.good", "Черновик сохранён")
	p.visit("/campaigns")
	p.see("table.campaigns tr:has(.phase-draft)", "8 Марта")
	p.see("table.campaigns tr:has(.phase-draft)", "черновик")
}

// TestDefinitionEdited mends a program in the console: a mistake is named and what was
// typed comes back, what is right is in force, and an earlier version returns.
func TestDefinitionEdited(t *testing.T) {
	d := startDemo(t)
	p := d.open(t, desktop)
	p.withoutScript()
	p.login(d, "elena")
	p.visit("/definitions/program/birthday")
	p.see("h1", "День рождения")
	p.see(".texts", "С днём рождения")
	p.click("a.button", "Изменить")
	p.wait("the form is there", "document.querySelector('textarea')")
	p.expect("422")
	p.set("textarea", "id: birthday\ntriger: birthday\n")
	p.click("button", "Сохранить новую версию")
	p.see(".alarm.bad", "Строка 2")
	p.wait("what was typed is still there", "document.querySelector('textarea').value.includes('triger')")
	p.visit("/definitions/program/birthday/edit")
	p.set("textarea", strings.ReplaceAll(value[string](p, "document.querySelector('textarea').value"), "0d 10:00", "0d 10:30"))
	p.click("button", "Проверить")
	p.see(".alarm.good", "Ошибок нет")
	p.click("button", "Сохранить новую версию")
	p.see(".banner.good", "новая версия действует")
	p.see(".tag.kind", "версия 2")
	p.see("main", "Елена Маркова")
	p.see(".steps", "10:30")
	p.click("a", "Вернуть")
	p.wait("the form is there", "document.querySelector('textarea')")
	p.click("button", "Сохранить новую версию")
	p.see(".tag.kind", "версия 3")
	p.see(".steps", "в 10:00")
	maria := d.open(t, desktop)
	maria.withoutScript()
	maria.expect("403")
	maria.login(d, "maria")
	for _, path := range []string{"/definitions", "/definitions/program/birthday", "/definitions/program/birthday/edit"} {
		maria.visit(path)
		maria.see("main", "не для Вашей роли")
	}
}

package e2e

import (
	"fmt"
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
	p.see(".empty", "Таких нет")
	p.click("a", "показать всех")
	p.see(".people-list", "Уйдёт")
	p.click("nav a", "Декабрь")
	p.see("h1", "Декабрь")
}

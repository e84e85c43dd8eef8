package e2e

import (
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

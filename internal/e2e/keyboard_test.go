package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp/kb"
)

// tabTo presses Tab until the element of a selector has the focus, as somebody
// without a mouse does.
func (p *tab) tabTo(selector string) {
	p.t.Helper()
	at := fmt.Sprintf("document.activeElement?.matches(%s) ?? false", strconv.Quote(selector))
	for range 120 {
		if value[bool](p, at) {
			if !value[bool](p, "document.activeElement.matches(':focus-visible')") {
				p.t.Errorf("%s has the focus and does not show it", selector)
			}
			return
		}
		p.press(kb.Tab)
	}
	p.t.Fatalf("%s cannot be reached with Tab", selector)
}

// TestKeyboard works the queue and a card without a mouse.
func TestKeyboard(t *testing.T) {
	d := startDemo(t)
	p := d.open(t, desktop)
	p.visit("/login")
	p.tabTo("input[name=login]")
	enter(p, "maria")
	p.tabTo("input[name=password]")
	enter(p, d.logins["maria"].Password)
	p.press(kb.Enter)
	p.at("/queue")

	for _, said := range []struct{ who, text string }{{"张建国", "3分，等了两个多小时"}, {"Иванов", ivansWords}} {
		d.surveyed(said.who)
		p.on(d.contact(said.who))
		p.tabTo(".device.sms textarea")
		enter(p, said.text)
		p.press(kb.Enter)
		p.see(".device.sms .mine", said.text)
	}
	p.visit("/queue")
	p.see(".queue .task", "张建国")
	p.see(".queue .task", "Иванов")

	p.press("j")
	p.press("j")
	p.wait("j goes down to the second task", "document.querySelectorAll('.queue .task')[1].contains(document.activeElement)")
	p.press("k")
	p.wait("k goes up again", "document.querySelectorAll('.queue .task')[0].contains(document.activeElement)")
	p.press(kb.Enter)
	p.see("h1", "Иванов Иван Петрович")

	p.press("c")
	p.see(".banner.good", "Задача Ваша")
	p.press("r")
	p.see("#task-story", "Дозвонились")
	p.tabTo("textarea[name=solution]")
	enter(p, "бесплатная диагностика завтра")
	p.tabTo("input[name=consent]")
	p.press(" ")
	p.tabTo("form[action$='/agree'] input[name=next]")
	p.set("form[action$='/agree'] input[name=next]", p.soon(d, 72*time.Hour))
	p.tabTo("form[action$='/agree'] button")
	p.press(kb.Enter)
	p.see(".banner.good", "Договорённость записана")
	p.tabTo("form[action$='/ask'] button")
	p.press(kb.Enter)
	p.see(".banner.good", "Клиенту ушёл вопрос")

	p.press("n")
	p.see("h1", "张建国")
}

// enter types into what has the focus.
func enter(p *tab, text string) {
	p.t.Helper()
	call(p, input.InsertText, input.InsertTextParams{Text: text})
}

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// mostForm is how much a customer's form may cost him to load, in bytes.
const mostForm = 50_000

// TestForm answers the survey on a phone's browser: light, in three languages,
// changed later, and kind when the link is too old.
func TestForm(t *testing.T) {
	d := startDemo(t)
	link := d.formOf("Смирнов")
	dmitri := d.contact("Смирнов")
	p := d.open(t, phone)

	// Whole bytes, as the first visit with an empty cache.
	var size int
	ctx, cancel := p.bounded()
	defer cancel()
	loaded := chromedp.Events(ctx, network.LoadingFinished)
	p.visit(link)
	want := value[int](p, "1 + performance.getEntriesByType('resource').length")
	for e, err := range loaded {
		if err != nil {
			t.Fatalf("counting bytes: %v", err)
		}
		size += int(e.EncodedDataLength)
		if want--; want == 0 {
			break
		}
	}
	if size == 0 || size > mostForm {
		t.Errorf("the form costs %d bytes, want at most %d", size, mostForm)
	}
	t.Logf("the form costs %d bytes", size)

	for _, l := range []struct{ locale, title, question, button string }{
		{"en", "Hello Дмитрий!", "How would you rate the service overall?", "Send"},
		{"zh", "您好", "您对这次服务的总体评价", "提交"},
		{"ru", "Дмитрий Олегович, здравствуйте!", "Как Вы в целом оцениваете обслуживание?", "Отправить"},
	} {
		p.click(".languages a[lang="+l.locale+"]", "")
		p.see("legend", l.question)
		p.see("button.main", l.button)
		p.see("h1", l.title)
	}
	if small := value[string](p, tooSmall); small != "" {
		t.Errorf("too small for a finger: %s", small)
	}

	p.click("button.main", "")
	p.see("[role=alert]", "Выберите хотя бы один ответ")
	p.expect("422")
	p.click("fieldset:first-of-type label.option", "5")
	p.click("button.main", "")
	p.see("h1", "Спасибо")
	if got := d.rating(t, dmitri); got != 5 {
		t.Errorf("5 was saved as %d", got)
	}
	p.click("main a", "Изменить ответы")
	p.wait("what was said stands", "document.querySelector('fieldset input:checked')?.value === '5'")
	p.click("fieldset:first-of-type label.option", "2")
	p.click("button.main", "")
	p.see(".promise", "Мария Орлова позвонит")
	if got := d.rating(t, dmitri); got != 2 {
		t.Errorf("the change to 2 was saved as %d", got)
	}

	if status, body := d.get("/s/nobody-knows-this"); status != http.StatusNotFound || !strings.Contains(body, "<h1>") {
		t.Errorf("an unknown link answers %d", status)
	}
	d.advance(15 * 24 * time.Hour)
	p.expect("404")
	p.visit(link)
	p.see("h1", "Ссылка не открылась")
	p.see("main", "напишите или позвоните нам")
	if status, _ := d.fetch(d.request(http.MethodPost, link, "q.overall=1")); status != http.StatusNotFound {
		t.Errorf("an expired form takes answers: %d", status)
	}
	if got := d.rating(t, dmitri); got != 2 {
		t.Errorf("an expired form changed the score to %d", got)
	}
}

// tooSmall names the first thing to tap that is smaller than a fingertip (44 px).
const tooSmall = `(() => {
	for (const e of document.querySelectorAll("label.option, button, textarea")) {
		const r = e.getBoundingClientRect();
		if (r.width < 44 || r.height < 44) return e.outerHTML.slice(0, 120) + " " + r.width + "×" + r.height;
	}
	return "";
})()`

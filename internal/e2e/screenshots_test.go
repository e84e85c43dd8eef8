//go:build screenshots

package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"otklik/internal/testserver"
)

var update = flag.Bool("update", false, "write the pictures of the documentation anew")

// TestScreenshots plays a morning of the demo and takes the pictures of the
// documentation. With -update it writes them, without it only makes sure that they
// can be taken.
func TestScreenshots(t *testing.T) {
	d := startDemo(t)
	p := d.open(t, desktop)
	p.scaled(desktop, 2)
	p.login(d, "maria")
	morning(t, d, p)

	p.visit("/queue")
	shoot(t, p, "queue")
	p.click(".queue .task a[data-open]", "Иванов")
	p.see("h1", "Иванов")
	p.click("form[action$='/claim'] button", "")
	p.wait("the card is mine", "document.querySelector('form[action$=\"/agree\"]')")
	p.click("button[value=reached]", "")
	p.see("#task-story", "Дозвонились")
	p.fill("textarea[name=solution]", "Бесплатная замена стойки стабилизатора завтра в 9:00, на время ремонта — подменный автомобиль")
	p.set("form[action$='/agree'] input[name=next]", p.soon(d, 46*time.Hour))
	p.click("form[action$='/agree'] label", "Да")
	p.click("button", "Записать договорённость")
	p.see(".banner.good", "Договорённость записана")
	p.visit(value[string](p, "location.pathname"))
	shoot(t, p, "callback")
	p.on(d.contact("Кузнецова"))
	p.see(".device.sms .chat.theirs", "позвонит")
	shoot(t, p, "phones")

	form := d.open(t, phone)
	form.scaled(phone, 2)
	form.visit(d.formOf("Смирнов") + "?q=4")
	shoot(t, form, "form-mobile")
}

// morning is what has happened before the pictures are taken: a few hours in which
// customers answered on every channel and a colleague took a task.
func morning(t *testing.T, d *demo, p *tab) {
	t.Helper()
	emma := d.open(t, desktop)
	emma.login(d, "emma")
	for _, said := range []struct{ who, app, tap, text, answer string }{
		{"Michael Brown", "telegram", "2", "Still no cold air after the service", "call you"},
		{"张建国", "sms", "", "3分，等了两个多小时", "回电"},
		{"Emily Johnson", "sms", "", "5, everyone at the desk was lovely", "Thank you"},
		{"", "", "", "", ""},
		{"Смирнов", "email", "", "ну так себе как-то", ""},
		{"Кузнецова", "telegram", "4", "", "с первого раза"},
		{"Кузнецова", "sms", "", "Хочу уточнить про бампер, перезвоните после шести", "позвонит"},
		{"", "", "", "", ""},
		{"СтройТранс", "sms", "", "перезвоните, пожалуйста, после обеда", "позвонит"},
		{"Иванов", "sms", "", ivansWords, "позвонит"},
	} {
		if said.who == "" {
			d.advance(time.Hour)
			continue
		}
		person := d.contact(said.who)
		p.on(person)
		if said.tap != "" {
			p.click(".device.telegram .key", said.tap)
			p.see(".device.telegram .chat.theirs", said.answer)
		}
		if said.text != "" {
			p.write(said.app, said.text)
			p.see(".device."+said.app+" .screen", said.answer)
		}
	}
	emma.visit("/queue")
	emma.click(".queue .task a[data-open]", "Michael Brown")
	emma.click("form[action$='/claim'] button", "")
	emma.see(".banner.good", "")
}

// shoot takes the picture of what is on the screen.
func shoot(t *testing.T, p *tab, name string) {
	t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatalf("taking %s: %v", name, err)
	}
	if len(png) < 10_000 {
		t.Errorf("the picture of %s has %d bytes; the page is empty", name, len(png))
	}
	if !*update {
		return
	}
	path := filepath.Join(testserver.RepoRoot(t), "docs", name+".png")
	if err := os.WriteFile(path, png, 0o644); err != nil {
		t.Fatalf("writing %s: %v", path, err)
	}
}

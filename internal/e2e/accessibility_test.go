package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"otklik/internal/testserver"
)

// page is one page of the program with who looks at it.
type page struct{ name, path string }

// TestAccessibility has axe-core judge every page on a desk and on a phone, in the dark
// for its colours, and makes sure of what it cannot: one headline, a title, no part that
// sticks out sideways. A page is loaded once, with all that
// can be unfolded open, and must stand being resized.
func TestAccessibility(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join(testserver.PeerModule(t, "axe-core"), "axe.min.js"))
	if err != nil {
		t.Fatalf("reading axe-core: %v", err)
	}
	d := startDemo(t)
	p := d.open(t, desktop)
	p.login(d, "maria")
	pages := furnished(t, d, p)
	outside := d.open(t, desktop)
	outside.expect("404")
	p.expect("404")
	manager := d.open(t, desktop)
	manager.login(d, "andrei")
	marketer := d.open(t, desktop)
	marketer.login(d, "elena")
	pages = append(pages, campaigned(d, marketer)...)
	for _, x := range pages {
		who := p
		switch {
		case strings.HasPrefix(x.name, "outside"):
			who = outside
		case strings.HasPrefix(x.name, "manager"):
			who = manager
		case strings.HasPrefix(x.name, "marketer"):
			who = marketer
		}
		t.Run(x.name, func(t *testing.T) {
			who.media("light")
			who.resize(desktop)
			who.visit(x.path)
			value[bool](who, string(axe)+`; document.querySelectorAll("details").forEach(d => d.open = true); true`)
			for _, width := range []int64{desktop, phone} {
				t.Run(fmt.Sprint(width), func(t *testing.T) {
					who.resize(width)
					who.media("light")
					judge(t, who, "undefined")
					inspect(t, who)
					who.media("dark")
					judge(t, who, `{type: "rule", values: ["color-contrast", "link-in-text-block"]}`)
				})
			}
		})
	}
}

// furnished plays the demo until every page has something to show, and lists the
// pages.
func furnished(t *testing.T, d *demo, p *tab) []page {
	t.Helper()
	d.surveyed("Иванов")
	p.on(d.contact("Иванов"))
	p.write("sms", ivansWords)
	p.see(".device.sms .chat.theirs", "позвонит")
	d.surveyed("Кузнецова")
	p.on(d.contact("Кузнецова"))
	p.click(".device.telegram .key", "4")
	p.see(".device.telegram .chat.theirs", "с первого раза")
	d.surveyed("Смирнов")
	p.on(d.contact("Смирнов"))
	p.write("email", "ну так себе как-то")
	form := d.formOf("Смирнов")
	p.visit("/queue?kind=callback")
	p.click(".queue .task a[data-open]", "Иванов")
	p.see("h1", "Иванов")
	free := value[string](p, "location.pathname")
	mine := free
	p.click("form[action$='/claim'] button", "")
	p.wait("the card is mine", "document.querySelector('form[action$=\"/agree\"]')")
	p.click("summary", "")
	d.advance(48 * time.Hour)
	p.visit("/queue?kind=survey_call")
	p.click(".queue .task a[data-open]", "")
	p.see("h1", "")
	call := value[string](p, "location.pathname")
	eve := fmt.Sprintf("/calendar/%d-12/31", time.Now().Year()) // everybody is congratulated on New Year
	return []page{
		{"queue", "/queue"}, {"mine", "/queue?mine=1"}, {"callback", mine}, {"call", call}, {"sheet", call + "/survey"}, {"inbox", "/inbox"}, {"paper", "/paper?q=none"},
		{"contacts", "/contacts"}, {"nobody", "/contacts?q=qqq"}, {"contact", "/contacts/" + d.contact("Иванов").ID}, {"remarks", "/remarks"},
		{"phones", "/phones?who=" + d.contact("Кузнецова").ID}, {"mailbox", "/phones?who=" + d.contact("Смирнов").ID}, {"lost", "/no-such-page"}, {"missing", "/tasks/nothing"}, {"manager-sending", "/sending"}, {"manager-campaigns", "/campaigns"}, {"manager-campaign", "/campaigns/new?day=2030-03-08"},
		{"manager-programs", "/programs"}, {"manager-definitions", "/definitions"}, {"manager-program", "/definitions/program/birthday"}, {"manager-survey", "/definitions/survey/after-service?channel=telegram"}, {"marketer-edit", "/definitions/program/birthday/edit"}, {"manager-calendar", "/calendar"}, {"manager-eve", eve}, {"welcome", "/welcome"}, {"prospects", "/prospects"},
		{"outside-login", "/login"}, {"outside-form", form}, {"outside-form-tapped", form + "?q=2"}, {"outside-thanks", form + "/thanks?o=good&f=false"},
		{"outside-unsubscribe", strings.Replace(form, "/s/", "/u/", 1)}, {"outside-unknown-form", "/s/nothing"},
	}
}

// campaigned has the marketer make a campaign as far as its dry run, and launch another;
// it lists their pages.
func campaigned(d *demo, p *tab) []page {
	day := d.businessNow().AddDate(0, 0, 1).Format(time.DateOnly)
	at := func() string { return strings.TrimSuffix(value[string](p, "location.pathname"), "/rehearsal") }
	rehearse := func() {
		p.visit("/campaigns/new?day=" + day)
		p.fill("input[name=title]", "Зима")
		for _, l := range []struct{ tab, locale, wishes string }{{"Рус", "ru", "С первым днём зимы, {имя}!"}, {"Eng", "en", "Happy winter, {name}!"}, {"中文", "zh", "{称呼}冬日快乐！"}} {
			p.click("[role=tab]", l.tab)
			p.fill("textarea[name=text-"+l.locale+"]", l.wishes)
		}
		p.click(".bottom button", "Пробный прогон")
		p.see("h1", "Пробный прогон: Зима")
	}
	rehearse()
	draft := at()
	rehearse()
	launched := at()
	p.click("a.button.main", "Запустить")
	p.click("section.confirm button.main", "Запустить:")
	p.see(".banner.good", "Рассылка запущена")
	return []page{{"marketer-campaigns", "/campaigns"}, {"marketer-draft", draft}, {"marketer-rehearsal", draft + "/rehearsal"}, {"marketer-confirm", draft + "/launch"}, {"marketer-send", draft + "/people?list=send"},
		{"marketer-launched", launched}, {"marketer-people", launched + "/people?state=planned"}}
}

// TestSectionsStandInOneLine on a small desk, in every language, also for the manager,
// who has the most: they have the line.
func TestSectionsStandInOneLine(t *testing.T) {
	d := startDemo(t)
	for _, login := range []string{"elena", "andrei"} {
		p := d.open(t, desktop)
		p.login(d, login)
		for _, l := range []struct{ button, section string }{{"Eng", "Campaigns"}, {"中文", "群发"}, {"Рус", "Рассылки"}} {
			p.visit("/campaigns")
			p.click(".bar .languages button", l.button)
			p.see(".bar nav a[aria-current]", l.section)
			// A scroll bar takes up to 17 px of the line, and no browser of the tests shows one.
			if room := value[int](p, `(() => { const n = document.querySelector(".bar nav"); return new Set([...n.children].map(a => Math.round(a.getBoundingClientRect().top))).size > 1 ? -1 : Math.round(n.getBoundingClientRect().right - n.lastElementChild.getBoundingClientRect().right) })()`); room < 17 {
				t.Errorf("%s, %s: the sections have %d px to spare in one line (-1: they take more lines)", login, l.button, room)
			}
			if lines := value[int](p, `new Set([...document.querySelectorAll(".brand, .bar nav, .who")].map(e => { const r = e.getBoundingClientRect(); return Math.round((r.top + r.bottom) / 40) })).size`); lines != 1 {
				t.Errorf("%s, %s: the bar has %d lines", login, l.button, lines)
			}
		}
	}
}

// violation is what axe-core finds, as far as it is told on.
type violation struct {
	ID, Help string
	Nodes    []struct {
		HTML           string
		FailureSummary string
	}
}

// judge has axe-core look at the page that is open, for some of its rules. Its script was
// brought by the browser's own protocol, so that the page's Content-Security-Policy stays
// as it is.
func judge(t *testing.T, p *tab, only string) {
	t.Helper()
	raw := promise[string](p, `axe.run(document, {iframes: false, resultTypes: ["violations"], runOnly: `+only+`}).then(r => JSON.stringify(r.violations))`)
	var found []violation
	if err := json.Unmarshal([]byte(raw), &found); err != nil {
		t.Fatalf("reading axe-core's findings: %v", err)
	}
	for _, v := range found {
		for _, n := range v.Nodes {
			t.Errorf("%s: %s\n  %s\n  %s", v.ID, v.Help, n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n  "))
		}
	}
}

// inspect looks at the page that is open for what axe-core does not ask.
func inspect(t *testing.T, p *tab) {
	t.Helper()
	if n := value[int](p, "document.querySelectorAll('h1').length"); n != 1 {
		t.Errorf("the page has %d headlines, want one", n)
	}
	if title := value[string](p, "document.title"); strings.TrimSpace(strings.Split(title, "·")[0]) == "" {
		t.Errorf("the page has no title of its own: %q", title)
	}
	if over := value[int](p, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
		t.Errorf("the page is %d px wider than the screen: %s", over, value[string](p, widest))
	}
	if text := value[string](p, said); strings.Contains(text, "⟦") || strings.Contains(text, "{{") || strings.Contains(text, "<no value>") {
		t.Errorf("a text is missing:\n%s", text)
	}
}

// said is what the page says; the source of a definition, which has placeholders of its
// own, is not said but shown.
const said = `(() => {
	for (const source of document.querySelectorAll("pre.source, textarea.source")) source.hidden = true;
	return document.body.innerText;
})()`

// widest names the element that sticks out most.
const widest = `(() => {
	let most = null, right = document.documentElement.clientWidth;
	for (const e of document.querySelectorAll("body *")) { const r = e.getBoundingClientRect(); if (r.right > right + 1) { right = r.right; most = e; } }
	return most ? most.outerHTML.slice(0, 160) : "nothing in sight";
})()`

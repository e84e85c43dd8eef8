package e2e

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/templates"
)

// clubTag is what the people of the marketer's day have in common.
const clubTag = "автоклуб-8"

// woman is somebody who is to be congratulated.
type woman struct{ id, name, phone, locale, hours string }

// club is what the test knows of the people it has made: those who get the wishes at noon
// and those who want to be written to later, how many others get none, and how many have
// the news with them.
type club struct {
	early, late                   []woman
	unknown, complaints, withNews int
	locales                       map[string]int
}

func (c *club) send() int { return len(c.early) + len(c.late) }

// russian are those who get the wishes in Russian.
func (c *club) russian() []woman {
	return slices.DeleteFunc(slices.Concat(c.early, c.late), func(w woman) bool { return w.locale != "ru" })
}

// found makes forty people of mixed gender, language, hours, consent and complaints. Every
// program but the campaigns' rests, so that no holiday near the day of the test has a
// greeting of its own.
func (c *club) found(t *testing.T, st *store.Store) {
	t.Helper()
	ctx, now := t.Context(), time.Now()
	ds, err := st.Dealers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	programs, err := program.Load(templates.FS, "programs")
	if err != nil {
		t.Fatal(err)
	}
	settings, err := st.ProgramSettings(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for id := range programs {
		x, _ := settings.Of(ds[0].ID, id)
		if x.Running = id == "own-greeting"; !x.Running {
			if err := st.SetProgram(ctx, x); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.locales = map[string]int{}
	dice := rand.New(rand.NewPCG(8, 2026))
	for i := range 40 {
		gender := []string{"female", "female", "male", ""}[dice.IntN(4)]
		locale := []string{"ru", "en", "zh"}[dice.IntN(3)]
		w := woman{name: fmt.Sprintf("Гостья%c%c Анна Ивановна", 'А'+rune(i/8), 'а'+rune(i%8)), phone: fmt.Sprintf("+7900555%04d", i), locale: locale}
		if locale == "zh" {
			w.phone = fmt.Sprintf("+86150005550%02d", i)
		}
		if dice.IntN(2) == 0 {
			w.hours = "15:00-19:00"
		}
		agreed, complains := dice.IntN(2) == 0, dice.IntN(8) == 0
		c.add(t, st, ds[0], &w, gender, agreed, complains, now)
	}
	if len(c.early) == 0 || len(c.late) == 0 || c.locales["ru"] < 2 || c.unknown == 0 || c.complaints == 0 || c.withNews == 0 || c.withNews == c.send() {
		t.Fatalf("the dice made nothing to tell apart: %+v", c)
	}
}

// add stores one of them and counts her where she belongs.
func (c *club) add(t *testing.T, st *store.Store, dealer store.Dealer, w *woman, gender string, agreed, complains bool, now time.Time) {
	t.Helper()
	ctx, at := t.Context(), now.AddDate(0, -3, 0)
	err := st.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
		saved, err := tx.SaveVisits(ctx, dealer, []store.VisitRecord{{Order: "8М" + w.phone, ClosedAt: at, HandedOverAt: at, CompletedAt: at,
			Customer: store.ContactRecord{Name: w.name, Family: strings.Fields(w.name)[0], Given: "Анна", Patronymic: "Ивановна", Gender: gender, Phones: []string{w.phone}, Locale: w.locale, Hours: w.hours, Tags: []string{clubTag}}}}, now)
		if err != nil {
			return err
		}
		w.id = saved[0].ContactID
		if complains {
			if _, err := tx.OpenTask(ctx, store.Task{ID: st.NewID(), DealerID: dealer.ID, ContactID: w.id, Kind: store.TaskCallback, State: store.TaskOpen, Reason: "low_score", OpenedAt: now, DueAt: now.AddDate(0, 0, 5)}, now); err != nil {
				return err
			}
		}
		if !agreed {
			return nil
		}
		return tx.AddConsent(ctx, store.Consent{ContactID: w.id, DealerID: dealer.ID, Purpose: string(outreach.Ad), Channel: channels.SMS, Given: true, At: now, How: "form"})
	})
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case gender == "":
		c.unknown++
		return
	case gender == "male":
		return
	case complains:
		c.complaints++
		return
	case w.hours == "":
		c.early = append(c.early, *w)
	default:
		c.late = append(c.late, *w)
	}
	c.locales[w.locale]++
	if agreed {
		c.withNews++
	}
}

// TestMarketersDay is the marketer's day: wishes are written, looked at, counted,
// launched, stopped, go on, and are answered.
func TestMarketersDay(t *testing.T) {
	people := &club{}
	d := startDemo(t, func(st *store.Store) { people.found(t, st) })
	elena := d.open(t, desktop)
	elena.login(d, "elena")
	elena.visit("/campaigns")
	today := d.businessNow()
	day := time.Date(today.Year(), today.Month(), today.Day()+2, 0, 0, 0, 0, today.Location())
	writeWishes(t, elena, people, day)
	segments := rehearseWishes(t, elena, people)
	launchWishes(elena, people)
	stopWishes(t, d, elena, people, day)
	allGot(t, d, people, segments)
	answerWishes(t, d, elena, people)
}

// businessNow is the dealership's own time, which the demo can move.
func (d *demo) businessNow() time.Time {
	d.t.Helper()
	v, err := d.app.Store().Setting(d.t.Context(), "clock_offset")
	if err != nil {
		d.t.Fatalf("reading the clock's offset: %v", err)
	}
	offset, err := strconv.ParseInt(cmp.Or(v, "0"), 10, 64)
	if err != nil {
		d.t.Fatalf("reading the clock's offset: %v", err)
	}
	return time.Now().Add(time.Duration(offset)).In(d.dealer().Location())
}

// count is the figure beside a label.
func (p *tab) count(selector, label string) int {
	p.t.Helper()
	return value[int](p, countOf(selector, label))
}

// countIs waits for a figure.
func (p *tab) countIs(selector, label string, want int) {
	p.t.Helper()
	p.wait(fmt.Sprintf("%s %q is %d", selector, label, want), fmt.Sprintf("%s === %d", countOf(selector, label), want))
}

// countOf finds the figure beside a label in a list or among tiles; -1 where there is
// none.
func countOf(selector, label string) string {
	return fmt.Sprintf(`(() => {
	const e = [...document.querySelectorAll(%s)].find(e => e.textContent.includes(%s));
	return e ? Number((e.querySelector("dd a") ?? e.querySelector("dd, b")).textContent.replace(/\D/g, "")) : -1;
})()`, strconv.Quote(selector), strconv.Quote(label))
}

// writeWishes writes in three languages and sees what one of the people would get.
func writeWishes(t *testing.T, elena *tab, people *club, day time.Time) {
	t.Helper()
	elena.click("a.button", "Новое поздравление")
	elena.at("/campaigns/new")
	elena.fill("input[name=title]", "Весенний праздник")
	elena.set("input[name=date]", day.Format(time.DateOnly))
	elena.set("select[name=hour]", "12:00")
	elena.set("select[name=gender]", "female")
	elena.fill("input[name=tags]", clubTag)
	for _, x := range []struct{ tab, locale, wishes, news string }{
		{"Рус", "ru", "С праздником, {имя}! Тепла и радости.", "Новая модель уже у нас."},
		{"Eng", "en", "Happy holiday, {name}!", "A new model is here."},
		{"中文", "zh", "{称呼}节日快乐！", "新款到店。"},
	} {
		elena.click("[role=tab]", x.tab)
		elena.fill("textarea[name=text-"+x.locale+"]", x.wishes)
		elena.fill("textarea[name=news-"+x.locale+"]", x.news)
	}
	elena.click("[role=tab]", "Рус")
	elena.fill("input[name=who]", strings.Fields(people.russian()[0].name)[0])
	elena.see("#campaign-preview .look.sms .bubble", "С праздником, Анна Ивановна! Тепла и радости. Новая модель уже у нас.")
	seen := []rune(elena.text("#campaign-preview .look.sms .bubble"))
	segments := 1
	if len(seen) > 70 {
		segments = (len(seen) + 66) / 67
	}
	meter := elena.text("#campaign-preview .look.sms .meter")
	if !strings.HasPrefix(meter, fmt.Sprintf("%d зна", len(seen))) || !strings.Contains(meter, fmt.Sprintf("· %d СМС · UCS-2", segments)) {
		t.Errorf("%d characters in %d segments are shown as %q: %q", len(seen), segments, meter, string(seen))
	}
}

// rehearseWishes holds the dry run against the people as they were made, and gives the
// segments of SMS that it foretells.
func rehearseWishes(t *testing.T, elena *tab, people *club) int {
	t.Helper()
	elena.click(".bottom button", "Пробный прогон")
	elena.see("h1", "Пробный прогон: Весенний праздник")
	for _, x := range []struct {
		selector, label string
		want            int
	}{
		{".counters li", "получат", people.send()},
		{".counters li", "пропущен", people.unknown + people.complaints},
		{".reasons li", "пол неизвестен", people.unknown},
		{".reasons li", "открытое обращение", people.complaints},
		{".reasons li", "С новостями", people.withNews},
		{".reasons li", "нет согласия на рекламу", people.send() - people.withNews},
		{".reasons li", "часы, о которых просил клиент", len(people.late)},
		{".reasons li", "русский", people.locales["ru"]},
		{".reasons li", "английский", people.locales["en"]},
		{".reasons li", "китайский", people.locales["zh"]},
	} {
		if got := elena.count(x.selector, x.label); got != x.want {
			t.Errorf("the dry run says %q %d, want %d; it shows:\n%s", x.label, got, x.want, elena.text("main"))
		}
	}
	return elena.count(".counters li", "сегмент")
}

// launchWishes reads what would happen and confirms it.
func launchWishes(elena *tab, people *club) {
	elena.click("a.button.main", "Запустить")
	elena.see("section.confirm", "Рассылка запускается от Вашего имени, Елена Маркова")
	elena.click("section.confirm button.main", fmt.Sprintf("Запустить: %d", people.send()))
	elena.see(".banner.good", "Рассылка запущена")
	elena.see(".tag", "запущена, ждёт дня")
	elena.countIs(".tiles div", "Отправлено", 0)
}

// stopWishes stops the campaign between noon and the hours of those who want to be written
// to later: nothing leaves to them before it goes on.
func stopWishes(t *testing.T, d *demo, elena *tab, people *club, day time.Time) {
	t.Helper()
	d.advance(day.Add(12*time.Hour + 5*time.Minute).Sub(d.businessNow()))
	elena.countIs(".tiles div", "Отправлено", len(people.early))
	elena.countIs(".tiles div", "Доставлено", len(people.early))
	elena.click("button[data-hold=pause]", "Остановить")
	elena.see(".banner.good", "Рассылка стоит")
	elena.see(".tag.phase-paused", "остановлена")
	d.advance(day.Add(15*time.Hour + 5*time.Minute).Sub(d.businessNow()))
	for _, w := range people.late {
		if ms := d.messages(w.id); len(ms) != 0 {
			t.Fatalf("%s was written to while the campaign was stopped: %q", w.name, ms[0].Text)
		}
	}
	elena.visit(value[string](elena, "location.pathname"))
	elena.countIs(".tiles div", "Отправлено", len(people.early))
	elena.click("button[data-hold=pause]", "Продолжить")
	elena.see(".banner.good", "Рассылка идёт дальше")
	value[bool](elena, "window.unreloaded = true")
	elena.countIs(".tiles div", "Отправлено", people.send())
	elena.countIs(".tiles div", "Доставлено", people.send())
	elena.countIs(".tiles div", "Отложены", people.complaints)
	elena.countIs(".tiles div", "С новостями", people.withNews)
}

// allGot makes sure that everybody got one message, and that all of them took as many
// segments as the dry run had said.
func allGot(t *testing.T, d *demo, people *club, segments int) {
	t.Helper()
	took := 0
	for _, w := range slices.Concat(people.early, people.late) {
		ms := d.messages(w.id)
		if len(ms) != 1 || ms[0].Address != w.phone {
			t.Fatalf("%s got %d messages, want one", w.name, len(ms))
		}
		took += ms[0].Segments
	}
	if took != segments {
		t.Errorf("%d segments left, the dry run said %d", took, segments)
	}
}

const tanyasWords = "Спасибо, но стучит подвеска, перезвоните мне"

// answerWishes: a complaint becomes a task before the operator, a refusal holds, and the
// campaign's page tells of both by itself.
func answerWishes(t *testing.T, d *demo, elena *tab, people *club) {
	t.Helper()
	russian := people.russian()
	complaining, refusing := russian[0], russian[1]
	maria := d.open(t, desktop)
	maria.login(d, "maria")
	maria.visit("/queue")
	phones := elena.beside()
	phones.visit("/phones")
	phones.writeFrom(complaining, tanyasWords)
	maria.see(".queue .task blockquote", tanyasWords)
	maria.see(".queue .task", complaining.name)
	phones.writeFrom(refusing, "СТОП")
	elena.countIs(".tiles div", "Ответили", 2)
	elena.countIs(".tiles div", "Отказались", 1)
	elena.see(".answers-live li", tanyasWords)
	elena.wait("the complaint leads to its task", "[...document.querySelectorAll('.answers-live li')].some(e => e.innerText.includes("+strconv.Quote(tanyasWords)+") && e.querySelector('a[href^=\"/tasks/\"]'))")
	elena.see(".answers-live .tag.urgent", "отказ")
	if !value[bool](elena, "window.unreloaded === true") {
		t.Error("the campaign's page was reloaded, it did not change by itself")
	}
	found, err := d.app.Store().Suppressions(t.Context(), []string{refusing.phone}, time.Now().AddDate(1, 0, 0))
	if err != nil || !slices.ContainsFunc(found, func(s store.Suppression) bool { return s.Reason == "opted_out" }) {
		t.Errorf("who wrote СТОП is not opted out: %+v, %v", found, err)
	}
}

// writeFrom sends an SMS from somebody's phone, which need not be among those shown.
func (p *tab) writeFrom(w woman, text string) {
	p.t.Helper()
	form := url.Values{"who": {w.id}, "channel": {string(channels.SMS)}, "address": {w.phone}, "text": {text}}.Encode()
	if status := promise[int](p, `fetch("/phones/write", {method: "POST", body: new URLSearchParams(`+strconv.Quote(form)+`)}).then(r => r.status)`); status != 200 {
		p.t.Fatalf("writing from %s answers %d", w.name, status)
	}
}

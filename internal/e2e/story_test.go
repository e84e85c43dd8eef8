package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/survey"
	"otklik/internal/testserver"
	"otklik/templates"
)

// TestStory is the main job as people live it, in one dealership and in order: a
// survey arrives, an answer is low, an operator calls back, the customer confirms;
// others answer by taps, by mail, on the form and on the telephone.
func TestStory(t *testing.T) {
	d := startDemo(t)
	maria := d.open(t, desktop)
	phones := lookAtPhones(t, d, maria)
	complain(t, d, maria, phones)
	callBack(t, d, maria, phones)
	tapFive(t, d, phones)
	tapOne(t, d, maria, phones)
	replyByMail(t, d, phones)
	answerOnForm(t, d, phones)
	enterByPhone(t, d, maria, phones)
	readHistory(t, d, maria)
	switchLanguage(t, maria)
	d.allRecorded(t)
}

// on opens a customer's phone.
func (p *tab) on(c store.Contact) {
	p.t.Helper()
	p.visit("/phones?who=" + c.ID)
}

// write types into an app of the open phone and sends with Enter.
func (p *tab) write(app, text string) {
	p.t.Helper()
	p.fill(".device."+app+" textarea", text)
	p.press("\r")
	p.see(".device."+app+" .mine", text)
}

// lookAtPhones logs in from the login page and finds the surveys that were due, each
// in its customer's language.
func lookAtPhones(t *testing.T, d *demo, maria *tab) *tab {
	maria.visit("/")
	maria.at("/login")
	if !strings.Contains(maria.text(".demo"), "maria") {
		t.Error("the login page of the demo does not tell how to log in")
	}
	maria.login(d, "maria")
	maria.at("/queue")
	phones := maria.beside()
	phones.visit("/phones")
	for _, c := range []struct{ name, app, text string }{
		{"Иванов", "sms", "Иван Петрович, как прошло обслуживание LADA Vesta"},
		{"Кузнецова", "telegram", "Анна Сергеевна, здравствуйте!"},
		{"Emily Johnson", "sms", "how was the service on your Toyota RAV4"},
		{"Michael Brown", "telegram", "How was the service on your Haval F7"},
		{"张建国", "sms", "张先生您好"},
		{"李静", "telegram", "李女士您好"},
	} {
		person := d.surveyed(c.name)
		phones.on(person)
		phones.see(".device."+c.app+" .chat.theirs", c.text)
	}
	return phones
}

const ivansWords = "2. ждал 3 часа, и стук остался"

// complain answers with a low score; the callback appears before the operator
// without reloading, with the customer's own words.
func complain(t *testing.T, d *demo, maria, phones *tab) {
	if n := value[int](maria, "document.querySelectorAll('.queue .task').length"); n != 0 {
		t.Fatalf("the queue begins with %d tasks, not empty", n)
	}
	value[bool](maria, "window.unreloaded = true")
	phones.on(d.contact("Иванов"))
	phones.write("sms", ivansWords)
	phones.see(".device.sms .chat.theirs", "Мария Орлова позвонит")
	maria.see(".queue .task blockquote", ivansWords)
	maria.see(".queue .task", "Иванов Иван Петрович")
	if !value[bool](maria, "window.unreloaded === true") {
		t.Error("the queue was reloaded, it did not change by itself")
	}
	if got := maria.text(".queue .task .when"); !strings.Contains(got, "осталось") {
		t.Errorf("the task in the queue shows no clock: %q", got)
	}
}

// soon is a moment from now on as a datetime-local field wants it.
func (p *tab) soon(d *demo, in time.Duration) string {
	p.t.Helper()
	now, err := time.Parse(time.RFC3339, value[string](p, "document.querySelector('.clocks time, time').getAttribute('datetime')"))
	if err != nil {
		p.t.Fatalf("reading a clock of the page: %v", err)
	}
	return now.In(d.dealer().Location()).Add(in).Format("2006-01-02T15:04")
}

// callBack claims the callback, sees what she needs, cannot close it, calls, agrees,
// asks; the customer's yes closes it.
func callBack(t *testing.T, d *demo, maria, phones *tab) {
	maria.click(".queue .task a[data-open]", "Иванов")
	maria.see("h1", "Иванов Иван Петрович")
	for _, want := range []string{"ЮГ00010101", "ТО-4", "замена тормозных колодок", "LADA Vesta", "7\u00a0860", "Петров Сергей", "Олег Ким"} {
		maria.see("section.left", want)
	}
	maria.see("section.centre", ivansWords)
	maria.see(".clocks", "Сказать решение")
	maria.see(".clocks", "Решение по жалобе")
	maria.click("button", "Взять")
	maria.see(".banner.good", "Задача Ваша")
	// The page may be taking in what changed at this moment.
	maria.wait("a callback that cannot be closed before anything was done", "document.querySelector('form[action$=\"/close\"] button')?.disabled === true")
	maria.see("#cannot-close", "не запланирован следующий контакт")

	maria.click("button[value=reached]", "")
	maria.see(".banner.good", "Звонок записан")
	maria.fill("textarea[name=solution]", "бесплатная замена стойки 16.03 в 9:00")
	maria.click("form[action$='/agree'] label", "Да")
	maria.set("form[action$='/agree'] input[name=next]", maria.soon(d, 72*time.Hour))
	maria.click("button", "Записать договорённость")
	maria.see(".banner.good", "Договорённость записана")
	maria.see("#cannot-close", "ещё не подтвердил")
	maria.refuseToClose(t)

	maria.click("button", "Спросить клиента")
	maria.see(".banner.good", "Клиенту ушёл вопрос")
	maria.see("#cannot-close", "закроется сама")
	phones.on(d.contact("Иванов"))
	phones.see(".device.sms .chat.theirs", "бесплатная замена стойки 16.03 в 9:00. Вопрос решён?")
	phones.write("sms", "1")
	phones.see(".device.sms .chat.theirs", "Рады, что вопрос решён")
	maria.see("#task-top", "закрыта")
	maria.see("#task-story", "Клиент подтвердил: решено")
	maria.visit("/queue")
	if strings.Contains(maria.text("#queue-list"), ivansWords) {
		t.Error("the closed callback is still in the queue")
	}
}

// refuseToClose posts the disabled button's form, as somebody with tools of his own
// would: the program refuses too.
func (p *tab) refuseToClose(t *testing.T) {
	t.Helper()
	p.expect("409")
	status := promise[int](p, `fetch(document.querySelector('form[action$="/close"]').action, {method: "POST", body: new URLSearchParams()}).then(r => r.status)`)
	if status != 409 {
		t.Errorf("closing without the customer's yes answers %d, want 409", status)
	}
}

// tapFive goes the happy way through a chat: the same message turns into the next
// question.
func tapFive(t *testing.T, d *demo, phones *tab) {
	michael := d.contact("Michael Brown")
	phones.on(michael)
	before := value[int](phones, "document.querySelectorAll('.device.telegram .chat.theirs').length")
	phones.click(".device.telegram .key", "5")
	phones.see(".device.telegram .chat.theirs", "Was everything you asked for done right the first time?")
	for _, next := range []string{"Was the car ready when promised?", "Were the work and its price explained to you?", d.drawn(michael)} {
		phones.click(".device.telegram .key", "Yes")
		phones.see(".device.telegram .chat.theirs", next)
	}
	if after := value[int](phones, "document.querySelectorAll('.device.telegram .chat.theirs').length"); after != before {
		t.Errorf("five questions made the chat grow from %d to %d messages; they should replace each other", before, after)
	}
	phones.click(".device.telegram .key", "Yes")
	phones.see(".device.telegram .chat.theirs", "what should we improve?")
	phones.write("telegram", "Everything was great, thank you Сергей Петров!")
	phones.see(".device.telegram .chat.theirs", "Thank you")
	d.answered(t, michael, 6)
}

// drawn is the wording of the one question that is asked of this person in turn.
func (d *demo) drawn(c store.Contact) string {
	d.t.Helper()
	data, err := templates.FS.ReadFile("surveys/after-service.yaml")
	if err != nil {
		d.t.Fatal(err)
	}
	def, err := survey.Parse("after-service.yaml", data)
	if err != nil {
		d.t.Fatal(err)
	}
	cs, err := d.app.Store().ConversationsFor(d.t.Context(), c.ID)
	var st survey.State
	if err != nil || len(cs) != 1 || json.Unmarshal([]byte(cs[0].Position), &st) != nil || len(st.Drawn) != 1 {
		d.t.Fatalf("what was drawn for %s: %+v, %v", c.Name, cs, err)
	}
	q, _ := def.Question(st.Drawn[0])
	return q.Ask["en"].Any
}

// tapOne goes the other way: one tap, and a human takes over.
func tapOne(t *testing.T, d *demo, maria, phones *tab) {
	maria.visit("/queue")
	anna := d.contact("Кузнецова")
	phones.on(anna)
	phones.click(".device.telegram .key", "1")
	phones.see(".device.telegram .chat.theirs", "Нам жаль, что так вышло. Мария Орлова позвонит")
	maria.see(".queue .task", "Кузнецова Анна Сергеевна")
	maria.see(".queue .task", "низкая оценка")
	phones.write("telegram", "царапина на бампере осталась")
	maria.see(".queue .task blockquote", "царапина на бампере осталась")
}

// replyByMail answers by a reply to the mail.
func replyByMail(t *testing.T, d *demo, phones *tab) {
	dmitri := d.surveyed("Смирнов")
	phones.on(dmitri)
	phones.wait("the mail shows itself", "document.querySelector('.device.email iframe')")
	phones.write("email", "4 / долго искали машину на стоянке")
	phones.see(".device.email article.theirs header", "Спасибо за ответ")
	d.answered(t, dmitri, 1)
}

// answerOnForm opens the form from a mail: looking saves nothing, sending does.
func answerOnForm(t *testing.T, d *demo, phones *tab) {
	ivan := d.contact("Иванов")
	dmitri := d.surveyed("Смирнов")
	phones.on(dmitri)
	src := value[string](phones, "document.querySelector('.device.email iframe').getAttribute('src')")
	link := formLink.FindString(promise[string](phones, "fetch("+strconv.Quote(src)+").then(r => r.text())"))
	if link == "" {
		t.Fatal("the mail has no link to the form")
	}
	form := d.open(t, phone)
	form.visit(link + "?q=2")
	form.see("h1", "Дмитрий Олегович")
	if got := value[string](form, "document.querySelector('input[name=\"q.overall\"]:checked').value"); got != "2" {
		t.Errorf("the tapped score is %q on the form, want 2", got)
	}
	if got := d.rating(t, dmitri); got != 4 {
		t.Errorf("opening the form changed the score to %d", got)
	}
	form.click("label.option", "5")
	form.click("button.main", "")
	form.see("h1", "Спасибо")
	if got := d.rating(t, dmitri); got != 5 {
		t.Errorf("the form saved %d, want 5", got)
	}
	if d.rating(t, ivan) != 2 {
		t.Error("somebody else's answer changed")
	}
}

// enterByPhone moves the clock: those who did not answer are called, and their
// answers entered while they speak.
func enterByPhone(t *testing.T, d *demo, maria, phones *tab) {
	popov := d.contact("Попов")
	if len(d.messages(popov.ID)) != 0 {
		t.Fatal("the survey of a visit of two hours ago has left already")
	}
	maria.visit("/queue?kind=survey_call")
	phones.on(popov)
	phones.click("button[name=hours]", "48")
	phones.see(".banner.good", "Часы переведены")
	phones.see(".device.sms .chat.theirs", "Алексей Ильич, как прошло обслуживание LADA Granta")
	maria.see(".queue .task", "Попов Алексей Ильич")

	maria.click(".queue .task a[data-open]", "Попов")
	maria.click("a.button", "Задать вопросы анкеты")
	maria.see("form[data-sheet]", "Как Вы в целом оцениваете обслуживание")
	maria.press("4")
	maria.press("\t") // past the words that only a low score needs
	maria.press("1")
	maria.wait("digits answer one question after the other", "document.querySelectorAll('form[data-sheet] input:checked').length === 2")
	maria.click("button.main", "Сохранить")
	maria.see(".banner.good", "Ответы сохранены")
	maria.see("#task-top", "закрыта")
	d.answered(t, popov, 2)
}

// readHistory reads a customer's page: everything in order, with the reason of each
// message; and the list of remarks.
func readHistory(t *testing.T, d *demo, maria *tab) {
	maria.visit("/contacts")
	maria.fill("input[name=q]", "Иванов")
	maria.press("\r")
	maria.wait("the search is answered", "location.search.includes('q=')")
	maria.click("table.list a", "Иванов Иван Петрович")
	maria.see("h1", "Иванов Иван Петрович")
	for _, want := range []string{"Визит, заказ-наряд ЮГ00010101", "Отправлено", "Отправить можно: окно", ivansWords, "Перезвонить №2", "Вопрос решён?"} {
		maria.see("#contact-story", want)
	}
	maria.visit("/remarks")
	for _, want := range []string{"ждал 3 часа, и стук остался", "царапина на бампере осталась", "thank you Сергей Петров", "долго искали машину на стоянке"} {
		maria.see("table.remarks", want)
	}
}

// switchLanguage reads the console in three languages.
func switchLanguage(t *testing.T, maria *tab) {
	maria.visit("/queue")
	for _, l := range []struct{ locale, title string }{{"en", "My queue"}, {"zh", "我的"}, {"ru", "Моя очередь"}} {
		maria.click("form.languages button[value="+l.locale+"]", "")
		maria.see("h1", l.title)
		if got := value[string](maria, "document.documentElement.lang"); got != l.locale {
			t.Errorf("the page says lang=%q, want %q", got, l.locale)
		}
	}
}

// answers are a customer's standing answers by question.
func (d *demo) answers(c store.Contact) map[string]store.Answer {
	d.t.Helper()
	cs, err := d.app.Store().ConversationsFor(d.t.Context(), c.ID)
	if err != nil {
		d.t.Fatalf("reading conversations: %v", err)
	}
	ids := make([]string, len(cs))
	for i := range cs {
		ids[i] = cs[i].ID
	}
	all, err := d.app.Store().Answers(d.t.Context(), ids)
	if err != nil {
		d.t.Fatalf("reading answers: %v", err)
	}
	out := map[string]store.Answer{}
	for _, as := range all {
		for _, a := range as {
			out[a.Question] = a
		}
	}
	return out
}

// rating is a customer's overall score, 0 for none.
func (d *demo) rating(t *testing.T, c store.Contact) int {
	t.Helper()
	if a, ok := d.answers(c)["overall"]; ok && a.Rating != nil {
		return *a.Rating
	}
	return 0
}

// answered waits until a customer's survey holds so many answers.
func (d *demo) answered(t *testing.T, c store.Contact, n int) {
	t.Helper()
	testserver.Wait(t, fmt.Sprintf("%s has given %d answers", c.Name, n), func() bool { return len(d.answers(c)) >= n })
}

// allRecorded waits until no message is under way: nothing may end in doubt. Everything
// of this day reaches its phone; of the day before, one number had no handset any more,
// and that is known.
func (d *demo) allRecorded(t *testing.T) {
	t.Helper()
	dead := d.contact("Фомин")
	lost := d.messages(dead.ID)
	if len(lost) != 1 || lost[0].State != outreach.Undelivered || lost[0].Reason == "" {
		t.Fatalf("the number without a handset was sent %+v", lost)
	}
	var open []store.ListedMessage
	defer func() {
		for _, m := range open {
			t.Errorf("not recorded as sent: %+v", m)
		}
	}()
	testserver.Wait(t, "every message is recorded as sent", func() bool {
		ms, err := d.app.Store().ListMessages(t.Context(), store.Filter{DealerID: d.dealer().ID, Limit: 500})
		if err != nil {
			t.Fatalf("reading messages: %v", err)
		}
		open = slices.DeleteFunc(ms, func(m store.ListedMessage) bool {
			return m.Direction != store.Out || m.ID == lost[0].ID || m.State == outreach.Sent || m.State == outreach.Delivered
		})
		return len(open) == 0
	})
}

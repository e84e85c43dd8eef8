package console_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/internal/outreach"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// customer stores somebody whom a campaign may mean.
func (h *house) customer(r store.ContactRecord) string {
	h.t.Helper()
	v := storetest.Visit("C"+r.Phones[0], r.Name, r.Phones[0], h.Clock.Business().AddDate(0, -3, 0))
	v.Customer = r
	id := storetest.Save(h.t, h.Store, h.Dealer, v)[0].ContactID
	h.Plan(h.t)
	return id
}

// agree records the consent of somebody to advertising.
func (h *house) agree(id string) {
	h.t.Helper()
	check(h.t, h.Store.Tx(h.t.Context(), store.RankPerson, func(tx *store.Tx) error {
		return tx.AddConsent(h.t.Context(), store.Consent{ContactID: id, DealerID: h.Dealer.ID, Purpose: string(outreach.Ad), Channel: channels.SMS, Given: true, At: h.Clock.Business(), How: "form"})
	}))
}

// hidden is the value of a hidden field of a page.
func (p page) hidden(name string) string {
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(p.body)
	if m == nil {
		return ""
	}
	return m[1]
}

// TestCampaignFromDraftToTheEnd: what the dry run counts is what leaves, news go to those
// alone who agreed, and what has been launched is not changed.
func TestCampaignFromDraftToTheEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		anna := h.customer(store.ContactRecord{Name: "Кузнецова Анна Сергеевна", Given: "Анна", Patronymic: "Сергеевна", Family: "Кузнецова", Gender: "female", Phones: []string{"+79000000501"}, Locale: "ru"})
		vera := h.customer(store.ContactRecord{Name: "Лебедева Вера Ильинична", Given: "Вера", Patronymic: "Ильинична", Family: "Лебедева", Gender: "female", Phones: []string{"+79000000502"}, Locale: "ru"})
		emily := h.customer(store.ContactRecord{Name: "Emily Johnson", Given: "Emily", Gender: "female", Phones: []string{"+79000000503"}, Locale: "en"})
		h.customer(store.ContactRecord{Name: "Саша Ким", Given: "Саша", Phones: []string{"+79000000504"}, Locale: "ru"})
		h.customer(store.ContactRecord{Name: "Орехов Никита Павлович", Gender: "male", Phones: []string{"+79000000505"}, Locale: "ru"})
		h.agree(anna)
		day := h.Clock.Business().In(h.Dealer.Location()).AddDate(0, 0, 2)
		date := day.Format(time.DateOnly)
		lena := h.login("lena")
		draft := []string{"kind", "greeting", "title", "8 Марта", "date", date, "hour", "11:00", "gender", "female", "text-ru", "С 8 Марта, {имя}! Скидка 15 % на шины.", "news-ru", "В субботу - день открытых дверей.", "version", "0"}
		typed := func(change ...string) []string {
			out := append([]string(nil), draft...)
			for i := 0; i < len(change); i += 2 {
				for j := 0; j < len(out); j += 2 {
					if out[j] == change[i] {
						out = append(out[:j], out[j+2:]...)
						break
					}
				}
				out = append(out, change[i], change[i+1])
			}
			return out
		}

		lena.get("/campaigns/new?day="+date).want(t, http.StatusOK, `value="`+date+`"`, "Новая рассылка")
		lena.post("/campaigns", typed("do", "preview", "who", "Кузнецова")...).want(t, http.StatusOK, "С 8 Марта, Анна Сергеевна! Скидка 15 % на шины.", "Отказ: СТОП", "знак", "UCS-2", "≈ ", "Похоже на рекламу: «Скидка 15 % на шины.»")
		p := lena.post("/campaigns", typed("do", "rehearse")...)
		p.want(t, http.StatusSeeOther)
		at := strings.TrimSuffix(p.Header.Get("Location"), "/rehearsal")
		lena.get(at+"/rehearsal").want(t, http.StatusOK, "Нет текста на языке получателей: английский (1 человек)", "Похоже на рекламу", "пол неизвестен")
		lena.post(at+"/launch", "version", "1", "size", "2").want(t, http.StatusUnprocessableEntity, "Запустить пока нельзя")

		lena.post(at, typed("version", "1", "text-en", "Happy holiday, {name}!", "text-ru", "С 8 Марта, {имя}! Тепла и {радости}.")...).want(t, http.StatusSeeOther)
		lena.get(at+"/launch").want(t, http.StatusOK, "Непонятное слово в скобках: радости", "Сначала исправьте")
		lena.post(at, typed("version", "1")...).want(t, http.StatusConflict)
		lena.post(at, typed("version", "2", "text-en", "Happy holiday, {name}!", "text-ru", "С 8 Марта, {имя}! Тепла и радости.")...).want(t, http.StatusSeeOther)

		confirm := lena.get(at + "/launch")
		confirm.want(t, http.StatusOK, "Получат 3 человека", "1 – пол неизвестен", "С новостями – 1.", "Лена Маркова")
		lena.get(at+"/people?list=skipped&rule=gender_unknown").want(t, http.StatusOK, "Саша Ким")
		lena.get(at+"/people?list=plain&rule=no_consent").want(t, http.StatusOK, "Лебедева", "Новости не показаны")
		lena.post(at+"/launch", "version", "3", "size", "4").want(t, http.StatusConflict, "число получателей изменилось")
		lena.post(at+"/launch", "version", confirm.hidden("version"), "size", confirm.hidden("size")).want(t, http.StatusSeeOther)
		lena.post(at, typed("version", "4")...).want(t, http.StatusConflict, "уже запущена")

		h.Plan(t)
		if sent := h.Send(t); len(sent) != 0 {
			t.Fatalf("%d messages left before the day", len(sent))
		}
		h.Forward(t, time.Date(day.Year(), day.Month(), day.Day(), 11, 1, 0, 0, h.Dealer.Location()).Sub(h.Clock.Business()))
		h.Fake.On("+79000000502", channeltest.Fail(channels.Rejected))
		texts := map[string]string{}
		for _, m := range h.Send(t) {
			texts[m.To] = m.Text
		}
		if len(texts) != 3 || !strings.Contains(texts["+79000000501"], "Анна Сергеевна! Тепла и радости. В субботу") || strings.Contains(texts["+79000000502"], "субботу") || !strings.HasPrefix(texts["+79000000503"], "Happy holiday, Emily!") {
			t.Errorf("sent %q", texts)
		}
		lena.get(at).want(t, http.StatusOK, "идёт", "Повторить только неушедш", "пол неизвестен")
		lena.get(at+"/people?state=done&message=failed").want(t, http.StatusOK, "Лебедева")
		lena.get("/contacts/"+vera).want(t, http.StatusOK, "Новости не показаны: нет согласия на рекламу")
		lena.get("/contacts/"+emily).want(t, http.StatusOK, "Новости не показаны")

		// Only what has certainly failed is tried again, and nobody who refused meanwhile.
		h.Forward(t, 2*time.Minute)
		lena.post(at+"/retry").want(t, http.StatusSeeOther)
		if again := h.Send(t); len(again) != 1 || again[0].To != "+79000000502" {
			t.Errorf("tried again: %v", again)
		}
		lena.post(at+"/copy").want(t, http.StatusSeeOther)
		lena.get("/campaigns").want(t, http.StatusOK, "8 Марта", "черновик", "день не выбран")
		lena.post("/campaigns", "kind", "greeting", "title", "Юбилей центра", "date", day.AddDate(3, 0, 0).Format(time.DateOnly), "hour", "11:00", "version", "0").want(t, http.StatusSeeOther)
		lena.get("/campaigns").want(t, http.StatusOK, "Юбилей центра")
		lena.post(at+"/cancel").want(t, http.StatusSeeOther)
		lena.get(at).want(t, http.StatusOK, "отменена")
		h.login("oleg").get("/campaigns").want(t, http.StatusForbidden)
		h.login("boris").get(at).want(t, http.StatusNotFound)
	})
}

// TestAdvertisementToManyNeedsTwo: nothing leaves on one person's word, nobody approves
// what he launched, and only a manager approves.
func TestAdvertisementToManyNeedsTwo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		h.Dispatcher.Policy.Tact.ApprovalAbove = 1
		for _, phone := range []string{"+79000000511", "+79000000512"} {
			h.agree(h.customer(store.ContactRecord{Name: "Клиент " + phone, Gender: "male", Phones: []string{phone}, Locale: "ru"}))
		}
		day := h.Clock.Business().In(h.Dealer.Location()).AddDate(0, 0, 2)
		p := h.login("andrei").post("/campaigns", "kind", "news", "title", "Новая модель", "date", day.Format(time.DateOnly), "hour", "12:00", "text-ru", "Новая модель уже у нас.", "do", "launch", "version", "0")
		p.want(t, http.StatusSeeOther)
		at := strings.TrimSuffix(p.Header.Get("Location"), "/launch")
		confirm := h.login("andrei").get(at + "/launch")
		confirm.want(t, http.StatusOK, "больше чем 1", "должен одобрить другой человек")
		h.login("andrei").post(at+"/launch", "version", confirm.hidden("version"), "size", confirm.hidden("size")).want(t, http.StatusSeeOther)
		h.login("andrei").get(at).want(t, http.StatusOK, "ждёт второго человека", "Запустили Вы")
		h.login("andrei").post(at+"/approve", "version", "2").want(t, http.StatusForbidden, "одобрить должен другой")
		h.login("lena").post(at+"/approve", "version", "2").want(t, http.StatusForbidden)
		h.Forward(t, time.Date(day.Year(), day.Month(), day.Day(), 12, 1, 0, 0, h.Dealer.Location()).Sub(h.Clock.Business()))
		if sent := h.Send(t); len(sent) != 0 {
			t.Fatalf("%d messages left on one person's word", len(sent))
		}
		other := h.people["maria"]
		other.Roles = []string{store.RoleManager}
		_, err := st.SaveEmployee(t.Context(), other, h.Clock.Business())
		check(t, err)
		h.login("maria").get(at).want(t, http.StatusOK, "Одобрить и запустить: 2 человека")
		h.login("maria").post(at+"/approve", "version", "2").want(t, http.StatusSeeOther)
		if sent := h.Send(t); len(sent) != 2 {
			t.Errorf("%d messages left after the approval, want 2", len(sent))
		}
		h.login("lena").get(at).want(t, http.StatusOK, "Андрей Соколов", "Мария Орлова")
	})
}

// TestWhatAProgramLacksIsSaidInTheLanguage of who prepares a campaign.
func TestWhatAProgramLacksIsSaidInTheLanguage(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	all := h.campaigns.Programs
	h.campaigns.Programs = func() []program.Listed {
		out := slices.Clone(all())
		for i := range out {
			out[i].Missing = []program.Missing{{Rule: program.MessageLocale, Step: "greeting", Name: "greeting.own", In: "ru"}}
		}
		return out
	}
	lena := h.login("lena")
	p := lena.post("/campaigns", "do", "save", "kind", "greeting", "title", "8 Марта", "date", "2027-03-08", "hour", "11:00", "text-ru", "С 8 Марта!", "version", "0")
	p.want(t, http.StatusSeeOther)
	for locale, says := range map[string]string{
		"ru": "Программа «own-greeting» не сможет работать. Шаг «greeting». Сообщение «greeting.own» не переведено, язык: русский.",
		"en": "The program “own-greeting” could not run. Step “greeting”. The message “greeting.own” is not translated: Russian.",
		"zh": "方案“own-greeting”将无法运行：步骤“greeting”：消息“greeting.own”缺少译文：俄语。",
	} {
		lena.post("/language", "locale", locale, "back", "/campaigns").want(t, http.StatusSeeOther)
		lena.get(p.Header.Get("Location")).want(t, http.StatusOK, says)
	}
}

package app

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/draft"
	"otklik/internal/program"
	"otklik/internal/render"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// PreviewPart is one text that a person would see.
type PreviewPart struct {
	Name string
	render.Content
}

// Preview renders a survey, or all that the steps of a program say on a channel, for a
// made-up person. A program of which nothing is said there is an error.
func (a *App) Preview(d store.Dealer, surveyID, programID, locale string, ch channels.Kind) ([]PreviewPart, error) {
	p := &preview{app: a, locale: locale, channel: ch, data: a.sample(d, locale, ch)}
	if programID == "" {
		if def, ok := p.survey(surveyID); ok {
			p.whole(def, "")
		}
		return p.parts, p.err
	}
	def, ok := a.inForce()[programID]
	if !ok {
		return nil, fmt.Errorf("program %q is not known", programID)
	}
	p.data.Holiday = a.holiday(def)
	if who := madeUp(locale); def.Audience.Gender == "female" {
		p.data.Person = who.woman
	}
	for i := range def.Steps {
		p.step(&def.Steps[i])
	}
	if p.err == nil && len(p.parts) == 0 {
		p.err = fmt.Errorf("program %s says nothing on the channel %s", programID, ch)
	}
	return p.parts, p.err
}

// preview collects what a person would see.
type preview struct {
	app     *App
	locale  string
	channel channels.Kind
	data    render.Data
	// shown are the surveys that are in it.
	shown []string
	parts []PreviewPart
	err   error
}

func (p *preview) add(name string, c render.Content, err error) {
	if p.err = errors.Join(p.err, err); err == nil {
		p.parts = append(p.parts, PreviewPart{name, c})
	}
}

func (p *preview) survey(id string) (*survey.Definition, bool) {
	def, ok := p.app.survey(id)
	if !ok {
		p.err = errors.Join(p.err, fmt.Errorf("survey %q is not known", id))
	}
	return def, ok
}

// step shows what a step says. A survey is shown on every channel, as it may go on by
// any; a message on those of the step.
func (p *preview) step(s *program.Step) {
	switch {
	case s.Survey != "" && !slices.Contains(p.shown, s.Survey):
		if def, ok := p.survey(s.Survey); ok {
			p.whole(def, s.Message)
		}
	case s.Survey == "" && s.Message != "" && slices.Contains(s.Channels, p.channel):
		c, err := p.app.renderer.Message(s.Message, p.locale, p.channel, p.data)
		p.add(s.Message, c, err)
	}
}

// whole shows a survey from its invite, or from the message that stands before its first
// question.
func (p *preview) whole(def *survey.Definition, message string) {
	p.shown = append(p.shown, def.ID)
	r, data := p.app.renderer, p.data
	for _, q := range def.Questions {
		if q.Role == survey.Liked {
			data.Liked = q.Options[:2]
		}
	}
	if message == "" {
		c, err := r.Invite(def, p.locale, p.channel, data)
		p.add(def.ID+"/invite", c, err)
	} else {
		c, err := r.Greeting(message, def, p.locale, p.channel, data)
		p.add(message+" with "+def.ID, c, err)
	}
	// What one person meets: of a split questionnaire not every question.
	st := survey.Begin(def, p.channel, def.Draw("preview", data.Now.In(data.Zone)))
	for i, q := range st.Sheet(def, p.channel) {
		if i == 0 && (p.channel == channels.SMS || p.channel == channels.Email || p.channel == channels.Telegram) {
			continue // it stands in the invite
		}
		c, err := r.Question(def, q.ID, p.locale, p.channel, data)
		p.add(def.ID+"/"+q.ID, c, err)
	}
	for _, o := range survey.Outcomes() {
		c, err := r.Thanks(def, o, p.locale, p.channel, data)
		p.add(def.ID+"/"+string(o), c, err)
	}
}

// holiday is the title of the first holiday of a program; nil where it has none.
func (a *App) holiday(def *program.Definition) map[string]string {
	for _, x := range def.On {
		for _, h := range a.calendar.Holidays() {
			if x.Holiday == h.ID {
				return h.Title
			}
		}
	}
	return nil
}

// made is a made-up customer with what the texts can speak of, in one language.
type made struct {
	contact store.Contact
	// woman is whom a program for women is shown for.
	woman                    render.Person
	works                    []string
	consultant, news, wishes string
}

func madeUp(locale string) made {
	return map[string]made{
		"ru": {store.Contact{Name: "Иванов Иван Петрович", Family: "Иванов", Given: "Иван", Patronymic: "Петрович", Gender: "male"},
			render.Person{Given: "Анна", Patronymic: "Сергеевна", Family: "Иванова", Gender: "female"}, []string{"ТО-4", "замена колодок"},
			"Олег Белов", "В субботу с 11:00 - день открытых дверей и тест-драйв новой Vesta.", "С праздником, {имя}! Тепла Вам и лёгких дорог."},
		"en": {store.Contact{Name: "Ivan Ivanov", Family: "Ivanov", Given: "Ivan", Gender: "male"},
			render.Person{Given: "Anna", Family: "Ivanova", Gender: "female"}, []string{"oil change", "brake pads"},
			"Oleg Belov", "Come and drive the new Vesta this Saturday from 11 am.", "Our warmest wishes and easy roads to you, {name}!"},
		"zh": {store.Contact{Name: "张建国", Family: "张", Given: "建国", Gender: "male"},
			render.Person{Given: "秀英", Family: "王", Full: "王秀英", Gender: "female"}, []string{"常规保养", "更换刹车片"},
			"王顾问", "本周六11:00开放日，欢迎试驾新款Vesta。", "{称呼}，祝您节日快乐，一路平安！"},
	}[locale]
}

// sample is a made-up person and visit for previews.
func (a *App) sample(d store.Dealer, locale string, ch channels.Kind) render.Data {
	now, who := a.clock.Business(), madeUp(locale)
	x := a.drafter.Data(draft.Recipient{Dealer: d, Contact: who.contact, Channel: ch, Locale: locale, Token: "preview", First: true, Now: now,
		Visit: store.Visit{Order: "10001", CompletedAt: now.Add(-26 * time.Hour), Works: who.works, Advisor: "", Vehicle: store.Vehicle{Model: "LADA Vesta"}}})
	x.Callback.Due, x.Callback.Next = callback.WorkBy(now.Add(24*time.Hour), x.Zone), now.AddDate(0, 0, 7)
	x.Callback.Solution = who.works[1]
	x.Vehicle.Years, x.Consultant, x.News, x.Wishes = 3, who.consultant, who.news, who.wishes
	tomorrow := now.In(d.Location()).AddDate(0, 0, 1)
	at := func(hour int) time.Time {
		return time.Date(tomorrow.Year(), tomorrow.Month(), tomorrow.Day(), hour, 0, 0, 0, d.Location())
	}
	x.Appointment.At, x.Appointment.Request, x.Promised, x.LastContact = at(10), who.works[1], at(18), now.AddDate(0, 0, -7)
	return x
}

package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"otklik/channels"
	"otklik/channels/email"
	"otklik/internal/callback"
	"otklik/internal/dispatch"
	"otklik/internal/draft"
	"otklik/internal/inbox"
	"otklik/internal/render"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/survey"
	"otklik/templates"
)

// Terminal tells whether a person watches w.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// DispatchOnce plans what stands, sends all that is due and stops.
func (a *App) DispatchOnce(ctx context.Context, progress func(dispatch.Summary)) (dispatch.Summary, error) {
	defer func() { _ = a.Stop(ctx) }()
	if err := a.connect(ctx); err != nil {
		return dispatch.Summary{}, err
	}
	a.build()
	if _, err := a.planner.Run(ctx, a.clock.Business()); err != nil {
		return dispatch.Summary{}, err
	}
	return a.dispatcher.Once(ctx, progress)
}

// Forecast is one line of `otklik plan`.
type Forecast = dispatch.Forecast

// Forecast tells what a run from one moment to another would do; it changes
// nothing (invariant 13).
func (a *App) Forecast(ctx context.Context, d store.Dealer, from, to time.Time) ([]Forecast, error) {
	if err := a.makeChannels(); err != nil {
		return nil, err
	}
	a.build()
	rows, err := a.store.DueBetween(ctx, d.ID, from, to)
	if err != nil {
		return nil, err
	}
	events, err := a.store.UnplannedBetween(ctx, d.ID, from.AddDate(-1, 0, 0), to)
	if err != nil {
		return nil, err
	}
	for _, p := range a.programs {
		fresh, err := a.planner.Dry(ctx, p, events, a.clock.Business())
		if err != nil {
			return nil, err
		}
		for _, o := range fresh {
			if !o.DueAt.Before(from) && o.DueAt.Before(to) {
				rows = append(rows, o)
			}
		}
	}
	slices.SortStableFunc(rows, func(x, y store.Outreach) int {
		return cmp.Or(x.DueAt.Compare(y.DueAt), cmp.Compare(x.Occasion, y.Occasion))
	})
	return a.dispatcher.Forecast(ctx, rows)
}

// Proposals writes what the dealer's employees decided about replies that could not be
// read, one JSON object a line in the form of the labelled replies.
func (a *App) Proposals(ctx context.Context, d store.Dealer, w io.Writer) error {
	in := &inbox.Inbox{Store: a.store, Survey: a.survey, Version: a.surveyAt} // the program does not run
	ps, err := in.Proposals(ctx, d.ID)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, p := range ps {
		if err := enc.Encode(p); err != nil {
			return fmt.Errorf("writing proposals: %w", err)
		}
	}
	return nil
}

// PreviewPart is one text that a person would see.
type PreviewPart struct {
	Name string
	render.Content
}

// Preview renders a survey, or all surveys of a program, for a made-up person.
func (a *App) Preview(d store.Dealer, surveyID, programID, locale string, ch channels.Kind) ([]PreviewPart, error) {
	ids := []string{surveyID}
	if programID != "" {
		p, ok := a.programs[programID]
		if !ok {
			return nil, fmt.Errorf("program %q is not known", programID)
		}
		ids = nil
		for _, s := range p.Steps {
			if s.Survey != "" && !slices.Contains(ids, s.Survey) {
				ids = append(ids, s.Survey)
			}
		}
	}
	var out []PreviewPart
	for _, id := range ids {
		def, ok := a.survey(id)
		if !ok {
			return nil, fmt.Errorf("survey %q is not known", id)
		}
		parts, err := a.previewSurvey(d, def, locale, ch)
		if err != nil {
			return nil, err
		}
		out = append(out, parts...)
	}
	return out, nil
}

func (a *App) previewSurvey(d store.Dealer, def *survey.Definition, locale string, ch channels.Kind) (out []PreviewPart, err error) {
	data := a.sample(d, locale, ch)
	for _, q := range def.Questions {
		if q.Role == survey.Liked {
			data.Liked = q.Options[:2]
		}
	}
	add := func(name string, c render.Content, e error) {
		err = errors.Join(err, e)
		out = append(out, PreviewPart{def.ID + "/" + name, c})
	}
	c, e := a.renderer.Invite(def, locale, ch, data)
	add("invite", c, e)
	// What one person meets: of a split questionnaire not every question.
	st := survey.Begin(def, ch, def.Draw("preview", data.Now.In(data.Zone)))
	for i, q := range st.Sheet(def, ch) {
		if i == 0 && (ch == channels.SMS || ch == channels.Email || ch == channels.Telegram) {
			continue
		}
		c, e := a.renderer.Question(def, q.ID, locale, ch, data)
		add(q.ID, c, e)
	}
	for _, o := range survey.Outcomes() {
		c, e := a.renderer.Thanks(def, o, locale, ch, data)
		add(string(o), c, e)
	}
	return out, err
}

// sample is a made-up person and visit for previews.
func (a *App) sample(d store.Dealer, locale string, ch channels.Kind) render.Data {
	now := a.clock.Business()
	people := map[string]store.Contact{
		"ru": {Name: "Иванов Иван Петрович", Family: "Иванов", Given: "Иван", Patronymic: "Петрович", Gender: "male"},
		"en": {Name: "Ivan Ivanov", Family: "Ivanov", Given: "Ivan", Gender: "male"},
		"zh": {Name: "张建国", Family: "张", Given: "建国", Gender: "male"},
	}
	works := map[string][]string{"ru": {"ТО-4", "замена колодок"}, "en": {"oil change", "brake pads"}, "zh": {"常规保养", "更换刹车片"}}
	x := a.drafter.Data(draft.Recipient{Dealer: d, Contact: people[locale], Channel: ch, Locale: locale, Token: "preview", First: true, Now: now,
		Visit: store.Visit{Order: "10001", CompletedAt: now.Add(-26 * time.Hour), Works: works[locale], Advisor: "", Vehicle: store.Vehicle{Model: "LADA Vesta"}}})
	x.Callback.Due, x.Callback.Next = callback.WorkBy(now.Add(24*time.Hour), x.Zone), now.AddDate(0, 0, 7)
	x.Callback.Solution = works[locale][1]
	return x
}

// DefinitionFiles are the shipped definitions by path.
func DefinitionFiles() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, dir := range []string{"surveys", "programs"} {
		names, err := fs.Glob(templates.FS, dir+"/*.yaml")
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			if out[n], err = templates.FS.ReadFile(n); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// ParseEmail reads raw mails and writes one JSON line for each; bad is how many
// could not be read. A rating is read on the scale from 1 to 5.
func ParseEmail(files []string, w io.Writer) (bad int, err error) {
	p, err := reply.New()
	if err != nil {
		return 0, err
	}
	return email.ParseFiles(files, w, func(text string) (*int, string) {
		x := p.Read(reply.Input{Text: text, Channel: string(channels.Email), Question: &reply.Question{Kind: reply.KindRating, Min: 1, Max: 5}})
		return x.Rating, string(x.Intent)
	})
}

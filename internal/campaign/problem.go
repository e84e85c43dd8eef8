package campaign

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/calendar"
	"otklik/internal/program"
	"otklik/internal/render"
	"otklik/internal/store"
)

// Rules against a launch.
const (
	NoTitle     = "no_title"
	NoDay       = "no_day"
	Past        = "day_past"
	NoText      = "no_text"
	NoNews      = "news_language"
	NoLanguage  = "no_language"
	Unknown     = "unknown_word"
	TooLong     = "too_long"
	NobodyThere = "nobody"
	CannotStart = "program_cannot"
	SwitchedOff = "program_off"
	Nobody      = "nobody_responsible"
	// LooksLikeAd can be answered for by the launcher; all others cannot.
	LooksLikeAd = "looks_like_ad"
)

// Rules lists all of them: each has a sentence in every language.
func Rules() []string {
	return []string{NoTitle, NoDay, Past, NoText, NoNews, NoLanguage, Unknown, TooLong, NobodyThere, CannotStart, SwitchedOff, Nobody, LooksLikeAd}
}

// Problem keeps a campaign from being launched.
type Problem struct {
	// Rule is one of the constants above; Locale the language of the text that it is
	// about, "" for none; Words are those that are unknown or look like an
	// advertisement, the role that nobody has, or the program that cannot start; N how
	// many people it concerns; Missing what the program lacks, if it is there at all.
	Rule, Locale, Words string
	N                   int
	Missing             program.Missing
}

// Checked are the problems that a draft has by itself, without counting people.
func (d *Desk) Checked(ctx context.Context, c store.Campaign) ([]Problem, error) {
	texts, news, err := c.Wording()
	if err != nil {
		return nil, err
	}
	var out []Problem
	add := func(rule, locale, words string) { out = append(out, Problem{Rule: rule, Locale: locale, Words: words}) }
	if strings.TrimSpace(c.Title) == "" {
		add(NoTitle, "", "")
	}
	switch _, err := calendar.Parse(c.Date); {
	case err != nil:
		add(NoDay, "", "")
	case d.past(c):
		add(Past, "", "")
	}
	if len(texts) == 0 {
		add(NoText, "", "")
	}
	for _, l := range slices.Sorted(maps.Keys(news)) {
		if texts[l] == "" {
			add(NoNews, l, "")
		}
	}
	for _, l := range slices.Sorted(maps.Keys(texts)) {
		if words := render.UnknownWords(texts[l] + news[l]); len(words) > 0 {
			add(Unknown, l, strings.Join(words, ", "))
		}
		if d.tooLong(c, l) {
			add(TooLong, l, "")
		}
		if c.Program != Greeting {
			continue
		}
		if found := d.Advertising.Find(texts[l]); len(found) > 0 {
			add(LooksLikeAd, l, strings.Join(found, " "))
		}
	}
	staffed, err := d.staffed(ctx, c)
	return append(out, staffed...), err
}

// staffed are the problems with the campaign's program at the dealer.
func (d *Desk) staffed(ctx context.Context, c store.Campaign) (out []Problem, err error) {
	p, ok := d.listed(c.Program)
	if !ok {
		return []Problem{{Rule: CannotStart, Words: c.Program}}, nil
	}
	for _, m := range p.Missing {
		out = append(out, Problem{Rule: CannotStart, Words: c.Program, Missing: m})
	}
	settings, err := d.Store.ProgramSettings(ctx)
	if err != nil {
		return nil, err
	}
	staff, err := d.Store.Staff(ctx)
	if err != nil {
		return nil, err
	}
	if !program.Runs(p.Definition, settings, c.DealerID) {
		out = append(out, Problem{Rule: SwitchedOff, Words: c.Program})
	}
	if !program.Answered(p.Definition, settings, staff, c.DealerID) {
		out = append(out, Problem{Rule: Nobody, Words: p.Responsible})
	}
	return out, nil
}

// Problems are all that keep a campaign from being launched, with what the rehearsal
// has shown.
func (d *Desk) Problems(ctx context.Context, c store.Campaign, r *Rehearsal) ([]Problem, error) {
	out, err := d.Checked(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, w := range r.Wordless {
		if base, _, _ := strings.Cut(w.Rule, "-"); slices.ContainsFunc(out, func(p Problem) bool { return p.Locale == base && p.Rule == TooLong }) {
			continue
		}
		out = append(out, Problem{Rule: NoLanguage, Locale: w.Rule, N: w.N})
	}
	if r.Send == 0 && len(out) == 0 {
		out = append(out, Problem{Rule: NobodyThere})
	}
	return out, nil
}

// past tells whether the campaign's hour is over everywhere in the dealer's zone.
func (d *Desk) past(c store.Campaign) bool {
	day, err := calendar.Parse(c.Date)
	if err != nil {
		return false
	}
	dealer, _ := d.Dispatcher.Roster.Dealer(c.DealerID)
	return !d.Clock.Business().Before(day.In(dealer.Location(), shutAt))
}

// shutAt is when no greeting and no advertisement begins any more.
const shutAt = 19 * time.Hour

// longNames are people whose names make a text long, by language.
func longNames(locale string) store.Contact {
	c := store.Contact{Given: "Александра", Patronymic: "Константиновна", Family: "Верхнеудинская", Gender: "female", Locale: locale}
	switch locale {
	case "en":
		c.Given, c.Patronymic = "Alexandra", ""
	case "zh":
		c.Name, c.Given, c.Patronymic, c.Family = "欧阳秀英", "秀英", "", "欧阳"
	}
	return c
}

// tooLong tells whether the longest form of a text does not fit a channel.
func (d *Desk) tooLong(c store.Campaign, locale string) bool {
	dealer, _ := d.Dispatcher.Roster.Dealer(c.DealerID)
	for _, ch := range []channels.Kind{channels.SMS, channels.Telegram} {
		if _, err := d.Sample(c, dealer, longNames(locale), ch, true); errors.Is(err, render.ErrTooLong) {
			return true
		}
	}
	return false
}

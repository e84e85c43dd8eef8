package console

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"otklik/channels"
	"otklik/internal/calendar"
	"otklik/internal/campaign"
	"otklik/internal/program"
	"otklik/internal/render"
	"otklik/internal/store"
)

// Campaigns are listed listedFor days back and, so that no draft is lost from sight, to
// the last day that a date can name.
const (
	listedFor = 366
	lastDay   = "9999-12-31"
)

// campaignsPage lists the dealer's campaigns, those to come and under way first.
type campaignsPage struct {
	Open, Past []campaignLine
}

// campaignLine is one campaign of the list.
type campaignLine struct {
	store.Campaign
	// Phase is one word for where it stands.
	Phase string
	By    string
}

// Phases of a campaign: its states, and what becomes of a launched one.
const (
	phaseWaits    = "waits"
	phaseSending  = "sending"
	phasePaused   = "paused"
	phaseFinished = "finished"
)

// phase is where a campaign stands.
func (q *request) phase(c store.Campaign, pauses []store.Pause) string {
	if c.State != store.CampaignLaunched {
		return c.State
	}
	day, err := calendar.Parse(c.Date)
	if err != nil {
		return c.State
	}
	hour, _ := time.Parse("15:04", cmp.Or(c.Hour, defaultHour))
	begin, end := day.In(q.dealer.Location(), time.Duration(hour.Hour())*time.Hour+time.Duration(hour.Minute())*time.Minute), day.In(q.dealer.Location(), 24*time.Hour)
	switch {
	case slices.ContainsFunc(pauses, func(p store.Pause) bool { return p.Name == store.CampaignPause(c.ID) }):
		return phasePaused
	case !q.now.Before(end):
		return phaseFinished
	case !q.now.Before(begin):
		return phaseSending
	}
	return phaseWaits
}

// campaigns shows the list.
func (c *Console) campaigns(q *request) error {
	today := calendar.Of(q.now, q.dealer.Location())
	cs, err := c.Store.Campaigns(q.ctx(), q.dealer.ID, today.AddDays(-listedFor).String(), lastDay)
	if err != nil {
		return err
	}
	undated, err := c.Store.Campaigns(q.ctx(), q.dealer.ID, "", "")
	if err != nil {
		return err
	}
	pauses, err := c.Store.Pauses(q.ctx())
	if err != nil {
		return err
	}
	names, err := q.names()
	if err != nil {
		return err
	}
	var p campaignsPage
	for _, x := range append(undated, cs...) {
		line := campaignLine{x, q.phase(x, pauses), names[cmp.Or(x.LaunchedBy, x.CreatedBy)]}
		if line.Phase == phaseFinished || line.Phase == store.CampaignCanceled {
			p.Past = append(p.Past, line)
		} else {
			p.Open = append(p.Open, line)
		}
	}
	slices.Reverse(p.Past)
	return q.page("campaigns", "campaigns.title", p)
}

// names are those of the dealer's employees by id.
func (q *request) names() (map[string]string, error) {
	people, err := q.c.Store.Employees(q.ctx(), q.dealer.ID)
	if err != nil {
		return nil, fmt.Errorf("reading employees: %w", err)
	}
	out := make(map[string]string, len(people))
	for _, e := range people {
		out[e.ID] = e.Name
	}
	return out, nil
}

// campaignPage is the editor.
type campaignPage struct {
	store.Campaign
	program.Audience
	// Texts and News are by language.
	Texts, News map[string]string
	// Who was searched for the preview, As is whose it is; Found are the others.
	Who      string
	As       store.Contact
	Found    []store.Contact
	Previews []campaignPreview
	Problems []campaign.Problem
	// Tab is the language before the writer.
	Tab string
}

// campaignPreview is what one person would get, or somebody of a language.
type campaignPreview struct {
	Locale, Name string
	Channels     []channelPreview
}

// channelPreview is one channel's: with the news and without, where there are any.
type channelPreview struct {
	Channel  channels.Kind
	Versions []messagePreview
}

// messagePreview is one message.
type messagePreview struct {
	Subject, Text, Encoding string
	Characters, Segments    int
	// News tells that the news stand in it; Split that there is another without.
	News, Split bool
	// Failed is why there is none: missing, too_long or other.
	Failed string
}

// Hours are those at which a campaign may begin: greetings and advertisements leave
// between ten and seven.
func (p *campaignPage) Hours() (out []string) {
	for t := 10 * time.Hour; t <= 18*time.Hour; t += 30 * time.Minute {
		out = append(out, fmt.Sprintf("%02d:%02d", int(t.Hours()), int(t.Minutes())%60))
	}
	return out
}

const defaultHour = "10:00"

// Speaks tells whether a language is among those of the audience.
func (p *campaignPage) Speaks(l string) bool { return slices.Contains(p.Locales, l) }

// newCampaign shows an empty editor, for a day where one is named.
func (c *Console) newCampaign(q *request) error {
	query := q.r.URL.Query()
	p := &campaignPage{Campaign: store.Campaign{DealerID: q.dealer.ID, Program: campaign.Greeting, Date: query.Get("day"), Hour: defaultHour}}
	if query.Get("kind") == "news" {
		p.Program = campaign.News
	}
	if _, err := calendar.Parse(p.Date); err != nil {
		p.Date = ""
	}
	return c.showCampaign(q, p, nil)
}

// campaign shows a draft in the editor, and what has been launched as it goes.
func (c *Console) campaign(q *request) error {
	x, err := c.campaignOf(q)
	if err != nil {
		return err
	}
	if !campaign.Editable(x) {
		return c.launched(q, x)
	}
	p := &campaignPage{Campaign: x}
	if p.Audience, err = program.ParseAudience(x.Audience); err != nil {
		return err
	}
	if p.Texts, p.News, err = x.Wording(); err != nil {
		return err
	}
	if p.Problems, err = c.Campaigns.Checked(q.ctx(), x); err != nil {
		return err
	}
	return c.showCampaign(q, p, nil)
}

// campaignOf reads the campaign of the address, which is the reader's dealer's.
func (c *Console) campaignOf(q *request) (store.Campaign, error) {
	x, err := c.Store.Campaign(q.ctx(), q.r.PathValue("id"))
	if err == nil && x.DealerID != q.dealer.ID {
		err = store.ErrNotFound
	}
	return x, err
}

// saveCampaign keeps a draft, or shows what it would look like. What cannot be launched
// yet is kept all the same.
func (c *Console) saveCampaign(q *request) error {
	p, err := q.typedCampaign()
	if err != nil {
		return err
	}
	do := q.text("do")
	if do == "preview" {
		if p.Problems, err = c.Campaigns.Checked(q.ctx(), p.Campaign); err != nil {
			return err
		}
		return c.showCampaign(q, p, nil)
	}
	x, err := c.Campaigns.Save(q.ctx(), p.Campaign, q.employee)
	switch {
	case errors.Is(err, store.ErrConflict):
		return c.showCampaign(q, p, err)
	case err != nil:
		return err
	}
	switch do {
	case "rehearse":
		return q.redirect("/campaigns/" + x.ID + "/rehearsal")
	case "launch":
		return q.redirect("/campaigns/" + x.ID + "/launch")
	}
	q.flash("campaigns.saved")
	return q.redirect("/campaigns/" + x.ID)
}

// mostText bounds a text of a campaign.
const mostText = 3000

// typedCampaign reads the form of the editor.
func (q *request) typedCampaign() (*campaignPage, error) {
	if err := q.r.ParseForm(); err != nil {
		return nil, fmt.Errorf("%w: %w", errBadForm, err)
	}
	p := &campaignPage{Campaign: store.Campaign{DealerID: q.dealer.ID, Program: campaign.Greeting, Title: q.text("title"), Date: q.text("date"), Hour: cmp.Or(q.text("hour"), defaultHour)},
		Texts: map[string]string{}, News: map[string]string{}, Who: q.text("who"), Tab: q.text("tab")}
	if id := q.r.PathValue("id"); id != "" {
		p.ID = id
		if _, err := fmt.Sscan(q.text("version"), &p.Version); err != nil {
			return nil, fmt.Errorf("%w: %w", errBadForm, err)
		}
	}
	if q.text("kind") == "news" {
		p.Program = campaign.News
	}
	if !slices.Contains(p.Hours(), p.Hour) {
		return nil, errBadForm
	}
	for _, l := range locales() {
		p.Texts[l], p.News[l] = q.text("text-"+l), q.text("news-"+l)
		if p.Program == campaign.News {
			p.News[l] = ""
		}
		if len([]rune(p.Texts[l]))+len([]rune(p.News[l])) > mostText {
			return nil, errBadForm
		}
		if slices.Contains(q.r.PostForm["locale"], l) {
			p.Locales = append(p.Locales, l)
		}
	}
	p.Gender, p.Models, p.Tags, p.NotTags = q.text("gender"), listed(q.text("models")), listed(q.text("tags")), listed(q.text("not_tags"))
	p.Prospects, p.Companies = q.text("prospects"), q.text("companies")
	audience, err := yaml.Marshal(p.Audience)
	if err == nil {
		_, err = program.ParseAudience(string(audience))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBadForm, err)
	}
	p.Campaign.Audience = string(audience)
	return p, p.Worded(p.Texts, p.News)
}

// listed takes a list apart that was typed with commas.
func listed(s string) (out []string) {
	for _, x := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",;，；、\n", r) }) {
		if x = strings.TrimSpace(x); x != "" {
			out = append(out, x)
		}
	}
	return out
}

// showCampaign shows the editor with its previews, and the sentence that says why it was
// not kept.
func (c *Console) showCampaign(q *request, p *campaignPage, refusal error) error {
	if p.Tab == "" {
		p.Tab = q.dealer.Locale
	}
	if err := c.findSample(q, p); err != nil {
		return err
	}
	if p.As.ID != "" {
		p.Previews = []campaignPreview{c.previewOf(q, p, p.As, cmp.Or(tongue(p.As.Locale), q.dealer.Locale))}
	} else {
		for _, l := range locales() {
			if p.Texts[l] != "" {
				p.Previews = append(p.Previews, c.previewOf(q, p, madeUp(q, l), l))
			}
		}
	}
	if refusal != nil {
		status, key := failureOf(refusal)
		return q.pageWith(status, "campaign", "campaigns.edit", p, q.lang.text(key))
	}
	return q.page("campaign", "campaigns.edit", p)
}

// findSample finds whose message is shown.
func (c *Console) findSample(q *request, p *campaignPage) error {
	if as := q.text("as"); as != "" {
		x, err := c.Store.Contact(q.ctx(), as)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		ours, err := c.ours(q, x.ID)
		if err != nil {
			return err
		}
		if x.ID != "" && ours {
			p.As, p.Who = x, x.Name
			return nil
		}
	}
	if len([]rune(p.Who)) < 2 {
		return nil
	}
	found, err := c.Store.SearchContacts(q.ctx(), q.dealer.ID, searched(p.Who, q.dealer.Country), foundSamples)
	if err != nil {
		return fmt.Errorf("searching customers: %w", err)
	}
	for _, x := range found {
		ours, err := c.ours(q, x.ID)
		if err != nil {
			return err
		}
		switch {
		case !ours:
		case p.As.ID == "":
			p.As = x
		default:
			p.Found = append(p.Found, x)
		}
	}
	return nil
}

// foundSamples is how many people a search for the preview shows.
const foundSamples = 6

// madeUp is somebody to whom a text is shown where nobody was searched for.
func madeUp(q *request, locale string) store.Contact {
	l := q.c.catalogues[locale]
	return store.Contact{Name: l.text("campaigns.sample.name"), Given: l.text("campaigns.sample.given"), Patronymic: strings.Trim(l.text("campaigns.sample.patronymic"), "-"), Family: l.text("campaigns.sample.family"),
		Gender: "female", Locale: locale}
}

// previewOf is what somebody would get on each channel.
func (c *Console) previewOf(q *request, p *campaignPage, who store.Contact, locale string) campaignPreview {
	out := campaignPreview{Locale: locale, Name: cmp.Or(render.Address(render.Person{Given: who.Given, Patronymic: who.Patronymic, Family: who.Family, Full: who.Name, Gender: who.Gender, Company: who.Company}, locale), who.Name)}
	split := p.Program == campaign.Greeting && p.News[locale] != ""
	for _, ch := range []channels.Kind{channels.SMS, channels.Telegram, channels.Email} {
		x := channelPreview{Channel: ch}
		for _, news := range []bool{true, false} {
			if !news && !split {
				continue
			}
			m, err := c.Campaigns.Sample(p.Campaign, q.dealer, who, ch, news)
			v := messagePreview{Subject: m.Subject, Text: m.Text, Segments: m.Segments, Characters: len([]rune(m.Text)), News: news, Split: split}
			switch {
			case errors.Is(err, render.ErrTooLong):
				v.Failed = "too_long"
			case errors.Is(err, render.ErrMissing):
				v.Failed = "missing"
			case err != nil:
				v.Failed = "other"
			}
			if _, v.Encoding = render.Segments(m.Text); ch != channels.SMS {
				v.Encoding = ""
			}
			x.Versions = append(x.Versions, v)
		}
		out.Channels = append(out.Channels, x)
	}
	return out
}

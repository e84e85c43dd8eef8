package console

import (
	"slices"
	"strings"
	"time"

	"otklik/internal/calendar"
	"otklik/internal/campaign"
	"otklik/internal/dispatch"
	"otklik/internal/program"
	"otklik/internal/render"
)

// Page is the address of a list of people, behind the ones it shows.
func (v *view) Page(next string) string {
	u := *v.q.r.URL
	values := u.Query()
	values.Set("after", next)
	u.RawQuery = values.Encode()
	return u.RequestURI()
}

// Ruled is a rule in a few words.
func (v *view) Ruled(rule string) string {
	if rule == dispatch.NewsIncluded {
		return v.T("campaigns.with_news")
	}
	return v.Label("campaigns.rule", rule)
}

// Against says what keeps a campaign from being launched.
func (v *view) Against(p campaign.Problem) string {
	if p.Missing.Rule != "" {
		return v.Finding(Finding{Program: p.Words, Step: p.Missing.Step, Missing: p.Missing})
	}
	words := p.Words
	if p.Rule == campaign.Nobody {
		words = v.Label("role", words)
	}
	return v.T("campaigns.problem."+p.Rule, "language", v.Label("language_name", tongue(p.Locale)), "words", words, "n", v.Number(p.N), "people", v.N("campaigns.people_n", p.N))
}

// Day is a date in words, "" where it is none.
func (v *view) Day(date string) string {
	d, err := calendar.Parse(date)
	if err != nil {
		return ""
	}
	return v.Date(d.In(v.zone(), 12*time.Hour))
}

// Joined is a list as it is typed.
func (v *view) Joined(list []string) string { return strings.Join(list, ", ") }

// OwnWords are those that a text in a language may hold, in braces.
func (v *view) OwnWords(locale string) string {
	words := render.OwnWords(locale)
	for i := range words {
		words[i] = "{" + words[i] + "}"
	}
	return strings.Join(words, ", ")
}

// Price is what segments of SMS cost, "" where nobody has said it.
func (v *view) Price(segments int) string {
	p := v.q.c.Campaigns.Price
	if p.Minor == 0 {
		return ""
	}
	return "≈ " + v.Money(int64(segments)*p.Minor, p.Currency)
}

// Tongue is the name of a locale's language.
func (v *view) Tongue(locale string) string { return v.Label("language_name", tongue(locale)) }

// Share is a part in per cent, "" of nothing.
func (v *view) Share(part, of int) string {
	if of == 0 {
		return ""
	}
	return v.T("campaigns.percent", "n", v.Number(part*100/of))
}

// Summary is a rehearsal in a sentence.
func (v *view) Summary(p rehearsalPage) string {
	reasons := func(rs []campaign.Reason) string {
		parts := make([]string, len(rs))
		for i, r := range rs {
			parts[i] = v.Number(r.N) + " – " + v.Ruled(r.Rule)
		}
		return strings.Join(parts, v.T("mark.comma"))
	}
	s := v.N("campaigns.sum.get", p.Send)
	if len(p.Skipped) > 0 {
		s += v.T("mark.part") + v.N("campaigns.sum.skip", p.Skips(), "why", reasons(p.Skipped))
	}
	if len(p.Moved) > 0 {
		n := 0
		for _, r := range p.Moved {
			n += r.N
		}
		s += v.T("mark.part") + v.N("campaigns.sum.move", n, "why", reasons(p.Moved))
	}
	s += v.T("mark.stop")
	if !p.Last.IsZero() {
		s += v.T("campaigns.sum.end", "when", v.Moment(p.Last))
	}
	return strings.TrimSpace(s)
}

// Meant says in a sentence whom an audience means.
func (v *view) Meant(a program.Audience) string {
	parts := []string{v.T("campaigns.meant.customers")}
	switch {
	case a.Companies == "only":
		parts[0] = v.T("campaigns.meant.companies_only")
	case a.Prospects == "only":
		parts[0] = v.T("campaigns.meant.prospects_only")
	}
	if a.Prospects == "too" {
		parts = append(parts, v.T("campaigns.meant.prospects"))
	}
	if a.Companies == "too" {
		parts = append(parts, v.T("campaigns.meant.companies"))
	}
	if a.Gender != "" {
		parts = append(parts, v.T("campaigns.meant."+a.Gender))
	}
	if len(a.Locales) > 0 {
		names := slices.Clone(a.Locales)
		for i := range names {
			names[i] = v.Tongue(names[i])
		}
		parts = append(parts, v.T("campaigns.meant.locales", "list", strings.Join(names, ", ")))
	}
	for key, list := range map[string][]string{"models": a.Models, "tags": a.Tags, "not_tags": a.NotTags} {
		if len(list) > 0 {
			parts = append(parts, v.T("campaigns.meant."+key, "list", strings.Join(list, ", ")))
		}
	}
	slices.Sort(parts[1:])
	return strings.Join(parts, v.T("mark.part")) + strings.TrimSpace(v.T("mark.stop"))
}

// Listing is the headline of a list of people.
func (v *view) Listing(kind, rule string) string {
	s := v.T("campaigns.list." + kind)
	if rule != "" {
		s = v.T("campaigns.listing", "what", s, "why", v.Ruled(rule))
	}
	return s
}

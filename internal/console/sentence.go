package console

import (
	"encoding/json"
	"strings"
	"time"

	"otklik/internal/dispatch"
	"otklik/internal/render"
	"otklik/internal/store"
)

// Sentence says in a language why an outreach was sent, held, moved, merged or
// dropped; the API gives it beside the rule. Times are in the zone; a language
// that the console does not speak gives English.
func (c *Console) Sentence(locale string, d store.ListedDecision, zone *time.Location) string {
	cat, ok := c.catalogues[tongue(locale)]
	if !ok {
		cat = c.catalogues["en"]
	}
	q := &request{c: c, lang: cat, dealer: store.Dealer{Zone: zone.String(), Locale: locale}, now: c.Clock.Business()}
	w := q.why(d)
	v := q.view("contact.title")
	return v.T("why_line", "verdict", v.Label("verdict", d.Verdict), "sentence", w.Sentence, "rule", d.Rule)
}

// why is a decision as a sentence.
type why struct {
	Verdict, Sentence, Program, Order string
	Until                             time.Time
}

// why says in the reader's language why an outreach was sent, held, moved, merged
// or dropped.
func (q *request) why(d store.ListedDecision) *why {
	v := q.view("contact.title")
	inputs := map[string]string{}
	if d.Inputs != "" {
		// Inputs that cannot be read leave the sentence without its figures.
		_ = json.Unmarshal([]byte(d.Inputs), &inputs)
	}
	city, local := v.place(inputs["zone"], d.Until)
	pairs := []any{"until", v.Moment(d.Until), "city", city, "local", local, "rule", d.Rule}
	for _, k := range []string{"window", "zone", "cap", "sender", "program", "country", "error", "days", "from", "limit", "size", "state"} {
		pairs = append(pairs, k, inputs[k])
	}
	into := v.T("why_into")
	if inputs["into"] != "" {
		into = v.Program(inputs["into"])
	}
	pairs = append(pairs, "into", into)
	for _, k := range []string{"deadline", "answers", "typed", "at"} {
		s := inputs[k]
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			s = v.Moment(t)
		}
		pairs = append(pairs, k, s)
	}
	again := ""
	if !d.Until.IsZero() {
		again = v.T("why_again", "local", local)
	}
	pairs = append(pairs, "again", again)
	pairs = append(pairs, "basis", v.basis(inputs["basis"]), "channel", v.Label("channel", inputs["channel"]), "reason", v.Label("suppressed", inputs["reason"]), "purpose", v.Label("purpose", inputs["purpose"]))
	said := d.Rule
	if task := inputs["task"]; said == dispatch.RulePhoneStep && task != "" {
		said, pairs = "phone_task", append(pairs, "task", v.Label("task_kind", task))
	}
	w := &why{Verdict: d.Verdict, Program: v.Program(d.Program), Order: d.Order, Until: d.Until}
	if q.lang.has("why." + said) {
		w.Sentence = v.T("why."+said, pairs...)
	} else {
		w.Sentence = v.T("why.other", "rule", d.Rule)
	}
	if news := inputs[dispatch.InputNews]; news != "" {
		w.Sentence += " " + v.T("why_news."+map[bool]string{true: "included", false: "left_out"}[news == dispatch.NewsIncluded], "why", v.Ruled(news))
	}
	return w
}

// place is the city of a zone, and a moment in words as people there say it: whoever
// reads may be elsewhere.
func (v *view) place(name string, t time.Time) (city, local string) {
	zone, err := time.LoadLocation(name)
	if name == "" || err != nil {
		return name, v.Moment(t)
	}
	city = name
	if v.q.lang.has("city." + name) {
		city = v.T("city." + name)
	} else if i := strings.LastIndexByte(name, '/'); i >= 0 {
		city = strings.ReplaceAll(name[i+1:], "_", " ")
	}
	if t.IsZero() {
		return city, ""
	}
	return city, render.Moment(t, v.Lang(), zone, v.Now)
}

// basis is what makes a person ours, as policy names it.
func (v *view) basis(said string) string {
	kind, name, named := strings.Cut(said, " ")
	switch {
	case kind == "order":
		return v.T("why_basis.order", "order", name)
	case named:
		if day, err := time.ParseInLocation(time.DateOnly, name, v.zone()); err == nil {
			name = v.Date(day)
		}
		if v.q.lang.has("why_basis." + kind) {
			return v.T("why_basis."+kind, "name", name)
		}
	case kind == "inquiry":
		return v.T("why_basis.inquired")
	}
	return v.Label("why_basis", said)
}

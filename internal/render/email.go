package render

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"otklik/internal/survey"
)

// letter is all that an email says, in the order in which its text says it; the
// text alternative and the HTML are both made of it.
type letter struct {
	locale, subject, preheader string
	// body is the text itself; what follows frames it.
	body string
	// open and form are the words and the target of the link to the form.
	open, form string
	// reply, why and place are how to answer, why one gets the mail, and where
	// the sender is.
	reply, why, place string
	// unsubscribe and unsubscribeURL are the words and the target of that link.
	unsubscribe, unsubscribeURL string
	// legend explains the grades; rows are the answers that open the form.
	legend string
	rows   [][]choice
}

// email adds links to the form, the ways to answer and the footer.
func (j *job) email(w *words, v *values, c Content) (Content, error) {
	l := letter{locale: c.Locale, body: c.Text, place: v.get(pDealerAddress)}
	if l.unsubscribeURL = j.data.UnsubscribeURL; l.unsubscribeURL != "" {
		l.unsubscribe = w.Email.Unsubscribe
	}
	why := w.Email.Why.Other
	if j.purpose == "survey" {
		why = w.Email.Why.Survey
		if l.unsubscribeURL == "" {
			return Content{}, fmt.Errorf("%w: the link to unsubscribe", ErrMissing)
		}
	}
	dealer := v.get(pDealer)
	if dealer == "" {
		return Content{}, fmt.Errorf("%w: the dealer's name", ErrMissing)
	}
	l.why = strings.ReplaceAll(why, "{dealer}", dealer)
	if err := j.heads(&l, v); err != nil {
		return Content{}, err
	}
	if err := j.answers(&l, w); err != nil {
		return Content{}, err
	}
	if j.buttons != nil && len(j.buttons.Options) > 0 {
		l.body += "\n\n" + numbered(j.buttons.Question, c.Locale, "\n")
	}
	c.Subject, c.Text, c.Letter = l.subject, l.text(), l.encode()
	return c, nil
}

func (j *job) heads(l *letter, v *values) error {
	p := j.text[l.locale]
	if p.subject == nil {
		p = j.subject[l.locale]
	}
	if p.subject == nil {
		return fmt.Errorf("%w: subject", ErrMissing)
	}
	var room [512]byte
	b, err := p.subject.appendTo(room[:0], v)
	if err != nil {
		return err
	}
	l.subject = line(string(b))
	if p.preheader != nil {
		if b, err = p.preheader.appendTo(room[:0], v); err != nil {
			return err
		}
		l.preheader = line(string(b))
	}
	return nil
}

// answers fills in the ways to answer. A link only opens the form with the answer
// marked: nothing is saved before the person presses its button (invariant 9).
func (j *job) answers(l *letter, w *words) error {
	if j.buttons == nil {
		return nil
	}
	l.reply = w.Email.Reply
	if j.buttons.Open() {
		return nil
	}
	if _, err := url.Parse(j.data.FormURL); err != nil || j.data.FormURL == "" {
		return fmt.Errorf("%w: the link to the form", ErrMissing)
	}
	l.open, l.form = w.Email.Open, j.data.FormURL
	if j.buttons.Kind == survey.MultiChoice {
		return nil
	}
	l.rows = j.choices(w, l.locale)
	if j.buttons.Kind == survey.Rating {
		l.legend = strconv.Itoa(j.buttons.Min) + " - " + w.Scale.Lowest + ", " + strconv.Itoa(j.buttons.Max) + " - " + w.Scale.Highest
	}
	return nil
}

// framed are the parts that the text alternative consists of, each behind its
// separator; a part that is empty is left out, with what stands before it.
func (l *letter) framed() [8]framedPart {
	return [...]framedPart{
		{"", &l.body},
		{"\n\n", &l.open}, {": ", &l.form},
		{"\n\n", &l.reply},
		{"\n\n-- \n", &l.why},
		{"\n", &l.place},
		{"\n", &l.unsubscribe}, {": ", &l.unsubscribeURL},
	}
}

type framedPart struct {
	before string
	part   *string
}

// text is the text alternative.
func (l *letter) text() string {
	parts := l.framed()
	size := 0
	for _, p := range parts {
		size += len(p.before) + len(*p.part)
	}
	var b strings.Builder
	b.Grow(size)
	for _, p := range parts {
		if *p.part != "" {
			b.WriteString(p.before)
			b.WriteString(*p.part)
		}
	}
	return b.String()
}

// HTML makes the page of an email out of a Content's subject, text and letter,
// or of what was stored of them. A letter that begins with "<" is a page already,
// as the first version stored it, and stays as it is; an empty one has no page.
// The page is in the layout of this Renderer. An error wraps ErrLetter: the text
// alone can still be sent.
func (r *Renderer) HTML(subject, text, stored string) (string, error) {
	if stored == "" || stored[0] == '<' {
		return stored, nil
	}
	l, err := readLetter(subject, text, stored)
	if err != nil {
		return "", fmt.Errorf("reading a stored letter: %w", err)
	}
	m, err := l.page()
	if err != nil {
		return "", fmt.Errorf("reading a stored letter: %w", err)
	}
	return r.layout.execute(m)
}

// page is what the layout shows.
func (l *letter) page() (*page, error) {
	m := &page{Lang: l.locale, Subject: l.subject, Preheader: l.preheader, Legend: l.legend, Open: l.open, OpenURL: l.form,
		Reply: l.reply, Why: l.why, Place: l.place, Unsubscribe: l.unsubscribe, UnsubscribeURL: l.unsubscribeURL}
	m.Paragraphs = paragraphs(l.body)
	if len(l.rows) == 0 {
		return m, nil
	}
	form, err := url.Parse(l.form)
	if err != nil {
		return nil, fmt.Errorf("%w: the link to the form", ErrLetter)
	}
	m.Rows = make([][]link, len(l.rows))
	plain := form.RawQuery == "" && form.Fragment == "" && !form.ForceQuery
	base := ""
	if plain {
		base = form.String() + "?q="
	}
	for i, row := range l.rows {
		m.Rows[i] = make([]link, len(row))
		for k := range row {
			if m.Rows[i][k].Label = row[k].label; plain {
				m.Rows[i][k].URL = base + url.QueryEscape(row[k].value)
				continue
			}
			u, q := *form, form.Query()
			q.Set("q", row[k].value)
			u.RawQuery = q.Encode()
			m.Rows[i][k].URL = u.String()
		}
	}
	return m, nil
}

// paragraphs are the lines of each paragraph.
func paragraphs(text string) [][]string {
	out := make([][]string, 0, strings.Count(text, "\n\n")+1)
	lines := make([]string, 0, strings.Count(text, "\n")+1)
	for more := true; more; {
		var p string
		p, text, more = strings.Cut(text, "\n\n")
		from := len(lines)
		for below := true; below; {
			var s string
			s, p, below = strings.Cut(p, "\n")
			lines = append(lines, s)
		}
		out = append(out, lines[from:len(lines):len(lines)])
	}
	return out
}

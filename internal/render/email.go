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
	if (j.purpose == "survey" || j.purpose == "greeting" || j.purpose == ad) && l.unsubscribeURL == "" {
		return Content{}, fmt.Errorf("%w: the link to unsubscribe", ErrMissing)
	}
	var err error
	if l.why, err = j.reason(w, v, l.locale); err != nil {
		return Content{}, err
	}
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

// reason says why one gets the mail: in the survey's own words, else in the house's.
func (j *job) reason(w *words, v *values, locale string) (string, error) {
	if own := j.why[locale]; own != nil {
		b, err := own.appendTo(nil, v)
		return line(string(b)), err
	}
	dealer := v.get(pDealer)
	if dealer == "" {
		return "", fmt.Errorf("%w: the dealer's name", ErrMissing)
	}
	why := w.Email.Why.Other
	switch j.purpose {
	case "survey":
		why = w.Email.Why.Survey
	case "service":
		why = w.Email.Why.Service
	case "greeting":
		why = w.Email.Why.Greeting
	case ad:
		why = w.Email.Why.Ad
	}
	return strings.ReplaceAll(why, "{dealer}", dealer), nil
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
	if !plainURL(j.data.FormURL) {
		if _, err := url.Parse(j.data.FormURL); err != nil || j.data.FormURL == "" {
			return fmt.Errorf("%w: the link to the form", ErrMissing)
		}
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

// AppendHTML appends the page of an email, made out of a Content's subject, text
// and letter, or of what was stored of them. A letter that begins with "<" is a page
// already, as the first version stored it, and stays as it is; an empty one has no
// page. The page is in the layout of this Renderer. An error wraps ErrLetter, and
// nothing is appended: the text alone can still be sent.
func (r *Renderer) AppendHTML(b []byte, subject, text, stored string) ([]byte, error) {
	if stored == "" || stored[0] == '<' {
		return append(b, stored...), nil
	}
	p := r.presses.Get().(*press)
	defer r.presses.Put(p)
	if err := p.read(subject, text, stored); err != nil {
		return b, fmt.Errorf("reading a stored letter: %w", err)
	}
	if err := p.set(); err != nil {
		return b, fmt.Errorf("reading a stored letter: %w", err)
	}
	return r.layout.append(b, &p.page)
}

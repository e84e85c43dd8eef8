package render

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"otklik/channels"
	"otklik/internal/survey"
)

// Limits of the channels (provider-and-law-facts 5.3, 5.4).
const (
	longestSMS      = 1600 // characters; Twilio refuses more (21617)
	longestTelegram = 4096 // UTF-16 units
	longestData     = 64   // bytes of callback_data
)

// job is one text to be built.
type job struct {
	name     string
	text     wording
	subject  wording // where it differs from text
	question wording // the wording of {{.question}}
	channel  channels.Kind
	purpose  string
	segments int
	buttons  *survey.Question
	// opens: we write first, so the first contact says how to refuse.
	opens bool
	data  Data
}

// run builds a job in the best locale and says where it failed.
func (r *Renderer) run(j job, locale string) (Content, error) {
	l, err := r.pick(j, locale)
	if err == nil {
		var c Content
		if c, err = r.build(j, l); err == nil {
			return c, nil
		}
	}
	return Content{}, fmt.Errorf("rendering %s in %s for %s: %w", j.name, locale, j.channel, err)
}

// pick chooses one locale for the whole message: the person's, its language, the
// dealer's, its language.
func (r *Renderer) pick(j job, locale string) (string, error) {
	if len(j.text) == 0 {
		return "", ErrUnknown
	}
	for _, l := range []string{locale, base(locale), j.data.Dealer.Locale, base(j.data.Dealer.Locale)} {
		if r.words[base(l)] == nil || j.text[l].text[j.channel] == nil {
			continue
		}
		if j.question == nil || j.question[l].text[j.channel] != nil {
			return l, nil
		}
	}
	return "", ErrNoTranslation
}

func (r *Renderer) build(j job, l string) (Content, error) {
	w := r.words[base(l)]
	v := w.vars(j.data)
	v.scale(j.buttons)
	if j.question != nil {
		q, err := execute(j.question[l].text[j.channel], v)
		if err != nil {
			return Content{}, err
		}
		v["question"] = line(q)
	}
	text, err := execute(j.text[l].text[j.channel], v)
	if err != nil {
		return Content{}, err
	}
	c := Content{Text: tidy(text), Locale: l}
	switch j.channel {
	case channels.SMS:
		return j.sms(w, v, c)
	case channels.Telegram:
		return j.telegram(w, c)
	case channels.Email:
		return r.email(j, w, v, c)
	}
	return c, nil
}

func execute(t *template.Template, v vars) (string, error) {
	var b strings.Builder
	if err := t.Execute(&b, v); err != nil {
		return "", fmt.Errorf("%w: %w", ErrMissing, err)
	}
	return b.String(), nil
}

var emptyLines = regexp.MustCompile(`\n[ \t]*(\n[ \t]*)+`)

// tidy trims, and joins the empty lines that a condition left behind.
func tidy(s string) string {
	return strings.TrimSpace(emptyLines.ReplaceAllString(s, "\n\n"))
}

// sms puts the text on one line between signature and, at the first contact, the
// way to refuse.
func (j job) sms(w *words, v vars, c Content) (Content, error) {
	c.Text = line(c.Text)
	if j.buttons != nil && len(j.buttons.Options) > 0 {
		c.Text += " " + numbered(j.buttons, c.Locale, ", ")
	}
	if s := w.SMS.Signature; s != "" {
		if v["dealer"] == "" {
			return Content{}, fmt.Errorf("%w: the dealer's name for the signature", ErrMissing)
		}
		c.Text = strings.ReplaceAll(s, "{dealer}", v["dealer"]) + c.Text
	}
	if j.opens && j.data.First && !strings.Contains(c.Text, strings.TrimSpace(w.SMS.Refusal)) {
		if r, _ := utf8.DecodeLastRuneInString(c.Text); unicode.IsLetter(r) || unicode.IsDigit(r) {
			c.Text += w.SMS.Stop
		}
		c.Text += w.SMS.Refusal
	}
	c.Segments, c.Encoding = Segments(c.Text)
	if n := len([]rune(c.Text)); n > longestSMS {
		return Content{}, fmt.Errorf("%w: %d characters, %d are allowed", ErrTooLong, n, longestSMS)
	}
	if c.Segments > j.segments {
		return Content{}, fmt.Errorf("%w: %d segments, %d are allowed", ErrTooLong, c.Segments, j.segments)
	}
	return c, nil
}

func (j job) telegram(w *words, c Content) (Content, error) {
	if n := len(utf16.Encode([]rune(c.Text))); n > longestTelegram {
		return Content{}, fmt.Errorf("%w: %d characters, %d are allowed", ErrTooLong, n, longestTelegram)
	}
	for _, row := range choices(j.buttons, w, c.Locale) {
		var out []channels.Button
		for _, b := range row {
			if j.data.Token == "" {
				return Content{}, fmt.Errorf("%w: the token for the buttons", ErrMissing)
			}
			data := j.data.Token + ":" + j.buttons.ID + ":" + b.value
			if len(data) > longestData {
				return Content{}, fmt.Errorf("%w: button data of %d bytes, %d are allowed", ErrTooLong, len(data), longestData)
			}
			out = append(out, channels.Button{Label: b.tapLabel(), Data: data})
		}
		c.Buttons = append(c.Buttons, out)
	}
	return c, nil
}

// choice is one thing that can be tapped.
type choice struct {
	value, label string
	// face is what the lowest and the highest grade carry beside the number.
	face string
}

func (c choice) tapLabel() string {
	if c.face == "" {
		return c.label
	}
	return c.label + " " + c.face
}

const longestRow = 6

// choices are a question's answers as rows of buttons.
func choices(q *survey.Question, w *words, locale string) [][]choice {
	if q == nil {
		return nil
	}
	switch q.Kind {
	case survey.Rating, survey.NPS:
		return grades(q)
	case survey.YesNo:
		return [][]choice{{{value: "yes", label: w.Answers["yes"]}, {value: "no", label: w.Answers["no"]}}}
	case survey.Choice, survey.MultiChoice:
		var rows [][]choice
		for _, o := range q.Options {
			rows = append(rows, []choice{{value: o.ID, label: o.Label[locale]}})
		}
		if q.Kind == survey.MultiChoice {
			rows = append(rows, []choice{{value: survey.Enough, label: w.Answers["done"]}})
		}
		return rows
	}
	if q.Optional {
		return [][]choice{{{value: survey.Skip, label: w.Answers["skip"]}}}
	}
	return nil
}

func grades(q *survey.Question) [][]choice {
	var rows [][]choice
	for n := q.Min; n <= q.Max; n++ {
		c := choice{value: strconv.Itoa(n), label: strconv.Itoa(n)}
		switch n {
		case q.Min:
			c.face = "😞"
		case q.Max:
			c.face = "😊"
		}
		if last := len(rows) - 1; last >= 0 && len(rows[last]) < longestRow {
			rows[last] = append(rows[last], c)
		} else {
			rows = append(rows, []choice{c})
		}
	}
	return rows
}

// numbered lists options as the parser expects them: "1 - first, 2 - second".
func numbered(q *survey.Question, locale, separator string) string {
	var out []string
	for i, o := range q.Options {
		out = append(out, strconv.Itoa(i+1)+" - "+o.Label[locale])
	}
	return strings.Join(out, separator)
}

// email adds links to the form, the ways to answer and the footer.
func (r *Renderer) email(j job, w *words, v vars, c Content) (Content, error) {
	m := mail{Lang: c.Locale, Place: v["dealer_address"], UnsubscribeURL: j.data.UnsubscribeURL, Unsubscribe: w.Email.Unsubscribe}
	why := w.Email.Why.Other
	if j.purpose == "survey" {
		why = w.Email.Why.Survey
		if m.UnsubscribeURL == "" {
			return Content{}, fmt.Errorf("%w: the link to unsubscribe", ErrMissing)
		}
	}
	if v["dealer"] == "" {
		return Content{}, fmt.Errorf("%w: the dealer's name", ErrMissing)
	}
	m.Why = strings.ReplaceAll(why, "{dealer}", v["dealer"])
	var err error
	if c.Subject, m.Preheader, err = j.heads(c.Locale, v); err != nil {
		return Content{}, err
	}
	if err := m.answer(j, w, c.Locale); err != nil {
		return Content{}, err
	}
	if j.buttons != nil && len(j.buttons.Options) > 0 {
		c.Text += "\n\n" + numbered(j.buttons, c.Locale, "\n")
	}
	m.Subject, m.Paragraphs = c.Subject, paragraphs(c.Text)
	c.Text = m.plain(c.Text)
	var b bytes.Buffer
	if err := r.layout.Execute(&b, m); err != nil {
		return Content{}, fmt.Errorf("filling the email layout: %w", err)
	}
	c.HTML = b.String()
	return c, nil
}

func (j job) heads(l string, v vars) (subject, preheader string, err error) {
	p := j.text[l]
	if p.subject == nil {
		p = j.subject[l]
	}
	if p.subject == nil {
		return "", "", fmt.Errorf("%w: subject", ErrMissing)
	}
	if subject, err = execute(p.subject, v); err != nil {
		return "", "", err
	}
	if p.preheader != nil {
		preheader, err = execute(p.preheader, v)
	}
	return line(subject), line(preheader), err
}

// mail is what the layout shows.
type mail struct {
	Lang, Subject, Preheader    string
	Paragraphs                  [][]string
	Rows                        [][]link
	Legend, Open, OpenURL       string
	Reply, Why, Place           string
	Unsubscribe, UnsubscribeURL string
}

type link struct{ Label, URL string }

// answer fills in the ways to answer. A link only opens the form with the answer
// marked: nothing is saved before the person presses its button (invariant 9).
func (m *mail) answer(j job, w *words, locale string) error {
	if j.buttons == nil {
		return nil
	}
	m.Reply = w.Email.Reply
	if j.buttons.Open() {
		return nil
	}
	form, err := url.Parse(j.data.FormURL)
	if err != nil || j.data.FormURL == "" {
		return fmt.Errorf("%w: the link to the form", ErrMissing)
	}
	m.Open, m.OpenURL = w.Email.Open, j.data.FormURL
	if j.buttons.Kind == survey.MultiChoice {
		return nil
	}
	for _, row := range choices(j.buttons, w, locale) {
		var out []link
		for _, c := range row {
			u := *form
			q := u.Query()
			q.Set("q", c.value)
			u.RawQuery = q.Encode()
			out = append(out, link{Label: c.label, URL: u.String()})
		}
		m.Rows = append(m.Rows, out)
	}
	if j.buttons.Kind == survey.Rating {
		m.Legend = fmt.Sprintf("%d - %s, %d - %s", j.buttons.Min, w.Scale.Lowest, j.buttons.Max, w.Scale.Highest)
	}
	return nil
}

// plain is the text alternative.
func (m *mail) plain(text string) string {
	var b strings.Builder
	b.WriteString(text)
	if m.OpenURL != "" {
		b.WriteString("\n\n" + m.Open + ": " + m.OpenURL)
	}
	if m.Reply != "" {
		b.WriteString("\n\n" + m.Reply)
	}
	b.WriteString("\n\n-- \n" + m.Why)
	if m.Place != "" {
		b.WriteString("\n" + m.Place)
	}
	if m.UnsubscribeURL != "" {
		b.WriteString("\n" + m.Unsubscribe + ": " + m.UnsubscribeURL)
	}
	return b.String()
}

func paragraphs(text string) [][]string {
	var out [][]string
	for _, p := range strings.Split(text, "\n\n") {
		out = append(out, strings.Split(p, "\n"))
	}
	return out
}

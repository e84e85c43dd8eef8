package render

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
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

// ad is the purpose of what needs consent to advertising.
const ad = "ad"

// job is one text to be built.
type job struct {
	name     string
	text     wording
	subject  wording // where it differs from text
	question wording // the wording of {{.question}}
	// asks: the question follows a text that gives it no place of its own.
	asks    bool
	channel channels.Kind
	purpose string
	// why are the survey's own words on why one gets an email, by locale.
	why      map[string]*text
	segments int
	buttons  *asked
	// opens: we write first, so the first contact says how to refuse.
	opens bool
	data  *Data
}

// asked is a question as it stands under a text.
type asked struct {
	*survey.Question
	wording wording
	// brands are the wordings for vehicles of a brand (R037).
	brands map[string]wording
	// rows are the answers as buttons, by locale.
	rows map[string][][]choice
}

// of is the wording for a vehicle.
func (a *asked) of(model string) wording {
	if w, ok := a.brands[a.Brand(model)]; ok {
		return w
	}
	return a.wording
}

// run builds a job in the best locale and says where it failed.
func (r *Renderer) run(j *job, locale string) (Content, error) {
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
func (r *Renderer) pick(j *job, locale string) (string, error) {
	if len(j.text) == 0 {
		return "", ErrUnknown
	}
	if r.speaks(j, locale) {
		return locale, nil
	}
	for _, l := range [...]string{base(locale), j.data.Dealer.Locale, base(j.data.Dealer.Locale)} {
		if r.speaks(j, l) {
			return l, nil
		}
	}
	return "", ErrNoTranslation
}

// speaks tells whether a job can be done in a locale.
func (r *Renderer) speaks(j *job, l string) bool {
	return r.words[base(l)] != nil && j.text[l].text[j.channel] != nil &&
		(j.question == nil || j.question[l].text[j.channel] != nil)
}

func (r *Renderer) build(j *job, l string) (Content, error) {
	w := r.words[base(l)]
	v := &values{words: w, locale: l, data: j.data}
	if j.buttons != nil {
		v.scale = j.buttons.Question
	}
	var room [1024]byte
	if j.question != nil {
		q, err := j.question[l].text[j.channel].appendTo(room[:0], v)
		if err != nil {
			return Content{}, err
		}
		v.set(pQuestion, line(string(q)))
	}
	text, err := j.text[l].text[j.channel].appendTo(room[:0], v)
	if err != nil {
		return Content{}, err
	}
	c := Content{Text: tidy(string(text)), Locale: l}
	if j.asks && !j.text[l].text[j.channel].asks {
		if j.channel == channels.SMS {
			c.Text = w.stopped(c.Text)
		}
		c.Text += "\n\n" + v.get(pQuestion)
	}
	if v.value[pDue] != "" {
		c.Until = j.data.Callback.Due
		if c.Text, err = r.withNumber(c.Text, j, v); err != nil {
			return Content{}, err
		}
	}
	switch j.channel {
	case channels.SMS:
		return j.sms(w, v, c)
	case channels.Telegram:
		return j.telegram(w, c)
	case channels.Email:
		return j.email(w, v, c)
	}
	return c, nil
}

// askNumber asks a person of whom no number is known where he is to be called.
const askNumber = "callback.number"

// withNumber is the text of a promise to call with the question where, where that is not
// known.
func (r *Renderer) withNumber(text string, j *job, v *values) (string, error) {
	m, ok := r.messages[askNumber]
	if !ok || !j.data.Callback.NoNumber || m.compiled[v.locale].text[j.channel] == nil {
		return text, nil
	}
	asked, err := m.compiled[v.locale].text[j.channel].appendTo(nil, v)
	return text + "\n\n" + tidy(string(asked)), err
}

// sms puts the text on one line between signature and, at the first contact and in
// each ad (38-FZ art. 18; MIIT rules of 2015), the way to refuse.
func (j *job) sms(w *words, v *values, c Content) (Content, error) {
	c.Text = line(c.Text)
	if j.buttons != nil && len(j.buttons.Options) > 0 {
		c.Text += " " + numbered(j.buttons.Question, c.Locale, ", ")
	}
	if s := w.SMS.Signature; s != "" {
		dealer := v.get(pDealer)
		if dealer == "" {
			return Content{}, fmt.Errorf("%w: the dealer's name for the signature", ErrMissing)
		}
		c.Text = strings.ReplaceAll(s, "{dealer}", dealer) + c.Text
	}
	advertises := j.purpose == ad || j.text[c.Locale].text[j.channel].advertises && v.get(pNews) != ""
	if j.opens && (j.data.First || advertises) && !strings.Contains(c.Text, strings.TrimSpace(w.SMS.Refusal)) {
		c.Text = w.stopped(c.Text) + w.SMS.Refusal
	}
	c.Segments, c.Encoding = Segments(c.Text)
	if n := utf8.RuneCountInString(c.Text); n > longestSMS {
		return Content{}, fmt.Errorf("%w: %d characters, %d are allowed", ErrTooLong, n, longestSMS)
	}
	if c.Segments > j.segments {
		return Content{}, fmt.Errorf("%w: %d segments, %d are allowed", ErrTooLong, c.Segments, j.segments)
	}
	return c, nil
}

// stopped is a sentence that another one can follow.
func (w *words) stopped(s string) string {
	if r, _ := utf8.DecodeLastRuneInString(s); unicode.IsLetter(r) || unicode.IsDigit(r) {
		return s + w.SMS.Stop
	}
	return s
}

func (j *job) telegram(w *words, c Content) (Content, error) {
	// A text has at least as many bytes as UTF-16 units.
	if n := len(c.Text); n > longestTelegram {
		if n = units(c.Text); n > longestTelegram {
			return Content{}, fmt.Errorf("%w: %d characters, %d are allowed", ErrTooLong, n, longestTelegram)
		}
	}
	rows := j.choices(w, c.Locale)
	if len(rows) == 0 {
		return c, nil
	}
	if j.data.Token == "" {
		return Content{}, fmt.Errorf("%w: the token for the buttons", ErrMissing)
	}
	c.Buttons = make([][]channels.Button, len(rows))
	for i, row := range rows {
		c.Buttons[i] = make([]channels.Button, len(row))
		for k := range row {
			data := j.data.Token + ":" + j.buttons.ID + ":" + row[k].value
			if len(data) > longestData {
				return Content{}, fmt.Errorf("%w: button data of %d bytes, %d are allowed", ErrTooLong, len(data), longestData)
			}
			c.Buttons[i][k] = channels.Button{Label: row[k].tap, Data: data}
		}
	}
	return c, nil
}

// choice is one thing that can be tapped.
type choice struct {
	value, label string
	// tap is the label on a Telegram button: the lowest and the highest grade
	// carry a face there.
	tap string
}

func plainChoice(value, label string) choice { return choice{value, label, label} }

const longestRow = 6

// choices are the answers under a job's text as rows of buttons.
func (j *job) choices(w *words, locale string) [][]choice {
	if j.buttons == nil {
		return nil
	}
	if rows, ok := j.buttons.rows[locale]; ok {
		return rows
	}
	return choices(j.buttons.Question, w, locale)
}

// choices are a question's answers as rows of buttons.
func choices(q *survey.Question, w *words, locale string) [][]choice {
	switch q.Kind {
	case survey.Rating, survey.NPS:
		return grades(q)
	case survey.YesNo:
		return [][]choice{{plainChoice("yes", w.Answers["yes"]), plainChoice("no", w.Answers["no"])}}
	case survey.Expectation: // three short answers, worst first as a scale is
		row := make([]choice, len(q.Options))
		for i, o := range q.Options {
			row[i] = plainChoice(o.ID, o.Label[locale])
		}
		return [][]choice{row}
	case survey.Choice, survey.MultiChoice:
		var rows [][]choice
		for _, o := range q.Options {
			rows = append(rows, []choice{plainChoice(o.ID, o.Label[locale])})
		}
		if q.Kind == survey.MultiChoice {
			rows = append(rows, []choice{plainChoice(survey.Enough, w.Answers["done"])})
		}
		return rows
	}
	if q.Optional {
		return [][]choice{{plainChoice(survey.Skip, w.Answers["skip"])}}
	}
	return nil
}

func grades(q *survey.Question) [][]choice {
	var rows [][]choice
	for n := q.Min; n <= q.Max; n++ {
		c := plainChoice(strconv.Itoa(n), strconv.Itoa(n))
		switch n {
		case q.Min:
			c.tap += " 😞"
		case q.Max:
			c.tap += " 😊"
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
	for i := range q.Options {
		out = append(out, strconv.Itoa(i+1)+" - "+q.Options[i].Label[locale])
	}
	return strings.Join(out, separator)
}

// Package render owns how a text becomes the message of one channel: template,
// locale and person in, text (with subject, HTML and buttons where the channel
// has them) out. It checks every limit, so that a missing variable, a missing
// translation or a text that is too long stops before any network.
//
// It never sends, stores or reads a clock, and never mixes two languages in one
// message. The dispatcher, the inbox, the console and `otklik preview` call it.
package render

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v3"

	"otklik/channels"
	"otklik/internal/survey"
)

// What a Renderer refuses; each is wrapped with the id, locale and channel.
var (
	// ErrUnknown: there is no such message, survey wording or question.
	ErrUnknown = errors.New("no such text")
	// ErrNoTranslation: neither the person's locale nor the dealer's is there.
	ErrNoTranslation = errors.New("no translation")
	// ErrMissing: a placeholder has no value.
	ErrMissing = errors.New("missing value")
	// ErrTooLong: the text or a button is over the channel's limit.
	ErrTooLong = errors.New("too long")
)

// Content is a message ready for its channel.
type Content struct {
	Subject, Text string
	// Letter is for email: what its HTML has beside subject and text. Renderer's
	// AppendHTML makes the page of the three, so that the page itself, forty times as
	// long, need not be stored.
	Letter string
	// Buttons are for Telegram; in an email they stand in the HTML as links.
	Buttons [][]channels.Button
	// Segments and Encoding ("GSM-7", "UCS-2") are for SMS.
	Segments int
	Encoding string
	// Locale is the one used: the person's, or the dealer's where the text is
	// not there in the person's.
	Locale string
	// Until is the time that the text promises, by [due]; zero for no promise. The text
	// holds on every day until then, and is wrong from then on.
	Until time.Time
}

// Renderer has all texts, parsed. It is safe for concurrent use.
type Renderer struct {
	words    map[string]*words
	messages map[string]*message
	layout   *layout
	// surveys are those in force; the map is replaced, never changed.
	surveys atomic.Pointer[map[string]*survey.Definition]
	putting sync.Mutex

	compiled sync.Map // Definition.Hash → *compiledSurvey
	presses  sync.Pool
}

// message is one shared text of templates/messages.
type message struct {
	ID       string         `yaml:"id"`
	Purpose  string         `yaml:"purpose"`
	Segments int            `yaml:"segments"`
	Buttons  *buttonSpec    `yaml:"buttons"`
	Text     survey.Wording `yaml:"text"`

	compiled wording
	asks     *asked
}

// buttonSpec is a question of a survey whose buttons a shared message carries.
type buttonSpec struct {
	Question string      `yaml:"question"`
	Kind     survey.Kind `yaml:"kind"`
}

type compiledSurvey struct {
	def       *survey.Definition
	invite    wording
	thanks    map[survey.Outcome]wording
	why       map[string]*text
	questions map[string]*asked
	first     *asked
}

// New parses everything in the folders surveys, messages and words of fsys. All
// that is wrong is reported together.
func New(fsys fs.FS) (*Renderer, error) {
	r := &Renderer{messages: map[string]*message{}, presses: sync.Pool{New: func() any { return new(press) }}}
	r.surveys.Store(&map[string]*survey.Definition{})
	var errs []error
	var err error
	if r.words, err = loadWords(fsys); err != nil {
		errs = append(errs, err)
	}
	if r.layout, err = newLayout(fsys, "messages/email.html"); err != nil {
		errs = append(errs, fmt.Errorf("reading the email layout: %w", err))
	}
	errs = append(errs, r.load(fsys, "messages", r.addMessage)...)
	errs = append(errs, r.load(fsys, "surveys", r.addSurvey)...)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Renderer) load(fsys fs.FS, dir string, add func(name string, data []byte) error) (errs []error) {
	names, err := fs.Glob(fsys, dir+"/*.yaml")
	if err != nil {
		return []error{fmt.Errorf("listing %s: %w", dir, err)}
	}
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err == nil {
			err = add(name, data)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("reading %s: %w", name, err))
		}
	}
	return errs
}

func (r *Renderer) addMessage(name string, data []byte) error {
	m := &message{Segments: 2}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(m); err != nil {
		return err
	}
	if m.ID != stem(name) {
		return fmt.Errorf("id %q differs from the file's name", m.ID)
	}
	if len(m.Text) == 0 {
		return errors.New("no text")
	}
	for l, p := range m.Text {
		if p.Subject == "" || p.Any == "" {
			return fmt.Errorf("%s needs a subject and a text for any channel", l)
		}
	}
	var err error
	m.compiled, err = compile(m.ID, m.Text)
	if m.Buttons != nil {
		m.asks = r.ask(&survey.Question{ID: m.Buttons.Question, Kind: m.Buttons.Kind}, m.compiled)
	}
	r.messages[m.ID] = m
	return err
}

func (r *Renderer) addSurvey(name string, data []byte) error {
	def, err := survey.Parse(name, data)
	if err != nil {
		return err
	}
	if def.ID != stem(name) {
		return fmt.Errorf("id %q differs from the file's name", def.ID)
	}
	return r.Put(def)
}

// Put takes a survey in, in place of one of the same id; one whose texts cannot be
// rendered is refused and changes nothing. What is being rendered keeps the one that it
// began with.
func (r *Renderer) Put(def *survey.Definition) error {
	if _, err := r.survey(def); err != nil {
		return err
	}
	r.putting.Lock()
	defer r.putting.Unlock()
	next := maps.Clone(*r.surveys.Load())
	next[def.ID] = def
	r.surveys.Store(&next)
	return nil
}

// Try tells whether the texts of a survey can be rendered (else TextErrors, joined), and
// which of them do without the person's name; it changes nothing.
func (r *Renderer) Try(def *survey.Definition) ([]Impersonal, error) { return r.impersonal(def) }

func stem(name string) string { return strings.TrimSuffix(path.Base(name), ".yaml") }

// Definition is the survey of that id: of the folder given to New, or as it was put since.
func (r *Renderer) Definition(id string) (*survey.Definition, bool) {
	d, ok := (*r.surveys.Load())[id]
	return d, ok
}

// Definitions lists the surveys by id.
func (r *Renderer) Definitions() []*survey.Definition {
	return slices.SortedFunc(maps.Values(*r.surveys.Load()), func(a, b *survey.Definition) int { return strings.Compare(a.ID, b.ID) })
}

// Messages lists the ids of the shared messages.
func (r *Renderer) Messages() []string { return slices.Sorted(maps.Keys(r.messages)) }

// Speaks tells whether anything is said in a locale or its language.
func (r *Renderer) Speaks(locale string) bool { return r.words[base(locale)] != nil }

// MessageLocales lists the locales that a shared message is there in; false where
// there is no such message.
func (r *Renderer) MessageLocales(id string) ([]string, bool) {
	m, ok := r.messages[id]
	if !ok {
		return nil, false
	}
	return slices.Sorted(maps.Keys(m.Text)), true
}

// survey is a definition's wording, compiled once per content: conversations may
// still run on versions that New has not seen.
func (r *Renderer) survey(def *survey.Definition) (*compiledSurvey, error) {
	if c, ok := r.compiled.Load(def.Hash); ok {
		return c.(*compiledSurvey), nil
	}
	c := &compiledSurvey{def: def, thanks: map[survey.Outcome]wording{}, why: map[string]*text{}, questions: map[string]*asked{}}
	var errs []error
	take := func(name string, w survey.Wording, path ...any) wording {
		out, err := compile(def.ID+"/"+name, w, path...)
		errs = append(errs, err)
		return out
	}
	c.invite = take("invite", def.Invite, "invite")
	for o, w := range def.Thanks {
		c.thanks[o] = take(string(o), w, "thanks", string(o))
	}
	for l, w := range def.Why {
		t, err := parseText(def.ID+"/why "+l, w, "why", l)
		errs = append(errs, err)
		c.why[l] = t
	}
	for i := range def.Questions {
		q := &def.Questions[i]
		a := r.ask(q, take(q.ID, q.Ask, "questions", i, "ask"))
		for b := range q.Brands {
			a.brands[b] = take(q.ID+" of "+b, q.AskOf(b), "questions", i, "brands", b)
		}
		c.questions[q.ID] = a
	}
	if q := def.First(); q != nil {
		c.first = c.questions[q.ID]
	}
	for key, id := range def.Messages {
		if _, ok := r.messages[id]; !ok {
			errs = append(errs, &TextError{[]any{"messages", key}, NoMessage, id, fmt.Errorf("%s/%s: %w: message %q", def.ID, key, ErrUnknown, id)})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	r.compiled.Store(def.Hash, c)
	return c, nil
}

// ask prepares a question's answers in the locales of a wording.
func (r *Renderer) ask(q *survey.Question, w wording) *asked {
	a := &asked{Question: q, wording: w, brands: map[string]wording{}, rows: map[string][][]choice{}}
	for l := range w {
		if words := r.words[base(l)]; words != nil {
			a.rows[l] = choices(q, words, l)
		}
	}
	return a
}

// Message renders a shared message.
func (r *Renderer) Message(id, locale string, ch channels.Kind, d Data) (Content, error) {
	m, ok := r.messages[id]
	if !ok {
		return Content{}, fmt.Errorf("rendering %s: %w", id, ErrUnknown)
	}
	return r.run(&job{name: id, text: m.compiled, channel: ch, purpose: m.Purpose, segments: m.Segments, opens: m.Purpose != "answer", data: &d, buttons: m.asks}, locale)
}

// Invite renders the first message of a survey: who asks, why, what was done
// (R034, R121), and the first question with its buttons.
func (r *Renderer) Invite(def *survey.Definition, locale string, ch channels.Kind, d Data) (Content, error) {
	c, err := r.survey(def)
	if err != nil {
		return Content{}, err
	}
	j := &job{name: def.ID + "/invite", text: c.invite, channel: ch, purpose: def.Purpose, why: c.why, segments: def.Segments, data: &d}
	r.borrow(j, def.Messages["invite"])
	j.buttons, j.question, j.opens = c.first, c.first.of(d.Vehicle.Model), true
	return r.run(j, locale)
}

// Greeting renders a shared message and the first question of a survey as one
// message: it congratulates first, then it asks (R053, R054). The question stands
// where the text has {{.question}}, else below the text.
func (r *Renderer) Greeting(id string, def *survey.Definition, locale string, ch channels.Kind, d Data) (Content, error) {
	m, ok := r.messages[id]
	if !ok {
		return Content{}, fmt.Errorf("rendering %s: %w", id, ErrUnknown)
	}
	c, err := r.survey(def)
	if err != nil {
		return Content{}, err
	}
	return r.run(&job{name: id + " with " + def.ID, text: m.compiled, channel: ch, purpose: m.Purpose, why: c.why, segments: max(m.Segments, def.Segments), data: &d,
		buttons: c.first, question: c.first.of(d.Vehicle.Model), asks: true, opens: m.Purpose != "answer"}, locale)
}

// Question renders a later question of a survey.
func (r *Renderer) Question(def *survey.Definition, id, locale string, ch channels.Kind, d Data) (Content, error) {
	q, c, err := r.find(def, id)
	if err != nil {
		return Content{}, err
	}
	// The subject is the survey's: mail programs keep the thread together by it.
	j := &job{name: def.ID + "/" + id, text: q.of(d.Vehicle.Model), subject: c.invite, channel: ch, purpose: def.Purpose, why: c.why, segments: def.Segments, data: &d, buttons: q}
	if m, ok := r.messages[def.Messages["invite"]]; ok {
		j.subject = m.compiled
	}
	return r.run(j, locale)
}

// Behind renders a later question behind a shared message that has a place for it: what
// the person hears first.
func (r *Renderer) Behind(message string, def *survey.Definition, id, locale string, ch channels.Kind, d Data) (Content, error) {
	q, c, err := r.find(def, id)
	if err != nil {
		return Content{}, err
	}
	j := &job{name: message + " with " + def.ID + "/" + id, channel: ch, purpose: def.Purpose, why: c.why, segments: def.Segments, data: &d, buttons: q, question: q.of(d.Vehicle.Model)}
	if !r.borrow(j, message) {
		return Content{}, fmt.Errorf("rendering %s: %w", message, ErrUnknown)
	}
	return r.run(j, locale)
}

// Reask renders the one polite second try of a question, with its scale.
func (r *Renderer) Reask(def *survey.Definition, id, locale string, ch channels.Kind, d Data) (Content, error) {
	q, c, err := r.find(def, id)
	if err != nil {
		return Content{}, err
	}
	kind := q.Kind
	if kind == survey.MultiChoice || kind == survey.Expectation {
		kind = survey.Choice
	}
	j := &job{name: def.ID + "/" + id, channel: ch, purpose: def.Purpose, why: c.why, segments: def.Segments, data: &d, buttons: q, question: q.of(d.Vehicle.Model)}
	if !r.borrow(j, "reask."+string(kind)) {
		return Content{}, fmt.Errorf("rendering a second try of %s/%s: %w", def.ID, id, ErrUnknown)
	}
	return r.run(j, locale)
}

// Thanks renders the end of a survey (R019).
func (r *Renderer) Thanks(def *survey.Definition, outcome survey.Outcome, locale string, ch channels.Kind, d Data) (Content, error) {
	c, err := r.survey(def)
	if err != nil {
		return Content{}, err
	}
	j := &job{name: def.ID + "/" + string(outcome), text: c.thanks[outcome], channel: ch, purpose: def.Purpose, why: c.why, segments: def.Segments, data: &d}
	r.borrow(j, def.Messages[string(outcome)])
	return r.run(j, locale)
}

// borrow gives a job the text of a shared message.
func (r *Renderer) borrow(j *job, id string) bool {
	m, ok := r.messages[id]
	if ok {
		j.text, j.segments = m.compiled, max(m.Segments, j.segments)
	}
	return ok
}

func (r *Renderer) find(def *survey.Definition, id string) (*asked, *compiledSurvey, error) {
	c, err := r.survey(def)
	if err != nil {
		return nil, nil, err
	}
	q, ok := c.questions[id]
	if !ok {
		return nil, nil, fmt.Errorf("rendering %s/%s: %w", def.ID, id, ErrUnknown)
	}
	return q, c, nil
}

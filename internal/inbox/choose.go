package inbox

import (
	"cmp"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"unicode"

	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// choose finds whose question a text answers where several surveys are open on the
// address that it came from: the one whose open question it gives a value to, else the
// one that moved last. cs is in the order in which they moved, the latest first. Where
// that is no clear case, e.fitting are those that the person is asked to choose from.
func (e *entry) choose(cs []*store.Conversation) (*store.Conversation, error) {
	if strings.TrimSpace(e.in.Text) == "" {
		return cs[0], nil
	}
	for _, c := range cs {
		p, err := positionOf(c)
		if err != nil || e.pending(p.Which) {
			return c, err
		}
	}
	var fitting []*store.Conversation
	var first reply.Reading
	for _, c := range cs {
		fits, r, err := e.fits(c)
		if err != nil {
			return nil, err
		}
		if fits && len(fitting) == 0 {
			first = r
		}
		if fits {
			fitting = append(fitting, c)
		}
	}
	if len(fitting) == 0 {
		return cs[0], nil
	}
	var err error
	e.fitting, err = e.unsure(fitting, &first)
	return fitting[0], err
}

// fits tells whether the text gives a value to the open question of a conversation, and
// how it was read as that.
func (e *entry) fits(c *store.Conversation) (bool, reply.Reading, error) {
	def, err := e.Definition(e.ctx, c.Survey, c.SurveyVersion)
	if err != nil {
		return false, reply.Reading{}, err
	}
	p, err := positionOf(c)
	if err != nil {
		return false, reply.Reading{}, err
	}
	q, ok := def.Question(p.Question)
	if !ok || q.Open() {
		return false, reply.Reading{}, nil
	}
	asked := q.Reply(c.Locale, e.in.Channel)
	r := e.parse(reply.Input{Text: e.in.Text, Locale: c.Locale, Channel: string(e.in.Channel), Question: &asked, Now: e.now})
	return r.Intent == reply.IntentAnswer && def.Accepts(q.ID, &r), r, nil
}

// read reads a text against a question, nil for none. The names of the dealer's people
// are known to it.
func (e *entry) read(text string, q *reply.Question) reply.Reading {
	if e.names == nil {
		for _, s := range e.staff() {
			e.names = append(e.names, s.Name)
		}
	}
	return e.parse(reply.Input{Text: e.spoken(text), Locale: e.locale(), Channel: string(e.in.Channel), Question: q, Now: e.now, Zone: e.dealer.Location(), Employees: e.names})
}

// parse gives a text to the parser. One over which it panics is put before a person: the
// provider would send the same again after each start.
func (e *entry) parse(in reply.Input) (r reply.Reading) {
	defer func() {
		if p := recover(); p != nil {
			e.Log.Error("a reply cannot be read", "message", e.msg.ID, "error", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			e.baffled, r = true, reply.Reading{Intent: reply.IntentUnclear}
		}
	}()
	return e.Parser.Read(in)
}

// edited finds the message that this one corrects; the zero Message when it is not
// there any more.
func (e *entry) edited() (store.Message, error) {
	if e.in.EditOf == "" {
		return store.Message{}, nil
	}
	m, err := e.tx.MessageByProvider(e.ctx, e.in.Channel, store.In, e.in.EditOf)
	if errors.Is(err, store.ErrNotFound) {
		return store.Message{}, nil
	}
	return m, err
}

// correct carries out a message that the person has edited: what it answered is
// answered anew. It returns false when the edit is to be read like any text.
func (e *entry) correct(read func(string, *reply.Question) reply.Reading) (bool, error) {
	m, err := e.edited()
	if err != nil || m.ID == "" {
		return false, err
	}
	e.original = m.ID
	if e.last != nil {
		if id := cmp.Or(e.last.Edited[m.ID], m.ID); slices.Contains(e.last.Heard, id) {
			return e.anew(id, read)
		}
	}
	for i := range e.def.Questions {
		q := &e.def.Questions[i]
		if a, ok := e.state.Answers[q.ID]; !ok || a.MessageID != m.ID {
			continue
		}
		asked := q.Reply(e.locale(), e.in.Channel)
		r := read(e.in.Text, &asked)
		if urgent(&r) || !e.def.Accepts(q.ID, &r) {
			return false, nil
		}
		if err := e.note(heard{Reading: r, Joins: []string{m.ID}}); err != nil {
			return false, err
		}
		return true, e.step(survey.Input{Reading: &r, Question: q.ID, Text: e.in.Text})
	}
	return false, nil
}

// anew reads what was written last again, with one of its messages changed.
func (e *entry) anew(edited string, read func(string, *reply.Question) reply.Reading) (bool, error) {
	j, err := e.joint()
	if err != nil || j == nil {
		return false, err
	}
	for i := range j.heard {
		if j.heard[i].ID == edited {
			j.heard[i].ID, j.heard[i].Text = e.msg.ID, e.in.Text
		}
	}
	j.tell(j.heard)
	j.question, j.reading = e.reread(j, read)
	if err := e.note(heard{Reading: j.reading, Joins: j.last.Heard}); err != nil {
		return false, err
	}
	return true, e.again(j)
}

// follow goes over to the language in which the person writes, and stays with it: a
// single word in Latin letters proves none.
func (e *entry) follow(r *reply.Reading) {
	if e.conv == nil || r.Locale == "" || r.Locale == e.conv.Locale || !slices.Contains(e.def.Locales, r.Locale) || !telling(e.in.Text) {
		return
	}
	e.conv.Locale = r.Locale
	e.tx.Speak(e.contact.ID, r.Locale, e.now)
}

// telling tells whether a text is enough to know a language by: two words, or two
// Chinese characters.
func telling(text string) bool {
	wordy, han := 0, 0
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if len([]rune(w)) > 1 {
			wordy++
		}
		for _, r := range w {
			if unicode.Is(unicode.Han, r) {
				han++
			}
		}
	}
	return wordy > 1 || han > 1
}

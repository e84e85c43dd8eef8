package render

import (
	"fmt"
	"maps"
	"slices"

	"otklik/channels"
	"otklik/internal/survey"
)

// Impersonal is a text that never uses the person's name, by its name, locale and channel.
type Impersonal struct {
	Name, Locale string
	Channel      channels.Kind
}

// String says it to those who run the program.
func (x Impersonal) String() string {
	return fmt.Sprintf("%s: the text in %s for %s never uses {{.name}}: people are addressed by name (R158)", x.Name, x.Locale, x.Channel)
}

// said are the sentences of texts without the name.
func said(xs []Impersonal) []string {
	var out []string
	for _, x := range xs {
		out = append(out, x.String())
	}
	return out
}

// nameless says of a wording in which locales and on which channels it never addresses
// the person by name (R158). Where the text gives a question its place, or has it behind
// it, the name may stand in the question.
func (w wording) nameless(name string, question wording) []Impersonal {
	var out []Impersonal
	for _, l := range slices.Sorted(maps.Keys(w)) {
		for _, ch := range []channels.Kind{channels.SMS, channels.Email, channels.Telegram} {
			t := w[l].text[ch]
			if t == nil || t.addresses {
				continue
			}
			if q := question[l].text[ch]; q != nil && q.addresses {
				continue
			}
			out = append(out, Impersonal{name, l, ch})
		}
	}
	return out
}

// Nameless lists texts of a survey that open a conversation without the person's name.
func (r *Renderer) Nameless(def *survey.Definition) ([]string, error) {
	xs, err := r.impersonal(def)
	return said(xs), err
}

func (r *Renderer) impersonal(def *survey.Definition) ([]Impersonal, error) {
	c, err := r.survey(def)
	if err != nil {
		return nil, err
	}
	invite := c.invite
	if m, ok := r.messages[def.Messages["invite"]]; ok {
		invite = m.compiled
	}
	var first wording
	if c.first != nil {
		first = c.first.wording
	}
	return invite.nameless(def.ID+"/invite", first), nil
}

// NamelessMessages lists the shared messages that we write first, and that never use the
// person's name.
func (r *Renderer) NamelessMessages() []string {
	var out []string
	for _, id := range r.Messages() {
		switch m := r.messages[id]; m.Purpose {
		case "greeting", "service", ad:
			out = append(out, said(m.compiled.nameless(id, nil))...)
		}
	}
	return out
}

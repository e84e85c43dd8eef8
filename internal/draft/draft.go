// Package draft turns what is known of a person, a visit and a dealer into the
// data of a text, and the rendered text into a message row. It reads and writes
// nothing; dispatch, inbox, callback and the console's preview call it.
package draft

import (
	"cmp"
	"crypto/rand"
	"encoding/base32"
	"net/mail"
	"strings"
	"sync"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/render"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// Drafter writes messages.
type Drafter struct {
	Renderer *render.Renderer
	// PublicURL is where the form and the unsubscribe page are, without a
	// trailing slash.
	PublicURL string

	// mailboxes remembers local part and domain of each sender's mailbox.
	mailboxes sync.Map
}

// Recipient is to whom, from whom and about what a message is.
type Recipient struct {
	Dealer  store.Dealer
	Contact store.Contact
	// Visit the message is about; the zero Visit for none.
	Visit store.Visit
	// Occasion is what else it is about, nil for nothing.
	Occasion *Occasion
	Channel  channels.Kind
	Address  string
	Sender   string
	// Locale of the conversation; "" for the contact's, then the dealer's.
	Locale string
	// Token names the conversation in links, buttons and the reply address.
	Token string
	// Link names a message that opens no conversation, where Token is "".
	Link string
	// First: the person was never written to before.
	First bool
	// Now is business time.
	Now time.Time
}

// Occasion is what a message is about beside a visit; what is zero it is not about.
type Occasion struct {
	Appointment store.Appointment
	Prospect    store.Prospect
	Vehicle     store.Vehicle
	// Date is the day that it is for, YYYY-MM-DD.
	Date string
	// Holiday is its title, News the company's (R055), Wishes a marketer's own, by
	// language.
	Holiday, News, Wishes map[string]string
}

// LocaleOr is the language to write in.
func (r Recipient) LocaleOr() string {
	switch {
	case r.Locale != "":
		return r.Locale
	case r.Contact.Locale != "":
		return r.Contact.Locale
	}
	return r.Dealer.Locale
}

// Zone is the recipient's, else the dealer's.
func (r Recipient) Zone() *time.Location {
	for _, name := range [...]string{r.Contact.Zone, r.Dealer.Zone} {
		if l := location(name); l != nil {
			return l
		}
	}
	return r.Dealer.Location()
}

// zones remembers what time.LoadLocation gave, by name: it reads a file at each
// call, and what is in the file never changes while the program runs. Names that
// do not exist are not kept, so that it stays as small as the world.
var zones sync.Map

// location is the zone of that name, nil for "" and for one that does not exist.
func location(name string) *time.Location {
	if name == "" {
		return nil
	}
	if l, ok := zones.Load(name); ok {
		return l.(*time.Location)
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	zones.Store(name, l)
	return l
}

// Invite drafts the first message of a survey.
func (d *Drafter) Invite(def *survey.Definition, r Recipient, fill func(*render.Data)) (store.Message, error) {
	c, err := d.Renderer.Invite(def, r.LocaleOr(), r.Channel, d.filled(r, fill))
	return d.message(r, def.ID+"/invite", c, err)
}

// Greeting drafts a message of the catalogue and the first question of a survey
// behind it, as one message. It is named as the invite of the survey is: what is
// answered to it begins the conversation.
func (d *Drafter) Greeting(id string, def *survey.Definition, r Recipient, fill func(*render.Data)) (store.Message, error) {
	c, err := d.Renderer.Greeting(id, def, r.LocaleOr(), r.Channel, d.filled(r, fill))
	return d.message(r, def.ID+"/invite", c, err)
}

// Question drafts a later question.
func (d *Drafter) Question(def *survey.Definition, question string, r Recipient, fill func(*render.Data)) (store.Message, error) {
	c, err := d.Renderer.Question(def, question, r.LocaleOr(), r.Channel, d.filled(r, fill))
	return d.message(r, def.ID+"/"+question, c, err)
}

// Behind drafts a later question behind a message of the catalogue, as one message.
func (d *Drafter) Behind(id string, def *survey.Definition, question string, r Recipient, fill func(*render.Data)) (store.Message, error) {
	c, err := d.Renderer.Behind(id, def, question, r.LocaleOr(), r.Channel, d.filled(r, fill))
	return d.message(r, def.ID+"/"+question, c, err)
}

// Reask drafts the one polite second try of a question.
func (d *Drafter) Reask(def *survey.Definition, question string, r Recipient, fill func(*render.Data)) (store.Message, error) {
	c, err := d.Renderer.Reask(def, question, r.LocaleOr(), r.Channel, d.filled(r, fill))
	return d.message(r, def.ID+"/"+question+"/again", c, err)
}

// Thanks drafts the end of a survey.
func (d *Drafter) Thanks(def *survey.Definition, o survey.Outcome, r Recipient, fill func(*render.Data)) (store.Message, error) {
	c, err := d.Renderer.Thanks(def, o, r.LocaleOr(), r.Channel, d.filled(r, fill))
	return d.message(r, def.ID+"/"+string(o), c, err)
}

// Shared drafts a message of the catalogue.
func (d *Drafter) Shared(id string, r Recipient, fill func(*render.Data)) (store.Message, error) {
	c, err := d.Renderer.Message(id, r.LocaleOr(), r.Channel, d.filled(r, fill))
	return d.message(r, id, c, err)
}

// Asking drafts a message of the catalogue with the answers to a question under it.
func (d *Drafter) Asking(id string, q *survey.Question, r Recipient) (store.Message, error) {
	c, err := d.Renderer.Asking(id, q, r.LocaleOr(), r.Channel, d.Data(r))
	return d.message(r, id, c, err)
}

func (d *Drafter) filled(r Recipient, fill func(*render.Data)) render.Data {
	if fill == nil {
		return d.Data(r)
	}
	x := d.Data(r)
	fill(&x)
	return x
}

func (d *Drafter) message(r Recipient, template string, c render.Content, err error) (store.Message, error) {
	m := store.Message{DealerID: r.Dealer.ID, ContactID: r.Contact.ID, Direction: store.Out, Channel: r.Channel, Sender: r.Sender, Address: r.Address, Purpose: outreach.Answer,
		Template: template, Subject: c.Subject, Text: c.Text, HTML: c.Letter, Buttons: c.Buttons, Segments: c.Segments, DueAt: r.Now, ValidUntil: c.Until}
	if r.Channel == channels.Email {
		m.Options.ToName = r.Contact.Name
		if r.Token != "" {
			m.Options.ReplyTo = d.replyAddress(r.Sender, r.Token)
		}
		m.Options.Unsubscribe = d.unsubscribe(r)
	}
	return m, err
}

// unsubscribe is the page on which the person refuses; "" where nothing names him.
func (d *Drafter) unsubscribe(r Recipient) string {
	token := cmp.Or(r.Token, r.Link)
	if token == "" {
		return ""
	}
	return d.PublicURL + "/u/" + token
}

// AppendHTML appends the page of a message whose HTML holds a letter
// (render.Content), or the page itself. On an error, which wraps render.ErrLetter,
// nothing is appended: the text can still be sent without it.
func (d *Drafter) AppendHTML(b []byte, m *store.Message) ([]byte, error) {
	return d.Renderer.AppendHTML(b, m.Subject, m.Text, m.HTML)
}

// replyAddress puts the reply token into the local part of a mailbox:
// Service <svc@example.org> gives svc+TOKEN@example.org; "" where there is none.
func (d *Drafter) replyAddress(mailbox, token string) string {
	at, ok := d.mailboxes.Load(mailbox)
	if !ok {
		a, err := mail.ParseAddress(mailbox)
		if err != nil {
			return ""
		}
		at = strings.SplitN(a.Address, "@", 2)
		d.mailboxes.Store(mailbox, at)
	}
	parts := at.([]string)
	return parts[0] + "+" + token + "@" + parts[1]
}

// NewToken makes a token that names a conversation: 16 characters, 80 random
// bits, safe in URLs, mail addresses and Telegram payloads, whatever becomes of
// its case.
func NewToken() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return tokens.EncodeToString(b[:])
}

var tokens = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567")

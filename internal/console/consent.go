package console

import (
	"errors"
	"fmt"
	"slices"

	"otklik/channels"
	"otklik/internal/store"
)

var (
	errNoConsent     = errors.New("a consent lacks what proves it")
	errConsentToCome = errors.New("a consent is given at a time that is still to come")
)

// mostAgreed bounds the wording of a consent, in characters.
const mostAgreed = 2000

// consentForm is what a customer is said to have agreed to, as it was entered.
type consentForm struct {
	Purposes     []string
	Channel, How string
	At, Text     string
	Entered      bool
}

// Names tells whether a purpose was chosen.
func (f consentForm) Names(purpose string) bool { return slices.Contains(f.Purposes, purpose) }

// Consentable are the channels on which the customer has an address.
func (p contactPage) Consentable() []channels.Kind {
	var out []channels.Kind
	for _, ch := range []channels.Kind{channels.SMS, channels.Telegram, channels.Email} {
		if p.Contact.On(ch) != "" {
			out = append(out, ch)
		}
	}
	return out
}

// ConsentPurposes are offered.
func (contactPage) ConsentPurposes() []string { return store.ConsentPurposes() }

// ConsentWays are offered.
func (contactPage) ConsentWays() []string { return store.ToEmployee() }

// Proved tells whether a consent's wording is a proof that people can read: not the
// version of a text of ours.
func (*view) Proved(c *store.Consent) bool {
	return c.How == store.ByImport || slices.Contains(store.ToEmployee(), c.How)
}

// giveConsent records what a customer has agreed to, as an employee was told or given it;
// what he has refused of it before is lifted, and the page says so.
func (c *Console) giveConsent(q *request) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	p, err := c.contactPage(q)
	if err != nil {
		return err
	}
	p.Fresh = consentForm{Purposes: q.r.PostForm["purpose"], Channel: q.text("channel"), How: q.text("how"), At: q.text("at"), Text: q.text("text"), Entered: true}
	lifted, err := c.recordConsent(q, &p)
	if err == nil {
		if lifted > 0 {
			q.flash("consent.saved_lifted")
		} else {
			q.flash("consent.saved")
		}
		return q.redirect("/contacts/" + p.Contact.ID)
	}
	if !refused(err) {
		return err
	}
	status, key := failureOf(err)
	return q.pageWith(status, "contact", "contact.title", p, q.lang.text(key))
}

func (c *Console) recordConsent(q *request, p *contactPage) (lifted int, err error) {
	f := &p.Fresh
	at, err := q.moment("at")
	if err != nil {
		return 0, err
	}
	ch := channels.Kind(f.Channel)
	for _, purpose := range f.Purposes {
		if !slices.Contains(store.ConsentPurposes(), purpose) {
			return 0, errBadForm
		}
	}
	switch {
	case len(f.Purposes) == 0 || f.Text == "" || at.IsZero() || !slices.Contains(store.ToEmployee(), f.How):
		return 0, errNoConsent
	case len([]rune(f.Text)) > mostAgreed || !slices.Contains(p.Consentable(), ch):
		return 0, errBadForm
	case at.After(q.now):
		return 0, errConsentToCome
	}
	return c.Store.RecordConsent(q.ctx(), store.FreshConsent{ContactID: p.Contact.ID, DealerID: q.dealer.ID, Purposes: f.Purposes, Channel: ch, How: f.How, At: at, Text: f.Text}, q.employee, q.now)
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"otklik/channels"
)

// ByImport is the Consent.How of what a file of the dealer's system says.
const ByImport = "import"

// AdConsent is what a file of the dealer's system says of a customer's consent to
// advertising on any channel.
type AdConsent struct {
	Given bool
	// At is when; a "yes" has it, a "no" may lack it.
	At time.Time
	// Source is how or where it was given, as the dealer's system writes it: the proof.
	Source string
}

// ConsentFate is what became of an AdConsent.
type ConsentFate string

// Fates of a consent; "" where it was known, or changes nothing.
const (
	ConsentRecorded ConsentFate = "recorded"
	// ConsentOptedOut: the customer himself has refused advertising, here or at another
	// dealer of the group. No file takes that back, whatever its date: it was said to us,
	// and the file's word cannot be seen (38-FZ, article 18).
	ConsentOptedOut ConsentFate = "opted_out"
	// ConsentWithdrawn: a file has said "no" for the same day or a later one.
	ConsentWithdrawn ConsentFate = "withdrawn"
	// ConsentUndated: a "no" that does not say since when leaves the consent that stands.
	ConsentUndated ConsentFate = "undated"
)

// adWords are what is known of one contact's wish for advertising, oldest first.
type adWords struct {
	words   []Consent
	refused bool // an address of his is suppressed for ads because somebody asked for it
}

// saveAdConsents records what the records say of advertising, in their order, and notes
// the fate of each in out.
func (sv *saver) saveAdConsents(ctx context.Context, rs []CustomerRecord, out []SavedRecord) error {
	known := map[string]*adWords{}
	var ids []string
	for i, r := range rs {
		if r.Consent != nil {
			known[out[i].ContactID] = &adWords{}
			ids = append(ids, out[i].ContactID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := sv.lookUpAdWords(ctx, sv.tx.s.dialect.idSet(ids), known); err != nil {
		return err
	}
	var rows [][]any
	for i, r := range rs {
		if r.Consent == nil {
			continue
		}
		c := Consent{ContactID: out[i].ContactID, DealerID: sv.dealer.ID, Purpose: adPurpose, Given: r.Consent.Given, At: r.Consent.At, How: ByImport, TextVersion: r.Consent.Source}
		k := known[c.ContactID]
		fate := k.fate(c)
		out[i].Consent = fate
		if fate != ConsentRecorded {
			continue
		}
		k.words = append(k.words, c)
		rows = append(rows, consentRow(c, sv.tx.NewID()))
		if out[i].Saved == Unchanged {
			out[i].Saved = Updated
		}
	}
	if _, err := insert(ctx, sv.tx, "consent", consentInsert, rows, ""); err != nil {
		return fmt.Errorf("recording consents: %w", err)
	}
	return nil
}

const adPurpose = "ad"

// fate decides about one word of a file.
func (k *adWords) fate(c Consent) ConsentFate {
	var latest Consent // of this dealer's
	optedOut, withdrawn, told := k.refused, false, false
	for _, w := range k.words {
		if !w.Given && w.How != ByImport {
			optedOut = true // whoever of the group heard it
		}
		if w.DealerID != c.DealerID || w.Purpose != adPurpose {
			continue
		}
		withdrawn = withdrawn || !w.Given && !w.At.Before(c.At)
		told = told || w.How == ByImport && w.Given == c.Given && w.At.Equal(c.At) && w.TextVersion == c.TextVersion
		if !w.At.Before(latest.At) {
			latest = w
		}
	}
	switch {
	case c.Given && optedOut:
		return ConsentOptedOut
	case c.Given && withdrawn:
		return ConsentWithdrawn
	case told:
		return ""
	case !c.At.IsZero():
		return ConsentRecorded
	case latest.Given && !optedOut:
		return ConsentUndated
	}
	return ""
}

// lookUpAdWords reads the words about ads and about everything, and what stands against
// ads on the contacts' addresses at their own request.
func (sv *saver) lookUpAdWords(ctx context.Context, contacts string, known map[string]*adWords) error {
	d := sv.tx.s.dialect
	words, err := collect(ctx, sv.tx, func(r *sql.Rows) (c Consent, err error) {
		var a moment
		var id, dealer text
		err = r.Scan(&id, &c.ContactID, &dealer, &c.Purpose, &c.Channel, &c.Given, &a, &c.How, &c.TextVersion)
		c.At, c.DealerID = a.Time, string(dealer)
		return c, err
	}, d.forEach("id, contact_id, dealer_id, purpose, channel, given, at, how, text_version", "consent", "purpose in ('ad', 'all') and ", "contact_id", "uuid", 1)+" order by at, id", contacts)
	if err != nil {
		return fmt.Errorf("looking up consents: %w", err)
	}
	for _, c := range words {
		known[c.ContactID].words = append(known[c.ContactID].words, c)
	}
	type place struct {
		contact string
		channel channels.Kind
		value   string
	}
	places, err := collect(ctx, sv.tx, func(r *sql.Rows) (x place, err error) { return x, r.Scan(&x.contact, &x.channel, &x.value) },
		d.forEach("contact_id, channel, value", "address", "", "contact_id", "uuid", 1), contacts)
	if err != nil {
		return fmt.Errorf("looking up addresses: %w", err)
	}
	type at struct {
		channel channels.Kind
		value   string
	}
	of := map[at][]string{}
	var values []string
	for _, p := range places {
		hidden, err := sv.tx.s.hide(ctx, sv.tx, p.value)
		if err != nil {
			return err
		}
		for _, v := range []string{p.value, hidden} {
			values = append(values, v)
			of[at{p.channel, v}] = append(of[at{p.channel, v}], p.contact)
		}
	}
	refused, err := collect(ctx, sv.tx, func(r *sql.Rows) (x at, err error) { return x, r.Scan(&x.channel, &x.value) },
		d.forEach("channel, address", "suppression", "purpose in ('ad', 'all') and reason = $2 and ", "address", "text", 1), d.set(values), OptedOut)
	if err != nil {
		return fmt.Errorf("looking up suppressions: %w", err)
	}
	for _, x := range refused {
		for _, contact := range of[x] {
			known[contact].refused = true
		}
	}
	return nil
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"otklik/channels"
)

// Consent is a person's word about a purpose on a channel, with its proof.
type Consent struct {
	ContactID, DealerID string
	Purpose             string
	Channel             channels.Kind
	Given               bool
	At                  time.Time
	// How says in one word how the word was given: message, console, import, form, or
	// one of ToEmployee.
	How                   string
	EmployeeID, MessageID string
	// EmployeeName is who recorded it, where that is read.
	EmployeeName string
	// TextVersion is what he agreed to; of an import the source that the file names.
	TextVersion string
}

// AddConsent records a word; the newest of a purpose and channel counts.
func (t *Tx) AddConsent(ctx context.Context, c Consent) error {
	_, err := insert(ctx, t, "consent", consentInsert, [][]any{consentRow(c, t.NewID())}, "")
	if err != nil {
		return fmt.Errorf("recording a consent: %w", err)
	}
	return nil
}

var consentInsert = []string{"id", "contact_id", "dealer_id", "purpose", "channel", "given", "at", "how", "employee_id", "message_id", "text_version"}

func consentRow(c Consent, id string) []any {
	return []any{id, c.ContactID, opt(c.DealerID), c.Purpose, c.Channel, c.Given, at(c.At), c.How, opt(c.EmployeeID), opt(c.MessageID), c.TextVersion}
}

func scanConsent(r *sql.Rows) (c Consent, err error) {
	var a moment
	var dealer text
	var employee, name text
	err = r.Scan(&c.ContactID, &dealer, &c.Purpose, &c.Channel, &c.Given, &a, &c.How, &employee, &name, &c.TextVersion)
	c.At, c.DealerID, c.EmployeeID, c.EmployeeName = a.Time, string(dealer), string(employee), string(name)
	return c, err
}

// Consents reads the words of contacts, oldest first.
func (s *Store) Consents(ctx context.Context, contactIDs []string) (map[string][]Consent, error) {
	return consents(ctx, s.read, contactIDs)
}

func consents(ctx context.Context, q querier, contactIDs []string) (map[string][]Consent, error) {
	out := map[string][]Consent{}
	for _, part := range chunks(contactIDs, listRows) {
		in, args := keys(0, part)
		cs, err := collect(ctx, q, scanConsent, `select c.contact_id, c.dealer_id, c.purpose, c.channel, c.given, c.at, c.how, c.employee_id, e.name, c.text_version
			from consent c left join employee e on e.id = c.employee_id where c.contact_id in `+in+" order by c.at, c.id", args...)
		if err != nil {
			return nil, fmt.Errorf("reading consents: %w", err)
		}
		for _, c := range cs {
			out[c.ContactID] = append(out[c.ContactID], c)
		}
	}
	return out, nil
}

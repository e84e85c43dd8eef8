package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"otklik/channels"
)

// Contact is a customer or prospect of the group.
type Contact struct {
	ID, Name                  string
	Family, Given, Patronymic string
	Company                   bool
	// Gender is "male", "female" or ""; GenderSource says how it is known
	// (data, person, patronymic), nothing else derives it (invariant 14).
	Gender, GenderSource string
	// Birthday is YYYY-MM-DD, --MM-DD without a year, or "".
	Birthday     string
	Locale, Zone string
	Prospect     bool
	// Preferred is the channel on which the person wants to be reached, as he said
	// (R040); "" where he said nothing.
	Preferred channels.Kind
	// Hours are those in which he wants to be written to, in his zone: "11:00-19:00",
	// "11:00-", "-19:00"; "" for no wish.
	Hours string
	// Unreachable: stored without any usable address.
	Unreachable bool
	// Deceased: nothing is written to him any more.
	Deceased bool
	// Tags are the dealer's own words, folded and sorted, with a blank between.
	Tags      string
	Addresses []Address
	CreatedAt time.Time
	ErasedAt  time.Time
}

// Address is where a contact can be reached: E.164, a bare mail address, a chat id.
type Address struct {
	Channel channels.Kind
	Value   string
	// Rank orders addresses of a channel, 0 first.
	Rank int
}

// On gives the first address on a channel; "" when there is none. Phone uses the
// SMS numbers.
func (c Contact) On(ch channels.Kind) string {
	if ch == channels.Phone {
		ch = channels.SMS
	}
	for _, a := range c.Addresses {
		if a.Channel == ch {
			return a.Value
		}
	}
	return ""
}

// Fold is a name as it is compared and searched: lower case, ё as е, single
// spaces. SQLite's lower() knows ASCII only, so Go does it for both engines.
func Fold(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(strings.ToLower(s), "ё", "е")), " ")
}

const contactCols = "c.id, c.name, c.family, c.given, c.patronymic, c.company, c.gender, c.gender_source, c.birthday, c.locale, c.zone, c.prospect, c.unreachable, c.deceased, c.tags, c.preferred, c.hours, c.created_at, c.erased_at"

// scanContact reads contactCols and what a statement selects beyond them.
func scanContact(r scanner, beyond ...any) (c Contact, err error) {
	var created, erased moment
	err = r.Scan(append([]any{&c.ID, &c.Name, &c.Family, &c.Given, &c.Patronymic, &c.Company, &c.Gender, &c.GenderSource, &c.Birthday,
		&c.Locale, &c.Zone, &c.Prospect, &c.Unreachable, &c.Deceased, &c.Tags, &c.Preferred, &c.Hours, &created, &erased}, beyond...)...)
	c.CreatedAt, c.ErasedAt = created.Time, erased.Time
	return c, err
}

// Contacts reads contacts with their addresses, by id.
func (s *Store) Contacts(ctx context.Context, ids []string) (map[string]Contact, error) {
	return contacts(ctx, s.read, ids)
}

// Contact reads one with its addresses.
func (s *Store) Contact(ctx context.Context, id string) (Contact, error) {
	return contactByID(ctx, s.read, id)
}

// Contact reads one with its addresses inside the transaction.
func (t *Tx) Contact(ctx context.Context, id string) (Contact, error) {
	return contactByID(ctx, t, id)
}

func contactByID(ctx context.Context, q querier, id string) (Contact, error) {
	m, err := contacts(ctx, q, []string{id})
	if err != nil {
		return Contact{}, err
	}
	for _, c := range m { // one at most
		return c, nil
	}
	return Contact{}, ErrNotFound
}

func contacts(ctx context.Context, q querier, ids []string) (map[string]Contact, error) {
	out := make(map[string]Contact, len(ids))
	for _, part := range chunks(ids, listRows) {
		in, args := keys(0, part)
		cs, err := collect(ctx, q, func(r *sql.Rows) (Contact, error) { return scanContact(r) }, "select "+contactCols+" from contact c where c.id in "+in, args...)
		if err != nil {
			return nil, fmt.Errorf("reading contacts: %w", err)
		}
		for _, c := range cs {
			out[c.ID] = c
		}
		type row struct {
			contact string
			a       Address
		}
		as, err := collect(ctx, q, func(r *sql.Rows) (x row, err error) {
			return x, r.Scan(&x.contact, &x.a.Channel, &x.a.Value, &x.a.Rank)
		}, "select contact_id, channel, value, rank from address where contact_id in "+in+" order by contact_id, channel, rank, value", args...)
		if err != nil {
			return nil, fmt.Errorf("reading addresses: %w", err)
		}
		for _, a := range as {
			c := out[a.contact]
			c.Addresses = append(c.Addresses, a.a)
			out[a.contact] = c
		}
	}
	return out, nil
}

// LockContact takes the contact for this transaction, so that what comes in from
// one person is worked on one after the other.
func (t *Tx) LockContact(ctx context.Context, id string) error {
	_, err := one(ctx, t, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) },
		"select id from contact where id = $1"+t.s.dialect.forUpdate, key(id))
	return err
}

// ContactsAt finds the contacts that an address belongs to, newest first.
func (s *Store) ContactsAt(ctx context.Context, ch channels.Kind, value string) ([]string, error) {
	return contactsAt(ctx, s.read, ch, value)
}

// ContactsAt finds the contacts that an address belongs to, newest first.
func (t *Tx) ContactsAt(ctx context.Context, ch channels.Kind, value string) ([]string, error) {
	return contactsAt(ctx, t, ch, value)
}

func contactsAt(ctx context.Context, q querier, ch channels.Kind, value string) ([]string, error) {
	return collect(ctx, q, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) },
		"select contact_id from address where channel = $1 and value = $2 order by created_at desc, id desc", ch, value)
}

// AddAddress gives a contact one more address.
func (t *Tx) AddAddress(ctx context.Context, contactID string, a Address, now time.Time) error {
	_, err := t.ExecContext(ctx, `insert into address (id, contact_id, channel, value, rank, created_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (contact_id, channel, value) do nothing`, t.NewID(), contactID, a.Channel, a.Value, a.Rank, at(now))
	return err
}

// SetHours keeps the hours in which a contact wants to be written to, with an audit row;
// ErrNotFound where there is no such contact.
func (s *Store) SetHours(ctx context.Context, contactID, hours string, by Employee, dealerID string, now time.Time) error {
	return s.setContact(ctx, contactID, "hours", hours, by, dealerID, now)
}

// SetZone keeps where a contact lives, an IANA time zone or "" for unknown, with an audit
// row; ErrNotFound where there is no such contact.
func (s *Store) SetZone(ctx context.Context, contactID, zone string, by Employee, dealerID string, now time.Time) error {
	return s.setContact(ctx, contactID, "zone", zone, by, dealerID, now)
}

func (s *Store) setContact(ctx context.Context, contactID, column, value string, by Employee, dealerID string, now time.Time) error {
	return s.Tx(ctx, RankPerson, func(t *Tx) error {
		r, err := t.ExecContext(ctx, "update contact set "+column+" = $2, updated_at = $3 where id = $1 and erased_at is null", key(contactID), value, at(now))
		if err != nil {
			return fmt.Errorf("keeping %s: %w", column, err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return cmp.Or(err, ErrNotFound)
		}
		return t.Audit(ctx, dealerID, by.ID, column, "contact", contactID, value, now)
	})
}

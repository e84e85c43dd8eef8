package store

import (
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
	// Unreachable: stored without any usable address.
	Unreachable bool
	Addresses   []Address
	CreatedAt   time.Time
	ErasedAt    time.Time
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

const contactCols = "c.id, c.name, c.family, c.given, c.patronymic, c.company, c.gender, c.gender_source, c.birthday, c.locale, c.zone, c.prospect, c.unreachable, c.created_at, c.erased_at"

func scanContact(r *sql.Rows) (c Contact, err error) {
	var created, erased moment
	err = r.Scan(&c.ID, &c.Name, &c.Family, &c.Given, &c.Patronymic, &c.Company, &c.Gender, &c.GenderSource, &c.Birthday,
		&c.Locale, &c.Zone, &c.Prospect, &c.Unreachable, &created, &erased)
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
	c, ok := m[id]
	if !ok {
		return Contact{}, ErrNotFound
	}
	return c, nil
}

func contacts(ctx context.Context, q querier, ids []string) (map[string]Contact, error) {
	out := make(map[string]Contact, len(ids))
	for _, part := range chunks(ids, 200) {
		in, args := list(0, part)
		cs, err := collect(ctx, q, scanContact, "select "+contactCols+" from contact c where c.id in "+in, args...)
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
		"select id from contact where id = $1"+t.s.dialect.forUpdate, id)
	return err
}

// ContactsAt finds the contacts that an address belongs to, newest first.
func (t *Tx) ContactsAt(ctx context.Context, ch channels.Kind, value string) ([]string, error) {
	return collect(ctx, t, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) },
		"select contact_id from address where channel = $1 and value = $2 order by created_at desc, id desc", ch, value)
}

// AddAddress gives a contact one more address.
func (t *Tx) AddAddress(ctx context.Context, contactID string, a Address, now time.Time) error {
	_, err := t.ExecContext(ctx, `insert into address (id, contact_id, channel, value, rank, created_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (contact_id, channel, value) do nothing`, t.NewID(), contactID, a.Channel, a.Value, a.Rank, at(now))
	return err
}

// Suppression is an address that must not be used for a purpose.
type Suppression struct {
	Channel channels.Kind
	Address string
	// Purpose is a purpose's name, or "all".
	Purpose string
	Reason  string
	At      time.Time
	// Until is when it decays; zero for never.
	Until     time.Time
	MessageID string
}

// AllPurposes is the purpose of a suppression that covers everything.
const AllPurposes = "all"

// OptedOut is the reason of a suppression that the person asked for; START lifts
// only these.
const OptedOut = "opted_out"

// Suppress keeps an address from being used.
func (t *Tx) Suppress(ctx context.Context, x Suppression) error {
	_, err := t.ExecContext(ctx, `insert into suppression (channel, address, purpose, reason, at, until, message_id) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (channel, address, purpose) do update set reason = excluded.reason, at = excluded.at, until = excluded.until, message_id = excluded.message_id`,
		x.Channel, x.Address, x.Purpose, x.Reason, at(x.At), at(x.Until), opt(x.MessageID))
	if err != nil {
		return fmt.Errorf("suppressing an address: %w", err)
	}
	return nil
}

// Unsuppress lifts what the person had asked for on an address, but never for ads
// (invariant 3).
func (t *Tx) Unsuppress(ctx context.Context, ch channels.Kind, address string) (int64, error) {
	r, err := t.ExecContext(ctx, "delete from suppression where channel = $1 and address = $2 and reason = $3 and purpose <> 'ad'", ch, address, OptedOut)
	if err != nil {
		return 0, fmt.Errorf("lifting a suppression: %w", err)
	}
	return r.RowsAffected()
}

// Lift removes what stands against an address for one reason, such as a bot that
// is not blocked any more.
func (t *Tx) Lift(ctx context.Context, ch channels.Kind, address, reason string) error {
	_, err := t.ExecContext(ctx, "delete from suppression where channel = $1 and address = $2 and reason = $3", ch, address, reason)
	if err != nil {
		return fmt.Errorf("lifting a suppression: %w", err)
	}
	return nil
}

func scanSuppression(r *sql.Rows) (x Suppression, err error) {
	var a, u moment
	err = r.Scan(&x.Channel, &x.Address, &x.Purpose, &x.Reason, &a, &u)
	x.At, x.Until = a.Time, u.Time
	return x, err
}

// Suppressions reads what stands against addresses now.
func (s *Store) Suppressions(ctx context.Context, addresses []string, now time.Time) ([]Suppression, error) {
	var out []Suppression
	for _, part := range chunks(addresses, 200) {
		in, args := list(1, part)
		xs, err := collect(ctx, s.read, scanSuppression, "select channel, address, purpose, reason, at, until from suppression where (until is null or until > $1) and address in "+in,
			append([]any{at(now)}, args...)...)
		if err != nil {
			return nil, fmt.Errorf("reading suppressions: %w", err)
		}
		out = append(out, xs...)
	}
	return out, nil
}

// Suppressed tells whether an address is suppressed for everything.
func (t *Tx) Suppressed(ctx context.Context, ch channels.Kind, address string) (bool, error) {
	n, err := one(ctx, t, func(r *sql.Rows) (n int, err error) { return n, r.Scan(&n) },
		"select count(*) from suppression where channel = $1 and address = $2 and purpose = 'all'", ch, address)
	return n > 0, err
}

// Consent is a person's word about a purpose on a channel, with its proof.
type Consent struct {
	ContactID, DealerID string
	Purpose             string
	Channel             channels.Kind
	Given               bool
	At                  time.Time
	// How says in one word how the word was given: message, console, import, form.
	How                                string
	EmployeeID, MessageID, TextVersion string
}

// AddConsent records a word; the newest of a purpose and channel counts.
func (t *Tx) AddConsent(ctx context.Context, c Consent) error {
	_, err := t.ExecContext(ctx, `insert into consent (id, contact_id, dealer_id, purpose, channel, given, at, how, employee_id, message_id, text_version)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, t.NewID(), c.ContactID, opt(c.DealerID), c.Purpose, c.Channel, c.Given, at(c.At),
		c.How, opt(c.EmployeeID), opt(c.MessageID), c.TextVersion)
	if err != nil {
		return fmt.Errorf("recording a consent: %w", err)
	}
	return nil
}

func scanConsent(r *sql.Rows) (c Consent, err error) {
	var a moment
	var dealer text
	err = r.Scan(&c.ContactID, &dealer, &c.Purpose, &c.Channel, &c.Given, &a, &c.How)
	c.At, c.DealerID = a.Time, string(dealer)
	return c, err
}

// Consents reads the words of contacts, oldest first.
func (s *Store) Consents(ctx context.Context, contactIDs []string) (map[string][]Consent, error) {
	out := map[string][]Consent{}
	for _, part := range chunks(contactIDs, 200) {
		in, args := list(0, part)
		cs, err := collect(ctx, s.read, scanConsent, "select contact_id, dealer_id, purpose, channel, given, at, how from consent where contact_id in "+in+" order by at, id", args...)
		if err != nil {
			return nil, fmt.Errorf("reading consents: %w", err)
		}
		for _, c := range cs {
			out[c.ContactID] = append(out[c.ContactID], c)
		}
	}
	return out, nil
}

// SearchContacts finds contacts for the console: by part of the name, by phone
// digits, mail address, order number or plate; newest first, at most limit.
func (s *Store) SearchContacts(ctx context.Context, dealerID, query string, limit int) ([]Contact, error) {
	var ids []string
	var err error
	scan := func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }
	q := strings.TrimSpace(query)
	switch {
	case q == "":
		ids, err = collect(ctx, s.read, scan, "select contact_id from visit where dealer_id = $1 order by completed_at desc, id desc limit $2", dealerID, limit)
	default:
		ids, err = collect(ctx, s.read, scan, `select id from (
			select id from contact where name_folded >= $1 and name_folded < $2
			union select contact_id from address where channel in ('sms', 'email') and value = $3
			union select contact_id from visit where order_no = $4
			union select contact_id from vehicle where plate = $4 or vin = $4) as found order by id desc limit $5`,
			Fold(q), Fold(q)+"\uffff", strings.ReplaceAll(q, " ", ""), q, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("searching contacts: %w", err)
	}
	m, err := s.Contacts(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Contact, 0, len(m))
	for _, id := range ids {
		if c, ok := m[id]; ok {
			out = append(out, c)
			delete(m, id)
		}
	}
	return out, nil
}

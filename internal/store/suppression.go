package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"hash"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
)

// Suppression is an address that must not be used for a purpose. Several reasons
// may stand against one address; each ends on its own.
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

// WrongPerson is the reason of a suppression by the owner of a number who is not the
// customer.
const WrongPerson = "wrong_person"

// WrongNumber is the reason of a suppression by an employee who has reached somebody else
// on a number; RightNumber lifts only these.
const WrongNumber = "wrong_number"

// Suppress keeps an address from being used.
func (t *Tx) Suppress(ctx context.Context, x Suppression) error {
	return t.SuppressAll(ctx, []Suppression{x})
}

// SuppressAll keeps several addresses from being used, from now on: what is claimed to be
// sent to their people and has not begun loses its claim and is judged anew. Of
// suppressions that are the same but for their time the last counts.
func (t *Tx) SuppressAll(ctx context.Context, xs []Suppression) error {
	if err := t.suppress(ctx, xs); err != nil {
		return err
	}
	return t.overtake(ctx, xs)
}

// overtake ends the claims of what has not begun for the people who have these addresses
// (invariant 3). Rows without a claim are named, too: a claim that is being made passes
// over rows that are locked, and comes after this.
func (t *Tx) overtake(ctx context.Context, xs []Suppression) error {
	values := make([]string, len(xs))
	for i, x := range xs {
		values[i] = x.Address
	}
	for _, part := range chunks(distinct(values), listRows) {
		in, args := list(0, part)
		theirs := " where contact_id in (select contact_id from address where value in " + in + ")"
		for _, q := range []string{
			"update outreach set claim_token = null, claim_until = null" + theirs + " and state in " + open,
			"update message set claim_token = null, claim_until = null" + theirs + " and direction = 'out' and state = 'queued'",
		} {
			if _, err := t.ExecContext(ctx, q, args...); err != nil {
				return fmt.Errorf("ending claims of what is not wanted: %w", err)
			}
		}
	}
	return nil
}

func (t *Tx) suppress(ctx context.Context, xs []Suppression) error {
	if _, err := insert(ctx, t, "suppression", suppressionInsert, suppressionRows(xs), suppressionConflict); err != nil {
		return fmt.Errorf("suppressing addresses: %w", err)
	}
	return nil
}

var suppressionInsert = []string{"channel", "address", "purpose", "reason", "at", "until", "message_id"}

const suppressionConflict = "on conflict (address, channel, purpose, reason) do update set at = excluded.at, until = excluded.until, message_id = excluded.message_id"

// suppressionRows keeps the last of those that are the same but for their time: a
// statement changes no row twice.
func suppressionRows(xs []Suppression) [][]any {
	type same struct {
		channel                  channels.Kind
		address, purpose, reason string
	}
	place := map[same]int{}
	var rows [][]any
	for _, x := range xs {
		row := []any{x.Channel, x.Address, x.Purpose, x.Reason, at(x.At), at(x.Until), opt(x.MessageID)}
		k := same{x.Channel, x.Address, x.Purpose, x.Reason}
		if i, twice := place[k]; twice {
			rows[i] = row
			continue
		}
		place[k] = len(rows)
		rows = append(rows, row)
	}
	return rows
}

// Unsuppress lifts what the person had asked for on an address, but never for ads
// (invariant 3). It returns how many suppressions ended.
func (t *Tx) Unsuppress(ctx context.Context, ch channels.Kind, address string) (int64, error) {
	return t.lift(ctx, ch, address, OptedOut, " and purpose <> 'ad'")
}

// lifted counts what Unsuppress would lift.
func (t *Tx) lifted(ctx context.Context, ch channels.Kind, address string) (int64, error) {
	hidden, err := t.s.hide(ctx, t, address)
	if err != nil {
		return 0, err
	}
	n, err := one(ctx, t, func(r *sql.Rows) (n int64, err error) { return n, r.Scan(&n) },
		"select count(*) from suppression where channel = $1 and address in ($2, $3) and reason = $4 and purpose <> 'ad'", ch, address, hidden, OptedOut)
	if err != nil {
		return 0, fmt.Errorf("reading suppressions: %w", err)
	}
	return n, nil
}

// Lift removes what stands against an address for one reason, such as a bot that
// is not blocked any more.
func (t *Tx) Lift(ctx context.Context, ch channels.Kind, address, reason string) error {
	_, err := t.lift(ctx, ch, address, reason, "")
	return err
}

func (t *Tx) lift(ctx context.Context, ch channels.Kind, address, reason, but string) (int64, error) {
	hidden, err := t.s.hide(ctx, t, address)
	if err != nil {
		return 0, err
	}
	r, err := t.ExecContext(ctx, "delete from suppression where channel = $1 and address in ($2, $3) and reason = $4"+but, ch, address, hidden, reason)
	if err != nil {
		return 0, fmt.Errorf("lifting a suppression: %w", err)
	}
	return r.RowsAffected()
}

// Suppressions reads what stands against addresses now, what erased people had
// asked for included.
func (s *Store) Suppressions(ctx context.Context, addresses []string, now time.Time) ([]Suppression, error) {
	var out []Suppression
	for _, part := range chunks(addresses, listRows/2) {
		plain := make(map[string]string, 2*len(part))
		both := make([]string, 0, 2*len(part))
		for _, a := range part {
			hidden, err := s.hide(ctx, s.read, a)
			if err != nil {
				return nil, err
			}
			plain[a], plain[hidden] = a, a
			both = append(both, a, hidden)
		}
		in, args := list(1, both)
		xs, err := collect(ctx, s.read, func(r *sql.Rows) (x Suppression, err error) {
			var a, u moment
			var message text
			err = r.Scan(&x.Channel, &x.Address, &x.Purpose, &x.Reason, &a, &u, &message)
			x.At, x.Until, x.MessageID, x.Address = a.Time, u.Time, string(message), plain[x.Address]
			return x, err
		}, "select channel, address, purpose, reason, at, until, message_id from suppression where (until is null or until > $1) and address in "+in,
			append([]any{at(now)}, args...)...)
		if err != nil {
			return nil, fmt.Errorf("reading suppressions: %w", err)
		}
		out = append(out, xs...)
	}
	return out, nil
}

// Suppressed tells whether an address is suppressed for good, for everything or for one
// of the purposes; what decays, such as a full mailbox, is left to Suppressions.
func (t *Tx) Suppressed(ctx context.Context, ch channels.Kind, address string, purposes ...outreach.Purpose) (bool, error) {
	hidden, err := t.s.hide(ctx, t, address)
	if err != nil {
		return false, err
	}
	of := []string{AllPurposes}
	for _, p := range purposes {
		of = append(of, string(p))
	}
	in, args := list(3, of)
	n, err := one(ctx, t, func(r *sql.Rows) (n int, err error) { return n, r.Scan(&n) },
		"select count(*) from suppression where channel = $1 and address in ($2, $3) and until is null and purpose in "+in, append([]any{ch, address, hidden}, args...)...)
	if err != nil {
		return false, fmt.Errorf("reading suppressions: %w", err)
	}
	return n > 0, nil
}

// hide is how the address of an erased person stands in a suppression: an
// HMAC-SHA-256 under a key of this database. Without the key a telephone number
// cannot be found by trying them all; whoever has the whole database can still ask
// about one number, which is what an opt-out that outlives the erasure needs.
func (s *Store) hide(ctx context.Context, q querier, address string) (string, error) {
	secret, err := s.secret(ctx, q)
	if err != nil {
		return "", err
	}
	return hide(hmac.New(sha256.New, []byte(secret)), address), nil
}

// hide is the same for many addresses.
func hide(m hash.Hash, address string) string {
	m.Reset()
	m.Write([]byte(address))
	return "hmac:" + hex.EncodeToString(m.Sum(nil))
}

func (s *Store) secret(ctx context.Context, q querier) (string, error) {
	if known := s.addressKey.Load(); known != nil {
		return *known, nil
	}
	v, err := one(ctx, q, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }, "select value from setting where name = 'address_key'")
	if err != nil {
		return "", fmt.Errorf("reading the key of hidden addresses: %w", err)
	}
	s.addressKey.Store(&v)
	return v, nil
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"otklik/channels"
)

// StrangersNumber keeps a number from being used because an employee has reached somebody
// else on it: nothing is sent there for any purpose, what waits is withdrawn, what is asked
// there is over, and what comes from there is nobody's that we know. RightNumber takes it
// back.
func (t *Tx) StrangersNumber(ctx context.Context, number string, now time.Time) error {
	if err := t.Suppress(ctx, Suppression{Channel: channels.SMS, Address: number, Purpose: AllPurposes, Reason: WrongNumber, At: now}); err != nil {
		return err
	}
	if err := t.CancelWaiting(ctx, channels.SMS, number, WrongNumber, now); err != nil {
		return fmt.Errorf("withdrawing what waits for a wrong number: %w", err)
	}
	_, err := t.ExecContext(ctx, "update conversation set state = 'done', ended = $3, closed_at = $4, updated_at = $4, version = version + 1 where channel = $1 and address = $2 and state <> 'done'",
		channels.SMS, number, WrongNumber, at(now))
	if err != nil {
		return fmt.Errorf("ending what is asked on a wrong number: %w", err)
	}
	return nil
}

// askAgain opens what StrangersNumber has ended and nobody has answered since.
func (t *Tx) askAgain(ctx context.Context, number string, now time.Time) error {
	_, err := t.ExecContext(ctx, `update conversation set ended = '', version = version + 1, updated_at = $4, state = case when updated_at = closed_at then 'open' else state end,
		closed_at = case when updated_at = closed_at then null else closed_at end where channel = $1 and address = $2 and ended = $3`, channels.SMS, number, WrongNumber, at(now))
	if err != nil {
		return fmt.Errorf("opening what was asked on a number: %w", err)
	}
	return nil
}

// EndedFor is why somebody else than its customer has ended a conversation; "" for nobody.
func (s *Store) EndedFor(ctx context.Context, conversationID string) (string, error) {
	return endedFor(ctx, s.read, conversationID)
}

// EndedFor is why somebody else than its customer has ended a conversation; "" for nobody.
func (t *Turn) EndedFor(ctx context.Context, conversationID string) (string, error) {
	return endedFor(ctx, t.g.tx, conversationID)
}

func endedFor(ctx context.Context, q querier, conversationID string) (string, error) {
	return one(ctx, q, func(r *sql.Rows) (why string, err error) { return why, r.Scan(&why) }, "select ended from conversation where id = $1", key(conversationID))
}

// Number is a telephone number of a contact.
type Number struct {
	Value string
	// Wrong: it is somebody else's, as an employee or its owner has said.
	Wrong bool
}

// Numbers lists the numbers of a contact in their order.
func (s *Store) Numbers(ctx context.Context, c Contact) ([]Number, error) {
	return numbersOf(ctx, s.read, c)
}

// Numbers lists the numbers of a contact in their order.
func (t *Tx) Numbers(ctx context.Context, c Contact) ([]Number, error) { return numbersOf(ctx, t, c) }

// Numbers lists the numbers of a contact in their order; one who has none costs no look.
func (t *Turn) Numbers(ctx context.Context, c Contact) ([]Number, error) {
	return numbersOf(ctx, t.g.tx, c)
}

func numbersOf(ctx context.Context, q querier, c Contact) ([]Number, error) {
	var out []Number
	var values []string
	for _, a := range c.Addresses {
		if a.Channel == channels.SMS {
			values, out = append(values, a.Value), append(out, Number{Value: a.Value})
		}
	}
	if len(values) == 0 {
		return nil, nil
	}
	in, args := list(3, values)
	wrong, err := collect(ctx, q, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) },
		"select address from suppression where channel = $1 and reason in ($2, $3) and address in "+in, append([]any{channels.SMS, WrongNumber, WrongPerson}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("reading whose numbers they are: %w", err)
	}
	for i := range out {
		out[i].Wrong = slices.Contains(wrong, out[i].Value)
	}
	return out, nil
}

// RightNumber takes back that a number of a contact is somebody else's, with an audit row.
// What stands against the number for another reason stays, what its owner himself has said
// included. What was asked there goes on; what was withdrawn is not sent. It tells whether there was anything to take back; ErrNotFound where the contact
// does not have the number.
func (s *Store) RightNumber(ctx context.Context, contactID, number string, by Employee, dealerID string, now time.Time) (lifted bool, err error) {
	err = s.Tx(ctx, RankPerson, func(t *Tx) error {
		c, err := t.Contact(ctx, contactID)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(c.Addresses, func(a Address) bool { return a.Channel == channels.SMS && a.Value == number }) {
			return ErrNotFound
		}
		n, err := t.lift(ctx, channels.SMS, number, WrongNumber, "")
		if lifted = n > 0; err != nil || !lifted {
			return err
		}
		if err := t.askAgain(ctx, number, now); err != nil {
			return err
		}
		return t.Audit(ctx, dealerID, by.ID, "right_number", "contact", c.ID, number, now)
	})
	if err != nil {
		return false, fmt.Errorf("taking back a wrong number: %w", err)
	}
	return lifted, nil
}

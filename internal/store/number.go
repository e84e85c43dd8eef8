package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"otklik/channels"
)

// RightNumber takes back that a number of a contact is somebody else's, with an audit row.
// What stands against the number for another reason stays, what its owner himself has said
// included. It tells whether there was anything to take back; ErrNotFound where the contact
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
		return t.Audit(ctx, dealerID, by.ID, "right_number", "contact", c.ID, number, now)
	})
	if err != nil {
		return false, fmt.Errorf("taking back a wrong number: %w", err)
	}
	return lifted, nil
}

package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"otklik/channels"
)

// A link names a message that opened no conversation: its id, and eight bytes of an
// HMAC under this database's key, so that nobody makes one up. It survives whatever
// becomes of its case.
const linkSum = 8

var linkText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Link is the token in the links of a message that opens no conversation.
func (s *Store) Link(ctx context.Context, messageID string) (string, error) {
	id, err := uuid.Parse(messageID)
	if err != nil {
		return "", fmt.Errorf("making a link: %w", err)
	}
	sum, err := s.linkSum(ctx, id)
	if err != nil {
		return "", err
	}
	return linkText.EncodeToString(append(id[:], sum...)), nil
}

func (s *Store) linkSum(ctx context.Context, id uuid.UUID) ([]byte, error) {
	secret, err := s.secret(ctx, s.read)
	if err != nil {
		return nil, err
	}
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte("link"))
	m.Write(id[:])
	return m.Sum(nil)[:linkSum], nil
}

// Addressee is who was written to in what a link belongs to.
type Addressee struct {
	DealerID, ContactID, Address, Locale string
	Channel                              channels.Kind
}

// Addressee finds who was written to by the token of a conversation or by a message's
// Link; ErrNotFound for any other.
func (s *Store) Addressee(ctx context.Context, token string) (Addressee, error) {
	c, err := s.ConversationByToken(ctx, token)
	if err == nil {
		return Addressee{c.DealerID, c.ContactID, c.Address, c.Locale, c.Channel}, nil
	}
	if !errors.Is(err, ErrNotFound) {
		return Addressee{}, err
	}
	raw, bad := linkText.DecodeString(strings.ToLower(token))
	if bad != nil || len(raw) != len(uuid.UUID{})+linkSum {
		return Addressee{}, ErrNotFound
	}
	id := uuid.UUID(raw[:len(uuid.UUID{})])
	sum, err := s.linkSum(ctx, id)
	if err != nil {
		return Addressee{}, err
	}
	if !hmac.Equal(sum, raw[len(id):]) {
		return Addressee{}, ErrNotFound
	}
	return one(ctx, s.read, func(r *sql.Rows) (a Addressee, err error) {
		return a, r.Scan(&a.DealerID, &a.ContactID, &a.Address, &a.Locale, &a.Channel)
	}, "select m.dealer_id, m.contact_id, m.address, c.locale, m.channel from message m join contact c on c.id = m.contact_id where m.id = $1", id.String())
}

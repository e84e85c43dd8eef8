package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
)

// Receive writes an inbound message, one row per provider id. It returns false
// when the message is there already: a replay.
func (t *Tx) Receive(ctx context.Context, m Message, now time.Time) (bool, error) {
	row, err := messageRow(received(m, now), time.Time{}, now)
	if err != nil {
		return false, err
	}
	n, err := insert(ctx, t, "message", messageInsert, [][]any{row}, "on conflict (channel, direction, provider_id) where provider_id is not null do nothing")
	return n == 1, err
}

// received is an inbound message as it is stored.
func received(m Message, now time.Time) Message {
	m.Direction, m.State = In, outreach.Received
	m.DueAt, m.DoneAt = now, now
	return m
}

// queued is an outgoing message as it is stored for the dispatcher.
func queued(m Message, now time.Time, newID func() string) Message {
	if m.ID == "" {
		m.ID = newID()
	}
	m.Direction, m.State = Out, outreach.Queued
	if m.DueAt.IsZero() {
		m.DueAt = now
	}
	return m
}

// SetReading notes how an inbound message was read and whose it is.
func (t *Tx) SetReading(ctx context.Context, m Message) error {
	_, err := t.ExecContext(ctx, "update message set reading = $2, contact_id = $3, conversation_id = $4, dealer_id = $5, outreach_id = $6 where id = $1",
		m.ID, m.Reading, opt(m.ContactID), opt(m.ConversationID), m.DealerID, opt(m.OutreachID))
	return err
}

// MessageByProvider finds a message by the provider's id.
func (t *Tx) MessageByProvider(ctx context.Context, ch channels.Kind, direction, providerID string) (Message, error) {
	return one(ctx, t, scanMessage, "select "+messageCols+" from message where channel = $1 and direction = $2 and provider_id = $3", ch, direction, providerID)
}

// LastTo finds the newest message sent to an address, to tell which dealer a
// shared number speaks for.
func (t *Tx) LastTo(ctx context.Context, ch channels.Kind, address string) (Message, error) {
	m, err := one(ctx, t, scanMessage, lastToSQL, ch, address)
	if !errors.Is(err, ErrNotFound) {
		return m, err
	}
	n, err := t.unfoldListed(ctx, "addresses", " "+address+" ")
	if err != nil || n == 0 {
		return m, cmp.Or(err, ErrNotFound)
	}
	return one(ctx, t, scanMessage, lastToSQL, ch, address)
}

// Messages are found by their contact; those to an address of nobody by the address.
const (
	lastToSQL = "select " + messageCols + ` from message where id in (select id from (
			select id, created_at from message where contact_id in (select contact_id from address where value = $2) and channel = $1 and address = $2 and direction = 'out'
			union all select id, created_at from message where contact_id is null and channel = $1 and address = $2 and direction = 'out') as sent
		order by created_at desc, id desc limit 1)`

	cancelWaitingSQL = `update message set state = 'canceled', reason = $3, done_at = $4, updated_at = $4, claim_token = null, claim_until = null
		where direction = 'out' and state = 'queued' and id in (
			select id from message where contact_id in (select contact_id from address where value = $2) and channel = $1 and address = $2 and direction = 'out' and state = 'queued'
			union all select id from message where contact_id is null and channel = $1 and address = $2 and direction = 'out' and state = 'queued')`

	lastOfSQL = "select " + messageCols + ` from message where contact_id = (select contact_id from conversation where id = $1) and conversation_id = $1 and direction = 'out'
		order by created_at desc, id desc limit 1`
)

// Message reads one.
func (s *Store) Message(ctx context.Context, id string) (Message, error) {
	return one(ctx, s.read, scanMessage, "select "+messageCols+" from message where id = $1", key(id))
}

// CancelWaiting withdraws all queued messages to an address: an opt-out is obeyed
// at once.
func (t *Tx) CancelWaiting(ctx context.Context, ch channels.Kind, address, reason string, now time.Time) error {
	_, err := t.ExecContext(ctx, cancelWaitingSQL, ch, address, reason, at(now))
	return err
}

// Unassigned lists inbound messages that belong to nobody we know.
func (s *Store) Unassigned(ctx context.Context, dealerID string, limit int) ([]Message, error) {
	return collect(ctx, s.read, scanMessage, "select "+messageCols+` from message where contact_id is null and direction = 'in' and dealer_id = $1
		order by created_at desc limit $2`, key(dealerID), limit)
}

// MessagesOf lists a contact's messages, oldest first, the newest limit of them.
func (s *Store) MessagesOf(ctx context.Context, contactID string, limit int) ([]Message, error) {
	ms, err := collect(ctx, s.read, scanMessage, "select "+messageCols+` from message where contact_id = $1 order by created_at desc, id desc limit $2`, key(contactID), limit)
	for i, j := 0, len(ms)-1; i < j; i, j = i+1, j-1 {
		ms[i], ms[j] = ms[j], ms[i]
	}
	return ms, err
}

// waitingSQL has a part for each of the two partial indexes, and one for what stands in
// the rows of groups.
const waitingSQL = `select channel, state, cast(sum(n) as bigint) from (select channel, state, count(*) as n from message where direction = 'out' and state = 'queued' group by channel, state
	union all select channel, state, count(*) from message where direction = 'out' and state = 'sending' group by channel, state
	union all select channel, 'sending', waiting from begun) as waits group by channel, state order by 1, 2`

// StateCount is how many messages are in a state on a channel.
type StateCount struct {
	Channel channels.Kind
	State   outreach.MessageState
	N       int64
}

// Waiting counts messages not finished yet and tells when the oldest due one was
// due; zero when none is.
func (s *Store) Waiting(ctx context.Context, business time.Time) ([]StateCount, time.Time, error) {
	counts, err := collect(ctx, s.read, func(r *sql.Rows) (c StateCount, err error) { return c, r.Scan(&c.Channel, &c.State, &c.N) },
		waitingSQL)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("counting waiting messages: %w", err)
	}
	oldest, err := s.NextDue(ctx)
	if oldest.After(business) {
		oldest = time.Time{}
	}
	return counts, oldest, err
}

// LastOf finds the newest message sent in a conversation.
func (t *Tx) LastOf(ctx context.Context, conversationID string) (Message, error) {
	return one(ctx, t, scanMessage, lastOfSQL, conversationID)
}

package store

import (
	"context"
	"fmt"
	"time"

	"otklik/channels"
)

// What a turn takes back, because the words that it rests on are read anew together
// with those that followed.

// Messages reads messages, in no order, and locks them, so that none that waits
// leaves before the turn is written.
func (t *Turn) Messages(ctx context.Context, ids []string) ([]Message, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	in, args := keys(0, ids)
	ms, err := collect(ctx, t.g.tx, scanMessage, "select "+messageCols+" from message where id in "+in+" order by id"+t.g.tx.s.dialect.forUpdate, args...)
	if err != nil {
		return nil, fmt.Errorf("reading messages: %w", err)
	}
	return ms, nil
}

// Lately reads what passed between a contact and us outside any conversation from a
// moment on, in the order in which it came, and locks it.
func (t *Turn) Lately(ctx context.Context, contactID string, since time.Time) ([]Message, error) {
	ms, err := collect(ctx, t.g.tx, scanMessage, "select "+messageCols+" from message where contact_id = $1 and created_at >= $2 and conversation_id is null order by created_at, id"+t.g.tx.s.dialect.forUpdate, key(contactID), at(since))
	if err != nil {
		return nil, fmt.Errorf("reading messages: %w", err)
	}
	return ms, nil
}

// Recall withdraws messages that still wait to be sent.
func (t *Turn) Recall(ids []string, reason string, now time.Time) {
	if len(ids) == 0 {
		return
	}
	in, args := keys(2, ids)
	t.before("withdrawing messages", "update message set state = 'canceled', reason = $1, done_at = $2, updated_at = $2, claim_token = null, claim_until = null where state = 'queued' and id in "+in,
		append([]any{reason, at(now)}, args...)...)
}

// TakeBack ends an answer without another in its place; its row is kept.
func (t *Turn) TakeBack(conversationID, question string, now time.Time) {
	t.before("taking an answer back", "update answer set replaced_at = $3 where conversation_id = $1 and question = $2 and replaced_at is null", conversationID, question, at(now))
}

// ForgetRemarks removes the remarks that messages made, unless somebody has passed
// them on.
func (t *Turn) ForgetRemarks(messageIDs []string) {
	in, args := keys(0, messageIDs)
	t.before("removing remarks", "delete from remark where passed_at is null and message_id in "+in, args...)
}

// Speak notes the language that a contact has gone over to.
func (t *Turn) Speak(contactID, locale string, now time.Time) {
	t.before("noting a language", "update contact set locale = $2, updated_at = $3 where id = $1", contactID, locale, at(now))
}

// Prefer notes the channel on which a contact wants to be reached, "" for none (R040).
func (t *Turn) Prefer(contactID string, ch channels.Kind, now time.Time) {
	t.before("noting a preference", "update contact set preferred = $2, updated_at = $3 where id = $1", contactID, ch, at(now))
}

// before has a statement carried out before everything else that the turn changes.
func (t *Turn) before(what, query string, args ...any) {
	t.first = append(t.first, func(ctx context.Context, tx *Tx) error {
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	})
}

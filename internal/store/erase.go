package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// erasures blank what tells who a person is or what he said; $1 is the contact, $2
// the moment. What stays are figures: ratings, choices, states, times, which works
// were done, and the order number, without which the next import would bring the
// person back. They run in this order: what a row is recognised by goes last.
var erasures = []struct{ what, statement string }{
	{"what he said", `update answer set comment = '', answer = case when answer in ('yes', 'no') then answer else '' end where conversation_id in ` + theirConversations},
	{"remarks", `update remark set text = '', recommendation = '' where contact_id = $1 or conversation_id in ` + theirConversations},
	{"steps", `update task_step set text = '' where task_id in ` + theirTasks},
	{"the audit", `update audit set detail = '' where object_id in (select cast(id as text) from contact where id = $1) or object_id in (select cast(id as text) from task where id in ` + theirTasks + `)
		or object_id in (select cast(id as text) from message where ` + theirs + `)`},
	{"tasks", `update task set words = '', note = '', agreed = '', source_party = '', version = version + 1, updated_at = $2,
		outcome = case when state in ('open', 'claimed', 'asked') then 'erased' else outcome end, closed_at = coalesce(closed_at, $2),
		state = case when state in ('open', 'claimed', 'asked') then 'withdrawn' else state end where id in ` + theirTasks},
	{"attempts", `update attempt set detail = '' where message_id in ` + theirMessages},
	// Most of them have gone before, see EraseContact.
	{"contents", `delete from attachment_part where attachment_id in ` + theirAttachments},
	{"attachments", `delete from attachment where message_id in ` + theirMessages},
	// What waits never leaves. What is on its way may arrive: it is unknown until a
	// report tells, and its holder has lost it.
	{"messages", `update message set contact_id = $1, address = '', subject = '', text = '', html = '', buttons = '', options = '', reading = '',
		provider_id = case when channel = 'sms' then provider_id else null end, claim_token = null, claim_until = null, updated_at = $2,
		reason = case when state in ('queued', 'sending') then 'erased' else reason end, done_at = coalesce(done_at, $2),
		state = case state when 'queued' then 'canceled' when 'sending' then 'unknown' else state end where ` + theirs},
	{"conversations", `update conversation set address = '', position = '{}', state = 'done', closed_at = coalesce(closed_at, $2), version = version + 1, updated_at = $2 where contact_id = $1`},
	{"decisions", `update decision set inputs = '' where contact_id = $1`},
	{"outreach", `update outreach set inputs = '', claim_token = null, claim_until = null, updated_at = $2,
		rule = case when state in ('planned', 'held', 'claimed') then 'erased' else rule end,
		state = case when state in ('planned', 'held', 'claimed') then 'dropped' else state end where contact_id = $1`},
	{"events", `delete from event where contact_id = $1`},
	{"deliveries", `update external_key set content_hash = '' where kind = 'delivery' and object_id in (select id from vehicle where contact_id = $1)`},
	{"external keys", `delete from external_key where object_id = $1 or kind <> 'delivery' and object_id in (select id from vehicle where contact_id = $1) or object_id in (select id from visit where contact_id = $1)`},
	{"vehicles", `update vehicle set vin = '', plate = '', updated_at = $2 where contact_id = $1`},
	{"appointments", `update appointment set request = '', attention_reason = '', content_hash = '', updated_at = $2,
		state = case when state in ('requested', 'booked') then 'canceled' else state end where contact_id = $1`},
	{"interests", `update prospect set origin = '', options = '', payment = '', test_drive = '', notes = '', content_hash = '', updated_at = $2,
		outcome = case when state in ('won', 'lost') then outcome else 'erased' end, state = case when state = 'won' then 'won' else 'lost' end where contact_id = $1`},
	{"visits", `update visit set content_hash = '', updated_at = $2 where contact_id = $1`},
	{"addresses", `delete from address where contact_id = $1`},
	{"the contact", `update contact set name = '', name_folded = '', family = '', given = '', patronymic = '', gender = '', gender_source = '', birthday = '', zone = '', tags = '', preferred = '', hours = '',
		unreachable = true, updated_at = $2, erased_at = coalesce(erased_at, $2) where id = $1`},
}

// EraseContact takes the person out of the database in one transaction and leaves
// the figures; only the contents of what he sent go before it, bit by bit. Whatever was planned for him is dropped, open tasks are withdrawn,
// links to his surveys end. What stands for good against an address of his alone,
// such as an opt-out, goes on to hold for whoever brings that address again, kept
// under a keyed hash in place of the address; what decays ends. Messages from the
// address belong to nobody from now on. ErrNotFound when there is no such contact;
// erasing twice does no harm. Backups and, until its next VACUUM, the files of
// PostgreSQL are not touched; SQLite's file is overwritten.
func (s *Store) EraseContact(ctx context.Context, id string, now time.Time) error {
	if err := s.dropParts(ctx, "attachment_id in "+theirAttachments, id); err != nil {
		return fmt.Errorf("erasing a contact: contents: %w", err)
	}
	err := s.Tx(ctx, RankPerson, func(tx *Tx) error {
		if err := tx.LockContact(ctx, id); err != nil {
			return err
		}
		if _, err := tx.unfoldListed(ctx, "people", strings.ToLower(id)); err != nil {
			return err
		}
		if err := tx.hideSuppressions(ctx, id); err != nil {
			return err
		}
		if err := tx.endLinks(ctx, id); err != nil {
			return err
		}
		for _, e := range erasures {
			args := []any{key(id), at(now)}
			if !strings.Contains(e.statement, "$2") {
				args = args[:1]
			}
			if _, err := tx.ExecContext(ctx, e.statement, args...); err != nil {
				return fmt.Errorf("%s: %w", e.what, err)
			}
		}
		return tx.Audit(ctx, "", "", "contact.erased", "contact", id, "", now)
	})
	if err != nil {
		return fmt.Errorf("erasing a contact: %w", err)
	}
	return s.dialect.forget(ctx, s.write)
}

// hideSuppressions keeps what stands for good against addresses of the person
// alone without the address in clear, and ends what decays.
func (t *Tx) hideSuppressions(ctx context.Context, id string) error {
	type row struct{ channel, address, purpose, reason string }
	rows, err := collect(ctx, t, func(r *sql.Rows) (x row, err error) {
		return x, r.Scan(&x.channel, &x.address, &x.purpose, &x.reason)
	}, "select channel, address, purpose, reason from suppression where until is null and (channel, address) in "+theirAddresses, key(id))
	if err != nil {
		return fmt.Errorf("suppressions: %w", err)
	}
	for _, x := range rows {
		hidden, err := t.s.hide(ctx, t, x.address)
		if err != nil {
			return err
		}
		if _, err := t.ExecContext(ctx, `insert into suppression (channel, address, purpose, reason, at)
			select channel, $2, purpose, reason, at from suppression where channel = $1 and address = $3 and purpose = $4 and reason = $5
			on conflict (address, channel, purpose, reason) do nothing`, x.channel, hidden, x.address, x.purpose, x.reason); err != nil {
			return fmt.Errorf("suppressions: %w", err)
		}
	}
	if _, err := t.ExecContext(ctx, "delete from suppression where (channel, address) in "+theirAddresses, key(id)); err != nil {
		return fmt.Errorf("suppressions: %w", err)
	}
	return nil
}

// endLinks gives the person's conversations tokens that nobody has.
func (t *Tx) endLinks(ctx context.Context, id string) error {
	ids, err := collect(ctx, t, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }, "select id from conversation where contact_id = $1", key(id))
	if err != nil {
		return fmt.Errorf("links: %w", err)
	}
	for _, c := range ids {
		if _, err := t.ExecContext(ctx, "update conversation set token = $2 where id = $1", c, rand.Text()); err != nil {
			return fmt.Errorf("links: %w", err)
		}
	}
	return nil
}

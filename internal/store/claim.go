package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"otklik/channels"
)

// Queue is a part of the outreach that has not begun: of one lane ("" for what is not
// in a lane yet), one dealer, one priority. Claims are made from one queue at a
// time, so that what fills one delays nobody in another.
type Queue struct {
	Lane, DealerID string
	Priority       int
	// Due is when the first of it is due; one that is claimed counts.
	Due time.Time
	// After is the last outreach that was claimed from it; a claim begins behind it
	// and need not step over what has just been finished, which PostgreSQL's index
	// still holds. Nil: from the beginning.
	After *Outreach
}

// open are the states of outreach that has not begun, as the partial index names
// them. What is claimed keeps its state: a claim is its token and its time, and
// changes no indexed column.
const open = "('planned', 'held', 'claimed')"

// Queues lists the queues in which something stands, those due at a later time
// included. It reads one index entry for each, however long they are: the bound names
// due_at, too, because SQLite would step over all that equals a shorter one.
func (s *Store) Queues(ctx context.Context) ([]Queue, error) {
	var out []Queue
	at := Queue{DealerID: nobody, Priority: -1}
	for {
		q, err := collect(ctx, s.read, func(r *sql.Rows) (q Queue, err error) {
			var due moment
			err = r.Scan(&q.Lane, &q.DealerID, &q.Priority, &due)
			q.Due = due.Time
			return q, err
		}, `select lane, dealer_id, priority, due_at from outreach where state in `+open+` and (lane, dealer_id, priority, due_at) > ($1, $2, $3, $4)
			order by lane, dealer_id, priority, due_at, id limit 1`, at.Lane, at.DealerID, at.Priority, int64(math.MaxInt64))
		if err != nil {
			return nil, fmt.Errorf("reading the queues: %w", err)
		}
		if len(q) == 0 {
			return out, nil
		}
		at = q[0]
		out = append(out, at)
	}
}

// nobody sorts before every id.
const nobody = "00000000-0000-0000-0000-000000000000"

// ClaimOutreach takes up to limit due outreach of a queue under a token until the
// lease ends (machine time), in the order in which it is due. What another holder
// left claimed past its lease is taken again: claimed is not begun.
func (s *Store) ClaimOutreach(ctx context.Context, q Queue, token string, limit int, business, machine time.Time, lease time.Duration) ([]Outreach, error) {
	due, id := int64(math.MinInt64), nobody
	if q.After != nil {
		due, id = q.After.DueAt.UnixMicro(), q.After.ID
	}
	var out []Outreach
	var err error
	if s.pool != nil {
		out, err = s.claimNative(ctx, limit, ident(token), instant(machine.Add(lease)), []byte(q.Lane), ident(q.DealerID), bigint(int64(q.Priority)), instant(business), instant(machine), bigint(int64(limit)), bigint(due), ident(id))
	} else {
		out, err = alone(ctx, s, RankBulk, scanOutreach, s.claimOutreachSQL(), token, at(machine.Add(lease)), q.Lane, q.DealerID, q.Priority, at(business), at(machine), limit, due, id)
	}
	if err != nil {
		return nil, fmt.Errorf("claiming outreach: %w", err)
	}
	// RETURNING gives no order.
	slices.SortFunc(out, func(a, b Outreach) int { return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// claimNative is the claim of a campaign on PostgreSQL.
func (s *Store) claimNative(ctx context.Context, limit int, params ...[]byte) (out []Outreach, err error) {
	claim := native{"claim", s.claimOutreachSQL()}
	err = s.again(ctx, func(c *pgx.Conn) error {
		out = make([]Outreach, 0, limit)
		known := words{}
		r, err := claim.run(ctx, c, params...)
		return each(r, err, func(row *cells) { out = append(out, row.outreach(known)) })
	})
	return out, err
}

func (s *Store) claimOutreachSQL() string {
	// Materialized: as a plain subquery PostgreSQL may run it once for each row that
	// it meets, skip what it locked itself, and claim more than the limit. A row that
	// has just changed under the claim is found at its new place by the select and not
	// by the update, which looks as of its beginning: the next claim takes it.
	return `with due as materialized (select ` + s.dialect.place + ` from outreach where state in ` + open + ` and lane = $3 and dealer_id = $4 and priority = $5 and due_at <= $6
			and (due_at, id) > ($9, $10) and (claim_until is null or claim_until < $7) order by due_at, id limit $8` + s.dialect.skipLocked + `)
		update outreach set claim_token = $1, claim_until = $2 where ` + s.dialect.claimed + ` returning ` + outreachCols
}

// Unclaim hands claimed outreach back untouched: a graceful stop.
func (s *Store) Unclaim(ctx context.Context, os []Outreach) error {
	if err := s.letGo(ctx, os, ""); err != nil {
		return fmt.Errorf("handing back outreach: %w", err)
	}
	return nil
}

// Route hands claimed outreach back into the queue of a lane, where it waits until
// that lane has room.
func (s *Store) Route(ctx context.Context, os []Outreach, lane string) error {
	if err := s.letGo(ctx, os, lane); err != nil {
		return fmt.Errorf("routing outreach: %w", err)
	}
	return nil
}

// letGo ends claims, each guarded by its token, which what has begun or is finished no
// longer has; with a lane the rows move there. The states are not named: PostgreSQL,
// with statistics from before a campaign, would look for the rows in the queue.
func (s *Store) letGo(ctx context.Context, os []Outreach, lane string) error {
	if len(os) == 0 {
		return nil
	}
	set, cols := "claim_token = null, claim_until = null", []column{{"id", "uuid"}, {"token", "uuid"}}
	if lane != "" {
		set, cols = set+", lane = v.lane", append(cols, column{"lane", "text"})
	}
	return s.Tx(ctx, RankRecord, func(tx *Tx) error {
		for _, part := range chunks(os, chunkRows) {
			rows := make([][]any, len(part))
			for i, o := range part {
				rows[i] = []any{o.ID, o.ClaimToken, lane}[:len(cols)]
			}
			if _, err := tx.change(ctx, cols, rows, "update outreach set "+set+" from v where outreach.id = v.id and outreach.claim_token = v.token returning outreach.id"); err != nil {
				return err
			}
		}
		return nil
	})
}

// MessageQueue is what waits to be sent from one address.
type MessageQueue struct {
	Channel channels.Kind
	Sender  string
}

// MessageQueues lists the senders for which messages are queued: answers, retries,
// messages about callbacks.
func (s *Store) MessageQueues(ctx context.Context) ([]MessageQueue, error) {
	var out []MessageQueue
	var at MessageQueue
	last := -1
	for {
		q, err := collect(ctx, s.read, func(r *sql.Rows) (q MessageQueue, err error) { return q, r.Scan(&q.Channel, &q.Sender) },
			`select channel, sender from message where direction = 'out' and state = 'queued' and (channel, sender, priority) > ($1, $2, $3) order by channel, sender, priority limit 1`, at.Channel, at.Sender, last)
		if err != nil {
			return nil, fmt.Errorf("reading the senders with messages: %w", err)
		}
		if len(q) == 0 {
			return out, nil
		}
		at, last = q[0], math.MaxInt32
		out = append(out, at)
	}
}

// ClaimMessages takes up to limit queued messages of a sender that are due, most
// urgent first, and none for an address to which somebody is sending: the next one
// of a chat leaves after the one before it. They stay queued until Begin.
func (s *Store) ClaimMessages(ctx context.Context, q MessageQueue, token string, limit int, business, machine time.Time, lease time.Duration) ([]Message, error) {
	return s.claimMessages(ctx, s.claimMessagesSQL(), token, at(machine.Add(lease)), at(business), at(machine), limit, q.Channel, q.Sender)
}

func (s *Store) claimMessagesSQL() string {
	// Materialized for the reason given at claimOutreachSQL.
	return `with due as materialized (select id from message where direction = 'out' and state = 'queued' and channel = $6 and sender = $7 and due_at <= $3
			and (retry_at is null or retry_at <= $4) and (claim_until is null or claim_until < $4)
			and not exists (select 1 from message s where s.direction = 'out' and s.state = 'sending' and s.channel = message.channel and s.address = message.address and s.claim_until >= $4)
			and not exists (select 1 from begun b where b.until >= $4 and b.addresses like '% ' || message.address || ' %' and not exists (select 1 from message r
				where r.contact_id = message.contact_id and r.created_at >= b.begun_at and r.address = message.address and b.messages like '% ' || r.id || ' %'))
			and not exists (select 1 from message s where s.contact_id = message.contact_id and s.direction = 'out' and s.state = 'queued' and s.channel = message.channel and s.address = message.address and s.claim_until >= $4)
			order by priority, due_at, id limit $5` + s.dialect.skipLocked + `)
		update message set claim_token = $1, claim_until = $2 where id in (select id from due) returning ` + messageCols
}

// ClaimUncertain takes messages whose outcome is not known: those whose lease in
// sending has passed, and those due for a question to the provider.
func (s *Store) ClaimUncertain(ctx context.Context, token string, limit int, business, machine time.Time, lease time.Duration) ([]Message, error) {
	if err := s.unfoldLate(ctx, machine); err != nil {
		return nil, fmt.Errorf("claiming messages: %w", err)
	}
	return s.claimMessages(ctx, s.claimUncertainSQL(), token, at(machine.Add(lease)), at(business), at(machine), limit)
}

func (s *Store) claimUncertainSQL() string {
	return `with due as materialized (select id from message where direction = 'out' and state = 'sending' and due_at <= $3
			and (retry_at is null or retry_at <= $4) and (claim_until is null or claim_until < $4)
			order by due_at, id limit $5` + s.dialect.skipLocked + `)
		update message set claim_token = $1, claim_until = $2 where id in (select id from due) returning ` + messageCols
}

func (s *Store) claimMessages(ctx context.Context, query string, args ...any) ([]Message, error) {
	out, err := alone(ctx, s, RankBulk, scanMessage, query, args...)
	if err != nil {
		return nil, fmt.Errorf("claiming messages: %w", err)
	}
	// RETURNING gives no order.
	slices.SortFunc(out, func(a, b Message) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), a.DueAt.Compare(b.DueAt), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// UnclaimMessages hands queued messages back untouched: a graceful stop.
func (s *Store) UnclaimMessages(ctx context.Context, ms []Message) error {
	if len(ms) == 0 {
		return nil
	}
	err := s.Tx(ctx, RankRecord, func(tx *Tx) error {
		for _, part := range chunks(ms, chunkRows) {
			rows := make([][]any, len(part))
			for i, m := range part {
				rows[i] = []any{m.ID, m.ClaimToken}
			}
			if _, err := tx.change(ctx, []column{{"id", "uuid"}, {"token", "uuid"}}, rows, "update message set claim_token = null, claim_until = null from v where message.id = v.id and message.claim_token = v.token and message.state = 'queued' returning message.id"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("handing back messages: %w", err)
	}
	return nil
}

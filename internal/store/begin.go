package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Begun is one message about to leave, with what it begins.
type Begun struct {
	Message Message
	// Outreach is set for the first message of a claimed outreach.
	Outreach *Outreach
	// Conversation is opened with the message; nil when none is.
	Conversation *Conversation
	// JudgedAt is the business time of the verdict on a message that counts for caps;
	// zero for others. When something that counts has begun for the same person since,
	// on another node perhaps, the verdict no longer holds and the message is not begun.
	JudgedAt time.Time
}

// finish is what begin does to the outreach of a message; see finishSQL.
func (b Begun) finish() []any {
	o := b.Outreach
	return []any{o.ID, o.ClaimToken, b.Message.Channel, o.Rule, o.Inputs, at(b.JudgedAt), o.ContactID}
}

var finishCols = []column{{"id", "uuid"}, {"token", "uuid"}, {"channel", "text"}, {"rule", "text"}, {"inputs", "text"}, {"judged", "bigint"}, {"contact", "uuid"}}

// With a limit the subquery is asked for each row by its index: as a bare "not exists"
// PostgreSQL may read all rows once and remember them. It names only what the list
// brings: asked of the outreach's own contact, it made finding a row look so dear when
// PostgreSQL took each person to have many that it read all outreach instead.
const finishSQL = `update outreach set state = 'done', channel = v.channel, rule = v.rule, inputs = v.inputs, claim_token = null, claim_until = null, updated_at = $1
	from v where outreach.id = v.id and outreach.claim_token = v.token
	and (v.judged is null or (select o.id from outreach o where o.contact_id = v.contact and o.state = 'done' and o.updated_at >= v.judged and o.channel <> 'phone'
		and o.purpose in ('survey', 'reminder', 'greeting', 'ad') order by o.program limit 1) is null)`

// Begin writes messages as sending before their first byte leaves: one durable
// commit for the group (design.md step 6). It returns the ids that may be sent; a
// message whose claim was lost is not among them. Messages with a Group, the same for
// all, have no rows of their own before Record on PostgreSQL; see begun.go.
func (s *Store) Begin(ctx context.Context, group []Begun, business, machine time.Time, lease time.Duration) (map[string]bool, error) {
	if len(group) == 0 {
		return nil, nil
	}
	var ok map[string]bool
	if s.pool != nil && !slices.ContainsFunc(group, func(b Begun) bool { return b.Outreach == nil }) {
		return s.beginAtOnce(ctx, group, business, machine.Add(lease))
	}
	err := s.Tx(ctx, RankRecord, func(tx *Tx) error {
		ok = make(map[string]bool, len(group))
		for _, part := range chunks(group, chunkRows) {
			if err := tx.begin(ctx, part, ok, business, machine.Add(lease)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("beginning messages: %w", err)
	}
	return ok, nil
}

func (t *Tx) begin(ctx context.Context, group []Begun, ok map[string]bool, business, until time.Time) error {
	var fresh, queued [][]any
	byOutreach := map[string]Begun{}
	for _, b := range group {
		if b.Outreach == nil {
			queued = append(queued, []any{b.Message.ID, b.Message.ClaimToken})
			continue
		}
		o := b.Outreach
		byOutreach[o.ID] = b
		fresh = append(fresh, b.finish())
	}
	if len(fresh) > 0 {
		ids, err := t.change(ctx, finishCols, fresh, finishSQL+" returning outreach.id", at(business))
		if err != nil {
			return err
		}
		if err := t.insertBegun(ctx, ids, byOutreach, ok, business, until); err != nil {
			return err
		}
	}
	if len(queued) == 0 {
		return nil
	}
	ids, err := t.change(ctx, []column{{"id", "uuid"}, {"token", "uuid"}}, queued, `update message set state = 'sending', claim_until = $1, updated_at = $2
		from v where message.id = v.id and message.claim_token = v.token and message.state = 'queued' returning message.id`, at(until), at(business))
	if err != nil {
		return err
	}
	for _, id := range ids {
		ok[id] = true
	}
	return nil
}

func (t *Tx) insertBegun(ctx context.Context, outreachIDs []string, by map[string]Begun, ok map[string]bool, business, until time.Time) error {
	var convs []Conversation
	var rows [][]any
	for _, id := range outreachIDs {
		b := by[id]
		if b.Conversation != nil {
			convs = append(convs, *b.Conversation)
		}
		row, err := messageRow(b.Message, until, business)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		ok[b.Message.ID] = true
	}
	if err := t.openConversations(ctx, convs, business); err != nil {
		return err
	}
	_, err := insert(ctx, t, "message", messageInsert, rows, "")
	return err
}

// beginAtOnce is Begin for the first messages of outreach on PostgreSQL, which is what a
// campaign does most: the outreach by arrays, the new rows by COPY, one commit.
func (s *Store) beginAtOnce(ctx context.Context, group []Begun, business, until time.Time) (ok map[string]bool, err error) {
	a := newArrays(finishNative, len(group))
	for i := range group {
		b := &group[i]
		o := b.Outreach
		a.cols[0].id(o.ID)
		a.cols[1].id(o.ClaimToken)
		a.cols[2].text(string(b.Message.Channel))
		a.cols[3].text(o.Rule)
		a.cols[4].text(o.Inputs)
		a.cols[5].moment(b.JudgedAt)
		a.cols[6].id(o.ContactID)
		a.cols[7].integer(int64(i))
	}
	params, err := a.after(instant(business))
	if err != nil {
		return nil, fmt.Errorf("beginning messages: %w", err)
	}
	err = s.again(ctx, func(c *pgx.Conn) error {
		ok, err = beginOn(ctx, c, group, params, business, until)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("beginning messages: %w", err)
	}
	return ok, nil
}

var (
	finishNative = append(finishCols[:len(finishCols):len(finishCols)], column{"n", "bigint"})
	// A group may hold an outreach twice, under a claim that was lost and one that
	// stands: what was begun goes by the place in the group.
	nativeFinish = native{"finish", unnested(1, finishNative) + finishSQL + " returning v.n"}
)

func beginOn(ctx context.Context, c *pgx.Conn, group []Begun, params [][]byte, business, until time.Time) (map[string]bool, error) {
	tx, err := c.Begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(ctx) }() // after Commit this does nothing
	ok := make(map[string]bool, len(group))
	messages, conversations := newCopyRows(len(group), len(messageInsert)), newCopyRows(len(group), len(conversationInsert))
	opened := 0
	r, err := nativeFinish.run(ctx, c, params...)
	if err := each(r, err, func(row *cells) {
		b := &group[row.integer()]
		ok[b.Message.ID] = true
		messages.message(&b.Message, until, business, business)
		if b.Conversation != nil {
			conversations.conversation(b.Conversation, business)
			opened++
		}
	}); err != nil {
		return nil, err
	}
	if opened > 0 {
		if _, err := copyInto(ctx, c, "conversation", conversationInsert, conversations); err != nil {
			return nil, err
		}
	}
	switch {
	case len(ok) == 0:
	case together(group):
		if err := fold(ctx, c, group, ok, messages, business, until); err != nil {
			return nil, err
		}
	default:
		if _, err := copyInto(ctx, c, "message", messageInsert, messages); err != nil {
			return nil, err
		}
	}
	return ok, tx.Commit(ctx)
}

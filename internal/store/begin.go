package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
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
	return []any{o.ID, o.ClaimToken, b.Message.Channel, o.Rule, o.Inputs, at(b.JudgedAt)}
}

var finishCols = []column{{"id", "uuid"}, {"token", "uuid"}, {"channel", "text"}, {"rule", "text"}, {"inputs", "text"}, {"judged", "bigint"}}

// With a limit the subquery is asked for each row by its index: as a bare "not exists"
// PostgreSQL may read all messages once and remember them.
const finishSQL = `update outreach set state = 'done', channel = v.channel, rule = v.rule, inputs = v.inputs, claim_token = null, claim_until = null, updated_at = $1
	from v where outreach.id = v.id and outreach.claim_token = v.token
	and (v.judged is null or (select m.id from message m where m.contact_id = outreach.contact_id and m.created_at >= v.judged and m.direction = 'out' and m.purpose in ('survey', 'reminder', 'greeting', 'ad')
		order by m.created_at limit 1) is null)`

// Begin writes messages as sending before their first byte leaves: one durable
// commit for the group (design.md step 6). It returns the ids that may be sent; a
// message whose claim was lost is not among them.
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

// beginAtOnce is Begin for the first messages of outreach on PostgreSQL: one statement,
// one round trip, one commit. It is what a campaign does most.
func (s *Store) beginAtOnce(ctx context.Context, group []Begun, business, until time.Time) (map[string]bool, error) {
	types, err := s.columnTypes(ctx, s.read)
	if err != nil {
		return nil, fmt.Errorf("beginning messages: %w", err)
	}
	var outreach, messages, conversations [][]any
	for _, b := range group {
		row, err := messageRow(b.Message, until, business)
		if err != nil {
			return nil, fmt.Errorf("beginning messages: %w", err)
		}
		conversation := ""
		if b.Conversation != nil {
			conversation = b.Conversation.ID
			conversations = append(conversations, conversationRow(*b.Conversation, business))
		}
		// A group may hold an outreach twice, under a claim that was lost and one that
		// stands: what is inserted goes by the message, not by the outreach.
		outreach, messages = append(outreach, append(b.finish(), b.Message.ID, opt(conversation))), append(messages, row)
	}
	q := atOnce{args: []any{at(business)}, types: types}
	q.b.WriteString("with v (id, token, channel, rule, inputs, judged, message, conversation) as (select * from ")
	q.unnest(outreach, func(i int) string {
		if i < len(finishCols) {
			return finishCols[i].typ
		}
		return "uuid"
	})
	q.b.WriteString("), o as (" + finishSQL + " returning v.message, v.conversation), c as (")
	q.insert("conversation", conversationInsert, conversations)
	q.b.WriteString(") ")
	q.insert("message", messageInsert, messages)
	q.b.WriteString(" returning id")
	if q.err != nil {
		return nil, fmt.Errorf("beginning messages: %w", q.err)
	}
	var ids []string
	for try := 1; ; try++ {
		ids, err = collect(ctx, s.read, func(r *sql.Rows) (id string, err error) { return id, r.Scan(&id) }, q.b.String(), q.args...)
		if err == nil || try == txTries || !s.dialect.retryable(err) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("beginning messages: %w", err)
	}
	ok := make(map[string]bool, len(ids))
	for _, id := range ids {
		ok[id] = true
	}
	return ok, nil
}

// atOnce writes a statement that carries several lists of rows.
type atOnce struct {
	b     strings.Builder
	args  []any
	types map[string]string
	err   error
}

// unnest writes rows as arrays, one a column.
func (q *atOnce) unnest(rows [][]any, typ func(i int) string) {
	n := 0
	if len(rows) > 0 {
		n = len(rows[0])
	}
	q.b.WriteString("unnest(")
	for i := range n {
		if i > 0 {
			q.b.WriteString(", ")
		}
		q.b.WriteString("cast($" + strconv.Itoa(len(q.args)+i+1) + " as " + typ(i) + "[])")
	}
	q.b.WriteString(")")
	args, err := transposed(rows, n)
	if err != nil && q.err == nil {
		q.err = err
	}
	q.args = append(q.args, args...)
}

// insert writes the rows whose ids o names in the column of that table; without rows
// it selects nothing.
func (q *atOnce) insert(table string, cols []string, rows [][]any) {
	if len(rows) == 0 {
		q.b.WriteString("select 1")
		return
	}
	names := strings.Join(cols, ", ")
	q.b.WriteString("insert into " + table + " (" + names + ") select * from ")
	q.unnest(rows, func(i int) string { return q.types[table+"."+cols[i]] })
	q.b.WriteString(" as x (" + names + ") where x.id in (select " + table + " from o)")
}

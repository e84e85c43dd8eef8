package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
)

// Filter narrows the lists of the API and the console; empty fields do not. Pages
// run from the newest to the oldest; After is the last id of the page before.
type Filter struct {
	DealerID, Order, Address, ContactID, After string
	Limit                                      int
}

// query builds "where … order by … limit …" for a table aliased x that has id,
// dealer_id and contact_id; byOrder is the condition for one order number, its
// parameter written $%[1]d. ErrNotFound when the cursor is no id. What concerns one
// person or order is few rows, to be found by the person: SQLite would rather read all of
// the dealer's where an index begins with him, and has no statistics to know better.
func (f Filter) query(byOrder string) (string, []any, error) {
	dealer := "x.dealer_id"
	if f.Order != "" || f.Address != "" || f.ContactID != "" {
		dealer = "coalesce(x.dealer_id, x.dealer_id)" // no index has this
	}
	where, args := " where "+dealer+" = $1", []any{key(f.DealerID)}
	add := func(cond string, v any) {
		args = append(args, v)
		where += fmt.Sprintf(" and "+cond, len(args))
	}
	if f.Order != "" {
		add(byOrder, f.Order)
	}
	if f.Address != "" {
		add("x.contact_id in (select contact_id from address where value = $%d)", f.Address)
	}
	if f.ContactID != "" {
		add("x.contact_id = $%d", key(f.ContactID))
	}
	if f.After != "" {
		last := key(f.After)
		if last == nil {
			return "", nil, fmt.Errorf("the row of the cursor: %w", ErrNotFound)
		}
		add("x.id < $%d", last)
	}
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 100
	}
	args = append(args, f.Limit)
	return where + fmt.Sprintf(" order by x.id desc limit $%d", len(args)), args, nil
}

// visitOfOrder finds rows about an order by its visit's customer: the large tables
// have their index by contact.
const visitOfOrder = "x.contact_id in (select contact_id from visit where order_no = $%[1]d) and x.visit_id in (select id from visit where order_no = $%[1]d)"

// ListedMessage is a message as lists show it.
type ListedMessage struct {
	ID, Direction  string
	Channel        channels.Kind
	State          outreach.MessageState
	Text           string
	At             time.Time
	ProviderID     string
	Order, Program string
	Code, Reason   string
}

// ListMessages lists messages.
func (s *Store) ListMessages(ctx context.Context, f Filter) ([]ListedMessage, error) {
	tail, args, err := f.query(`x.id in (select m.id from visit w join message m on m.contact_id = w.contact_id join outreach p on p.id = m.outreach_id and p.visit_id = w.id where w.order_no = $%[1]d
		union select m.id from visit w join message m on m.contact_id = w.contact_id join conversation p on p.id = m.conversation_id and p.visit_id = w.id where w.order_no = $%[1]d)`)
	if err != nil {
		return nil, err
	}
	return collect(ctx, s.read, func(r *sql.Rows) (m ListedMessage, err error) {
		var provider, order, program text
		var a moment
		err = r.Scan(&m.ID, &m.Direction, &m.Channel, &m.State, &m.Text, &a, &provider, &order, &program, &m.Code, &m.Reason)
		m.At, m.ProviderID, m.Order, m.Program = a.Time, string(provider), string(order), string(program)
		return m, err
	}, `select x.id, x.direction, x.channel, x.state, x.text, x.created_at, x.provider_id, v.order_no, o.program, x.code, x.reason
		from message x left join outreach o on o.id = x.outreach_id left join conversation c on c.id = x.conversation_id
		left join visit v on v.id = coalesce(o.visit_id, c.visit_id)`+tail, args...)
}

// ListedResponse is a conversation with its answers.
type ListedResponse struct {
	Conversation Conversation
	Order        string
	Answers      []Answer
}

// ListResponses lists conversations that hold at least one answer.
func (s *Store) ListResponses(ctx context.Context, f Filter) ([]ListedResponse, error) {
	tail, args, err := f.query(visitOfOrder)
	if err != nil {
		return nil, err
	}
	tail = " where exists (select 1 from answer a where a.conversation_id = x.id) and" + strings.TrimPrefix(tail, " where")
	cs, err := collect(ctx, s.read, scanConversation, "select "+strings.ReplaceAll(conversationCols, "c.", "x.")+" from conversation x"+tail, args...)
	if err != nil {
		return nil, fmt.Errorf("listing responses: %w", err)
	}
	ids, visits := make([]string, len(cs)), make([]string, 0, len(cs))
	for i, c := range cs {
		ids[i] = c.ID
		if c.VisitID != "" {
			visits = append(visits, c.VisitID)
		}
	}
	answers, err := s.Answers(ctx, ids)
	if err != nil {
		return nil, err
	}
	about, err := s.Visits(ctx, visits)
	if err != nil {
		return nil, err
	}
	out := make([]ListedResponse, len(cs))
	for i, c := range cs {
		out[i] = ListedResponse{c, about[c.VisitID].Order, answers[c.ID]}
	}
	return out, nil
}

// ListedDecision is why an outreach was sent, held, moved, merged or dropped.
type ListedDecision struct {
	ID, Order, Program, Step string
	Verdict, Rule, Inputs    string
	Until, At                time.Time
}

// ListDecisions lists decisions: the rows for hold, move, merge and drop, and for
// a sent outreach the outreach itself, which carries its own verdict.
func (s *Store) ListDecisions(ctx context.Context, f Filter) ([]ListedDecision, error) {
	query, args, err := f.decisions()
	if err != nil {
		return nil, err
	}
	return collect(ctx, s.read, func(r *sql.Rows) (d ListedDecision, err error) {
		var order text
		var until, a moment
		err = r.Scan(&d.ID, &order, &d.Program, &d.Step, &d.Verdict, &d.Rule, &d.Inputs, &until, &a)
		d.Order, d.Until, d.At = string(order), until.Time, a.Time
		return d, err
	}, query, args...)
}

// decisions is the query of ListDecisions.
func (f Filter) decisions() (string, []any, error) {
	tail, args, err := f.query(visitOfOrder)
	if err != nil {
		return "", nil, err
	}
	// Each half is narrowed and ended by itself: the union as a whole has no index.
	limit := fmt.Sprint(" order by id desc limit $", len(args))
	return `select id, order_no, program, step, verdict, rule, inputs, until, at from (
		select * from (select x.id, v.order_no, o.program, o.step, x.verdict, x.rule, x.inputs, x.until, x.at
			from decision x join outreach o on o.id = x.outreach_id left join visit v on v.id = o.visit_id` + strings.Replace(tail, "x.visit_id", "o.visit_id", 1) + `) as decided
		union all
		select * from (select x.id, v.order_no, x.program, x.step, case x.state when 'done' then 'send' when 'dropped' then 'drop' when 'superseded' then 'supersede' else 'merge' end, x.rule, x.inputs, cast(null as bigint), x.updated_at
			from outreach x left join visit v on v.id = x.visit_id
			where x.state in ('done', 'merged', 'dropped', 'superseded') and not exists (select 1 from decision d where d.outreach_id = x.id and d.verdict <> 'hold') and` + strings.TrimPrefix(tail, " where") + `) as carried) as both_kinds` + limit, args, nil
}

// Attempt is one try at a message that was not accepted.
type Attempt struct {
	At                  time.Time
	Class, Code, Detail string
}

// Attempts reads what went wrong with a message, oldest first.
func (s *Store) Attempts(ctx context.Context, messageID string) ([]Attempt, error) {
	return collect(ctx, s.read, func(r *sql.Rows) (a Attempt, err error) {
		var m moment
		err = r.Scan(&m, &a.Class, &a.Code, &a.Detail)
		a.At = m.Time
		return a, err
	}, "select at, class, code, detail from attempt where message_id = $1 order by at, id", key(messageID))
}

// NextDue tells when the next outreach becomes due; zero when none waits. It reads one
// entry of each queue.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	queues, err := s.Queues(ctx)
	var next time.Time
	for _, q := range queues {
		if next.IsZero() || q.Due.Before(next) {
			next = q.Due
		}
	}
	return next, err
}

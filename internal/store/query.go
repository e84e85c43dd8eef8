package store

import (
	"context"
	"database/sql"
	"fmt"
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
// dealer_id and contact_id; visit is the SQL for its visit id.
func (f Filter) query(visit string) (string, []any) {
	where, args := " where x.dealer_id = $1", []any{f.DealerID}
	add := func(cond string, v any) {
		args = append(args, v)
		where += fmt.Sprintf(" and "+cond, len(args))
	}
	if f.Order != "" {
		add(visit+" in (select id from visit where order_no = $%d)", f.Order)
	}
	if f.Address != "" {
		add("x.contact_id in (select contact_id from address where value = $%d)", f.Address)
	}
	if f.ContactID != "" {
		add("x.contact_id = $%d", f.ContactID)
	}
	if f.After != "" {
		add("x.id < $%d", f.After)
	}
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 100
	}
	args = append(args, f.Limit)
	return where + fmt.Sprintf(" order by x.id desc limit $%d", len(args)), args
}

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
	tail, args := f.query("coalesce(o.visit_id, c.visit_id)")
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
	tail, args := f.query("x.visit_id")
	type row struct{ id, order string }
	rows, err := collect(ctx, s.read, func(r *sql.Rows) (x row, err error) {
		var order text
		err = r.Scan(&x.id, &order)
		x.order = string(order)
		return x, err
	}, `select x.id, v.order_no from conversation x left join visit v on v.id = x.visit_id
		join (select distinct conversation_id from answer) a on a.conversation_id = x.id`+tail, args...)
	if err != nil {
		return nil, fmt.Errorf("listing responses: %w", err)
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.id
	}
	answers, err := s.Answers(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]ListedResponse, len(rows))
	for i, r := range rows {
		c, err := s.Conversation(ctx, r.id)
		if err != nil {
			return nil, fmt.Errorf("listing responses: %w", err)
		}
		out[i] = ListedResponse{c, r.order, answers[r.id]}
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
	tail, args := f.query("x.visit_id")
	return collect(ctx, s.read, func(r *sql.Rows) (d ListedDecision, err error) {
		var order text
		var until, a moment
		err = r.Scan(&d.ID, &order, &d.Program, &d.Step, &d.Verdict, &d.Rule, &d.Inputs, &until, &a)
		d.Order, d.Until, d.At = string(order), until.Time, a.Time
		return d, err
	}, `select x.id, v.order_no, x.program, x.step, x.verdict, x.rule, x.inputs, x.until, x.at from (
			select d.id, d.dealer_id, d.contact_id, o.visit_id, o.program, o.step, d.verdict, d.rule, d.inputs, d.until, d.at
			from decision d join outreach o on o.id = d.outreach_id
			union all
			select o.id, o.dealer_id, o.contact_id, o.visit_id, o.program, o.step,
				case o.state when 'done' then 'send' when 'dropped' then 'drop' when 'merged' then 'merge' else 'wait' end, o.rule, o.inputs, null, o.updated_at
			from outreach o where o.state in ('done', 'merged', 'dropped') and not exists (select 1 from decision d where d.outreach_id = o.id and d.verdict <> 'hold')
		) as x left join visit v on v.id = x.visit_id`+tail, args...)
}

// Attempts reads what went wrong with a message, oldest first.
type Attempt struct {
	At                  time.Time
	Class, Code, Detail string
}

// Attempts reads the attempts of a message that were not accepted.
func (s *Store) Attempts(ctx context.Context, messageID string) ([]Attempt, error) {
	return collect(ctx, s.read, func(r *sql.Rows) (a Attempt, err error) {
		var m moment
		err = r.Scan(&m, &a.Class, &a.Code, &a.Detail)
		a.At = m.Time
		return a, err
	}, "select at, class, code, detail from attempt where message_id = $1 order by at, id", messageID)
}

// NextDue tells when the next outreach becomes due; zero when none waits.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	m, err := one(ctx, s.read, func(r *sql.Rows) (m moment, err error) { return m, r.Scan(&m) },
		"select min(due_at) from outreach where state in ('planned', 'held', 'claimed')")
	return m.Time, err
}

// Counts are the sizes shown on the console's home page.
type Counts struct{ Contacts, Visits, Messages, Answers int64 }

// Counts counts rows of a dealer since a moment.
func (s *Store) Counts(ctx context.Context, dealerID string, since time.Time) (Counts, error) {
	return one(ctx, s.read, func(r *sql.Rows) (c Counts, err error) { return c, r.Scan(&c.Visits, &c.Messages, &c.Answers) },
		`select (select count(*) from visit where dealer_id = $1 and completed_at >= $2), (select count(*) from message m where m.dealer_id = $1 and m.created_at >= $2),
		(select count(*) from answer a join conversation c on c.id = a.conversation_id where c.dealer_id = $1 and c.updated_at >= $2)`, dealerID, at(since))
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"otklik/internal/outreach"
)

// History is what was sent to contacts and asked of them, for caps and tact.
type History struct {
	// Sent holds capped sends by purpose, newest first.
	Sent []PastSend
	// HumanContact is when a person last spoke with the contact.
	HumanContact time.Time
	// OpenCallback tells that a callback is open.
	OpenCallback bool
}

// PastSend is one capped send.
type PastSend struct {
	Purpose outreach.Purpose
	At      time.Time
}

// Histories reads what caps and tact must know of contacts since a moment.
func (s *Store) Histories(ctx context.Context, contactIDs []string, since time.Time) (map[string]History, error) {
	out := make(map[string]History, len(contactIDs))
	for _, part := range chunks(contactIDs, listRows) {
		from, args := s.dialect.each(1, part)
		type send struct {
			contact string
			p       PastSend
		}
		sends, err := collect(ctx, s.read, func(r *sql.Rows) (x send, err error) {
			var a moment
			err = r.Scan(&x.contact, &x.p.Purpose, &a)
			x.p.At = a.Time
			return x, err
		}, s.dialect.historySQL(from), append([]any{at(since)}, args...)...)
		if err != nil {
			return nil, fmt.Errorf("reading past sends: %w", err)
		}
		for _, x := range sends {
			h := out[x.contact]
			h.Sent = append(h.Sent, x.p)
			out[x.contact] = h
		}
		in, args := keys(0, part)
		type human struct {
			contact string
			at      time.Time
			open    int
		}
		hs, err := collect(ctx, s.read, func(r *sql.Rows) (x human, err error) {
			var a moment
			err = r.Scan(&x.contact, &a, &x.open)
			x.at = a.Time
			return x, err
		}, `select t.contact_id, max(s.at), sum(case when t.kind = 'callback' and t.state in ('open', 'claimed', 'asked') then 1 else 0 end)
			from task t left join task_step s on s.task_id = t.id and s.kind = 'reached' where t.contact_id in `+in+` group by t.contact_id`, args...)
		if err != nil {
			return nil, fmt.Errorf("reading calls: %w", err)
		}
		for _, x := range hs {
			h := out[x.contact]
			h.HumanContact, h.OpenCallback = x.at, x.open > 0
			out[x.contact] = h
		}
	}
	return out, nil
}

// AnsweredVisits tells for which visits the customer has answered a survey on any
// channel, or has an open conversation that holds an answer.
func (s *Store) AnsweredVisits(ctx context.Context, visitIDs []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, part := range chunks(visitIDs, listRows) {
		in, args := keys(0, part)
		ids, err := collect(ctx, s.read, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) },
			"select distinct v.id from visit v join conversation c on c.contact_id = v.contact_id and c.visit_id = v.id join answer a on a.conversation_id = c.id where v.id in "+in, args...)
		if err != nil {
			return nil, fmt.Errorf("reading answered visits: %w", err)
		}
		for _, id := range ids {
			out[id] = true
		}
	}
	return out, nil
}

// WrittenTo tells which contacts were written to before.
func (s *Store) WrittenTo(ctx context.Context, contactIDs []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, part := range chunks(contactIDs, listRows) {
		from, args := s.dialect.each(0, part)
		ids, err := collect(ctx, s.read, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) },
			"select c.id from "+from+" where (select m.id from message m where m.contact_id = c.id and m.direction = 'out' order by m.created_at limit 1) is not null", args...)
		if err != nil {
			return nil, fmt.Errorf("reading first contacts: %w", err)
		}
		for _, id := range ids {
			out[id] = true
		}
	}
	return out, nil
}

// historySQL reads the capped sends of the contacts c. PostgreSQL gets it as one
// question for each contact: planned while there were few messages, it would read all
// of them for each list of contacts.
func (d dialect) historySQL(from string) string {
	const sends = `m.direction = 'out' and m.created_at >= $1 and m.purpose in ('survey', 'reminder', 'greeting', 'ad') and m.outreach_id is not null
		and m.state not in ('failed', 'canceled', 'expired', 'queued')`
	if d.name == "postgres" {
		return "select c.id, m.purpose, m.at from " + from + " cross join lateral (select purpose, coalesce(sent_at, created_at) as at, created_at from message m where m.contact_id = c.id and " + sends +
			" order by m.created_at desc limit 1000) m order by m.created_at desc"
	}
	return "select c.id, m.purpose, coalesce(m.sent_at, m.created_at) from " + from + " join message m on m.contact_id = c.id where " + sends + " order by m.created_at desc"
}

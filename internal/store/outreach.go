package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
)

// Outreach is one planned contact of one person by one program for one occasion
// and step.
type Outreach struct {
	ID, DealerID, ContactID, VisitID string
	Program                          string
	ProgramVersion                   int
	// Occasion names what it is about (the visit's id), Step the program's step.
	Occasion, Step string
	Purpose        outreach.Purpose
	Priority       int
	// Channel is empty until it is chosen at the send; Phone opens a task.
	Channel                     channels.Kind
	State                       outreach.State
	DueAt, TargetAt, DeadlineAt time.Time
	ClaimToken                  string
	// Rule and Inputs are the verdict that the state rests on.
	Rule, Inputs string
	MergedInto   string
	CreatedAt    time.Time
}

const outreachCols = `outreach.id, outreach.dealer_id, outreach.contact_id, outreach.visit_id, outreach.program, outreach.program_version, outreach.occasion, outreach.step, outreach.purpose, outreach.priority,
	outreach.channel, outreach.state, outreach.due_at, outreach.target_at, outreach.deadline_at, outreach.claim_token, outreach.rule, outreach.inputs, outreach.merged_into, outreach.created_at`

func scanOutreach(r *sql.Rows) (o Outreach, err error) {
	var due, target, deadline, created moment
	var visit, token, merged text
	err = r.Scan(&o.ID, &o.DealerID, &o.ContactID, &visit, &o.Program, &o.ProgramVersion, &o.Occasion, &o.Step, &o.Purpose, &o.Priority,
		&o.Channel, &o.State, &due, &target, &deadline, &token, &o.Rule, &o.Inputs, &merged, &created)
	o.DueAt, o.TargetAt, o.DeadlineAt, o.CreatedAt = due.Time, target.Time, deadline.Time, created.Time
	o.VisitID, o.ClaimToken, o.MergedInto = string(visit), string(token), string(merged)
	return o, err
}

// OutreachByID reads one.
func (s *Store) OutreachByID(ctx context.Context, id string) (Outreach, error) {
	return one(ctx, s.read, scanOutreach, "select "+outreachCols+" from outreach where id = $1", key(id))
}

// DueBetween lists outreach not begun that is due in [from, to), for plans.
func (s *Store) DueBetween(ctx context.Context, dealerID string, from, to time.Time) ([]Outreach, error) {
	return collect(ctx, s.read, scanOutreach, "select "+outreachCols+` from outreach where dealer_id = $1 and state in ('planned', 'held', 'claimed')
		and due_at >= $2 and due_at < $3 order by due_at, id`, key(dealerID), at(from), at(to))
}

// ClaimOutreach takes up to limit due outreach under a token until the lease
// ends (machine time). What another holder left claimed past its lease is taken
// again: claimed is not begun.
func (s *Store) ClaimOutreach(ctx context.Context, token string, limit int, business, machine time.Time, lease time.Duration) ([]Outreach, error) {
	var out []Outreach
	err := s.Tx(ctx, RankBulk, func(tx *Tx) error {
		var err error
		out, err = collect(ctx, tx, scanOutreach, s.claimOutreachSQL(), token, at(machine.Add(lease)), at(business), at(machine), limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claiming outreach: %w", err)
	}
	// RETURNING gives no order.
	slices.SortFunc(out, func(a, b Outreach) int { return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

func (s *Store) claimOutreachSQL() string {
	// Materialized: as a plain subquery PostgreSQL may run it once for each row that
	// it meets, skip what it locked itself, and claim more than the limit.
	return `with due as materialized (select id from outreach where state in ('planned', 'held', 'claimed') and due_at <= $3
			and (state <> 'claimed' or claim_until < $4) order by due_at, id limit $5` + s.dialect.skipLocked + `)
		update outreach set state = 'claimed', claim_token = $1, claim_until = $2, updated_at = $3
		where id in (select id from due) returning ` + outreachCols
}

// Verdict is what was decided about a claimed outreach that does not go out now.
type Verdict struct {
	Outreach Outreach
	// State is Held, Dropped, Superseded, Merged or Done (a task was opened).
	State outreach.State
	// Verdict is the word of the decision: hold, drop, merge, task.
	Verdict string
	Rule    string
	Inputs  string
	// Until is when a held outreach is looked at again.
	Until time.Time
	// Task is opened with the verdict, in the same transaction.
	Task *Task
}

// Settle applies verdicts to claimed outreach, each guarded by its claim, with a
// decision row. A verdict whose claim was lost changes nothing.
func (s *Store) Settle(ctx context.Context, vs []Verdict, now time.Time) error {
	if len(vs) == 0 {
		return nil
	}
	err := s.Tx(ctx, RankRecord, func(tx *Tx) error {
		for _, part := range chunks(vs, chunkRows) {
			if err := tx.settle(ctx, part, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording decisions: %w", err)
	}
	return nil
}

func (t *Tx) settle(ctx context.Context, vs []Verdict, now time.Time) error {
	rows := make([][]any, len(vs))
	for i, v := range vs {
		due := v.Outreach.DueAt
		if v.State == outreach.Held {
			due = v.Until
		}
		rows[i] = []any{v.Outreach.ID, v.Outreach.ClaimToken, v.State, v.Rule, v.Inputs, at(due)}
	}
	with, args := t.s.dialect.values([]column{{"id", "uuid"}, {"token", "uuid"}, {"state", "text"}, {"rule", "text"}, {"inputs", "text"}, {"due", "bigint"}}, rows)
	kept, err := collect(ctx, t, func(r *sql.Rows) (id string, err error) { return id, r.Scan(&id) },
		with+fmt.Sprintf(`update outreach set state = v.state, rule = v.rule, inputs = v.inputs, due_at = v.due, claim_token = null, claim_until = null, updated_at = $%d
			from v where outreach.id = v.id and outreach.claim_token = v.token and outreach.state = 'claimed' returning outreach.id`, len(args)+1), append(args, at(now))...)
	if err != nil {
		return err
	}
	ours := make(map[string]bool, len(kept))
	for _, id := range kept {
		ours[id] = true
	}
	var decisions [][]any
	for _, v := range vs {
		if !ours[v.Outreach.ID] {
			continue
		}
		decisions = append(decisions, []any{t.NewID(), v.Outreach.DealerID, v.Outreach.ID, v.Outreach.ContactID, v.Verdict, v.Rule, at(v.Until), v.Inputs, at(now)})
		if v.Task != nil {
			if _, err := t.OpenTask(ctx, *v.Task, now); err != nil {
				return err
			}
		}
	}
	return t.decide(ctx, decisions)
}

func (t *Tx) decide(ctx context.Context, rows [][]any) error {
	_, err := insert(ctx, t, "decision", []string{"id", "dealer_id", "outreach_id", "contact_id", "verdict", "rule", "until", "inputs", "at"}, rows, "")
	return err
}

// Unclaim hands claimed outreach back untouched: a graceful stop.
func (s *Store) Unclaim(ctx context.Context, token string) error {
	_, err := s.exec(ctx, RankRecord, "update outreach set state = 'planned', claim_token = null, claim_until = null where claim_token = $1 and state = 'claimed'", token)
	if err != nil {
		return fmt.Errorf("handing back outreach: %w", err)
	}
	return nil
}

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
		in, args := keys(1, part)
		type send struct {
			contact string
			p       PastSend
		}
		sends, err := collect(ctx, s.read, func(r *sql.Rows) (x send, err error) {
			var a moment
			err = r.Scan(&x.contact, &x.p.Purpose, &a)
			x.p.At = a.Time
			return x, err
		}, `select contact_id, purpose, coalesce(sent_at, created_at) from message where direction = 'out' and created_at >= $1 and contact_id in `+in+`
			and purpose in ('survey', 'reminder', 'greeting', 'ad') and outreach_id is not null and state not in ('failed', 'canceled', 'expired', 'queued')
			order by created_at desc`, append([]any{at(since)}, args...)...)
		if err != nil {
			return nil, fmt.Errorf("reading past sends: %w", err)
		}
		for _, x := range sends {
			h := out[x.contact]
			h.Sent = append(h.Sent, x.p)
			out[x.contact] = h
		}
		in, args = keys(0, part)
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
			"select distinct c.visit_id from conversation c join answer a on a.conversation_id = c.id where c.visit_id in "+in, args...)
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
		in, args := keys(0, part)
		ids, err := collect(ctx, s.read, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) },
			"select distinct contact_id from message where direction = 'out' and contact_id in "+in, args...)
		if err != nil {
			return nil, fmt.Errorf("reading first contacts: %w", err)
		}
		for _, id := range ids {
			out[id] = true
		}
	}
	return out, nil
}

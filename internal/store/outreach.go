package store

import (
	"context"
	"database/sql"
	"fmt"
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
	// Lane is the queue that the dispatcher has put it into; "" until it has.
	Lane      string
	CreatedAt time.Time
}

const outreachCols = `outreach.id, outreach.dealer_id, outreach.contact_id, outreach.visit_id, outreach.program, outreach.program_version, outreach.occasion, outreach.step, outreach.purpose, outreach.priority,
	outreach.channel, outreach.state, outreach.due_at, outreach.target_at, outreach.deadline_at, outreach.claim_token, outreach.rule, outreach.inputs, outreach.merged_into, outreach.lane, outreach.created_at`

func scanOutreach(r *sql.Rows) (o Outreach, err error) {
	var due, target, deadline, created moment
	var visit, token, merged text
	err = r.Scan(&o.ID, &o.DealerID, &o.ContactID, &visit, &o.Program, &o.ProgramVersion, &o.Occasion, &o.Step, &o.Purpose, &o.Priority,
		&o.Channel, &o.State, &due, &target, &deadline, &token, &o.Rule, &o.Inputs, &merged, &o.Lane, &created)
	o.DueAt, o.TargetAt, o.DeadlineAt, o.CreatedAt = due.Time, target.Time, deadline.Time, created.Time
	o.VisitID, o.ClaimToken, o.MergedInto = string(visit), string(token), string(merged)
	return o, err
}

// outreach reads the columns outreachCols.
func (c *cells) outreach(known words) (o Outreach) {
	o.ID, o.DealerID, o.ContactID, o.VisitID = c.id(), c.id(), c.id(), c.id()
	o.Program, o.ProgramVersion = c.word(known), int(c.integer())
	o.Occasion, o.Step = c.text(), c.word(known)
	o.Purpose, o.Priority = outreach.Purpose(c.word(known)), int(c.integer())
	o.Channel, o.State = channels.Kind(c.word(known)), outreach.State(c.word(known))
	o.DueAt, o.TargetAt, o.DeadlineAt = c.moment(), c.moment(), c.moment()
	o.ClaimToken, o.Rule, o.Inputs, o.MergedInto = c.id(), c.word(known), c.text(), c.id()
	o.Lane, o.CreatedAt = c.word(known), c.moment()
	return o
}

// OutreachByID reads one.
func (s *Store) OutreachByID(ctx context.Context, id string) (Outreach, error) {
	return one(ctx, s.read, scanOutreach, "select "+outreachCols+" from outreach where id = $1", key(id))
}

// OutreachByIDs reads several by id; an id that nothing has is left out.
func (s *Store) OutreachByIDs(ctx context.Context, ids []string) (map[string]Outreach, error) {
	out := make(map[string]Outreach, len(ids))
	for _, part := range chunks(ids, listRows) {
		in, args := keys(0, part)
		os, err := collect(ctx, s.read, scanOutreach, "select "+outreachCols+" from outreach where id in "+in, args...)
		if err != nil {
			return nil, fmt.Errorf("reading outreach: %w", err)
		}
		for _, o := range os {
			out[o.ID] = o
		}
	}
	return out, nil
}

// OutreachOf lists what was and is planned for a contact, the latest first.
func (s *Store) OutreachOf(ctx context.Context, contactID string) ([]Outreach, error) {
	os, err := collect(ctx, s.read, scanOutreach, "select "+outreachCols+" from outreach where contact_id = $1 order by due_at desc, id limit 500", key(contactID))
	if err != nil {
		return nil, fmt.Errorf("reading a contact's outreach: %w", err)
	}
	return os, nil
}

// Fate is what became of an outreach.
type Fate struct {
	// At is when it was decided, or when its newest message was made.
	At time.Time
	// Verdict is send, task, drop, merge or supersede; hold while it is held, "" while it
	// is planned.
	Verdict string
	// MessageState, Code and Reason are those of its newest message.
	MessageState outreach.MessageState
	Code, Reason string
}

// verdicts are those of outreach that carries its own.
var verdicts = map[outreach.State]string{outreach.Done: "send", outreach.Dropped: "drop", outreach.Merged: "merge", outreach.Superseded: "supersede", outreach.Held: "hold"}

// Fates tells what became of outreach, by id.
func (s *Store) Fates(ctx context.Context, os []Outreach) (map[string]Fate, error) {
	out := make(map[string]Fate, len(os))
	ids := make([]string, len(os))
	for i := range os {
		ids[i] = os[i].ID
		out[os[i].ID] = Fate{At: os[i].DueAt, Verdict: verdicts[os[i].State]}
	}
	for _, part := range chunks(ids, listRows) {
		in, args := keys(0, part)
		if err := s.fates(ctx, out, in, args); err != nil {
			return nil, fmt.Errorf("reading what became of outreach: %w", err)
		}
	}
	return out, nil
}

func (s *Store) fates(ctx context.Context, out map[string]Fate, in string, args []any) error {
	type row struct {
		id string
		Fate
	}
	decided, err := collect(ctx, s.read, func(r *sql.Rows) (x row, err error) {
		var a moment
		err = r.Scan(&x.id, &x.Verdict, &a)
		x.At = a.Time
		return x, err
	}, "select outreach_id, verdict, at from decision where verdict <> 'hold' and outreach_id in "+in+" order by at", args...)
	if err != nil {
		return err
	}
	for _, x := range decided {
		out[x.id] = x.Fate
	}
	sent, err := collect(ctx, s.read, func(r *sql.Rows) (x row, err error) {
		var a moment
		err = r.Scan(&x.id, &x.MessageState, &x.Code, &x.Reason, &a)
		x.At = a.Time
		return x, err
	}, "select outreach_id, state, code, reason, created_at from message where direction = 'out' and outreach_id in "+in+" order by created_at", args...)
	for _, x := range sent {
		x.Verdict = out[x.id].Verdict
		out[x.id] = x.Fate
	}
	return err
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
	kept, err := t.change(ctx, []column{{"id", "uuid"}, {"token", "uuid"}, {"state", "text"}, {"rule", "text"}, {"inputs", "text"}, {"due", "bigint"}}, rows,
		`update outreach set state = v.state, rule = v.rule, inputs = v.inputs, due_at = v.due, claim_token = null, claim_until = null, updated_at = $1
			from v where outreach.id = v.id and outreach.claim_token = v.token returning outreach.id`, at(now))
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
			x, err := t.OpenTask(ctx, *v.Task, now)
			if err == nil && x.Kind == TaskLate && x.State == TaskClosed {
				err = t.reopen(ctx, x, v.Task.DueAt, now) // it could not leave in time once more
			}
			if err != nil {
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

package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Cutoffs are the moments (business time) before which rows have served their time;
// the zero value of one keeps its rows for ever.
type Cutoffs struct {
	// Messages are whole messages, and the conversations that nobody answered.
	Messages time.Time
	// Bodies are what was written and heard; the message stays.
	Bodies                        time.Time
	Outreach, Decisions, Attempts time.Time
	Idempotency                   time.Time
	Audit                         time.Time
	// Appointments and Prospects go a while after their last day and change. The newest
	// that tells whose customer somebody is stays.
	Appointments, Prospects time.Time
}

// Pruned tells how many rows of a table went; Body stands for emptied messages.
type Pruned map[string]int64

// PrunedBody counts messages whose text was emptied.
const PrunedBody = "body"

const (
	// pruneLook is how many rows one read looks at, pruneRows how many one
	// transaction takes.
	pruneLook = 500
	pruneRows = 100
	// pruneParts is how many parts of contents one transaction takes.
	pruneParts = 1
	// pruneAgain is when history is gone through once more from the beginning, for
	// what was needed when its turn came.
	pruneAgain = 30 * 24 * time.Hour
)

// What is unfinished, and what it needs. A conversation is over when it has not moved
// since the cutoff, $1, unless somebody is to read it: forms close after two weeks.
const (
	personAtWork    = " and not exists (select 1 from task t where t.contact_id = %[1]s.contact_id and t.state in ('open', 'claimed', 'asked'))"
	outreachOver    = " and not exists (select 1 from outreach o where o.id = %[1]s.outreach_id and o.state in ('planned', 'held', 'claimed'))"
	conversationOld = "(c.updated_at >= $1 or c.state = 'review')"
	// What a consent rests on, and the words of a task, a remark or a piece of
	// evidence, are kept for them.
	proof    = " and not exists (select 1 from consent c where c.message_id = message.id) and not exists (select 1 from suppression s where s.message_id = message.id)"
	evidence = " and not exists (select 1 from task t where t.message_id = message.id) and not exists (select 1 from task_step s where s.message_id = message.id) and not exists (select 1 from remark r where r.message_id = message.id)"
	// Nothing that is still to be planned, sent or done names a subject: an occasion begins
	// with its id.
	subjectOver = " and not exists (select 1 from event e where e.subject_id = %[1]s.id)" +
		" and not exists (select 1 from outreach o where o.contact_id = %[1]s.contact_id and o.state in ('planned', 'held', 'claimed') and substr(o.occasion, 1, 36) = cast(%[1]s.id as text))" + personAtWork
	visited = "exists (select 1 from visit v where v.contact_id = %[1]s.contact_id)"
	// A message that is over.
	messageOver = "message.created_at < $1 and message.state not in ('queued', 'sending') and not exists (select 1 from conversation c where c.id = message.conversation_id and " + conversationOld + ")"
)

// What may go of messages, whose look is bound to their columns.
var (
	bodyOver = messageOver + fmt.Sprintf(personAtWork, "message") + proof + fmt.Sprintf(outreachOver, "message")
	// The newest of those sent to a person stays: whether he was ever written to decides
	// how he is addressed.
	wholeOver = bodyOver + evidence +
		" and (message.direction = 'in' or message.contact_id is null or exists (select 1 from message n where n.contact_id = message.contact_id and n.direction = 'out' and (n.created_at, n.id) > (message.created_at, message.id)))"
)

const (
	contentsOf = "delete from attachment_part where attachment_id in (select id from attachment where message_id in %s)"
	partOf     = "exists (select 1 from attachment a join message on message.id = a.message_id where a.id = attachment_part.attachment_id and %s)"
)

// sweep is how one table is pruned: walked by its key, in which rows stand in the
// order of their making, and decided by its columns. $1 is the cutoff.
type sweep struct {
	name, table string
	// age is the column that grows along the key.
	age string
	// gone says which rows go.
	gone string
	// first are the children that go before, each with a place for the list of the rows' ids.
	first []string
	// do is what happens to them; "" deletes.
	do     string
	cutoff func(Cutoffs) time.Time
	// most is how many rows one transaction takes, pruneRows where it is zero.
	most int
}

// sweeps run in this order: children before what they hang on.
var sweeps = []sweep{
	{name: "attempt", table: "attempt", age: "at", cutoff: func(c Cutoffs) time.Time { return c.Attempts },
		gone: "attempt.at < $1 and not exists (select 1 from message m where m.id = attempt.message_id and m.state in ('queued', 'sending'))"},
	{name: "decision", table: "decision", age: "at", cutoff: func(c Cutoffs) time.Time { return c.Decisions },
		gone: "decision.at < $1" + fmt.Sprintf(outreachOver, "decision")},
	// Contents go before what they came with, few at a time: they are large.
	{name: "attachment_part", table: "attachment_part", age: "created_at", cutoff: func(c Cutoffs) time.Time { return c.Bodies }, most: pruneParts, gone: fmt.Sprintf(partOf, bodyOver)},
	{name: "attachment_part of messages", table: "attachment_part", age: "created_at", cutoff: func(c Cutoffs) time.Time { return c.Messages }, most: pruneParts, gone: fmt.Sprintf(partOf, wholeOver)},
	{name: PrunedBody, table: "message", age: "created_at", cutoff: func(c Cutoffs) time.Time { return c.Bodies },
		gone:  "(message.text <> '' or message.html <> '' or message.subject <> '' or message.reading <> '' or exists (select 1 from attachment a where a.message_id = message.id)) and " + bodyOver,
		first: []string{contentsOf, "delete from attachment where message_id in %s"},
		do:    "update message set subject = '', text = '', html = '', buttons = '', options = '', reading = ''"},
	{name: "message", table: "message", age: "created_at", cutoff: func(c Cutoffs) time.Time { return c.Messages },
		gone:  wholeOver,
		first: []string{"delete from attempt where message_id in %s", contentsOf, "delete from attachment where message_id in %s"}},
	{name: "conversation", table: "conversation", age: "opened_at", cutoff: func(c Cutoffs) time.Time { return c.Messages },
		gone: "conversation.updated_at < $1 and conversation.state <> 'review' and not exists (select 1 from answer a where a.conversation_id = conversation.id) and not exists (select 1 from task t where t.conversation_id = conversation.id)" +
			" and not exists (select 1 from remark r where r.conversation_id = conversation.id) and not exists (select 1 from message m where m.contact_id = conversation.contact_id and m.conversation_id = conversation.id)" +
			fmt.Sprintf(personAtWork, "conversation") + fmt.Sprintf(outreachOver, "conversation")},
	{name: "outreach", table: "outreach", age: "created_at", cutoff: func(c Cutoffs) time.Time { return c.Outreach },
		gone: "outreach.updated_at < $1 and outreach.state not in ('planned', 'held', 'claimed') and not exists (select 1 from task t where t.outreach_id = outreach.id)" +
			" and not exists (select 1 from conversation c where c.contact_id = outreach.contact_id and c.outreach_id = outreach.id and " + conversationOld + ")" +
			" and not exists (select 1 from message m where m.contact_id = outreach.contact_id and m.outreach_id = outreach.id and m.state in ('queued', 'sending'))",
		first: []string{"delete from decision where outreach_id in %s"}},
	// What homeDealer has something newer for.
	{name: "appointment", table: "appointment", age: "created_at", cutoff: func(c Cutoffs) time.Time { return c.Appointments },
		gone: "appointment.updated_at < $1 and coalesce(appointment.starts_at, appointment.updated_at) < $1" + fmt.Sprintf(subjectOver, "appointment") + " and (" + fmt.Sprintf(visited, "appointment") +
			" or exists (select 1 from prospect n where n.contact_id = appointment.contact_id) or exists (select 1 from appointment n where n.contact_id = appointment.contact_id and n.starts_at is not null" +
			" and (appointment.starts_at is null or (n.starts_at, n.id) > (appointment.starts_at, appointment.id))))"},
	{name: "prospect", table: "prospect", age: "created_at", cutoff: func(c Cutoffs) time.Time { return c.Prospects },
		gone: "prospect.updated_at < $1 and prospect.contacted_at < $1 and prospect.due_at < $1" + fmt.Sprintf(subjectOver, "prospect") + " and (" + fmt.Sprintf(visited, "prospect") +
			" or exists (select 1 from prospect n where n.contact_id = prospect.contact_id and (n.contacted_at, n.id) > (prospect.contacted_at, prospect.id)))"},
	{name: "audit", table: "audit", age: "at", cutoff: func(c Cutoffs) time.Time { return c.Audit }, gone: "audit.at < $1"},
}

// Prune removes what is older than its cutoff and nothing unfinished needs: in small
// transactions that let go between them and leave the database as much time as they
// took, so that it may take long. It remembers how far it has come and goes on there
// the next time. machine is machine time, for sessions and leases. What was pruned is
// told also when it fails; it may be called again then.
func (s *Store) Prune(ctx context.Context, c Cutoffs, machine time.Time) (Pruned, error) {
	out := Pruned{}
	var errs []error
	for _, w := range sweeps {
		cutoff := w.cutoff(c)
		if cutoff.IsZero() {
			continue
		}
		if err := s.sweep(ctx, w, cutoff, machine, out); err != nil {
			errs = append(errs, fmt.Errorf("pruning %s: %w", w.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	if err := s.pruneKeys(ctx, c.Idempotency, out); err != nil {
		errs = append(errs, fmt.Errorf("pruning idempotency keys: %w", err))
	}
	for table, statement := range map[string]string{"session": "delete from session where expires_at < $1", "lease": "delete from lease where until < $1"} {
		n, err := s.exec(ctx, RankBulk, statement, at(machine.Add(-24*time.Hour)))
		out[table] += n
		if err != nil {
			errs = append(errs, fmt.Errorf("pruning %s: %w", table, err))
		}
	}
	return out, errors.Join(errs...)
}

// walk is how far a sweep has come; it is kept as a setting of the poller's kind.
type walk struct {
	After string    `json:"after"`
	Began time.Time `json:"began"`
}

func (s *Store) sweep(ctx context.Context, w sweep, cutoff, machine time.Time, out Pruned) error {
	name := "prune:" + w.name
	text, err := s.Cursor(ctx, name)
	if err != nil {
		return err
	}
	var from walk
	if text == "" || json.Unmarshal([]byte(text), &from) != nil || machine.Sub(from.Began) > pruneAgain {
		from = walk{uuid.Nil.String(), machine}
	}
	was := from.After
	err = s.walk(ctx, w, cutoff, &from.After, out)
	if from.After == was {
		return err
	}
	there, failed := json.Marshal(from)
	if failed != nil {
		return errors.Join(err, failed)
	}
	// Also when the program is about to stop.
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, s.Tx(keep, RankBulk, func(tx *Tx) error { return tx.SetCursor(keep, name, string(there), machine) }))
}

// look is what reads the next rows, old or not, gone or not; $1 is the cutoff, $2 the last
// row that is done with.
func (w sweep) look() string {
	return fmt.Sprintf("select %[1]s.id, %[1]s.%[2]s < $1, %[3]s from %[1]s where %[1]s.id > $2 order by %[1]s.id limit %[4]d", w.table, w.age, w.gone, pruneLook)
}

// walk goes through a table from after on until its rows are young.
func (s *Store) walk(ctx context.Context, w sweep, cutoff time.Time, after *string, out Pruned) error {
	type row struct {
		id   string
		old  bool
		gone bool
	}
	look := w.look()
	for {
		rows, err := collect(ctx, s.read, func(r *sql.Rows) (x row, err error) { return x, r.Scan(&x.id, &x.old, &x.gone) }, look, at(cutoff), *after)
		if err != nil || len(rows) == 0 {
			return err
		}
		var ids []string
		old := false
		for _, r := range rows {
			old = old || r.old
			if r.gone {
				ids = append(ids, r.id)
			}
		}
		if !old {
			return nil
		}
		for _, part := range chunks(ids, cmp.Or(w.most, pruneRows)) {
			began := time.Now()
			n, err := s.remove(ctx, w, cutoff, part)
			out[w.name] += n
			if err != nil {
				return err
			}
			if err := rest(ctx, time.Since(began)); err != nil {
				return err
			}
		}
		// The rows up to the last old one are done with; among the young ones some may
		// have been made out of order.
		last := rows[len(rows)-1]
		for i := len(rows) - 1; !rows[i].old; i-- {
			last = rows[i-1]
		}
		*after = last.id
		if len(rows) < pruneLook {
			return nil
		}
	}
}

// remove prunes rows that were found to have served their time, unless that has
// changed meanwhile.
func (s *Store) remove(ctx context.Context, w sweep, cutoff time.Time, ids []string) (n int64, err error) {
	err = s.Tx(ctx, RankBulk, func(tx *Tx) error {
		in, args := keys(0, ids)
		lock := ""
		if s.pool != nil {
			lock = " for update" // against foreign keys too
		}
		// The rows first: who adds something to one of them now waits, or is seen.
		still, err := collect(ctx, tx, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) },
			"select id from "+w.table+" where id in "+in+" order by id"+lock, args...)
		if err != nil || len(still) == 0 {
			return err
		}
		in, args = keys(1, still)
		args = append([]any{at(cutoff)}, args...)
		if still, err = collect(ctx, tx, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) },
			"select id from "+w.table+" where "+w.gone+" and id in "+in, args...); err != nil || len(still) == 0 {
			return err
		}
		in, args = keys(0, still)
		for _, child := range w.first {
			if _, err := tx.ExecContext(ctx, fmt.Sprintf(child, in), args...); err != nil {
				return err
			}
		}
		do := w.do
		if do == "" {
			do = "delete from " + w.table
		}
		r, err := tx.ExecContext(ctx, do+" where id in "+in, args...)
		if err != nil {
			return err
		}
		n, err = r.RowsAffected()
		return err
	})
	return n, err
}

// pruneKeys removes idempotency keys; their table has no order in time, and is small.
func (s *Store) pruneKeys(ctx context.Context, cutoff time.Time, out Pruned) error {
	if cutoff.IsZero() {
		return nil
	}
	type mark struct{ token, key string }
	after := mark{uuid.Nil.String(), ""}
	for {
		type row struct {
			mark
			old bool
		}
		rows, err := collect(ctx, s.read, func(r *sql.Rows) (x row, err error) { return x, r.Scan(&x.token, &x.key, &x.old) },
			"select token_id, key, created_at < $1 from idempotency where (token_id, key) > ($2, $3) order by token_id, key limit $4", at(cutoff), after.token, after.key, pruneLook)
		if err != nil || len(rows) == 0 {
			return err
		}
		began := time.Now()
		err = s.Tx(ctx, RankBulk, func(tx *Tx) error {
			for _, r := range rows {
				if !r.old {
					continue
				}
				res, err := tx.ExecContext(ctx, "delete from idempotency where token_id = $1 and key = $2", r.token, r.key)
				if err != nil {
					return err
				}
				n, err := res.RowsAffected()
				if err != nil {
					return err
				}
				out["idempotency"] += n
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := rest(ctx, time.Since(began)); err != nil {
			return err
		}
		after = rows[len(rows)-1].mark
	}
}

// rest leaves the database to others for a while.
func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

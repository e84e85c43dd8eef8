package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"otklik/channels"
	"otklik/internal/outreach"
)

// Result is the outcome of one attempt with what follows from it.
type Result struct {
	Message    Message
	Receipt    channels.Receipt
	Err        *channels.Error // nil when accepted
	Transition outreach.Transition
	// At is when the outcome was known (business time).
	At time.Time
	// Task tells a person that the message will not arrive; nil for none.
	Task *Task
}

// Record applies outcomes in one commit, each guarded by the claim's token, and
// returns how many claims had been lost meanwhile. A delivery report that was
// faster than the record is kept.
func (s *Store) Record(ctx context.Context, rs []Result, business time.Time) (lost int, err error) {
	if grouped, rest := apart(rs); len(grouped) > 0 && s.pool != nil {
		done, err := s.recordBegun(ctx, grouped, business)
		if err != nil {
			return 0, fmt.Errorf("recording outcomes: %w", err)
		}
		if done {
			rs = rest
		}
	}
	if len(rs) == 0 {
		return 0, nil
	}
	if s.pool != nil && !slices.ContainsFunc(rs, Result.more) {
		return s.recordAlone(ctx, rs, business)
	}
	err = s.Tx(ctx, RankRecord, func(tx *Tx) error {
		lost = 0
		for _, part := range chunks(rs, chunkRows) {
			n, err := tx.record(ctx, part, business)
			if err != nil {
				return err
			}
			lost += n
		}
		return nil
	})
	if s.dialect.unique(err) {
		return s.recordSingly(ctx, rs, business)
	}
	if err != nil {
		return 0, fmt.Errorf("recording outcomes: %w", err)
	}
	return lost, nil
}

// apart divides outcomes by whether their messages have a group.
func apart(rs []Result) (grouped, rest []Result) {
	without := func(r Result) bool { return r.Message.Group == "" }
	if !slices.ContainsFunc(rs, without) {
		return rs, nil
	}
	for _, r := range rs {
		if without(r) {
			rest = append(rest, r)
		} else {
			grouped = append(grouped, r)
		}
	}
	return grouped, rest
}

// more tells that an outcome has more to write than its message.
func (r Result) more() bool { return r.Err != nil || r.Transition.Suppress != "" || r.Task != nil }

// recordAlone is Record for outcomes that change their messages only, on PostgreSQL:
// one statement, one round trip, one commit. It is what a campaign does most.
func (s *Store) recordAlone(ctx context.Context, rs []Result, business time.Time) (lost int, err error) {
	a := newArrays(recordCols, len(rs))
	for i := range rs {
		rs[i].arrays(a.cols)
	}
	params, err := a.after(instant(business))
	if err != nil {
		return 0, fmt.Errorf("recording outcomes: %w", err)
	}
	err = s.again(ctx, func(c *pgx.Conn) error {
		lost = len(rs)
		r, err := nativeRecord.run(ctx, c, params...)
		return each(r, err, func(*cells) { lost-- })
	})
	if s.dialect.unique(err) {
		return s.recordSingly(ctx, rs, business)
	}
	if err != nil {
		return 0, fmt.Errorf("recording outcomes: %w", err)
	}
	return lost, nil
}

var nativeRecord = native{"record", unnested(1, recordCols) + recordSQL}

// recordSingly is for a group in which a provider gave an id that another message
// has already: that one is kept without the id, and the others lose nothing.
func (s *Store) recordSingly(ctx context.Context, rs []Result, business time.Time) (lost int, err error) {
	if len(rs) == 1 {
		if rs[0].Receipt.ProviderID == "" {
			return 0, fmt.Errorf("recording an outcome: %w", ErrConflict)
		}
		r := rs[0]
		r.Receipt.ProviderID = ""
		return s.Record(ctx, []Result{r}, business)
	}
	for _, r := range rs {
		n, e := s.Record(ctx, []Result{r}, business)
		lost += n
		err = errors.Join(err, e)
	}
	return lost, err
}

// written is what an outcome writes into its message.
type written struct {
	code, reason string
	spent        int
	sent, done   time.Time
}

func (r *Result) written() (w written) {
	if r.Transition.Spent {
		w.spent = 1
	}
	if r.Err != nil {
		w.code, w.reason = r.Err.Code, r.Err.Class.String()
		if r.Err.Reason != "" {
			w.reason = string(r.Err.Reason)
		}
	}
	switch r.Transition.State {
	case outreach.Sent, outreach.Delivered, outreach.Undelivered:
		w.sent = r.At
	}
	if st := r.Transition.State; st != outreach.Queued && st != outreach.Sending && st != outreach.Sent {
		w.done = r.At
	}
	return w
}

func recordRows(rs []Result) [][]any {
	rows := make([][]any, len(rs))
	for i := range rs {
		r := &rs[i]
		w := r.written()
		rows[i] = []any{r.Message.ID, r.Message.ClaimToken, r.Transition.State, opt(r.Receipt.ProviderID), w.code, w.reason, w.spent, r.Transition.AskedMore,
			r.Receipt.Segments, at(r.Transition.DueAt), at(w.sent), at(w.done)}
	}
	return rows
}

// arrays appends what recordRows gives.
func (r *Result) arrays(cols []array) {
	w := r.written()
	cols[0].id(r.Message.ID)
	cols[1].id(r.Message.ClaimToken)
	cols[2].text(string(r.Transition.State))
	cols[3].optional(r.Receipt.ProviderID)
	cols[4].text(w.code)
	cols[5].text(w.reason)
	cols[6].integer(int64(w.spent))
	cols[7].integer(int64(r.Transition.AskedMore))
	cols[8].integer(int64(r.Receipt.Segments))
	cols[9].moment(r.Transition.DueAt)
	cols[10].moment(w.sent)
	cols[11].moment(w.done)
}

var recordCols = []column{{"id", "uuid"}, {"token", "uuid"}, {"state", "text"}, {"provider_id", "text"}, {"code", "text"}, {"reason", "text"},
	{"spent", "bigint"}, {"asked", "bigint"}, {"segments", "bigint"}, {"retry", "bigint"}, {"sent", "bigint"}, {"done", "bigint"}}

const recordSQL = `update message set
			state = case when message.state in ('sending', 'queued') then v.state else message.state end,
			provider_id = coalesce(message.provider_id, v.provider_id), code = case when v.code = '' then message.code else v.code end, reason = case when message.state in ('sending', 'queued') then v.reason else message.reason end,
			attempts = message.attempts + v.spent, asked = message.asked + v.asked, segments = case when v.segments > 0 then v.segments else message.segments end,
			retry_at = v.retry, sent_at = coalesce(message.sent_at, v.sent), done_at = coalesce(message.done_at, v.done),
			claim_token = null, claim_until = null, updated_at = $1
			from v where message.id = v.id and message.claim_token = v.token returning message.id`

func (t *Tx) record(ctx context.Context, rs []Result, business time.Time) (lost int, err error) {
	kept, err := t.change(ctx, recordCols, recordRows(rs), recordSQL, at(business))
	if err != nil {
		return 0, err
	}
	ours := make(map[string]bool, len(kept))
	for _, id := range kept {
		ours[id] = true
	}
	return len(rs) - len(kept), t.recordRest(ctx, rs, ours, business)
}

func (t *Tx) recordRest(ctx context.Context, rs []Result, ours map[string]bool, business time.Time) error {
	var attempts [][]any
	var dead []Suppression
	for _, r := range rs {
		if r.Err != nil {
			detail := ""
			if ours[r.Message.ID] { // else the message may have been erased, and the detail can name its address
				detail = r.Err.Error()
			}
			attempts = append(attempts, []any{t.NewID(), r.Message.ID, at(r.At), r.Err.Class.String(), r.Err.Code, detail})
		}
		if !ours[r.Message.ID] {
			continue
		}
		if r.Transition.Suppress != "" {
			dead = append(dead, Suppression{Channel: r.Message.Channel, Address: r.Message.Address, Purpose: AllPurposes, Reason: string(r.Transition.Suppress), At: r.At, MessageID: r.Message.ID})
		}
		if r.Task != nil {
			if _, err := t.OpenTask(ctx, *r.Task, business); err != nil {
				return err
			}
		}
	}
	if err := t.suppress(ctx, dead); err != nil {
		return err
	}
	_, err := insert(ctx, t, "attempt", []string{"id", "message_id", "at", "class", "code", "detail"}, attempts, "")
	return err
}

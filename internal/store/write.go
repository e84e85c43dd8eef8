package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// write carries out what the kept turns have changed: each table with one statement
// or two. Tasks come last, because the dealer's row is locked for their numbers.
func (g *Group) write(ctx context.Context) error {
	for _, t := range g.kept {
		for _, change := range t.first {
			if err := change(ctx, g.tx); err != nil {
				return err
			}
		}
	}
	for _, part := range []func(context.Context) error{g.writeConversations, g.writeMessages, g.writeAnswers, g.writeWords, g.writeTasks} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (g *Group) writeMessages(ctx context.Context) error {
	var rows [][]any
	for _, t := range g.kept {
		for _, m := range t.messages {
			row, err := messageRow(m.Message, time.Time{}, m.now)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
	}
	n, err := insert(ctx, g.tx, "message", messageInsert, rows, "on conflict (channel, direction, provider_id) where provider_id is not null do nothing")
	if err == nil && n < int64(len(rows)) {
		return fmt.Errorf("an event came twice at once: %w", ErrConflict)
	}
	return err
}

func (g *Group) writeConversations(ctx context.Context) error {
	var opened []Conversation
	var rows [][]any
	for _, t := range g.kept {
		opened = append(opened, t.opened...)
		for _, c := range t.conversations {
			rows = append(rows, []any{c.ID, c.Version, c.Position, c.State, c.Locale, c.Channel, c.Address, at(c.now), at(c.ClosedAt)})
		}
	}
	for _, c := range opened {
		if err := g.tx.openConversations(ctx, []Conversation{c}, c.OpenedAt); err != nil {
			return fmt.Errorf("opening a conversation: %w", err)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	done, err := g.tx.change(ctx, []column{{"id", "uuid"}, {"version", "bigint"}, {"position", "text"}, {"state", "text"}, {"locale", "text"}, {"channel", "text"}, {"address", "text"}, {"updated_at", "bigint"}, {"closed_at", "bigint"}},
		rows, `update conversation set position = v.position, state = v.state, locale = v.locale, channel = v.channel, address = v.address, version = conversation.version + 1, updated_at = v.updated_at, closed_at = v.closed_at
			from v where conversation.id = v.id and conversation.version = v.version returning conversation.id`)
	if err != nil {
		return fmt.Errorf("saving conversations: %w", err)
	}
	if len(done) < len(rows) {
		return fmt.Errorf("saving conversations: %w", ErrConflict)
	}
	return nil
}

func (g *Group) writeAnswers(ctx context.Context) error {
	var old, rows [][]any
	for _, t := range g.kept {
		for _, a := range t.answers {
			if a.ReplacedAt.IsZero() {
				old = append(old, []any{a.ConversationID, a.Question, at(a.now)})
			}
			rows = append(rows, answerRow(a.Answer, a.ID, a.now))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := g.tx.change(ctx, []column{{"conversation_id", "uuid"}, {"question", "text"}, {"replaced_at", "bigint"}}, old,
		`update answer set replaced_at = v.replaced_at from v where answer.conversation_id = v.conversation_id and answer.question = v.question and answer.replaced_at is null returning answer.id`); err != nil {
		return fmt.Errorf("replacing answers: %w", err)
	}
	if _, err := insert(ctx, g.tx, "answer", answerInsert, rows, ""); err != nil {
		return fmt.Errorf("saving answers: %w", err)
	}
	return nil
}

// writeWords writes what people asked for and told.
func (g *Group) writeWords(ctx context.Context) error {
	var suppressions []Suppression
	var consents, remarks [][]any
	for _, t := range g.kept {
		suppressions = append(suppressions, t.suppressions...)
		for _, c := range t.consents {
			consents = append(consents, consentRow(c, t.NewID()))
		}
		remarks = append(remarks, t.remarks...)
	}
	if err := g.tx.SuppressAll(ctx, suppressions); err != nil {
		return err
	}
	if _, err := insert(ctx, g.tx, "consent", consentInsert, consents, ""); err != nil {
		return fmt.Errorf("recording consents: %w", err)
	}
	if _, err := insert(ctx, g.tx, "remark", remarkInsert, remarks, ""); err != nil {
		return fmt.Errorf("adding remarks: %w", err)
	}
	return nil
}

func (g *Group) writeTasks(ctx context.Context) error {
	var fresh []*taskChange
	var rows, clocks, steps [][]any
	for _, t := range g.kept {
		for _, x := range t.tasks {
			switch {
			case x.changed && x.read == 0:
				fresh = append(fresh, x)
			case x.changed:
				rows = append(rows, taskChangeRow(x))
			}
			for _, c := range x.clocks {
				clocks = append(clocks, []any{x.ID, c.Kind, at(c.DueAt), at(c.MetAt)})
			}
		}
		steps = append(steps, t.steps...)
	}
	if err := g.saveTasks(ctx, rows); err != nil {
		return err
	}
	if err := g.openTasks(ctx, fresh); err != nil {
		return err
	}
	if _, err := insert(ctx, g.tx, "task_clock", clockInsert, clocks, clockConflict); err != nil {
		return fmt.Errorf("setting clocks: %w", err)
	}
	if _, err := insert(ctx, g.tx, "task_step", stepInsert, steps, ""); err != nil {
		return fmt.Errorf("adding steps: %w", err)
	}
	return nil
}

func taskChangeRow(x *taskChange) []any {
	return []any{x.ID, x.read, x.State, opt(x.OwnerID), x.Words, x.Severity, at(x.DueAt), at(x.ClaimedAt), at(x.ClosedAt), x.Outcome, x.Note, x.Agreed,
		at(x.NextContactAt), at(x.ConfirmedAt), x.ConfirmedBy, x.Reason, opt(x.ContactID), x.Version, at(x.now), opt(x.ConversationID)}
}

func (g *Group) saveTasks(ctx context.Context, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	done, err := g.tx.change(ctx, []column{{"id", "uuid"}, {"read", "bigint"}, {"state", "text"}, {"owner_id", "uuid"}, {"words", "text"}, {"severity", "bigint"}, {"due_at", "bigint"}, {"claimed_at", "bigint"}, {"closed_at", "bigint"},
		{"outcome", "text"}, {"note", "text"}, {"agreed", "text"}, {"next_contact_at", "bigint"}, {"confirmed_at", "bigint"}, {"confirmed_by", "text"}, {"reason", "text"}, {"contact_id", "uuid"}, {"version", "bigint"}, {"updated_at", "bigint"}, {"conversation_id", "uuid"}},
		rows, `update task set state = v.state, owner_id = v.owner_id, words = v.words, severity = v.severity, due_at = v.due_at, claimed_at = v.claimed_at, closed_at = v.closed_at, outcome = v.outcome, note = v.note, agreed = v.agreed,
			next_contact_at = v.next_contact_at, confirmed_at = v.confirmed_at, confirmed_by = v.confirmed_by, reason = v.reason, contact_id = v.contact_id, version = v.version, updated_at = v.updated_at, conversation_id = v.conversation_id
			from v where task.id = v.id and task.version = v.read returning task.id`)
	if err != nil {
		return fmt.Errorf("saving tasks: %w", err)
	}
	if len(done) < len(rows) {
		return fmt.Errorf("saving tasks: %w", ErrConflict)
	}
	return nil
}

// openTasks numbers and writes new tasks, a dealer's own in the order of their ids.
func (g *Group) openTasks(ctx context.Context, fresh []*taskChange) error {
	if len(fresh) == 0 {
		return nil
	}
	slices.SortFunc(fresh, func(a, b *taskChange) int { return cmp.Compare(a.ID, b.ID) })
	dealers := make([]string, len(fresh))
	for i, x := range fresh {
		dealers[i] = x.DealerID
	}
	in, args := keys(0, distinct(dealers))
	// The dealer's row is the lock on his numbers.
	if _, err := collect(ctx, g.tx, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }, "select id from dealer where id in "+in+" order by id"+g.tx.s.dialect.forUpdate, args...); err != nil {
		return fmt.Errorf("numbering tasks: %w", err)
	}
	last := map[string]int64{}
	rows := make([][]any, len(fresh))
	for i, x := range fresh {
		if _, known := last[x.DealerID]; !known {
			n, err := one(ctx, g.tx, func(r *sql.Rows) (n int64, err error) { return n, r.Scan(&n) }, "select coalesce(max(number), 0) from task where dealer_id = $1", x.DealerID)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return fmt.Errorf("numbering tasks: %w", err)
			}
			last[x.DealerID] = n
		}
		last[x.DealerID]++
		x.Number = last[x.DealerID]
		rows[i] = taskRow(x.Task, x.now)
	}
	if _, err := insert(ctx, g.tx, "task", taskInsert, rows, ""); err != nil {
		if g.tx.s.dialect.unique(err) {
			err = errors.Join(err, ErrConflict)
		}
		return fmt.Errorf("opening tasks: %w", err)
	}
	return nil
}

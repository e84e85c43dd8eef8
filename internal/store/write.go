package store

import (
	"cmp"
	"context"
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
	b := &batch{t: g.tx}
	for _, part := range []func(context.Context, *batch) error{g.writeConversations, g.writeMessages, g.writeAttachments, g.writeAnswers, g.writeWords} {
		if err := part(ctx, b); err != nil {
			return err
		}
	}
	return g.writeTasks(ctx, b)
}

func (g *Group) writeMessages(ctx context.Context, b *batch) error {
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
	// Fewer rows than messages: an event came twice at once.
	return b.insert(ctx, "storing messages", "message", messageInsert, rows, "on conflict (channel, direction, provider_id) where provider_id is not null do nothing", true)
}

func (g *Group) writeConversations(ctx context.Context, b *batch) error {
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
	return b.change("saving conversations", []column{{"id", "uuid"}, {"version", "bigint"}, {"position", "text"}, {"state", "text"}, {"locale", "text"}, {"channel", "text"}, {"address", "text"}, {"updated_at", "bigint"}, {"closed_at", "bigint"}},
		rows, `update conversation set position = v.position, state = v.state, locale = v.locale, channel = v.channel, address = v.address, version = conversation.version + 1, updated_at = v.updated_at, closed_at = v.closed_at
			from v where conversation.id = v.id and conversation.version = v.version`, true)
}

func (g *Group) writeAnswers(ctx context.Context, b *batch) error {
	var old, rows [][]any
	for _, t := range g.kept {
		for _, a := range t.answers {
			if a.ReplacedAt.IsZero() {
				old = append(old, []any{a.ConversationID, a.Question, at(a.now)})
			}
			rows = append(rows, answerRow(a.Answer, a.ID, a.now))
		}
	}
	if err := b.change("replacing answers", []column{{"conversation_id", "uuid"}, {"question", "text"}, {"replaced_at", "bigint"}}, old,
		`update answer set replaced_at = v.replaced_at from v where answer.conversation_id = v.conversation_id and answer.question = v.question and answer.replaced_at is null`, false); err != nil {
		return err
	}
	return b.insert(ctx, "saving answers", "answer", answerInsert, rows, "", false)
}

// writeWords writes what people asked for and told.
func (g *Group) writeWords(ctx context.Context, b *batch) error {
	var suppressions []Suppression
	var consents, remarks [][]any
	for _, t := range g.kept {
		suppressions = append(suppressions, t.suppressions...)
		for _, c := range t.consents {
			consents = append(consents, consentRow(c, t.NewID()))
		}
		remarks = append(remarks, t.remarks...)
	}
	if err := b.insert(ctx, "suppressing addresses", "suppression", suppressionInsert, suppressionRows(suppressions), suppressionConflict, false); err != nil {
		return err
	}
	if err := g.tx.overtake(ctx, suppressions); err != nil {
		return err
	}
	if err := b.insert(ctx, "recording consents", "consent", consentInsert, consents, "", false); err != nil {
		return err
	}
	return b.insert(ctx, "adding remarks", "remark", remarkInsert, remarks, "", false)
}

// writeTasks comes last, because the dealer's row is locked for their numbers.
func (g *Group) writeTasks(ctx context.Context, b *batch) error {
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
	if err := b.change("saving tasks", taskChangeCols, rows, taskChangeSQL, true); err != nil {
		return err
	}
	if err := g.openTasks(ctx, b, fresh); err != nil {
		return err
	}
	if err := b.insert(ctx, "setting clocks", "task_clock", clockInsert, clocks, clockConflict, false); err != nil {
		return err
	}
	if err := b.insert(ctx, "adding steps", "task_step", stepInsert, steps, "", false); err != nil {
		return err
	}
	err := b.run(ctx)
	if len(fresh) > 0 && g.tx.s.dialect.unique(err) {
		err = errors.Join(err, ErrConflict) // another group has opened such a task
	}
	return err
}

var taskChangeCols = []column{{"id", "uuid"}, {"read", "bigint"}, {"state", "text"}, {"owner_id", "uuid"}, {"words", "text"}, {"severity", "bigint"}, {"due_at", "bigint"}, {"claimed_at", "bigint"}, {"closed_at", "bigint"},
	{"outcome", "text"}, {"note", "text"}, {"agreed", "text"}, {"next_contact_at", "bigint"}, {"confirmed_at", "bigint"}, {"confirmed_by", "text"}, {"reason", "text"}, {"contact_id", "uuid"}, {"version", "bigint"}, {"updated_at", "bigint"}, {"conversation_id", "uuid"}, {"call_from", "bigint"}}

const taskChangeSQL = `update task set state = v.state, owner_id = v.owner_id, words = v.words, severity = v.severity, due_at = v.due_at, claimed_at = v.claimed_at, closed_at = v.closed_at, outcome = v.outcome, note = v.note, agreed = v.agreed,
	next_contact_at = v.next_contact_at, confirmed_at = v.confirmed_at, confirmed_by = v.confirmed_by, reason = v.reason, contact_id = v.contact_id, version = v.version, updated_at = v.updated_at, conversation_id = v.conversation_id, call_from = v.call_from
	from v where task.id = v.id and task.version = v.read`

func taskChangeRow(x *taskChange) []any {
	return []any{x.ID, x.read, x.State, opt(x.OwnerID), x.Words, x.Severity, at(x.DueAt), at(x.ClaimedAt), at(x.ClosedAt), x.Outcome, x.Note, x.Agreed,
		at(x.NextContactAt), at(x.ConfirmedAt), x.ConfirmedBy, x.Reason, opt(x.ContactID), x.Version, at(x.now), opt(x.ConversationID), at(x.CallFrom)}
}

// openTasks numbers and writes new tasks, a dealer's own in the order of their ids.
func (g *Group) openTasks(ctx context.Context, b *batch, fresh []*taskChange) error {
	if len(fresh) == 0 {
		return nil
	}
	slices.SortFunc(fresh, func(a, b *taskChange) int { return cmp.Compare(a.ID, b.ID) })
	dealers := make([]string, len(fresh))
	for i, x := range fresh {
		dealers[i] = x.DealerID
	}
	type row struct {
		dealer string
		number int64
	}
	last := map[string]int64{}
	d, set := g.tx.s.dialect, g.tx.s.dialect.idSet(dealers)
	// The dealer's row is the lock on his numbers.
	ask(b, "numbering tasks", func(r scanner) (v string, err error) { return v, r.Scan(&v) }, func(string) {}, "select d.id from dealer d where "+d.among("d.id", "uuid", 1)+" order by d.id"+d.forUpdate, set)
	ask(b, "numbering tasks", func(r scanner) (x row, err error) { return x, r.Scan(&x.dealer, &x.number) }, func(x row) { last[x.dealer] = x.number },
		"select d.id, coalesce((select t.number from task t where t.dealer_id = d.id order by t.number desc limit 1), 0) from dealer d where "+d.among("d.id", "uuid", 1), set)
	if err := b.run(ctx); err != nil {
		return err
	}
	rows := make([][]any, len(fresh))
	for i, x := range fresh {
		last[x.DealerID]++
		x.Number = last[x.DealerID]
		rows[i] = taskRow(x.Task, x.now)
	}
	return b.insert(ctx, "opening tasks", "task", taskInsert, rows, "", false)
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

// sameOccasion are the ids of the outreach of one person, program and occasion: the
// survey by his own channel and the call that follows it. Parameter n is one of them.
const sameOccasion = "select s.id from outreach o join outreach s on s.contact_id = o.contact_id and s.program = o.program and s.occasion = o.occasion where o.id = "

const conversationOfOccasion = "select " + conversationCols + " from conversation c where c.contact_id = (select contact_id from outreach where id = $1) and c.outreach_id in (" + sameOccasion + "$1) and c.survey = $2 order by c.opened_at desc, c.id desc limit 1"

// ConversationOfOccasion reads the newest conversation of a survey that the occasion of
// an outreach began, whichever step of its program.
func (s *Store) ConversationOfOccasion(ctx context.Context, outreachID, survey string) (Conversation, error) {
	return one(ctx, s.read, scanConversation, conversationOfOccasion, key(outreachID), survey)
}

// ConversationOfOccasion is that of Store, and locks what it reads.
func (t *Tx) ConversationOfOccasion(ctx context.Context, outreachID, survey string) (Conversation, error) {
	return one(ctx, t, scanConversation, conversationOfOccasion+t.s.dialect.forUpdate, key(outreachID), survey)
}

// ConversationOfOccasion reads and locks the newest conversation of a survey that the
// occasion of an outreach began.
func (t *Turn) ConversationOfOccasion(ctx context.Context, outreachID, survey string) (Conversation, error) {
	return t.g.tx.ConversationOfOccasion(ctx, outreachID, survey)
}

// askOccasions marks the outreach whose occasion has been answered.
func (d dialect) askOccasions(into map[string]bool, outreach string) question {
	return question{"answered occasions", "select distinct o.id from outreach o join outreach s on s.contact_id = o.contact_id and s.program = o.program and s.occasion = o.occasion join conversation c on c.contact_id = o.contact_id and c.outreach_id = s.id join answer a on a.conversation_id = c.id where " + d.among("o.id", "uuid", 1),
		[]any{outreach}, func(r *cells) { into[r.id()] = true }}
}

// OpenTasksOf reads and locks the open tasks of a kind that a contact has, the oldest
// first.
func (t *Tx) OpenTasksOf(ctx context.Context, contactID, kind string) ([]Task, error) {
	ids, err := collect(ctx, t, func(r *sql.Rows) (id string, err error) { return id, r.Scan(&id) },
		"select id from task where contact_id = $1 and kind = $2 and state in ('open', 'claimed', 'asked') order by opened_at, id", key(contactID), kind)
	if err != nil {
		return nil, fmt.Errorf("reading open tasks: %w", err)
	}
	var out []Task
	for _, id := range ids {
		x, err := t.Task(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("reading an open task: %w", err)
		}
		if x.State == TaskOpen || x.State == TaskClaimed || x.State == TaskAsked {
			out = append(out, x)
		}
	}
	return out, nil
}

// OpenTasksOf reads and locks the open tasks of a kind that a contact has, the oldest
// first.
func (t *Turn) OpenTasksOf(ctx context.Context, contactID, kind string) ([]Task, error) {
	var out []Task
	for {
		next := func(x *Task) bool {
			return x.ContactID == contactID && x.Kind == kind && (x.State == TaskOpen || x.State == TaskClaimed || x.State == TaskAsked) &&
				!slices.ContainsFunc(out, func(o Task) bool { return o.ID == x.ID })
		}
		x := t.task(next)
		if x == nil {
			break
		}
		out = append(out, x.Task)
	}
	if _, known := t.g.contacts[contactID]; known || len(out) > 0 {
		return out, nil
	}
	x, err := t.g.tx.OpenTaskOf(ctx, contactID, kind)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []Task{t.take(x).Task}, nil
}

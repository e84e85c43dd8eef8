package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"otklik/channels"
)

// States of a conversation.
const (
	ConversationOpen   = "open"
	ConversationReview = "review" // waits for a person to read what was unclear
	ConversationDone   = "done"
)

// Conversation is where one person stands in one survey, whatever the channel.
// Position is the survey engine's state as JSON; Version grows with each change.
type Conversation struct {
	ID, DealerID, ContactID, OutreachID, VisitID, TaskID string
	Survey                                               string
	SurveyVersion                                        int
	Locale                                               string
	Channel                                              channels.Kind
	Address                                              string
	State                                                string
	Position                                             string
	Version                                              int64
	// Token names the conversation in form links, reply addresses and buttons.
	Token    string
	OpenedAt time.Time
	ClosedAt time.Time
	// UpdatedAt is when it last moved.
	UpdatedAt time.Time
}

const conversationCols = "c.id, c.dealer_id, c.contact_id, c.outreach_id, c.visit_id, c.task_id, c.survey, c.survey_version, c.locale, c.channel, c.address, c.state, c.position, c.version, c.token, c.opened_at, c.closed_at, c.updated_at"

func scanConversation(r scanner) (c Conversation, err error) {
	var out, visit, task text
	var opened, closed, updated moment
	err = r.Scan(&c.ID, &c.DealerID, &c.ContactID, &out, &visit, &task, &c.Survey, &c.SurveyVersion, &c.Locale, &c.Channel, &c.Address, &c.State, &c.Position, &c.Version, &c.Token, &opened, &closed, &updated)
	c.OutreachID, c.VisitID, c.TaskID = string(out), string(visit), string(task)
	c.OpenedAt, c.ClosedAt, c.UpdatedAt = opened.Time, closed.Time, updated.Time
	return c, err
}

// OpenConversation writes a new conversation.
func (t *Tx) OpenConversation(ctx context.Context, c Conversation, now time.Time) error {
	return t.openConversations(ctx, []Conversation{c}, now)
}

var conversationInsert = []string{"id", "dealer_id", "contact_id", "outreach_id", "visit_id", "task_id", "survey", "survey_version", "locale", "channel", "address",
	"state", "position", "version", "token", "opened_at", "updated_at"}

func conversationRow(c Conversation, now time.Time) []any {
	return []any{c.ID, c.DealerID, c.ContactID, opt(c.OutreachID), opt(c.VisitID), opt(c.TaskID), c.Survey, c.SurveyVersion, c.Locale, c.Channel, c.Address,
		c.State, c.Position, 1, c.Token, at(now), at(now)}
}

// conversation writes the columns conversationInsert.
func (c *copyRows) conversation(x *Conversation, now time.Time) {
	c.row()
	for _, id := range [...]string{x.ID, x.DealerID, x.ContactID, x.OutreachID, x.VisitID, x.TaskID} {
		c.id(id)
	}
	c.text(x.Survey)
	c.integer(int64(x.SurveyVersion))
	for _, s := range [...]string{x.Locale, string(x.Channel), x.Address, x.State, x.Position} {
		c.text(s)
	}
	c.integer(1)
	c.text(x.Token)
	c.moment(now)
	c.moment(now)
}

func (t *Tx) openConversations(ctx context.Context, cs []Conversation, now time.Time) error {
	rows := make([][]any, len(cs))
	for i, c := range cs {
		rows[i] = conversationRow(c, now)
	}
	_, err := insert(ctx, t, "conversation", conversationInsert, rows, "")
	return err
}

// SaveConversation writes a changed position. ErrConflict when it moved since it
// was read.
func (t *Tx) SaveConversation(ctx context.Context, c Conversation, now time.Time) (int64, error) {
	if c.State == ConversationDone && c.ClosedAt.IsZero() {
		c.ClosedAt = now
	}
	r, err := t.ExecContext(ctx, `update conversation set position = $3, state = $4, locale = $5, channel = $6, address = $7, version = version + 1, updated_at = $8, closed_at = $9
		where id = $1 and version = $2`, c.ID, c.Version, c.Position, c.State, c.Locale, c.Channel, c.Address, at(now), at(c.ClosedAt))
	if err != nil {
		return 0, fmt.Errorf("saving a conversation: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return 0, fmt.Errorf("conversation %s: %w", c.ID, ErrConflict)
	}
	return c.Version + 1, nil
}

// Conversation reads one.
func (s *Store) Conversation(ctx context.Context, id string) (Conversation, error) {
	return one(ctx, s.read, scanConversation, "select "+conversationCols+" from conversation c where c.id = $1", key(id))
}

// ConversationByToken reads the one a form link names.
func (s *Store) ConversationByToken(ctx context.Context, token string) (Conversation, error) {
	return one(ctx, s.read, scanConversation, "select "+conversationCols+" from conversation c where c.token = $1", token)
}

// Conversation reads and locks one.
func (t *Tx) Conversation(ctx context.Context, id string) (Conversation, error) {
	return one(ctx, t, scanConversation, "select "+conversationCols+" from conversation c where c.id = $1"+t.s.dialect.forUpdate, key(id))
}

// ConversationByToken reads and locks the one a token names.
func (t *Tx) ConversationByToken(ctx context.Context, token string) (Conversation, error) {
	return one(ctx, t, scanConversation, "select "+conversationCols+" from conversation c where c.token = $1"+t.s.dialect.forUpdate, token)
}

// ConversationsOf lists a contact's conversations that were touched after a
// moment, the one that moved last first.
func (t *Tx) ConversationsOf(ctx context.Context, contactID string, since time.Time) ([]Conversation, error) {
	return collect(ctx, t, scanConversation, "select "+conversationCols+" from conversation c where c.contact_id = $1 and c.updated_at >= $2 order by c.updated_at desc, c.id desc limit 20"+t.s.dialect.forUpdate, key(contactID), at(since))
}

// ConversationsFor lists all conversations of a contact, newest first.
func (s *Store) ConversationsFor(ctx context.Context, contactID string) ([]Conversation, error) {
	return collect(ctx, s.read, scanConversation, "select "+conversationCols+" from conversation c where c.contact_id = $1 order by c.opened_at desc, c.id desc limit 50", key(contactID))
}

// ConversationOfOutreach reads the conversation that an outreach began.
func (s *Store) ConversationOfOutreach(ctx context.Context, outreachID string) (Conversation, error) {
	return one(ctx, s.read, scanConversation, "select "+conversationCols+" from conversation c where c.contact_id = (select contact_id from outreach where id = $1) and c.outreach_id = $1", key(outreachID))
}

// ConversationOfVisit reads and locks the newest conversation of a survey that a
// visit's customer has about it.
func (t *Tx) ConversationOfVisit(ctx context.Context, visitID, survey string) (Conversation, error) {
	return one(ctx, t, scanConversation, "select "+conversationCols+" from conversation c where c.contact_id = (select contact_id from visit where id = $1) and c.visit_id = $1 and c.survey = $2 order by c.opened_at desc limit 1"+t.s.dialect.forUpdate, key(visitID), survey)
}

// Answer is one answer of a conversation with the channel it came by. An answer
// that a later one replaced keeps its row (ReplacedAt).
type Answer struct {
	ID, ConversationID, Question string
	Rating                       *int
	Answer, Choice, Comment      string
	Channel                      channels.Kind
	MessageID, EmployeeID        string
	At, ReplacedAt               time.Time
}

const answerCols = "id, conversation_id, question, rating, answer, choice, comment, channel, message_id, employee_id, at, replaced_at"

func scanAnswer(r *sql.Rows) (a Answer, err error) {
	var rating sql.NullInt64
	var msg, emp text
	var when, replaced moment
	err = r.Scan(&a.ID, &a.ConversationID, &a.Question, &rating, &a.Answer, &a.Choice, &a.Comment, &a.Channel, &msg, &emp, &when, &replaced)
	if rating.Valid {
		n := int(rating.Int64)
		a.Rating = &n
	}
	a.MessageID, a.EmployeeID, a.At, a.ReplacedAt = string(msg), string(emp), when.Time, replaced.Time
	return a, err
}

var answerInsert = []string{"id", "conversation_id", "question", "rating", "answer", "choice", "comment", "channel", "message_id", "employee_id", "at", "replaced_at"}

func answerRow(a Answer, id string, now time.Time) []any {
	var rating any
	if a.Rating != nil {
		rating = *a.Rating
	}
	return []any{id, a.ConversationID, a.Question, rating, a.Answer, a.Choice, a.Comment, a.Channel, opt(a.MessageID), opt(a.EmployeeID), at(now), at(a.ReplacedAt)}
}

// SaveAnswer writes an answer; an earlier one to the same question is marked
// replaced and kept.
func (t *Tx) SaveAnswer(ctx context.Context, a Answer, now time.Time) error {
	if _, err := t.ExecContext(ctx, "update answer set replaced_at = $3 where conversation_id = $1 and question = $2 and replaced_at is null", a.ConversationID, a.Question, at(now)); err != nil {
		return fmt.Errorf("replacing an answer: %w", err)
	}
	a.ReplacedAt = time.Time{}
	if _, err := insert(ctx, t, "answer", answerInsert, [][]any{answerRow(a, t.NewID(), now)}, ""); err != nil {
		return fmt.Errorf("saving an answer: %w", err)
	}
	return nil
}

// Answers reads the standing answers of conversations, in the order given.
func (s *Store) Answers(ctx context.Context, conversationIDs []string) (map[string][]Answer, error) {
	out := map[string][]Answer{}
	for _, part := range chunks(conversationIDs, listRows) {
		in, args := keys(0, part)
		as, err := collect(ctx, s.read, scanAnswer, "select "+answerCols+" from answer where replaced_at is null and conversation_id in "+in+" order by at, id", args...)
		if err != nil {
			return nil, fmt.Errorf("reading answers: %w", err)
		}
		for _, a := range as {
			out[a.ConversationID] = append(out[a.ConversationID], a)
		}
	}
	return out, nil
}

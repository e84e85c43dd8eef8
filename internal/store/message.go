package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
)

// Directions of a message.
const (
	In  = "in"
	Out = "out"
)

// Message is one message in or out on one channel.
type Message struct {
	ID, DealerID, OutreachID, ConversationID, ContactID, TaskID string
	Direction                                                   string
	Channel                                                     channels.Kind
	// Sender is the dealer's address, Address the person's.
	Sender, Address string
	Purpose         outreach.Purpose
	// Template names the catalogue entry or survey part the text came from.
	Template            string
	Subject, Text, HTML string
	Buttons             [][]channels.Button
	Options             MessageOptions
	State               outreach.MessageState
	ProviderID          string
	Code, Reason        string
	Attempts, Asked     int
	Segments, Priority  int
	DueAt               time.Time
	// RetryAt is machine time: not before it is the message tried or asked about.
	RetryAt time.Time
	// AnswersAt is when the person wrote what this message answers; it exempts
	// the answer from quiet hours for a while (invariant 4).
	AnswersAt  time.Time
	ValidUntil time.Time
	ClaimToken string
	// Group is set for messages that begin together and whose outcomes are to be
	// recorded soon: an id of the group, see Begin. It is not kept.
	Group string
	// Reading is the reply parser's reading of an inbound message, as JSON.
	Reading    string
	EmployeeID string
	ProviderAt time.Time
	CreatedAt  time.Time
	SentAt     time.Time
	DoneAt     time.Time
}

// MessageOptions is what some channels need beside the text.
type MessageOptions struct {
	ToName      string `json:"to_name,omitempty"`
	ReplyTo     string `json:"reply_to,omitempty"`
	InReplyTo   string `json:"in_reply_to,omitempty"`
	Unsubscribe string `json:"unsubscribe,omitempty"`
	Edit        string `json:"edit,omitempty"`
	// Farewell marks the one message that tells a person of his own opt-out; it
	// may still go to the address (invariant 3).
	Farewell bool `json:"farewell,omitempty"`
	// Attachments of an inbound message by name.
	Attachments []string `json:"attachments,omitempty"`
	// Automatic marks an out-of-office note and the like.
	Automatic bool `json:"automatic,omitempty"`
	// FromName is the display name an inbound message came with.
	FromName string `json:"from_name,omitempty"`
}

// Outgoing is the message as its channel takes it.
func (m Message) Outgoing() channels.Message {
	return channels.Message{ID: m.ID, From: m.Sender, To: m.Address, ToName: m.Options.ToName, Subject: m.Subject, Text: m.Text, HTML: m.HTML,
		Buttons: m.Buttons, ReplyTo: m.Options.ReplyTo, InReplyTo: m.Options.InReplyTo, Unsubscribe: m.Options.Unsubscribe, Edit: m.Options.Edit, ValidUntil: m.ValidUntil}
}

const messageCols = `message.id, message.dealer_id, message.outreach_id, message.conversation_id, message.contact_id, message.task_id, message.direction, message.channel, message.sender, message.address, message.purpose,
	message.template, message.subject, message.text, message.html, message.buttons, message.options, message.state, message.provider_id, message.code, message.reason, message.attempts, message.asked, message.segments, message.priority,
	message.due_at, message.retry_at, message.answers_at, message.valid_until, message.claim_token, message.reading, message.employee_id, message.provider_at, message.created_at, message.sent_at, message.done_at`

func scanMessage(r scanner) (m Message, err error) {
	var out, conv, contact, task, provider, token, employee text
	var buttons, options string
	var due, retry, answers, valid, providerAt, created, sent, done moment
	err = r.Scan(&m.ID, &m.DealerID, &out, &conv, &contact, &task, &m.Direction, &m.Channel, &m.Sender, &m.Address, &m.Purpose,
		&m.Template, &m.Subject, &m.Text, &m.HTML, &buttons, &options, &m.State, &provider, &m.Code, &m.Reason, &m.Attempts, &m.Asked, &m.Segments, &m.Priority,
		&due, &retry, &answers, &valid, &token, &m.Reading, &employee, &providerAt, &created, &sent, &done)
	if err != nil {
		return m, err
	}
	m.OutreachID, m.ConversationID, m.ContactID, m.TaskID, m.ProviderID, m.ClaimToken, m.EmployeeID = string(out), string(conv), string(contact), string(task), string(provider), string(token), string(employee)
	m.DueAt, m.RetryAt, m.AnswersAt, m.ValidUntil, m.ProviderAt = due.Time, retry.Time, answers.Time, valid.Time, providerAt.Time
	m.CreatedAt, m.SentAt, m.DoneAt = created.Time, sent.Time, done.Time
	if buttons != "" {
		if err := json.Unmarshal([]byte(buttons), &m.Buttons); err != nil {
			return m, fmt.Errorf("buttons of message %s: %w", m.ID, err)
		}
	}
	if options != "" {
		if err := json.Unmarshal([]byte(options), &m.Options); err != nil {
			return m, fmt.Errorf("options of message %s: %w", m.ID, err)
		}
	}
	return m, nil
}

var messageInsert = []string{"id", "dealer_id", "outreach_id", "conversation_id", "contact_id", "task_id", "direction", "channel", "sender", "address", "purpose",
	"template", "subject", "text", "html", "buttons", "options", "state", "provider_id", "attempts", "segments", "priority",
	"due_at", "answers_at", "valid_until", "claim_token", "claim_until", "reading", "employee_id", "provider_at", "created_at", "done_at", "updated_at"}

// encoded are a message's buttons and options as they are stored.
func (m *Message) encoded() (buttons, options string, err error) {
	if len(m.Buttons) > 0 {
		b, err := json.Marshal(m.Buttons)
		if err != nil {
			return "", "", err
		}
		buttons = string(b)
	}
	b, err := json.Marshal(&m.Options)
	if err != nil {
		return "", "", err
	}
	if string(b) != "{}" {
		options = string(b)
	}
	return buttons, options, nil
}

func messageRow(m Message, claimUntil, now time.Time) ([]any, error) {
	buttons, options, err := m.encoded()
	if err != nil {
		return nil, err
	}
	return []any{m.ID, m.DealerID, opt(m.OutreachID), opt(m.ConversationID), opt(m.ContactID), opt(m.TaskID), m.Direction, m.Channel, m.Sender, m.Address, m.Purpose,
		m.Template, m.Subject, m.Text, m.HTML, buttons, options, m.State, opt(m.ProviderID), m.Attempts, m.Segments, m.Priority,
		at(m.DueAt), at(m.AnswersAt), at(m.ValidUntil), opt(m.ClaimToken), at(claimUntil), m.Reading, opt(m.EmployeeID), at(m.ProviderAt), at(now), at(m.DoneAt), at(now)}, nil
}

// message writes the columns messageInsert.
func (c *copyRows) message(m *Message, claimUntil, created, updated time.Time) {
	buttons, options, err := m.encoded()
	if err != nil && c.err == nil {
		c.err = err
	}
	c.row()
	for _, id := range [...]string{m.ID, m.DealerID, m.OutreachID, m.ConversationID, m.ContactID, m.TaskID} {
		c.id(id)
	}
	for _, s := range [...]string{m.Direction, string(m.Channel), m.Sender, m.Address, string(m.Purpose), m.Template, m.Subject, m.Text, m.HTML, buttons, options, string(m.State)} {
		c.text(s)
	}
	c.optional(m.ProviderID)
	for _, n := range [...]int{m.Attempts, m.Segments, m.Priority} {
		c.integer(int64(n))
	}
	for _, t := range [...]time.Time{m.DueAt, m.AnswersAt, m.ValidUntil} {
		c.moment(t)
	}
	c.id(m.ClaimToken)
	c.moment(claimUntil)
	c.text(m.Reading)
	c.id(m.EmployeeID)
	for _, t := range [...]time.Time{m.ProviderAt, created, m.DoneAt, updated} {
		c.moment(t)
	}
}

// Queue writes messages that the dispatcher will pick up.
func (t *Tx) Queue(ctx context.Context, ms []Message, now time.Time) error {
	rows := make([][]any, 0, len(ms))
	for _, m := range ms {
		if m.ID == "" {
			m.ID = t.NewID()
		}
		m.Direction, m.State = Out, outreach.Queued
		if m.DueAt.IsZero() {
			m.DueAt = now
		}
		row, err := messageRow(m, time.Time{}, now)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	_, err := insert(ctx, t, "message", messageInsert, rows, "")
	return err
}

// Defer lets go of a claimed queued message until later.
func (s *Store) Defer(ctx context.Context, m Message, due, retry time.Time, reason string) error {
	_, err := s.exec(ctx, RankRecord, `update message set due_at = $3, retry_at = $4, reason = $5, claim_token = null, claim_until = null
		where id = $1 and claim_token = $2 and state = 'queued'`, m.ID, m.ClaimToken, at(due), at(retry), reason)
	return err
}

// Cancel ends a claimed queued message that must not go out any more.
func (s *Store) Cancel(ctx context.Context, m Message, state outreach.MessageState, reason string, now time.Time) error {
	_, err := s.exec(ctx, RankRecord, `update message set state = $3, reason = $4, claim_token = null, claim_until = null, done_at = $5, updated_at = $5
		where id = $1 and claim_token = $2 and state = 'queued'`, m.ID, m.ClaimToken, state, reason, at(now))
	return err
}

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
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

func scanMessage(r *sql.Rows) (m Message, err error) {
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

func messageRow(m Message, claimUntil, now time.Time) ([]any, error) {
	var buttons, options string
	if len(m.Buttons) > 0 {
		b, err := json.Marshal(m.Buttons)
		if err != nil {
			return nil, err
		}
		buttons = string(b)
	}
	b, err := json.Marshal(m.Options)
	if err != nil {
		return nil, err
	}
	if string(b) != "{}" {
		options = string(b)
	}
	return []any{m.ID, m.DealerID, opt(m.OutreachID), opt(m.ConversationID), opt(m.ContactID), opt(m.TaskID), m.Direction, m.Channel, m.Sender, m.Address, m.Purpose,
		m.Template, m.Subject, m.Text, m.HTML, buttons, options, m.State, opt(m.ProviderID), m.Attempts, m.Segments, m.Priority,
		at(m.DueAt), at(m.AnswersAt), at(m.ValidUntil), opt(m.ClaimToken), at(claimUntil), m.Reading, opt(m.EmployeeID), at(m.ProviderAt), at(now), at(m.DoneAt), at(now)}, nil
}

// Begun is one message about to leave, with what it begins.
type Begun struct {
	Message Message
	// Outreach is set for the first message of a claimed outreach.
	Outreach *Outreach
	// Conversation is opened with the message; nil when none is.
	Conversation *Conversation
	// JudgedAt is the business time of the verdict on a message that counts for caps;
	// zero for others. When something that counts has begun for the same person since,
	// on another node perhaps, the verdict no longer holds and the message is not begun.
	JudgedAt time.Time
}

// Begin writes messages as sending before their first byte leaves: one durable
// commit for the group (design.md step 6). It returns the ids that may be sent; a
// message whose claim was lost is not among them.
func (s *Store) Begin(ctx context.Context, group []Begun, business, machine time.Time, lease time.Duration) (map[string]bool, error) {
	var ok map[string]bool
	err := s.Tx(ctx, RankRecord, func(tx *Tx) error {
		ok = make(map[string]bool, len(group))
		for _, part := range chunks(group, chunkRows) {
			if err := tx.begin(ctx, part, ok, business, machine.Add(lease)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("beginning messages: %w", err)
	}
	return ok, nil
}

func (t *Tx) begin(ctx context.Context, group []Begun, ok map[string]bool, business, until time.Time) error {
	var fresh, queued [][]any
	byOutreach := map[string]Begun{}
	for _, b := range group {
		if b.Outreach == nil {
			queued = append(queued, []any{b.Message.ID, b.Message.ClaimToken})
			continue
		}
		o := b.Outreach
		byOutreach[o.ID] = b
		fresh = append(fresh, []any{o.ID, o.ClaimToken, b.Message.Channel, o.Rule, o.Inputs, at(b.JudgedAt)})
	}
	if len(fresh) > 0 {
		ids, err := t.change(ctx, []column{{"id", "uuid"}, {"token", "uuid"}, {"channel", "text"}, {"rule", "text"}, {"inputs", "text"}, {"judged", "bigint"}}, fresh,
			`update outreach set state = 'done', channel = v.channel, rule = v.rule, inputs = v.inputs, claim_token = null, claim_until = null, updated_at = $1
				from v where outreach.id = v.id and outreach.claim_token = v.token
				and (v.judged is null or not exists (select 1 from message m where m.contact_id = outreach.contact_id and m.created_at >= v.judged and m.direction = 'out' and m.purpose in ('survey', 'reminder', 'greeting', 'ad')))
				returning outreach.id`, at(business))
		if err != nil {
			return err
		}
		if err := t.insertBegun(ctx, ids, byOutreach, ok, business, until); err != nil {
			return err
		}
	}
	if len(queued) == 0 {
		return nil
	}
	ids, err := t.change(ctx, []column{{"id", "uuid"}, {"token", "uuid"}}, queued, `update message set state = 'sending', claim_until = $1, updated_at = $2
		from v where message.id = v.id and message.claim_token = v.token and message.state = 'queued' returning message.id`, at(until), at(business))
	if err != nil {
		return err
	}
	for _, id := range ids {
		ok[id] = true
	}
	return nil
}

func (t *Tx) insertBegun(ctx context.Context, outreachIDs []string, by map[string]Begun, ok map[string]bool, business, until time.Time) error {
	var convs []Conversation
	var rows [][]any
	for _, id := range outreachIDs {
		b := by[id]
		if b.Conversation != nil {
			convs = append(convs, *b.Conversation)
		}
		row, err := messageRow(b.Message, until, business)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		ok[b.Message.ID] = true
	}
	if err := t.openConversations(ctx, convs, business); err != nil {
		return err
	}
	_, err := insert(ctx, t, "message", messageInsert, rows, "")
	return err
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

func (t *Tx) record(ctx context.Context, rs []Result, business time.Time) (lost int, err error) {
	rows := make([][]any, len(rs))
	for i, r := range rs {
		spent := 0
		if r.Transition.Spent {
			spent = 1
		}
		code, reason := "", ""
		if r.Err != nil {
			code, reason = r.Err.Code, r.Err.Class.String()
			if r.Err.Reason != "" {
				reason = string(r.Err.Reason)
			}
		}
		var sent, done time.Time
		switch r.Transition.State {
		case outreach.Sent, outreach.Delivered, outreach.Undelivered:
			sent = r.At
		}
		if st := r.Transition.State; st != outreach.Queued && st != outreach.Sending && st != outreach.Sent {
			done = r.At
		}
		rows[i] = []any{r.Message.ID, r.Message.ClaimToken, r.Transition.State, opt(r.Receipt.ProviderID), code, reason, spent, r.Transition.AskedMore,
			r.Receipt.Segments, at(r.Transition.DueAt), at(sent), at(done)}
	}
	kept, err := t.change(ctx, []column{{"id", "uuid"}, {"token", "uuid"}, {"state", "text"}, {"provider_id", "text"}, {"code", "text"}, {"reason", "text"},
		{"spent", "bigint"}, {"asked", "bigint"}, {"segments", "bigint"}, {"retry", "bigint"}, {"sent", "bigint"}, {"done", "bigint"}}, rows, `update message set
			state = case when message.state in ('sending', 'queued') then v.state else message.state end,
			provider_id = coalesce(message.provider_id, v.provider_id), code = case when v.code = '' then message.code else v.code end, reason = case when message.state in ('sending', 'queued') then v.reason else message.reason end,
			attempts = message.attempts + v.spent, asked = message.asked + v.asked, segments = case when v.segments > 0 then v.segments else message.segments end,
			retry_at = v.retry, sent_at = coalesce(message.sent_at, v.sent), done_at = coalesce(message.done_at, v.done),
			claim_token = null, claim_until = null, updated_at = $1
			from v where message.id = v.id and message.claim_token = v.token returning message.id`, at(business))
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
			if err := t.Suppress(ctx, Suppression{Channel: r.Message.Channel, Address: r.Message.Address, Purpose: AllPurposes,
				Reason: string(r.Transition.Suppress), At: r.At, MessageID: r.Message.ID}); err != nil {
				return err
			}
		}
		if r.Task != nil {
			if _, err := t.OpenTask(ctx, *r.Task, business); err != nil {
				return err
			}
		}
	}
	_, err := insert(ctx, t, "attempt", []string{"id", "message_id", "at", "class", "code", "detail"}, attempts, "")
	return err
}

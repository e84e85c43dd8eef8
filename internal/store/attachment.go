package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"
)

// AttachmentState says how it stands with the content of an attachment.
type AttachmentState string

// States of an attachment.
const (
	// AttachmentStaged: the content is there, its message is not stored yet.
	AttachmentStaged AttachmentState = "staged"
	// AttachmentWaiting: the content is to be fetched.
	AttachmentWaiting AttachmentState = "waiting"
	// AttachmentKept: the content is there.
	AttachmentKept AttachmentState = "kept"
	// AttachmentPlace: it is a location and has no content.
	AttachmentPlace AttachmentState = "place"
	// The content will not be had: it is larger than is allowed, the provider does not
	// have it any more, or has not given it for a day.
	AttachmentTooLarge AttachmentState = "too_large"
	AttachmentGone     AttachmentState = "gone"
	AttachmentFailed   AttachmentState = "failed"
)

// PartSize is the length in bytes of each part of a content but the last. It is short
// enough for SQLite's lock, and three divides it, so that an export's parts in base64 can
// be put behind each other.
const PartSize = 384 << 10

// StagedFor is how long a content may be without its message, in machine time.
const StagedFor = time.Hour

// Attachment is something that came beside an inbound message.
type Attachment struct {
	ID, MessageID string
	// Position is its place among the message's attachments, from 0.
	Position int
	Name     string
	// Type is the MIME type as the sender stated it; of a content that is kept, as it was
	// found to be. Size is in bytes.
	Type string
	Size int64
	// Ref is by what the channel finds the content, Place a location.
	Ref, Place string
	State      AttachmentState
	// Tries counts the attempts to fetch it; who made the last one holds it until RetryAt
	// (machine time).
	Tries   int
	RetryAt time.Time
}

const attachmentCols = "attachment.id, attachment.message_id, attachment.position, attachment.name, attachment.type, attachment.size, attachment.ref, attachment.place, attachment.state, attachment.tries, attachment.retry_at"

func scanAttachment(r scanner) (a Attachment, err error) {
	var message text
	var retry moment
	err = r.Scan(&a.ID, &message, &a.Position, &a.Name, &a.Type, &a.Size, &a.Ref, &a.Place, &a.State, &a.Tries, &retry)
	a.MessageID, a.RetryAt = string(message), retry.Time
	return a, err
}

var attachmentInsert = []string{"id", "message_id", "position", "name", "type", "size", "ref", "place", "state", "tries", "retry_at", "created_at"}

func attachmentRow(a Attachment, now time.Time) []any {
	return []any{a.ID, opt(a.MessageID), a.Position, a.Name, a.Type, a.Size, a.Ref, a.Place, a.State, a.Tries, at(a.RetryAt), at(now)}
}

// Attach keeps what came beside a message of this turn. Staged ones become its own;
// ErrConflict, when the group is written, where one of them was given up meanwhile.
func (t *Turn) Attach(as []Attachment, now time.Time) {
	for _, a := range as {
		t.attachments = append(t.attachments, attached{a, now})
	}
}

func (g *Group) writeAttachments(ctx context.Context, b *batch) error {
	var fresh, staged [][]any
	for _, t := range g.kept {
		for _, a := range t.attachments {
			if a.State == AttachmentStaged {
				staged = append(staged, []any{a.ID, a.MessageID, a.Position})
			} else {
				fresh = append(fresh, attachmentRow(a.Attachment, a.now))
			}
		}
	}
	if err := b.insert(ctx, "keeping attachments", "attachment", attachmentInsert, fresh, "", false); err != nil {
		return err
	}
	return b.change("keeping attachments", []column{{"id", "uuid"}, {"message_id", "uuid"}, {"position", "bigint"}}, staged,
		"update attachment set message_id = v.message_id, position = v.position, state = 'kept', retry_at = null from v where attachment.id = v.id and attachment.state = 'staged'", true)
}

// Stage keeps a content whose message is about to be stored. It is given up after
// StagedFor (machine time) unless a Turn attaches it.
func (s *Store) Stage(ctx context.Context, a Attachment, content []byte, now, machine time.Time) (Attachment, error) {
	a.ID, a.State, a.Size, a.RetryAt = s.NewID(), AttachmentStaged, int64(len(content)), machine.Add(StagedFor)
	err := s.Tx(ctx, RankBulk, func(tx *Tx) error {
		_, err := insert(ctx, tx, "attachment", attachmentInsert, [][]any{attachmentRow(a, now)}, "")
		return err
	})
	for n := 0; err == nil && n*PartSize < len(content); n++ {
		err = s.AddPart(ctx, a, n, content[n*PartSize:min((n+1)*PartSize, len(content))], a.RetryAt, now)
	}
	if err != nil {
		return a, fmt.Errorf("staging an attachment: %w", err)
	}
	return a, nil
}

// Attachments reads those of messages, by message, in their order.
func (s *Store) Attachments(ctx context.Context, messageIDs []string) (map[string][]Attachment, error) {
	if len(messageIDs) == 0 {
		return nil, nil
	}
	in, args := keys(0, messageIDs)
	as, err := collect(ctx, s.read, scanAttachment, "select "+attachmentCols+" from attachment where message_id in "+in+" order by message_id, position", args...)
	if err != nil {
		return nil, fmt.Errorf("reading attachments: %w", err)
	}
	out := map[string][]Attachment{}
	for _, a := range as {
		out[a.MessageID] = append(out[a.MessageID], a)
	}
	return out, nil
}

// Attachment reads one with its message. A staged one is not there yet.
func (s *Store) Attachment(ctx context.Context, id string) (Attachment, Message, error) {
	a, err := one(ctx, s.read, scanAttachment, "select "+attachmentCols+" from attachment where id = $1 and message_id is not null", key(id))
	if err != nil {
		return a, Message{}, err
	}
	m, err := s.Message(ctx, a.MessageID)
	return a, m, err
}

// DueAttachments lists those whose content is to be fetched now, and staged ones that
// were given up, the longest waiting first.
func (s *Store) DueAttachments(ctx context.Context, machine time.Time, limit int) ([]Attachment, error) {
	return collect(ctx, s.read, scanAttachment, "select "+attachmentCols+" from attachment where state in ('waiting', 'staged') and retry_at <= $1 order by retry_at limit $2", at(machine), limit)
}

// TakeAttachment makes one the caller's own until a moment (machine time) and counts a
// try. ErrConflict where somebody else has taken it since it was read.
func (s *Store) TakeAttachment(ctx context.Context, a Attachment, until time.Time) (Attachment, error) {
	n, err := s.exec(ctx, RankBulk, "update attachment set tries = tries + 1, retry_at = $3 where id = $1 and tries = $2 and state in ('waiting', 'staged')", a.ID, a.Tries, at(until))
	if err == nil && n == 0 {
		err = ErrConflict
	}
	a.Tries, a.RetryAt = a.Tries+1, until
	return a, err
}

// AddPart keeps a part of the content of an attachment that the caller holds, and holds
// it until a moment (machine time). ErrConflict where he does not any more.
func (s *Store) AddPart(ctx context.Context, a Attachment, number int, content []byte, until, now time.Time) error {
	return s.Tx(ctx, RankBulk, func(tx *Tx) error {
		if err := tx.held(ctx, "update attachment set retry_at = $3 where id = $1 and tries = $2 and state in ('waiting', 'staged')", a.ID, a.Tries, at(until)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "insert into attachment_part (id, attachment_id, number, content, created_at) values ($1, $2, $3, $4, $5)", tx.NewID(), a.ID, number, content, at(now))
		return err
	})
}

// EndAttachment writes how an attempt of the holder ended: type, size, state, and when
// the next one is due (machine time). ErrConflict where he is not the holder any more.
func (s *Store) EndAttachment(ctx context.Context, a Attachment) error {
	return s.Tx(ctx, RankBulk, func(tx *Tx) error {
		return tx.held(ctx, "update attachment set type = $3, size = $4, state = $5, retry_at = $6 where id = $1 and tries = $2 and state = 'waiting'", a.ID, a.Tries, a.Type, a.Size, a.State, at(a.RetryAt))
	})
}

func (t *Tx) held(ctx context.Context, query string, args ...any) error {
	r, err := t.ExecContext(ctx, query, args...)
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		return ErrConflict
	}
	return err
}

// DropParts removes the content of an attachment, a part at a time; what it says of
// itself stays.
func (s *Store) DropParts(ctx context.Context, id string) error {
	return s.dropParts(ctx, "attachment_id = $1", id)
}

// DropStaged removes an attachment whose message never came. One that has got it
// meanwhile stays.
func (s *Store) DropStaged(ctx context.Context, id string) error {
	// From here on no message takes it, and DueAttachments names it until it is gone.
	n, err := s.exec(ctx, RankBulk, "update attachment set state = 'waiting' where id = $1 and message_id is null", id)
	if err != nil || n == 0 {
		return err
	}
	if err := s.DropParts(ctx, id); err != nil {
		return err
	}
	_, err = s.exec(ctx, RankBulk, "delete from attachment where id = $1 and message_id is null", id)
	return err
}

// dropParts removes parts one after the other, each in a transaction of its own: where
// deleted content is overwritten they take long together.
func (s *Store) dropParts(ctx context.Context, which, id string) error {
	for {
		ids, err := collect(ctx, s.read, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }, "select id from attachment_part where "+which+" limit 100", key(id))
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, part := range ids {
			if _, err := s.exec(ctx, RankBulk, "delete from attachment_part where id = $1", part); err != nil {
				return err
			}
		}
	}
}

// KeptBytes is how much content a message has already.
func (s *Store) KeptBytes(ctx context.Context, messageID string) (int64, error) {
	return one(ctx, s.read, func(r *sql.Rows) (n int64, err error) { return n, r.Scan(&n) }, "select coalesce(sum(size), 0) from attachment where message_id = $1 and state = 'kept'", key(messageID))
}

// Content reads the content of an attachment that is kept, part by part. It is for one
// goroutine; a part that was removed meanwhile is ErrNotFound.
func (s *Store) Content(ctx context.Context, a Attachment) io.ReadSeeker {
	return &content{s: s, ctx: ctx, id: a.ID, size: a.Size, number: -1}
}

type content struct {
	s        *Store
	ctx      context.Context
	id       string
	size, at int64
	// part is the one of that number.
	part   []byte
	number int64
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	if c.at >= c.size {
		return 0, io.EOF
	}
	if n := c.at / PartSize; n != c.number {
		part, err := one(c.ctx, c.s.read, func(r *sql.Rows) (b []byte, err error) { return b, r.Scan(&b) }, "select content from attachment_part where attachment_id = $1 and number = $2", key(c.id), n)
		if err != nil {
			return 0, fmt.Errorf("reading a part: %w", err)
		}
		c.part, c.number = part, n
	}
	n, err := bytes.NewReader(c.part).ReadAt(p, c.at%PartSize)
	c.at += int64(n)
	if n > 0 || !errors.Is(err, io.EOF) {
		return n, nil
	}
	return 0, io.ErrUnexpectedEOF // the part is shorter than it should be
}

// Seek implements io.Seeker.
func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, errors.New("seeking before the beginning")
	}
	c.at = offset
	return offset, nil
}

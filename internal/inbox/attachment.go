package inbox

import (
	"context"
	"errors"
	"slices"
	"strings"

	"otklik/channels"
	"otklik/internal/attachment"
	"otklik/internal/callback"
	"otklik/internal/store"
)

const (
	// mostAttachments is how many of one message are kept, longestName how many characters
	// of the name of each.
	mostAttachments = 50
	longestName     = 200
)

// stage prepares what is kept beside a message: what is to be fetched, where a place is,
// and contents that came along, which are written before the message's transaction,
// because they are too large for it. An automatic mail's are nobody's words, and an
// edited message has its own already.
func (b *Inbox) stage(ctx context.Context, in channels.Inbound) ([]store.Attachment, error) {
	if in.Automatic || in.EditOf != "" {
		return nil, nil
	}
	var out []store.Attachment
	var kept int64
	for i, x := range in.Attachments[:min(len(in.Attachments), mostAttachments)] {
		a := store.Attachment{ID: b.Store.NewID(), Position: i, Name: shortened(x.Name), Type: x.Type, Size: x.Size, Ref: x.Ref, Place: x.Place}
		content := len(x.Content) > 0
		switch {
		case x.Place != "":
			a.State, a.Ref = store.AttachmentPlace, ""
		case !content && x.Ref == "" && !x.Cut:
			continue // it has a name and nothing else
		case x.Cut, x.Size > b.Limits.Each, content && x.Size > b.Limits.Left(kept):
			a.State = store.AttachmentTooLarge
		case content:
			kept += x.Size
			a.Type = attachment.Type(x.Content)
			var err error
			if a, err = b.Store.Stage(ctx, a, x.Content, b.Clock.Business(), b.Clock.Machine()); err != nil {
				b.unstage(ctx, append(out, a))
				return nil, err
			}
		default:
			a.State, a.RetryAt = store.AttachmentWaiting, b.Clock.Machine()
		}
		out = append(out, a)
	}
	return out, nil
}

// unstage gives up contents whose message was stored before. What cannot be removed now
// is removed later.
func (b *Inbox) unstage(ctx context.Context, as []store.Attachment) {
	for _, a := range as {
		if a.State != store.AttachmentStaged {
			continue
		}
		if err := b.Store.DropStaged(ctx, a.ID); err != nil {
			b.Log.Warn("a content that nobody needs stays for an hour", "error", err)
		}
	}
}

// shortened is a name without what no name needs.
func shortened(name string) string {
	if r := []rune(name); len(r) > longestName {
		return string(r[:longestName]) + "…"
	}
	return name
}

// fetching tells whether contents are to be fetched.
func (e *entry) fetching() bool {
	return slices.ContainsFunc(e.attachments, func(a store.Attachment) bool { return a.State == store.AttachmentWaiting })
}

// wordless handles a photo, a voice note or an empty message: a person looks at it, and
// whoever sent it is told so, once for all that he sends (R072). Among the task's words
// the kinds stand in brackets: they are not his.
func (e *entry) wordless() error {
	if len(e.in.Attachments) == 0 {
		return nil
	}
	told, err := e.attended()
	if err != nil {
		return err
	}
	if err := e.review(callback.ReasonAttachment, "["+strings.Join(channels.Names(e.in.Attachments), ", ")+"]", ""); err != nil || told {
		return err
	}
	return e.answer("attachment.ack", false)
}

// attended tells whether nothing is to be said to who sent a file: somebody has his
// messages already, or speaks with him, or nobody knows who he is.
func (e *entry) attended() (bool, error) {
	if e.contact.ID == "" {
		return true, nil
	}
	_, err := e.tx.OpenTaskOf(e.ctx, e.contact.ID, store.TaskReview)
	if !errors.Is(err, store.ErrNotFound) {
		return true, err
	}
	if e.conv == nil {
		return false, nil
	}
	in, err := e.taken()
	return in.Human || e.state.Silent, err
}

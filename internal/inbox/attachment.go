package inbox

import (
	"errors"
	"strings"

	"otklik/internal/callback"
	"otklik/internal/store"
)

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
	if err := e.review(callback.ReasonAttachment, "["+strings.Join(e.in.Attachments, ", ")+"]", ""); err != nil || told {
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

package inbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"otklik/channels"
	"otklik/internal/store"
)

// news is a delivery report that waits for its transaction, and what became of it.
type news struct {
	ctx    context.Context
	report channels.Report
	mark   *Mark

	result string
	err    error
}

// report moves a message by a provider's later word, in a transaction with whatever
// other reports wait.
func (b *Inbox) report(ctx context.Context, r channels.Report, mark *Mark) error {
	n := &news{ctx: context.WithoutCancel(ctx), report: r, mark: mark}
	err := b.reports.pass(ctx, "", n, b.Store.Parallel(), b.heedReports)
	if err == nil {
		err = n.err
	}
	if err != nil {
		b.Metrics.Count(r.Channel, "failed")
		return fmt.Errorf("taking a report in: %w", err)
	}
	b.Metrics.Count(r.Channel, n.result)
	b.Changed()
	return nil
}

// heedReports applies reports in one transaction; when that fails, each has its own.
func (b *Inbox) heedReports(group []*news) {
	ctx, cancel := context.WithTimeout(group[0].ctx, groupWithin)
	defer cancel()
	err := b.Store.Tx(ctx, store.RankPerson, func(tx *store.Tx) error { return b.heed(ctx, tx, group) })
	if err == nil {
		return
	}
	if len(group) == 1 {
		group[0].err = err
		return
	}
	for _, n := range group {
		b.heedReports([]*news{n})
	}
}

func (b *Inbox) heed(ctx context.Context, tx *store.Tx, group []*news) error {
	now := b.Clock.Business()
	reports := make([]channels.Report, len(group))
	for i, n := range group {
		reports[i] = n.report
		if n.mark != nil {
			if err := tx.SetCursor(ctx, n.mark.Name, n.mark.Cursor, b.Clock.Machine()); err != nil {
				return err
			}
		}
	}
	done, err := tx.Reports(ctx, reports, now)
	if err != nil {
		return err
	}
	var suppressions []store.Suppression
	for i, n := range group {
		r, d := n.report, done[i]
		if d.Message.ID == "" && r.MessageID != "" {
			if d, err = answered(ctx, tx, r, now); err != nil {
				return err
			}
		}
		address := r.Address
		switch {
		case d.Message.ID == "":
			n.result = "report_unknown"
		case !d.Changed:
			n.result = "report_repeated"
			continue
		default:
			n.result, address = "report", d.Message.Address
		}
		if address != "" && (r.Class == channels.Unreachable || r.Reason == channels.ReasonComplaint) {
			suppressions = append(suppressions, store.Suppression{Channel: r.Channel, Address: address, Purpose: store.AllPurposes, Reason: string(orReason(r.Reason)), At: now, Until: decay(r, now), MessageID: d.Message.ID})
		}
	}
	return tx.SuppressAll(ctx, suppressions)
}

// answered applies a bounce that kept only our reply token, which names the
// conversation: its last message is meant. Zero when there is none.
func answered(ctx context.Context, tx *store.Tx, r channels.Report, now time.Time) (store.Reported, error) {
	c, err := tx.ConversationByToken(ctx, r.MessageID)
	if err == nil {
		var m store.Message
		if m, err = tx.LastOf(ctx, c.ID); err == nil {
			r.MessageID = m.ID
			return tx.Report(ctx, r, now)
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return store.Reported{}, err
}

func orReason(r channels.Reason) channels.Reason {
	if r == "" {
		return channels.ReasonBadAddress
	}
	return r
}

// decay is until when an address rests: a person's own word and a complaint never
// decay, a dead number may live again.
func decay(r channels.Report, now time.Time) time.Time {
	switch r.Reason {
	case channels.ReasonOptedOut, channels.ReasonComplaint, channels.ReasonBlocked:
		return time.Time{}
	}
	return now.AddDate(0, 0, 180)
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
)

// Reported is what a delivery report changed.
type Reported struct {
	// Message is what was meant, with its id, provider id, channel, address and
	// state; zero when there is none.
	Message Message
	// Changed is false for a repeated or late report.
	Changed bool
}

// Report is Reports for one; ErrNotFound when no message is meant.
func (t *Tx) Report(ctx context.Context, r channels.Report, now time.Time) (Reported, error) {
	done, err := t.Reports(ctx, []channels.Report{r}, now)
	if err == nil && done[0].Message.ID == "" {
		err = ErrNotFound
	}
	if err != nil {
		return Reported{}, err
	}
	return done[0], nil
}

// Reports moves messages forward by the provider's later words, one after the other.
// A report finds its row by our id or by the provider's; it may come before the
// record of the send, twice, or never.
func (t *Tx) Reports(ctx context.Context, rs []channels.Report, now time.Time) ([]Reported, error) {
	meant, err := t.reported(ctx, rs)
	if err != nil {
		return nil, fmt.Errorf("looking up what is reported: %w", err)
	}
	out := make([]Reported, len(rs))
	changes := map[*Message][]any{}
	var order []*Message
	for i, r := range rs {
		m := meant[i]
		if m == nil {
			continue
		}
		next := outreach.ReportState(r.State)
		if out[i].Changed = m.State.Forward(next); out[i].Changed {
			m.State = next
			var done time.Time
			if next != outreach.Sent {
				done = now
			}
			if changes[m] == nil {
				order = append(order, m)
			}
			changes[m] = []any{m.ID, next, opt(r.ProviderID), r.Code, string(r.Reason), at(now), at(done)}
		}
		out[i].Message = *m
	}
	rows := make([][]any, len(order))
	for i, m := range order {
		rows[i] = changes[m]
	}
	if len(rows) == 0 {
		return out, nil
	}
	_, err = t.change(ctx, []column{{"id", "uuid"}, {"state", "text"}, {"provider_id", "text"}, {"code", "text"}, {"reason", "text"}, {"now", "bigint"}, {"done", "bigint"}}, rows,
		`update message set state = v.state, provider_id = coalesce(message.provider_id, v.provider_id), code = v.code, reason = v.reason,
			sent_at = coalesce(message.sent_at, v.now), done_at = coalesce(message.done_at, v.done), updated_at = v.now from v where message.id = v.id returning message.id`)
	if err != nil {
		return nil, fmt.Errorf("applying reports: %w", err)
	}
	return out, nil
}

// reported reads and locks the messages that reports mean: one pointer a message, nil
// for none.
func (t *Tx) reported(ctx context.Context, rs []channels.Report) ([]*Message, error) {
	var ids []string
	provider := map[channels.Kind][]string{}
	for _, r := range rs {
		if id, ok := key(r.MessageID).(string); ok {
			ids = append(ids, id)
		}
	}
	byID, byProvider := map[string]*Message{}, map[sentKey]*Message{}
	if len(ids) > 0 {
		in, args := list(0, distinct(ids))
		if err := t.lockReported(ctx, byID, byProvider, "id in "+in, args); err != nil {
			return nil, err
		}
	}
	if err := t.unfoldReported(ctx, ids, byID, byProvider); err != nil {
		return nil, err
	}
	find := func(r channels.Report) *Message {
		if id, ok := key(r.MessageID).(string); ok && byID[id] != nil {
			return byID[id]
		}
		return byProvider[sentKey{string(r.Channel), r.ProviderID}]
	}
	for _, r := range rs {
		if r.ProviderID != "" && find(r) == nil {
			provider[r.Channel] = append(provider[r.Channel], r.ProviderID)
		}
	}
	for ch, all := range provider {
		in, args := list(1, distinct(all))
		if err := t.lockReported(ctx, byID, byProvider, "channel = $1 and provider_id in "+in, append([]any{ch}, args...)); err != nil {
			return nil, err
		}
	}
	out := make([]*Message, len(rs))
	for i, r := range rs {
		out[i] = find(r)
	}
	return out, nil
}

// unfoldReported finds messages whose report is faster than the record of their send.
func (t *Tx) unfoldReported(ctx context.Context, ids []string, byID map[string]*Message, byProvider map[sentKey]*Message) error {
	var missing []string
	for _, id := range ids {
		if byID[id] == nil {
			missing = append(missing, id)
		}
	}
	n, err := t.unfoldListed(ctx, "messages", missing...)
	if err != nil || n == 0 {
		return err
	}
	in, args := list(0, missing)
	return t.lockReported(ctx, byID, byProvider, "id in "+in, args)
}

func (t *Tx) lockReported(ctx context.Context, byID map[string]*Message, byProvider map[sentKey]*Message, which string, args []any) error {
	ms, err := collect(ctx, t, func(r *sql.Rows) (m Message, err error) {
		var provider text
		err = r.Scan(&m.ID, &m.Channel, &provider, &m.Address, &m.State)
		m.ProviderID = string(provider)
		return m, err
	}, "select id, channel, provider_id, address, state from message where direction = 'out' and "+which+" order by id"+t.s.dialect.forUpdate, args...)
	for _, m := range ms {
		if byID[m.ID] != nil {
			continue
		}
		byID[m.ID] = &m
		if m.ProviderID != "" {
			byProvider[sentKey{string(m.Channel), m.ProviderID}] = &m
		}
	}
	return err
}

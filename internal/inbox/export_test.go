package inbox

import (
	"context"

	"otklik/channels"
)

// TakeTogether hands events in as one group, whatever else waits, and gives the fate
// of each.
func (b *Inbox) TakeTogether(ctx context.Context, in ...channels.Inbound) []error {
	group := make([]*arrival, len(in))
	for i, x := range in {
		group[i] = &arrival{ctx: ctx, in: x, hint: (&entry{Inbox: b, ctx: ctx, in: x}).asked()}
	}
	b.takeIn(group)
	out := make([]error, len(in))
	for i, a := range group {
		out[i] = a.err
	}
	return out
}

// HeedTogether hands reports in as one group.
func (b *Inbox) HeedTogether(ctx context.Context, rs ...channels.Report) ([]string, error) {
	group := make([]*news, len(rs))
	for i, r := range rs {
		group[i] = &news{ctx: ctx, report: r}
	}
	b.heedReports(group)
	out := make([]string, len(rs))
	for i, n := range group {
		if n.err != nil {
			return nil, n.err
		}
		out[i] = n.result
	}
	return out, nil
}

// ErrReplay is the fate of an event that had been stored before.
var ErrReplay = errReplay

package sms

import (
	"context"
	"strconv"
	"strings"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"otklik/channels"
)

const (
	// askSlack allows for the difference of Twilio's clock and ours.
	askSlack = time.Minute
	// askLimit bounds what one list reads: one person gets few messages a day.
	askLimit = 200
	askPage  = 50
)

// Ask looks for the message in Twilio's list: same recipient, sender where we
// know it, same text, made no earlier than a minute before q.Since. Of several it
// takes the earliest, which is the attempt that began first after Since. It makes
// one request, or two when the first finds nothing: Twilio's filter is on the
// date of sending, which a message still in its queue does not have.
func (c *Channel) Ask(ctx context.Context, q channels.Query) (channels.Report, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	since := q.Since.Add(-askSlack)
	p := (&api.ListMessageParams{}).SetTo(q.To).SetPageSize(askPage)
	if from := c.askedSender(q.From); from != "" {
		p.SetFrom(from)
	}
	dated := *p
	dated.SetDateSentAfter(since.UTC().Truncate(24 * time.Hour)).SetLimit(askLimit)
	p.SetLimit(askPage)
	for _, p := range []*api.ListMessageParams{&dated, p} {
		call := &call{ch: c, ctx: ctx}
		list, err := call.api().ListMessage(p)
		if err != nil {
			return channels.Report{}, false, call.failure("asking", err)
		}
		if m, ok := earliest(list, q.Text, since); ok {
			return report(m, q.To), true, nil
		}
	}
	return channels.Report{}, false, nil
}

// Check makes the smallest request that needs the account's credentials, the one
// that Ask makes: one message of the list.
func (c *Channel) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	call := &call{ch: c, ctx: ctx}
	if _, err := call.api().ListMessage((&api.ListMessageParams{}).SetPageSize(1).SetLimit(1)); err != nil {
		return call.failure("asking", err)
	}
	return nil
}

// askedSender is the number to filter by; with a messaging service Twilio chose
// it, so that there is none.
func (c *Channel) askedSender(wanted string) string {
	from, service := c.sender(wanted)
	if wanted == "" && service != "" {
		return ""
	}
	return from
}

func earliest(list []api.ApiV2010Message, text string, since time.Time) (api.ApiV2010Message, bool) {
	var (
		best  api.ApiV2010Message
		at    time.Time
		found bool
	)
	for _, m := range list {
		made, ok := madeAt(m)
		if !ok || made.Before(since) || !strings.HasPrefix(deref(m.Direction), "outbound") ||
			strings.TrimSpace(deref(m.Body)) != strings.TrimSpace(text) {
			continue
		}
		if !found || made.Before(at) {
			best, at, found = m, made, true
		}
	}
	return best, found
}

func madeAt(m api.ApiV2010Message) (time.Time, bool) {
	for _, s := range []*string{m.DateCreated, m.DateSent} {
		if at, err := time.Parse(time.RFC1123Z, deref(s)); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// report says how the message stands. One that Twilio has taken and not yet
// reported on counts as sent.
func report(m api.ApiV2010Message, to string) channels.Report {
	r := channels.Report{
		Channel:    channels.SMS,
		ProviderID: deref(m.Sid),
		State:      channels.StateSent,
		Address:    to,
	}
	r.At, _ = madeAt(m)
	if s, ok := states[deref(m.Status)]; ok {
		r.State = s
	} else if deref(m.Status) == "canceled" {
		r.State = channels.StateFailed
	}
	if code := deref(m.ErrorCode); code != 0 {
		explain(&r, strconv.Itoa(code))
	}
	return r
}

// explain adds what the code means to a report.
func explain(r *channels.Report, code string) {
	r.Code = code
	n, err := strconv.Atoi(code)
	if err != nil {
		return
	}
	m := meanings[n]
	r.Class, r.Scope, r.Reason = m.class, m.scope, m.reason
}

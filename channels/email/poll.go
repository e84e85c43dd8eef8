package email

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"otklik/channels"
)

// position is where polling has come to: the UIDVALIDITY of the mailbox and the
// last UID done (RFC 9051 2.3.1.1).
type position struct {
	validity, uid uint32
}

func (p position) String() string {
	return strconv.FormatUint(uint64(p.validity), 10) + ":" + strconv.FormatUint(uint64(p.uid), 10)
}

// parsePosition reads a cursor; an empty or foreign one gives false.
func parsePosition(cursor string) (position, bool) {
	v, u, found := strings.Cut(cursor, ":")
	if !found {
		return position{}, false
	}
	validity, err1 := strconv.ParseUint(v, 10, 32)
	uid, err2 := strconv.ParseUint(u, 10, 32)
	return position{uint32(validity), uint32(uid)}, err1 == nil && err2 == nil
}

// Poll fetches mail from the IMAP mailbox until ctx ends or the server fails.
// The cursor is "UIDVALIDITY:UID" of the last mail done. Without one, and when
// the mailbox has been made anew, it begins with the unread mail that is not older
// than Config.Since says; afterwards it takes every new mail, read by a person
// meanwhile or not. A mail is marked read
// when all its events have been emitted. Connecting again is the caller's
// business. Errors never contain the password.
func (c *Channel) Poll(ctx context.Context, cursor string, emit func(context.Context, channels.Event, string) error) error {
	if c.imap.host == "" {
		return ErrNoMailbox
	}
	box, err := openMailbox(ctx, c.imap, c.imap.tlsConfig(c.tls), c.mailbox, c.timeout)
	if err != nil {
		return c.pollError(ctx, "opening the mailbox", err)
	}
	defer box.close()
	box.idleFor, box.pause = c.idleFor, c.pause
	at, since, fresh, err := c.begin(ctx, box, cursor)
	if err != nil {
		return err
	}
	for {
		uids, err := box.after(at.uid, fresh, since)
		if err != nil {
			return c.pollError(ctx, "looking for new mail", err)
		}
		for _, uid := range uids {
			if fresh {
				// SINCE knows only days.
				arrived, err := box.arrived(uid)
				if err != nil {
					return c.pollError(ctx, "fetching the date of a mail", err)
				}
				if arrived.Before(since) {
					at.uid = uid
					continue
				}
			}
			if err := c.take(ctx, box, uid, &at, emit); err != nil {
				return err
			}
		}
		if fresh {
			// What was read before the first look stays unread by us.
			fresh, at.uid = false, max(at.uid, box.next-1)
		}
		if err := box.wait(ctx); err != nil {
			return c.pollError(ctx, "waiting for mail", err)
		}
	}
}

// begin tells where a poll goes on. It is fresh where nothing of this mailbox is
// known; since is zero otherwise.
func (c *Channel) begin(ctx context.Context, box *mailbox, cursor string) (at position, since time.Time, fresh bool, err error) {
	at, known := parsePosition(cursor)
	if known && at.validity == box.validity {
		return at, since, false, nil
	}
	if c.since != nil {
		since, err = c.since(ctx)
	}
	if err != nil {
		return at, since, true, fmt.Errorf("finding since when mail is read: %w", err)
	}
	return position{validity: box.validity}, since, true, nil
}

// take emits one mail and moves at behind it.
func (c *Channel) take(ctx context.Context, box *mailbox, uid uint32, at *position, emit func(context.Context, channels.Event, string) error) error {
	raw, err := box.fetch(uid)
	if err != nil {
		return c.pollError(ctx, "fetching a mail", err)
	}
	before := *at
	at.uid = uid
	if raw == nil {
		return nil // deleted meanwhile
	}
	events := c.events(raw)
	for i, e := range events {
		cursor := before
		if i == len(events)-1 {
			cursor = *at
		}
		if err := emit(ctx, e, cursor.String()); err != nil {
			return err
		}
	}
	if err := box.markSeen(uid); err != nil {
		return c.pollError(ctx, "marking a mail read", err)
	}
	return nil
}

func (c *Channel) pollError(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	text := masked(err.Error())
	if c.imap.password != "" {
		text = strings.ReplaceAll(text, c.imap.password, "[password]")
	}
	return fmt.Errorf("%s: %s", doing, text)
}

// events turns a mail into what the inbox understands. A mail that cannot be
// read still reaches people, as an automatic message with its raw text.
func (c *Channel) events(raw []byte) []channels.Event {
	m := Parse(raw)
	switch m.Kind {
	case BounceMail:
		if reports := c.reports(m); len(reports) > 0 {
			return reports
		}
	case Complaint:
		report := c.report(m, m.Complainant)
		report.State, report.Reason = channels.StateDelivered, channels.ReasonComplaint
		return []channels.Event{{Report: report}}
	case Unreadable:
		m.Raw = strings.ToValidUTF8(string(raw), "\uFFFD")
	}
	id := m.MessageID
	if id == "" {
		sum := sha256.Sum256(raw)
		id = "sha256:" + hex.EncodeToString(sum[:])
	}
	in := &channels.Inbound{
		Channel: channels.Email, ProviderID: id,
		From: m.From, FromName: m.FromName, To: m.To, Subject: m.Subject,
		Text: m.Text, Token: m.Token, References: m.References, Attachments: m.Attachments, At: m.At,
		Automatic: m.Kind != Reply,
	}
	if m.Raw != m.Text {
		in.Raw = m.Raw
	}
	return []channels.Event{{Inbound: in}}
}

// reports are the bounced recipients of a mail.
func (c *Channel) reports(m Mail) []channels.Event {
	var out []channels.Event
	for _, b := range m.Bounced {
		r := c.report(m, b.Address)
		r.State, r.Code = channels.StateUndelivered, b.Status
		switch {
		case b.Action == "delayed":
			// The relay is still trying: nothing is decided.
			r.State, r.Class = channels.StateSent, channels.Transient
		case b.Class == Permanent:
			r.Class, r.Reason = channels.Unreachable, channels.ReasonBadAddress
		case b.Class == Temporary:
			r.Class = channels.Transient
		case b.Class == Policy:
			r.Class, r.Reason = channels.Rejected, channels.ReasonFiltered
		}
		out = append(out, channels.Event{Report: r})
	}
	return out
}

// report names the message that m speaks of: by the Message-ID of the returned
// mail where that is ours, else by our ENVID, else by the token of the address
// that the report came to.
func (c *Channel) report(m Mail, address string) *channels.Report {
	r := &channels.Report{Channel: channels.Email, ProviderID: m.Original, Address: address, At: m.At}
	id, domain, _ := strings.Cut(m.Original, "@")
	switch {
	case strings.EqualFold(domain, c.domain):
		r.MessageID = id
	case m.Envelope != "":
		r.MessageID = m.Envelope
	case m.Original == "":
		r.MessageID = m.Token
	}
	return r
}

var _ channels.Poller = (*Channel)(nil)

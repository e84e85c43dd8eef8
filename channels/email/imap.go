package email

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

const (
	// longestIdle is how long we believe an IDLE that says nothing: middle boxes
	// drop quiet connections without a word, and a server may forget mail that
	// came between our look and our IDLE (go-imap's own does).
	longestIdle = time.Minute
	// pollPause is the pause between looks where the server has no IDLE.
	pollPause = 20 * time.Second
	// largestMail is how much of a mail is fetched, and of that as much from its end
	// as lastOfMail: an answer stands above what is attached, or below it. 20 MB of
	// attachments are 28 MB as mail carries them.
	largestMail = 29 << 20
	lastOfMail  = 1 << 20
)

// mailbox is the little of IMAP that we need, and the only place that knows
// go-imap, whose API is not settled yet. Its methods fail once ctx of
// openMailbox has ended.
type mailbox struct {
	client  *imapclient.Client
	release func() bool
	// news has a word when the server has told of a change.
	news chan struct{}
	idle bool
	// idleFor and pause bound a wait with and without IDLE.
	idleFor, pause time.Duration
	// validity is UIDVALIDITY, next UIDNEXT at the time of opening.
	validity, next uint32
}

func openMailbox(ctx context.Context, e endpoint, tlsConfig *tls.Config, name string, timeout time.Duration) (*mailbox, error) {
	conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", e.address())
	if err != nil {
		return nil, err
	}
	m := &mailbox{release: bindConn(ctx, conn), news: make(chan struct{}, 1)}
	options := &imapclient.Options{
		TLSConfig: tlsConfig,
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{
			Mailbox: func(*imapclient.UnilateralDataMailbox) { m.tell() },
		},
	}
	switch e.mode {
	case tlsImplicit:
		m.client = imapclient.New(tls.Client(conn, tlsConfig), options)
	case tlsRequired, tlsOffered:
		if m.client, err = imapclient.NewStartTLS(conn, options); err != nil {
			m.release()
			return nil, errors.Join(err, conn.Close())
		}
	default:
		m.client = imapclient.New(conn, options)
	}
	if err := m.login(e, name); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *mailbox) login(e endpoint, name string) error {
	if err := m.client.WaitGreeting(); err != nil {
		return err
	}
	if err := m.client.Login(e.user, e.password).Wait(); err != nil {
		return err
	}
	m.idle = m.client.Caps().Has(imap.CapIdle)
	selected, err := m.client.Select(name, nil).Wait()
	if err != nil {
		return err
	}
	m.validity, m.next = selected.UIDValidity, uint32(selected.UIDNext)
	return nil
}

func (m *mailbox) tell() {
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// after lists the UIDs above last in ascending order; when fresh, only those of
// unread mail that did not arrive on a day before since.
func (m *mailbox) after(last uint32, fresh bool, since time.Time) ([]uint32, error) {
	var above imap.UIDSet
	above.AddRange(imap.UID(last)+1, 0)
	criteria := &imap.SearchCriteria{UID: []imap.UIDSet{above}}
	if fresh {
		criteria.NotFlag = []imap.Flag{imap.FlagSeen}
		if !since.IsZero() {
			// SINCE compares days, in a zone that is the server's (RFC 9051 6.4.4).
			criteria.Since = since.UTC().AddDate(0, 0, -1)
		}
	}
	found, err := m.client.UIDSearch(criteria, nil).Wait()
	if err != nil {
		return nil, err
	}
	var uids []uint32
	for _, uid := range found.AllUIDs() {
		// "n:*" names the last mail even when its UID is below n.
		if uint32(uid) > last {
			uids = append(uids, uint32(uid))
		}
	}
	slices.Sort(uids)
	return uids, nil
}

// arrived is when a mail came into the mailbox; zero when it is gone.
func (m *mailbox) arrived(uid uint32) (time.Time, error) {
	got, err := m.one(uid, &imap.FetchOptions{UID: true, InternalDate: true})
	if err != nil || got == nil {
		return time.Time{}, err
	}
	return got.InternalDate, nil
}

// fetch gives a mail without marking it read, nil when it is gone. Of a large one
// the middle is left out, which is somewhere within an attachment.
func (m *mailbox) fetch(uid uint32) ([]byte, error) {
	got, err := m.one(uid, &imap.FetchOptions{UID: true, RFC822Size: true, BodySection: []*imap.FetchItemBodySection{section(0, largestMail-lastOfMail)}})
	if err != nil || got == nil {
		return nil, err
	}
	raw := text(got)
	if got.RFC822Size <= int64(len(raw)) {
		return raw, nil
	}
	from := max(int64(len(raw)), got.RFC822Size-lastOfMail)
	rest, err := m.one(uid, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section(from, lastOfMail)}})
	if err != nil || rest == nil {
		return nil, err
	}
	return append(raw, text(rest)...), nil
}

func section(from, size int64) *imap.FetchItemBodySection {
	return &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Offset: from, Size: size}}
}

// text is what was fetched of a mail's body.
func text(m *imapclient.FetchMessageBuffer) []byte {
	for _, s := range m.BodySection {
		return s.Bytes
	}
	return nil
}

// one fetches of one mail; nil when it is gone.
func (m *mailbox) one(uid uint32, options *imap.FetchOptions) (*imapclient.FetchMessageBuffer, error) {
	got, err := m.client.Fetch(imap.UIDSetNum(imap.UID(uid)), options).Collect()
	if err != nil {
		return nil, err
	}
	for _, message := range got {
		if uint32(message.UID) == uid {
			return message, nil
		}
	}
	return nil, nil
}

func (m *mailbox) markSeen(uid uint32) error {
	return m.client.Store(imap.UIDSetNum(imap.UID(uid)), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close()
}

// wait returns when there may be new mail. Without IDLE, and should IDLE stay
// silent, that is after a while; looking costs one command.
func (m *mailbox) wait(ctx context.Context) error {
	limit := m.pause
	if m.idle {
		limit = m.idleFor
		idle, err := m.client.Idle()
		if err != nil {
			return err
		}
		defer func() {
			_ = idle.Close()
			_ = idle.Wait()
		}()
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-m.news:
		return nil
	case <-timer.C:
		return nil
	case <-m.client.Closed():
		return errGone
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (m *mailbox) close() {
	m.release()
	_ = m.client.Close()
}

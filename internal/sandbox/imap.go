package sandbox

import (
	"bytes"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"otklik/channels"
)

const inbox = "INBOX"

// mailbox is ours, where the customers' replies come in. It is filled from the
// journal at each start, in the same order and under the same UIDVALIDITY, so
// that a UID means the same mail before and after a restart. Flags are lost.
type mailbox struct {
	s        *Servers
	password string
	user     *imapmemserver.User
	// mu keeps the journal and the mailbox in the same order.
	mu      sync.Mutex
	arrived bell
}

func (s *Servers) startIMAP() error {
	m := s.mailbox
	m.user = imapmemserver.NewUser(s.config.Mailbox, m.password)
	if err := m.user.Create(inbox, nil); err != nil {
		return fmt.Errorf("making the mailbox: %w", err)
	}
	s.Phones.mu.Lock()
	mails := s.Phones.mails
	s.Phones.mu.Unlock()
	for _, raw := range mails {
		if err := m.append(raw); err != nil {
			return err
		}
	}
	ln, err := listen()
	if err != nil {
		return err
	}
	server := imapserver.New(&imapserver.Options{
		NewSession: func(c *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &imapSession{m: m, conn: c}, nil, nil
		},
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}},
		Logger:       printer{s.config.Logger},
		InsecureAuth: true,
	})
	s.serve(ln, server.Serve, server.Close)
	s.IMAPURL = (&url.URL{Scheme: "imap+insecure", User: url.UserPassword(s.config.Mailbox, m.password), Host: ln.Addr().String()}).String()
	return nil
}

func (m *mailbox) append(raw []byte) error {
	if _, err := m.user.Append(inbox, bytes.NewReader(raw), &imap.AppendOptions{Time: time.Now()}); err != nil {
		return fmt.Errorf("putting a mail into the mailbox: %w", err)
	}
	m.arrived.ring()
	return nil
}

// deliver journals a person's mail with its item, then shows it to the client.
func (m *mailbox) deliver(build func(numbers) (record, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.s.Phones.write(build)
	if err != nil {
		return err
	}
	return m.append(r.Mail)
}

// imapSession is the memory server's session with the journal's UIDVALIDITY.
type imapSession struct {
	*imapmemserver.UserSession // nil until the login

	m    *mailbox
	conn *imapserver.Conn
}

var _ imapserver.SessionIMAP4rev2 = (*imapSession)(nil)

// fault strikes a read of the mailbox.
func (c *imapSession) fault() error {
	o, struck := c.m.s.faults.strike(channels.Email, StageRead)
	if !struck {
		return nil
	}
	if o.Hang {
		o.hang(c.m.s.ctx)
	}
	if o.Hang || o.Reset {
		tear(c.conn.NetConn())
	}
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable, Text: "Temporarily unavailable"}
}

// Login accepts our mailbox's user and password.
func (c *imapSession) Login(user, password string) error {
	if err := c.fault(); err != nil {
		return err
	}
	if err := c.m.user.Login(user, password); err != nil {
		return err
	}
	c.UserSession = imapmemserver.NewUserSession(c.m.user)
	return nil
}

// Select opens a mailbox.
func (c *imapSession) Select(name string, options *imap.SelectOptions) (*imap.SelectData, error) {
	if err := c.fault(); err != nil {
		return nil, err
	}
	data, err := c.UserSession.Select(name, options)
	if err != nil {
		return nil, err
	}
	data.UIDValidity = c.m.s.Phones.born
	return data, nil
}

// Status tells of a mailbox without opening it.
func (c *imapSession) Status(name string, options *imap.StatusOptions) (*imap.StatusData, error) {
	data, err := c.UserSession.Status(name, options)
	if err != nil {
		return nil, err
	}
	if options.UIDValidity {
		data.UIDValidity = c.m.s.Phones.born
	}
	return data, nil
}

// Append is refused: what lies in this mailbox came by mail.
func (c *imapSession) Append(string, imap.LiteralReader, *imap.AppendOptions) (*imap.AppendData, error) {
	return nil, &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeNoPerm, Text: "Mailbox takes mail only"}
}

// Idle tells of mail as it arrives. The memory server's own Idle is silent about
// mail that came between the client's last command and this one; a client would
// hear of it with the next mail only.
func (c *imapSession) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	arrived, cancel := c.m.arrived.listen()
	defer cancel()
	for {
		if err := c.Poll(w, true); err != nil {
			return err
		}
		select {
		case <-arrived:
		case <-stop:
			return nil
		}
	}
}

package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/jhillyerd/enmime/v2"

	"otklik/channels"
)

const (
	maxMail       = 10 << 20
	maxRecipients = 100
)

func (s *Servers) startSMTP() error {
	ln, err := listen()
	if err != nil {
		return err
	}
	// One password for sending and fetching, new with each start.
	password := rand.Text()
	s.mailbox = &mailbox{s: s, password: password}
	backend := smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		session := &smtpSession{s: s, conn: c}
		return session, session.fault(StageConnect)
	})
	server := smtp.NewServer(backend)
	server.Domain = "localhost"
	server.MaxMessageBytes, server.MaxRecipients = maxMail, maxRecipients
	server.AllowInsecureAuth = true
	server.ErrorLog = printer{s.config.Logger}
	s.serve(ln, server.Serve, func() error { return server.Shutdown(context.Background()) })
	s.SMTPURL = (&url.URL{Scheme: "smtp+insecure", User: url.UserPassword(s.config.Mailbox, password), Host: ln.Addr().String()}).String()
	return nil
}

// printer is what the mail servers log to: their complaints are about clients,
// which interests nobody but a debugger.
type printer struct{ log *slog.Logger }

// Printf logs one line.
func (p printer) Printf(format string, v ...any) {
	p.log.Debug("mail server", "line", fmt.Sprintf(format, v...))
}

// Println logs one line.
func (p printer) Println(v ...any) { p.log.Debug("mail server", "line", fmt.Sprint(v...)) }

// smtpSession is one connection of a sender.
type smtpSession struct {
	s          *Servers
	conn       *smtp.Conn
	recipients []string
}

var _ smtp.AuthSession = (*smtpSession)(nil)

// fault strikes a stage of SMTP: an answer with the code, silence, or a reset.
// Silence and reset end with a torn connection, whose error nobody reads.
func (c *smtpSession) fault(stage Stage) error {
	o, struck := c.s.faults.strike(channels.Email, stage)
	if !struck {
		return nil
	}
	return c.suffer(o)
}

func (c *smtpSession) suffer(o *ongoing) error {
	if o.Hang {
		o.hang(c.s.ctx)
	}
	if o.Hang || o.Reset {
		tear(c.conn.Conn())
		return smtpError(421)
	}
	return smtpError(o.Status)
}

// smtpError gives a code with its usual enhanced code and words.
func smtpError(code int) error {
	e := &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: "Requested action not taken"}
	switch code {
	case 421:
		e.EnhancedCode, e.Message = smtp.EnhancedCode{4, 4, 2}, "Service not available, closing transmission channel"
	case 450:
		e.EnhancedCode, e.Message = smtp.EnhancedCode{4, 2, 1}, "Mailbox temporarily unavailable"
	case 451:
		e.EnhancedCode, e.Message = smtp.EnhancedCode{4, 3, 0}, "Local error in processing"
	case 452, 552:
		e.EnhancedCode, e.Message = smtp.EnhancedCode{code / 100, 2, 2}, "Mailbox full"
	case 550:
		e.EnhancedCode, e.Message = smtp.EnhancedCode{5, 1, 1}, "User unknown"
	case 554:
		e.EnhancedCode, e.Message = smtp.EnhancedCode{5, 7, 1}, "Message rejected by policy"
	}
	return e
}

// AuthMechanisms offers PLAIN; a sender may do without.
func (c *smtpSession) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth accepts our mailbox's user and password only.
func (c *smtpSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != c.s.config.Mailbox || subtle.ConstantTimeCompare([]byte(password), []byte(c.s.mailbox.password)) != 1 {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

// Mail begins a message.
func (c *smtpSession) Mail(string, *smtp.MailOptions) error { return c.fault(StageSender) }

// Rcpt refuses the addresses that do not exist: any at a domain beginning with
// bounce., and those given to Phones.Refuse.
func (c *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := c.fault(StageRecipient); err != nil {
		return err
	}
	to = normal(channels.Email, to)
	_, domain, _ := strings.Cut(to, "@")
	if strings.HasPrefix(domain, "bounce.") {
		return smtpError(550)
	}
	if code := c.s.Phones.refused(channels.Email, to); code != 0 {
		return smtpError(code)
	}
	c.recipients = append(c.recipients, to)
	return nil
}

// Data puts the mail on every recipient's phone before it answers.
func (c *smtpSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	o, struck := c.s.faults.strike(channels.Email, StageSend)
	if struck && !o.Taken {
		return c.suffer(o)
	}
	if err := c.s.deliver(raw, c.recipients); err != nil {
		c.s.config.Logger.Error("the phones could not take a mail", "error", err)
		return smtpError(451)
	}
	if struck {
		return c.suffer(o)
	}
	return nil
}

// Reset forgets the message that was begun.
func (c *smtpSession) Reset() { c.recipients = nil }

// Logout has nothing to free.
func (c *smtpSession) Logout() error { return nil }

// deliver reads a mail as a mail client shows it.
func (s *Servers) deliver(raw []byte, recipients []string) error {
	env, err := enmime.ReadEnvelope(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("reading the mail: %w", err)
	}
	for _, to := range recipients {
		_, err := s.Phones.write(func(n numbers) (record, error) {
			return record{
				Item: &Item{
					Seq: n.seq, Channel: channels.Email, Address: to, Peer: sender(env), FromDealer: true,
					Subject: env.GetHeader("Subject"), Text: strings.TrimRight(strings.ReplaceAll(env.Text, "\r\n", "\n"), "\n"), HTML: env.HTML, At: s.config.Now(),
					ID: env.GetHeader("Message-ID"), MessageID: env.GetHeader("Message-ID"), ReplyTo: replyTo(env),
				},
				Machine: time.Now().UTC(), References: env.GetHeader("References"),
			}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sender gives the From header as a person reads it, with the name in quotes and
// not encoded; empty where there is no such address.
func sender(env *enmime.Envelope) string {
	list, err := env.AddressList("From")
	if err != nil || len(list) == 0 {
		return ""
	}
	if list[0].Name == "" {
		return list[0].Address
	}
	name := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(list[0].Name)
	return `"` + name + `" <` + list[0].Address + `>`
}

// replyTo gives the bare address of Reply-To, empty where there is none.
func replyTo(env *enmime.Envelope) string {
	list, err := env.AddressList("Reply-To")
	if err != nil || len(list) == 0 {
		return ""
	}
	return list[0].Address
}

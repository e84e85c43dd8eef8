// Package email is the email channel: it hands messages to an SMTP server and
// fetches replies, bounces and complaints from an IMAP mailbox.
//
// It owns the wire (reused connections, pipelining, what each reply code means
// at which stage), the shape of our mails, and the reading of what comes back:
// replies without quoted text and signature, automatic replies, RFC 3464
// bounces, ARF complaints. It never retries, stores or logs, and never decides
// what an answer means. Called by the application's wiring; Parse and ParseFiles
// also by the parse-email command.
package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strings"
	"sync"
	"time"

	"otklik/channels"
)

// Defaults for what Config leaves out.
const (
	// DefaultConnections is how many SMTP connections a channel opens at most.
	DefaultConnections = 4
	// DefaultTimeout bounds each step of a session. RFC 5321 4.5.3.2 asks for
	// minutes after the final dot: giving up earlier makes outcomes uncertain.
	DefaultTimeout = 2 * time.Minute
)

// Config says which servers to use. The zero value of a field means its default.
type Config struct {
	// SMTPURL is smtp://user:password@host:587 (STARTTLS; without a user it is
	// used where offered), smtps://host:465 (TLS from the first byte), or
	// smtp+insecure://host:25 (no TLS; a password then only to loopback).
	// Query: tls=required|offered|none; return-path=from|token makes the envelope
	// sender always the From address (for relays that refuse any other) or always
	// the address with the reply token. Without it the token is used where its
	// domain is From's, so that SPF stays aligned.
	SMTPURL string
	// From is the default sender in RFC 5322 form, a display name is allowed.
	From string
	// IMAPURL is imaps://user:password@host:993/INBOX, imap://host:143 (with
	// STARTTLS) or imap+insecure://; empty when replies do not come by IMAP.
	IMAPURL string
	// Since tells, when a mailbox is looked into for the first time, from which
	// arrival on its unread mail is read: what had come before belongs to whoever
	// used the mailbox before, and stays unread. Nil: all unread mail is read.
	Since func(context.Context) (time.Time, error)
	// Domain is the right-hand side of Message-ID and our name in EHLO. Empty:
	// the domain of From.
	Domain string
	// Connections bounds the SMTP connections open at a time. A batch uses all
	// but one of them, so that a single message never waits behind a campaign.
	Connections int
	// Timeout bounds each step of a session: dialing, a command, the wait for
	// the reply to the final dot.
	Timeout time.Duration
	// TLS is the base TLS configuration for both servers; nil means the
	// system's roots. ServerName is always set to the URL's host.
	TLS *tls.Config
}

// Channel is the email channel. It is safe for concurrent use; Close ends its
// idle connections.
type Channel struct {
	smtp    endpoint
	imap    endpoint
	mailbox string
	from    netmail.Address
	domain  string
	timeout time.Duration
	tls     *tls.Config
	// returnPath is the URL's word on the envelope sender.
	returnPath string
	pool       *pool
	// senders remembers each From that was written from: string → *sender. They
	// are as many as an operator has set up.
	senders sync.Map
	// idleFor and pause bound the wait for news of a mailbox.
	idleFor, pause time.Duration
	since          func(context.Context) (time.Time, error)
	// now stamps the Date header.
	now func() time.Time
}

// ErrNoMailbox is returned by Poll of a channel configured without an IMAP URL.
var ErrNoMailbox = errors.New("no IMAP mailbox is configured")

// New checks the configuration and returns the channel without touching the
// network. Its errors name the field and never contain the URL, which holds a
// password.
func New(c Config) (*Channel, error) {
	ch := &Channel{timeout: c.Timeout, tls: c.TLS, since: c.Since, now: time.Now, idleFor: longestIdle, pause: pollPause}
	if ch.timeout <= 0 {
		ch.timeout = DefaultTimeout
	}
	var problems []error
	note := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	var err error
	ch.smtp, err = parseEndpoint("SMTP", c.SMTPURL)
	note(err)
	switch ch.returnPath = ch.smtp.query.Get("return-path"); ch.returnPath {
	case "", "token", "from":
	default:
		note(fmt.Errorf("reading SMTP URL: return-path is %q, not token or from", ch.returnPath))
	}
	if c.IMAPURL != "" {
		ch.imap, err = parseEndpoint("IMAP", c.IMAPURL)
		note(err)
		if ch.mailbox = strings.Trim(ch.imap.path, "/"); ch.mailbox == "" {
			ch.mailbox = "INBOX"
		}
	}
	from, err := netmail.ParseAddress(c.From)
	if err != nil {
		note(fmt.Errorf("reading the From address: %w", err))
	} else {
		ch.from = *from
	}
	ch.domain = c.Domain
	if ch.domain == "" {
		ch.domain = domainOf(ch.from.Address)
	}
	if strings.ContainsAny(ch.domain, " \t\r\n<>@") {
		note(fmt.Errorf("reading the mail domain: %q is not a domain", ch.domain))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	n := c.Connections
	if n <= 0 {
		n = DefaultConnections
	}
	ch.pool = newPool(n, ch.dial)
	return ch, nil
}

// Kind is channels.Email.
func (c *Channel) Kind() channels.Kind { return channels.Email }

// Close says QUIT on idle connections and closes them; those at work are closed
// when their message is done.
func (c *Channel) Close() error { return c.pool.close() }

// tlsMode says whether a connection is encrypted.
type tlsMode uint8

const (
	tlsRequired tlsMode = iota // STARTTLS or nothing
	tlsOffered                 // STARTTLS where the server offers it
	tlsImplicit                // from the first byte
	tlsNone
)

// endpoint is a server address with what is needed to log in.
type endpoint struct {
	host, port, user, password string
	mode                       tlsMode
	path                       string
	query                      url.Values
}

func (e endpoint) address() string { return net.JoinHostPort(e.host, e.port) }

// tlsConfig is base made to check e's certificate.
func (e endpoint) tlsConfig(base *tls.Config) *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if base != nil {
		cfg = base.Clone()
	}
	cfg.ServerName = e.host
	return cfg
}

// schemes gives default port and TLS mode of each URL scheme.
var schemes = map[string]map[string]struct {
	port string
	mode tlsMode
}{
	"SMTP": {
		"smtp":          {"587", tlsRequired},
		"smtps":         {"465", tlsImplicit},
		"smtp+insecure": {"25", tlsNone},
	},
	"IMAP": {
		"imap":          {"143", tlsRequired},
		"imaps":         {"993", tlsImplicit},
		"imap+insecure": {"143", tlsNone},
	},
}

// parseEndpoint reads a server URL. Errors never quote it.
func parseEndpoint(what, raw string) (endpoint, error) {
	fail := func(why string) (endpoint, error) {
		return endpoint{query: url.Values{}}, fmt.Errorf("reading %s URL: %s", what, why)
	}
	if raw == "" {
		return fail("it is empty")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return fail("it is not a URL (percent-encode special characters in the password)")
	}
	scheme, ok := schemes[what][u.Scheme]
	if !ok {
		return fail("unknown scheme (want " + strings.ToLower(what) + ":// or " + strings.ToLower(what) + "s://)")
	}
	e := endpoint{host: u.Hostname(), port: u.Port(), mode: scheme.mode, path: u.Path, query: u.Query()}
	if e.host == "" {
		return fail("no host")
	}
	if e.port == "" {
		e.port = scheme.port
	}
	e.user = u.User.Username()
	e.password, _ = u.User.Password()
	if what == "SMTP" && u.Scheme == "smtp" && e.user == "" {
		e.mode = tlsOffered
	}
	switch v := e.query.Get("tls"); v {
	case "":
	case "required":
		if e.mode != tlsImplicit {
			e.mode = tlsRequired
		}
	case "offered":
		if e.mode != tlsImplicit {
			e.mode = tlsOffered
		}
	case "none":
		e.mode = tlsNone
	default:
		return fail("tls is neither required, offered nor none")
	}
	if e.user != "" && (e.mode == tlsNone || e.mode == tlsOffered) && !loopback(e.host) {
		return fail("a password would travel unencrypted; use TLS or a loopback host")
	}
	return e, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// domainOf is what follows the last @, empty without one.
func domainOf(address string) string {
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		return address[i+1:]
	}
	return ""
}

// bindConn closes conn when ctx ends. The returned release stops watching and
// reports false when the connection has been closed.
func bindConn(ctx context.Context, conn net.Conn) (release func() bool) {
	return context.AfterFunc(ctx, func() { _ = conn.Close() })
}

// String keeps the password out of anything that prints a Channel.
func (c *Channel) String() string { return "email channel of " + c.domain }

// GoString is String.
func (c *Channel) GoString() string { return c.String() }

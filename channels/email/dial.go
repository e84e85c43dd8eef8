package email

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"otklik/channels"
)

// dial opens one session: TCP, TLS and login by go-mail, whose client is made
// anew for each because a login mechanism keeps state. When ctx ends, the
// connection is closed under it.
func (c *Channel) dial(ctx context.Context) (*session, error) {
	var conn net.Conn
	release := func() bool { return true }
	login := &login{endpoint: c.smtp}
	port, err := strconv.Atoi(c.smtp.port)
	if err != nil {
		return nil, dialFailed(stageConnect, err)
	}
	options := []gomail.Option{
		gomail.WithPort(port),
		gomail.WithTimeout(c.timeout),
		gomail.WithHELO(c.domain),
		gomail.WithTLSConfig(c.smtp.tlsConfig(c.tls)),
		gomail.WithoutSMTPUTF8(),
		gomail.WithDialContextFunc(func(dialing context.Context, network, address string) (net.Conn, error) {
			raw, err := (&net.Dialer{}).DialContext(dialing, network, address)
			if err != nil {
				return nil, err
			}
			// Not to dialing, which go-mail ends as soon as it has dialed.
			conn, release = raw, bindConn(ctx, raw)
			if c.smtp.mode == tlsImplicit {
				return tls.Client(raw, c.smtp.tlsConfig(c.tls)), nil
			}
			return raw, nil
		}),
		// NoTLS keeps go-mail from asking for STARTTLS, also on a connection
		// that is TLS already.
		gomail.WithTLSPolicy(gomail.NoTLS),
	}
	if c.smtp.mode == tlsRequired || c.smtp.mode == tlsOffered {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	if c.smtp.user != "" {
		options = append(options, gomail.WithSMTPAuthCustom(login))
	}
	dialer, err := gomail.NewClient(c.smtp.host, options...)
	if err != nil {
		return nil, c.smtp.scrubbed(dialFailed(stageConnect, err))
	}
	client, err := dialer.DialToSMTPClientWithContext(ctx)
	if err == nil && c.smtp.mode == tlsRequired {
		if _, e := client.GetTLSConnectionState(); e != nil {
			err = errNoTLS
		}
	}
	if !release() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		if ctx.Err() != nil {
			return nil, broken(stageConnect, context.Cause(ctx))
		}
		at := stageConnect
		if login.begun {
			at = stageAuth
		}
		return nil, c.smtp.scrubbed(dialFailed(at, err))
	}
	return newSession(client, conn, c.timeout), nil
}

// login chooses a mechanism from what the server offers and refuses to send a
// password where TLS was wanted and is not there.
type login struct {
	endpoint endpoint
	begun    bool
	smtp.Auth
}

// Start implements smtp.Auth.
func (l *login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	e := l.endpoint
	if e.mode == tlsRequired && !server.TLS {
		return "", nil, errNoTLS
	}
	l.begun = true
	unencrypted := !server.TLS // only to loopback: parseEndpoint saw to it
	for _, mechanism := range server.Auth {
		switch strings.ToUpper(mechanism) {
		case "PLAIN":
			l.Auth = smtp.PlainAuth("", e.user, e.password, e.host, unencrypted)
			return l.Auth.Start(server)
		case "SCRAM-SHA-256":
			if l.Auth == nil {
				l.Auth = smtp.ScramSHA256Auth(e.user, e.password)
			}
		case "LOGIN":
			if l.Auth == nil {
				l.Auth = smtp.LoginAuth(e.user, e.password, e.host, unencrypted)
			}
		case "CRAM-MD5":
			if l.Auth == nil {
				l.Auth = smtp.CRAMMD5Auth(e.user, e.password)
			}
		}
	}
	if l.Auth == nil {
		return "", nil, errNoAuth
	}
	return l.Auth.Start(server)
}

// newSession reads what the server can do.
func newSession(client *smtp.Client, conn net.Conn, timeout time.Duration) *session {
	s := &session{client: client, conn: conn, timeout: timeout, lastUsed: time.Now()}
	s.pipelining, _ = client.Extension("PIPELINING")
	s.eightBit, _ = client.Extension("8BITMIME")
	s.utf8, _ = client.Extension("SMTPUTF8")
	s.dsn, _ = client.Extension("DSN")
	return s
}

// closeQuietly says QUIT without waiting for long; the answer changes nothing.
func (s *session) closeQuietly() {
	_ = s.conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = s.client.Text.W.WriteString("QUIT\r\n")
	if s.client.Text.W.Flush() == nil {
		_, _ = readReply(s.client.Text.R, codeDone)
	}
	_ = s.conn.Close()
}

var _ channels.Channel = (*Channel)(nil)

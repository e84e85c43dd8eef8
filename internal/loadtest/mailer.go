package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// mailer is a bare SMTP client: the body of one mail and the envelope of the next
// leave in one write, one round trip a mail (RFC 2920).
type mailer struct {
	address string

	conn  net.Conn
	in    *bufio.Reader
	frame []byte
}

// fixedBody is what every mail says: as long as listmonk's campaign in
// performance.md.
var fixedBody = strings.Repeat("<p>Thank you for your visit. How satisfied are you with our work?</p>\r\n", 13)

// ioTimeout bounds one step; nothing here takes that long.
const ioTimeout = time.Minute

func (m *mailer) carry(ctx context.Context, next func() *letter, done func(*letter)) error {
	cur := next()
	if cur == nil {
		return nil
	}
	if err := m.connect(ctx); err != nil {
		return err
	}
	defer m.conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = m.conn.SetDeadline(time.Now()) })
	defer stop()
	m.frame = appendEnvelope(m.frame[:0], cur)
	if err := m.exchange("250", "250", "354"); err != nil {
		return err
	}
	for cur != nil {
		ahead := next()
		m.frame = appendMail(m.frame[:0], cur)
		replies := []string{"250"}
		if ahead != nil {
			m.frame = appendEnvelope(m.frame, ahead)
			replies = []string{"250", "250", "250", "354"}
		}
		if err := m.exchange(replies...); err != nil {
			return err
		}
		cur.result, cur.at = cur.key+"@bare.example", time.Now()
		done(cur)
		cur = ahead
	}
	m.frame = append(m.frame[:0], "QUIT\r\n"...)
	return m.exchange("221")
}

func (m *mailer) connect(ctx context.Context) (err error) {
	if m.conn, err = new(net.Dialer).DialContext(ctx, "tcp", m.address); err != nil {
		return fmt.Errorf("connecting to the sink: %w", err)
	}
	m.in = bufio.NewReader(m.conn)
	m.frame = append(m.frame[:0], "EHLO bare.example\r\n"...)
	if err := m.exchange("220", "250"); err != nil {
		return err
	}
	return nil
}

// exchange writes the frame and reads that many replies.
func (m *mailer) exchange(codes ...string) error {
	if err := m.conn.SetDeadline(time.Now().Add(ioTimeout)); err != nil {
		return fmt.Errorf("sending mail: %w", err)
	}
	if _, err := m.conn.Write(m.frame); err != nil {
		return fmt.Errorf("sending mail: %w", err)
	}
	for _, code := range codes {
		for more := true; more; {
			line, err := m.in.ReadSlice('\n')
			if err != nil {
				return fmt.Errorf("reading a reply: %w", err)
			}
			if len(line) < 4 || string(line[:3]) != code {
				return fmt.Errorf("the sink replied %q, want %s", line, code)
			}
			more = line[3] == '-'
		}
	}
	return nil
}

func appendEnvelope(b []byte, l *letter) []byte {
	b = append(b, "MAIL FROM:<service@bare.example> BODY=8BITMIME\r\nRCPT TO:<"...)
	b = append(b, l.to...)
	return append(b, ">\r\nDATA\r\n"...)
}

func appendMail(b []byte, l *letter) []byte {
	b = append(b, "From: Service <service@bare.example>\r\nTo: <"...)
	b = append(b, l.to...)
	b = append(b, ">\r\nSubject: Your visit\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nDate: "...)
	b = time.Now().AppendFormat(b, time.RFC1123Z)
	b = append(append(b, "\r\nMessage-ID: <"...), l.key...)
	b = append(b, "@bare.example>\r\n\r\n"...)
	b = append(b, fixedBody...)
	return append(b, ".\r\n"...)
}

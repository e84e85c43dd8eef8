package main

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"time"
)

// mailSink is an SMTP server that pipelines (RFC 2920): replies to a group of
// commands leave in one write. It takes every mail and keeps nothing of it.
type mailSink struct {
	tallies *tallies
	// delay holds back each reply to a mail's final dot.
	delay time.Duration
}

const (
	ehloReply = "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10485760\r\n"
	okReply   = "250 2.0.0 ok\r\n"
	dataReply = "354 go on\r\n"
)

func (s *mailSink) serve(conn net.Conn) {
	defer conn.Close()
	m := &mailConn{in: bufio.NewReaderSize(conn, 64<<10), out: bufio.NewWriterSize(conn, 4<<10), tally: s.tallies.open(), delay: s.delay}
	_, _ = m.out.WriteString("220 sink.example ESMTP\r\n")
	for m.step() {
	}
}

// mailConn is one session. Errors of the writer stay in it and show at Flush.
type mailConn struct {
	in    *bufio.Reader
	out   *bufio.Writer
	tally *tally
	delay time.Duration

	recipient uint64
}

// step answers one command; false ends the session.
func (m *mailConn) step() bool {
	line, err := m.line()
	if err != nil {
		return false
	}
	switch {
	case hasPrefix(line, "MAIL"), hasPrefix(line, "RSET"), hasPrefix(line, "NOOP"):
		_, _ = m.out.WriteString(okReply)
	case hasPrefix(line, "RCPT"):
		m.recipient = number(between(line, '<', '>'))
		_, _ = m.out.WriteString(okReply)
	case hasPrefix(line, "DATA"):
		_, _ = m.out.WriteString(dataReply)
		return m.data()
	case hasPrefix(line, "EHLO"), hasPrefix(line, "HELO"):
		_, _ = m.out.WriteString(ehloReply)
	case hasPrefix(line, "QUIT"):
		_, _ = m.out.WriteString("221 2.0.0 bye\r\n")
		_ = m.out.Flush()
		return false
	default:
		_, _ = m.out.WriteString("500 5.5.1 unknown command\r\n")
	}
	return true
}

// line reads a line once nothing more can be read without the other side having
// its replies.
func (m *mailConn) line() ([]byte, error) {
	if m.in.Buffered() == 0 {
		if err := m.out.Flush(); err != nil {
			return nil, err
		}
	}
	line, err := m.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return line, nil // a part of a long line in a mail
	}
	return line, err
}

// data reads a mail to its final dot.
func (m *mailConn) data() bool {
	id, header := uint64(0), true
	for {
		line, err := m.line()
		switch {
		case err != nil:
			return false
		case len(line) == 3 && line[0] == '.':
			if m.delay > 0 {
				if m.out.Flush() != nil {
					return false
				}
				<-time.After(m.delay)
			}
			m.tally.take(id, m.recipient)
			_, _ = m.out.WriteString(okReply)
			return true
		case header && len(line) == 2:
			header = false
		case header && hasPrefix(line, "MESSAGE-ID:"):
			id = number(between(line, '<', '@'))
		}
	}
}

// hasPrefix compares without regard to case; prefix is in capitals.
func hasPrefix(line []byte, prefix string) bool {
	if len(line) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		c := line[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != prefix[i] {
			return false
		}
	}
	return true
}

// between is what stands after the first from and before the next to, or nothing.
func between(line []byte, from, to byte) []byte {
	_, rest, found := bytes.Cut(line, []byte{from})
	inner, _, closed := bytes.Cut(rest, []byte{to})
	if !found || !closed {
		return nil
	}
	return inner
}

package email

import (
	"bufio"
	"errors"
	"net/textproto"
	"strings"
	"time"
)

// Limits of a reply. RFC 5321 4.5.3.1.5 lets a line have 512 octets and does not
// limit their number.
const longestReply = 64 << 10

// patient gives the next step of the session at least the timeout, and at most an
// eighth more: setting a deadline costs about as much as writing a header.
func (s *session) patient() error {
	now := time.Now()
	if now.Before(s.renew) {
		return nil
	}
	spare := s.timeout / 8
	s.renew = now.Add(spare)
	return s.conn.SetDeadline(now.Add(s.timeout + spare))
}

// write sends p and says how many bytes of it the kernel has taken: that, not
// the error, decides whether the final dot may have left.
func (s *session) write(p []byte) (sent int, err error) {
	if err := s.patient(); err != nil {
		return 0, err
	}
	w := s.client.Text.W
	n, err := w.Write(p)
	if err == nil {
		err = w.Flush()
	}
	return n - w.Buffered(), err
}

// read reads one reply. The text of one that is as expected is not kept.
func (s *session) read(expected int) (reply, error) {
	in := s.client.Text.R
	if in.Buffered() == 0 {
		if err := s.patient(); err != nil {
			return reply{}, err
		}
	}
	return readReply(in, expected)
}

func readReply(in *bufio.Reader, expected int) (reply, error) {
	line, err := readLine(in)
	if err != nil {
		return reply{}, err
	}
	code, more, ok := replyCode(line)
	if !ok {
		return reply{}, textproto.ProtocolError("a reply that is none: " + string(line[:min(len(line), 64)]))
	}
	if !more && code == expected {
		return reply{code: code}, nil
	}
	var text strings.Builder
	text.Write(line[min(4, len(line)):])
	for more {
		if line, err = readLine(in); err != nil {
			return reply{}, err
		}
		if text.Len()+len(line) > longestReply {
			return reply{}, errTalkative
		}
		text.WriteByte('\n')
		c, on, ok := replyCode(line)
		if !ok || c != code {
			text.Write(line) // a server that does not repeat its code
			continue
		}
		text.Write(line[min(4, len(line)):])
		more = on
	}
	return newReply(code, text.String()), nil
}

var errTalkative = errors.New("the server's reply does not end")

// readLine gives a line without its end; it is valid until the next one is read.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, errTalkative
	}
	if err != nil {
		return nil, err
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

// replyCode reads the three digits of a reply's line and whether more lines
// follow it.
func replyCode(line []byte) (code int, more, ok bool) {
	if len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, false, false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, false
		}
		code = code*10 + int(c-'0')
	}
	return code, len(line) > 3 && line[3] == '-', code >= 100
}

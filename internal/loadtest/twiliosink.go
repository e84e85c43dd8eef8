package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// twilioSink answers POST …/Messages.json as Twilio does: 201 with a fresh sid.
// It reads HTTP/1.1 by itself, because net/http's server costs as much as the
// client that is measured.
type twilioSink struct {
	tallies *tallies
	// delay holds back each answer.
	delay time.Duration
	sids  atomic.Uint64
}

// maxBody is more than any message has.
const maxBody = 64 << 10

func (s *twilioSink) serve(conn net.Conn) {
	defer conn.Close()
	t := &twilioConn{in: bufio.NewReaderSize(conn, 16<<10), conn: conn, tally: s.tallies.open()}
	for {
		posted, err := t.request()
		if err != nil {
			return
		}
		if s.delay > 0 {
			<-time.After(s.delay)
		}
		if posted {
			id, recipient := t.message()
			t.tally.take(id, recipient)
			t.accept(s.sids.Add(1))
		} else {
			t.refuse()
		}
		if _, err := conn.Write(t.answer); err != nil {
			return
		}
	}
}

// twilioConn is one connection with the buffers that its requests share.
type twilioConn struct {
	in           *bufio.Reader
	conn         net.Conn
	tally        *tally
	body, answer []byte
}

// request reads one request with its body; posted says that it sends a message.
func (t *twilioConn) request() (posted bool, err error) {
	line, err := t.in.ReadSlice('\n')
	if err != nil {
		return false, err
	}
	posted = bytes.HasPrefix(line, []byte("POST ")) && bytes.Contains(line, []byte("/Messages.json "))
	length := 0
	for {
		if line, err = t.in.ReadSlice('\n'); err != nil {
			return false, err
		}
		if len(line) <= 2 {
			break
		}
		switch {
		case hasPrefix(line, "CONTENT-LENGTH:"):
			if length, err = strconv.Atoi(strings.TrimSpace(string(line[len("CONTENT-LENGTH:"):]))); err != nil || length < 0 || length > maxBody {
				return false, fmt.Errorf("a body of %q bytes", line)
			}
		case hasPrefix(line, "TRANSFER-ENCODING:"):
			return false, fmt.Errorf("a body of unknown length")
		case hasPrefix(line, "EXPECT:"):
			if _, err := io.WriteString(t.conn, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
				return false, err
			}
		}
	}
	if cap(t.body) < length {
		t.body = make([]byte, length)
	}
	t.body = t.body[:length]
	_, err = io.ReadFull(t.in, t.body)
	return posted, err
}

// message finds our id, which the StatusCallback carries as its query parameter
// "id", and the recipient. Both are taken as they stand in the form.
func (t *twilioConn) message() (id, recipient uint64) {
	for form := t.body; len(form) > 0; {
		var field []byte
		field, form, _ = bytes.Cut(form, []byte{'&'})
		if to, ok := bytes.CutPrefix(field, []byte("To=")); ok {
			recipient = number(to)
		} else if _, of, ok := bytes.Cut(field, []byte("%3Fid%3D")); ok && bytes.HasPrefix(field, []byte("StatusCallback=")) {
			id = number(of)
		}
	}
	return id, recipient
}

const (
	taken   = `{"sid":"SM%032x","status":"queued","num_segments":"1","error_code":null,"error_message":null}`
	refused = `{"code":20404,"message":"not found","status":404}`
)

func (t *twilioConn) accept(sid uint64) {
	t.answer = fmt.Appendf(t.answer[:0], "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"+taken, len(taken)-len("%032x")+32, sid)
}

func (t *twilioConn) refuse() {
	t.answer = fmt.Appendf(t.answer[:0], "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"+refused, len(refused))
}

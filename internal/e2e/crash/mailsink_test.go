package crash_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailSink is an SMTP server that pipelines (RFC 2920) and keeps no mail but what
// names it.
type mailSink struct {
	*sink
	addr string
}

func newMailSink(t *testing.T, seed uint64) *mailSink {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &mailSink{sink: newSink(seed), addr: l.Addr().String()}
	var running sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			running.Go(func() {
				(&mailSession{sink: s.sink, conn: c, count: &counting{r: c}}).serve()
				mu.Lock()
				delete(open, c)
				mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return s
}

// counting counts what was read of a connection.
type counting struct {
	r io.Reader
	n int64
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// mailSession is one connection.
type mailSession struct {
	sink  *sink
	conn  net.Conn
	count *counting
	r     *bufio.Reader
	w     *bufio.Writer
	// to is the recipient of the mail that was begun.
	to string
	// unsent are the mails whose answers stand in w.
	unsent []int
}

func (m *mailSession) serve() {
	defer func() { _ = m.conn.Close() }()
	m.r, m.w = bufio.NewReader(m.count), bufio.NewWriter(m.conn)
	lines := textproto.NewReader(m.r)
	for ok := m.say("220 sink.example ESMTP"); ok; {
		// What was pipelined is answered together.
		if m.r.Buffered() == 0 && !m.flush() {
			return
		}
		line, err := lines.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			ok = m.say("250-sink.example", "250-PIPELINING", "250-8BITMIME", "250-ENHANCEDSTATUSCODES", "250 SMTPUTF8")
		case "MAIL", "RSET":
			m.to = ""
			ok = m.say("250 2.0.0 ok")
		case "RCPT":
			_, address, _ := strings.Cut(rest, "<")
			m.to, _, _ = strings.Cut(address, ">")
			ok = m.say("250 2.1.5 ok")
		case "DATA":
			ok = m.data(lines)
		case "QUIT":
			_ = m.say("221 2.0.0 bye") && m.flush()
			return
		default:
			ok = m.say("250 2.0.0 ok")
		}
	}
}

// data reads one mail and answers its final dot.
func (m *mailSession) data(lines *textproto.Reader) bool {
	if !m.say("354 go on") || !m.flush() {
		return false
	}
	text, err := io.ReadAll(lines.DotReader())
	if err != nil {
		return false // the final dot has not come: nothing was taken
	}
	dot := m.count.n - int64(m.r.Buffered())
	met, wait := m.sink.meet()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	<-timer.C
	if met.status != 0 && !met.taken {
		return m.say(fmt.Sprintf("%d %d.3.0 the sink refuses", met.status, met.status/100))
	}
	id, made := header(text)
	number := m.sink.take(arrival{id: id, ref: reference("?id=" + strings.Split(id, "@")[0]), to: m.to, made: made, dot: dot})
	if met.status != 0 {
		return m.say(fmt.Sprintf("%d %d.3.0 the sink refuses", met.status, met.status/100))
	}
	m.unsent = append(m.unsent, number)
	return m.say("250 2.0.0 taken")
}

// header gives a mail's Message-ID and Date, nothing of what cannot be read.
func header(text []byte) (id string, made time.Time) {
	read, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return "", time.Time{}
	}
	made, _ = read.Header.Date()
	return strings.Trim(read.Header.Get("Message-Id"), "<> "), made
}

func (m *mailSession) say(lines ...string) bool {
	for _, l := range lines {
		if _, err := m.w.WriteString(l + "\r\n"); err != nil {
			return false
		}
	}
	return true
}

func (m *mailSession) flush() bool {
	if err := m.w.Flush(); err != nil {
		return false
	}
	m.sink.answered(m.unsent...)
	m.unsent = nil
	return true
}

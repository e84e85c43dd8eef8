package email

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/wneessen/go-mail/smtp"
	"pgregory.net/rapid"
)

// countingConn counts what costs a system call or a timer.
type countingConn struct {
	net.Conn
	writes, reads, deadlines int
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.writes++
	return c.Conn.Write(p)
}

func (c *countingConn) Read(p []byte) (int, error) {
	c.reads++
	return c.Conn.Read(p)
}

func (c *countingConn) SetDeadline(t time.Time) error {
	c.deadlines++
	return c.Conn.SetDeadline(t)
}

// counted opens a session whose connection counts.
func counted(t testing.TB, address string) (*session, *countingConn) {
	t.Helper()
	raw, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	conn := &countingConn{Conn: raw}
	t.Cleanup(func() { _ = conn.Close() })
	client, err := smtp.NewClient(conn, "sink")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Hello("dealer.example"); err != nil {
		t.Fatal(err)
	}
	return newSession(client, conn, patience), conn
}

// TestAMessageCostsOneWrite: body and next envelope leave together, the replies
// are read as they come, the deadline is not touched, and no more messages are
// begun than Window says.
func TestAMessageCostsOneWrite(t *testing.T) {
	url, taken := sink(t, "250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
	c := offline(t, url)
	s, conn := counted(t, c.smtp.address())
	const n = 200
	i, answered := 0, 0
	next := func() *job {
		if i == n {
			return nil
		}
		if i++; i-answered > Window {
			t.Errorf("%d messages are begun and %d answered", i, answered)
		}
		m := survey()
		m.ID = fmt.Sprint(i)
		l, err := c.compose(&m, time.Now())
		if err != nil {
			t.Error(err)
		}
		return &job{letter: l, index: i}
	}
	conn.writes, conn.reads, conn.deadlines = 0, 0, 0
	s.run(t.Context(), next(), next, func(j *job, err error) {
		if answered++; err != nil {
			t.Errorf("message %d: %v", j.index, err)
		}
	})
	if taken.Load() != n {
		t.Fatalf("%d of %d arrived", taken.Load(), n)
	}
	if conn.writes != n+1 || conn.deadlines != 1 {
		t.Errorf("%d messages took %d writes and %d deadlines", n, conn.writes, conn.deadlines)
	}
	// Four replies a message: the sink gives them together.
	if conn.reads > n+n/2 {
		t.Errorf("%d messages took %d reads", n, conn.reads)
	}
}

func TestRepliesAreReadAsByTextproto(t *testing.T) {
	line := rapid.SampledFrom([]string{"250 ok", "250-more", "250-2.0.0 queued", "250 2.0.0 as 1A2B", "550-5.1.1 no", "550 5.1.1 such user", "354 go on", "354-go", "250-", "250 ", "25O queued", "99 x", "x", "", "2500 x", "-50 x", "421 4.3.2 bye"})
	rapid.Check(t, func(t *rapid.T) {
		raw := strings.Join(rapid.SliceOfN(line, 1, 5).Draw(t, "lines"), "\r\n")
		if rapid.Bool().Draw(t, "ended") {
			raw += "\r\n"
		}
		code, text, err := textproto.NewReader(bufio.NewReader(strings.NewReader(raw))).ReadResponse(0)
		got, gotErr := readReply(bufio.NewReader(strings.NewReader(raw)), codeDone)
		if !strings.HasSuffix(raw, "\n") {
			// The stream ended within a line: textproto takes what it has.
			if gotErr == nil && err != nil {
				t.Fatalf("%q is read as %+v", raw, got)
			}
			return
		}
		if (err == nil) != (gotErr == nil) {
			t.Fatalf("%q: %v, textproto: %v", raw, gotErr, err)
		}
		if err != nil {
			return
		}
		want := newReply(code, text)
		if got.code == codeDone && got.text == "" {
			want = reply{code: codeDone} // as expected: the words are not kept
		}
		if got != want {
			t.Fatalf("%q is read as %+v, by textproto as %+v", raw, got, want)
		}
	})
}

func TestRepliesWithoutEndAreNotKept(t *testing.T) {
	for name, raw := range map[string]io.Reader{
		"a line":  strings.NewReader("250 " + strings.Repeat("x", 1<<20)),
		"a reply": strings.NewReader(strings.Repeat("250-more\r\n", 1<<20)),
	} {
		if _, err := readReply(bufio.NewReader(raw), codeDone); !errors.Is(err, errTalkative) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r, err := readReply(bufio.NewReader(strings.NewReader("250\r\n")), codeDone); err != nil || r.code != 250 {
		t.Errorf("a bare code (RFC 5321 4.2): %+v, %v", r, err)
	}
}

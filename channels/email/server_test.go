package email

import (
	"bufio"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
)

// What a script can do instead of answering.
const (
	hang   = "<hang>"
	hangUp = "<close>"
	reset  = "<reset>"
)

// script is an SMTP server that says what a test wants it to say. An empty field
// means the usual answer.
type script struct {
	greeting, auth, mail, rcpt, data, dot string
	// extensions beyond the usual; nil means PIPELINING and ENHANCEDSTATUSCODES.
	extensions []string
	// perSession ends each session with 421 after that many messages.
	perSession int
	// cutBody resets the connection while the data is coming.
	cutBody bool
	// atOnce greets further sessions with 421 while that many are open.
	atOnce int

	t        testing.TB
	listener net.Listener
	conns    sync.WaitGroup

	mu       sync.Mutex
	open     []net.Conn
	sessions int
	active   int
	bodies   []string
	commands []string
}

// start listens on loopback until the test ends.
func (s *script) start(t testing.TB) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.t, s.listener = t, l
	s.conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.sessions++
			s.open = append(s.open, conn)
			s.mu.Unlock()
			s.conns.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.hangUpAll()
		s.conns.Wait()
	})
	return s
}

// hangUpAll closes every open session, as a server that restarts.
func (s *script) hangUpAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.open {
		_ = c.Close()
	}
	s.open = nil
}

func (s *script) url(userinfo string) string {
	return "smtp+insecure://" + userinfo + s.listener.Addr().String()
}

func (s *script) channel(userinfo string) *Channel {
	s.t.Helper()
	c, err := New(Config{SMTPURL: s.url(userinfo), From: "Автосервис <service@dealer.example>", Connections: 3, Timeout: patience})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (s *script) seen() (bodies, commands []string, sessions int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.bodies...), append([]string(nil), s.commands...), s.sessions
}

// say answers and reports whether the session goes on.
func (s *script) say(conn net.Conn, answer, usual string) bool {
	if answer == "" {
		answer = usual
	}
	switch answer {
	case hang:
		_, _ = conn.Read(make([]byte, 1))
		return false
	case hangUp:
		return false
	case reset:
		_ = conn.(*net.TCPConn).SetLinger(0)
		return false
	}
	_, err := conn.Write([]byte(answer + "\r\n"))
	return err == nil
}

func (s *script) serve(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	s.active++
	crowded := s.atOnce > 0 && s.active > s.atOnce
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.active--
		s.mu.Unlock()
	}()
	if crowded {
		s.say(conn, "", "421 4.7.0 too many connections")
		return
	}
	if !s.say(conn, s.greeting, "220 scripted ESMTP") {
		return
	}
	in := textproto.NewReader(bufio.NewReader(conn))
	carried := 0
	refused := false
	for {
		line, err := in.ReadLine()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.commands = append(s.commands, line)
		s.mu.Unlock()
		verb, _, _ := strings.Cut(line, " ")
		var ok bool
		switch strings.ToUpper(verb) {
		case "EHLO":
			ok = s.say(conn, "", s.hello())
		case "AUTH":
			ok = s.say(conn, s.auth, "235 2.7.0 welcome")
		case "MAIL":
			if s.perSession > 0 && carried >= s.perSession {
				s.say(conn, "", "421 4.7.0 enough for one session")
				return
			}
			refused = strings.HasPrefix(s.mail, "5") || strings.HasPrefix(s.mail, "4")
			ok = s.say(conn, s.mail, "250 2.1.0 ok")
		case "RCPT":
			answer := s.rcpt
			if strings.Contains(line, "nobody@") {
				answer = "550 5.1.1 <nobody@client.example> unknown"
			}
			refused = refused || answer != ""
			ok = s.say(conn, answer, "250 2.1.5 ok")
		case "DATA":
			if refused && s.data == "" {
				ok = s.say(conn, "", "554 5.5.1 no valid recipients")
				break
			}
			if ok = s.say(conn, s.data, "354 go on"); ok && (s.data == "" || strings.HasPrefix(s.data, "354")) {
				if s.cutBody {
					s.say(conn, reset, "")
					return
				}
				body, err := in.ReadDotBytes()
				if err != nil {
					return
				}
				s.mu.Lock()
				s.bodies = append(s.bodies, string(body))
				s.mu.Unlock()
				carried++
				ok = s.say(conn, s.dot, "250 2.0.0 queued")
			}
		case "RSET":
			refused = false
			ok = s.say(conn, "", "250 2.0.0 ok")
		case "QUIT":
			s.say(conn, "", "221 2.0.0 bye")
			return
		default:
			ok = s.say(conn, "", "500 5.5.2 what")
		}
		if !ok {
			return
		}
	}
}

func (s *script) hello() string {
	extensions := s.extensions
	if extensions == nil {
		extensions = []string{"PIPELINING", "ENHANCEDSTATUSCODES", "AUTH PLAIN"}
	}
	lines := append([]string{"scripted"}, extensions...)
	var b strings.Builder
	for i, l := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString("250" + sep + l)
	}
	return b.String()
}

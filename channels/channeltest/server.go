package channeltest

import (
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
)

// Fault is what a Reply does instead of answering.
type Fault uint8

// Faults.
const (
	// NoFault answers.
	NoFault Fault = iota
	// ResetAfterRead reads the whole request and resets the connection.
	ResetAfterRead
	// Hang reads the whole request and answers nothing until the client leaves
	// or the test ends.
	Hang
	// Cut sends the header and half of the body, then resets the connection.
	Cut
)

// Reply is one recorded answer of a provider.
type Reply struct {
	// Status is the HTTP status; 0 means 200.
	Status int
	// Header is added to the answer; Content-Type is application/json unless set.
	Header http.Header
	Body   string
	Fault  Fault
}

// Call is a request as the server read it.
type Call struct {
	Method, Path string
	Query        url.Values
	Header       http.Header
	// Form is the body of a form post, without the query; nil otherwise.
	Form url.Values
	Body []byte
	// Connection numbers the TCP connections from 1: equal numbers show reuse.
	Connection int
}

// Replies answers the first call with the first reply and so on; the last one
// stays. It is the simplest second argument of NewServer.
func Replies(replies ...Reply) func(n int, c Call) Reply {
	return func(n int, _ Call) Reply { return replies[min(n, len(replies)-1)] }
}

// Server is a provider made of recorded replies on a loopback port. It records
// every request it has read whole before it answers.
type Server struct {
	// URL is the base address, without trailing slash.
	URL string

	answer func(n int, c Call) Reply
	ended  chan struct{}
	mu     sync.Mutex
	calls  []Call
	// conns numbers connections by the client's address.
	conns  map[string]int
	opened int
}

// NewServer starts a server that answers the n-th call (from 0) with what answer
// gives for it; answer must be safe for concurrent use. The server ends with t.
func NewServer(t testing.TB, answer func(n int, c Call) Reply) *Server {
	t.Helper()
	s := &Server{answer: answer, ended: make(chan struct{}), conns: map[string]int{}}
	hs := httptest.NewUnstartedServer(s)
	hs.Config.ConnState = s.count
	hs.Start()
	s.URL = hs.URL
	t.Cleanup(func() {
		close(s.ended)
		hs.CloseClientConnections()
		hs.Close()
	})
	return s
}

// Calls gives the requests read so far, in the order in which they were read.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Connections is how many connections have been opened so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

func (s *Server) count(c net.Conn, state http.ConnState) {
	if state != http.StateNew {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	s.conns[c.RemoteAddr().String()] = s.opened
}

// ServeHTTP records one request and plays its reply.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, c, err := s.record(r)
	if err != nil {
		return
	}
	reply := s.answer(n, c)
	switch reply.Fault {
	case ResetAfterRead:
		reset(w)
		return
	case Hang:
		select {
		case <-r.Context().Done():
		case <-s.ended:
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	maps.Copy(w.Header(), reply.Header)
	status := reply.Status
	if status == 0 {
		status = http.StatusOK
	}
	if reply.Fault == Cut {
		cut(w, status, reply.Body)
		return
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, reply.Body)
}

func (s *Server) record(r *http.Request) (int, Call, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, Call{}, err
	}
	c := Call{Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header.Clone(), Body: body}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := r.ParseForm(); err == nil {
		c.Form = r.PostForm
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Connection = s.conns[r.RemoteAddr]
	s.calls = append(s.calls, c)
	return len(s.calls) - 1, c, nil
}

// cut promises the whole body and breaks off halfway.
func cut(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body[:len(body)/2])
	_ = http.NewResponseController(w).Flush()
	reset(w)
}

// reset closes the connection with RST, so that the client sees an error and not
// an orderly end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	resetConn(conn)
}

func resetConn(conn net.Conn) {
	if tc, ok := conn.(*net.TCPConn); ok {
		_ = tc.SetLinger(0)
	}
	_ = conn.Close()
}

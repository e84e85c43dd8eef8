package testserver

import (
	"errors"
	"io"
	"os"
	"testing"
)

// Server is a running server that can be stopped and started again in place.
type Server struct {
	process *Process
	home    string
	url     string
	ready   func() bool
	claim   io.Closer // of its port
}

// serve starts what plan describes on a free port, and on another one if the
// first was taken meanwhile.
func serve(home string, plan func(port int) (Program, string, func() bool)) (*Server, error) {
	var errs []error
	for range 3 {
		port, claim, err := freePort()
		if err != nil {
			return nil, err
		}
		program, location, ready := plan(port)
		process, err := launch(program, ready)
		if err == nil {
			return &Server{process: process, home: home, url: location, ready: ready, claim: claim}, nil
		}
		errs = append(errs, err, claim.Close())
	}
	return nil, errors.Join(errs...)
}

// URL is where the server is reached.
func (s *Server) URL() string { return s.url }

// Close stops the server and removes its data.
func (s *Server) Close() error {
	return errors.Join(s.process.Stop(), os.RemoveAll(s.home), s.claim.Close())
}

// controls returns what a test stops and starts its server with. Both may be
// called in any state.
func (s *Server) controls(t testing.TB) (stop, start func()) {
	stop = func() {
		t.Helper()
		if err := s.process.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	start = func() {
		t.Helper()
		if s.process.cmd != nil {
			return
		}
		if err := errors.Join(s.process.Start(), s.process.await(s.ready)); err != nil {
			t.Fatal(err)
		}
	}
	return stop, start
}

package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// sinkAddress is where a sink is reached; it prints it when it is up.
type sinkAddress struct {
	SMTP    string // host:port
	Twilio  string // base URL
	Control string // base URL: /count, /ids, /recipients
}

// runSink is the sink's own process; it runs until ctx is over.
func runSink(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("sink", flag.ContinueOnError)
	delay := flags.Duration("delay", 0, "hold back each answer")
	live := flags.Bool("live", false, "print the messages of each second on standard error")
	if err := flags.Parse(args); err != nil {
		return usageError{err}
	}
	var ts tallies
	var address sinkAddress
	smtp, err := listen((&mailSink{tallies: &ts, delay: *delay}).serve)
	if err != nil {
		return err
	}
	defer smtp.Close()
	twilio, err := listen((&twilioSink{tallies: &ts, delay: *delay}).serve)
	if err != nil {
		return err
	}
	defer twilio.Close()
	control, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("opening the sink's counters: %w", err)
	}
	server := &http.Server{Handler: counters(&ts), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(control) }()
	defer func() { _ = server.Close() }()
	address.SMTP, address.Twilio, address.Control = smtp.Addr().String(), "http://"+twilio.Addr().String(), "http://"+control.Addr().String()
	if err := json.NewEncoder(stdout).Encode(address); err != nil {
		return fmt.Errorf("printing where the sink is: %w", err)
	}
	if *live {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		go everySecond(&ts, ticker.C, stderr)
	}
	<-ctx.Done()
	return nil
}

// listen takes connections on a free port and serves each on a goroutine.
func listen(serve func(net.Conn)) (net.Listener, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the sink: %w", err)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return l, nil
}

// everySecond prints what came in since the last tick.
func everySecond(ts *tallies, ticks <-chan time.Time, w io.Writer) {
	before := 0
	for range ticks {
		now := ts.count().Received
		if now != before {
			fmt.Fprintf(w, "sink: %d messages/s, %d in all\n", now-before, now)
		}
		before = now
	}
}

func counters(ts *tallies) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /count", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(ts.count()) })
	numbers := func(recipients bool) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			_ = binary.Write(w, binary.LittleEndian, ts.seen(recipients))
		}
	}
	mux.HandleFunc("GET /ids", numbers(false))
	mux.HandleFunc("GET /recipients", numbers(true))
	return mux
}

// sink is a sink's process as seen by who started it.
type sink struct {
	sinkAddress
	process *process
	client  http.Client
}

// startSink starts a sink and returns when it can be reached.
func startSink(delay time.Duration, live bool, stderr io.Writer) (*sink, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting the sink: %w", err)
	}
	defer out.Close()
	p, err := start(command{name: "the sink", args: []string{self, "sink", fmt.Sprint("-delay=", delay), fmt.Sprint("-live=", live)}, stdout: in, stderr: stderr})
	in.Close()
	if err != nil {
		return nil, err
	}
	s := &sink{process: p, client: http.Client{Timeout: time.Minute}}
	if err := json.NewDecoder(out).Decode(&s.sinkAddress); err != nil {
		_, stopping := p.stop()
		return nil, errors.Join(fmt.Errorf("starting the sink: %w", err), stopping)
	}
	return s, nil
}

// stop ends the sink and gives the processor time it used.
func (s *sink) stop() (used, error) { return s.process.stop() }

func (s *sink) get(ctx context.Context, path string, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Control+path, nil)
	if err != nil {
		return fmt.Errorf("asking the sink: %w", err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("asking the sink: %w", err)
	}
	defer resp.Body.Close()
	if err := read(resp.Body); err != nil {
		return fmt.Errorf("asking the sink: %w", err)
	}
	return nil
}

// count asks how far the sink has come.
func (s *sink) count(ctx context.Context) (c count, err error) {
	err = s.get(ctx, "/count", func(r io.Reader) error { return json.NewDecoder(r).Decode(&c) })
	return c, err
}

// numbers asks for every message's number, sorted; path is /ids or /recipients.
func (s *sink) numbers(ctx context.Context, path string) (out []uint64, err error) {
	err = s.get(ctx, path, func(r io.Reader) error {
		b, err := io.ReadAll(r)
		for ; len(b) >= 8; b = b[8:] {
			out = append(out, binary.LittleEndian.Uint64(b))
		}
		return err
	})
	return out, err
}

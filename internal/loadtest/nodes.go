package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"otklik/internal/store"
)

// mostNodes is up to how many nodes are measured.
const mostNodes = 3

// stall is how long a campaign may stand still before it counts as stuck.
const stall = time.Minute

// runNodes measures the same campaign with one, two and three nodes and prints a
// report.
func runNodes(ctx context.Context, o options, stdout io.Writer) (err error) {
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	r := &report{options: b.options, columns: make([]column, mostNodes), until: "to the last one"}
	if err := b.fillCampaign(ctx, r); err != nil {
		return err
	}
	for run := range b.runs {
		for i := range r.columns {
			n := i + 1
			r.columns[i].name = plural(n, "node")
			b.say("run %d of %d: %s", run+1, b.runs, r.columns[i].name)
			m, err := b.onCopy(ctx, campaignName, func(url string) (measurement, error) { return b.group(ctx, url, n) })
			if err != nil {
				return err
			}
			r.columns[i].runs = append(r.columns[i].runs, m)
			b.say("%.0f messages/s", m.Rate)
		}
	}
	if r.machine, err = b.machine(ctx); err != nil {
		return err
	}
	r.write(stdout)
	if !r.ok() {
		return errCounts
	}
	return nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// group lets n nodes send a campaign. It is paused until all of them are up, so
// that none has a head start.
func (b *bench) group(ctx context.Context, url string, n int) (m measurement, err error) {
	s, err := startSink(b.delay, b.live, b.progress)
	if err != nil {
		return m, err
	}
	defer func() {
		u, stopping := s.stop()
		m.Sink, err = u.CPU, errors.Join(err, stopping)
	}()
	if err := pauseAll(ctx, url); err != nil {
		return m, err
	}
	before, err := b.begin(ctx)
	if err != nil {
		return m, err
	}
	var nodes []*node
	defer func() {
		for _, n := range nodes {
			_, stopping := n.process.stop()
			err = errors.Join(err, stopping)
		}
	}()
	for range n {
		n, err := b.startNode(ctx, url, s)
		if err != nil {
			return m, err
		}
		nodes = append(nodes, n)
	}
	released := time.Now()
	if err := resumeAll(ctx, url); err != nil {
		return m, err
	}
	if err := b.sendAll(ctx, url, s, nodes); err != nil {
		return m, err
	}
	for _, n := range nodes {
		u, err := n.process.stop()
		if err != nil {
			return m, err
		}
		m.Program.CPU += u.CPU
		m.Program.Peak = max(m.Program.Peak, u.Peak)
		m.Each = append(m.Each, u.CPU)
	}
	if err := b.end(ctx, before, &m); err != nil {
		return m, err
	}
	c, err := s.count(ctx)
	if err != nil {
		return m, err
	}
	m.Startup, m.Span = c.First.Sub(released), c.Last.Sub(c.First)
	m.Rate = float64(c.Received) / m.Span.Seconds()
	if m.check, err = b.compare(ctx, s, url, sentByProgram); err != nil {
		return m, err
	}
	m.States, err = states(ctx, url)
	return m, err
}

// node is one `otklik serve`.
type node struct {
	process *process
	log     *log
	url     string
}

// log keeps what a process says, for errors.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is all that was said.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startNode starts a worker and returns when it answers.
func (b *bench) startNode(ctx context.Context, url string, s *sink) (*node, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	c, err := b.programCommand(url, "serve", "--role", "worker")(s)
	if err != nil {
		return nil, err
	}
	n := &node{log: new(log), url: fmt.Sprintf("http://127.0.0.1:%d", port)}
	c.env, c.stderr = append(c.env, fmt.Sprintf("OTKLIK_LISTEN=127.0.0.1:%d", port)), n.log
	if n.process, err = start(c); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = poll(limited, "a node is up", func() (bool, error) {
		return n.healthy(limited), n.alive()
	})
	if err != nil {
		_, stopping := n.process.stop()
		return nil, errors.Join(err, stopping)
	}
	return n, nil
}

// healthy tells whether the node answers.
func (n *node) healthy(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/healthz", nil)
	if err != nil {
		return false
	}
	resp, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// alive is an error with the node's log once it has ended.
func (n *node) alive() error {
	if ended, err := n.process.ended(); ended {
		return fmt.Errorf("a node has ended (%w):\n%s", err, n.log)
	}
	return nil
}

// sendAll returns when the sink has a message for everybody and the database calls
// none unfinished.
func (b *bench) sendAll(ctx context.Context, url string, s *sink, nodes []*node) error {
	moved, received := time.Now(), 0
	err := poll(ctx, "all messages are sent", func() (bool, error) {
		for _, n := range nodes {
			if err := n.alive(); err != nil {
				return false, err
			}
		}
		c, err := s.count(ctx)
		if err != nil {
			return false, err
		}
		if c.Received != received {
			moved, received = time.Now(), c.Received
		}
		if time.Since(moved) > stall {
			return false, fmt.Errorf("the campaign stands still at %d messages; a node says:\n%s", received, nodes[0].log)
		}
		return received >= b.messages, nil
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stall)
	defer cancel()
	return poll(ctx, "all results are stored", func() (bool, error) {
		rows, err := states(ctx, url)
		return rows["message queued"]+rows["message sending"] == 0, err
	})
}

// pauseAll stops all sending before it begins; resumeAll lets it begin.
func pauseAll(ctx context.Context, url string) error {
	return execute(ctx, url, "insert into pause (name, at) values ('all', $1)", time.Now().UnixMicro())
}

func resumeAll(ctx context.Context, url string) error {
	return execute(ctx, url, "delete from pause where name = 'all'")
}

func execute(ctx context.Context, url, statement string, args ...any) error {
	st, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	defer st.Close()
	err = st.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("pausing and resuming: %w", err)
	}
	return nil
}

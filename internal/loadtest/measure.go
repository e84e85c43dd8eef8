package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"otklik/channels"
	"otklik/internal/testserver"
)

// measurement is what one run of the bare loop or of the program came to.
type measurement struct {
	// Startup is from the start of the process to the first message at the sink,
	// Span from there until the process has ended, with all results stored.
	Startup, Span time.Duration
	// Rate is messages per second over Span.
	Rate float64
	// Program is the sending process, or all of them. The others are processor
	// time over the whole run; zero where it is not known.
	Program               used
	Each                  []time.Duration // processor time of each node
	Database, Redis, Sink time.Duration
	check
}

// check compares what the sink has with what the database says.
type check struct {
	Expected, Received int
	// Doubled are messages to people who have had theirs, Missing people who have
	// had none.
	Doubled, Missing int
	// Lost are rows called sent that the sink never saw, Unrecorded messages at the
	// sink whose row is not called sent.
	Lost, Unrecorded int
	// States count rows by state; empty for the bare loop.
	States map[string]int
}

func (c check) ok() bool {
	return c.Received == c.Expected && c.Doubled == 0 && c.Missing == 0 && c.Lost == 0 && c.Unrecorded == 0
}

// bench is what the runs of a measurement share.
type bench struct {
	options
	databases *databases
	// cache is nil without a Redis; its processor time is asked of the server itself.
	cache    *redis.Client
	redisURL string
	zone     string
	closers  []func() error
}

func newBench(ctx context.Context, o options) (*bench, error) {
	b := &bench{options: o, zone: testserver.Noon(time.Now())}
	var err error
	if b.binary, err = filepath.Abs(o.binary); err != nil {
		return nil, fmt.Errorf("finding the program: %w", err)
	}
	if _, err := os.Stat(b.binary); err != nil {
		return nil, fmt.Errorf("finding the program: %w (`make build` makes it)", err)
	}
	if b.databases, err = openDatabases(ctx, o.engine); err != nil {
		return nil, err
	}
	b.closers = append(b.closers, b.databases.close)
	if o.redis {
		if err := b.openRedis(); err != nil {
			return nil, errors.Join(err, b.close())
		}
	}
	return b, nil
}

func (b *bench) openRedis() error {
	server, err := testserver.StartRedis()
	if err != nil {
		return err
	}
	b.closers = append(b.closers, server.Close)
	// Database 0 holds testserver's list of free ones.
	b.redisURL = server.URL() + "/1"
	options, err := redis.ParseURL(b.redisURL)
	if err != nil {
		return fmt.Errorf("reading the Redis URL: %w", err)
	}
	b.cache = redis.NewClient(options)
	b.closers = append(b.closers, b.cache.Close)
	return nil
}

func (b *bench) close() error {
	var errs []error
	for i := len(b.closers) - 1; i >= 0; i-- {
		errs = append(errs, b.closers[i]())
	}
	return errors.Join(errs...)
}

// redisCPU is what Redis says it has used.
func (b *bench) redisCPU(ctx context.Context) (time.Duration, error) {
	if b.cache == nil {
		return 0, nil
	}
	info, err := b.cache.InfoMap(ctx, "cpu").Result()
	if err != nil {
		return 0, fmt.Errorf("asking Redis: %w", err)
	}
	var sum time.Duration
	for _, name := range []string{"used_cpu_sys", "used_cpu_user"} {
		seconds, err := time.ParseDuration(info["CPU"][name] + "s")
		if err != nil {
			return 0, fmt.Errorf("asking Redis: %w", err)
		}
		sum += seconds
	}
	return sum, nil
}

// meters are the processor times before a run.
type meters struct {
	database, redis time.Duration
}

// begin prepares a run: Redis is emptied, the meters are read.
func (b *bench) begin(ctx context.Context) (m meters, err error) {
	if b.cache != nil {
		if err := b.cache.FlushDB(ctx).Err(); err != nil {
			return m, fmt.Errorf("emptying Redis: %w", err)
		}
	}
	if m.redis, err = b.redisCPU(ctx); err != nil {
		return m, err
	}
	m.database = b.databases.cpu()
	return m, nil
}

// end fills in what the servers used since begin.
func (b *bench) end(ctx context.Context, before meters, m *measurement) error {
	m.Database = b.databases.cpu() - before.database
	now, err := b.redisCPU(ctx)
	m.Redis = now - before.redis
	return err
}

// compare reads the sink and the database of a run.
func (b *bench) compare(ctx context.Context, s *sink, url, ids string) (check, error) {
	c := check{Expected: b.messages}
	seen, err := s.numbers(ctx, "/ids")
	if err != nil {
		return c, err
	}
	people, err := s.numbers(ctx, "/recipients")
	if err != nil {
		return c, err
	}
	sent, err := sentNumbers(ctx, url, ids)
	if err != nil {
		return c, err
	}
	c.Received = len(seen)
	distinct := 0
	for i, p := range people {
		if i == 0 || p != people[i-1] {
			distinct++
		}
	}
	c.Doubled, c.Missing = len(people)-distinct, max(0, b.messages-distinct)
	for i, id := range seen {
		switch {
		case i > 0 && id == seen[i-1]:
		case sent[id]:
			delete(sent, id)
		default:
			c.Unrecorded++
		}
	}
	c.Lost = len(sent)
	return c, nil
}

// once runs one process from start to end against a sink of its own.
func (b *bench) once(ctx context.Context, url, ids string, cmd func(*sink) (command, error)) (m measurement, err error) {
	s, err := startSink(b.delay, b.live, b.progress)
	if err != nil {
		return m, err
	}
	defer func() {
		u, stopping := s.stop()
		m.Sink, err = u.CPU, errors.Join(err, stopping)
	}()
	c, err := cmd(s)
	if err != nil {
		return m, err
	}
	var stderr bytes.Buffer
	c.stderr = &stderr
	before, err := b.begin(ctx)
	if err != nil {
		return m, err
	}
	began := time.Now()
	p, err := start(c)
	if err != nil {
		return m, err
	}
	m.Program, err = p.wait(ctx)
	ended := time.Now()
	if err != nil {
		return m, fmt.Errorf("%w\n%s", err, stderr.String())
	}
	if err := b.end(ctx, before, &m); err != nil {
		return m, err
	}
	n, err := s.count(ctx)
	if err != nil {
		return m, err
	}
	if n.Received == 0 {
		return m, fmt.Errorf("%s sent nothing:\n%s", c.name, stderr.String())
	}
	m.Startup, m.Span = n.First.Sub(began), ended.Sub(n.First)
	m.Rate = float64(n.Received) / m.Span.Seconds()
	m.check, err = b.compare(ctx, s, url, ids)
	return m, err
}

// bareCommand is the bare loop on a filled outbox, with rows on the program's tables.
func (b *bench) bareCommand(url string, rows bool) func(*sink) (command, error) {
	return func(s *sink) (command, error) {
		self, err := os.Executable()
		if err != nil {
			return command{}, fmt.Errorf("finding this program: %w", err)
		}
		return command{name: "the bare loop", env: os.Environ(), args: []string{self, "bare", "-database=" + url, "-channel=" + string(b.channel), fmt.Sprintf("-rows=%t", rows), "-smtp=" + s.SMTP, "-twilio=" + s.Twilio}}, nil
	}
}

// programCommand is the built program with a command line.
func (b *bench) programCommand(url string, args ...string) func(*sink) (command, error) {
	return func(s *sink) (command, error) {
		return command{name: "otklik " + strings.Join(args, " "), dir: b.databases.dir, env: b.environ(url, s), args: append([]string{b.binary}, args...)}, nil
	}
}

// environ is the configuration of the program: one channel, nothing else of ours.
func (b *bench) environ(url string, s *sink) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "OTKLIK_") {
			env = append(env, kv)
		}
	}
	env = append(env, "OTKLIK_DATABASE_URL="+url, "OTKLIK_REDIS_URL="+b.redisURL, "OTKLIK_PUBLIC_URL=https://otklik.example",
		"OTKLIK_DEALER_CODE="+dealerCode, "OTKLIK_DEALER_NAME="+dealerName, "OTKLIK_DEALER_ZONE="+b.zone, "OTKLIK_DEALER_COUNTRY=RU", "OTKLIK_DEALER_LOCALE=ru")
	if b.channel == channels.Email {
		return append(env, "OTKLIK_SMTP_URL=smtp+insecure://"+s.SMTP, "OTKLIK_EMAIL_FROM="+emailFrom)
	}
	return append(env, "OTKLIK_TWILIO_ACCOUNT_SID="+accountSID, "OTKLIK_TWILIO_AUTH_TOKEN="+authToken, "OTKLIK_TWILIO_FROM="+smsFrom, "OTKLIK_TWILIO_API_BASE="+s.Twilio)
}

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/testserver"
)

// TestMain lets the test binary be the processes that a measurement starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{"sink", "bare"}, os.Args[1]) {
		main()
		return
	}
	os.Exit(m.Run())
}

// newBare makes a bench without the program.
func newBare(t testing.TB, engine string, n int) *bench {
	t.Helper()
	if engine == "postgres" {
		testserver.NeedBinary(t, "initdb")
	}
	b, err := newBench(t.Context(), options{messages: n, engine: engine, runs: 1, binary: os.Args[0], progress: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// outboxOf gives the URL of a filled outbox for a channel.
func (b *bench) outboxOf(t testing.TB, channel channels.Kind) string {
	t.Helper()
	b.channel = channel
	name := outboxName + "_" + string(channel)
	if err := b.databases.fillOutbox(t.Context(), name, channel, b.messages); err != nil {
		t.Fatal(err)
	}
	url, err := b.databases.copyOf(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// TestBareLoop: every row is sent once and has its own result, whatever is left of
// the last batch.
func TestBareLoop(t *testing.T) {
	const n = 2*batchSize + share + 7
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			b := newBare(t, engine, n)
			for _, channel := range []channels.Kind{channels.Email, channels.SMS} {
				url := b.outboxOf(t, channel)
				m, err := b.once(t.Context(), url, sentByLoop, b.bareCommand(url, false))
				if err != nil || !m.ok() || m.Rate <= 0 || m.Program.CPU <= 0 {
					t.Errorf("%s: %+v, %v", channel, m, err)
				}
				var rows, results int
				err = query(t.Context(), url, "select count(*), count(distinct provider_id) from outbox where state = 2 and claimed_at > 0 and sent_at >= claimed_at", func(r *sql.Rows) error {
					return r.Scan(&rows, &results)
				})
				if err != nil || rows != n || results != n {
					t.Errorf("%s: %d rows with %d results, %v", channel, rows, results, err)
				}
				if err := b.databases.drop(t.Context(), url); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestBareLoopStopsAtARefusal: a sink that is away is an error, not a hang.
func TestBareLoopStopsAtARefusal(t *testing.T) {
	b := newBare(t, "sqlite", 3000)
	url := b.outboxOf(t, channels.Email)
	gone := &sink{sinkAddress: sinkAddress{SMTP: "127.0.0.1:1"}}
	c, err := b.bareCommand(url, false)(gone)
	if err != nil {
		t.Fatal(err)
	}
	var said log
	c.stderr = &said
	p, err := start(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.wait(t.Context()); err == nil || !strings.Contains(said.String(), "connecting to the sink") {
		t.Errorf("%v: %s", err, &said)
	}
}

// TestCompare names what was doubled and lost.
func TestCompare(t *testing.T) {
	b := newBare(t, "sqlite", 4)
	url := b.outboxOf(t, channels.Email)
	s := newSink(t, 0)
	// Row 1 goes out twice under its own id, row 2 to row 1's person, row 3 is called
	// sent and is not, row 4 is sent and not called so.
	var keys []string
	if err := query(t.Context(), url, "select key from outbox order by id", func(r *sql.Rows) error {
		var k string
		err := r.Scan(&k)
		keys = append(keys, k)
		return err
	}); err != nil || len(keys) != 4 {
		t.Fatal(keys, err)
	}
	if err := execute(t.Context(), url, "update outbox set state = 2 where id < 4"); err != nil {
		t.Fatal(err)
	}
	letters := []letter{{key: keys[0], to: emailAddress(0)}, {key: keys[0], to: emailAddress(0)}, {key: keys[1], to: emailAddress(0)}, {key: keys[3], to: emailAddress(3)}}
	err := (&mailer{address: s.SMTP}).carry(t.Context(), func() (l *letter) {
		if len(letters) > 0 {
			l, letters = &letters[0], letters[1:]
		}
		return l
	}, func(*letter) {})
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.compare(t.Context(), s, url, sentByLoop)
	want := check{Expected: 4, Received: 4, Doubled: 2, Missing: 2, Lost: 1, Unrecorded: 1}
	if err != nil || c.ok() || fmt.Sprint(c) != fmt.Sprint(want) {
		t.Errorf("%+v, want %+v, %v", c, want, err)
	}
}

// TestWaitEndsWithItsContext: an interrupted measurement leaves nothing behind.
func TestWaitEndsWithItsContext(t *testing.T) {
	p, err := start(command{name: "cat", args: []string{"tail", "-f", "/dev/null"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.wait(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if ended, _ := p.ended(); !ended {
		t.Error("it runs on")
	}
}

func TestCPUTimes(t *testing.T) {
	parent, spent := cpuTimes("4711 (a (odd) name) S 42 4711 4711 0 -1 4194560 1 2 3 4 150 25 300 50 20 0 1 0 99 1 2")
	if parent != 42 || spent != 5250*time.Millisecond {
		t.Errorf("parent %d, %v", parent, spent)
	}
	if parent, spent := cpuTimes(""); parent != 0 || spent != 0 {
		t.Errorf("nothing gives %d, %v", parent, spent)
	}
}

// TestProc: on Linux a process that has done something has used time and memory.
func TestProc(t *testing.T) {
	if readProc("self", "stat") == "" {
		t.Skip("no /proc here")
	}
	if peak := peakMemory(os.Getpid()); peak < 1<<20 || peak > 1<<40 {
		t.Errorf("peak memory %d bytes", peak)
	}
	testserver.Wait(t, "this process has used time", func() bool { return familyCPU(os.Getpid()) > 0 })
}

func TestParse(t *testing.T) {
	for _, args := range [][]string{{"campaign", "-n", "0"}, {"campaign", "-channel", "fax"}, {"campaign", "-db", "oracle"}, {"campaign", "-redis", "maybe"},
		{"campaign", "more"}, {"campaign", "-delay", "-1s"}, {"campaign", "-runs", "0"}, {"nodes", "-db", "sqlite"}, {"launch"}, {}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); !errors.As(err, new(usageError)) {
			t.Errorf("%q: %v", args, err)
		}
	}
	for args, want := range map[string]bool{"-db=sqlite": false, "-db=postgres": true, "-db=sqlite -redis=1": true, "-db=postgres -redis=0": false} {
		if o, err := parse("campaign", strings.Fields(args), io.Discard); err != nil || o.redis != want {
			t.Errorf("%s: Redis %v, %v", args, o.redis, err)
		}
	}
}

// TestReport is the whole report of two turns on SQLite.
func TestReport(t *testing.T) {
	states := map[string]int{"message sent": 1500, "survey done": 1500}
	turn := func(rate float64, states map[string]int) measurement {
		return measurement{Rate: rate, Startup: 120 * time.Millisecond, Program: used{CPU: 3 * time.Second, Peak: 64 << 20}, Sink: 15 * time.Millisecond,
			check: check{Expected: 1500, Received: 1500, States: states}}
	}
	r := &report{options: options{messages: 1500, channel: channels.Email, engine: "sqlite", runs: 2}, filled: filled{Saving: time.Second, Planning: 50 * time.Millisecond, Planned: 3000},
		columns: []column{{"bare loop", []measurement{turn(40000, nil), turn(50000, nil)}}, {"otklik", []measurement{turn(20000, maps.Clone(states)), turn(30000, states)}}},
		machine: machine{Processor: "An abacus", Cores: 2, Date: "2026-11-22", Versions: []string{"go1"}}, until: "to the end"}
	var b strings.Builder
	r.write(&b)
	const want = `Email on SQLite: 1,500 messages, An abacus, 2 cores, go1, 2026-11-22

|                                    |                bare loop |                   otklik |
| ---------------------------------- | -----------------------: | -----------------------: |
| messages/s                         | 40,000 / 45,000 / 50,000 | 20,000 / 25,000 / 30,000 |
| against the bare loop              |                     1.00 |       0.50 / 0.55 / 0.60 |
| start to first message, s          |                     0.12 |                     0.12 |
| CPU s per 1,000: sending processes |                   2.0000 |                   2.0000 |
| CPU s per 1,000: database          |                        – |                        – |
| CPU s per 1,000: these together    |                   2.0000 |                   2.0000 |
| CPU s per 1,000: Redis             |                        – |                        – |
| CPU s per 1,000: sink              |                   0.0100 |                   0.0100 |
| peak memory of a process, MiB      |                       64 |                       64 |
| received                           |                    1,500 |                    1,500 |
| doubled                            |                        0 |                        0 |
| people without a message           |                        0 |                        0 |
| called sent, not received          |                        0 |                        0 |
| received, not called sent          |                        0 |                        0 |

Rows by state after the last run: message sent 1,500, survey done 1,500.
Planning: 30,000 contacts/s (3,000 outreach rows in 0.1 s); visits stored before it: 1,500/s.
Rates are from the first message at the sink to the end.
2 runs in turn: least / median / most.
`
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
	if r.columns[1].runs[0].Doubled = 1; r.ok() {
		t.Error("a doubled message passes")
	}
}

// BenchmarkBareLoop is the yardstick alone; its processor time per 1,000 messages
// is compared with performance.md's rather than its rate.
func BenchmarkBareLoop(b *testing.B) {
	units := map[string]string{"messages/s": "messages/s", "CPU s per 1,000: sending processes": "cpu-s/1k", "CPU s per 1,000: database": "db-cpu-s/1k", "CPU s per 1,000: sink": "sink-cpu-s/1k"}
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, channel := range []channels.Kind{channels.Email, channels.SMS} {
			b.Run(engine+"/"+string(channel), func(b *testing.B) {
				h := newBare(b, engine, b.N)
				url := h.outboxOf(b, channel)
				b.ResetTimer()
				m, err := h.once(b.Context(), url, sentByLoop, h.bareCommand(url, false))
				b.StopTimer()
				if err != nil || !m.ok() {
					b.Fatalf("%+v, %v", m, err)
				}
				for _, q := range quantities() {
					if unit := units[q.name]; unit != "" {
						b.ReportMetric(q.of(m), unit)
					}
				}
			})
		}
	}
}

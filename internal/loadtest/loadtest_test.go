package main

import (
	"os"
	"slices"
	"testing"

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

// BenchmarkBareLoop is the yardstick alone; its processor time per 1,000 messages
// is compared with performance.md's rather than its rate.
func BenchmarkBareLoop(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, channel := range []channels.Kind{channels.Email, channels.SMS} {
			b.Run(engine+"/"+string(channel), func(b *testing.B) {
				if engine == "postgres" {
					testserver.NeedBinary(b, "initdb")
				}
				ctx := b.Context()
				h, err := newBench(ctx, options{messages: b.N, channel: channel, engine: engine, runs: 1, binary: os.Args[0], progress: b.Output()})
				if err != nil {
					b.Fatal(err)
				}
				defer h.close()
				if err := h.databases.fillOutbox(ctx, outboxName, channel, b.N); err != nil {
					b.Fatal(err)
				}
				url, err := h.databases.copyOf(ctx, outboxName)
				if err != nil {
					b.Fatal(err)
				}
				b.ResetTimer()
				m, err := h.once(ctx, url, sentByLoop, h.bareCommand(url))
				b.StopTimer()
				if err != nil || !m.ok() {
					b.Fatalf("%+v, %v", m, err)
				}
				for _, q := range quantities() {
					if name, ok := units[q.name]; ok {
						b.ReportMetric(q.of(m), name)
					}
				}
			})
		}
	}
}

// units are the names of what the benchmark reports.
var units = map[string]string{
	"messages/s":                         "messages/s",
	"CPU s per 1,000: sending processes": "cpu-s/1k",
	"CPU s per 1,000: database":          "db-cpu-s/1k",
	"CPU s per 1,000: sink":              "sink-cpu-s/1k",
}

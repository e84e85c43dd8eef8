package email

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"otklik/channels"
)

// sink is an SMTP server that takes everything as fast as a server can.
func sink(b *testing.B, extensions string) (url string, taken *atomic.Int64) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	taken = new(atomic.Int64)
	var sessions sync.WaitGroup
	sessions.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			sessions.Go(func() { swallow(conn, extensions, taken) })
		}
	})
	b.Cleanup(func() { l.Close(); sessions.Wait() })
	return "smtp+insecure://" + l.Addr().String(), taken
}

func swallow(conn net.Conn, extensions string, taken *atomic.Int64) {
	defer conn.Close()
	in, out := bufio.NewReaderSize(conn, 64<<10), bufio.NewWriter(conn)
	_, _ = out.WriteString("220 sink\r\n")
	data := false
	for {
		if in.Buffered() == 0 && out.Flush() != nil {
			return
		}
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		if data {
			if data = !bytes.Equal(line, []byte(".\r\n")); !data {
				taken.Add(1)
				_, _ = out.WriteString("250 ok\r\n")
			}
			continue
		}
		switch {
		case bytes.HasPrefix(line, []byte("EHLO")):
			_, _ = out.WriteString(extensions)
		case bytes.HasPrefix(line, []byte("DATA")):
			data = true
			_, _ = out.WriteString("354 go\r\n")
		case bytes.HasPrefix(line, []byte("QUIT")):
			_, _ = out.WriteString("221 bye\r\n")
			_ = out.Flush()
			return
		default:
			_, _ = out.WriteString("250 ok\r\n")
		}
	}
}

// BenchmarkSend sends text-and-HTML surveys over 15 connections, building each
// mail; the sink's CPU is in the figure.
func BenchmarkSend(b *testing.B) {
	for name, extensions := range map[string]string{
		"pipelined": "250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
		"stepwise":  "250-sink\r\n250 8BITMIME\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			url, taken := sink(b, extensions)
			c, err := New(Config{SMTPURL: url, From: "Автосервис <service@dealer.example>", Connections: 16, Timeout: time.Minute})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			ms := make([]channels.Message, b.N)
			for i := range ms {
				ms[i] = survey()
				ms[i].ID = fmt.Sprintf("m%08d", i)
			}
			b.ReportAllocs()
			b.ResetTimer()
			c.SendBatch(b.Context(), ms, func(_ int, _ channels.Receipt, err error) {
				if err != nil {
					b.Error(err)
				}
			})
			b.StopTimer()
			if taken.Load() != int64(b.N) {
				b.Fatalf("%d of %d arrived", taken.Load(), b.N)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
		})
	}
}

func BenchmarkCompose(b *testing.B) {
	c := offline(b, "smtp://mx.dealer.example")
	m, now := survey(), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.compose(m, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"gmail-ru", "bounce-postfix-utf8"} {
		raw, err := os.ReadFile("testdata/inbound/" + name + ".eml")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if Parse(raw).Kind == Unreadable {
					b.Fatal("unreadable")
				}
			}
		})
	}
}

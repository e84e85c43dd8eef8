package email

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"otklik/channels"
)

// sink is an SMTP server that takes everything as fast as a server can.
func sink(b testing.TB, extensions string) (url string, taken *atomic.Int64) {
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

// processorTime is what the process has used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSendBatch sends text-and-HTML surveys in groups of 64 over 15
// connections, building each mail. "bare" sends ready bytes in the same way over
// as many connections: what it costs is the sink and the kernel, which are in all
// figures.
func BenchmarkSendBatch(b *testing.B) {
	pipelined := "250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
	for _, row := range []struct {
		name, extensions string
		send             func(b *testing.B, c *Channel)
	}{
		{"bare", pipelined, bareLoop},
		{"8bit", pipelined, groups},
		{"7bit", "250-sink\r\n250 PIPELINING\r\n", groups},
		{"stepwise", "250-sink\r\n250 8BITMIME\r\n", groups},
	} {
		b.Run(row.name, func(b *testing.B) {
			url, taken := sink(b, row.extensions)
			c, err := New(Config{SMTPURL: url, From: "Автосервис <service@dealer.example>", Connections: 16, Timeout: time.Minute})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			b.ReportAllocs()
			b.ResetTimer()
			before := processorTime(b)
			row.send(b, c)
			used := processorTime(b) - before
			b.StopTimer()
			if taken.Load() != int64(b.N) {
				b.Fatalf("%d of %d arrived", taken.Load(), b.N)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
			b.ReportMetric(float64(used.Nanoseconds())/1000/float64(b.N), "cpu-µs/mail")
		})
	}
}

// groups sends b.N surveys as the dispatcher does.
func groups(b *testing.B, c *Channel) {
	var ms [64]channels.Message
	for sent := 0; sent < b.N; sent += len(ms) {
		group := ms[:min(len(ms), b.N-sent)]
		for i := range group {
			group[i] = page
			group[i].ID = strconv.Itoa(sent + i)
		}
		c.SendBatch(b.Context(), group, func(_ int, _ channels.Receipt, err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
}

// page is a survey as long as the shipped ones.
var page = func() channels.Message {
	m := survey()
	m.HTML = strings.Repeat("<p style=\"margin:0 0 16px;font-size:16px;line-height:24px\">Здравствуйте, Анна Сергеевна! Это Автосервис.</p>\n", 30)
	return m
}()

// bareLoop sends the same bytes b.N times, each with the next envelope behind it.
func bareLoop(b *testing.B, c *Channel) {
	l, err := c.compose(&page, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	envelope := []byte("MAIL FROM:" + l.from + "\r\nRCPT TO:" + l.to + "\r\nDATA\r\n")
	mail := wire(l, true)
	both := append(slices.Clone(mail), envelope...)
	var taken atomic.Int64
	take := func() bool { return taken.Add(1) <= int64(b.N) }
	var senders sync.WaitGroup
	for range 15 {
		senders.Go(func() {
			s, err := c.pool.get(b.Context(), false)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.pool.put(s)
			say := func(out []byte, replies int) {
				if _, err := s.conn.Write(out); err != nil {
					b.Error(err)
				}
				for range replies {
					if _, err := s.client.Text.R.ReadSlice('\n'); err != nil {
						b.Error(err)
					}
				}
			}
			if !take() {
				return
			}
			say(envelope, 3)
			for take() {
				say(both, 4)
			}
			say(mail, 1)
		})
	}
	senders.Wait()
}

// BenchmarkCompose is one mail from its message to what goes out.
func BenchmarkCompose(b *testing.B) {
	for name, eightBit := range map[string]bool{"8bit": true, "7bit": false} {
		b.Run(name, func(b *testing.B) {
			c := offline(b, "smtp://mx.dealer.example")
			m, now := page, time.Now()
			var w writer
			b.ReportAllocs()
			for b.Loop() {
				l, err := c.compose(&m, now)
				if err != nil {
					b.Fatal(err)
				}
				w.out = w.out[:0]
				w.mail(l, eightBit)
			}
		})
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

package sms

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"otklik/channels"
)

// sink answers every post with a new message, at the least cost to itself.
func sink(b *testing.B) *httptest.Server {
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"sid":"SM%032d","status":"queued","num_segments":"1"}`, n.Add(1))
	}))
	b.Cleanup(srv.Close)
	return srv
}

// BenchmarkSend is one message over kept connections to a sink in this process,
// which takes part of the time measured.
func BenchmarkSend(b *testing.B) {
	for _, workers := range []int{1, 8} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			ch, err := New(testConfig(sink(b).URL))
			if err != nil {
				b.Fatal(err)
			}
			defer ch.Close()
			m := channels.Message{ID: "otk-1", To: testTo, Text: "Как прошёл визит? Ответьте цифрой от 1 до 5."}
			b.ReportAllocs()
			b.SetParallelism(workers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := ch.Send(b.Context(), m); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

func BenchmarkSegments(b *testing.B) {
	for name, text := range map[string]string{
		"latin":    "How was your visit on 22 November? Reply with a digit from 1 to 5. Details: https://dealer.example/s/abc",
		"cyrillic": "Как прошёл визит в сервис 22 ноября? Ответьте цифрой от 1 до 5.",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Segments(text)
			}
		})
	}
}

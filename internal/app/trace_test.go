package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"otklik/internal/testserver"
)

// TestTracing sends a span to a collector as OpenTelemetry's variables say.
func TestTracing(t *testing.T) {
	got := make(chan string, 8)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Method + " " + r.URL.Path }))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	a := &App{options: Options{Version: "test"}}
	if err := a.tracing(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, span := a.tracer.Start(t.Context(), "send")
	if !span.IsRecording() {
		t.Error("nothing is recorded")
	}
	span.End()
	if err := a.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	testserver.Wait(t, "the collector's span", func() bool { return len(got) > 0 })
	if what := <-got; what != "POST /v1/traces" {
		t.Errorf("the collector got %s", what)
	}
}

// TestNoTracing: without an endpoint nothing is recorded, whatever is configured.
func TestNoTracing(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	a := &App{}
	if err := a.tracing(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, span := a.tracer.Start(t.Context(), "send"); span.IsRecording() {
		t.Error("something is recorded")
	}
}

// unsteady is a collector that answers as it is told.
type unsteady struct {
	sdk.SpanExporter
	err error
}

func (u *unsteady) ExportSpans(context.Context, []sdk.ReadOnlySpan) error { return u.err }

// TestTracingAway: a collector that is away is told once, and once that it is back,
// however many groups of spans it misses.
func TestTracingAway(t *testing.T) {
	u := &unsteady{}
	var told bytes.Buffer
	c := &collector{SpanExporter: u, log: slog.New(slog.NewTextHandler(&told, nil))}
	for _, u.err = range []error{nil, errors.New("refused"), errors.New("refused"), errors.New("slow"), nil, nil} {
		if err := c.ExportSpans(t.Context(), nil); err != nil {
			t.Errorf("OpenTelemetry is told, too: %v", err)
		}
	}
	lines := strings.Split(strings.TrimSpace(told.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], "refused") || !strings.Contains(lines[1], "takes traces again") {
		t.Errorf("the log says\n%s", told.String())
	}
}

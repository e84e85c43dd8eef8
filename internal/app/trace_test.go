package app

import (
	"net/http"
	"net/http/httptest"
	"testing"

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

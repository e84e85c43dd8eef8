package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace/noop"
)

// tracing sends traces where OpenTelemetry's own variables say
// (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER and the like, by OTLP over HTTP);
// without an endpoint nothing is traced. A collector that is away costs nothing but
// its traces, and two lines of the log.
func (a *App) tracing(ctx context.Context) error {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		a.tracer = noop.NewTracerProvider().Tracer("")
		return nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(semconv.ServiceName("otklik"), semconv.ServiceVersion(a.options.Version)), resource.WithFromEnv())
	if err != nil {
		return fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(&collector{SpanExporter: exporter, log: a.log}), sdk.WithResource(about))
	a.closers = append(a.closers, provider.Shutdown)
	a.tracer = provider.Tracer("otklik")
	return nil
}

// collector tells once that traces are lost and once that they are taken again. Left to
// OpenTelemetry, every group of spans that is lost would be a line beside our log, in a
// form of its own.
type collector struct {
	sdk.SpanExporter
	log  *slog.Logger
	away atomic.Bool
}

// ExportSpans implements sdk.SpanExporter; what it could not hand over is lost.
func (c *collector) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := c.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !c.away.Swap(true):
		c.log.Warn("the collector of traces takes none: they are lost until it does", "error", err)
	case err == nil && c.away.Swap(false):
		c.log.Info("the collector takes traces again")
	}
	return nil
}

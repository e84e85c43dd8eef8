package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"otklik/channels"
	"otklik/internal/inbox"
)

// serve starts the HTTP server. A worker shows its health and metrics only.
func (a *App) serve() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", a.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{}))
	if a.options.Role != RoleWorker {
		mux.HandleFunc("/hooks/twilio/inbound", a.hook(channels.SMS))
		mux.HandleFunc("/hooks/twilio/status", a.hook(channels.SMS))
		mux.HandleFunc("/hooks/telegram", a.hook(channels.Telegram))
		a.mountPages(mux)
	}
	a.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	go func() {
		if err := a.server.Serve(a.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("the web server ended", "error", err)
		}
	}()
}

// hookLimit bounds the body of a webhook call, hookWithin the time it may take;
// Twilio waits 15 seconds for an answer.
const (
	hookLimit  = 1 << 20
	hookWithin = 15 * time.Second
)

// hook authenticates a provider's call and takes its events in. The provider gets
// its 2xx after the commit; when the database is away it gets 503 and calls again.
func (a *App) hook(ch channels.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		receiver, ok := a.channels[ch].(channels.Receiver)
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "a provider posts here", http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, hookLimit))
		if err != nil {
			http.Error(w, "the body is too large", http.StatusRequestEntityTooLarge)
			return
		}
		req := channels.Request{URL: a.config.PublicURL + r.URL.RequestURI(), Header: r.Header, Body: body}
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			if req.Form, err = url.ParseQuery(string(body)); err != nil {
				http.Error(w, "the form cannot be read", http.StatusBadRequest)
				return
			}
		}
		events, err := receiver.Receive(req)
		switch {
		case errors.Is(err, channels.ErrForged):
			a.inbox.Metrics.Count(ch, "forged")
			http.Error(w, "the signature is not the provider's", http.StatusForbidden)
			return
		case err != nil:
			a.inbox.Metrics.Count(ch, "unreadable")
			a.log.Warn("a webhook cannot be read", "channel", ch, "error", err)
			http.Error(w, "the call cannot be read", http.StatusBadRequest)
			return
		}
		// A provider that hangs up does not always call again: what it brought is
		// taken in to the end.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), hookWithin)
		defer cancel()
		ctx, span := a.tracer.Start(ctx, "hook", trace.WithAttributes(attribute.String("channel", string(ch)), attribute.Int("events", len(events))))
		defer span.End()
		for _, e := range events {
			if err := a.take(ctx, e, "", ""); err != nil {
				span.RecordError(err)
				a.log.Error("a webhook was not stored", "channel", ch, "error", err)
				w.Header().Set("Retry-After", "5")
				http.Error(w, "try again", http.StatusServiceUnavailable)
				return
			}
		}
		if ch == channels.SMS {
			w.Header().Set("Content-Type", "text/xml")
			_, _ = io.WriteString(w, "<Response/>")
			return
		}
		w.WriteHeader(http.StatusOK)
	}
}

// take hands one event to the inbox; a tap is acknowledged to its provider after
// the commit.
func (a *App) take(ctx context.Context, e channels.Event, name, cursor string) error {
	var mark *inbox.Mark
	if name != "" {
		mark = &inbox.Mark{Name: name, Cursor: cursor}
	}
	if err := a.inbox.Handle(ctx, e, mark); err != nil {
		return err
	}
	if e.Inbound == nil || e.Inbound.Callback == "" {
		return nil
	}
	ack, ok := a.channels[e.Inbound.Channel].(interface {
		Acknowledge(ctx context.Context, callback string) error
	})
	if !ok {
		return nil
	}
	if err := ack.Acknowledge(ctx, e.Inbound.Callback); err != nil {
		a.log.Debug("a tap was not acknowledged", "error", err)
	}
	return nil
}

package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// profile serves pprof on the private address (OTKLIK_ADMIN_LISTEN); never on the
// public one.
func (a *App) profile(ctx context.Context) error {
	if a.config.AdminListen == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", a.config.AdminListen)
	if err != nil {
		return fmt.Errorf("OTKLIK_ADMIN_LISTEN: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	a.closers = append(a.closers, func(ctx context.Context) error { return s.Shutdown(ctx) })
	go func() {
		if err := s.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("the private listener ended", "error", err)
		}
	}()
	return nil
}

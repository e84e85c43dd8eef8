package app

import (
	"context"
	"time"
)

// singleton does a piece of work every so often on the one node that has the lead. A
// failure is logged and tried again the next time.
func (a *App) singleton(ctx context.Context, name string, every func() time.Duration, work func(context.Context) error) {
	node := a.store.NewID()
	defer a.resign(ctx, name, node)
	for ctx.Err() == nil {
		lead, err := a.store.Lead(ctx, name, node, a.clock.Machine(), a.leadFor())
		if err == nil && lead {
			err = a.leading(ctx, name, node, work)
		}
		if err != nil && ctx.Err() == nil {
			a.log.Error("work failed and is tried again", "name", name, "error", err)
		}
		pause(ctx, every(), nil)
	}
}

// leading works as long as the lead is kept: it is renewed meanwhile, and the work is
// ended when it is lost.
func (a *App) leading(ctx context.Context, name, node string, work func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	defer func() { <-done }()
	defer cancel()
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			pause(ctx, a.leadEvery(), nil)
			if lead, err := a.store.Lead(ctx, name, node, a.clock.Machine(), a.leadFor()); ctx.Err() == nil && (err != nil || !lead) {
				cancel()
			}
		}
	}()
	return work(ctx)
}

// resign gives a lead up, also while the program stops.
func (a *App) resign(ctx context.Context, name, node string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := a.store.Resign(ctx, name, node); err != nil {
		a.log.Warn("a lead was not given up", "name", name, "error", err)
	}
}

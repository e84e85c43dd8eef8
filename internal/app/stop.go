package app

import (
	"context"
	"errors"
	"time"
)

// A stop waits for the providers to answer what was handed to them, and beside that no
// longer than this: stopWithin for requests and loops, closeWithin for closing.
const (
	stopWithin  = 8 * time.Second
	closeWithin = 2 * time.Second
)

// Stop ends all loops, finishes what is in flight and closes the database. Requests and
// loops that do not end in time, because the database does not answer them, are left:
// what they have not committed has not happened. What was handed to a provider is waited
// for and recorded (dispatch).
func (a *App) Stop(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	soon, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	a.hub.close()
	if a.cancel != nil {
		a.cancel()
	}
	loops := after(a.loops.Wait)
	err := a.hangUp(soon)
	a.sending.Wait()
	if !within(soon, loops) {
		a.log.Warn("work that waits for the database is left undone")
	}
	last, cancel := context.WithTimeout(ctx, closeWithin)
	defer cancel()
	return errors.Join(err, a.close(last))
}

// hangUp ends the web server when its requests are answered, at the latest with ctx.
func (a *App) hangUp(ctx context.Context) error {
	if a.server == nil {
		return nil
	}
	err := a.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		a.log.Warn("requests that were not answered are cut off")
		return a.server.Close()
	}
	return err
}

// after gives a channel that is closed when a wait is over.
func after(wait func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		wait()
	}()
	return done
}

// within waits for something to be done, and tells whether it was before ctx ended.
func within(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	select {
	case <-done:
		return true
	default:
		return false
	}
}

package app

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"otklik/internal/clock"
	"otklik/internal/store"
)

// offsetSetting names the setting in which business time's offset is kept.
const offsetSetting = "clock_offset"

func clockOffset(ctx context.Context, st *store.Store) (time.Duration, error) {
	v, err := st.Setting(ctx, offsetSetting)
	if err != nil || v == "" {
		return 0, err
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the clock's offset: %w", err)
	}
	return time.Duration(n), nil
}

// Hours between which a fresh demo begins, and to which it is moved otherwise.
const (
	demoFrom, demoTo = 11, 17
	demoAt           = 11
)

// untilDay is how far business time must move for surveys to leave at once, also
// on a weekend.
func untilDay(now time.Time, zone *time.Location) time.Duration {
	l := now.In(zone)
	if l.Hour() >= demoFrom && l.Hour() < demoTo {
		return 0
	}
	day := l.Day()
	if l.Hour() >= demoTo {
		day++
	}
	return time.Date(l.Year(), l.Month(), day, demoAt, 5, 0, 0, zone).Sub(now)
}

// sinceYesterday is how long ago demoAt of the day before was.
func sinceYesterday(today time.Time, zone *time.Location) time.Duration {
	l := today.In(zone)
	return today.Sub(time.Date(l.Year(), l.Month(), l.Day()-1, demoAt, 5, 0, 0, zone))
}

// Advance moves business time of the sandbox forward. Nothing is under way meanwhile: what
// has begun has its outcome, and what is due has left, before the clock moves on; from one
// moment to the next it would be too late.
func (a *App) Advance(ctx context.Context, by time.Duration) error {
	if a.sandbox == nil {
		return fmt.Errorf("only the sandbox has a clock that can be moved")
	}
	if by < 0 {
		return clock.ErrBackward
	}
	if a.cancel == nil {
		return a.goForward(ctx, by) // the day before has no loops
	}
	moved := make(chan error, 1)
	move := func(loop context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		defer context.AfterFunc(loop, cancel)()
		defer cancel()
		moved <- a.goForward(ctx, by)
	}
	select {
	case a.sandbox.moves <- move:
	case <-a.sandbox.ended:
		return context.Canceled
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-moved:
		return err
	case <-ctx.Done(): // the move, if it has not begun, finds that nobody wants it any more
		return ctx.Err()
	}
}

// run keeps the dispatcher going, and moves the clock between two rounds of it.
func (d *demo) run(ctx context.Context, dispatch func(context.Context)) {
	defer close(d.ended)
	for ctx.Err() == nil {
		round, stop := context.WithCancel(ctx)
		done := after(func() { dispatch(round) })
		var move func(context.Context)
		select {
		case move = <-d.moves:
		case <-ctx.Done():
		}
		stop()
		<-done
		if move != nil {
			move(ctx)
		}
	}
}

// advanceStep is the longest stretch of business time that is skipped at once.
const advanceStep = 2 * time.Hour

// goForward lets time pass in steps, as it does outside: what falls due on the way goes
// out at its hour, and silence is seen where it was silence.
func (a *App) goForward(ctx context.Context, by time.Duration) error {
	if a.dispatcher == nil {
		return a.pass(ctx, by)
	}
	if err := a.catchUp(ctx); err != nil {
		return err
	}
	for left := by; left > 0; left -= advanceStep {
		if err := a.pass(ctx, min(left, advanceStep)); err != nil {
			return err
		}
		if err := a.catchUp(ctx); err != nil {
			return err
		}
	}
	return nil
}

// catchUp plans and sends all that is due.
func (a *App) catchUp(ctx context.Context) error {
	if _, err := a.planner.Run(ctx, a.clock.Business()); err != nil {
		return err
	}
	if _, err := a.dispatcher.Once(ctx, nil); err != nil {
		return err
	}
	a.hub.broadcast()
	return nil
}

// pass lets business time go on; what falls due meanwhile waits. The offset is kept in the
// database before anything acts on it.
func (a *App) pass(ctx context.Context, by time.Duration) error {
	next := a.sandbox.clock.Offset() + by
	if err := a.store.SetSetting(ctx, offsetSetting, strconv.FormatInt(int64(next), 10)); err != nil {
		return fmt.Errorf("keeping the clock's offset: %w", err)
	}
	_, err := a.sandbox.clock.Advance(by)
	return err
}

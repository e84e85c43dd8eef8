package app

import (
	"context"
	"fmt"
	"time"

	"otklik/internal/clock"
)

// agree puts this node's clock right by the database's.
func (a *App) agree(ctx context.Context) error {
	c, ok := a.clock.(*clock.Shared)
	if !ok {
		return nil // the sandbox has a clock of its own
	}
	behind, within, err := a.store.Behind(ctx, c.System)
	if err != nil || !c.Right(behind, within) {
		return err
	}
	if c.Behind() == 0 {
		a.log.Info("this machine's clock agrees with the database's again")
	} else {
		a.log.Warn("this machine's clock is not the database's, which counts: synchronise it", "off", off(c.Behind()))
	}
	return nil
}

// off is by how much this node's clock is put right.
func (a *App) off() time.Duration {
	if c, ok := a.clock.(*clock.Shared); ok {
		return c.Behind()
	}
	return 0
}

// off says how far a clock is behind.
func off(behind time.Duration) string {
	behind = behind.Round(time.Second)
	if behind < 0 {
		return fmt.Sprintf("%v ahead", -behind)
	}
	return fmt.Sprintf("%v behind", behind)
}

// onTime tells doctor's user of a clock that has to be put right.
func (a *App) onTime() Finding {
	const what = "this machine's clock"
	if b := a.off(); b != 0 {
		return found(what, fmt.Errorf("it is %s: the database's counts for what is sent and when; synchronise it (NTP)", off(b)), "")
	}
	return found(what, nil, "agrees with the database's")
}

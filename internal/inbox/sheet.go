package inbox

import (
	"context"
	"fmt"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/store"
)

// Print begins the conversation of a paper entry, so that its sheet and what is typed in
// from it weeks later are of one version and ask the same, and notes that the sheet is out.
// callback.ErrClosed where the task is over.
func (b *Inbox) Print(ctx context.Context, taskID, employeeID string) error {
	t, err := b.Store.Task(ctx, taskID)
	if err != nil {
		return fmt.Errorf("printing a sheet: %w", err)
	}
	err = b.Store.Together(ctx, store.RankPerson, func(g *store.Group) error {
		turn := g.Turn()
		g.Keep(turn)
		e := &entry{Inbox: b, ctx: ctx, tx: turn, now: b.Clock.Business(), in: channels.Inbound{Channel: channels.Paper}}
		if err := g.Load(ctx, []store.Ask{{Channel: channels.Paper, ContactID: t.ContactID}}, e.now.Add(-openFor)); err != nil {
			return err
		}
		x, err := e.find(Submission{TaskID: taskID, Channel: channels.Paper})
		switch {
		case err != nil:
			return err
		case x.State == store.TaskClosed, x.State == store.TaskWithdrawn:
			return callback.ErrClosed
		}
		return callback.Printed(ctx, turn, *x, employeeID, e.now)
	})
	if err != nil {
		return fmt.Errorf("printing a sheet: %w", err)
	}
	b.Changed()
	return nil
}

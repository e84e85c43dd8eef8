package inbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"otklik/channels"
	"otklik/internal/store"
)

// groupWithin bounds a transaction of events; providers wait 15 seconds.
const groupWithin = 15 * time.Second

// arrival is an inbound event that waits for its transaction, and what became of it.
type arrival struct {
	ctx  context.Context
	in   channels.Inbound
	mark *Mark
	hint string
	// attachments are what came beside the text, as it is kept.
	attachments []store.Attachment

	entry *entry
	err   error // errReplay: it had been stored before
}

// take carries the event out. A panic is its failure, not that of the program: the
// provider offers it again, and the others go on.
func (a *arrival) take() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return a.entry.take()
}

// inbound takes one event in, in a transaction with whatever else waits.
func (b *Inbox) inbound(ctx context.Context, in channels.Inbound, mark *Mark) error {
	a := &arrival{ctx: context.WithoutCancel(ctx), in: in, mark: mark}
	a.hint = (&entry{Inbox: b, ctx: ctx, in: in}).asked()
	var err error
	if a.attachments, err = b.stage(ctx, in); err != nil {
		b.Metrics.Count(in.Channel, "failed")
		return fmt.Errorf("taking a message in: %w", err)
	}
	err = b.arrivals.pass(ctx, string(in.Channel)+" "+in.From, a, b.Store.Parallel(), b.takeIn)
	if err == nil {
		err = a.err
	}
	switch {
	case errors.Is(err, errReplay):
		b.Metrics.Count(in.Channel, "replay")
		b.unstage(ctx, a.attachments)
		return nil
	case err != nil:
		b.Metrics.Count(in.Channel, "failed")
		return fmt.Errorf("taking a message in: %w", err)
	}
	b.Metrics.Count(in.Channel, "stored")
	b.after(ctx, a.entry)
	return nil
}

// takeIn carries events out in one transaction. Each is judged on its own; one that
// fails, or whose person another event of the group is from, has a transaction to
// itself afterwards.
func (b *Inbox) takeIn(group []*arrival) {
	if len(group) == 1 {
		b.takeAlone(group[0])
		return
	}
	ctx, cancel := context.WithTimeout(group[0].ctx, groupWithin)
	defer cancel()
	later, err := b.takeTogether(ctx, group)
	if err != nil {
		later = group
	}
	for _, a := range later {
		b.takeAlone(a)
	}
}

// takeAlone carries one event out. What another node has done meanwhile is a reason
// to look again.
func (b *Inbox) takeAlone(a *arrival) {
	const tries = 3
	ctx, cancel := context.WithTimeout(a.ctx, groupWithin)
	defer cancel()
	for range tries {
		if _, err := b.takeTogether(ctx, []*arrival{a}); err != nil {
			a.err = err
		}
		if !errors.Is(a.err, store.ErrConflict) {
			return
		}
	}
}

// takeTogether gives back the events that were not carried out and left no trace.
func (b *Inbox) takeTogether(ctx context.Context, group []*arrival) (later []*arrival, err error) {
	err = b.Store.Together(ctx, store.RankPerson, func(g *store.Group) error {
		later = nil
		now := b.Clock.Business()
		asks := make([]store.Ask, len(group))
		for i, a := range group {
			a.entry = &entry{Inbox: b, ctx: ctx, now: now, in: a.in, attachments: a.attachments, hint: a.hint}
			asks[i] = a.entry.ask()
		}
		if err := g.Load(ctx, asks, now.Add(-openFor)); err != nil {
			return err
		}
		taken := map[string]bool{}
		for i, a := range group {
			people := g.People(asks[i])
			if overlap(taken, people) {
				later = append(later, a)
				continue
			}
			turn := g.Turn()
			a.entry.tx = turn
			a.err = a.take()
			switch {
			case errors.Is(a.err, errReplay):
				turn = g.Turn() // nothing is new
			case a.err != nil && len(group) == 1:
				return a.err
			case a.err != nil:
				later = append(later, a)
				continue
			}
			if a.mark != nil { // the place moves on, also when nothing was new
				turn.SetCursor(a.mark.Name, a.mark.Cursor, b.Clock.Machine())
			}
			g.Keep(turn)
		}
		return nil
	})
	return later, err
}

// overlap tells whether one of the people is among those taken, and adds them.
func overlap(taken map[string]bool, people []string) bool {
	for _, id := range people {
		if taken[id] {
			return true
		}
	}
	for _, id := range people {
		taken[id] = true
	}
	return false
}

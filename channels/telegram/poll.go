package telegram

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"otklik/channels"
)

const (
	// longPoll is how long Telegram holds an empty answer back.
	longPoll = 25 * time.Second
	// batch is the most that one answer brings.
	batch = 100
	// breath is the least time between an empty answer and the next question: a
	// server that does not hold answers back must not be hammered.
	breath = time.Second
)

// Poll implements channels.Poller by getUpdates. The cursor is the id of the next
// update; empty starts with the oldest that Telegram still keeps (24 hours). Only
// one process may poll a bot: with another, or with a webhook set, Telegram
// answers 409, which is Transient. Provider failures are *channels.Error.
//
// An offset is sent only right after a batch, to confirm it. Telegram draws a new
// starting number after a week without updates and would take a higher offset for
// the confirmation of updates that nobody has seen
// (https://core.telegram.org/bots/api#update).
func (c *Channel) Poll(ctx context.Context, cursor string, emit func(ctx context.Context, e channels.Event, cursor string) error) error {
	next := 0
	if cursor != "" {
		n, ok := number(cursor)
		if !ok || n < 0 {
			return fmt.Errorf("polling telegram: cursor %q is not an update id", cursor)
		}
		next = int(n)
	}
	offset := 0
	for {
		asked := time.Now()
		updates, err := c.bot.updates(ctx, offset, batch, longPoll)
		if err != nil {
			return fmt.Errorf("polling telegram: %w", err)
		}
		offset = 0
		for _, raw := range updates {
			id, in, err := read(raw, c.id)
			if err != nil {
				return fmt.Errorf("polling telegram: %w", err)
			}
			// The rest of a batch that was handled but not confirmed before a stop.
			if in != nil && (id >= next || id < next-batch) {
				if err := emit(ctx, channels.Event{Inbound: in}, strconv.Itoa(id+1)); err != nil {
					return fmt.Errorf("handing over update %d: %w", id, err)
				}
			}
			offset = id + 1
		}
		if offset != 0 {
			next = 0
			continue
		}
		if err := pause(ctx, breath-time.Since(asked)); err != nil {
			return fmt.Errorf("polling telegram: %w", err)
		}
	}
}

// pause waits unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

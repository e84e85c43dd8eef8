package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"otklik/channels"
)

// The bare loop is the yardstick: an outbox table, a claim of 500 rows at a time, a
// fixed body, 16 connections to the sink, each row's result stored 500 at a time.
// Durable and safe beside other nodes, with no policy, limits, rendering, people or
// conversations.

// Sizes of the bare loop (performance.md).
const (
	batchSize   = 500
	connections = 16
	// share is the part of a batch that one connection carries at a time.
	share = 50
	// readAhead is how many shares wait for a connection.
	readAhead = 4 * connections
)

// letter is a claimed row of the outbox.
type letter struct {
	row    int64
	key    string // our id, of which the sink keeps a number
	to     string
	result string // the provider's id, once it is known
	at     time.Time
}

// outbox is the table on one of the engines.
type outbox interface {
	// claim takes up to batchSize rows that nobody has; none are left when it gives
	// none.
	claim(ctx context.Context) ([]letter, error)
	// record stores the results of letters that were taken.
	record(ctx context.Context, ls []letter) error
	// recorders is how many may record at a time.
	recorders() int
	close()
}

// carrier sends letters over one connection. next gives a letter, nil when there
// are no more; done is called for each when the sink has taken it.
type carrier interface {
	carry(ctx context.Context, next func() *letter, done func(*letter)) error
}

// runBare is the bare loop's own process.
func runBare(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("bare", flag.ContinueOnError)
	database := flags.String("database", "", "sqlite:PATH or postgres://…, filled")
	channel := flags.String("channel", "email", "email or sms")
	rows := flags.Bool("rows", false, "the database is the program's")
	smtp := flags.String("smtp", "", "host:port of the sink")
	twilio := flags.String("twilio", "", "base URL of the sink")
	if err := flags.Parse(args); err != nil {
		return usageError{err}
	}
	box, err := openOutbox(ctx, *database, *rows, channels.Kind(*channel))
	if err != nil {
		return err
	}
	defer box.close()
	open := func() carrier { return &mailer{address: *smtp} }
	if *channel == "sms" {
		client := newTexter(*twilio)
		open = func() carrier { return client }
	}
	n, err := loop(ctx, box, open)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "sent %d\n", n)
	return nil
}

func openOutbox(ctx context.Context, url string, rows bool, channel channels.Kind) (outbox, error) {
	if rows {
		return openStoreOutbox(ctx, url, channel)
	}
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return openSQLiteOutbox(ctx, path)
	}
	return openPostgresOutbox(ctx, url)
}

// loop claims, sends and records until the outbox is empty.
func loop(ctx context.Context, box outbox, open func() carrier) (sent int, err error) {
	group, ctx := errgroup.WithContext(ctx)
	claimed := make(chan []letter, readAhead)
	carried := make(chan []letter, readAhead)
	group.Go(func() error {
		defer close(claimed)
		return claimAll(ctx, box, claimed)
	})
	group.Go(func() error {
		defer close(carried)
		senders, ctx := errgroup.WithContext(ctx)
		for range connections {
			senders.Go(func() error { return carryAll(ctx, open(), claimed, carried) })
		}
		return senders.Wait()
	})
	counts := make([]int, box.recorders())
	for i := range counts {
		group.Go(func() (err error) {
			counts[i], err = recordAll(ctx, box, carried)
			return err
		})
	}
	err = group.Wait()
	for _, n := range counts {
		sent += n
	}
	return sent, err
}

func claimAll(ctx context.Context, box outbox, to chan<- []letter) error {
	for {
		ls, err := box.claim(ctx)
		if err != nil || len(ls) == 0 {
			return err
		}
		for len(ls) > 0 {
			n := min(share, len(ls))
			select {
			case to <- ls[:n:n]:
			case <-ctx.Done():
				return ctx.Err()
			}
			ls = ls[n:]
		}
	}
}

// carryAll sends shares over one connection and hands each on when it is done.
func carryAll(ctx context.Context, c carrier, from <-chan []letter, to chan<- []letter) error {
	// ahead is the share that letters come from, behind the one whose answers are
	// still on their way.
	var ahead, behind []letter
	next, waiting := 0, 0
	hand := func(ls []letter) {
		select {
		case to <- ls:
		case <-ctx.Done():
		}
	}
	err := c.carry(ctx, func() *letter {
		if next == len(ahead) {
			ls, open := <-from
			if !open {
				return nil
			}
			// Only the last letter of a share can still wait for its answer then.
			behind, ahead, next = ahead, ls, 0
		}
		next++
		return &ahead[next-1]
	}, func(*letter) {
		waiting++
		switch {
		case behind != nil && waiting == len(behind):
			hand(behind)
			behind, waiting = nil, 0
		case behind == nil && waiting == len(ahead):
			hand(ahead)
			ahead, next, waiting = nil, 0, 0
		}
	})
	return errors.Join(err, ctx.Err())
}

// recordAll collects shares to batches; the last batch is smaller.
func recordAll(ctx context.Context, box outbox, from <-chan []letter) (n int, err error) {
	var batch []letter
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := box.record(ctx, batch); err != nil {
			return err
		}
		n, batch = n+len(batch), batch[:0]
		return nil
	}
	for ls := range from {
		if batch = append(batch, ls...); len(batch) >= batchSize {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	return n, flush()
}

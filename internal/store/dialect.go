package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// dialect is all in which the two engines differ for this package.
type dialect struct {
	name string
	// skipLocked ends the inner select of a claim.
	skipLocked string
	// place is what a claim's inner select, called due, gives of each row, and claimed
	// the condition that finds it again: on PostgreSQL by where it lies, which saves a
	// look into the index.
	place, claimed string
	// forUpdate ends a select that locks a row until commit; SQLite's write
	// transaction has the whole file already. Keys never change, so the lock is one
	// that foreign keys do not wait for: with a full one, two transactions that had
	// both written a row of one dealer or contact waited for each other.
	forUpdate string
	// lockSaving lets one transaction at a time add contacts and visits until it
	// commits; "" where writers stand in line anyway.
	lockSaving string
	// unique tells a violated unique key.
	unique func(error) bool
	// retryable tells an error after which the same transaction may succeed.
	retryable func(error) bool
	// forget overwrites what was deleted where the engine would keep it.
	forget func(context.Context, *sql.DB) error
}

var sqliteDialect = dialect{
	name:    "sqlite",
	place:   "id",
	claimed: "id in (select id from due)",
	unique: func(err error) bool {
		var e *sqlite.Error
		return errors.As(err, &e) && (e.Code() == 2067 || e.Code() == 1555)
	},
	retryable: func(err error) bool {
		var e *sqlite.Error
		return errors.As(err, &e) && e.Code()&0xff == 5 // busy: another process writes
	},
	// Pages are overwritten because of secure_delete; the log still has them until
	// it is emptied, which a reader may put off to the next time.
	forget: func(ctx context.Context, db *sql.DB) error {
		if _, err := db.ExecContext(ctx, "pragma wal_checkpoint(truncate)"); err != nil {
			return fmt.Errorf("emptying the log after an erasure: %w", err)
		}
		return nil
	},
}

var postgresDialect = dialect{
	name:       "postgres",
	skipLocked: " for no key update skip locked",
	place:      "ctid",
	claimed:    "ctid = any (array (select ctid from due))",
	forUpdate:  " for no key update",
	lockSaving: "select pg_advisory_xact_lock(7301)", // any number nobody else takes
	forget:     func(context.Context, *sql.DB) error { return nil },
	unique:     func(err error) bool { return pgCode(err) == "23505" },
	retryable: func(err error) bool {
		switch pgCode(err) {
		case "40001", "40P01": // serialization failure, deadlock
			return true
		case "0A000": // a cached plan after a migration by a newer version; heals itself
			return true
		}
		return false
	},
}

func pgCode(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// gate hands SQLite's one write connection to the most urgent waiter; database/sql
// alone would serve an import and an operator in order of arrival.
type gate struct {
	mu      sync.Mutex
	held    bool
	waiting [RankBulk + 1][]chan struct{}
	// foreign: another process has held the lock for longer than one of ours would.
	foreign atomic.Bool
}

func newGate() *gate { return &gate{} }

func (g *gate) enter(ctx context.Context, r Rank) error {
	g.mu.Lock()
	if !g.held {
		g.held = true
		g.mu.Unlock()
		return nil
	}
	c := make(chan struct{})
	g.waiting[r] = append(g.waiting[r], c)
	g.mu.Unlock()
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		for i, w := range g.waiting[r] {
			if w == c {
				g.waiting[r] = append(g.waiting[r][:i:i], g.waiting[r][i+1:]...)
				return g.why(ctx.Err())
			}
		}
		g.next() // it was handed to us just now
		return g.why(ctx.Err())
	}
}

// why adds to the end of a wait what kept the lock from us. A nil gate has nothing to add.
func (g *gate) why(err error) error {
	ended := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if g != nil && ended && g.foreign.Load() && !errors.Is(err, ErrLocked) {
		return fmt.Errorf("%w: %w", ErrLocked, err)
	}
	return err
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next()
}

// next hands the gate on; the caller holds mu.
func (g *gate) next() {
	for r := range g.waiting {
		if q := g.waiting[r]; len(q) > 0 {
			g.waiting[r] = q[1:]
			close(q[0])
			return
		}
	}
	g.held = false
}

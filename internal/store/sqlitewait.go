package store

import (
	"context"
	"database/sql/driver"
	"time"
)

// A process that waits for SQLite's write lock tries every lockEvery, up to lockWithin;
// the engine's own waiting grows to a tenth of a second between two tries, and so
// misses every gap that an import leaves. Whoever has held the lock for longLock lets
// go of it for lockGap, so that such a gap is there. Who holds it for foreignLock is none
// of ours: then trying each foreignEvery will do.
const (
	lockEvery  = 500 * time.Microsecond
	lockWithin = 10 * time.Second
	longLock   = 10 * time.Millisecond
	lockGap    = 4 * lockEvery

	foreignLock  = time.Second / 2
	foreignEvery = 20 * time.Millisecond
)

// BeginTx implements driver.ConnBeginTx.
func (c *sqliteConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if c.lock == nil {
		return c.innerConn.BeginTx(ctx, o)
	}
	if err := pause(ctx, time.Until(c.free)); err != nil {
		return nil, err
	}
	if _, err := c.once(ctx, "pragma busy_timeout = 0"); err != nil {
		return nil, err
	}
	tx, err := c.acquire(ctx, o)
	if err != nil {
		return nil, err
	}
	c.lock.foreign.Store(false)
	if _, err := c.once(ctx, "pragma "+sqliteBusy); err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	return &sqliteTx{tx, c, time.Now()}, nil
}

// acquire begins a transaction as soon as no other process holds the lock.
func (c *sqliteConn) acquire(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.innerConn.BeginTx(ctx, o)
	for began := time.Now(); err != nil && sqliteDialect.retryable(err) && time.Since(began) < lockWithin; {
		every := lockEvery
		if time.Since(began) >= foreignLock {
			c.lock.foreign.Store(true)
			every = foreignEvery
		}
		if err := pause(ctx, every); err != nil {
			return nil, c.lock.why(err)
		}
		tx, err = c.innerConn.BeginTx(ctx, o)
	}
	return tx, err
}

// sqliteTx notes how long the lock was held.
type sqliteTx struct {
	driver.Tx
	c     *sqliteConn
	began time.Time
}

// Commit implements driver.Tx.
func (t *sqliteTx) Commit() error { defer t.let(); return t.Tx.Commit() }

// Rollback implements driver.Tx.
func (t *sqliteTx) Rollback() error { defer t.let(); return t.Tx.Rollback() }

func (t *sqliteTx) let() {
	if now := time.Now(); now.Sub(t.began) >= longLock {
		t.c.free = now.Add(lockGap)
	}
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

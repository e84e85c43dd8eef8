package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Behind is how far a clock is behind the database's (negative: ahead), and by how much
// that may be wrong: half of the time that the answer took. An SQLite file has no clock
// of its own: 0.
func (s *Store) Behind(ctx context.Context, now func() time.Time) (behind, within time.Duration, err error) {
	if s.dialect.name != "postgres" {
		return 0, 0, nil
	}
	asked := now()
	there, err := one(ctx, s.read, func(r *sql.Rows) (m moment, err error) { return m, r.Scan(&m) }, "select (extract(epoch from clock_timestamp()) * 1000000)::bigint")
	if err != nil {
		return 0, 0, fmt.Errorf("asking the database's clock: %w", err)
	}
	within = now().Sub(asked) / 2
	return there.Sub(asked.Add(within)), within, nil
}

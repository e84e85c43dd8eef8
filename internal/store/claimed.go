package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Claimed is due work that a holder has under a lease: outreach and messages that have
// not begun, and messages whose outcome is not recorded yet. Until is when the last lease
// ends, machine time.
type Claimed struct {
	N     int
	Until time.Time
}

// Claimed counts what is due and held at a moment by whoever holds it.
func (s *Store) Claimed(ctx context.Context, business, machine time.Time) (out Claimed, err error) {
	held := `select 1 as n, claim_until as ends from outreach where state in ` + open + ` and due_at <= $1 and claim_until > $2
		union all select 1, claim_until from message where direction = 'out' and state = 'queued' and due_at <= $1 and claim_until > $2
		union all select 1, claim_until from message where direction = 'out' and state = 'sending' and claim_until > $2
		union all select waiting, until from begun where until > $2`
	out, err = one(ctx, s.read, func(r *sql.Rows) (c Claimed, err error) {
		var until moment
		err = r.Scan(&c.N, &until)
		c.Until = until.Time
		return c, err
	}, "select coalesce(sum(n), 0), max(ends) from ("+held+") held", at(business), at(machine))
	if err != nil {
		return out, fmt.Errorf("counting what is claimed: %w", err)
	}
	return out, nil
}

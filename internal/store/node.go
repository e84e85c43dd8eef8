package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"otklik/channels"
)

// Troubles that a node tells of itself.
const (
	// TroubleRedis: the node cannot ask its rate cells; bulk waits, replies go on.
	TroubleRedis = "redis"
	// TroubleStuck: the dispatcher has not come round for long.
	TroubleStuck = "stuck"
	// TroubleClock: the machine's clock is not the database's; the database's counts.
	TroubleClock = "clock"
)

// NodeDeadAfter is how long a node may be silent before it counts as dead, in
// machine time. An idle one beats every five seconds.
const NodeDeadAfter = 15 * time.Second

// nodeKept is how long a dead node is remembered.
const nodeKept = 24 * time.Hour

// LaneState is what a node tells of one lane.
type LaneState struct {
	Channel channels.Kind `json:"channel"`
	Sender  string        `json:"sender"`
	// Waiting are messages that this node has read ahead for the lane.
	Waiting  int `json:"waiting"`
	InFlight int `json:"in_flight"`
	// Sent counts since the node started.
	Sent int64 `json:"sent"`
	// Rate is messages per second over the last ten seconds.
	Rate float64 `json:"rate"`
	// LastMinute and LastHour are messages sent in them.
	LastMinute int64 `json:"last_minute"`
	LastHour   int64 `json:"last_hour"`
	// RestingUntil is machine time; zero when the lane does not rest. Reason is why:
	// a code, or a provider's code with its sentence.
	RestingUntil time.Time `json:"resting_until,omitzero"`
	Reason       string    `json:"reason,omitempty"`
}

// Node is a process that runs, or has died.
type Node struct {
	ID, Version, Role string
	// StartedAt and SeenAt are machine time.
	StartedAt, SeenAt time.Time
	Lanes             []LaneState
	// Trouble holds codes (Trouble…) of what the node cannot do.
	Trouble []string
}

// Dead tells whether the node has been silent for too long; machine is machine time.
func (n Node) Dead(machine time.Time) bool { return machine.Sub(n.SeenAt) > NodeDeadAfter }

// beaten is how lanes and troubles stand in the table.
type beaten struct {
	Lanes   []LaneState `json:"lanes,omitempty"`
	Trouble []string    `json:"trouble,omitempty"`
}

// Beat writes that a node is alive, and forgets nodes that died a day ago.
func (s *Store) Beat(ctx context.Context, n Node) error {
	told, err := json.Marshal(beaten{n.Lanes, n.Trouble})
	if err != nil {
		return fmt.Errorf("writing a node's state: %w", err)
	}
	err = s.Tx(ctx, RankRecord, func(tx *Tx) error {
		if _, err := tx.ExecContext(ctx, `insert into node (id, version, role, started_at, seen_at, lanes) values ($1, $2, $3, $4, $5, $6)
			on conflict (id) do update set seen_at = excluded.seen_at, lanes = excluded.lanes`, n.ID, n.Version, n.Role, at(n.StartedAt), at(n.SeenAt), string(told)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "delete from node where seen_at < $1", at(n.SeenAt.Add(-nodeKept)))
		return err
	})
	if err != nil {
		return fmt.Errorf("writing a node's state: %w", err)
	}
	return nil
}

// Farewell removes a node that stops as it should.
func (s *Store) Farewell(ctx context.Context, id string) error {
	if _, err := s.exec(ctx, RankRecord, "delete from node where id = $1", key(id)); err != nil {
		return fmt.Errorf("removing a node: %w", err)
	}
	return nil
}

// Nodes lists processes, the longest running first. A node of another version may
// tell what this one does not know; that is left out.
func (s *Store) Nodes(ctx context.Context) ([]Node, error) {
	ns, err := collect(ctx, s.read, func(r *sql.Rows) (n Node, err error) {
		var started, seen moment
		var told string
		if err := r.Scan(&n.ID, &n.Version, &n.Role, &started, &seen, &told); err != nil {
			return n, err
		}
		n.StartedAt, n.SeenAt = started.Time, seen.Time
		var b beaten
		if json.Unmarshal([]byte(told), &b) == nil {
			n.Lanes, n.Trouble = b.Lanes, b.Trouble
		}
		return n, nil
	}, "select id, version, role, started_at, seen_at, lanes from node order by started_at, id")
	if err != nil {
		return nil, fmt.Errorf("reading nodes: %w", err)
	}
	return ns, nil
}

// Lease is a singleton with who holds it until when, in machine time.
type Lease struct {
	Name, Holder string
	Until        time.Time
}

// Leases lists the singletons that were ever taken, by name.
func (s *Store) Leases(ctx context.Context) ([]Lease, error) {
	ls, err := collect(ctx, s.read, func(r *sql.Rows) (l Lease, err error) {
		var until moment
		err = r.Scan(&l.Name, &l.Holder, &until)
		l.Until = until.Time
		return l, err
	}, "select name, holder, until from lease order by name")
	if err != nil {
		return nil, fmt.Errorf("reading leases: %w", err)
	}
	return ls, nil
}

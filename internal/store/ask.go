package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// question is one of several that are asked together.
type question struct {
	about string // for errors
	query string
	args  []any
	read  func(*cells)
}

// ask puts questions together: to PostgreSQL in one round trip, with rows read as they
// come from the wire. The general way through database/sql cost the program as much as
// the server.
func (s *Store) ask(ctx context.Context, qs []question) error {
	if s.pool == nil {
		for _, q := range qs {
			if err := askOne(ctx, s.read, q); err != nil {
				return fmt.Errorf("reading %s: %w", q.about, err)
			}
		}
		return nil
	}
	for try := 1; ; try++ {
		err := s.askAll(ctx, qs)
		if err == nil || try == txTries || !s.dialect.retryable(err) {
			return err
		}
	}
}

func askOne(ctx context.Context, q querier, x question) error {
	rows, err := q.QueryContext(ctx, x.query, x.args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	cols, err := rows.Columns()
	if err != nil {
		return err
	}
	c := cells{values: make([]any, len(cols))}
	into := make([]any, len(cols))
	for i := range into {
		into[i] = &c.values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := c.row(x.read); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (s *Store) askAll(ctx context.Context, qs []question) error {
	b := &pgx.Batch{}
	for _, q := range qs {
		b.Queue(q.query, q.args...)
	}
	results := s.pool.SendBatch(ctx, b)
	for _, q := range qs {
		rows, err := results.Query()
		if err == nil {
			c := cells{}
			for rows.Next() {
				c.wire = rows.RawValues()
				if err = c.row(q.read); err != nil {
					break
				}
			}
			rows.Close()
			if err == nil {
				err = rows.Err()
			}
		}
		if err != nil {
			_ = results.Close() // says the same again
			return fmt.Errorf("reading %s: %w", q.about, err)
		}
	}
	return results.Close()
}

// cells are the columns of a row, taken from left to right; null is the zero value.
// The values of the wire are in the forms that pgx asks for: binary, and a text as it
// is.
type cells struct {
	wire   [][]byte // PostgreSQL's
	values []any    // SQLite's
	next   int
	err    error
}

// row hands one row to a reader, which must not keep the cells.
func (c *cells) row(read func(*cells)) error {
	c.next = 0
	read(c)
	return c.err
}

func (c *cells) fail(want string, got any) {
	if c.err == nil {
		c.err = fmt.Errorf("column %d is no %s but %T", c.next, want, got)
	}
}

// take gives the next column: bytes of PostgreSQL, or a value of SQLite.
func (c *cells) take() (wire []byte, value any) {
	i := c.next
	c.next++
	if c.wire != nil {
		return c.wire[i], nil
	}
	return nil, c.values[i]
}

func (c *cells) text() string {
	wire, value := c.take()
	if wire != nil {
		return string(wire)
	}
	return c.string(value)
}

func (c *cells) string(value any) string {
	switch x := value.(type) {
	case nil:
		return ""
	case string:
		return x
	}
	c.fail("text", value)
	return ""
}

// id reads an id, on either engine as it is written.
func (c *cells) id() string {
	wire, value := c.take()
	switch len(wire) {
	case 0:
		return c.string(value)
	case len(uuid.UUID{}):
		return uuid.UUID(wire).String()
	}
	c.fail("id", wire)
	return ""
}

func (c *cells) integer() int64 {
	wire, value := c.take()
	if len(wire) == 8 {
		return int64(binary.BigEndian.Uint64(wire)) //nolint:gosec // two's complement
	}
	switch x := value.(type) {
	case nil:
		if wire == nil {
			return 0
		}
	case int64:
		return x
	}
	c.fail("integer", value)
	return 0
}

func (c *cells) moment() time.Time {
	if us := c.integer(); us != 0 || c.err != nil || !c.null() {
		return time.UnixMicro(us).UTC()
	}
	return time.Time{}
}

// null tells whether the column taken last was null.
func (c *cells) null() bool {
	if c.wire != nil {
		return c.wire[c.next-1] == nil
	}
	return c.values[c.next-1] == nil
}

func (c *cells) flag() bool {
	wire, value := c.take()
	if len(wire) == 1 {
		return wire[0] != 0
	}
	switch x := value.(type) {
	case bool:
		return x
	case int64:
		return x != 0
	}
	if wire != nil || value != nil {
		c.fail("truth value", value)
	}
	return false
}

// idSet is a list of ids as one parameter, so that a question has one shape whatever
// their number. They are sorted, each once: their rows and entries lie together. What
// is no UUID is left out and so finds nothing.
func (d dialect) idSet(ids []string) string {
	clean := make([]string, 0, len(ids))
	for _, id := range ids {
		if k, ok := key(id).(string); ok {
			clean = append(clean, k)
		}
	}
	return d.set(clean)
}

// set is a list of texts as one parameter, see idSet.
func (d dialect) set(vs []string) string {
	vs = slices.Compact(slices.Sorted(slices.Values(vs)))
	opening, closing := byte('{'), byte('}')
	if d.name == "sqlite" {
		opening, closing = '[', ']'
	}
	b := make([]byte, 0, 2+39*len(vs))
	b = append(b, opening)
	for i, v := range vs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, storableText(v))
	}
	return string(append(b, closing))
}

// among is the condition that a column is in the set which is parameter n; typ is the
// column's.
func (d dialect) among(col, typ string, n int) string {
	if d.name == "postgres" {
		return col + " = any(cast($" + strconv.Itoa(n) + " as " + typ + "[]))"
	}
	return col + " in (select value from json_each($" + strconv.Itoa(n) + "))"
}

// members are the ids of the set which is parameter n, as the rows of c (id).
func (d dialect) members(n int) string {
	if d.name == "postgres" {
		return "unnest(cast($" + strconv.Itoa(n) + " as uuid[])) as c (id)"
	}
	return "(select value as id from json_each($" + strconv.Itoa(n) + ")) as c"
}

// forEach asks for the rows of a table whose column is in the set which is parameter n;
// typ is the column's, where are its other conditions. PostgreSQL gets it as a question for each: planned
// while the tables were empty, as they are at the first import, it would read all of
// them for each set. "offset 0" keeps it from making one question of it.
func (d dialect) forEach(cols, from, where, col, typ string, n int) string {
	if d.name == "postgres" {
		return "select x.* from unnest(cast($" + strconv.Itoa(n) + " as " + typ + "[])) as e (v) cross join lateral (select " + cols + " from " + from + " where " + where + col + " = e.v offset 0) x"
	}
	return "select " + cols + " from " + from + " where " + where + col + " in (select value from json_each($" + strconv.Itoa(n) + "))"
}

package store

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// native is a statement of a campaign on PostgreSQL: prepared once a connection, its
// parameters and results in binary form. The general way through database/sql cost the
// program as much as the server needed for the statement.
type native struct{ name, text string }

// run executes it; every parameter is in binary form, nil is null.
func (n native) run(ctx context.Context, c *pgx.Conn, params ...[]byte) (*pgconn.ResultReader, error) {
	if _, err := c.Prepare(ctx, n.name, n.text); err != nil { // known by its name from the second time on
		return nil, err
	}
	return c.PgConn().ExecPrepared(ctx, n.name, params, binaryForm, binaryForm), nil
}

var binaryForm = []int16{pgx.BinaryFormatCode}

// each hands every row of a result to a reader.
func each(r *pgconn.ResultReader, err error, read func(*cells)) error {
	if err != nil {
		return err
	}
	var c cells
	var unread error
	for unread == nil && r.NextRow() {
		c.wire = r.Values()
		unread = c.row(read)
	}
	_, err = r.Close()
	return errors.Join(err, unread)
}

// again repeats work on a connection of the pool, as Tx repeats a transaction.
func (s *Store) again(ctx context.Context, work func(*pgx.Conn) error) error {
	for try := 1; ; try++ {
		err := s.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error { return work(c.Conn()) })
		if err == nil || try == txTries || !s.dialect.retryable(err) {
			return err
		}
	}
}

// arrays are rows as one binary array for each column.
type arrays struct {
	cols []array
	rows int
}

type array struct{ fields }

const arrayHeader = 20 // dimensions, nulls, type, length, lower bound

func newArrays(cols []column, rows int) *arrays {
	a := &arrays{cols: make([]array, len(cols)), rows: rows}
	for i, c := range cols {
		b := make([]byte, arrayHeader, arrayHeader+rows*24)
		binary.BigEndian.PutUint32(b, 1)
		binary.BigEndian.PutUint32(b[4:], 1)
		binary.BigEndian.PutUint32(b[8:], oids[c.typ])
		binary.BigEndian.PutUint32(b[12:], uint32(rows)) //nolint:gosec // a group is small
		binary.BigEndian.PutUint32(b[16:], 1)
		a.cols[i].b = b
	}
	return a
}

// oids of the types that lists have; PostgreSQL's own, which never change.
var oids = map[string]uint32{"uuid": 2950, "text": 25, "bigint": 20}

// after gives the parameters of a statement: those that it begins with, and the arrays.
func (a *arrays) after(fixed ...[]byte) ([][]byte, error) {
	for i := range a.cols {
		if a.cols[i].err != nil {
			return nil, a.cols[i].err
		}
		fixed = append(fixed, a.cols[i].b)
	}
	return fixed, nil
}

// unnested writes "with v (…) as (select * from unnest(…)) " for columns that come after
// the first `from` parameters.
func unnested(from int, cols []column) string {
	names, casts := make([]string, len(cols)), make([]string, len(cols))
	for i, c := range cols {
		names[i], casts[i] = c.name, "cast($"+strconv.Itoa(from+i+1)+" as "+c.typ+"[])"
	}
	return "with v (" + strings.Join(names, ", ") + ") as (select * from unnest(" + strings.Join(casts, ", ") + ")) "
}

// Parameters in binary form.

func bigint(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) } //nolint:gosec // two's complement is what is wanted

func instant(t time.Time) []byte {
	if t.IsZero() {
		return nil
	}
	return bigint(t.UnixMicro())
}

// ident is an id; what is no UUID is null and finds nothing.
func ident(id string) []byte {
	u, err := uuid.Parse(id)
	if err != nil {
		return nil
	}
	return u[:]
}

// word is a text of which there are few different ones.
func (c *cells) word(known words) string {
	wire, value := c.take()
	if wire == nil {
		return c.string(value)
	}
	w, ok := known[string(wire)]
	if !ok {
		w = string(wire)
		known[w] = w
	}
	return w
}

type words map[string]string

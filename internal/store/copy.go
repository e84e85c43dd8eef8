package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/stdlib"
)

// copyRows are rows in COPY's binary form, for what is written by the thousand: the
// general way through database/sql cost more than the server itself. Each column is
// written as its own type; ids must be UUIDs.
type copyRows struct {
	b    []byte
	cols int
	err  error
}

// newCopyRows makes room for n rows of so many columns.
func newCopyRows(n, cols int) *copyRows {
	c := &copyRows{b: make([]byte, 0, 32+n*cols*20), cols: cols}
	c.b = append(c.b, "PGCOPY\n\xff\r\n\x00"...)
	c.b = append(c.b, make([]byte, 8)...) // no flags, no extension
	return c
}

func (c *copyRows) row() { c.b = binary.BigEndian.AppendUint16(c.b, uint16(c.cols)) } //nolint:gosec // a table has few

func (c *copyRows) null() { c.b = append(c.b, 0xff, 0xff, 0xff, 0xff) }

func (c *copyRows) integer(n int64) {
	c.b = append(c.b, 0, 0, 0, 8)
	c.b = binary.BigEndian.AppendUint64(c.b, uint64(n)) //nolint:gosec // two's complement is what is wanted
}

// moment writes null for the zero time.
func (c *copyRows) moment(t time.Time) {
	if t.IsZero() {
		c.null()
		return
	}
	c.integer(t.UnixMicro())
}

func (c *copyRows) text(s string) {
	s = storableText(s)
	c.b = binary.BigEndian.AppendUint32(c.b, uint32(len(s))) //nolint:gosec // far below 4 GB
	c.b = append(c.b, s...)
}

// id writes null for "".
func (c *copyRows) id(s string) {
	if s == "" {
		c.null()
		return
	}
	u, err := uuid.Parse(s)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("an id: %w", err)
	}
	c.b = append(c.b, 0, 0, 0, 16)
	c.b = append(c.b, u[:]...)
}

// loader writes rows by COPY within its transaction.
type loader func(ctx context.Context, table string, cols []string, rows *copyRows) (int64, error)

// loading is a transaction on PostgreSQL that can load in bulk.
func (s *Store) loading(ctx context.Context, fn func(*Tx, loader) error) error {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("taking a connection: %w", err)
	}
	defer func() { _ = conn.Close() }() // after the transaction; it goes back to the pool
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit this does nothing
	load := func(ctx context.Context, table string, cols []string, rows *copyRows) (n int64, err error) {
		if rows.err != nil {
			return 0, rows.err
		}
		err = conn.Raw(func(driver any) error {
			tag, err := driver.(*stdlib.Conn).Conn().PgConn().CopyFrom(ctx, bytes.NewReader(append(rows.b, 0xff, 0xff)),
				"copy "+table+" ("+strings.Join(cols, ", ")+") from stdin with (format binary)")
			n = tag.RowsAffected()
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("loading %s: %w", table, err)
		}
		return n, nil
	}
	if err := fn(&Tx{tx, s}, load); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

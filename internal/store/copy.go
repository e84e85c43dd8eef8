package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// fields are values in PostgreSQL's binary form, as COPY and arrays take them, for what
// is written by the thousand: the general way through database/sql cost more than the
// server itself. Ids must be UUIDs.
type fields struct {
	b   []byte
	err error
}

// copyRows are rows in COPY's binary form.
type copyRows struct {
	fields
	cols int
}

// newCopyRows makes room for n rows of so many columns.
func newCopyRows(n, cols int) *copyRows {
	c := &copyRows{fields{b: make([]byte, 0, 32+n*cols*20)}, cols}
	c.b = append(c.b, "PGCOPY\n\xff\r\n\x00"...)
	c.b = append(c.b, make([]byte, 8)...) // no flags, no extension
	return c
}

func (c *copyRows) row() { c.b = binary.BigEndian.AppendUint16(c.b, uint16(c.cols)) } //nolint:gosec // a table has few

func (f *fields) null() { f.b = append(f.b, 0xff, 0xff, 0xff, 0xff) }

func (f *fields) integer(n int64) {
	f.b = append(f.b, 0, 0, 0, 8)
	f.b = binary.BigEndian.AppendUint64(f.b, uint64(n)) //nolint:gosec // two's complement is what is wanted
}

// moment writes null for the zero time.
func (f *fields) moment(t time.Time) {
	if t.IsZero() {
		f.null()
		return
	}
	f.integer(t.UnixMicro())
}

func (f *fields) text(s string) {
	s = storableText(s)
	f.b = binary.BigEndian.AppendUint32(f.b, uint32(len(s))) //nolint:gosec // far below 4 GB
	f.b = append(f.b, s...)
}

// id writes null for "".
func (f *fields) id(s string) {
	if s == "" {
		f.null()
		return
	}
	u, err := uuid.Parse(s)
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("an id: %w", err)
	}
	f.b = append(f.b, 0, 0, 0, 16)
	f.b = append(f.b, u[:]...)
}

// optional writes null for "".
func (f *fields) optional(s string) {
	if s == "" {
		f.null()
		return
	}
	f.text(s)
}

// copyInto loads rows into a table.
func copyInto(ctx context.Context, c *pgx.Conn, table string, cols []string, rows *copyRows) (int64, error) {
	if rows.err != nil {
		return 0, fmt.Errorf("loading %s: %w", table, rows.err)
	}
	tag, err := c.PgConn().CopyFrom(ctx, bytes.NewReader(append(rows.b, 0xff, 0xff)), "copy "+table+" ("+strings.Join(cols, ", ")+") from stdin with (format binary)")
	if err != nil {
		return 0, fmt.Errorf("loading %s: %w", table, err)
	}
	return tag.RowsAffected(), nil
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
		err = conn.Raw(func(driver any) error {
			n, err = copyInto(ctx, driver.(*stdlib.Conn).Conn(), table, cols, rows)
			return err
		})
		return n, err
	}
	if err := fn(&Tx{tx, s, conn}, load); err != nil {
		return err
	}
	return commit(ctx, tx)
}

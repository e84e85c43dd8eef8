package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
)

// sqliteConnector opens SQLite connections that read our $N placeholders by number
// and keep their prepared statements. Measured on an import: without it three
// quarters of the time went into parsing statements and into looking up the names
// of parameters, which grow with the square of their number.
type sqliteConnector struct {
	driver.Connector
	lock *gate // nil for connections that only read
}

func newSQLiteConnector(dsn string, lock *gate) (driver.Connector, error) {
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sqliteConnector{c, lock}, nil
}

// Connect implements driver.Connector.
func (c sqliteConnector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := inner.(innerConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the SQLite driver's %T lacks a method", inner), inner.Close())
	}
	return &sqliteConn{innerConn: conn, kept: map[string]*sqliteStmt{}, lock: c.lock}, nil
}

// innerConn is what the driver's connection can do and database/sql uses.
type innerConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// keptStatements bounds the prepared statements of one connection. A statement of
// 50 rows takes some ten kilobytes.
const keptStatements = 200

// sqliteConn is one connection; database/sql never uses it from two goroutines at
// once.
type sqliteConn struct {
	innerConn
	kept map[string]*sqliteStmt
	// lock is nil where it only reads; else its transactions take the write lock when
	// they begin, and free is when the next one may.
	lock *gate
	free time.Time
}

// sqliteBusy is how long a statement outside of our own transactions waits for a lock,
// in milliseconds.
const sqliteBusy = "busy_timeout = 10000"

// sqliteStmt is a prepared statement with anonymous placeholders; order names the
// argument of each.
type sqliteStmt struct {
	driver.Stmt
	order []int
	args  int
}

// ExecContext implements driver.ExecerContext.
func (c *sqliteConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if len(args) == 0 {
		// Migrations and savepoints: several statements in one text, or used once.
		return c.once(ctx, query)
	}
	st, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	defer c.put(query, st)
	bound, err := st.bind(args)
	if err != nil {
		return nil, err
	}
	return st.Stmt.(driver.StmtExecContext).ExecContext(ctx, bound)
}

func (c *sqliteConn) once(ctx context.Context, query string) (driver.Result, error) {
	st, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { _ = st.Close() }() // its errors came with Exec
	return st.(driver.StmtExecContext).ExecContext(ctx, nil)
}

// QueryContext implements driver.QueryerContext.
func (c *sqliteConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	st, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	bound, err := st.bind(args)
	if err != nil {
		c.put(query, st)
		return nil, err
	}
	rows, err := st.Stmt.(driver.StmtQueryContext).QueryContext(ctx, bound)
	if err != nil {
		c.put(query, st)
		return nil, err
	}
	return &sqliteRows{rows, func() { c.put(query, st) }}, nil
}

// sqliteRows gives its statement back when it is closed.
type sqliteRows struct {
	driver.Rows
	done func()
}

// ColumnTypeDatabaseTypeName implements driver.RowsColumnTypeDatabaseTypeName.
func (r *sqliteRows) ColumnTypeDatabaseTypeName(i int) string {
	if t, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return t.ColumnTypeDatabaseTypeName(i)
	}
	return ""
}

// Close implements driver.Rows.
func (r *sqliteRows) Close() error {
	err := r.Rows.Close()
	if r.done != nil {
		r.done()
		r.done = nil
	}
	return err
}

// take removes a statement from those that are kept, or prepares it: while its
// rows are read it cannot run a second time.
func (c *sqliteConn) take(ctx context.Context, query string) (*sqliteStmt, error) {
	if st, ok := c.kept[query]; ok {
		delete(c.kept, query)
		return st, nil
	}
	plain, order, n := anonymous(query)
	st, err := c.PrepareContext(ctx, plain)
	if err != nil {
		return nil, err
	}
	return &sqliteStmt{st, order, n}, nil
}

func (c *sqliteConn) put(query string, st *sqliteStmt) {
	if _, ok := c.kept[query]; ok {
		_ = st.Close()
		return
	}
	if len(c.kept) >= keptStatements {
		for q, victim := range c.kept { // any: what is used often comes back
			delete(c.kept, q)
			_ = victim.Close()
			break
		}
	}
	c.kept[query] = st
}

// Close implements driver.Conn.
func (c *sqliteConn) Close() error {
	for _, st := range c.kept {
		_ = st.Close()
	}
	clear(c.kept)
	return c.innerConn.Close()
}

// bind puts the arguments in the order of the placeholders. SQLite itself would
// take too many or too few for null.
func (s *sqliteStmt) bind(args []driver.NamedValue) ([]driver.NamedValue, error) {
	if s.args == 0 { // written with ?, by goose
		return args, nil
	}
	if len(args) != s.args {
		return nil, fmt.Errorf("the statement has %d parameters and got %d", s.args, len(args))
	}
	if s.order == nil {
		return args, nil
	}
	out := make([]driver.NamedValue, len(s.order))
	for i, n := range s.order {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: args[n-1].Value}
	}
	return out, nil
}

// anonymous rewrites $N to ?, tells which argument each ? takes (nil when they
// come once each, in order), and the highest number.
func anonymous(query string) (plain string, order []int, n int) {
	var b strings.Builder
	b.Grow(len(query))
	inOrder, quoted := true, false
	for i := 0; i < len(query); i++ {
		if query[i] == '\'' {
			quoted = !quoted
		}
		end := i + 1
		for !quoted && query[i] == '$' && end < len(query) && query[end] >= '0' && query[end] <= '9' {
			end++
		}
		k, err := strconv.Atoi(query[i+1 : end])
		if err != nil {
			b.WriteByte(query[i])
			continue
		}
		b.WriteByte('?')
		order = append(order, k)
		inOrder = inOrder && k == len(order)
		n = max(n, k)
		i = end - 1
	}
	if inOrder {
		order = nil
	}
	return b.String(), order, n
}

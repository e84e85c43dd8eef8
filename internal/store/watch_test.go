package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/jackc/pgx/v5/stdlib"
)

// Watch has every later statement of the store noted with its arguments, so that a
// test can ask the engine how it carries them out. For use by one goroutine.
func (s *Store) Watch(note func(query string, args []any)) error {
	if s.pool != nil {
		db := sql.OpenDB(watched{stdlib.GetPoolConnector(s.pool), note})
		db.SetMaxIdleConns(0)
		s.write, s.read = db, reader{db}
		return nil
	}
	dsn := "file:" + s.path + "?_pragma=busy_timeout(10000)"
	write, err := newSQLiteConnector(dsn+"&_txlock=immediate", newGate())
	if err != nil {
		return err
	}
	db := sql.OpenDB(watched{write, note})
	s.write, s.read = db, reader{db}
	return nil
}

type watched struct {
	driver.Connector
	note func(string, []any)
}

func (w watched) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := w.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	inner, ok := c.(watchedConn)
	if !ok {
		return nil, fmt.Errorf("%T cannot be watched", c)
	}
	checked, _ := c.(driver.NamedValueChecker)
	return &watching{inner, checked, w.note}, nil
}

type watchedConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.QueryerContext
	driver.ExecerContext
}

type watching struct {
	watchedConn
	checked driver.NamedValueChecker
	note    func(string, []any)
}

func (w *watching) CheckNamedValue(v *driver.NamedValue) error {
	if w.checked != nil {
		return w.checked.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (w *watching) noted(query string, args []driver.NamedValue) {
	plain := make([]any, len(args))
	for i, a := range args {
		plain[i] = a.Value
	}
	w.note(query, plain)
}

func (w *watching) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	w.noted(query, args)
	return w.watchedConn.QueryContext(ctx, query, args)
}

func (w *watching) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	w.noted(query, args)
	return w.watchedConn.ExecContext(ctx, query, args)
}

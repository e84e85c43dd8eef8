package store_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// TestCause: what says that the database is away, and what says something else.
func TestCause(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		away bool
	}{
		{"nothing", nil, false},
		{"the server is told to stop", &pgconn.PgError{Code: "57P01"}, true},
		{"the server starts", &pgconn.PgError{Code: "57P03"}, true},
		{"no connection is free", &pgconn.PgError{Code: "53300"}, true},
		{"the connection failed", &pgconn.PgError{Code: "08006"}, true},
		{"a statement took too long", &pgconn.PgError{Code: "57014"}, false},
		{"a key is there already", &pgconn.PgError{Code: "23505"}, false},
		{"the connection is of no use", driver.ErrBadConn, true},
		{"the caller left", context.Canceled, false},
		{"the caller's time is up", context.DeadlineExceeded, false},
		{"no such row", store.ErrNotFound, false},
		{"another program's server is away", errors.New("connection refused"), false},
	} {
		err := c.err
		if err != nil {
			err = fmt.Errorf("reading: %w", err)
		}
		want := err
		if c.away {
			want = store.ErrAway
		}
		if got := store.Cause(err); !errors.Is(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%s: %v, want %v", c.name, got, want)
		}
	}
}

// TestCauseOfAStoppedServer: a transaction that stood open, a new one, and a read.
func TestCauseOfAStoppedServer(t *testing.T) {
	url, stop, _ := testserver.PrivatePostgres(t)
	st := storetest.OpenURL(t, url)
	work := func(between func()) error {
		return st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			between()
			_, err := tx.ExecContext(t.Context(), "select 1")
			return err
		})
	}
	if err := work(func() {}); err != nil {
		t.Fatal(err)
	}
	if err := work(stop); !errors.Is(store.Cause(err), store.ErrAway) {
		t.Errorf("half-way: %v", err)
	}
	if err := work(func() {}); !errors.Is(store.Cause(err), store.ErrAway) {
		t.Errorf("anew: %v", err)
	}
	if _, err := st.ConversationByToken(t.Context(), "x"); !errors.Is(store.Cause(err), store.ErrAway) {
		t.Errorf("a read: %v", err)
	}
}

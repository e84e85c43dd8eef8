package store_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
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
		want error // nil: the error itself
	}{
		{"nothing", nil, nil},
		{"the server is told to stop", &pgconn.PgError{Code: "57P01"}, store.ErrAway},
		{"the server starts", &pgconn.PgError{Code: "57P03"}, store.ErrAway},
		{"no connection is free", &pgconn.PgError{Code: "53300"}, store.ErrCrowded},
		{"the connection failed", &pgconn.PgError{Code: "08006"}, store.ErrAway},
		{"the connection was idle for too long", &pgconn.PgError{Code: "57P05"}, store.ErrAway},
		{"the disk is full", &pgconn.PgError{Code: "53100"}, store.ErrFull},
		{"a standby", &pgconn.PgError{Code: "25006"}, store.ErrReadOnly},
		{"another process writes", fmt.Errorf("waiting: %w: %w", store.ErrLocked, context.DeadlineExceeded), store.ErrLocked},
		{"a statement took too long", &pgconn.PgError{Code: "57014"}, nil},
		{"a key is there already", &pgconn.PgError{Code: "23505"}, nil},
		{"the connection is of no use", driver.ErrBadConn, store.ErrAway},
		{"the caller left", context.Canceled, nil},
		{"the caller's time is up", context.DeadlineExceeded, nil},
		{"no such row", store.ErrNotFound, nil},
		{"another program's server is away", errors.New("connection refused"), nil},
	} {
		err := c.err
		if err != nil {
			err = fmt.Errorf("reading: %w", err)
		}
		want := c.want
		if want == nil {
			want = err
		}
		if got := store.Cause(err); !errors.Is(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%s: %v, want %v", c.name, got, want)
		}
	}
}

// TestPasses: what may be tried again later, and what fails again.
func TestPasses(t *testing.T) {
	for code, want := range map[string]bool{"55P03": true, "57014": true, "40P01": true, "53200": true, "23505": false, "42P01": false} {
		if got := store.Passes(fmt.Errorf("writing: %w", &pgconn.PgError{Code: code})); got != want {
			t.Errorf("%s: %t", code, got)
		}
	}
	if store.Passes(nil) || store.Passes(store.ErrNotFound) {
		t.Error("what no server said passes")
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

// TestCauseOfAFullDisk: what the engine says when the file may not grow any more, and
// when it may not be written; both count as away, too.
func TestCauseOfAFullDisk(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	for _, c := range []struct {
		pragma, undo string
		want         error
	}{
		{"pragma max_page_count = 1", "pragma max_page_count = 1000000", store.ErrFull},
		{"pragma query_only = 1", "pragma query_only = 0", store.ErrReadOnly},
	} {
		err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			if _, err := tx.ExecContext(t.Context(), c.pragma); err != nil {
				t.Fatal(err)
			}
			_, err := tx.ExecContext(t.Context(), "insert into setting (name, value) values ($1, $2)", "big", strings.Repeat("x", 1<<20))
			if _, undoing := tx.ExecContext(t.Context(), c.undo); undoing != nil {
				t.Fatal(undoing)
			}
			return err
		})
		if got := store.Cause(err); !errors.Is(got, c.want) || !errors.Is(got, store.ErrAway) {
			t.Errorf("%s: %v is %v", c.pragma, err, got)
		}
	}
}

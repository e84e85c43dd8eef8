package store_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestWritable: a table that somebody has locked is named with him, and only that one.
func TestWritable(t *testing.T) {
	t.Parallel()
	url := storetest.FreshURL(t, "postgres")
	st := storetest.OpenURL(t, url)
	if err := st.Writable(t.Context()); err != nil {
		t.Errorf("while nobody locks anything: %v", err)
	}
	other, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(t.Context()) }()
	do := func(statement string) {
		t.Helper()
		if _, err := other.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	do("set application_name = 'backup'")
	do("begin")
	do("lock table outreach in share mode")
	want := fmt.Sprintf("session %d (backup) has locked table outreach", other.PgConn().PID())
	if err := st.Writable(t.Context()); err == nil || err.Error() != want {
		t.Errorf("told %v, want %s", err, want)
	}
	do("rollback")
	if err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
		// Writers do not keep each other from writing.
		_, err := tx.ExecContext(t.Context(), "lock table message in row exclusive mode")
		if err == nil {
			err = st.Writable(t.Context())
		}
		return err
	}); err != nil {
		t.Errorf("beside a writer: %v", err)
	}
}

// TestWritableOnSQLite: nothing is asked there of tables.
func TestWritableOnSQLite(t *testing.T) {
	t.Parallel()
	if err := storetest.Open(t, "sqlite").Writable(t.Context()); err != nil {
		t.Error(err)
	}
}

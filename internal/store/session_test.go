package store

import (
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"

	"otklik/internal/testserver"
)

// TestSessionsAreOurs: a database whose transactions are serializable by default gives
// ours those that claims and guards are made for, and whoever is gone leaves soon.
func TestSessionsAreOurs(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	location := testserver.Postgres(t)
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(ctx, location)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(ctx, "alter database "+u.Path[1:]+" set default_transaction_isolation = 'serializable'")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, err := Open(ctx, location, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got string
	if err := s.write.QueryRowContext(ctx, "show tcp_keepalives_idle").Scan(&got); err != nil || got != "15" {
		t.Errorf("a session whose machine is gone is asked after in %q s, %v", got, err)
	}
	err = s.Tx(ctx, RankRecord, func(tx *Tx) error { return tx.QueryRowContext(ctx, "show transaction_isolation").Scan(&got) })
	if err != nil || got != "read committed" {
		t.Errorf("a transaction is %q, %v", got, err)
	}
}

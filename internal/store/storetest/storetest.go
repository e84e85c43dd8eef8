// Package storetest gives tests a migrated database on each engine. Every test
// that touches the store runs on both (design.md, two engines).
package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/testserver"
	"otklik/migrations"
)

// Now is the moment at which tests begin, a Sunday noon in Moscow.
var Now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// Each runs a test on SQLite and on PostgreSQL, each with a fresh schema.
func Each(t *testing.T, run func(t *testing.T, st *store.Store)) {
	t.Helper()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) { run(t, Open(t, engine)) })
	}
}

// URL is the address of a fresh, empty database.
func URL(t testing.TB, engine string) string {
	t.Helper()
	if engine == "postgres" {
		return testserver.Postgres(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "otklik.db")
}

// FreshURL is the address of a fresh database with the schema and nothing else. It is
// a copy of one that was migrated before: to migrate takes a third of a second on
// PostgreSQL and two on SQLite under the race detector, and there are hundreds of tests.
func FreshURL(t testing.TB, engine string) string {
	t.Helper()
	if engine == "postgres" {
		name, err := modelName()
		if err != nil {
			t.Fatal(err)
		}
		return testserver.PostgresLike(t, name, migrate)
	}
	file, err := migratedFile()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "otklik.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// modelName changes with the migrations: a server may live longer than they do.
var modelName = sync.OnceValues(func() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(migrations.FS, "postgres", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(migrations.FS, path)
		fmt.Fprintf(sum, "%s\n%d\n%s", path, len(text), text)
		return err
	})
	return "otklik_model_" + hex.EncodeToString(sum.Sum(nil)[:8]), err
})

// migratedFile is what a SQLite database with the schema and nothing else consists of.
var migratedFile = sync.OnceValues(func() (_ []byte, err error) {
	dir, err := os.MkdirTemp("", "otklik-test-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "otklik.db")
	if err := migrate("sqlite:" + path); err != nil {
		return nil, err
	}
	// The last connection has written the journal into the file and removed it.
	return os.ReadFile(path) //nolint:gosec // in a directory of our own
})

func migrate(url string) error {
	st, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		return err
	}
	defer st.Close()
	_, err = st.Migrate(context.Background())
	return err
}

// Open gives a store with a fresh schema that is closed with the test.
func Open(t testing.TB, engine string) *store.Store {
	t.Helper()
	return open(t, FreshURL(t, engine))
}

// OpenURL opens and migrates the database at a URL; two stores on one URL are two
// nodes.
func OpenURL(t testing.TB, url string) *store.Store {
	t.Helper()
	st := open(t, url)
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return st
}

func open(t testing.TB, url string) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	return st
}

// Dealer makes a rooftop in Moscow.
func Dealer(t testing.TB, st *store.Store) store.Dealer {
	t.Helper()
	d, err := st.SaveDealer(t.Context(), store.Dealer{Code: "south", Name: "Автоцентр Юг", Phone: "+74950000000", Zone: "Europe/Moscow", Country: "RU", Locale: "ru"}, Now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Visit is a record of a visit that can be saved as it is.
func Visit(order, name, phone string, completed time.Time) store.VisitRecord {
	return store.VisitRecord{Order: order, ClosedAt: completed, HandedOverAt: completed, CompletedAt: completed, Works: []string{"ТО-4"}, TotalMinor: 786000, Currency: "RUB",
		Advisor: "Орлова М.В.", Mechanic: "Ким О.", Department: "Слесарный", VIN: "XTA" + order, Plate: "А" + order, Model: "LADA Vesta", Mileage: 1000,
		Customer: store.ContactRecord{Name: name, Given: name, Phones: []string{phone}}}
}

// Save writes visits and returns their fates.
func Save(t testing.TB, st *store.Store, d store.Dealer, rs ...store.VisitRecord) []store.SavedRecord {
	t.Helper()
	var out []store.SavedRecord
	err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
		var err error
		out, err = tx.SaveVisits(t.Context(), d, rs, Now)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ClaimOutreach claims due outreach from all queues, up to limit, as a node does that
// has the database to itself.
func ClaimOutreach(ctx context.Context, st *store.Store, token string, limit int, business, machine time.Time, lease time.Duration) ([]store.Outreach, error) {
	queues, err := st.Queues(ctx)
	if err != nil {
		return nil, err
	}
	var out []store.Outreach
	for _, q := range queues {
		if len(out) == limit {
			break
		}
		os, err := st.ClaimOutreach(ctx, q, token, limit-len(out), business, machine, lease)
		if err != nil {
			return nil, err
		}
		out = append(out, os...)
	}
	return out, nil
}

// ClaimMessages claims due messages of all senders, up to limit.
func ClaimMessages(ctx context.Context, st *store.Store, token string, limit int, business, machine time.Time, lease time.Duration) ([]store.Message, error) {
	queues, err := st.MessageQueues(ctx)
	if err != nil {
		return nil, err
	}
	var out []store.Message
	for _, q := range queues {
		if len(out) == limit {
			break
		}
		ms, err := st.ClaimMessages(ctx, q, token, limit-len(out), business, machine, lease)
		if err != nil {
			return nil, err
		}
		out = append(out, ms...)
	}
	return out, nil
}

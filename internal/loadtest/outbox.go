package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Each engine's outbox: id, our key, the recipient, the state (0 new, 1 claimed, 2
// sent) and the result. There is no index on the state: the loop claims in the
// order of ids and remembers how far it is, so that both updates of a row stay on
// its page (HOT on PostgreSQL).

// postgresOutbox claims with SKIP LOCKED and records from arrays.
type postgresOutbox struct {
	pool *pgxpool.Pool
	last int64
}

const postgresOutboxTable = `create table outbox (
	id bigint primary key, key text not null, address text not null, state smallint not null default 0,
	claimed_at bigint, provider_id text, sent_at bigint) with (fillfactor = 40)`

func openPostgresOutbox(ctx context.Context, url string) (*postgresOutbox, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	return &postgresOutbox{pool: pool}, nil
}

func (o *postgresOutbox) claim(ctx context.Context) ([]letter, error) {
	// An array, not a join: the planner reads a small table whole for a join.
	rows, err := o.pool.Query(ctx, `update outbox set state = 1, claimed_at = $3
		where id = any (array (select id from outbox where id > $1 and state = 0 order by id limit $2 for update skip locked)) returning id, key, address`, o.last, batchSize, time.Now().UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("claiming: %w", err)
	}
	defer rows.Close()
	ls := make([]letter, 0, batchSize)
	for rows.Next() {
		var l letter
		if err := rows.Scan(&l.row, &l.key, &l.to); err != nil {
			return nil, fmt.Errorf("claiming: %w", err)
		}
		o.last = max(o.last, l.row)
		ls = append(ls, l)
	}
	return ls, rows.Err()
}

func (o *postgresOutbox) record(ctx context.Context, ls []letter) error {
	ids, results, times := make([]int64, len(ls)), make([]string, len(ls)), make([]int64, len(ls))
	for i, l := range ls {
		ids[i], results[i], times[i] = l.row, l.result, l.at.UnixMicro()
	}
	// No condition on the state: the statistics are from before the campaign, when no
	// row was claimed, and the planner would look for the claimed ones first.
	tag, err := o.pool.Exec(ctx, `update outbox o set state = 2, provider_id = r.provider_id, sent_at = r.sent_at
		from unnest($1::bigint[], $2::text[], $3::bigint[]) r (id, provider_id, sent_at) where o.id = r.id`, ids, results, times)
	return recorded(int(tag.RowsAffected()), len(ls), err)
}

func recorded(n, want int, err error) error {
	if err == nil && n != want {
		err = fmt.Errorf("%d rows of %d", n, want)
	}
	if err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	return nil
}

func (o *postgresOutbox) recorders() int { return 2 }

func (o *postgresOutbox) close() { o.pool.Close() }

// sqliteOutbox has one connection that claims and records in turn, as SQLite has
// one writer, with its statements prepared.
type sqliteOutbox struct {
	db                                *sql.DB
	claiming, recording, recordingOne *sql.Stmt
	last                              int64
}

const sqliteOutboxTable = `create table outbox (
	id integer primary key, key text not null, address text not null, state integer not null default 0,
	claimed_at integer, provider_id text, sent_at integer)`

func openSQLite(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-16000)")
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// manyRows is how many rows one prepared statement records.
const manyRows = 50

func openSQLiteOutbox(ctx context.Context, path string) (*sqliteOutbox, error) {
	db, err := openSQLite(path)
	if err != nil {
		return nil, err
	}
	o := &sqliteOutbox{db: db}
	prepare := func(query string) *sql.Stmt {
		st, failed := db.PrepareContext(ctx, query)
		err = errors.Join(err, failed)
		return st
	}
	record := func(n int) string {
		return "with r (id, provider_id, sent_at) as (values " + strings.TrimSuffix(strings.Repeat("(?, ?, ?), ", n), ", ") +
			") update outbox set state = 2, provider_id = r.provider_id, sent_at = r.sent_at from r where outbox.id = r.id"
	}
	o.claiming = prepare("update outbox set state = 1, claimed_at = ? where id in (select id from outbox where id > ? and state = 0 order by id limit ?) returning id, key, address")
	o.recording, o.recordingOne = prepare(record(manyRows)), prepare(record(1))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing statements: %w", err), db.Close())
	}
	return o, nil
}

func (o *sqliteOutbox) claim(ctx context.Context) ([]letter, error) {
	rows, err := o.claiming.QueryContext(ctx, time.Now().UnixMicro(), o.last, batchSize)
	if err != nil {
		return nil, fmt.Errorf("claiming: %w", err)
	}
	defer func() { _ = rows.Close() }()
	ls := make([]letter, 0, batchSize)
	for rows.Next() {
		var l letter
		if err := rows.Scan(&l.row, &l.key, &l.to); err != nil {
			return nil, fmt.Errorf("claiming: %w", err)
		}
		o.last = max(o.last, l.row)
		ls = append(ls, l)
	}
	return ls, rows.Err()
}

func (o *sqliteOutbox) record(ctx context.Context, ls []letter) error {
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	many, one := tx.StmtContext(ctx, o.recording), tx.StmtContext(ctx, o.recordingOne)
	defer func() { _, _ = many.Close(), one.Close() }()
	var n int64
	args := make([]any, 0, 3*manyRows)
	for rest := ls; len(rest) > 0; {
		st, size := one, 1
		if len(rest) >= manyRows {
			st, size = many, manyRows
		}
		args = args[:0]
		for _, l := range rest[:size] {
			args = append(args, l.row, l.result, l.at.UnixMicro())
		}
		r, err := st.ExecContext(ctx, args...)
		if err != nil {
			return fmt.Errorf("recording: %w", err)
		}
		changed, err := r.RowsAffected()
		if err != nil {
			return fmt.Errorf("recording: %w", err)
		}
		n, rest = n+changed, rest[size:]
	}
	return recorded(int(n), len(ls), tx.Commit())
}

func (o *sqliteOutbox) recorders() int { return 1 }

func (o *sqliteOutbox) close() { _ = o.db.Close() }

// Package store owns the SQL: one text for SQLite and PostgreSQL, one schema,
// one set of guarantees. It knows nothing of channels in use, programs, surveys or
// pages; dispatch, inbox, program, callback, report, intake and console call it
// and decide what the rows mean.
//
// Every moment is stored as microseconds since 1970 in UTC; the zero time.Time is
// SQL null. Ids are UUIDv7 made by the injected generator and bound as strings.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"otklik/internal/jolt"
)

// Sentinels that callers branch on.
var (
	// ErrNotFound: no such row.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the row changed since it was read, or another holds it.
	ErrConflict = errors.New("changed by somebody else")
)

// Store is the database. Safe for concurrent use.
type Store struct {
	dialect dialect
	write   *sql.DB
	read    reader
	pool    *pgxpool.Pool // nil on SQLite
	gate    *gate         // nil on PostgreSQL
	newID   func() string
	path    string // SQLite file
	// addressKey is the setting of that name, read once.
	addressKey atomic.Pointer[string]
	// types are the column types of PostgreSQL's tables, read once.
	types atomic.Pointer[map[string]string]
}

// Options for Open; the zero value is what serve uses.
type Options struct {
	// NewID makes ids; nil means UUIDv7.
	NewID func() string
	// MaxConns bounds the pool on PostgreSQL; zero means 16.
	MaxConns int
}

// NewID returns a fresh UUIDv7.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// Open connects to sqlite:PATH or postgres://…; it does not migrate. The
// directory of a SQLite file is made when it is missing.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	if o.NewID == nil {
		o.NewID = NewID
	}
	switch {
	case strings.HasPrefix(url, "sqlite:"):
		return openSQLite(ctx, strings.TrimPrefix(url, "sqlite:"), o)
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		return openPostgres(ctx, url, o)
	}
	return nil, fmt.Errorf("database URL must begin with sqlite: or postgres://")
}

func openSQLite(ctx context.Context, path string, o Options) (*Store, error) {
	if path == "" {
		return nil, errors.New("sqlite: names no file")
	}
	if dir := filepath.Dir(path); dir != "." {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, fmt.Errorf("making the database folder: %w", err)
		}
	}
	// One connection writes and takes its lock at BEGIN, so that no transaction
	// fails half-way with "database is locked"; readers never wait for it (WAL).
	dsn := "file:" + path + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=cache_size(-16000)&_pragma=secure_delete(1)"
	lock := newGate()
	write, err := newSQLiteConnector(dsn+"&_txlock=immediate", lock)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	read, err := newSQLiteConnector(dsn+"&_pragma=query_only(1)", nil)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	w := sql.OpenDB(write)
	w.SetMaxOpenConns(1)
	w.SetMaxIdleConns(1)
	if err := w.PingContext(ctx); err != nil {
		_ = w.Close()
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	r := sql.OpenDB(read)
	r.SetMaxOpenConns(4)
	r.SetMaxIdleConns(4)
	return &Store{dialect: sqliteDialect, write: w, read: reader{r}, gate: lock, newID: o.NewID, path: path}, nil
}

func openPostgres(ctx context.Context, url string, o Options) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The parser's message repeats the URL, password included.
		return nil, errors.New("the PostgreSQL URL cannot be parsed")
	}
	if o.MaxConns == 0 {
		o.MaxConns = 16
	}
	cfg.MaxConns = int32(min(o.MaxConns, 1000)) //nolint:gosec // bounded
	cfg.ConnConfig.ConnectTimeout, cfg.PingTimeout = answerWithin, answerWithin
	cfg.ConnConfig.DialFunc = dialer.DialContext
	severalHosts(cfg.ConnConfig, url)
	cfg.AfterConnect = settle
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	db.SetMaxIdleConns(0) // the pool keeps them
	s := &Store{dialect: postgresDialect, write: db, read: reader{db}, pool: pool, newID: o.NewID}
	if err := s.Ping(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// severalHosts looks for the one of several servers that takes writes, unless the URL
// says what it wants: after a fail-over that is another one.
func severalHosts(c *pgx.ConnConfig, url string) {
	for _, f := range c.Fallbacks {
		if (f.Host != c.Host || f.Port != c.Port) && !strings.Contains(url, "target_session_attrs=") {
			c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
		}
	}
}

// patience is how long PostgreSQL lets a transaction of ours stand open with nothing to
// do. None of ours does, unless its process stands still: then what it has locked would
// keep other nodes from taking over its messages.
const patience = "30s"

// settle makes a connection one that the statements are made for, whatever the database or
// the role has as its own. It keeps PostgreSQL from reading whole tables where there is an index, and from
// compiling plans. A prepared statement that was planned while its tables were nearly
// empty, or with statistics from before a campaign, keeps its plan until the next
// analyze: that can be a whole campaign of scans. And it reads what is committed: claims
// and guards look at each row as it is when its lock is got, and where everything is
// serializable nodes that do not touch each other's rows fail by each other's.
func settle(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, "set enable_seqscan = off; set jit = off; set default_transaction_isolation = 'read committed'; set idle_in_transaction_session_timeout = '"+patience+"'; "+leaveGone)
	return err
}

// closeWithin is how long PostgreSQL has to take leave of the connections.
const closeWithin = 2 * time.Second

// Close lets go of all connections. Those that hang, or are in use by what has not ended,
// end with the process.
func (s *Store) Close() {
	if s.read.DB != s.write {
		_ = s.read.Close()
	}
	_ = s.write.Close()
	if s.pool == nil {
		return
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.pool.Close()
	}()
	t := time.NewTimer(closeWithin)
	defer t.Stop()
	select {
	case <-closed:
	case <-t.C:
	}
}

// Engine is "sqlite" or "postgres".
func (s *Store) Engine() string { return s.dialect.name }

// NewID makes an id for a row that is about to be written.
func (s *Store) NewID() string { return s.newID() }

// Ping tells whether the database answers; SQLite's does while another process writes.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.read.PingContext(ctx); err != nil {
		return fmt.Errorf("asking the database: %w", err)
	}
	return nil
}

// Locked tells that another process holds SQLite's write lock for half a second or longer, so
// that nothing can be written.
func (s *Store) Locked() bool { return s.gate != nil && s.gate.foreign.Load() }

// Tx is one write transaction. Its methods must not be used after fn returned.
type Tx struct {
	*sql.Tx
	s *Store
	// conn is what the transaction runs on, for batches.
	conn *sql.Conn
}

// NewID makes an id for a row that is about to be written.
func (t *Tx) NewID() string { return t.s.newID() }

// QueryContext reads with texts made storable.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	jolt.Here()
	return t.Tx.QueryContext(ctx, query, storable(args)...)
}

// ExecContext writes with texts made storable.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	jolt.Here()
	return t.Tx.ExecContext(ctx, query, storable(args)...)
}

// Rank orders writers that wait for SQLite's one lock (design.md, two engines).
type Rank int

// Ranks, the first served first.
const (
	RankPerson Rank = iota // inbound and operators
	RankRecord             // begin and record
	RankBulk               // claim, planning, import, pruning
)

// Tx runs fn in one transaction and commits when it returns nil. On PostgreSQL a
// transaction that lost to another or met a changed plan is run again, so fn
// must do nothing that cannot be repeated.
func (s *Store) Tx(ctx context.Context, rank Rank, fn func(*Tx) error) error {
	for try := 1; ; try++ {
		err := s.tx(ctx, rank, fn)
		if err == nil || try == txTries || !s.dialect.retryable(err) {
			return err
		}
	}
}

// alone runs one statement that reads what it writes: on PostgreSQL without a
// transaction around it, which saves two round trips.
func alone[T any, R scanner](ctx context.Context, s *Store, rank Rank, scan func(R) (T, error), query string, args ...any) (out []T, err error) {
	if s.pool == nil {
		err = s.Tx(ctx, rank, func(tx *Tx) error {
			out, err = collect(ctx, tx, scan, query, args...)
			return err
		})
		return out, err
	}
	for try := 1; ; try++ {
		out, err = collect(ctx, s.read, scan, query, args...)
		if err == nil || try == txTries || !s.dialect.retryable(err) {
			return out, err
		}
	}
}

// txTries is how often a transaction is tried that failed for a reason which passes.
const txTries = 4

func (s *Store) tx(ctx context.Context, rank Rank, fn func(*Tx) error) error {
	if s.gate != nil {
		if err := s.gate.enter(ctx, rank); err != nil {
			return err
		}
		defer s.gate.leave()
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", s.gate.why(err))
	}
	defer func() { _ = conn.Close() }() // gives it back; what fails there shows at its next use
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", s.gate.why(err))
	}
	defer func() { _ = tx.Rollback() }() // after Commit this does nothing
	if err := fn(&Tx{tx, s, conn}); err != nil {
		return err
	}
	jolt.Here()
	defer jolt.Here()
	return commit(ctx, tx)
}

// commit ends a transaction. database/sql rolls back by itself when the context ends,
// and Commit then says only that the transaction is over: the caller is told why.
func commit(ctx context.Context, tx *sql.Tx) error {
	err := tx.Commit()
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// exec runs one statement in a transaction of its own.
func (s *Store) exec(ctx context.Context, rank Rank, query string, args ...any) (int64, error) {
	var n int64
	err := s.Tx(ctx, rank, func(tx *Tx) error {
		r, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		n, err = r.RowsAffected()
		return err
	})
	return n, err
}

// querier is what reader and *Tx share.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// reader reads outside of a write transaction.
type reader struct{ *sql.DB }

// QueryContext reads with texts made storable.
func (r reader) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	jolt.Here()
	return r.DB.QueryContext(ctx, query, storable(args)...)
}

// collect reads all rows of a query. Scan takes them as *sql.Rows or, when it is used
// in a batch, too, as scanner.
func collect[T any, R scanner](ctx context.Context, q querier, scan func(R) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []T
	row := any(rows).(R)
	for rows.Next() {
		v, err := scan(row)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// one reads the first row of a query; ErrNotFound when there is none.
func one[T any, R scanner](ctx context.Context, q querier, scan func(R) (T, error), query string, args ...any) (T, error) {
	all, err := collect(ctx, q, scan, query, args...)
	if err != nil {
		var zero T
		return zero, err
	}
	if len(all) == 0 {
		var zero T
		return zero, ErrNotFound
	}
	return all[0], nil
}

// placeholders is "($k, …)" for n parameters after the first `from`.
func placeholders(from, n int) string {
	var b strings.Builder
	writePlaceholders(&b, from, n)
	return b.String()
}

func writePlaceholders(b *strings.Builder, from, n int) {
	b.WriteByte('(')
	for i := 1; i <= n; i++ {
		if i > 1 {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	b.WriteByte(')')
}

// chunks splits a slice into parts of at most n.
func chunks[T any](vs []T, n int) [][]T {
	var out [][]T
	for len(vs) > n {
		out = append(out, vs[:n])
		vs = vs[n:]
	}
	if len(vs) > 0 {
		out = append(out, vs)
	}
	return out
}

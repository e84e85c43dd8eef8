package testserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ownPostgres is the server of a test process that was not given one. It ends
// with the process, not with a test.
var ownPostgres = sync.OnceValues(StartPostgres)

// Postgres returns the URL of an empty database of its own on the run's
// PostgreSQL and drops it when the test ends, with whoever is still connected.
// Sorting is by code point (C.UTF-8) and the server's zone is Asia/Vladivostok,
// so that a test finds code that leans on either.
func Postgres(t testing.TB) string {
	t.Helper()
	return database(t, sessionOf(ofRun(t)), "template0")
}

// PostgresLike is Postgres with a database that begins as fill left another one.
// fill is called once for a name on a server, by whichever package comes first,
// with the URL of an empty database; it must let go of all its connections. What
// it made stays on the server.
func PostgresLike(t testing.TB, name string, fill func(url string) error) string {
	t.Helper()
	s := sessionOf(ofRun(t))
	if err := s.model(name, fill); err != nil {
		t.Fatalf("making the database %s: %v", name, err)
	}
	return database(t, s, name)
}

// ofRun is the server of the run, or that of this test process.
func ofRun(t testing.TB) string {
	t.Helper()
	if server := os.Getenv(PostgresEnv); server != "" {
		return server
	}
	NeedBinary(t, "initdb")
	own, err := ownPostgres()
	if err != nil {
		t.Fatal(err)
	}
	return own.URL()
}

// session is a connection for what concerns whole databases. A test makes one and drops
// it; to connect anew for each would take longer than both.
type session struct {
	server string
	// brief: the connection ends with each statement. Who stops its server wants none.
	brief bool

	mu     sync.Mutex
	conn   *pgx.Conn
	models map[string]bool
}

var sessions = struct {
	mu sync.Mutex
	of map[string]*session
}{of: map[string]*session{}}

// sessionOf is the process's session on a server that outlives its tests.
func sessionOf(server string) *session {
	sessions.mu.Lock()
	defer sessions.mu.Unlock()
	s := sessions.of[server]
	if s == nil {
		s = &session{server: server, models: map[string]bool{}}
		sessions.of[server] = s
	}
	return s
}

// do runs something over the connection, which it makes if there is none. A test's own
// context is over when its cleanups run, so that none is asked for.
func (s *session) do(run func(ctx context.Context, conn *pgx.Conn) error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if s.conn == nil || s.conn.IsClosed() {
		if s.conn, err = pgx.Connect(ctx, s.server); err != nil {
			return fmt.Errorf("connecting to PostgreSQL: %w", err)
		}
	}
	err = run(ctx, s.conn)
	if s.brief {
		err = errors.Join(err, s.conn.Close(ctx))
	}
	return err
}

func (s *session) execute(statement string) error {
	return s.do(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, statement)
		return err
	})
}

// model makes the database that others begin as, unless the server has it.
func (s *session) model(name string, fill func(url string) error) error {
	return s.do(func(ctx context.Context, conn *pgx.Conn) error {
		if s.models[name] {
			return nil
		}
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
			return err
		}
		err := s.fill(ctx, conn, name, fill)
		s.models[name] = err == nil
		_, unlock := conn.Exec(ctx, "SELECT pg_advisory_unlock(hashtext($1))", name)
		return errors.Join(err, unlock)
	})
}

// fill makes a model under its lock. Who is marked as a template is finished.
func (s *session) fill(ctx context.Context, conn *pgx.Conn, name string, fill func(url string) error) error {
	var finished bool
	err := conn.QueryRow(ctx, "SELECT exists (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)", name).Scan(&finished)
	if finished || err != nil {
		return err
	}
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + name, "CREATE DATABASE " + name + " TEMPLATE template0"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	location, err := within(s.server, name)
	if err != nil {
		return err
	}
	if err := fill(location); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+name+" IS_TEMPLATE true")
	return err
}

// within is the URL of a database on a server.
func within(server, name string) (string, error) {
	result, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", PostgresEnv, err)
	}
	result.Path = "/" + name
	return result.String(), nil
}

// PrivatePostgres returns the URL of a database on a PostgreSQL that only this
// test uses, running, with functions that stop it and start it again on the
// same port with the same data.
func PrivatePostgres(t testing.TB) (url string, stop, start func()) {
	t.Helper()
	NeedBinary(t, "initdb")
	server, err := StartPostgres()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("after the test: %v", err)
		}
	})
	url = database(t, &session{server: server.URL(), brief: true}, "template0")
	stop, start = server.controls(t)
	// The database is dropped before the server closes: it must run then.
	t.Cleanup(start)
	return url, stop, start
}

// database makes a copy of a database on the server and drops it at the end.
func database(t testing.TB, s *session, template string) string {
	t.Helper()
	name := randomName("otklik_test_")
	if err := s.execute("CREATE DATABASE " + name + " TEMPLATE " + template + " STRATEGY file_copy"); err != nil {
		t.Fatalf("creating a database: %v", err)
	}
	t.Cleanup(func() {
		if err := s.drop(name); err != nil {
			t.Errorf("dropping a database: %v", err)
		}
	})
	location, err := within(s.server, name)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

// drop removes a database with whoever is still connected. Whoever has just left is
// given a moment to be gone: PostgreSQL looks again after a tenth of a second only.
func (s *session) drop(name string) error {
	return s.do(func(ctx context.Context, conn *pgx.Conn) error {
		// Whoever stays is thrown out.
		_ = poll(20*time.Millisecond, func() (gone bool, err error) {
			err = conn.QueryRow(ctx, "SELECT not exists (SELECT FROM pg_stat_activity WHERE datname = $1)", name).Scan(&gone)
			return gone, err
		})
		_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		return err
	})
}

// StartPostgres starts a PostgreSQL with an empty cluster and returns when it
// takes connections. It ends with the calling process at the latest.
func StartPostgres() (*Server, error) {
	home, err := tempDir()
	if err != nil {
		return nil, err
	}
	server, err := startPostgres(home)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	return server, nil
}

func startPostgres(home string) (*Server, error) {
	binary, err := locate("postgres")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(home, "data")
	if err := initdb(home, data); err != nil {
		return nil, err
	}
	return serve(home, func(port int) (Program, string, func() bool) {
		program := Program{
			Home:   home,
			Signal: "INT", // fast shutdown: sessions are ended, data is kept
			Args: []string{binary, "-D", data,
				"-c", fmt.Sprintf("port=%d", port),
				"-c", "listen_addresses=127.0.0.1",
				"-c", "unix_socket_directories=",
				"-c", "max_connections=300",
				"-c", "shared_buffers=64MB",
				"-c", "fsync=off",
				"-c", "full_page_writes=off",
				"-c", "jit=off",
				"-c", "timezone=Asia/Vladivostok",
			},
		}
		location := fmt.Sprintf("postgres://otklik@%s/postgres?sslmode=disable", address(port))
		return program, location, func() bool { return postgresAnswers(location) }
	})
}

// initdb makes the cluster. Anyone on this machine may log in: it listens on
// loopback, lives for one test run and holds invented people.
func initdb(home, data string) error {
	binary, err := locate("initdb")
	if err != nil {
		return err
	}
	cmd := exec.Command(binary, "--pgdata="+data, "--username=otklik", "--auth=trust",
		"--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
	cmd.Dir = home
	if cmd.SysProcAttr, err = attributes(false); err != nil {
		return err
	}
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making a PostgreSQL cluster: %w\n%s", err, output)
	}
	return nil
}

func postgresAnswers(location string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, location)
	if err != nil {
		return false
	}
	return conn.Close(ctx) == nil
}

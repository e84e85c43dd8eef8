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
	return database(t, ofRun(t), "template0")
}

// PostgresLike is Postgres with a database that begins as fill left another one.
// fill is called once for a name on a server, by whichever package comes first,
// with the URL of an empty database; it must let go of all its connections. What
// it made stays on the server.
func PostgresLike(t testing.TB, name string, fill func(url string) error) string {
	t.Helper()
	server := ofRun(t)
	if err := model(server, name, fill); err != nil {
		t.Fatalf("making the database %s: %v", name, err)
	}
	return database(t, server, name)
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

// model makes the database that others begin as, unless the server has it.
func model(server, name string, fill func(url string) error) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	// The lock goes with the connection. Who is marked as a template is finished.
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, lock := range []bool{false, true} {
		if lock {
			if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
				return err
			}
		}
		var finished bool
		err := conn.QueryRow(ctx, "SELECT exists (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)", name).Scan(&finished)
		if finished || err != nil {
			return err
		}
	}
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + name, "CREATE DATABASE " + name + " TEMPLATE template0"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	location, err := within(server, name)
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
	url = database(t, server.URL(), "template0")
	stop, start = server.controls(t)
	// The database is dropped before the server closes: it must run then.
	t.Cleanup(start)
	return url, stop, start
}

// database makes a copy of a database on the server and drops it at the end.
func database(t testing.TB, server, template string) string {
	t.Helper()
	name := randomName("otklik_test_")
	execute := func(statement string) error {
		// A test's own context is over when its cleanups run.
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		conn, err := pgx.Connect(ctx, server)
		if err != nil {
			return fmt.Errorf("connecting to PostgreSQL: %w", err)
		}
		_, err = conn.Exec(ctx, statement)
		return errors.Join(err, conn.Close(ctx))
	}
	if err := execute("CREATE DATABASE " + name + " TEMPLATE " + template); err != nil {
		t.Fatalf("creating a database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("dropping a database: %v", err)
		}
	})
	location, err := within(server, name)
	if err != nil {
		t.Fatal(err)
	}
	return location
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

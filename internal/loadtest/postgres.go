package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgres is a PostgreSQL of its own, as durable as a dealer group's: fsync,
// synchronous commit and full-page writes are on. testserver's would not do, its
// servers forget what was committed when the power fails.
type postgres struct {
	process *process
	home    string
	url     string
}

// settings beside PostgreSQL's defaults: memory and log space as anyone would give
// a server of this purpose, so that neither the bare loop nor the program measures
// checkpoints.
var settings = []string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "shared_buffers=256MB", "max_wal_size=4GB", "jit=off"}

func startPostgres(ctx context.Context) (_ *postgres, err error) {
	server, err := locate("postgres")
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp("", "otklik-load-")
	if err != nil {
		return nil, fmt.Errorf("making the server's directory: %w", err)
	}
	pg := &postgres{home: home}
	defer func() {
		if err != nil {
			err = errors.Join(err, pg.close())
		}
	}()
	if err := pg.initialise(ctx); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	pg.url = fmt.Sprintf("postgres://otklik@127.0.0.1:%d/postgres?sslmode=disable", port)
	args := []string{server, "-D", filepath.Join(home, "data"), "-c", fmt.Sprint("port=", port)}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	log, err := os.Create(filepath.Join(home, "log"))
	if err != nil {
		return nil, fmt.Errorf("making the server's log: %w", err)
	}
	defer log.Close()
	if pg.process, err = start(command{name: "PostgreSQL", args: args, dir: home, stdout: log, stderr: log, signal: "INT", stepDown: true}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = poll(ctx, "PostgreSQL answers", func() (bool, error) {
		if ended, _ := pg.process.ended(); ended {
			text, _ := os.ReadFile(log.Name())
			return false, fmt.Errorf("PostgreSQL has ended:\n%s", text)
		}
		return pg.execute(ctx, "select 1") == nil, nil
	})
	return pg, err
}

// initialise makes the cluster. Anyone on this machine may log in: it listens on
// loopback, lives for one measurement and holds invented people. Nothing is synced
// yet: the empty cluster is worth nothing.
func (pg *postgres) initialise(ctx context.Context) error {
	binary, err := locate("initdb")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, binary, "--pgdata="+filepath.Join(pg.home, "data"), "--username=otklik", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
	cmd.Dir = pg.home
	if os.Geteuid() == 0 {
		uid, gid, err := nobody()
		if err != nil {
			return err
		}
		if err := os.Chown(pg.home, int(uid), int(gid)); err != nil {
			return fmt.Errorf("giving the directory to the server's user: %w", err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making a PostgreSQL cluster: %w\n%s", err, out)
	}
	return nil
}

// close stops the server and removes its data.
func (pg *postgres) close() error {
	var err error
	if pg.process != nil {
		_, err = pg.process.stop()
	}
	return errors.Join(err, os.RemoveAll(pg.home))
}

// cpu is what the server and its sessions have used so far.
func (pg *postgres) cpu() time.Duration { return familyCPU(pg.process.cmd.Process.Pid) }

// execute runs statements on the server's own database, each in a transaction of
// its own.
func (pg *postgres) execute(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, pg.url)
	if err != nil {
		return fmt.Errorf("connecting to PostgreSQL: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("executing %s: %w", s, err)
		}
	}
	return nil
}

// database gives the URL of a database on the server.
func (pg *postgres) database(name string) string {
	u, err := url.Parse(pg.url)
	if err != nil {
		return ""
	}
	u.Path = "/" + name
	return u.String()
}

// locate finds a program of PostgreSQL in PATH or where Debian keeps it.
func locate(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	// The pattern is constant, so Glob cannot fail. Folders sort by version up to 99.
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		return "", fmt.Errorf("%s is not installed; `make setup` installs it", name)
	}
	return found[len(found)-1], nil
}

// freePort draws a port that nothing listens on, from below those that the kernel
// gives to outgoing connections.
func freePort() (int, error) {
	for range 50 {
		port := 12000 + rand.IntN(20000)
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no free port among 50 drawn")
}

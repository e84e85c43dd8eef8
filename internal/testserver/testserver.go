// Package testserver starts the real servers that tests talk to: PostgreSQL,
// Redis, and any other program that a test needs beside it.
//
// It owns their processes, ports, directories and databases, and sees to it
// that nothing of them is left when the test process ends, whatever ended it.
// It never downloads or installs anything (that is .ci/setup) and knows nothing
// of Otklik's schema. Only tests and the withservers command call it.
package testserver

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// The variables by which one PostgreSQL and one Redis serve all packages of a
// run; withservers sets them. Where they are unset, each test process starts
// servers of its own.
const (
	PostgresEnv = "OTKLIK_TEST_POSTGRES_URL"
	RedisEnv    = "OTKLIK_TEST_REDIS_URL"
)

// patience is how long a condition may take on a loaded machine under the race
// detector. Nothing is measured by it: a test that comes near it is broken.
const patience = 2 * time.Minute

// Wait polls cond until it holds and fails the test, naming what it waited
// for, when it still does not after two minutes. cond runs on the caller's
// goroutine, so that it may use t.
func Wait(t testing.TB, what string, cond func() bool) {
	t.Helper()
	err := poll(patience, func() (bool, error) { return cond(), nil })
	if err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}

// poll asks cond at growing intervals (2 ms to 50 ms) until it says yes, fails,
// or the time is over.
func poll(limit time.Duration, cond func() (bool, error)) error {
	deadline := time.Now().Add(limit)
	pause := 2 * time.Millisecond
	for {
		if ok, err := cond(); ok || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v", limit)
		}
		<-time.After(pause)
		pause = min(pause*3/2, 50*time.Millisecond)
	}
}

// FreePort returns a TCP port on 127.0.0.1 that nothing listens on, and that no other
// test gets before this one ends.
func FreePort(t testing.TB) int {
	t.Helper()
	port, claim, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := claim.Close(); err != nil {
			t.Errorf("giving a port back: %v", err)
		}
	})
	return port
}

// freePort draws from below the range that the kernel gives to outgoing
// connections: a port from that range can be taken between the look and the
// use, by a neighbour's connection to a database. Another test cannot take it before
// the claim is closed, not in another process either: it is the UDP port of that number.
func freePort() (int, io.Closer, error) {
	const lowest, span = 12000, 20000
	for range 50 {
		n, err := rand.Int(rand.Reader, big.NewInt(span))
		if err != nil {
			return 0, nil, fmt.Errorf("drawing a port: %w", err)
		}
		port := lowest + int(n.Int64())
		claim, err := net.ListenPacket("udp4", address(port))
		if err != nil {
			continue
		}
		if listener, err := net.Listen("tcp4", address(port)); err == nil {
			return port, claim, listener.Close()
		}
		if err := claim.Close(); err != nil {
			return 0, nil, fmt.Errorf("letting port %d go: %w", port, err)
		}
	}
	return 0, nil, errors.New("no free port among 50 drawn")
}

// listens tells whether something takes connections on a port.
func listens(port int) bool {
	conn, err := net.Dial("tcp4", address(port))
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

func address(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// Dir returns a fresh directory that the servers' user may read and write, and
// removes it when the test ends. It is not below t.TempDir, which is closed to
// other users: servers run as nobody when the tests run as root.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := tempDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("removing a server's directory: %v", err)
		}
	})
	return dir
}

func tempDir() (string, error) {
	dir, err := os.MkdirTemp("", "otklik-test-")
	if err != nil {
		return "", fmt.Errorf("making a server's directory: %w", err)
	}
	uid, gid, drop, err := serverUser()
	if err != nil {
		return "", err
	}
	if drop {
		if err := os.Chown(dir, uid, gid); err != nil {
			return "", fmt.Errorf("giving a directory to the servers' user: %w", err)
		}
	}
	return filepath.EvalSymlinks(dir)
}

// serverUser tells whom servers run as. PostgreSQL refuses to run as root, so
// root steps down to nobody; anyone else stays who he is (drop is false).
func serverUser() (uid, gid int, drop bool, err error) {
	if os.Geteuid() != 0 {
		return 0, 0, false, nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return 0, 0, false, fmt.Errorf("finding the servers' user: %w", err)
	}
	if uid, err = strconv.Atoi(nobody.Uid); err != nil {
		return 0, 0, false, fmt.Errorf("reading the servers' user id: %w", err)
	}
	if gid, err = strconv.Atoi(nobody.Gid); err != nil {
		return 0, 0, false, fmt.Errorf("reading the servers' group id: %w", err)
	}
	return uid, gid, true, nil
}

// randomName returns a name that no other test process will draw.
func randomName(prefix string) string {
	raw := make([]byte, 8)
	rand.Read(raw)
	return prefix + hex.EncodeToString(raw)
}

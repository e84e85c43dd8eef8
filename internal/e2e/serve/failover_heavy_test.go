//go:build heavy

package serve_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"otklik/internal/testserver"
)

// standby makes a copy of a running PostgreSQL that follows it, and returns its port
// and what makes it the one that takes writes.
func standby(t *testing.T, primary *url.URL) (port int, promote func()) {
	t.Helper()
	home := testserver.Dir(t)
	data := filepath.Join(home, "data")
	testserver.Start(t, testserver.Program{Home: home, Args: []string{testserver.NeedBinary(t, "pg_basebackup"), "--pgdata=" + data, "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync",
		"--host=" + primary.Hostname(), "--port=" + primary.Port(), "--username=" + primary.User.Username()}}, func() bool {
		ended, err := os.ReadFile(filepath.Join(home, "ended"))
		return err == nil && strings.TrimSpace(string(ended)) == "ended with status 0"
	})
	port = testserver.FreePort(t)
	ask := func(query string) (yes bool, err error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://%s@127.0.0.1:%d/postgres?sslmode=disable", primary.User.Username(), port))
		if err != nil {
			return false, err
		}
		defer func() { _ = conn.Close(ctx) }()
		err = conn.QueryRow(ctx, query).Scan(&yes)
		return yes, err
	}
	testserver.Start(t, testserver.Program{Home: home, Signal: "INT", Args: []string{testserver.NeedBinary(t, "postgres"), "-D", data, "-c", "port=" + strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "max_connections=300", "-c", "fsync=off"}}, func() bool {
		follows, err := ask("select pg_is_in_recovery()")
		return err == nil && follows
	})
	return port, func() {
		// Not waited for within the question: while the standby looks for its primary it
		// takes longer than one question may.
		if yes, err := ask("select pg_promote(false)"); err != nil || !yes {
			t.Fatalf("promoting the standby: %t, %v", yes, err)
		}
		testserver.Wait(t, "the standby takes writes", func() bool {
			leads, err := ask("select not pg_is_in_recovery()")
			return err == nil && leads
		})
	}
}

// TestHeavyFailOver: a node that knows two database servers works with the one that
// takes writes. When that stops and the other is promoted, it goes on there, and
// everybody is asked once.
func TestHeavyFailOver(t *testing.T) {
	db, stop, _ := testserver.PrivatePostgres(t)
	primary, err := url.Parse(db)
	if err != nil {
		t.Fatal(err)
	}
	port, promote := standby(t, primary)
	// The standby first: it must be passed over although it answers.
	w := newTown(t, strings.Replace(db, primary.Host, fmt.Sprintf("127.0.0.1:%d,%s", port, primary.Host), 1), "OTKLIK_DEALER_LOCALE=en")
	n := w.with(w.sms()...).serve("--lease", lease)
	w.front.set(t, n)
	add := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			w.api.post("visits", visit(fmt.Sprintf("F%d", i), due, map[string]any{"name": fmt.Sprintf("John Smith %d", i), "phones": []string{fmt.Sprintf("+790000003%02d", i)}}))
		}
	}
	add(0, 30)
	testserver.Wait(t, "surveys go out", func() bool { return len(w.received()) >= 5 })
	stop()
	testserver.Wait(t, "the node is not ready", func() bool {
		code, _ := n.get("/readyz")
		return code == http.StatusServiceUnavailable
	})
	promote()
	testserver.Wait(t, "the node is ready on the other server", func() bool { code, _ := n.get("/readyz"); return code == http.StatusOK })
	add(30, 40)
	testserver.Wait(t, "who came later has the survey", func() bool {
		n := 0
		for a := range w.received() {
			if a >= "+79000000330" {
				n++
			}
		}
		return n == 10
	})
	// One that was in flight is asked for a minute after it began.
	testserver.Wait(t, "everybody has the survey", func() bool { return len(w.received()) == 40 })
	once(t, w.received(), 40)
}

package serve_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"otklik/internal/testserver"
	"otklik/internal/testserver/faultproxy"
)

// behind puts a proxy before the PostgreSQL at a URL.
func behind(t *testing.T, db string) (*faultproxy.Proxy, string) {
	t.Helper()
	u, err := url.Parse(db)
	if err != nil {
		t.Fatal(err)
	}
	p := faultproxy.Start(t, u.Host, 1)
	u.Host = p.Addr()
	return p, u.String()
}

// TestStopWithoutDatabase: a database that is gone, or takes every word and answers
// none, holds nobody: the node ends with exit code 0 although a request hangs in it, and
// says what it leaves to the lease. With a lease this long, a node that waited for what
// it cannot write would still stand when the harness kills it.
func TestStopWithoutDatabase(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*faultproxy.Proxy){
		"gone":  func(p *faultproxy.Proxy) { p.Refuse() },
		"hangs": func(p *faultproxy.Proxy) { p.Set(faultproxy.Fault{Stage: faultproxy.Up, Hang: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			direct := testserver.Postgres(t)
			w := newTown(t, direct, "OTKLIK_DEALER_LOCALE=en")
			proxy, db := behind(t, direct)
			n := w.with(append(w.sms(), "OTKLIK_DATABASE_URL="+db)...).serve("--lease", "10m")
			w.front.set(t, n)
			const people = 50
			for i := range people {
				w.api.post("visits", visit(fmt.Sprintf("S%d", i), due, map[string]any{"name": fmt.Sprintf("John Smith %d", i), "phones": []string{fmt.Sprintf("+790000006%02d", i)}}))
			}
			testserver.Wait(t, "surveys go out", func() bool { return len(w.received()) >= 5 })
			fault(proxy)
			testserver.Wait(t, "the node is not ready", func() bool {
				code, text := n.get("/readyz")
				return code == http.StatusServiceUnavailable && strings.Contains(text, `"database":"away"`)
			})
			hanging := make(chan struct{})
			go func() {
				defer close(hanging)
				_, _ = w.api.send("visits", `{"external_id":"S99","handed_over_at":"2026-11-22T10:00:00Z","customer":{"name":"John Doe","phones":["+79000000699"]}}`, "")
			}()
			if err := n.process.Stop(); err != nil {
				t.Fatal(err)
			}
			<-hanging
			if got := n.ended(); got != "ended with status 0" {
				t.Errorf("serve %s", got)
			}
			if log := n.process.Log(); !strings.Contains(log, "left to the lease") {
				t.Errorf("the log does not say what is left:\n%s", log)
			}
		})
	}
}

// TestSecondSignal: who does not want to wait for a stop signals once more, and the
// program is ended by that signal.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	proxy, db := behind(t, testserver.Postgres(t))
	s := newShell(t, "OTKLIK_DATABASE_URL="+db)
	port := strconv.Itoa(testserver.FreePort(t))
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(t.Context(), binary(t), "serve")
	cmd.Dir, cmd.Env, cmd.Stderr = s.dir, environ(append(s.env, "OTKLIK_LISTEN=127.0.0.1:"+port)...), log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	says := func(text string) func() bool {
		return func() bool {
			b, err := os.ReadFile(log.Name())
			return err == nil && strings.Contains(string(b), text)
		}
	}
	testserver.Wait(t, "serve is up", says("otklik is ready"))
	// Without an answer the node cannot take its leave, and waits.
	proxy.Set(faultproxy.Fault{Stage: faultproxy.Up, Hang: true})
	for range 2 {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		testserver.Wait(t, "the first signal is heard", says("stopping"))
	}
	_ = cmd.Wait() // its state says how
	if how := cmd.ProcessState.Sys().(syscall.WaitStatus); !how.Signaled() {
		t.Errorf("it ended by itself: %v", cmd.ProcessState)
	}
}

//go:build heavy || soak

package crash_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"otklik/internal/testserver"
	"otklik/internal/testserver/faultproxy"
)

// node is one `otklik serve`.
type node struct {
	process      *testserver.Process
	home, listen string
}

// ended tells whether the program has ended.
func (n *node) ended() bool {
	_, err := os.Stat(filepath.Join(n.home, "ended"))
	return err == nil
}

var built struct {
	once      sync.Once
	dir, path string
	err       error
}

// soakTime is OTKLIK_SOAK, which the nodes must not inherit: they refuse variables
// that they do not know.
var soakTime = os.Getenv("OTKLIK_SOAK")

func TestMain(m *testing.M) {
	_ = os.Unsetenv("OTKLIK_SOAK")
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// binary gives the path of the program, built once for a run.
func binary(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "otklik-crash-"); built.err != nil { //nolint:usetesting // all tests of the run share it
			return
		}
		built.path = filepath.Join(built.dir, "otklik")
		if built.err = look(testserver.RepoRoot(t)); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-ldflags", "-s -w -X main.version=crash", "-o", built.path, "./cmd/otklik")
		cmd.Dir, cmd.Env = testserver.RepoRoot(t), append(os.Environ(), "GOFLAGS=-buildvcs=false")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("building the program: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// look walks over the program's sources: go test keeps a result until what the test
// has looked at changes, and it does not see what the compiler reads.
func look(root string) error {
	for _, dir := range []string{"channels", "cmd", "internal", "migrations", "templates"} {
		if err := filepath.WalkDir(filepath.Join(root, dir), func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
			return fmt.Errorf("looking at the sources: %w", err)
		}
	}
	return nil
}

// open starts the nodes.
func (w *town) open() {
	w.t.Helper()
	for range w.setting.nodes {
		w.nodes = append(w.nodes, &node{home: testserver.Dir(w.t), listen: fmt.Sprintf("127.0.0.1:%d", testserver.FreePort(w.t))})
	}
	w.hear()
	for _, n := range w.nodes {
		n.process = testserver.Start(w.t, testserver.Program{Args: []string{binary(w.t), "serve", "--lease", lease.String(), "--ask", ask.String()}, Home: n.home, Root: true,
			Env: slices.Concat(w.env, []string{"OTKLIK_LISTEN=" + n.listen})}, func() bool { return true })
		w.t.Cleanup(func() {
			if log := n.process.Log(); strings.Contains(log, "panic:") {
				w.t.Errorf("a node panicked:\n%s", log)
			}
		})
	}
}

// keep starts again what has ended by itself, as an init system would: a node does
// not start while its database is away.
func (w *town) keep() {
	w.t.Helper()
	for _, n := range w.nodes {
		if n.ended() {
			if err := errors.Join(n.process.Stop(), n.process.Start()); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// kill ends a node with SIGKILL after a drawn number of pieces has passed on a drawn
// connection: to or from a provider, or the database, or Redis.
func (w *town) kill(n *node) {
	w.t.Helper()
	ways := []*faultproxy.Proxy{w.sms, w.smtp}
	for _, p := range []*faultproxy.Proxy{w.rows, w.cache} {
		if p != nil {
			ways = append(ways, p)
		}
	}
	way, stage, pieces := ways[w.random.IntN(len(ways))], faultproxy.Up, 1+w.random.IntN(400)
	if w.random.IntN(2) == 0 {
		stage = faultproxy.Down
	}
	at := way.Watch(stage, pieces)
	late := time.NewTimer(time.Duration(1+w.random.IntN(3000)) * time.Millisecond)
	defer late.Stop()
	select {
	case <-at:
	case <-late.C: // nothing passes while a server is away
	}
	if err := n.process.Kill(); err != nil {
		w.t.Fatal(err)
	}
	w.kills++
}

// Package serve_test drives the built program from outside, as a person, a dealer's
// system and the providers would: command lines, environment, HTTP, SMS, mail and
// Telegram against real PostgreSQL, Redis, postfix and dovecot. It owns no rule of
// its own: what it expects is written in design.md, "interfaces that are fixed".
package serve_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"otklik/internal/testserver"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if dir := built.dir; dir != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// built is the program under test, made once for a run; raced is the same with the
// race detector, where the tests run with it.
var built struct {
	once, again      sync.Once
	dir, path, raced string
	err, racedErr    error
}

// raced gives the path of the program with the race detector; without it where the
// tests run without.
func raced(t testing.TB) string {
	t.Helper()
	path := binary(t)
	if len(raceFlags) == 0 {
		return path
	}
	built.again.Do(func() { built.raced, built.racedErr = build(t, path+"-raced", raceFlags...) })
	if built.racedErr != nil {
		t.Fatal(built.racedErr)
	}
	return built.raced
}

// binary gives the path of the program. It is linked as `make build` does but not
// compiled anew for it, which would take longer than all tests here.
func binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		// Servers may run as another user, who must be able to enter.
		if built.dir, built.err = os.MkdirTemp("", "otklik-e2e-"); built.err != nil { //nolint:usetesting // all tests of the run share it
			return
		}
		if built.err = os.Chmod(built.dir, 0o755); built.err != nil { //nolint:gosec // see above
			return
		}
		built.path, built.err = build(t, filepath.Join(built.dir, "otklik"))
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

func build(t testing.TB, to string, flags ...string) (string, error) {
	args := append([]string{"build", "-ldflags", "-s -w -X main.version=e2e"}, flags...)
	cmd := exec.Command("go", append(args, "-o", to, "./cmd/otklik")...)
	cmd.Dir, cmd.Env = testserver.RepoRoot(t), append(os.Environ(), "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return to, nil
}

// environ is what a process gets: nothing of the test's own variables but what
// programs need, then vars.
func environ(vars ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "OTKLIK_") {
			env = append(env, kv)
		}
	}
	return append(env, vars...)
}

// shell is where commands run: a working directory and an environment.
type shell struct {
	t   *testing.T
	dir string
	env []string
	// nodes is the program that serve runs.
	nodes string
}

func newShell(t *testing.T, env ...string) shell {
	t.Helper()
	return shell{t: t, dir: t.TempDir(), env: env, nodes: binary(t)}
}

// with adds variables.
func (s shell) with(env ...string) shell {
	s.env = append(slices.Clone(s.env), env...)
	return s
}

// ended is what became of a command.
type ended struct {
	code     int
	out, err string
}

// run runs the program to its end, which must come within three minutes.
func (s shell) run(args ...string) ended { return s.feed("", args...) }

// feed is run with something on standard input.
func (s shell) feed(stdin string, args ...string) ended {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), binary(s.t), args...)
	cmd.Dir, cmd.Env, cmd.Stdin = s.dir, environ(s.env...), strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	timer := time.AfterFunc(3*time.Minute, func() { _ = cmd.Process.Kill() })
	err := cmd.Run()
	timer.Stop()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return ended{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// ok runs a command that must succeed and gives its standard output.
func (s shell) ok(args ...string) string {
	s.t.Helper()
	e := s.run(args...)
	e.want(s.t, 0)
	return e.out
}

// want checks the exit code, and that both streams together say something.
func (e ended) want(t testing.TB, code int, says ...string) {
	t.Helper()
	if e.code != code {
		t.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", e.code, code, e.out, e.err)
	}
	for _, s := range says {
		if !strings.Contains(e.out+e.err, s) {
			t.Errorf("it does not say %q\nstdout: %s\nstderr: %s", s, e.out, e.err)
		}
	}
}

// file writes a file into the working directory and gives its name.
func (s shell) file(name, content string) string {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return name
}

// lines are the lines of a text, without the last line's end.
func lines(text string) []string {
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}

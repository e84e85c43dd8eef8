package testserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// NeedBinary returns the path of a program that the test cannot do without. It
// looks in PATH and where Debian keeps servers. A missing one skips the test,
// or fails it where nothing may be skipped: when CI or OTKLIK_TEST_REQUIRE is
// set.
func NeedBinary(t testing.TB, name string) string {
	t.Helper()
	path := find(name)
	if path == "" {
		missing(t, name)
	}
	return path
}

// Peer returns the path of a command of one of the npm peers that .ci/setup
// installs (.ci/peers/package.json); a missing one counts as in NeedBinary.
func Peer(t testing.TB, bin string) string {
	t.Helper()
	return peerFile(t, bin, ".bin", bin)
}

// PeerModule returns the directory of one of the npm peers, such as axe-core;
// a missing one counts as in NeedBinary.
func PeerModule(t testing.TB, module string) string {
	t.Helper()
	return peerFile(t, module, filepath.FromSlash(module))
}

func peerFile(t testing.TB, name string, parts ...string) string {
	t.Helper()
	parts = append([]string{RepoRoot(t), ".cache", "peers", "node_modules"}, parts...)
	path := filepath.Join(parts...)
	if _, err := os.Stat(path); err != nil {
		missing(t, "npm peer "+name)
	}
	return path
}

func missing(t testing.TB, name string) {
	t.Helper()
	for _, variable := range []string{"CI", "OTKLIK_TEST_REQUIRE"} {
		if value := os.Getenv(variable); value != "" && value != "false" && value != "0" {
			t.Fatalf("%s is not installed and %s is set; `make setup` installs it", name, variable)
		}
	}
	t.Skipf("%s is not installed; `make setup` installs it", name)
}

// ErrNotInstalled means that a server's program was not found.
var ErrNotInstalled = errors.New("not installed")

// locate is find for callers that have no test to skip.
func locate(name string) (string, error) {
	path := find(name)
	if path == "" {
		return "", fmt.Errorf("%s: %w", name, ErrNotInstalled)
	}
	return path, nil
}

// find returns the path of a program, or nothing.
func find(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	// The pattern is constant, so Glob cannot fail.
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(folders, func(a, b string) int { return postgresVersion(b) - postgresVersion(a) })
	for _, folder := range append(folders, "/usr/sbin", "/usr/local/sbin", "/usr/lib/postfix/sbin") {
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return path
		}
	}
	return ""
}

func postgresVersion(folder string) int {
	version, err := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	if err != nil {
		return 0
	}
	return version
}

// RepoRoot returns the top directory of this repository.
func RepoRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("finding the repository: %v", err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module otklik\n") {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("finding the repository: no go.mod of otklik above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// Shared returns the folder with seed documents, samples and fixtures that is
// not part of the repository: OTKLIK_SHARED, or shared beside the repository.
// Where it is absent the test is skipped, on CI too.
func Shared(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("OTKLIK_SHARED")
	if dir == "" {
		dir = filepath.Join(filepath.Dir(RepoRoot(t)), "shared")
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		t.Skip("this test reads data that is kept outside the repository (OTKLIK_SHARED or ../shared), and it is not there")
	}
	return dir
}

package testserver_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"otklik/internal/testserver"
)

// recorder stands for a test that ends early, and keeps how.
type recorder struct {
	testing.TB
	fatal, skipped string
}

func (r *recorder) Fatal(args ...any) {
	r.fatal = fmt.Sprint(args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skip(args ...any) {
	r.skipped = fmt.Sprint(args...)
	runtime.Goexit()
}

// record runs a helper as a test of its own would.
func record(t *testing.T, run func(testing.TB)) *recorder {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(r)
	}()
	<-done
	return r
}

func TestMissingProgramsSkipHereAndFailOnCI(t *testing.T) {
	lookups := map[string]func(testing.TB){
		"binary": func(tb testing.TB) { testserver.NeedBinary(tb, "otklik-no-such-server") },
		"peer":   func(tb testing.TB) { testserver.Peer(tb, "otklik-no-such-peer") },
		"module": func(tb testing.TB) { testserver.PeerModule(tb, "otklik-no-such-peer") },
	}
	for name, lookup := range lookups {
		for _, c := range []struct {
			ci, require string
			fails       bool
		}{
			{"", "", false},
			{"false", "", false},
			{"true", "", true},
			{"", "1", true},
		} {
			t.Setenv("CI", c.ci)
			t.Setenv("OTKLIK_TEST_REQUIRE", c.require)
			got := record(t, lookup)
			if (got.fatal != "") != c.fails || (got.skipped != "") == c.fails {
				t.Errorf("%s missing with CI=%q OTKLIK_TEST_REQUIRE=%q: fatal %q, skipped %q",
					name, c.ci, c.require, got.fatal, got.skipped)
			}
		}
	}
}

func TestSharedIsSkippedWhereAbsent(t *testing.T) {
	t.Setenv("CI", "true")
	t.Setenv("OTKLIK_SHARED", filepath.Join(t.TempDir(), "absent"))
	if got := record(t, func(tb testing.TB) { testserver.Shared(tb) }); got.skipped == "" {
		t.Errorf("an absent folder does not skip: fatal %q", got.fatal)
	}
	present := t.TempDir()
	t.Setenv("OTKLIK_SHARED", present)
	if got := testserver.Shared(t); got != present {
		t.Errorf("Shared = %q, want %q", got, present)
	}
}

func TestRepoRootHoldsThisPackage(t *testing.T) {
	if _, err := os.Stat(filepath.Join(testserver.RepoRoot(t), "internal", "testserver", "find.go")); err != nil {
		t.Error(err)
	}
}

package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestScratchGoesAndTakesWhatKilledRunsLeft(t *testing.T) {
	parent := t.TempDir()
	if !roomy(parent) {
		t.Skip("not enough room here")
	}
	t.Setenv("TMPDIR", "")
	t.Setenv("GOTMPDIR", "")
	elsewhere := os.TempDir()
	past := time.Now().Add(-time.Hour)
	made := func(name string) string {
		dir := filepath.Join(parent, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(dir, past, past); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	left, running, other := made("otklik-run-1"), made("otklik-run-2"), made("other")
	held, err := lock(running)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()

	s, err := newScratch(parent)
	if err != nil {
		t.Fatal(err)
	}
	if got := os.TempDir(); got != s.dir || filepath.Dir(got) != parent {
		t.Errorf("files go to %s, want below %s", got, parent)
	}
	if got := os.Getenv("GOTMPDIR"); got != elsewhere {
		t.Errorf("go builds in %s, want %s as before", got, elsewhere)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{s.dir: false, left: false, running: true, other: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", filepath.Base(dir), err == nil, want)
		}
	}
}

func TestScratchLeavesANamedPlaceAlone(t *testing.T) {
	parent, named := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", named)
	s, err := newScratch(parent)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if got := os.Getenv("TMPDIR"); got != named {
		t.Errorf("TMPDIR is %s, want %s as before", got, named)
	}
	if entries, err := os.ReadDir(parent); err != nil || len(entries) > 0 {
		t.Errorf("%v made, %v", entries, err)
	}
}

func TestScratchNeedsRoom(t *testing.T) {
	if roomy(filepath.Join(t.TempDir(), "absent")) {
		t.Error("a place that does not exist has room")
	}
	// A file system without any room of its own.
	if roomy("/proc") {
		t.Error("/proc has room")
	}
}

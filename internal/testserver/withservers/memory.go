package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	memory = "/dev/shm"
	// room is what must be free there; a package was seen to take 64 MB.
	room = 3 << 30
	// noExec marks a file system whose programs cannot be run; tests build some.
	noExec = 8
)

// scratch is where a run keeps its temporary files: a directory in memory, where
// there is room for it and TMPDIR does not name another place. A database is copied
// and dropped for each of several hundred tests, and SQLite waits for the disk at
// each commit; nothing that tests write outlives the run or a loss of power.
type scratch struct {
	dir  string
	lock *os.File
}

// newScratch makes the directory. What it returns is of no effect where there is
// no such memory.
func newScratch(parent string) (*scratch, error) {
	if os.Getenv("TMPDIR") != "" || !roomy(parent) {
		return &scratch{}, nil
	}
	if err := sweep(parent); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, "otklik-run-")
	if err != nil {
		return nil, fmt.Errorf("making a directory in memory: %w", err)
	}
	s := &scratch{dir: dir}
	// As /tmp: servers run as another user.
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil { //nolint:gosec // see above
		return nil, errors.Join(fmt.Errorf("opening a directory in memory: %w", err), s.close())
	}
	if s.lock, err = lock(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("locking a directory in memory: %w", err), s.close())
	}
	// Programs that go builds stay on the disk: linked ones are large.
	if os.Getenv("GOTMPDIR") == "" {
		err = os.Setenv("GOTMPDIR", os.TempDir())
	}
	if err := errors.Join(err, os.Setenv("TMPDIR", dir)); err != nil {
		return nil, errors.Join(fmt.Errorf("naming a directory in memory: %w", err), s.close())
	}
	return s, nil
}

func (s *scratch) close() error {
	if s.dir == "" {
		return nil
	}
	err := os.RemoveAll(s.dir)
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

func roomy(dir string) bool {
	var stat syscall.Statfs_t
	if syscall.Statfs(dir, &stat) != nil {
		return false
	}
	return stat.Flags&noExec == 0 && stat.Bavail*uint64(stat.Bsize) >= room //nolint:gosec // a block has a positive size
}

// sweep removes what runs left that were killed: memory is dearer than a disk. Who
// has just made a directory may not have locked it yet.
func sweep(parent string) error {
	dirs, err := filepath.Glob(filepath.Join(parent, "otklik-run-*"))
	if err != nil {
		return fmt.Errorf("looking for directories in memory: %w", err)
	}
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		held, err := lock(dir)
		if err != nil {
			continue
		}
		if err := errors.Join(os.RemoveAll(dir), held.Close()); err != nil {
			return fmt.Errorf("removing what a run left in memory: %w", err)
		}
	}
	return nil
}

// lock takes a directory for as long as this process lives.
func lock(dir string) (*os.File, error) {
	file, err := os.Open(dir) //nolint:gosec // one of ours
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

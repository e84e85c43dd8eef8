package testserver

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Processor is the processor time that this process and the PostgreSQL at a URL have
// spent so far; the URL of another engine counts nothing. It is for benchmarks: on a
// shared machine the time on the clock says little. Outside of Linux the server's part
// is zero.
func Processor(t testing.TB, url string) (program, database time.Duration) {
	t.Helper()
	if strings.HasPrefix(url, "postgres:") {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		var pid int
		if err := conn.QueryRow(t.Context(), "select pg_backend_pid()").Scan(&pid); err != nil {
			t.Fatal(err)
		}
		server, _ := spent(pid)
		database = family(server)
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		t.Fatal(err)
	}
	return time.Duration(own.Utime.Nano() + own.Stime.Nano()), database
}

// family is the processor time of a process and of its children, those included that
// have ended.
func family(pid int) (sum time.Duration) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0
	}
	for _, f := range folders {
		child, err := strconv.Atoi(filepath.Base(f))
		if err != nil {
			continue
		}
		if parent, cpu := spent(child); child == pid || parent == pid {
			sum += cpu
		}
	}
	return sum
}

// spent reads /proc/PID/stat (proc(5)): the parent, and the processor time of the
// process and of its children that have ended, in hundredths of a second.
func spent(pid int) (parent int, cpu time.Duration) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, 0
	}
	// The name stands in parentheses and may hold anything.
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	const ppid, utime, cstime = 1, 11, 14
	if len(fields) <= cstime {
		return 0, 0
	}
	for i, f := range fields[ppid : cstime+1] {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, 0
		}
		switch {
		case i == 0:
			parent = n
		case i >= utime-ppid:
			cpu += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return parent, cpu
}

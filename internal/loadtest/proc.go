package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// What follows reads Linux's /proc. Elsewhere it gives zeros, which are printed as
// a dash.

// tick is the unit of processor time in /proc/PID/stat: USER_HZ is 100 on every
// architecture that Go runs on.
const tick = 10 * time.Millisecond

// peakMemory is the largest resident memory a process has had, in bytes. Rusage
// would not do: it begins with the peak of the process that forked.
func peakMemory(pid int) int64 {
	for line := range strings.Lines(readProc(strconv.Itoa(pid), "status")) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kB, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			if err == nil {
				return kB << 10
			}
		}
	}
	return 0
}

// familyCPU is the processor time of a server and of its children, those that have
// ended included.
func familyCPU(pid int) time.Duration {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	var sum time.Duration
	for _, name := range stats {
		folder := filepath.Base(filepath.Dir(name))
		parent, spent := cpuTimes(readProc(folder, "stat"))
		if folder == strconv.Itoa(pid) || parent == pid {
			sum += spent
		}
	}
	return sum
}

// cpuTimes reads a line of /proc/PID/stat: the parent and the time of the process
// and its reaped children (proc(5): utime, stime, cutime, cstime).
func cpuTimes(stat string) (parent int, spent time.Duration) {
	// The name stands in parentheses and may hold anything.
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const ppid, utime, cstime = 1, 11, 14
	if len(fields) <= cstime {
		return 0, 0
	}
	parent, err := strconv.Atoi(fields[ppid])
	if err != nil {
		return 0, 0
	}
	for _, f := range fields[utime : cstime+1] {
		ticks, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, 0
		}
		spent += time.Duration(ticks) * tick
	}
	return parent, spent
}

// processor names the machine's CPU.
func processor() string {
	for line := range strings.Lines(readProc("cpuinfo")) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// readProc gives a file of /proc, empty when it cannot be read: processes end
// while one looks.
func readProc(path ...string) string {
	text, err := os.ReadFile(filepath.Join(append([]string{"/proc"}, path...)...))
	if err != nil {
		return ""
	}
	return string(text)
}

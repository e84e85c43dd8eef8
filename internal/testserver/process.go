package testserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Program says what to run beside a test.
type Program struct {
	// Args are the program and its arguments.
	Args []string
	// Home is a directory the program may write in; it becomes the working
	// directory and holds the log. It is removed if the test process dies
	// without stopping the program.
	Home string
	// Env is added to the environment of the test process.
	Env []string
	// Root keeps root's rights, for servers that need them (postfix).
	Root bool
	// Signal asks the program to end: TERM when empty.
	Signal string
}

// Process is a program that runs beside a test and cannot outlive it. It ends
// when nothing refers to it any more, too: the runtime closes its pipe then.
type Process struct {
	program Program
	cmd     *exec.Cmd
	leash   *os.File
}

// supervisor runs the program and holds a pipe whose other end only the test
// process has. A word on the pipe means stop; its end means that the test
// process is gone, and then the home goes too. Pdeathsig would not do: it
// follows the thread that forked, not the process. Who looks for the file ended finds
// it whole.
const supervisor = `
home=$1 signal=$2; shift 2
exec 3<&0 </dev/null >>"$home/log" 2>&1
"$@" 3<&- &
server=$!
{
	read -r word <&3 || : >"$home/orphaned"
	kill -s "$signal" "$server"
} &
reader=$!
wait "$server"
echo "ended with status $?" >"$home/ending"
mv "$home/ending" "$home/ended"
kill "$reader"
if [ -e "$home/orphaned" ]; then cd / && rm -rf "$home"; fi
`

// Start runs a program beside the test until the test ends, and returns when
// ready says so. It fails the test, with the program's log, if that does not
// come within a minute or the program ends before.
func Start(t testing.TB, program Program, ready func() bool) *Process {
	t.Helper()
	if program.Home == "" {
		program.Home = Dir(t)
	}
	process, err := launch(program, ready)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Stop(); err != nil {
			t.Errorf("after the test: %v", err)
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", program.Args[0], process.Log())
		}
	})
	return process
}

// launch starts the program and waits until it is ready.
func launch(program Program, ready func() bool) (*Process, error) {
	process := &Process{program: program}
	if err := process.Start(); err != nil {
		return nil, err
	}
	if err := process.await(ready); err != nil {
		return nil, errors.Join(err, process.Stop())
	}
	return process, nil
}

// Start runs the program, also again after Stop. It does not wait until the
// program is ready.
func (p *Process) Start() error {
	if p.cmd != nil {
		return fmt.Errorf("starting %s: it runs already", p.name())
	}
	if err := os.Remove(p.file("ended")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("starting %s: %w", p.name(), err)
	}
	signal := p.program.Signal
	if signal == "" {
		signal = "TERM"
	}
	args := append([]string{"-c", supervisor, "supervisor", p.program.Home, signal}, p.program.Args...)
	cmd := exec.Command("/bin/sh", args...)
	cmd.Dir = p.program.Home
	cmd.Env = append(os.Environ(), p.program.Env...)
	var err error
	if cmd.SysProcAttr, err = attributes(p.program.Root); err != nil {
		return err
	}
	held, leash, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("starting %s: %w", p.name(), err)
	}
	cmd.Stdin = held
	err = cmd.Start()
	held.Close()
	if err != nil {
		leash.Close()
		return fmt.Errorf("starting %s: %w", p.name(), err)
	}
	p.cmd, p.leash = cmd, leash
	return nil
}

// attributes puts a program into a process group of its own, so that a signal
// meant for the test does not reach it first, and steps down from root.
func attributes(root bool) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	uid, gid, drop, err := serverUser()
	if err != nil {
		return nil, err
	}
	if drop && !root {
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return attr, nil
}

// Stop asks the program to end and waits until it has; after a minute it
// kills. Stopping what does not run is no error.
func (p *Process) Stop() error {
	if p.cmd == nil {
		return nil
	}
	cmd, leash := p.cmd, p.leash
	p.cmd, p.leash = nil, nil
	// The write fails when the program ended by itself; Wait tells the rest.
	_, _ = leash.WriteString("stop\n")
	timer := time.AfterFunc(patience, func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	})
	err := cmd.Wait()
	leash.Close()
	if killed := !timer.Stop(); killed {
		return fmt.Errorf("stopping %s: killed, it did not end within %v", p.name(), patience)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("stopping %s: %w", p.name(), err)
	}
	return nil
}

// Kill ends the program and everything in its process group at once, as a
// power failure would.
func (p *Process) Kill() error {
	if p.cmd == nil {
		return nil
	}
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("killing %s: %w", p.name(), err)
	}
	return p.Stop()
}

// Freeze stops the program where it stands, as a suspended machine would, until Thaw.
func (p *Process) Freeze() error { return p.signal(syscall.SIGSTOP) }

// Thaw lets a frozen program go on.
func (p *Process) Thaw() error { return p.signal(syscall.SIGCONT) }

// signal reaches the program and everything in its process group.
func (p *Process) signal(s syscall.Signal) error {
	if p.cmd == nil {
		return fmt.Errorf("signal %v for %s: it does not run", s, p.name())
	}
	if err := syscall.Kill(-p.cmd.Process.Pid, s); err != nil {
		return fmt.Errorf("signal %v for %s: %w", s, p.name(), err)
	}
	return nil
}

// Log returns what the program has written to its standard output and error.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.file("log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// await polls ready, and gives up early when the program has ended.
func (p *Process) await(ready func() bool) error {
	err := poll(patience, func() (bool, error) {
		if ready() {
			return true, nil
		}
		if ended, err := os.ReadFile(p.file("ended")); err == nil {
			return false, errors.New(strings.TrimSpace(string(ended)))
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for %s: %w; its log:\n%s", p.name(), err, p.Log())
	}
	return nil
}

func (p *Process) name() string { return filepath.Base(p.program.Args[0]) }

func (p *Process) file(name string) string { return filepath.Join(p.program.Home, name) }

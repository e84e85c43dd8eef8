package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// command says what to run beside the measurement.
type command struct {
	name           string // for errors
	args, env      []string
	dir            string
	stdout, stderr io.Writer
	// signal asks it to end: TERM when empty.
	signal string
	// stepDown: root becomes nobody, as PostgreSQL wants it.
	stepDown bool
}

// leash replaces itself by the program and leaves a child behind that holds a pipe
// of which only we have the other end: when that end closes, because we stop the
// program or because we are gone, the program is asked to end.
const leash = `signal=$1; shift
exec 3<&0
{ read -r _; kill -s "$signal" $$; } <&3 >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-`

// patience is what a program may take to end when it is asked to.
const patience = time.Minute

// process is a running program whose processor time and memory are counted.
type process struct {
	name  string
	cmd   *exec.Cmd
	leash io.Closer
	done  chan struct{} // closed when it has ended
	err   error         // set before done
	peak  int64         // bytes, set before done
}

// used is what a process took. Peak is the largest resident memory in bytes, 0
// where /proc does not tell.
type used struct {
	CPU  time.Duration
	Peak int64
}

// start runs a program in a process group of its own, so that an interrupt meant
// for us does not reach it first.
func start(c command) (*process, error) {
	if c.signal == "" {
		c.signal = "TERM"
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", leash, "leash", c.signal}, c.args...)...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.env, c.dir, c.stdout, c.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if c.stepDown && os.Geteuid() == 0 {
		uid, gid, err := nobody()
		if err != nil {
			return nil, err
		}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	// Not exec's own pipe: that one closes when the program has ended, and what holds
	// the leash would signal a number that may be another's by then.
	stdin, held, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.name, err)
	}
	cmd.Stdin = stdin
	err = cmd.Start()
	stdin.Close()
	if err != nil {
		held.Close()
		return nil, fmt.Errorf("starting %s: %w", c.name, err)
	}
	p := &process{name: c.name, cmd: cmd, leash: held, done: make(chan struct{})}
	go p.watch()
	return p, nil
}

// watch keeps the peak of the process's memory and reaps it.
func (p *process) watch() {
	ended := make(chan struct{})
	go func() {
		p.err = p.cmd.Wait()
		// Whoever holds the leash is all that may be left of the group.
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		close(ended)
	}()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		p.peak = max(p.peak, peakMemory(p.cmd.Process.Pid))
		select {
		case <-ticker.C:
		case <-ended:
			close(p.done)
			return
		}
	}
}

// wait returns when the program has ended by itself, which must be with status 0;
// at the end of ctx it is stopped.
func (p *process) wait(ctx context.Context) (used, error) {
	select {
	case <-p.done:
		p.leash.Close()
	case <-ctx.Done():
		u, err := p.stop()
		return u, errors.Join(fmt.Errorf("running %s: %w", p.name, context.Cause(ctx)), err)
	}
	if p.err != nil {
		return p.used(), fmt.Errorf("running %s: %w", p.name, p.err)
	}
	return p.used(), nil
}

// stop asks the program to end and waits until it has, whatever its status. It may
// be called again.
func (p *process) stop() (used, error) {
	p.leash.Close()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.used(), nil
	case <-timer.C:
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
		return p.used(), fmt.Errorf("stopping %s: killed, it did not end within %v", p.name, patience)
	}
}

// ended tells whether the program has ended, and how.
func (p *process) ended() (bool, error) {
	select {
	case <-p.done:
		return true, p.err
	default:
		return false, nil
	}
}

func (p *process) used() used {
	s := p.cmd.ProcessState
	return used{CPU: s.UserTime() + s.SystemTime(), Peak: p.peak}
}

// nobody is whom root becomes.
func nobody() (uid, gid uint32, err error) {
	u, err := user.Lookup("nobody")
	if err != nil {
		return 0, 0, fmt.Errorf("finding the servers' user: %w", err)
	}
	var ids [2]uint32
	for i, text := range []string{u.Uid, u.Gid} {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return 0, 0, fmt.Errorf("reading the servers' user: %w", err)
		}
		ids[i] = uint32(n)
	}
	return ids[0], ids[1], nil
}

// poll asks cond every few milliseconds until it says yes, fails, or ctx is over.
func poll(ctx context.Context, what string, cond func() (bool, error)) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if ok, err := cond(); ok || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, context.Cause(ctx))
		}
	}
}

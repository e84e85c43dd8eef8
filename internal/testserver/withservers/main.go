// Withservers runs a command, usually go test, with one PostgreSQL and one
// Redis that all packages of the run share:
//
//	withservers go test ./...
//
// Its temporary files are kept in memory where there is room (/dev/shm), unless
// TMPDIR is set. It ends with the command's exit status and leaves no process and
// no file behind, the command's own children included, when it is interrupted as
// well. Where a
// server's program is missing it says so and runs the command without.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"otklik/internal/testserver"
)

// grace is what an interrupted command may take to end by itself.
const grace = 10 * time.Second

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: withservers COMMAND [ARGUMENT…]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(),
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	status, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "withservers:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

// run returns the command's exit status, 128 plus the signal's number if a
// signal ended it.
func run(ctx context.Context, args []string) (status int, err error) {
	scratch, err := newScratch(memory)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, scratch.close()) }()
	servers, err := start()
	defer func() {
		for _, server := range servers {
			err = errors.Join(err, server.Close())
		}
	}()
	if err != nil {
		return 1, err
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	for variable, server := range servers {
		cmd.Env = append(cmd.Env, variable+"="+server.URL())
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace
	err = cmd.Run()
	if cmd.Process != nil {
		// What the command left running would hold the servers' databases.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if state, ok := exit.Sys().(syscall.WaitStatus); ok && state.Signaled() {
			return 128 + int(state.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, fmt.Errorf("running %s: %w", args[0], err)
	}
	return 0, nil
}

// start starts what is installed, by the variable that tells tests its URL.
func start() (map[string]*testserver.Server, error) {
	kinds := []struct {
		variable, name string
		start          func() (*testserver.Server, error)
	}{
		{testserver.PostgresEnv, "PostgreSQL", testserver.StartPostgres},
		{testserver.RedisEnv, "Redis", testserver.StartRedis},
	}
	started := make([]*testserver.Server, len(kinds))
	var group errgroup.Group
	for i, kind := range kinds {
		group.Go(func() error {
			server, err := kind.start()
			if errors.Is(err, testserver.ErrNotInstalled) {
				fmt.Fprintf(os.Stderr, "withservers: no %s here (%v); `make setup` installs it\n", kind.name, err)
				return nil
			}
			started[i] = server
			return err
		})
	}
	err := group.Wait()
	servers := map[string]*testserver.Server{}
	for i, server := range started {
		if server != nil {
			servers[kinds[i].variable] = server
		}
	}
	return servers, err
}

package main

import (
	"bytes"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"otklik/internal/testserver"
)

func TestMain(m *testing.M) {
	if os.Getenv("OTKLIK_TEST_BE_WITHSERVERS") != "" {
		main()
	}
	os.Exit(m.Run())
}

// command is this test binary acting as withservers.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	testserver.NeedBinary(t, "initdb")
	testserver.NeedBinary(t, "redis-server")
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "OTKLIK_TEST_BE_WITHSERVERS=1",
		"TMPDIR="+testserver.Dir(t), testserver.PostgresEnv+"=", testserver.RedisEnv+"=")
	return cmd
}

const printURLs = `echo $` + testserver.PostgresEnv + ` $` + testserver.RedisEnv

func TestCommandSeesServersAndItsStatusIsKept(t *testing.T) {
	cmd := command(t, "sh", "-c", printURLs+"; exit 7")
	output, err := cmd.Output()
	if cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("exit status %d (%v), want the command's 7", cmd.ProcessState.ExitCode(), err)
	}
	assertGone(t, string(output))
}

// The command starts a child of its own and waits for it; a signal to
// withservers must end all of them.
func TestInterruptEndsServersAndTheCommandsChildren(t *testing.T) {
	var output bytes.Buffer
	marker := filepath.Join(t.TempDir(), "started")
	cmd := command(t, "sh", "-c", printURLs+"; touch "+marker+"; sleep 1000")
	cmd.Stdout = &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	testserver.Wait(t, "the command runs", func() bool {
		_, err := os.Stat(marker)
		return err == nil
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// Wait returns only when the output pipe is closed, so the child is gone.
	if err := cmd.Wait(); err == nil {
		t.Error("an interrupted run counts as passed")
	}
	assertGone(t, output.String())
}

// assertGone reads the two URLs that the command printed: both must have been
// there, and nothing may listen on them now.
func assertGone(t *testing.T, output string) {
	t.Helper()
	urls := strings.Fields(output)
	if len(urls) != 2 {
		t.Fatalf("the command saw %q, want two URLs", output)
	}
	for _, text := range urls {
		location, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if conn, err := net.Dial("tcp", location.Host); err == nil {
			conn.Close()
			t.Errorf("%s still listens", text)
		}
	}
}

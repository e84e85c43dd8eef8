package ratelimit_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// realRedis starts a redis-server for this test on a socket of its own.
func realRedis(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "")
	if err := cmd.Start(); err != nil {
		t.Skip("redis-server: ", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if c, err := net.Dial("unix", socket); err == nil {
			_ = c.Close()
			return "unix://" + socket
		}
	}
	t.Fatal("redis-server does not listen")
	return ""
}

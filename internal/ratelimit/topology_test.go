package ratelimit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"otklik/internal/ratelimit"
	"otklik/internal/testserver"
)

// In a cluster a script may touch several keys only when they lie in one slot;
// even a cluster of one node refuses others.
func TestCluster(t *testing.T) {
	port := serve(t, nil, "--cluster-enabled", "yes", "--save", "")
	node := dial(t, "redis://127.0.0.1:"+port)
	if err := node.Do(context.Background(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	c := dial(t, "redis://127.0.0.1:"+port+"?cluster=true")
	testserver.Wait(t, "the cluster serves", func() bool {
		return c.Set(context.Background(), "probe", 1, 0).Err() == nil
	})
	contract(t, ratelimit.NewRedis(c, "test:"))
}

func TestSentinel(t *testing.T) {
	master := serve(t, nil, "--save", "")
	home := testserver.Dir(t)
	config := filepath.Join(home, "sentinel.conf")
	// Sentinel keeps what it learns in its own configuration file.
	if err := os.WriteFile(config, fmt.Appendf(nil, "sentinel monitor main 127.0.0.1 %s 1\n", master), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(config, 0o666); err != nil {
		t.Fatal(err)
	}
	sentinel := serve(t, []string{config}, "--sentinel", "--dir", home)
	c := dial(t, "redis://127.0.0.1:"+sentinel+"/0?master_name=main")
	contract(t, ratelimit.NewRedis(c, "test:"))
}

// serve starts a redis-server with options of its own and gives its port.
func serve(t *testing.T, files []string, options ...string) string {
	t.Helper()
	port := strconv.Itoa(testserver.FreePort(t))
	args := append([]string{testserver.NeedBinary(t, "redis-server")}, files...)
	args = append(append(args, options...), "--port", port, "--bind", "127.0.0.1")
	c := dial(t, "redis://127.0.0.1:"+port)
	testserver.Start(t, testserver.Program{Args: args}, func() bool {
		return c.Ping(context.Background()).Err() == nil
	})
	return port
}

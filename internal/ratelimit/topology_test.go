package ratelimit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"otklik/internal/ratelimit"
	"otklik/internal/testserver"
)

// In a cluster a script may touch several keys only when they lie in one slot;
// even a cluster of one node refuses others.
func TestCluster(t *testing.T) {
	t.Parallel()
	port := serve(t, nil, "--cluster-enabled", "yes", "--save", "")
	node := dial(t, "redis://127.0.0.1:"+port)
	if err := node.Do(context.Background(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	c := dial(t, "redis://127.0.0.1:"+port+"?cluster=true")
	testserver.Wait(t, "the cluster serves", func() bool {
		return c.Set(context.Background(), "probe", 1, 0).Err() == nil
	})
	contract(t, trusted(t, ratelimit.NewRedis(c, "test:")))
}

// In a cluster whose master died another serves its slots, and nobody redirects to it:
// the client finds it by itself. Two nodes that have not met stand for a master and for
// the replica that has taken over, since neither says anything of the other.
func TestClusterFailOver(t *testing.T) {
	t.Parallel()
	stops := map[string]func() error{}
	var ports []string
	for range 2 {
		node, port := launch(t, nil, "--cluster-enabled", "yes", "--save", "")
		tell(t, dial(t, "redis://127.0.0.1:"+port), "CLUSTER ADDSLOTSRANGE 0 16383")
		stops[port], ports = node.Stop, append(ports, port)
	}
	c, err := ratelimit.DialAlert("redis://127.0.0.1:" + ports[0] + "?addr=127.0.0.1:" + ports[1])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	cells := ratelimit.NewRedis(c, "test:")
	testserver.Wait(t, "the cluster serves", func() bool { return cells.Check(t.Context()) == nil })
	for _, port := range ports {
		if n, err := dial(t, "redis://127.0.0.1:"+port+"?cluster=true").DBSize(t.Context()).Result(); err != nil {
			t.Fatal(err)
		} else if n > 0 {
			if err := stops[port](); err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute/2) // go-redis by itself looks after a whole one
	defer cancel()
	testserver.Wait(t, "the other node is found", func() bool { return ctx.Err() != nil || cells.Check(ctx) == nil })
	if ctx.Err() != nil {
		t.Error("the other node is not found")
	}
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
	contract(t, trusted(t, ratelimit.NewRedis(c, "test:")))
}

// serve starts a redis-server with options of its own and gives its port.
func serve(t *testing.T, files []string, options ...string) string {
	t.Helper()
	_, port := launch(t, files, options...)
	return port
}

func launch(t *testing.T, files []string, options ...string) (*testserver.Process, string) {
	t.Helper()
	port := strconv.Itoa(testserver.FreePort(t))
	args := append([]string{testserver.NeedBinary(t, "redis-server")}, files...)
	args = append(append(args, options...), "--port", port, "--bind", "127.0.0.1")
	c := dial(t, "redis://127.0.0.1:"+port)
	p := testserver.Start(t, testserver.Program{Args: args}, func() bool {
		return c.Ping(context.Background()).Err() == nil
	})
	return p, port
}

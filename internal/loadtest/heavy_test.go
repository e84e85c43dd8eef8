//go:build heavy

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"otklik/channels"
	"otklik/internal/testserver"
)

// small is a campaign that shows that everything is measured, not how fast it is.
const small = 200

// built gives the path of the program.
func built(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "otklik")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/otklik")
	cmd.Dir, cmd.Env = testserver.RepoRoot(t), append(os.Environ(), "GOFLAGS=-buildvcs=false")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, out)
	}
	return path
}

// quiet takes what a measurement says to the person who watches.
func quiet(t *testing.T) *log {
	said := new(log)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(said.String())
		}
	})
	return said
}

// TestHeavyCampaign measures the built program on each engine and channel; nothing
// may be doubled or lost, and everything must have been measured.
func TestHeavyCampaign(t *testing.T) {
	testserver.NeedBinary(t, "initdb")
	testserver.NeedBinary(t, "redis-server")
	binary := built(t)
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, channel := range []channels.Kind{channels.Email, channels.SMS} {
			t.Run(engine+"/"+string(channel), func(t *testing.T) {
				var out bytes.Buffer
				o := options{messages: small, channel: channel, engine: engine, redis: engine == "postgres", rows: true, runs: 1, live: true, binary: binary, progress: quiet(t)}
				if err := runCampaign(t.Context(), o, &out); err != nil {
					t.Fatalf("%v\n%s", err, &out)
				}
				assertRows(t, out.String(), "Otklik's rows", "message sent 200", "survey done 200")
			})
		}
	}
}

// TestHeavyNodes measures one, two and three nodes.
func TestHeavyNodes(t *testing.T) {
	testserver.NeedBinary(t, "initdb")
	testserver.NeedBinary(t, "redis-server")
	var out bytes.Buffer
	o := options{messages: small, channel: channels.Email, engine: "postgres", redis: true, runs: 1, binary: built(t), progress: quiet(t)}
	if err := runNodes(t.Context(), o, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	assertRows(t, out.String(), "1 node", "2 nodes", "3 nodes", "message sent 200")
}

// assertRows checks that a report says all that it should and has no empty cell.
func assertRows(t *testing.T, report string, says ...string) {
	t.Helper()
	for _, s := range append(says, "| messages/s ", "| CPU s per 1,000: sending processes ", "| peak memory", "Planning: ") {
		if !strings.Contains(report, s) {
			t.Errorf("it does not say %q:\n%s", s, report)
		}
	}
	if strings.Contains(report, "NaN") || strings.Contains(report, "Inf") {
		t.Errorf("a figure is none:\n%s", report)
	}
}

package serve_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"otklik/internal/testserver"
)

// binaryLimit is what the program may take on disk (issue 2), in bytes.
const binaryLimit = 60 << 20

// TestFigures prints what the program takes: size, start, memory at rest. Only the
// size is held: the others depend on the machine.
func TestFigures(t *testing.T) {
	t.Parallel()
	info, err := os.Stat(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("binary: %.1f MB", float64(info.Size())/(1<<20))
	if info.Size() > binaryLimit {
		t.Errorf("the binary takes %d bytes, more than %d", info.Size(), binaryLimit)
	}
	s := newShell(t, "OTKLIK_DATABASE_URL="+sqlite(t))
	s.ok("migrate", "up")
	began := time.Now()
	n := s.start()
	testserver.Wait(t, "serve is ready", func() bool { code, _ := n.get("/readyz"); return code == http.StatusOK })
	t.Logf("start to ready: %v", time.Since(began).Round(time.Millisecond))
	testserver.Wait(t, "the start is over", func() bool { return strings.Contains(n.process.Log(), "otklik is ready") })
	t.Logf("resident memory: %.1f MB", n.metric("process_resident_memory_bytes")/(1<<20))
	if n.metric("process_resident_memory_bytes") == 0 {
		t.Error("the program does not tell its memory")
	}
}

// Package twiliotest checks both ends of Twilio's Messages API against Twilio's
// own OpenAPI description, with Prism (https://github.com/stoplightio/prism) as
// the judge: our client's requests and our stand-in's answers.
//
// It owns the description and the running of Prism, and no rule of its own. Tests
// of the SMS channel and of the sandbox call it. Prism is an npm peer; where it is
// not installed the test is skipped, and fails under CI.
package twiliotest

import (
	_ "embed"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"otklik/internal/testserver"
)

//go:embed twilio_messages.json
var description []byte

// Mock starts a server that answers with the examples of the description and
// gives its base URL. A request that breaks the description gets 422, one without
// credentials 401. The answers are always the same, whatever was asked.
func Mock(t testing.TB) string {
	t.Helper()
	return start(t, "mock")
}

// Proxy starts a server that passes requests on to upstream (a base URL) and gives
// its own base URL. A request that breaks the description gets 422 and does not
// reach upstream; an answer that breaks it is replaced by a 500. Both name what
// is wrong in an application/problem+json body.
func Proxy(t testing.TB, upstream string) string {
	t.Helper()
	return start(t, "proxy", upstream)
}

func start(t testing.TB, mode string, upstream ...string) string {
	t.Helper()
	prism := testserver.Peer(t, "prism")
	home := testserver.Dir(t)
	spec := filepath.Join(home, "twilio.json")
	if err := os.WriteFile(spec, description, 0o644); err != nil {
		t.Fatalf("writing the description: %v", err)
	}
	port := strconv.Itoa(testserver.FreePort(t))
	addr := net.JoinHostPort("127.0.0.1", port)
	args := append([]string{prism, mode, "--errors", "--host", "127.0.0.1", "--port", port, spec}, upstream...)
	testserver.Start(t, testserver.Program{
		Args: args,
		Home: home,
		// The repository may be where only its owner can read it.
		Root: true,
	}, func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
	return "http://" + addr
}

package sandbox_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"otklik/channels"
	"otklik/internal/sandbox"
)

const (
	account  = "AC0123456789abcdef0123456789abcdef"
	token    = "twiliotoken0123"
	dealer   = "+78005550100"
	customer = "+79990000001"
	botToken = "123456:test-token"
	botName  = "DemoAutoBot"
	chat     = "700001"
	ourMail  = "service@demo.otklik.example"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// call is one webhook as it arrived on our side.
type call struct {
	path   string
	url    string
	header http.Header
	body   string
}

// bench is the stand-ins with our side's hooks behind them.
type bench struct {
	*sandbox.Servers
	hooks  *httptest.Server
	client *http.Client

	mu     sync.Mutex
	calls  []call
	refuse []int // statuses to answer with, before 200
}

var start = time.Date(2026, 3, 13, 11, 0, 0, 0, time.FixedZone("MSK", 3*60*60))

func newBench(t *testing.T, p *sandbox.Phones) *bench {
	t.Helper()
	b := &bench{client: &http.Client{Transport: &http.Transport{}}}
	b.hooks = httptest.NewServer(http.HandlerFunc(b.hook))
	s, err := sandbox.Start(context.Background(), p, config(b.hooks.URL))
	if err != nil {
		t.Fatal(err)
	}
	b.Servers = s
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
		b.hooks.Close()
		b.client.CloseIdleConnections()
	})
	return b
}

func config(public string) sandbox.Config {
	return sandbox.Config{
		PublicURL: public, TwilioSID: account, TwilioToken: token, TwilioFrom: dealer + ", +78005550200",
		TelegramToken: botToken, TelegramSecret: "config-secret", BotName: botName, Mailbox: ourMail,
		Now: func() time.Time { return start },
	}
}

func memory(t *testing.T) *sandbox.Phones {
	t.Helper()
	p, err := sandbox.Open("")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (b *bench) hook(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, call{r.URL.Path, b.hooks.URL + r.URL.RequestURI(), r.Header.Clone(), string(body)})
	if len(b.refuse) > 0 {
		w.WriteHeader(b.refuse[0])
		b.refuse = b.refuse[1:]
	}
}

func (b *bench) refusing(statuses ...int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = statuses
}

// heard gives the calls to a path once there are n of them.
func (b *bench) heard(t *testing.T, path string, n int) []call {
	t.Helper()
	var found []call
	eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		found = nil
		for _, c := range b.calls {
			if c.path == path {
				found = append(found, c)
			}
		}
		return len(found) >= n
	})
	if len(found) != n {
		t.Fatalf("%d calls to %s, want %d: %v", len(found), path, n, found)
	}
	return found
}

// eventually polls a condition against a generous deadline.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("condition not met in a minute")
		}
	}
}

func TestStartReportsAllFaultsOfItsConfiguration(t *testing.T) {
	_, err := sandbox.Start(context.Background(), memory(t), sandbox.Config{TwilioSID: "AC1", TelegramToken: "x"})
	if err == nil {
		t.Fatal("started without a configuration")
	}
	for _, field := range []string{"PublicURL", "TwilioSID", "TwilioToken", "TwilioFrom", "TelegramToken", "BotName", "Mailbox"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%q does not name %s", err, field)
		}
	}
}

func TestCloseEndsActions(t *testing.T) {
	b := newBench(t, memory(t))
	if err := b.StartBot(t.Context(), chat, "Ivan", ""); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for name, act := range map[string]func() error{
		"write": func() error { return b.Write(t.Context(), channels.Telegram, chat, "1") },
		"tap":   func() error { return b.Tap(t.Context(), chat, "1", "x") },
		"block": func() error { return b.Block(t.Context(), chat) },
		"start": func() error { return b.StartBot(t.Context(), chat, "Ivan", "") },
	} {
		if err := act(); !errors.Is(err, sandbox.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", name, err)
		}
	}
	if got := len(b.Phones.Thread(channels.Telegram, chat)); got != 1 {
		t.Errorf("%d items after Close, want the one from before", got)
	}
}

func TestWriteKnowsItsChannels(t *testing.T) {
	b := newBench(t, memory(t))
	if err := b.Write(t.Context(), channels.Paper, "x", "x"); err == nil {
		t.Error("wrote on paper")
	}
}

// journaled opens phones with a journal in a fresh folder.
func journaled(t *testing.T) (*sandbox.Phones, string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "phones.jsonl")
	return open(t, name), name
}

func open(t *testing.T, name string) *sandbox.Phones {
	t.Helper()
	p, err := sandbox.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

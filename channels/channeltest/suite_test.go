package channeltest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"otklik/channels"
)

// liar spoils one promise of a channel that otherwise keeps the contract.
type liar struct {
	channels.Channel
	send func(ctx context.Context, m channels.Message, next channels.Channel) (channels.Receipt, error)
}

func (l liar) Send(ctx context.Context, m channels.Message) (channels.Receipt, error) {
	return l.send(ctx, m, l.Channel)
}

// liars names each lie and the subtest that must find it.
var liars = map[string]struct {
	caught string
	send   func(ctx context.Context, m channels.Message, next channels.Channel) (channels.Receipt, error)
}{
	"retries": {"accepted", func(ctx context.Context, m channels.Message, next channels.Channel) (channels.Receipt, error) {
		_, _ = next.Send(ctx, m)
		return next.Send(ctx, m)
	}},
	"takes a reset for unsent": {string(Resets), func(ctx context.Context, m channels.Message, next channels.Channel) (channels.Receipt, error) {
		r, err := next.Send(ctx, m)
		if e := channels.AsError(err); e != nil && e.Class == channels.Uncertain {
			return r, &channels.Error{Class: channels.Transient}
		}
		return r, err
	}},
	"forgets how long to wait": {string(Throttles), func(ctx context.Context, m channels.Message, next channels.Channel) (channels.Receipt, error) {
		r, err := next.Send(ctx, m)
		if e := channels.AsError(err); e != nil {
			copied := *e
			copied.RetryAfter = 0
			return r, &copied
		}
		return r, err
	}},
	"leaks its token": {string(BadLogin), func(ctx context.Context, m channels.Message, next channels.Channel) (channels.Receipt, error) {
		r, err := next.Send(ctx, m)
		if e := channels.AsError(err); e != nil {
			copied := *e
			copied.Err = fmt.Errorf("posting: %w", errors.New("https://host/bots3cr3t-t0ken/send"))
			return r, &copied
		}
		return r, err
	}},
	"ignores an ended context": {"context_ended_before", func(ctx context.Context, m channels.Message, next channels.Channel) (channels.Receipt, error) {
		return next.Send(context.WithoutCancel(ctx), m)
	}},
	"gives one id to all": {"concurrent", func(ctx context.Context, m channels.Message, next channels.Channel) (channels.Receipt, error) {
		r, err := next.Send(ctx, m)
		if err == nil {
			r.ProviderID = "same"
		}
		return r, err
	}},
}

// TestLiar is run by TestSuiteFindsLies in a process of its own, because a suite
// that finds something fails its test.
func TestLiar(t *testing.T) {
	lie, ok := liars[os.Getenv("CHANNELTEST_LIE")]
	if !ok {
		t.Skip("run by TestSuiteFindsLies")
	}
	Run(t, fakeAdapter(func(t testing.TB, s Situation) Bench {
		b := fakeBench(t, s)
		b.Channel = liar{Channel: b.Channel, send: lie.send}
		return b
	}))
}

func TestSuiteFindsLies(t *testing.T) {
	for name, lie := range liars {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part := strings.ReplaceAll(lie.caught, " ", "_")
			cmd := exec.Command(os.Args[0], "-test.run=^TestLiar$/^"+part+"$", "-test.count=1")
			cmd.Env = append(os.Environ(), "CHANNELTEST_LIE="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestLiar/"+part) {
				t.Errorf("%q did not find it (%v):\n%s", lie.caught, err, out)
			}
		})
	}
}

func TestNoSecretsLooksEverywhere(t *testing.T) {
	secret := []string{"a/b+c"}
	clean := errors.New("nothing here")
	for name, v := range map[string]any{
		"plain":   errors.New("token a/b+c"),
		"escaped": errors.New("GET /bot" + "a%2Fb+c" + "/send"),
		"wrapped": hiding{errors.Join(clean, errors.New("a/b+c"))},
		"field":   struct{ Token string }{"a/b+c"},
	} {
		probe := &recorder{TB: t}
		NoSecrets(probe, secret, v)
		if probe.failed == 0 {
			t.Errorf("%s: not found in %T", name, v)
		}
	}
	NoSecrets(t, secret, clean, channels.Receipt{ProviderID: "SM1"}, &channels.Error{Err: clean})
}

// hiding wraps an error whose text it does not show.
type hiding struct{ inner error }

func (h hiding) Error() string { return "hidden" }
func (h hiding) Unwrap() error { return h.inner }
func (h hiding) GoString() string {
	return "hiding{}"
}

// recorder counts failures in place of failing.
type recorder struct {
	testing.TB
	failed int
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed++ }

func TestLocalDialer(t *testing.T) {
	srv := NewServer(t, Replies(Reply{Body: "{}"}))
	probe := &recorder{TB: t}
	client := http.Client{Transport: &http.Transport{DialContext: LocalDialer(probe), DisableKeepAlives: true}}
	resp, err := client.Get(srv.URL)
	if err != nil || probe.failed != 0 {
		t.Fatalf("loopback: %v", err)
	}
	_ = resp.Body.Close()
	for _, url := range []string{"http://192.0.2.1/", "http://api.example.com/"} {
		if _, err := client.Get(url); !errors.Is(err, ErrLeftHost) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if probe.failed != 2 {
		t.Errorf("%d failures noted, want 2", probe.failed)
	}
}

func TestServerPlaysFaults(t *testing.T) {
	srv := NewServer(t, Replies(
		Reply{Status: 201, Header: http.Header{"Retry-After": {"3"}}, Body: `{"ok":true}`},
		Reply{Fault: ResetAfterRead},
		Reply{Fault: Cut, Body: `{"ok":true}`},
		Reply{Fault: Hang},
	))
	client := http.Client{Timeout: patience}
	post := func(ctx context.Context) (int, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL+"/x?q=1", strings.NewReader("a=1&b=%2B"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(req)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		var into [64]byte
		for err == nil {
			_, err = resp.Body.Read(into[:])
		}
		if err.Error() == "EOF" {
			err = nil
		}
		return resp.StatusCode, err
	}
	if status, err := post(t.Context()); status != 201 || err != nil {
		t.Errorf("answer: %d, %v", status, err)
	}
	if status, err := post(t.Context()); status != 0 || err == nil {
		t.Errorf("reset: %d, %v", status, err)
	}
	if status, err := post(t.Context()); status != 200 || err == nil {
		t.Errorf("cut: %d, %v", status, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		poll(ctx, func() bool { return len(srv.Calls()) == 4 })
	}()
	if _, err := post(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("hang: %v", err)
	}
	calls := srv.Calls()
	if len(calls) != 4 || calls[0].Form.Get("b") != "+" || calls[0].Query.Get("q") != "1" || calls[0].Form.Has("q") {
		t.Errorf("recorded %+v", calls)
	}
	if calls[0].Connection != 1 || calls[1].Connection != 1 || calls[2].Connection != 2 || srv.Connections() < 3 {
		t.Errorf("connections %d %d %d of %d", calls[0].Connection, calls[1].Connection, calls[2].Connection, srv.Connections())
	}
}

package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"otklik/internal/testserver"
)

// node is one `otklik serve`.
type node struct {
	t       testing.TB
	process *testserver.Process
	home    string
	url     string
}

// serve starts the program and returns when it is ready; Cleanup stops it.
func (s shell) serve(args ...string) *node {
	s.t.Helper()
	n := s.start(args...)
	testserver.Wait(s.t, "serve is up", func() bool {
		if n.ended() != "" {
			s.t.Fatalf("serve %s:\n%s", n.ended(), n.process.Log())
		}
		code, _ := n.get("/healthz")
		return code == http.StatusOK
	})
	return n
}

// start starts the program and does not wait for it.
func (s shell) start(args ...string) *node {
	s.t.Helper()
	port := testserver.FreePort(s.t)
	n := &node{t: s.t, home: testserver.Dir(s.t), url: "http://127.0.0.1:" + strconv.Itoa(port)}
	// Root: the database and the working directory are the test's own.
	n.process = testserver.Start(s.t, testserver.Program{Args: append([]string{s.nodes, "serve"}, args...), Home: n.home, Root: true,
		Env: append(s.env, "OTKLIK_LISTEN=127.0.0.1:"+strconv.Itoa(port))}, func() bool { return true })
	s.t.Cleanup(func() {
		if log := n.process.Log(); strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic:") {
			s.t.Errorf("a node raced or panicked:\n%s", log)
		}
	})
	return n
}

// ended is "ended with status N" once the program has ended.
func (n *node) ended() string {
	b, err := os.ReadFile(filepath.Join(n.home, "ended"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (n *node) get(path string) (int, string) {
	return do(n.t, http.MethodGet, n.url+path, nil, "")
}

// metric is a sample's value by its text, such as otklik_inbound_total{...}; the
// sum over all label sets when name has no braces.
func (n *node) metric(name string) float64 {
	n.t.Helper()
	_, text := n.get("/metrics")
	sum := 0.0
	for _, l := range lines(text) {
		sample, value, _ := strings.Cut(l, " ")
		if at := strings.LastIndexByte(l, ' '); at > 0 {
			sample, value = l[:at], l[at+1:]
		}
		if sample == name || !strings.Contains(name, "{") && strings.HasPrefix(sample, name+"{") {
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				sum += v
			}
		}
	}
	return sum
}

var client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}

// do makes a request; status 0 when nobody answers.
func do(t testing.TB, method, address string, header http.Header, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

// front is the public address of a group of nodes: what stands before them in a
// real house. A request that a node does not take goes to the next.
type front struct {
	server *httptest.Server
	mu     sync.Mutex
	nodes  []*url.URL
	turn   int
}

func newFront(t testing.TB) *front {
	f := &front{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.Host = r.In.Host }, Transport: f}
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug) // a node that is down is part of a test
	f.server = httptest.NewServer(proxy)
	t.Cleanup(f.server.Close)
	return f
}

func (f *front) set(t testing.TB, nodes ...*node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes = nil
	for _, n := range nodes {
		u, err := url.Parse(n.url)
		if err != nil {
			t.Fatal(err)
		}
		f.nodes = append(f.nodes, u)
	}
}

// RoundTrip implements http.RoundTripper.
func (f *front) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	var err error
	if r.Body != nil {
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	nodes := append([]*url.URL(nil), f.nodes...)
	f.turn++
	turn := f.turn
	f.mu.Unlock()
	err = fmt.Errorf("no node")
	for i := range nodes {
		n := nodes[(turn+i)%len(nodes)]
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host, out.Body = n.Scheme, n.Host, io.NopCloser(bytes.NewReader(body))
		var resp *http.Response
		if resp, err = client.Transport.RoundTrip(out); err == nil {
			return resp, nil
		}
	}
	return nil, err
}

// api is a client of the REST API.
type api struct {
	t     testing.TB
	url   string
	token string
}

// post must succeed with 201.
func (a api) post(path string, body any) {
	a.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	if code, text := a.send(path, string(b), ""); code != http.StatusCreated {
		a.t.Fatalf("POST %s: %d %s", path, code, text)
	}
}

func (a api) send(path, body, key string) (int, string) {
	h := http.Header{"Authorization": {"Bearer " + a.token}, "Content-Type": {"application/json"}}
	if key != "" {
		h["Idempotency-Key"] = []string{key}
	}
	return do(a.t, http.MethodPost, a.url+"/api/v1/"+path, h, body)
}

// item is one entry of a list; numbers are float64.
type item = map[string]any

// list gives the items of a list.
func (a api) list(what string, filter url.Values) []item {
	a.t.Helper()
	code, text := do(a.t, http.MethodGet, a.url+"/api/v1/"+what+"?"+filter.Encode(), http.Header{"Authorization": {"Bearer " + a.token}}, "")
	var page struct{ Items []item }
	if err := json.Unmarshal([]byte(text), &page); err != nil || code != http.StatusOK {
		a.t.Fatalf("GET %s: %d %s", what, code, text)
	}
	return page.Items
}

func (a api) order(what, order string) []item {
	a.t.Helper()
	return a.list(what, url.Values{"order": {order}})
}

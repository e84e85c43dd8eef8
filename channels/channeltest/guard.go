package channeltest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
)

// NoSecrets fails t when any usual way of printing one of values shows a secret,
// as it is or escaped for a URL. An error is followed through everything it
// wraps. The secret itself is not printed.
func NoSecrets(t testing.TB, secrets []string, values ...any) {
	t.Helper()
	for _, v := range values {
		if n, verb, leaks := leak(secrets, v); leaks {
			t.Errorf("secret %d shows in %s of %T", n, verb, v)
		}
		if err, ok := v.(error); ok {
			NoSecrets(t, secrets, wrapped(err)...)
		}
	}
}

func leak(secrets []string, v any) (n int, verb string, leaks bool) {
	for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
		if verb == "%#v" {
			if _, isError := v.(error); !isError {
				continue
			}
		}
		text := fmt.Sprintf(verb, v)
		for i, s := range secrets {
			if s == "" {
				continue
			}
			for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
				if strings.Contains(text, form) {
					return i, verb, true
				}
			}
		}
	}
	return 0, "", false
}

// wrapped gives what the error itself wraps, one level deep.
func wrapped(err any) []any {
	switch w := err.(type) {
	case interface{ Unwrap() error }:
		if inner := w.Unwrap(); inner != nil {
			return []any{inner}
		}
	case interface{ Unwrap() []error }:
		var all []any
		for _, inner := range w.Unwrap() {
			all = append(all, inner)
		}
		return all
	}
	return nil
}

// ErrLeftHost is what LocalDialer answers when asked for another host.
var ErrLeftHost = errors.New("a test tried to leave this host")

// LocalDialer dials loopback addresses and fails t on any other, names included
// (localhost excepted), before anything is looked up. It fits
// http.Transport.DialContext and the dial options of mail libraries.
func LocalDialer(t testing.TB) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, fmt.Errorf("reading address: %w", err)
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			t.Errorf("%v: %s", ErrLeftHost, addr)
			return nil, ErrLeftHost
		}
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
}

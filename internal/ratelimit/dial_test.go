package ratelimit_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"otklik/internal/ratelimit"
)

func TestDialForms(t *testing.T) {
	single := dial(t, "redis://otklik:word@cache:6380/3")
	if c, ok := single.(*redis.Client); !ok || c.Options().Addr != "cache:6380" || c.Options().DB != 3 || c.Options().Password != "word" {
		t.Errorf("single: %v", single)
	}
	sentinel := dial(t, "redis://s1:26379/0?master_name=main&addr=s2:26379")
	if c, ok := sentinel.(*redis.Client); !ok || c.Options().Addr != "FailoverClient" {
		t.Errorf("sentinel: %v", sentinel)
	}
	for _, url := range []string{"redis://n1:7000?addr=n2:7000", "redis://n1:7000?cluster=true&addr=n2:7000"} {
		c, ok := dial(t, url).(*redis.ClusterClient)
		if !ok {
			t.Errorf("%s is no cluster", url)
			continue
		}
		if d := cmp.Diff([]string{"n1:7000", "n2:7000"}, c.Options().Addrs); d != "" {
			t.Errorf("%s: nodes (-want +got):\n%s", url, d)
		}
	}
}

func TestDialRefuses(t *testing.T) {
	for _, url := range []string{
		"", "cache:6379", "http://cache", "redis://:hush@cache:port/0", "redis://:hush@cache/x?cluster=maybe",
		"redis://:hush@cache/0?nonsense=1", "redis://:hu#sh@cache", "redis://:hush@s1/x?master_name=m", "redis://:hush@n1?cluster=true&foo=1", "redis://:hush@n1/3?cluster=true",
	} {
		_, err := ratelimit.Dial(url)
		if err == nil {
			t.Errorf("%q: no error", url)
		} else if strings.Contains(err.Error(), "hu") {
			t.Errorf("%q: the password is in %q", url, err)
		}
	}
}

// A server that accepts and never answers must not hold a caller longer than
// the context's deadline says.
func TestDialObeysDeadline(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	cells := ratelimit.NewRedis(dial(t, "redis://"+l.Addr().String()), "")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err = ask(ctx, cells, time.Now(), ratelimit.Bucket{Key: "k", Limit: ratelimit.Rate(1, time.Second, 1)})
	if !errors.Is(err, ratelimit.ErrUnavailable) {
		t.Fatalf("error is %v", err)
	}
}

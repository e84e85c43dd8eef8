package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"otklik/internal/ratelimit"
	"otklik/internal/testserver"
)

// servers are the Redis implementations that the script must run on.
var servers = map[string]func(t *testing.T) string{
	"redis":     func(t *testing.T) string { return testserver.Redis(t) },
	"miniredis": func(t *testing.T) string { return "redis://" + miniredis.RunT(t).Addr() },
}

func dial(t *testing.T, url string) redis.UniversalClient {
	t.Helper()
	c, err := ratelimit.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestCells is the contract on every implementation.
func TestCells(t *testing.T) {
	all := map[string]func(t *testing.T) ratelimit.Cells{
		"memory": func(*testing.T) ratelimit.Cells { return ratelimit.NewMemory() },
	}
	for name, open := range servers {
		all[name] = func(t *testing.T) ratelimit.Cells { return ratelimit.NewRedis(dial(t, open(t)), "test:") }
	}
	for name, open := range all {
		t.Run(name, func(t *testing.T) { contract(t, open(t)) })
	}
}

// contract is what all cells promise.
func contract(t *testing.T, cells ratelimit.Cells) {
	hour := ratelimit.Limit{Period: time.Hour, Burst: 3}
	t.Run("burst, then wait", func(t *testing.T) {
		for i := range 5 {
			now := time.Now()
			v := take(t, cells, now, ratelimit.Bucket{Key: "burst", Limit: hour, Cost: 1})
			if v.OK != (i < 3) {
				t.Fatalf("take %d: %+v", i, v)
			}
			if wait := v.At.Sub(now); !v.OK && (v.Key != "burst" || wait > time.Hour || wait < 50*time.Minute) {
				t.Fatalf("take %d: free in %v: %+v", i, wait, v)
			}
		}
	})
	t.Run("all or nothing", func(t *testing.T) {
		now := time.Now()
		one := ratelimit.Limit{Period: time.Hour, Burst: 1}
		full := ratelimit.Bucket{Key: "full", Limit: one, Cost: 1}
		spent := ratelimit.Bucket{Key: "spent", Limit: one, Cost: 1}
		take(t, cells, now, spent)
		if v := take(t, cells, now, full, spent); v.OK || v.Key != "spent" {
			t.Fatalf("both: %+v", v)
		}
		if v := take(t, cells, now, full); !v.OK {
			t.Fatalf("the refused call took from the full bucket: %+v", v)
		}
	})
	t.Run("no limit", func(t *testing.T) {
		now := time.Now()
		for range 10 {
			if v := take(t, cells, now, ratelimit.Bucket{Key: "free"}); !v.OK || !v.At.Equal(now) {
				t.Fatalf("%+v", v)
			}
		}
	})
	t.Run("a key twice", func(t *testing.T) {
		b := ratelimit.Bucket{Key: "twice", Limit: hour}
		_, err := cells.Take(context.Background(), time.Now(), []ratelimit.Bucket{b, b})
		if err == nil || errors.Is(err, ratelimit.ErrUnavailable) {
			t.Fatalf("error is %v", err)
		}
	})
	t.Run("many at once", func(t *testing.T) { crowd(t, cells) })
}

// crowd has many goroutines ask for units that come back in a day.
func crowd(t *testing.T, cells ratelimit.Cells) {
	b := ratelimit.Bucket{Key: "crowd", Limit: ratelimit.Limit{Period: 24 * time.Hour, Burst: 40}, Cost: 2}
	var granted atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				v, err := cells.Take(context.Background(), time.Now(), []ratelimit.Bucket{b})
				if err != nil {
					t.Error(err)
				}
				if v.OK {
					granted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if granted.Load() != 20 {
		t.Errorf("granted %d times 2 of 40 units", granted.Load())
	}
}

func take(t *testing.T, c ratelimit.Cells, now time.Time, buckets ...ratelimit.Bucket) ratelimit.Verdict {
	t.Helper()
	v, err := c.Take(context.Background(), now, buckets)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Whatever the arrival times, limits and costs, Redis decides and keeps what
// Decide does at the server's time.
func TestRedisFollowsTheRule(t *testing.T) {
	for name, open := range servers {
		t.Run(name, func(t *testing.T) {
			c := dial(t, open(t))
			cells := ratelimit.NewRedis(c, "diff:")
			rapid.Check(t, func(t *rapid.T) { follow(t, c, cells) })
		})
	}
}

func follow(t *rapid.T, c redis.UniversalClient, cells *ratelimit.Redis) {
	ctx := context.Background()
	clock := c.Time(ctx).Val()
	tats, buckets, keys := draw(t, clock)
	for i, k := range keys {
		c.Del(ctx, k)
		if !tats[i].IsZero() {
			c.Set(ctx, k, tats[i].UnixMicro(), time.Hour)
		}
	}
	v, server, err := cells.TakeAt(ctx, buckets)
	if err != nil {
		t.Fatal(err)
	}
	if after := c.Time(ctx).Val(); server.Before(clock) || server.After(after) {
		t.Fatalf("the script's now is %v, the server's was %v to %v", server, clock, after)
	}
	want, next := ratelimit.Decide(tats, buckets, server)
	if d := cmp.Diff(want, v); d != "" {
		t.Fatalf("verdict (-rule +redis):\n%s", d)
	}
	for i, k := range keys {
		n, err := c.Get(ctx, k).Int64()
		switch {
		case errors.Is(err, redis.Nil):
			if next[i].After(server.Add(time.Second)) {
				t.Fatalf("key %d is gone; the rule keeps %v", i, next[i])
			}
		case err != nil:
			t.Fatal(err)
		case n != next[i].UnixMicro():
			t.Fatalf("key %d holds %d; the rule keeps %d", i, n, next[i].UnixMicro())
		}
		if ttl := c.PTTL(ctx, k).Val(); v.OK && ttl > next[i].Sub(server)+time.Millisecond {
			t.Fatalf("key %d lives %v, needed %v", i, ttl, next[i].Sub(server))
		}
	}
}

func draw(t *rapid.T, clock time.Time) (tats []time.Time, buckets []ratelimit.Bucket, keys []string) {
	for i := range rapid.IntRange(1, 5).Draw(t, "buckets") {
		b := ratelimit.Bucket{
			Key: fmt.Sprint(i),
			Limit: ratelimit.Limit{
				Period: time.Duration(rapid.Int64Range(1, int64(48*time.Hour)).Draw(t, "period")),
				Burst:  rapid.IntRange(0, 1000).Draw(t, "burst"),
			},
			Cost: rapid.IntRange(-1, 1200).Draw(t, "cost"),
		}
		tat := time.Time{}
		if ahead := rapid.Int64Range(-1e6, 1e12).Draw(t, "ahead"); rapid.Bool().Draw(t, "used") {
			tat = clock.Add(time.Duration(ahead) * time.Microsecond)
		}
		tats, buckets = append(tats, tat), append(buckets, b)
		keys = append(keys, "diff:{otklik}:rate:"+b.Key)
	}
	return tats, buckets, keys
}

// The extremes that random drawing rarely meets: spans beyond what a Lua number
// holds are bounded alike on both sides.
func TestRedisFollowsTheRuleAtTheEdge(t *testing.T) {
	c := dial(t, testserver.Redis(t))
	cells := ratelimit.NewRedis(c, "edge:")
	huge := ratelimit.Limit{Period: 1<<63 - 1, Burst: 1<<31 - 1}
	b := []ratelimit.Bucket{{Key: "huge", Limit: huge, Cost: 1<<31 - 1}}
	tats := []time.Time{{}}
	for range 3 {
		v, server, err := cells.TakeAt(context.Background(), b)
		if err != nil {
			t.Fatal(err)
		}
		var want ratelimit.Verdict
		want, tats = ratelimit.Decide(tats, b, server)
		if d := cmp.Diff(want, v); d != "" {
			t.Fatalf("verdict (-rule +redis):\n%s", d)
		}
	}
}

// Without Redis a call fails with ErrUnavailable; when it is back, and empty, the
// same cells go on.
func TestRedisAway(t *testing.T) {
	url, stop, start := testserver.PrivateRedis(t)
	cells := ratelimit.NewRedis(dial(t, url), "")
	b := ratelimit.Bucket{Key: "k", Limit: ratelimit.Limit{Period: time.Hour, Burst: 1}}
	take(t, cells, time.Now(), b)
	stop()
	if _, err := cells.Take(context.Background(), time.Now(), []ratelimit.Bucket{b}); !errors.Is(err, ratelimit.ErrUnavailable) {
		t.Fatalf("server stopped: %v", err)
	}
	start()
	var v ratelimit.Verdict
	testserver.Wait(t, "the cells answer again", func() bool {
		var err error
		v, err = cells.Take(context.Background(), time.Now(), []ratelimit.Bucket{b})
		return err == nil
	})
	if !v.OK {
		t.Fatalf("a server that forgot refuses: %+v", v)
	}
}

// A server that answers with an error cannot be asked either.
func TestRedisRefuses(t *testing.T) {
	server := miniredis.RunT(t)
	cells := ratelimit.NewRedis(dial(t, "redis://"+server.Addr()), "")
	server.SetError("LOADING Redis is loading the dataset in memory")
	b := ratelimit.Bucket{Key: "k", Limit: ratelimit.Rate(1, time.Second, 1)}
	if _, err := cells.Take(context.Background(), time.Now(), []ratelimit.Bucket{b}); !errors.Is(err, ratelimit.ErrUnavailable) {
		t.Fatalf("error is %v", err)
	}
}

// Memory must not grow with the number of addresses ever written to.
func TestMemoryForgets(t *testing.T) {
	m := ratelimit.NewMemory()
	b := ratelimit.Bucket{Limit: ratelimit.Limit{Period: time.Second, Burst: 1}}
	for i := range 100_000 {
		b.Key = fmt.Sprint(i)
		take(t, m, noon.Add(time.Duration(i)*time.Millisecond), b)
	}
	if n := m.Len(); n > 5000 {
		t.Errorf("%d buckets are kept; about 1000 of them are not full", n)
	}
}

package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
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
	c, err := ratelimit.DialForLong(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// trusted are cells that have lost nothing, though their server is empty.
func trusted(t *testing.T, r *ratelimit.Redis) *ratelimit.Redis {
	t.Helper()
	if err := r.Trust(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCells is the contract on every implementation.
func TestCells(t *testing.T) {
	all := map[string]func(t *testing.T) ratelimit.Cells{
		"memory": func(*testing.T) ratelimit.Cells { return ratelimit.NewMemory() },
	}
	for name, open := range servers {
		all[name] = func(t *testing.T) ratelimit.Cells { return trusted(t, ratelimit.NewRedis(dial(t, open(t)), "test:")) }
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
			if wait := v.At.Sub(now); !v.OK && (v.Key != "burst" || wait > time.Hour+time.Since(now) || wait < 50*time.Minute) {
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
		_, err := ask(context.Background(), cells, time.Now(), b, b)
		if err == nil || errors.Is(err, ratelimit.ErrUnavailable) {
			t.Fatalf("error is %v", err)
		}
	})
	t.Run("a run of moments", func(t *testing.T) { run(t, cells) })
	t.Run("nobody else is held up", func(t *testing.T) {
		now := time.Now()
		slow := ratelimit.Demand{{Scope: "busy:", Key: "slow", Limit: ratelimit.Rate(1, time.Hour, 1)}, {Scope: "busy:", Key: "shared", Limit: hour}}
		fast := ratelimit.Demand{{Scope: "busy:", Key: "fast", Limit: hour}, slow[1]}
		got, err := cells.Reserve(t.Context(), now, []ratelimit.Demand{slow, slow, fast, {}, fast}, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if !got[0].OK || got[1].OK || got[1].Key != "busy:slow" || !got[2].OK || !got[3].OK || !got[4].OK {
			t.Fatalf("%+v", got)
		}
	})
	t.Run("many at once", func(t *testing.T) { crowd(t, cells) })
}

// run reserves ahead and then finds the bucket spent.
func run(t *testing.T, cells ratelimit.Cells) {
	b := ratelimit.Bucket{Key: "run", Limit: ratelimit.Rate(10, time.Second, 2), Cost: 1}
	long := b
	long.Cost = 200
	demands := slices.Concat(slices.Repeat([]ratelimit.Demand{{b}}, 10), []ratelimit.Demand{{long}, {b}, {b}})
	now := time.Now()
	got, err := cells.Reserve(t.Context(), now, demands, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	// Two at once, then one each 100 ms, and a long one at the end of the second,
	// which has to be paid for.
	want := []int64{0, 0, 100, 200, 300, 400, 500, 600, 700, 800, 1000, 20900, 20900}
	for i, s := range got {
		if s.OK != (i < 11) || s.At.Before(now) {
			t.Fatalf("slot %d: %+v, asked at %v", i, s, now)
		}
		if gap := s.At.Sub(got[0].At); gap.Microseconds() != 1000*want[i] {
			t.Fatalf("slot %d is %v after the first, want %d ms", i, gap, want[i])
		}
	}
	if v := take(t, cells, time.Now(), b); v.OK || v.Key != "run" {
		t.Fatalf("after a run: %+v", v)
	}
}

// crowd has many goroutines ask for units that come back in a day.
func crowd(t *testing.T, cells ratelimit.Cells) {
	b := ratelimit.Bucket{Key: "crowd", Limit: ratelimit.Limit{Period: 24 * time.Hour, Burst: 40}, Cost: 2}
	var granted atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				v, err := ask(context.Background(), cells, time.Now(), b)
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

func take(t *testing.T, c ratelimit.Cells, now time.Time, buckets ...ratelimit.Bucket) ratelimit.Slot {
	t.Helper()
	v, err := ask(context.Background(), c, now, buckets...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// ask is for one message that leaves now or not.
func ask(ctx context.Context, c ratelimit.Cells, now time.Time, buckets ...ratelimit.Bucket) (ratelimit.Slot, error) {
	slots, err := c.Reserve(ctx, now, []ratelimit.Demand{buckets}, 0)
	if err != nil {
		return ratelimit.Slot{}, err
	}
	return slots[0], nil
}

// Whatever the arrival times, limits, costs, horizons and marks, Redis decides and
// keeps what the rule does at the server's time.
func TestRedisFollowsTheRule(t *testing.T) {
	for name, open := range servers {
		t.Run(name, func(t *testing.T) {
			c := dial(t, open(t))
			cells := trusted(t, ratelimit.NewRedis(c, "diff:"))
			_, history := marked(t, c, "diff:")
			rapid.Check(t, func(t *rapid.T) { follow(t, c, cells, history) })
		})
	}
}

// marked is what the mark says.
func marked(t rapid.TB, c redis.UniversalClient, prefix string) (since time.Time, history string) {
	t.Helper()
	mark, err := c.Get(context.Background(), prefix+"{otklik}:since").Result()
	if err != nil {
		t.Fatal(err)
	}
	number, history, _ := strings.Cut(mark, " ")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMicro(n).UTC(), history
}

func follow(t *rapid.T, c redis.UniversalClient, cells *ratelimit.Redis, history string) {
	ctx := context.Background()
	clock := c.Time(ctx).Val()
	c.FlushDB(ctx)
	buckets, tats := draw(t, clock)
	key := func(name string) string { return "diff:{otklik}:rate:" + name }
	for k, tat := range tats {
		c.Set(ctx, key(k), tat.UnixMicro(), time.Hour)
	}
	whole := clock.Add(time.Duration(rapid.OneOf(rapid.Int64Range(-7e7, 2e6), rapid.Int64Range(-1e12, 1e12)).Draw(t, "since")) * time.Microsecond)
	mark := rapid.SampledFrom([]string{history, history, history, "another", "none"}).Draw(t, "history")
	if mark != "none" {
		c.Set(ctx, "diff:{otklik}:since", fmt.Sprint(whole.UnixMicro(), " ", mark), 0)
	}
	var demands []ratelimit.Demand
	for range rapid.IntRange(1, 20).Draw(t, "demands") {
		d := ratelimit.Demand(rapid.SliceOfNDistinct(rapid.SampledFrom(buckets), 0, len(buckets), func(b ratelimit.Bucket) string { return b.Key }).Draw(t, "buckets"))
		for i := range d {
			d[i].Cost = rapid.IntRange(-1, 300).Draw(t, "cost")
		}
		demands = append(demands, d)
	}
	horizon := time.Duration(rapid.Int64Range(-1, int64(2*time.Second)).Draw(t, "horizon"))
	got, server, err := cells.ReserveAt(ctx, demands, horizon)
	if err != nil {
		t.Fatal(err)
	}
	if all := slices.Concat(demands...); len(all) == 0 {
		return // nothing to ask for
	}
	if after := c.Time(ctx).Val(); server.Before(clock) || server.After(after) {
		t.Fatalf("the script's now is %v, the server's was %v to %v", server, clock, after)
	}
	if mark != history || whole.After(server) {
		whole = server
	}
	if since, of := marked(t, c, "diff:"); !since.Equal(whole) || of != history {
		t.Fatalf("marked %v of %q, want %v of %q", since, of, whole, history)
	}
	before := maps.Clone(tats)
	want, err := ratelimit.RuleSince(whole, tats, demands, server, horizon)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("slots (-rule +redis):\n%s", d)
	}
	for k, tat := range tats {
		n, err := c.Get(ctx, key(k)).Int64()
		switch {
		case errors.Is(err, redis.Nil):
			if now := c.Time(ctx).Val(); tat.After(now.Add(time.Second)) {
				t.Fatalf("key %s is gone at %v; the rule keeps %v", k, now, tat)
			}
		case err != nil:
			t.Fatal(err)
		case n != tat.UnixMicro():
			t.Fatalf("key %s holds %d; the rule keeps %d", k, n, tat.UnixMicro())
		}
		// Redis tells the rest of a life in whole milliseconds, from a now that may
		// be one before the script's.
		if ttl := c.PTTL(ctx, key(k)).Val(); !tat.Equal(before[k]) && ttl > tat.Sub(server)+2*time.Millisecond {
			t.Fatalf("key %s lives %v, needed %v", k, ttl, tat.Sub(server))
		}
	}
	for k, tat := range tats {
		// Gone before its time, a bucket would be full too early.
		if gone, err := c.PExpireTime(ctx, key(k)).Result(); err == nil && gone > 0 && !tat.Equal(before[k]) && gone < time.Duration(tat.UnixNano()) {
			t.Fatalf("key %s goes %v before it may", k, time.Duration(tat.UnixNano())-gone)
		}
	}
	if n := c.DBSize(ctx).Val(); int(n) > len(tats)+1 {
		t.Fatalf("%d keys are kept; the rule keeps %d, and there is the mark", n, len(tats))
	}
}

// draw makes some limits and arrival times of their buckets.
func draw(t *rapid.T, clock time.Time) (buckets []ratelimit.Bucket, tats map[string]time.Time) {
	tats = map[string]time.Time{}
	period := rapid.OneOf(rapid.Int64Range(1, int64(time.Second)), rapid.Int64Range(1, int64(48*time.Hour)))
	ahead := rapid.OneOf(rapid.Int64Range(-1e6, 2e6), rapid.Int64Range(-1e6, 1e12))
	for i := range rapid.IntRange(1, 5).Draw(t, "limits") {
		b := ratelimit.Bucket{Scope: "limit:", Key: fmt.Sprint(i), Limit: ratelimit.Limit{
			Period: time.Duration(period.Draw(t, "period")),
			Burst:  rapid.IntRange(0, 1000).Draw(t, "burst"),
		}}
		if rapid.Bool().Draw(t, "used") {
			tats[b.Scope+b.Key] = clock.Add(time.Duration(ahead.Draw(t, "ahead")) * time.Microsecond)
		}
		buckets = append(buckets, b)
	}
	return buckets, tats
}

// The extremes that random drawing rarely meets: spans beyond what a Lua number
// holds are bounded alike on both sides, and the most that one call may ask fits.
func TestRedisFollowsTheRuleAtTheEdge(t *testing.T) {
	c := dial(t, testserver.Redis(t))
	cells := ratelimit.NewRedis(c, "edge:")
	var huge, wide []ratelimit.Demand
	huge = append(huge, ratelimit.Demand{{Key: "huge", Limit: ratelimit.Limit{Period: 1<<63 - 1, Burst: 1<<31 - 1}, Cost: 1<<31 - 1}})
	for i := range ratelimit.MaxDemands {
		var d ratelimit.Demand
		for j := range ratelimit.MaxBuckets {
			d = append(d, ratelimit.Bucket{Key: fmt.Sprint("wide ", i, j), Limit: ratelimit.Rate(1, time.Hour, 1), Cost: 1 + i})
		}
		wide = append(wide, d)
	}
	for _, demands := range [][]ratelimit.Demand{huge, wide} {
		tats := map[string]time.Time{}
		for range 3 {
			got, server, err := cells.ReserveAt(context.Background(), demands, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			since, _ := marked(t, c, "edge:")
			want, err := ratelimit.RuleSince(since, tats, demands, server, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("slots (-rule +redis):\n%s", d)
			}
		}
	}
}

// Without Redis a call fails with ErrUnavailable, as long as it is away and no
// longer, however often it was asked and whatever connections there were; when it is
// back, it has forgotten.
func TestRedisAway(t *testing.T) {
	url, stop, start := testserver.PrivateRedis(t)
	cells := ratelimit.NewRedis(dial(t, url), "")
	bucket := func(key string) []ratelimit.Bucket {
		return []ratelimit.Bucket{{Key: key, Limit: ratelimit.Limit{Period: time.Hour, Burst: 1}}}
	}
	many := func(key string, ask func(key string)) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 10 {
					ask(fmt.Sprint(key, i, j))
				}
			})
		}
		wg.Wait()
	}
	granted := func(key string) {
		v, err := ask(context.Background(), cells, time.Now(), bucket(key)...)
		if err != nil || !v.OK {
			t.Errorf("%s: %+v, %v", key, v, err)
		}
	}
	for range 2 { // stopping twice: what one absence left must not show in the next
		trusted(t, cells)
		many("up", granted)
		stop()
		many("away", func(key string) {
			if _, err := ask(context.Background(), cells, time.Now(), bucket(key)...); !errors.Is(err, ratelimit.ErrUnavailable) {
				t.Errorf("server stopped: %v", err)
			}
		})
		start()
	}
	trusted(t, cells)
	many("up", granted)
}

// A slot is never earlier than the server meant, by what the question took to get
// there: it would leave too close behind what others were granted.
func TestRedisSlotsAreNotEarly(t *testing.T) {
	c := dial(t, testserver.Redis(t))
	cells := trusted(t, ratelimit.NewRedis(c, ""))
	limit := ratelimit.Limit{Period: time.Hour, Burst: 1}
	const calls = 200
	fine := 0
	for i := range calls {
		k := fmt.Sprint(i)
		v := take(t, cells, time.Now(), ratelimit.Bucket{Key: k, Limit: limit})
		tat, err := c.Get(t.Context(), "{otklik}:rate:"+k).Int64()
		if err != nil {
			t.Fatal(err)
		}
		if !v.At.Before(time.UnixMicro(tat).Add(-limit.Period)) {
			fine++
		}
	}
	// This thread may be put aside between its now and the question.
	if fine < calls*3/4 {
		t.Errorf("%d of %d slots are earlier than their server said", calls-fine, calls)
	}
}

// A server that answers with an error cannot be asked either.
func TestRedisRefuses(t *testing.T) {
	server := miniredis.RunT(t)
	cells := ratelimit.NewRedis(dial(t, "redis://"+server.Addr()), "")
	server.SetError("LOADING Redis is loading the dataset in memory")
	b := ratelimit.Bucket{Key: "k", Limit: ratelimit.Rate(1, time.Second, 1)}
	if _, err := ask(context.Background(), cells, time.Now(), b); !errors.Is(err, ratelimit.ErrUnavailable) {
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

package conversation_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"otklik/internal/conversation"
	"otklik/internal/testserver"
)

var (
	ctx  = context.Background()
	noon = time.Date(2027, 3, 8, 12, 0, 0, 123456789, time.UTC)
	ivan = conversation.Key{DealerID: "d1", Channel: "sms", Address: "+79990000001"}
)

func at(id string, version int64) conversation.Position {
	return conversation.Position{
		ConversationID: id, ContactID: "c1", OutreachID: "o1", Version: version,
		Survey: "service", Question: "overall", At: noon,
	}
}

func client(t *testing.T, url string) redis.UniversalClient {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	// Once, as ratelimit.Dial's, and with the time that a loaded machine may take.
	o.MaxRetries, o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = -1, time.Minute, time.Minute, time.Minute, time.Minute
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestCopies is the contract on every implementation.
func TestCopies(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) conversation.Copies{
		"memory": func(*testing.T) conversation.Copies { return conversation.NewMemory(time.Now) },
		"redis": func(t *testing.T) conversation.Copies {
			return conversation.NewRedis(client(t, testserver.Redis(t)), "test:")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Run("keeps what was put", func(t *testing.T) { keeps(t, open(t)) })
			t.Run("keeps the newer", func(t *testing.T) { keepsNewer(t, open(t)) })
			t.Run("drops", func(t *testing.T) { drops(t, open(t)) })
			t.Run("locks", func(t *testing.T) { locks(t, open(t)) })
			t.Run("lock ends", func(t *testing.T) { lockEnds(t, open(t)) })
			t.Run("one of a crowd", func(t *testing.T) { crowd(t, open(t)) })
		})
	}
}

func keeps(t *testing.T, c conversation.Copies) {
	expect(t, c, ivan, nil)
	p := at("a", 1)
	put(t, c, ivan, p)
	p.At = p.At.Truncate(time.Microsecond)
	expect(t, c, ivan, &p)
	for _, other := range []conversation.Key{
		{DealerID: "d2", Channel: "sms", Address: ivan.Address},
		{DealerID: "d1", Channel: "telegram", Address: ivan.Address},
		{DealerID: "d1", Channel: "sms", Address: "+79990000002"},
	} {
		expect(t, c, other, nil)
	}
}

func keepsNewer(t *testing.T, c conversation.Copies) {
	later := at("b", 1)
	later.At = noon.Add(time.Minute)
	for _, step := range []struct {
		what string
		put  conversation.Position
		kept bool
	}{
		{"the first", at("a", 5), true},
		{"an older version", at("a", 4), false},
		{"the same version", at("a", 5), true},
		{"a newer version", at("a", 6), true},
		{"a later conversation", later, true},
		{"the earlier conversation again", at("a", 7), false},
	} {
		step.put.Question = step.what
		put(t, c, ivan, step.put)
		got, _, err := c.Get(ctx, ivan)
		if err != nil {
			t.Fatal(err)
		}
		if (got.Question == step.what) != step.kept {
			t.Fatalf("%s: %+v is kept", step.what, got)
		}
	}
}

func drops(t *testing.T, c conversation.Copies) {
	drop(t, c, ivan, 9)
	put(t, c, ivan, at("a", 3))
	drop(t, c, ivan, 2)
	if _, ok, _ := c.Get(ctx, ivan); !ok {
		t.Fatal("dropped by an older version")
	}
	drop(t, c, ivan, 4)
	expect(t, c, ivan, nil)
	put(t, c, ivan, at("a", 4))
	expect(t, c, ivan, nil)
	put(t, c, ivan, at("a", 5))
	if _, ok, _ := c.Get(ctx, ivan); !ok {
		t.Fatal("a version after the dropped one is not kept")
	}
	drop(t, c, ivan, 5)
	earlier := at("b", 1)
	earlier.At = noon.Add(-time.Hour)
	put(t, c, ivan, earlier)
	if _, ok, _ := c.Get(ctx, ivan); !ok {
		t.Fatal("a drop keeps another conversation out")
	}
}

func locks(t *testing.T, c conversation.Copies) {
	unlock := lock(t, c, "c1", true)
	lock(t, c, "c1", false)()
	lock(t, c, "c1", false)
	lock(t, c, "c2", true)
	unlock()
	again := lock(t, c, "c1", true)
	unlock()
	lock(t, c, "c1", false)
	again()
	lock(t, c, "c1", true)
}

func lockEnds(t *testing.T, c conversation.Copies) {
	first, ok, err := c.Lock(ctx, "c1", 30*time.Millisecond)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	testserver.Wait(t, "the lock ends by itself", func() bool {
		_, ok, err := c.Lock(ctx, "c1", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	})
	first()
	lock(t, c, "c1", false)
}

func crowd(t *testing.T, c conversation.Copies) {
	var held, most atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				unlock, ok, err := c.Lock(ctx, "c1", time.Minute)
				if err != nil {
					t.Error(err)
				}
				if ok {
					if n := held.Add(1); n > most.Load() {
						most.Store(n)
					}
					held.Add(-1)
				}
				unlock()
			}
		})
	}
	wg.Wait()
	if most.Load() != 1 {
		t.Errorf("%d held the lock at once", most.Load())
	}
}

// Whatever is done in whatever order, both implementations know the same.
func TestRedisKnowsWhatMemoryKnows(t *testing.T) {
	c := client(t, testserver.Redis(t))
	rapid.Check(t, func(t *rapid.T) {
		c.FlushDB(ctx)
		memory, shared := conversation.NewMemory(time.Now), conversation.NewRedis(c, "")
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			version := rapid.Int64Range(0, 6).Draw(t, "version")
			if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
				_ = memory.Drop(ctx, ivan, version)
				if err := shared.Drop(ctx, ivan, version); err != nil {
					t.Fatal(err)
				}
			} else {
				p := at(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "conversation"), version)
				p.At = noon.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "minute")) * time.Minute)
				_ = memory.Put(ctx, ivan, p)
				if err := shared.Put(ctx, ivan, p); err != nil {
					t.Fatal(err)
				}
			}
			want, wantOK, _ := memory.Get(ctx, ivan)
			got, gotOK, err := shared.Get(ctx, ivan)
			if err != nil || wantOK != gotOK || want != got {
				t.Fatalf("memory knows %v %+v\nredis knows %v %+v, %v", wantOK, want, gotOK, got, err)
			}
		}
	})
}

// Losing Redis in the middle is told as such, and what comes back is empty, never
// old.
func TestRedisLost(t *testing.T) {
	url, stop, start := testserver.PrivateRedis(t)
	c := conversation.NewRedis(client(t, url), "")
	put(t, c, ivan, at("a", 1))
	unlock := lock(t, c, "c1", true)
	stop()
	_, ok, err := c.Get(ctx, ivan)
	if !errors.Is(err, conversation.ErrUnavailable) || ok {
		t.Errorf("get: %v, %v", ok, err)
	}
	if err := c.Put(ctx, ivan, at("a", 2)); !errors.Is(err, conversation.ErrUnavailable) {
		t.Errorf("put: %v", err)
	}
	if err := c.Drop(ctx, ivan, 2); !errors.Is(err, conversation.ErrUnavailable) {
		t.Errorf("drop: %v", err)
	}
	if none, ok, err := c.Lock(ctx, "c2", time.Minute); !errors.Is(err, conversation.ErrUnavailable) || ok {
		t.Errorf("lock: %v, %v", ok, err)
	} else {
		none()
	}
	unlock()
	start()
	testserver.Wait(t, "the copies answer again", func() bool {
		_, ok, err = c.Get(ctx, ivan)
		return err == nil
	})
	if ok {
		t.Error("a lost copy is back")
	}
	put(t, c, ivan, at("a", 2))
	lock(t, c, "c1", true)
}

// A copy that cannot be read is reloaded, not an error: nodes of two versions run
// side by side.
func TestRedisUnreadable(t *testing.T) {
	raw := client(t, testserver.Redis(t))
	c := conversation.NewRedis(raw, "")
	put(t, c, ivan, at("a", 1))
	key := raw.Keys(ctx, "*").Val()[0]
	for _, text := range []string{"", "null", "{}", "[1", `{"version":"new"}`} {
		raw.HSet(ctx, key, "p", text)
		expect(t, c, ivan, nil)
	}
	put(t, c, ivan, at("a", 2))
	if _, ok, _ := c.Get(ctx, ivan); !ok {
		t.Error("an unreadable copy is not replaced")
	}
}

// Neither an address nor a contact may be readable in what Redis shows of keys,
// and nothing may stay for ever.
func TestRedisKeys(t *testing.T) {
	raw := client(t, testserver.Redis(t))
	c := conversation.NewRedis(raw, "one:")
	put(t, c, ivan, at("a", 1))
	lock(t, c, "c1", true)
	keys := raw.Keys(ctx, "*").Val()
	if len(keys) != 2 {
		t.Fatalf("keys: %q", keys)
	}
	for _, k := range keys {
		if ttl := raw.PTTL(ctx, k).Val(); ttl <= 0 || ttl > 72*time.Hour {
			t.Errorf("%s lives %v", k, ttl)
		}
	}
	if other := raw.Keys(ctx, "*9990000001*").Val(); len(other) != 0 {
		t.Errorf("the address is in %q", other)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := conversation.NewMemory(time.Now)
	for i := range 60_000 {
		put(t, m, conversation.Key{Address: time.Duration(i).String()}, at("a", 1))
	}
	if n := m.Len(); n != 50_000 {
		t.Errorf("%d copies are kept", n)
	}
}

func put(t *testing.T, c conversation.Copies, k conversation.Key, p conversation.Position) {
	t.Helper()
	if err := c.Put(ctx, k, p); err != nil {
		t.Fatal(err)
	}
}

func drop(t *testing.T, c conversation.Copies, k conversation.Key, version int64) {
	t.Helper()
	if err := c.Drop(ctx, k, version); err != nil {
		t.Fatal(err)
	}
}

func lock(t *testing.T, c conversation.Copies, contact string, want bool) func() {
	t.Helper()
	unlock, ok, err := c.Lock(ctx, contact, time.Minute)
	if err != nil || ok != want {
		t.Fatalf("lock on %s: %v, %v; want %v", contact, ok, err, want)
	}
	return unlock
}

func expect(t *testing.T, c conversation.Copies, k conversation.Key, want *conversation.Position) {
	t.Helper()
	got, ok, err := c.Get(ctx, k)
	if err != nil {
		t.Fatal(err)
	}
	if ok != (want != nil) {
		t.Fatalf("%v: found %v: %+v", k, ok, got)
	}
	if want != nil {
		if d := cmp.Diff(*want, got); d != "" {
			t.Fatalf("%v (-want +got):\n%s", k, d)
		}
	}
}

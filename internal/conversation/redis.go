package conversation

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// kept is how long a copy outlives its last change. A survey that rests
	// longer is reloaded once.
	kept = 72 * time.Hour
	// remembered is how long a drop keeps late writers out. They are at most one
	// transaction late.
	remembered = 10 * time.Minute
	// unlockPatience bounds a release, which no caller's context bounds: it has to
	// happen when the caller's request has ended too.
	unlockPatience = time.Second
)

var (
	//go:embed put.lua
	putSource string
	//go:embed drop.lua
	dropSource string
)

const unlockSource = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`

// Redis keeps copies on a server that all nodes share. Keys are digests, since
// Redis shows keys in its own logs and an address is personal data.
type Redis struct {
	client            redis.UniversalClient
	prefix            string
	put, drop, unlock *redis.Script
}

// NewRedis returns copies on the server of c, which is set up not to stall
// (ratelimit.Dial). prefix keeps installations on one server apart and contains
// no braces.
func NewRedis(c redis.UniversalClient, prefix string) *Redis {
	return &Redis{
		client: c, prefix: prefix + "{otklik}:",
		put: redis.NewScript(putSource), drop: redis.NewScript(dropSource), unlock: redis.NewScript(unlockSource),
	}
}

// Get implements Copies. A copy that another version of the program wrote and
// this one cannot read counts as missing.
func (r *Redis) Get(ctx context.Context, key Key) (Position, bool, error) {
	text, err := r.client.HGet(ctx, r.position(key), "p").Result()
	if errors.Is(err, redis.Nil) {
		return Position{}, false, nil
	}
	if err != nil {
		return Position{}, false, unavailable("reading a position", err)
	}
	p, ok := readable(text)
	return p, ok, nil
}

func readable(text string) (Position, bool) {
	var p Position
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.ConversationID == "" {
		return Position{}, false
	}
	return p, true
}

// Put implements Copies.
func (r *Redis) Put(ctx context.Context, key Key, p Position) error {
	p = p.exact()
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("writing a position: %w", err)
	}
	err = r.put.Run(ctx, r.client, []string{r.position(key)},
		p.ConversationID, p.Version, p.At.UnixMicro(), text, kept.Milliseconds()).Err()
	return unavailable("writing a position", err)
}

// Drop implements Copies.
func (r *Redis) Drop(ctx context.Context, key Key, version int64) error {
	err := r.drop.Run(ctx, r.client, []string{r.position(key)}, version, remembered.Milliseconds()).Err()
	return unavailable("dropping a position", err)
}

// Lock implements Copies. ttl is measured by the server, to the millisecond.
func (r *Redis) Lock(ctx context.Context, contactID string, ttl time.Duration) (func(), bool, error) {
	key, mine := r.prefix+"lock:"+contactID, rand.Text()
	_, err := r.client.SetArgs(ctx, key, mine, redis.SetArgs{Mode: "NX", TTL: max(ttl, time.Millisecond)}).Result()
	if errors.Is(err, redis.Nil) {
		return func() {}, false, nil
	}
	if err != nil {
		return func() {}, false, unavailable("locking a contact", err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockPatience)
		defer cancel()
		// A release that fails is made up for by the lock's own end.
		_ = r.unlock.Run(ctx, r.client, []string{key}, mine).Err()
	}, true, nil
}

func (r *Redis) position(k Key) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", k.DealerID, k.Channel, k.Address))
	return r.prefix + "position:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

func unavailable(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %w", doing, ErrUnavailable, err)
}

package ratelimit

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed take.lua
var takeSource string

// Redis keeps buckets on a Redis server that all nodes share. One script takes
// all buckets of a call; the clock is the server's, so that nodes whose clocks
// differ still share one limit. A lost or flushed server means full buckets.
type Redis struct {
	client redis.UniversalClient
	prefix string
	take   *redis.Script
}

// NewRedis returns cells on the server of c, which Dial has set up not to stall.
// prefix keeps several installations on one server apart and contains no braces:
// all keys carry the hash tag {otklik}, so that in a cluster one script may touch
// them together.
func NewRedis(c redis.UniversalClient, prefix string) *Redis {
	return &Redis{client: c, prefix: prefix + "{otklik}:rate:", take: redis.NewScript(takeSource)}
}

// Take implements Cells. Any failure to ask is ErrUnavailable with its cause.
// The call is made once: a reply that is lost loses the units that it granted.
func (r *Redis) Take(ctx context.Context, now time.Time, buckets []Bucket) (Verdict, error) {
	buckets, err := limited(buckets)
	if err != nil {
		return Verdict{}, err
	}
	if len(buckets) == 0 {
		return Verdict{OK: true, At: now}, nil
	}
	a, err := r.ask(ctx, buckets)
	if err != nil {
		return Verdict{}, err
	}
	if a.by == 0 {
		return Verdict{OK: true, At: now}, nil
	}
	wait := time.Duration(a.at-a.now) * time.Microsecond
	return Verdict{At: now.Add(wait), Key: buckets[a.by-1].Key}, nil
}

// answer is what the script returns: the bucket that is free last, counted from
// one, zero when all units were taken; when it is free; the server's now. Times
// are Unix microseconds.
type answer struct{ by, at, now int64 }

func (r *Redis) ask(ctx context.Context, buckets []Bucket) (answer, error) {
	keys := make([]string, len(buckets))
	args := make([]any, 0, 2*len(buckets))
	for i, b := range buckets {
		keys[i] = r.prefix + b.Key
		take, span := b.spans()
		args = append(args, take, span)
	}
	reply, err := r.take.Run(ctx, r.client, keys, args...).Int64Slice()
	if err != nil {
		return answer{}, fmt.Errorf("taking units: %w: %w", ErrUnavailable, err)
	}
	if len(reply) != 3 || reply[0] < 0 || reply[0] > int64(len(buckets)) {
		return answer{}, fmt.Errorf("taking units: %w: unexpected reply %v", ErrUnavailable, reply)
	}
	return answer{by: reply[0], at: reply[1], now: reply[2]}, nil
}

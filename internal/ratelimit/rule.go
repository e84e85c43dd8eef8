// Package ratelimit decides when a unit of sending may go.
//
// It owns one pure rule, GCRA over several buckets taken together (Decide), and
// the two cells that keep its numbers: in the process (Memory) and in Redis
// (Redis), where one script applies the same rule to all keys at once. It never
// sleeps, queues or knows what a unit is: the dispatcher says which buckets a
// message falls into (its sender in segments, its domain, its dealer, all) and
// comes back at the moment that the verdict names.
//
// All arithmetic is in whole microseconds, because that is what the script can
// do exactly; periods are rounded up, so that rounding never exceeds a limit.
package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrUnavailable says that the cells could not be asked. Nothing is known to be
// taken; at worst, units were taken that nobody will use.
var ErrUnavailable = errors.New("rate cells are unavailable")

// Limit is one unit per Period on average, and at most Burst units at once after
// a pause. A Period of zero or less is no limit. A Burst below one counts as one.
type Limit struct {
	Period time.Duration
	Burst  int
}

// Rate is the limit of n units in any window of length per, when burst is one;
// a larger burst adds burst-1 units to the worst window. n below one is treated
// as one.
func Rate(n int, per time.Duration, burst int) Limit {
	units := time.Duration(max(n, 1))
	return Limit{Period: (per + units - 1) / units, Burst: burst}
}

// Bucket is a demand for Cost units of the limit that is kept under Key. A Cost
// below one counts as one. A Cost above the burst is granted when the bucket is
// full and paid for afterwards, so that a long message is late, never stuck.
type Bucket struct {
	Key   string
	Limit Limit
	Cost  int
}

// Verdict says whether all the units were taken. At is when to ask again: now
// when OK. Key names the bucket that is free last, empty when OK.
type Verdict struct {
	OK  bool
	At  time.Time
	Key string
}

// Cells keep the state of buckets and apply Decide to it, atomically over all
// buckets of a call. Memory goes by the now that is passed in; Redis goes by its
// server's clock and returns At moved onto the caller's. Times are machine time.
// Naming a key twice in one call is an error. Safe for concurrent use.
type Cells interface {
	Take(ctx context.Context, now time.Time, buckets []Bucket) (Verdict, error)
}

// longest bounds every span, so that a sum of two and a Unix time in
// microseconds stays below 2^53, the last integer that a Lua number holds.
const longest = int64(1) << 51

// Decide takes the units of all buckets or of none. tats holds each bucket's
// theoretical arrival time, the zero time for one that was never used, in the
// order of buckets; the second result is what to keep instead.
//
// A bucket admits when its arrival time, moved on by the cost, lies no further
// ahead of now than the burst spans (ITU-T I.371, virtual scheduling).
func Decide(tats []time.Time, buckets []Bucket, now time.Time) (Verdict, []time.Time) {
	at := now.UnixMicro()
	free, key := at, ""
	next := slices.Clone(tats)
	for i, b := range buckets {
		take, span := b.spans()
		if take == 0 {
			continue
		}
		tat := max(tats[i].UnixMicro(), at) + take
		if tat-span > free {
			free, key = tat-span, b.Key
		}
		next[i] = time.UnixMicro(tat).UTC()
	}
	if key != "" {
		return Verdict{At: time.UnixMicro(free).UTC(), Key: key}, slices.Clone(tats)
	}
	return Verdict{OK: true, At: now}, next
}

// spans gives, in microseconds, how far the cost moves the arrival time and how
// far ahead of now that may lie; 0, 0 for no limit.
func (b Bucket) spans() (take, span int64) {
	if b.Limit.Period <= 0 {
		return 0, 0
	}
	period := int64((b.Limit.Period-1)/time.Microsecond) + 1
	cost := int64(max(b.Cost, 1))
	return times(period, cost), times(period, max(int64(b.Limit.Burst), cost))
}

func times(period, units int64) int64 {
	if period > longest/units {
		return longest
	}
	return period * units
}

// limited drops buckets without a limit and refuses a key that is named twice:
// both demands would be weighed against the same state and one be forgotten.
func limited(buckets []Bucket) ([]Bucket, error) {
	kept := make([]Bucket, 0, len(buckets))
	for _, b := range buckets {
		if b.Limit.Period <= 0 {
			continue
		}
		if slices.ContainsFunc(kept, func(k Bucket) bool { return k.Key == b.Key }) {
			return nil, fmt.Errorf("taking units: bucket %q is named twice", b.Key)
		}
		kept = append(kept, b)
	}
	return kept, nil
}

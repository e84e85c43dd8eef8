package ratelimit_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"otklik/internal/ratelimit"
)

var noon = time.Date(2027, 3, 8, 12, 0, 0, 0, time.UTC)

func TestDecide(t *testing.T) {
	second := ratelimit.Limit{Period: time.Second, Burst: 1}
	three := ratelimit.Limit{Period: time.Second, Burst: 3}
	tests := []struct {
		name    string
		tats    []time.Time
		buckets []ratelimit.Bucket
		want    ratelimit.Verdict
		next    []time.Time
	}{
		{
			name: "first use", tats: []time.Time{{}},
			buckets: []ratelimit.Bucket{{Key: "a", Limit: second, Cost: 1}},
			want:    ratelimit.Verdict{OK: true, At: noon}, next: []time.Time{noon.Add(time.Second)},
		},
		{
			name: "spent", tats: []time.Time{noon.Add(700 * time.Millisecond)},
			buckets: []ratelimit.Bucket{{Key: "a", Limit: second, Cost: 1}},
			want:    ratelimit.Verdict{At: noon.Add(700 * time.Millisecond), Key: "a"},
			next:    []time.Time{noon.Add(700 * time.Millisecond)},
		},
		{
			name: "free at this very microsecond", tats: []time.Time{noon},
			buckets: []ratelimit.Bucket{{Key: "a", Limit: second, Cost: 1}},
			want:    ratelimit.Verdict{OK: true, At: noon}, next: []time.Time{noon.Add(time.Second)},
		},
		{
			name: "last of a burst", tats: []time.Time{noon.Add(2 * time.Second)},
			buckets: []ratelimit.Bucket{{Key: "a", Limit: three, Cost: 1}},
			want:    ratelimit.Verdict{OK: true, At: noon}, next: []time.Time{noon.Add(3 * time.Second)},
		},
		{
			name: "cost waits for as many units", tats: []time.Time{noon.Add(2 * time.Second)},
			buckets: []ratelimit.Bucket{{Key: "a", Limit: three, Cost: 2}},
			want:    ratelimit.Verdict{At: noon.Add(time.Second), Key: "a"}, next: []time.Time{noon.Add(2 * time.Second)},
		},
		{
			name: "cost above the burst goes when full and is paid afterwards", tats: []time.Time{noon},
			buckets: []ratelimit.Bucket{{Key: "a", Limit: second, Cost: 5}},
			want:    ratelimit.Verdict{OK: true, At: noon}, next: []time.Time{noon.Add(5 * time.Second)},
		},
		{
			name: "one refusal takes nothing anywhere", tats: []time.Time{{}, noon.Add(time.Second)},
			buckets: []ratelimit.Bucket{{Key: "a", Limit: second, Cost: 1}, {Key: "b", Limit: second, Cost: 1}},
			want:    ratelimit.Verdict{At: noon.Add(time.Second), Key: "b"}, next: []time.Time{{}, noon.Add(time.Second)},
		},
		{
			name: "the last to be free is named", tats: []time.Time{noon.Add(3 * time.Second), noon.Add(time.Second)},
			buckets: []ratelimit.Bucket{{Key: "a", Limit: second, Cost: 1}, {Key: "b", Limit: second, Cost: 1}},
			want:    ratelimit.Verdict{At: noon.Add(3 * time.Second), Key: "a"},
			next:    []time.Time{noon.Add(3 * time.Second), noon.Add(time.Second)},
		},
		{
			name: "no limit", tats: []time.Time{noon.Add(time.Hour)},
			buckets: []ratelimit.Bucket{{Key: "a", Cost: 9}},
			want:    ratelimit.Verdict{OK: true, At: noon}, next: []time.Time{noon.Add(time.Hour)},
		},
		{
			name: "period rounds up to whole microseconds", tats: []time.Time{{}},
			buckets: []ratelimit.Bucket{{Key: "a", Limit: ratelimit.Limit{Period: 1001}, Cost: 1}},
			want:    ratelimit.Verdict{OK: true, At: noon}, next: []time.Time{noon.Add(2 * time.Microsecond)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, next := ratelimit.Decide(tt.tats, tt.buckets, noon)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("verdict (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.next, next); d != "" {
				t.Errorf("next (-want +got):\n%s", d)
			}
		})
	}
}

// In no window are there more units than the rate allows plus the burst, and
// whoever comes at the time that a refusal named is admitted.
func TestDecideNeverExceedsTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 50).Draw(t, "units a second")
		limit := ratelimit.Rate(n, time.Second, rapid.IntRange(1, 10).Draw(t, "burst"))
		tats, now := []time.Time{{}}, noon
		var taken []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "calls") {
			cost := rapid.IntRange(1, limit.Burst).Draw(t, "cost")
			b := []ratelimit.Bucket{{Key: "k", Limit: limit, Cost: cost}}
			var v ratelimit.Verdict
			if v, tats = ratelimit.Decide(tats, b, now); !v.OK {
				if !v.At.After(now) {
					t.Fatalf("refused at %v until %v", now, v.At)
				}
				if early, _ := ratelimit.Decide(tats, b, v.At.Add(-time.Microsecond)); early.OK {
					t.Fatalf("admitted before the named time")
				}
				if now = v.At; rapid.Bool().Draw(t, "give up") {
					continue
				}
				if v, tats = ratelimit.Decide(tats, b, now); !v.OK {
					t.Fatalf("refused at the named time %v", now)
				}
			}
			for range cost {
				taken = append(taken, now)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 200_000).Draw(t, "pause")) * time.Microsecond)
		}
		for i, from := range taken {
			in := 0
			for _, at := range taken[i:] {
				if at.Before(from.Add(time.Second)) {
					in++
				}
			}
			if in > n+limit.Burst-1 {
				t.Fatalf("%d units in the second from %v; limit %d, burst %d", in, from, n, limit.Burst)
			}
		}
	})
}

package dispatch

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
)

// count gives 0 to n-1, then err, and notes how many were asked for.
func count(n int, err error, asked *atomic.Int64) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if asked.Add(1); !yield(i, nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}

// TestInOrder: results come in the order of what they were made of, the later ones made
// first, and no further than the first error.
func TestInOrder(t *testing.T) {
	failed := errors.New("failed")
	square := func(_ context.Context, x int) (int, error) { return x * x, nil }
	for _, tt := range []struct {
		name string
		in   error
		do   func(context.Context, int) (int, error)
		want []int
		err  error
	}{
		{"all", nil, square, []int{0, 1, 4, 9, 16}, nil},
		{"source fails", failed, square, []int{0, 1, 4, 9, 16}, failed},
		{"work fails", nil, func(ctx context.Context, x int) (int, error) {
			if x == 2 {
				return 0, failed
			}
			return square(ctx, x)
		}, []int{0, 1}, failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var asked atomic.Int64
			var got []int
			var err error
			for x, e := range inOrder(t.Context(), count(5, tt.in, &asked), tt.do) {
				if e != nil {
					err = e
					continue
				}
				got = append(got, x)
			}
			if !slices.Equal(got, tt.want) || !errors.Is(err, tt.err) {
				t.Errorf("%v, %v; want %v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

// TestInOrderWaitsForTheFirst: the second is ready before the first.
func TestInOrderWaitsForTheFirst(t *testing.T) {
	second := make(chan struct{})
	var asked atomic.Int64
	var got []int
	for x, err := range inOrder(t.Context(), count(2, nil, &asked), func(_ context.Context, x int) (int, error) {
		if x == 0 {
			<-second
		} else {
			close(second)
		}
		return x, nil
	}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, x)
	}
	if !slices.Equal(got, []int{0, 1}) {
		t.Errorf("%v", got)
	}
}

// TestInOrderStops: nothing goes on behind a reader who has had enough, and one whose
// time is over hears of it.
func TestInOrderStops(t *testing.T) {
	var asked, under atomic.Int64
	do := func(_ context.Context, x int) (int, error) {
		under.Add(1)
		defer under.Add(-1)
		return x, nil
	}
	for _, err := range inOrder(t.Context(), count(1_000_000, nil, &asked), do) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	if n := asked.Load(); n > 1000 || under.Load() != 0 {
		t.Errorf("%d were asked for, %d are under way", n, under.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	var err error
	for x, e := range inOrder(ctx, count(1_000_000, nil, &asked), do) {
		if err = e; x == 10 {
			cancel()
		}
	}
	if cancel(); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

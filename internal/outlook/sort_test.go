package outlook

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"otklik/internal/dispatch"
)

// TestSorter puts more rows in order than it holds, and loses none.
func TestSorter(t *testing.T) {
	for _, n := range []int{0, 1, 100, runRows, 2*runRows + 5} {
		rng := rand.New(rand.NewPCG(7, 7))
		var s sorter
		want := make([]Row, n)
		for i := range want {
			want[i] = Row{Forecast: dispatch.Forecast{At: time.UnixMicro(rng.Int64N(1000)).UTC(), Contact: fmt.Sprint(i % 10), Program: fmt.Sprint(rng.IntN(3)), Step: fmt.Sprint(rng.IntN(3)), Occasion: fmt.Sprint(i), Verdict: "send", Inputs: `{"zone":"Europe/Moscow"}`}, Finished: i%2 == 0}
			if err := s.add(&want[i]); err != nil {
				t.Fatal(err)
			}
		}
		slices.SortFunc(want, func(a, b Row) int {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Contact, b.Contact), cmp.Compare(a.Program, b.Program), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Occasion, b.Occasion))
		})
		got := make([]Row, 0, n)
		if err := s.each(func(r *Row) error { got = append(got, *r); return nil }); err != nil {
			t.Fatal(err)
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Fatalf("%d rows: %s", n, d)
		}
		if (len(s.runs) > 0) != (n >= runRows) {
			t.Errorf("%d rows made %d runs", n, len(s.runs))
		}
		s.close()
	}
}

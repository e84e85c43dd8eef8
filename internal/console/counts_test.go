package console

import (
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// hand is a clock that a test sets.
type hand struct{ now time.Time }

func (h *hand) Business() time.Time { return h.now }
func (h *hand) Machine() time.Time  { return h.now }

// TestCountsServeManyPages: what one look counted serves other pages of the same
// dealers for a while, and no longer.
func TestCountsServeManyPages(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	h := &hand{storetest.Now}
	c := &Console{Deps: Deps{Store: st, Clock: h}}
	n := newCounter()
	look := func(dealers ...store.Dealer) *counted {
		t.Helper()
		x, err := n.of(t.Context(), c, dealers, h.now)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	d := storetest.Dealer(t, st)
	first := look(d)
	if look(d) != first {
		t.Error("the second page counted anew")
	}
	if look() == first {
		t.Error("other dealers were shown the same")
	}
	h.now = h.now.Add(countsKept)
	if look(d) == first {
		t.Error("old counts are shown for ever")
	}
}

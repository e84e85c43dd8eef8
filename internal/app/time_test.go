package app

import (
	"strings"
	"testing"
	"time"

	"otklik/internal/clock"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestNodeWithAWrongClock works by the database's, and says so until its own is right.
func TestNodeWithAWrongClock(t *testing.T) {
	for _, wrong := range []time.Duration{-3 * time.Minute, time.Hour} {
		st := storetest.Open(t, "postgres")
		set := wrong
		c := &clock.Shared{Now: func() time.Time { return time.Now().Add(set) }}
		a := bare(t, st, c)
		p := &pulse{app: a, node: store.Node{ID: st.NewID(), Role: RoleAll, Version: "v1", StartedAt: c.Machine()}, meters: map[laneName]*meter{}}
		look := func() readiness {
			p.agreed = time.Time{}
			p.beat(t.Context())
			r := readiness{Status: isReady}
			if err := a.readyNodes(t.Context(), &r); err != nil {
				t.Fatal(err)
			}
			return r
		}
		r := look()
		if apart := time.Since(c.Machine()).Abs(); apart > clock.Tolerance {
			t.Errorf("%v off: the node's time is %v from the database's", wrong, apart)
		}
		if len(r.Nodes) != 1 || !r.Nodes[0].Alive || !strings.Contains(strings.Join(r.Problems, "\n"), "the clock of node") {
			t.Errorf("%v off: readiness says %+v", wrong, r)
		}
		if f := a.onTime(); f.OK || !strings.Contains(f.Says, map[bool]string{true: "3m0s behind", false: "1h0m0s ahead"}[wrong < 0]) {
			t.Errorf("%v off: doctor says %+v", wrong, f)
		}
		set = 0 // it has been synchronised
		if r := look(); len(r.Problems) != 0 || c.Behind() != 0 || !a.onTime().OK {
			t.Errorf("put right: %v, %v, %+v", r.Problems, c.Behind(), a.onTime())
		}
	}
}

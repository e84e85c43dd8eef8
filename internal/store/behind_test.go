package store_test

import (
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestBehind: a clock is held against PostgreSQL's; a file has none.
func TestBehind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		for _, off := range []time.Duration{0, 3 * time.Minute, -time.Hour} {
			behind, within, err := st.Behind(t.Context(), func() time.Time { return time.Now().Add(-off) })
			if err != nil {
				t.Fatal(err)
			}
			want := off
			if st.Engine() != "postgres" {
				want = 0
			}
			if wrong := (behind - want).Abs(); wrong > within+time.Millisecond {
				t.Errorf("%v behind is told as %v within %v", off, behind, within)
			}
		}
	})
}

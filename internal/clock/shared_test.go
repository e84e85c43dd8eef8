package clock

import (
	"testing"
	"time"
)

// TestShared: what is measured counts where it is more than the tolerance and more than
// what may be wrong with it.
func TestShared(t *testing.T) {
	system := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	s := &Shared{Now: func() time.Time { return system }}
	for _, m := range []struct {
		behind, within time.Duration
		changed        bool
		want           time.Duration
	}{
		{300 * time.Millisecond, 0, false, 0},
		{3 * time.Second, 5 * time.Second, false, 0}, // a slow answer says little
		{3 * time.Minute, 10 * time.Millisecond, true, 3 * time.Minute},
		{3*time.Minute + 400*time.Millisecond, 0, false, 3 * time.Minute},
		{-90 * time.Second, 0, true, -90 * time.Second},
		{200 * time.Millisecond, 0, true, 0}, // it has been synchronised
	} {
		if changed := s.Right(m.behind, m.within); changed != m.changed || s.Behind() != m.want {
			t.Errorf("%v within %v: changed %v, behind %v; want %v, %v", m.behind, m.within, changed, s.Behind(), m.changed, m.want)
		}
		if at := system.Add(m.want); !s.Machine().Equal(at) || !s.Business().Equal(at) {
			t.Errorf("%v behind it is %v and %v, want %v", m.behind, s.Machine(), s.Business(), at)
		}
	}
}

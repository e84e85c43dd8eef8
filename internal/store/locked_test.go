package store_test

import (
	"context"
	"errors"
	"testing"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// TestForeignLock: while another process holds SQLite's write lock, whoever gives up
// waiting for it is told so, also behind others of this process; it can still be read,
// and once the lock is gone all is as before.
func TestForeignLock(t *testing.T) {
	t.Parallel()
	url := storetest.FreshURL(t, "sqlite")
	st, other := storetest.OpenURL(t, url), storetest.OpenURL(t, url)
	if err := other.Tx(t.Context(), store.RankPerson, func(*store.Tx) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		const waiting = 2
		ended := make(chan error, waiting)
		for range waiting {
			go func() { ended <- st.SetSetting(ctx, "x", "y") }()
		}
		testserver.Wait(t, "the lock counts as foreign", st.Locked)
		if err := st.Ping(ctx); err != nil {
			t.Errorf("it does not answer: %v", err)
		}
		cancel()
		for range waiting {
			if err := <-ended; !errors.Is(err, store.ErrLocked) || !errors.Is(err, context.Canceled) || !errors.Is(store.Cause(err), store.ErrAway) {
				t.Errorf("who gives up is told %v", err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := st.SetSetting(t.Context(), "x", "y"); err != nil || st.Locked() {
		t.Errorf("afterwards: %v, locked: %t", err, st.Locked())
	}
}

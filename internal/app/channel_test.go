package app

import (
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestMailSince: what had come before our first mail is no answer to us.
func TestMailSince(t *testing.T) {
	start := storetest.Now.Add(48 * time.Hour)
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		a := &App{store: st}
		since := func(want time.Time) {
			t.Helper()
			got, err := a.mailSince(start)(t.Context())
			if err != nil || !got.Equal(want) {
				t.Errorf("since %v, %v, want %v", got, err, want)
			}
		}
		since(start.Add(-skew))
		d := storetest.Dealer(t, st)
		saved := storetest.Save(t, st, d, storetest.Visit("1", "Анна", "+79000000001", storetest.Now))
		for i, channel := range []channels.Kind{channels.SMS, channels.Email, channels.Email} {
			err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
				return tx.Queue(t.Context(), []store.Message{{DealerID: d.ID, ContactID: saved[0].ContactID, Channel: channel, Address: "a", Purpose: outreach.Answer, Text: "!"}}, storetest.Now.Add(time.Duration(i)*time.Hour))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		since(storetest.Now.Add(time.Hour - skew))
	})
	if (&App{sandbox: &demo{}}).mailSince(start) != nil {
		t.Error("the sandbox leaves mail of another time unread")
	}
}

package campaign_test

import (
	"fmt"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/internal/campaign"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// wishes launches wishes to all for noon tomorrow, lets that noon come and sends nothing
// yet; ids are those of n people whose phones phoneOf gives.
func wishes(t *testing.T, r *dispatchtest.Rig, d *campaign.Desk, lena store.Employee, n int) (c store.Campaign, ids []string) {
	t.Helper()
	for i := range n {
		v := storetest.Visit(fmt.Sprintf("W%d", i), fmt.Sprintf("Клиент %d", i), phoneOf(i), r.Clock.Business().AddDate(0, -3, 0))
		ids = append(ids, storetest.Save(t, r.Store, r.Dealer, v)[0].ContactID)
	}
	r.Send(t) // what their visits lead to is over
	day := r.Clock.Business().In(r.Dealer.Location()).AddDate(0, 0, 1)
	c = store.Campaign{DealerID: r.Dealer.ID, Program: campaign.Greeting, Title: "8 Марта", Date: day.Format(time.DateOnly), Hour: "12:00"}
	if err := c.Worded(map[string]string{"ru": "С праздником!"}, nil); err != nil {
		t.Fatal(err)
	}
	c, err := d.Save(t.Context(), c, lena)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = d.Launch(t.Context(), c, campaign.Order{Version: c.Version, Size: n}, lena); err != nil {
		t.Fatal(err)
	}
	r.Forward(t, time.Date(day.Year(), day.Month(), day.Day(), 12, 1, 0, 0, r.Dealer.Location()).Sub(r.Clock.Business()))
	return c, ids
}

func phoneOf(i int) string { return fmt.Sprintf("+7900100%04d", i) }

// again makes what waits for another try due.
func again(t *testing.T, r *dispatchtest.Rig) {
	t.Helper()
	err := r.Store.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
		_, err := tx.ExecContext(t.Context(), "update message set retry_at = null where state = 'queued'")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fates counts the people of a campaign by the state of their newest message.
func fates(t *testing.T, r *dispatchtest.Rig, c store.Campaign) map[outreach.MessageState]int {
	t.Helper()
	es, err := r.Store.CampaignEnds(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	out := map[outreach.MessageState]int{}
	for _, e := range es {
		out[e.Message] += e.N
	}
	return out
}

// TestPauseHoldsWhatWaitsForAnotherTry: a campaign that a person has stopped tries
// nothing again; what has not begun stands, too, and all of it goes on with the campaign.
func TestPauseHoldsWhatWaitsForAnotherTry(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		d, lena := desk(t, r)
		c, _ := wishes(t, r, d, lena, 6)
		for i := range 3 {
			r.Fake.On(phoneOf(i), channeltest.Fail(channels.Transient))
		}
		if sent := len(r.Send(t)); sent != 6 {
			t.Fatalf("%d tries, want 6", sent)
		}
		pause := store.CampaignPause(c.ID)
		if err := st.Pause(t.Context(), pause, lena.ID, r.Clock.Business()); err != nil {
			t.Fatal(err)
		}
		again(t, r)
		if sent := r.Send(t); len(sent) != 0 {
			t.Errorf("tried while it stands: %+v", sent)
		}
		if err := st.Resume(t.Context(), pause, lena.ID, r.Clock.Business()); err != nil {
			t.Fatal(err)
		}
		if sent := len(r.Send(t)); sent != 3 {
			t.Errorf("%d tries after it goes on, want 3", sent)
		}
		if got := fates(t, r, c); got[outreach.Sent] != 6 {
			t.Errorf("people by message: %v", got)
		}
	})
}

// TestCancelEndsWhatWaitsForAnotherTry, also of a campaign that stands.
func TestCancelEndsWhatWaitsForAnotherTry(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		d, lena := desk(t, r)
		c, _ := wishes(t, r, d, lena, 4)
		for i := range 3 {
			r.Fake.On(phoneOf(i), channeltest.Fail(channels.Transient))
		}
		r.Send(t)
		if err := st.Pause(t.Context(), store.CampaignPause(c.ID), lena.ID, r.Clock.Business()); err != nil {
			t.Fatal(err)
		}
		again(t, r)
		r.Send(t)
		if _, err := d.Cancel(t.Context(), c, lena); err != nil {
			t.Fatal(err)
		}
		if err := st.Resume(t.Context(), store.CampaignPause(c.ID), lena.ID, r.Clock.Business()); err != nil {
			t.Fatal(err)
		}
		if sent := r.Send(t); len(sent) != 0 {
			t.Errorf("tried after the end: %+v", sent)
		}
		if got := fates(t, r, c); got[outreach.Canceled] != 3 || got[outreach.Sent] != 1 {
			t.Errorf("people by message: %v", got)
		}
	})
}

// TestStoppedCampaignBeginsNothing: what is due stands while its campaign is stopped, and
// not while another is.
func TestStoppedCampaignBeginsNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		d, lena := desk(t, r)
		c, _ := wishes(t, r, d, lena, 3)
		pause := store.CampaignPause(c.ID)
		if err := st.Pause(t.Context(), pause, lena.ID, r.Clock.Business()); err != nil {
			t.Fatal(err)
		}
		if sent := r.Send(t); len(sent) != 0 {
			t.Fatalf("sent while it stands: %+v", sent)
		}
		if err := st.Pause(t.Context(), store.CampaignPause(st.NewID()), lena.ID, r.Clock.Business()); err != nil {
			t.Fatal(err)
		}
		if err := st.Resume(t.Context(), pause, lena.ID, r.Clock.Business()); err != nil {
			t.Fatal(err)
		}
		if sent := len(r.Send(t)); sent != 3 {
			t.Errorf("%d sent although only another campaign is stopped, want 3", sent)
		}
	})
}

package campaign_test

import (
	"fmt"
	"slices"
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
// yet; ids are those of n people whose phones phoneOf gives, every second with an email
// address, too.
func wishes(t *testing.T, r *dispatchtest.Rig, d *campaign.Desk, lena store.Employee, n int) (c store.Campaign, ids []string) {
	t.Helper()
	for i := range n {
		v := storetest.Visit(fmt.Sprintf("W%d", i), fmt.Sprintf("Клиент %d", i), phoneOf(i), r.Clock.Business().AddDate(0, -3, 0))
		if i%2 == 1 {
			v.Customer.Emails = []string{emailOf(i)}
		}
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

func emailOf(i int) string { return fmt.Sprintf("client%d@example.org", i) }

// mailing gives a rig a channel for email.
func mailing(t *testing.T, r *dispatchtest.Rig) *channeltest.Fake {
	t.Helper()
	if err := r.Store.SaveSender(t.Context(), store.Sender{DealerID: r.Dealer.ID, Channel: channels.Email, Address: "South <south@example.org>"}, r.Clock.Business()); err != nil {
		t.Fatal(err)
	}
	fresh, err := r.Store.Roster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	*r.Roster = *fresh
	mail := channeltest.NewFake(channels.Email)
	r.Dispatcher.Channels[channels.Email] = mail
	return mail
}

// addresses are those that a channel was handed something for, in order.
func addresses(ms []channels.Message) (out []string) {
	for _, m := range ms {
		out = append(out, m.To)
	}
	slices.Sort(out)
	return out
}

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

// TestNextChannel: whose message did not arrive gets the wishes on the channel behind it,
// where he has one; whose number is dead, at another try; nobody else anything.
func TestNextChannel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		d, lena := desk(t, r)
		mail := mailing(t, r)
		c, _ := wishes(t, r, d, lena, 6)
		r.Fake.On(phoneOf(1), channeltest.Fail(channels.Unreachable))
		r.Send(t)
		if sent := mail.Calls(); len(sent) != 0 {
			t.Fatalf("an email beside the SMS: %+v", sent)
		}
		for _, x := range r.Fake.Taken() {
			state := channels.StateDelivered
			if x.Message.To == phoneOf(2) || x.Message.To == phoneOf(3) {
				state = channels.StateUndelivered
			}
			err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
				_, err := tx.Report(t.Context(), channels.Report{Channel: channels.SMS, MessageID: x.Message.ID, ProviderID: x.ProviderID, State: state}, r.Clock.Business())
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if n, err := d.Retry(t.Context(), c, true, lena); err != nil || n != 2 {
			t.Errorf("planned %d on the next channel, %v, want 2", n, err)
		}
		sms := r.Send(t)
		if got := addresses(mail.Calls()); len(sms) != 0 || !slices.Equal(got, []string{emailOf(3)}) {
			t.Errorf("on the next channel: SMS %+v, email %v", sms, got)
		}
		if n, err := d.Retry(t.Context(), c, false, lena); err != nil || n != 1 {
			t.Errorf("planned %d for another try, %v, want 1", n, err)
		}
		sms = r.Send(t)
		if got := addresses(mail.Calls()); len(sms) != 0 || !slices.Equal(got, []string{emailOf(1), emailOf(3)}) {
			t.Errorf("at another try: SMS %+v, email %v", sms, got)
		}
	})
}

// TestRetryLeavesOut who has refused or was erased since his message failed, and whoever
// got one.
func TestRetryLeavesOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		d, lena := desk(t, r)
		c, ids := wishes(t, r, d, lena, 5)
		for i := range 4 {
			r.Fake.On(phoneOf(i), channeltest.Fail(channels.Rejected))
		}
		r.Send(t)
		now := r.Clock.Business()
		err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			if err := tx.Suppress(t.Context(), store.Suppression{Channel: channels.SMS, Address: phoneOf(0), Purpose: store.AllPurposes, Reason: store.OptedOut, At: now}); err != nil {
				return err
			}
			return tx.AddConsent(t.Context(), store.Consent{ContactID: ids[1], DealerID: r.Dealer.ID, Purpose: string(outreach.Greeting), Channel: channels.SMS, At: now, How: "phone"})
		})
		if err == nil {
			err = st.EraseContact(t.Context(), ids[2], now)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Retry(t.Context(), c, false, lena); err != nil {
			t.Fatal(err)
		}
		if got := addresses(r.Send(t)); !slices.Equal(got, []string{phoneOf(3)}) {
			t.Errorf("tried again: %v, want %s alone", got, phoneOf(3))
		}
	})
}

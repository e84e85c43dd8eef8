package dispatch_test

import (
	"context"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// editor is a channel that can replace a message in place; as with Telegram, the
// provider's id stays the same.
type editor struct{ *channeltest.Fake }

func (e editor) Edit(ctx context.Context, m channels.Message) (channels.Receipt, error) {
	_, err := e.Send(ctx, m)
	return channels.Receipt{ProviderID: m.Edit}, err
}

// TestEdit: two messages that the provider knows by one id are both recorded.
func TestEdit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := due(t, st)
		r.Dispatcher.Channels[channels.SMS] = editor{r.Fake}
		r.Send(t)
		first := messages(t, r)[0]
		sent, err := st.Message(t.Context(), first.ID)
		if err != nil {
			t.Fatal(err)
		}
		now := r.Clock.Business()
		m := store.Message{ID: st.NewID(), DealerID: r.Dealer.ID, ContactID: sent.ContactID, Sender: sent.Sender, Direction: store.Out, Channel: channels.SMS, Address: phone,
			Purpose: outreach.Answer, Text: "the next question", State: outreach.Queued, DueAt: now, AnswersAt: now, Options: store.MessageOptions{Edit: first.ProviderID}}
		if err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error { return tx.Queue(t.Context(), []store.Message{m}, now) }); err != nil {
			t.Fatal(err)
		}
		r.Forward(t, time.Minute)
		r.Send(t)
		for _, m := range messages(t, r) {
			if m.State != outreach.Sent {
				t.Errorf("%q is %s, want sent", m.Text, m.State)
			}
		}
	})
}

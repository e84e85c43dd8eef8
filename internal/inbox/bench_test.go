package inbox_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/conversation"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/inbox"
	"otklik/internal/store/storetest"
)

// BenchmarkInbound is one reply from its event to the commit of everything that
// follows: reading, survey step, answer, callback, next message queued.
func BenchmarkInbound(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			r := dispatchtest.New(b, storetest.Open(b, engine))
			nothing := func() {}
			in := &inbox.Inbox{Store: r.Store, Clock: r.Clock, Roster: r.Roster, Parser: dispatchtest.Parser(b), Survey: r.Survey, Drafter: r.Drafter, Copies: conversation.NewMemory(r.Clock.Machine),
				Log: slog.New(slog.DiscardHandler), Wake: nothing, Changed: nothing}
			for i := range b.N {
				r.Visit(b, fmt.Sprint(i), fmt.Sprintf("Клиент %d", i), fmt.Sprintf("+7900%07d", i), 25*time.Hour)
			}
			r.Send(b)
			b.ResetTimer()
			for i := range b.N {
				e := channels.Inbound{Channel: channels.SMS, ProviderID: fmt.Sprintf("SM%d", i), From: fmt.Sprintf("+7900%07d", i), To: dispatchtest.Sender, Text: "2. ждал 3 часа, и стук остался"}
				if err := in.Handle(b.Context(), channels.Event{Inbound: &e}, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

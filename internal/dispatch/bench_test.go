package dispatch_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/draft"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// sink is a provider that takes everything at once and keeps nothing.
type sink struct{}

func (sink) Kind() channels.Kind { return channels.SMS }

func (sink) Send(_ context.Context, m channels.Message) (channels.Receipt, error) {
	return channels.Receipt{ProviderID: m.ID}, nil
}

// fill stores n visits that ended so long ago.
func fill(b *testing.B, r *dispatchtest.Rig, n int) {
	b.Helper()
	at := r.Clock.Business().Add(-25 * time.Hour)
	for i := 0; i < n; i += store.SaveChunk {
		var rs []store.VisitRecord
		for k := i; k < min(i+store.SaveChunk, n); k++ {
			rs = append(rs, storetest.Visit(fmt.Sprint(k), fmt.Sprintf("Клиент %d", k), fmt.Sprintf("+7900%07d", k), at))
		}
		storetest.Save(b, r.Store, r.Dealer, rs...)
	}
}

func engines(b *testing.B, run func(b *testing.B, r *dispatchtest.Rig)) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) { run(b, dispatchtest.New(b, storetest.Open(b, engine))) })
	}
}

// BenchmarkPlan is one visit from its event to its outreach rows.
func BenchmarkPlan(b *testing.B) {
	engines(b, func(b *testing.B, r *dispatchtest.Rig) {
		fill(b, r, b.N)
		b.ResetTimer()
		r.Plan(b)
	})
}

// BenchmarkPlanRule is the pure rule alone.
func BenchmarkPlanRule(b *testing.B) {
	r := dispatchtest.New(b, storetest.Open(b, "sqlite"))
	d := r.Planner.Programs()["service-followup"]
	o := program.Occasion{VisitID: "v", ContactID: "c", At: storetest.Now}
	for b.Loop() {
		program.Plan(d, o, storetest.Now, r.Planner.Book)
	}
}

// BenchmarkRender is one survey from its facts to its text.
func BenchmarkRender(b *testing.B) {
	r := dispatchtest.New(b, storetest.Open(b, "sqlite"))
	def, _ := r.Survey("after-service")
	for _, ch := range []channels.Kind{channels.SMS, channels.Telegram, channels.Email} {
		b.Run(string(ch), func(b *testing.B) {
			to := draft.Recipient{Dealer: r.Dealer, Contact: store.Contact{Given: "Иван", Patronymic: "Петрович", Name: "Иванов Иван Петрович"}, Channel: ch, Address: "x", Sender: "Юг <a@example.org>",
				Token: "token", Now: storetest.Now, Visit: store.Visit{Order: "1", CompletedAt: storetest.Now, Works: []string{"ТО-4"}, Vehicle: store.Vehicle{Model: "LADA Vesta"}}}
			for b.Loop() {
				if _, err := r.Drafter.Invite(def, to, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSend is the whole way of a due survey: claim, policy, render, begin, an
// in-process sink, record.
func BenchmarkSend(b *testing.B) {
	engines(b, func(b *testing.B, r *dispatchtest.Rig) {
		r.Dispatcher.Channels = map[channels.Kind]channels.Channel{channels.SMS: sink{}}
		fill(b, r, b.N)
		r.Plan(b)
		b.ResetTimer()
		s, err := r.Dispatcher.Once(b.Context(), nil)
		if err != nil || s.Sent != b.N {
			b.Fatalf("%+v, %v", s, err)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	})
}

// BenchmarkForecast judges one due outreach without sending it.
func BenchmarkForecast(b *testing.B) {
	r := dispatchtest.New(b, storetest.Open(b, "sqlite"))
	fill(b, r, 100)
	r.Plan(b)
	now := r.Clock.Business()
	os := storetest.Due(b, r.Store, r.Dealer.ID, now.Add(-time.Hour*48), now.Add(time.Hour))
	if len(os) != 100 {
		b.Fatal(len(os))
	}
	for b.Loop() {
		if _, err := r.Dispatcher.Forecast(b.Context(), os); err != nil {
			b.Fatal(err)
		}
	}
}

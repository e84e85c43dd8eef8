package store_test

import (
	"fmt"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// The benchmarks count rows, not transactions: rows/s is what a campaign or an
// import feels. Rates of a shared machine wander; compare engines and versions
// within one run.

const (
	benchClaim = 500 // outreach in one claim
	benchGroup = 64  // messages in one group commit
)

func eachEngine(b *testing.B, run func(b *testing.B, st *store.Store, d store.Dealer)) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			st := storetest.Open(b, engine)
			run(b, st, storetest.Dealer(b, st))
		})
	}
}

// spending runs a benchmark on each engine and tells the processor time of program and
// database for each row that it says it has worked on.
func spending(b *testing.B, run func(b *testing.B, st *store.Store, d store.Dealer) (rows int)) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			url := storetest.URL(b, engine)
			st := storetest.OpenURL(b, url)
			d := storetest.Dealer(b, st)
			program, database := testserver.Processor(b, url)
			n := run(b, st, d)
			p, q := testserver.Processor(b, url)
			perSecond(b, n)
			b.ReportMetric(float64((p-program).Microseconds())/float64(n), "program-µs/row")
			b.ReportMetric(float64((q-database).Microseconds())/float64(n), "database-µs/row")
		})
	}
}

func perSecond(b *testing.B, rows int) {
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// records makes visits of an export: one person has 1.25 visits on average.
func records(from, n int) []store.VisitRecord {
	rs := make([]store.VisitRecord, n)
	for i := range rs {
		k := from + i
		p := k - k%5/4 // each fifth is a second visit of the fourth
		rs[i] = storetest.Visit(fmt.Sprintf("ЗН-%07d", k), fmt.Sprintf("Клиентов Иван %07d", p), fmt.Sprintf("+79%09d", p), now.Add(-25*time.Hour))
		rs[i].Advisor, rs[i].Mechanic = fmt.Sprintf("Советник %d", k%7), fmt.Sprintf("Механик %d", k%19)
		rs[i].VIN, rs[i].Plate = fmt.Sprintf("XTA%014d", p), fmt.Sprintf("А%07dВС", p)
		rs[i].Customer.ExternalID = fmt.Sprint("K", p)
	}
	return rs
}

func BenchmarkSaveVisits(b *testing.B) {
	spending(b, func(b *testing.B, st *store.Store, d store.Dealer) (n int) {
		var longest time.Duration
		for b.Loop() {
			rs := records(n, store.SaveChunk)
			began := time.Now()
			storetest.Save(b, st, d, rs...)
			longest = max(longest, time.Since(began))
			n += store.SaveChunk
		}
		b.ReportMetric(float64(longest.Milliseconds()), "ms-longest")
		return n
	})
}

// BenchmarkSaveVisitsAgain imports what is there already.
func BenchmarkSaveVisitsAgain(b *testing.B) {
	eachEngine(b, func(b *testing.B, st *store.Store, d store.Dealer) {
		rs := records(0, store.SaveChunk)
		storetest.Save(b, st, d, rs...)
		n := 0
		for b.Loop() {
			storetest.Save(b, st, d, rs...)
			n += store.SaveChunk
		}
		perSecond(b, n)
	})
}

// planRows writes n due outreach rows about saved visits.
func planRows(b *testing.B, st *store.Store, d store.Dealer, saved []store.SavedRecord, round int) {
	rows := make([]store.Outreach, len(saved))
	for i, s := range saved {
		rows[i] = store.Outreach{DealerID: d.ID, ContactID: s.ContactID, VisitID: s.VisitID, Program: "after-service", ProgramVersion: 1, Occasion: s.VisitID,
			Step: fmt.Sprint("survey", round), Purpose: outreach.Survey, Priority: 3, State: outreach.Planned, DueAt: now, TargetAt: now, DeadlineAt: now.Add(time.Hour)}
	}
	if err := st.Tx(b.Context(), store.RankBulk, func(tx *store.Tx) error {
		_, err := tx.Plan(b.Context(), rows, now)
		return err
	}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPlan writes outreach, a chunk of 500 to a transaction.
func BenchmarkPlan(b *testing.B) {
	eachEngine(b, func(b *testing.B, st *store.Store, d store.Dealer) {
		saved := storetest.Save(b, st, d, records(0, benchClaim)...)
		n := 0
		for b.Loop() {
			planRows(b, st, d, saved, n)
			n += len(saved)
		}
		perSecond(b, n)
	})
}

func BenchmarkClaim(b *testing.B) {
	eachEngine(b, func(b *testing.B, st *store.Store, d store.Dealer) {
		saved := storetest.Save(b, st, d, records(0, benchClaim)...)
		for i := range 4 {
			planRows(b, st, d, saved, i)
		}
		n := 0
		// Each claim is past the lease of those before it, so rows never run out.
		machine := now
		for b.Loop() {
			os, err := storetest.ClaimOutreach(b.Context(), st, st.NewID(), benchClaim, now, machine, time.Second)
			if err != nil || len(os) != benchClaim {
				b.Fatal(len(os), err)
			}
			n += len(os)
			machine = machine.Add(2 * time.Second)
		}
		perSecond(b, n)
	})
}

// claimed plans and claims one group.
func claimed(b *testing.B, st *store.Store, d store.Dealer, saved []store.SavedRecord, round int) []store.Begun {
	planRows(b, st, d, saved, round)
	os, err := storetest.ClaimOutreach(b.Context(), st, st.NewID(), len(saved), now, now, time.Minute)
	if err != nil || len(os) != len(saved) {
		b.Fatal(len(os), err)
	}
	group := make([]store.Begun, len(os))
	for i := range os {
		o := os[i]
		conv := store.Conversation{ID: st.NewID(), DealerID: o.DealerID, ContactID: o.ContactID, OutreachID: o.ID, VisitID: o.VisitID, Survey: "after-service", SurveyVersion: 1,
			Locale: "ru", Channel: channels.SMS, Address: "+79000000000", State: store.ConversationOpen, Position: `{"question":"satisfaction"}`, Token: st.NewID()}
		o.Rule, o.Inputs = "allowed", `{"visit":"1","local":"12:00","zone":"Europe/Moscow"}`
		group[i] = store.Begun{Outreach: &o, Conversation: &conv, Message: store.Message{ID: st.NewID(), DealerID: o.DealerID, OutreachID: o.ID, ConversationID: conv.ID, ContactID: o.ContactID,
			Direction: store.Out, Channel: channels.SMS, Sender: "+74950000000", Address: "+79000000000", Purpose: outreach.Survey, Template: "ask",
			Text: "Иван, здравствуйте! Как прошёл ремонт LADA Vesta 21 ноября? Ответьте числом от 1 до 5.", State: outreach.Sending, ClaimToken: o.ClaimToken, DueAt: now}}
	}
	return group
}

func BenchmarkBegin(b *testing.B) {
	eachEngine(b, func(b *testing.B, st *store.Store, d store.Dealer) {
		saved := storetest.Save(b, st, d, records(0, benchGroup)...)
		n := 0
		for b.Loop() {
			b.StopTimer()
			group := claimed(b, st, d, saved, n)
			b.StartTimer()
			ok, err := st.Begin(b.Context(), group, now, now, time.Minute)
			if err != nil || len(ok) != len(group) {
				b.Fatal(len(ok), err)
			}
			n += len(group)
		}
		perSecond(b, n)
	})
}

func BenchmarkRecord(b *testing.B) {
	eachEngine(b, func(b *testing.B, st *store.Store, d store.Dealer) {
		saved := storetest.Save(b, st, d, records(0, benchGroup)...)
		n := 0
		for b.Loop() {
			b.StopTimer()
			group := claimed(b, st, d, saved, n)
			if _, err := st.Begin(b.Context(), group, now, now, time.Minute); err != nil {
				b.Fatal(err)
			}
			results := make([]store.Result, len(group))
			for i, g := range group {
				results[i] = store.Result{Message: g.Message, Receipt: channels.Receipt{ProviderID: "SM" + g.Message.ID, Segments: 2}, Transition: outreach.Next(outreach.Attempt{}, nil, now), At: now}
			}
			b.StartTimer()
			lost, err := st.Record(b.Context(), results, now)
			if err != nil || lost != 0 {
				b.Fatal(lost, err)
			}
			n += len(group)
		}
		perSecond(b, n)
	})
}

// BenchmarkInbound is one reply from arrival to the queued answer, in one
// transaction, as the inbox does it; eight come at once.
func BenchmarkInbound(b *testing.B) {
	eachEngine(b, func(b *testing.B, st *store.Store, d store.Dealer) {
		saved := storetest.Save(b, st, d, records(0, benchGroup)...)
		group := claimed(b, st, d, saved, 0)
		if _, err := st.Begin(b.Context(), group, now, now, time.Minute); err != nil {
			b.Fatal(err)
		}
		next := make(chan store.Begun, len(group))
		for _, g := range group {
			next <- g
		}
		b.SetParallelism(4)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				g := <-next
				if err := inbound(b, st, g); err != nil {
					b.Error(err)
				}
				next <- g
			}
		})
		perSecond(b, b.N)
	})
}

func inbound(b *testing.B, st *store.Store, g store.Begun) error {
	ctx := b.Context()
	return st.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
		in := store.Message{ID: st.NewID(), DealerID: g.Message.DealerID, ContactID: g.Message.ContactID, Channel: channels.SMS, Sender: "+74950000000", Address: "+79000000000",
			Text: "5, спасибо", ProviderID: st.NewID()}
		if ok, err := tx.Receive(ctx, in, now); err != nil || !ok {
			return fmt.Errorf("received %v: %w", ok, err)
		}
		if err := tx.LockContact(ctx, in.ContactID); err != nil {
			return err
		}
		cs, err := tx.ConversationsOf(ctx, in.ContactID, now.Add(-time.Hour))
		if err != nil {
			return err
		}
		c := cs[0]
		in.ConversationID = c.ID
		if err := tx.SetReading(ctx, in); err != nil {
			return err
		}
		rating := 5
		if err := tx.SaveAnswer(ctx, store.Answer{ConversationID: c.ID, Question: "satisfaction", Rating: &rating, Channel: channels.SMS, MessageID: in.ID}, now); err != nil {
			return err
		}
		if _, err := tx.SaveConversation(ctx, c, now); err != nil {
			return err
		}
		return tx.Queue(ctx, []store.Message{{DealerID: in.DealerID, ContactID: in.ContactID, ConversationID: c.ID, Channel: channels.SMS, Sender: "+74950000000", Address: "+79000000000",
			Purpose: outreach.Answer, Text: "Спасибо!", AnswersAt: now}}, now)
	})
}

package campaign_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"otklik/internal/campaign"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// crowded is how many people the benchmark's campaign means.
const crowded = 100_000

// peak samples how much of the heap is in use until stop, which gives the most of it in
// MiB.
func peak() (stop func() float64) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	var most uint64
	wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
	return func() float64 { cancel(); wg.Wait(); return float64(most) / (1 << 20) }
}

// BenchmarkCrowd measures the dry run, the launch, the planning, the sending and the live
// counts of a campaign that means a hundred thousand people. It is made for one round: a
// second one would find them congratulated.
func BenchmarkCrowd(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			r := dispatchtest.New(b, storetest.Open(b, engine))
			for from := 0; from < crowded; from += store.SaveChunk {
				var cs []store.ContactRecord
				for i := from; i < from+store.SaveChunk; i++ {
					cs = append(cs, store.ContactRecord{ExternalID: fmt.Sprint(i), Name: fmt.Sprint("Клиент ", i), Given: "Анна", Gender: "female", Locale: "ru", Phones: []string{fmt.Sprintf("+79%09d", i)}})
				}
				if err := r.Store.Tx(b.Context(), store.RankBulk, func(tx *store.Tx) error {
					_, err := tx.SaveContacts(b.Context(), r.Dealer, cs, r.Clock.Business())
					return err
				}); err != nil {
					b.Fatal(err)
				}
			}
			d, lena := desk(b, r)
			day := r.Clock.Business().In(r.Dealer.Location()).AddDate(0, 0, 1)
			for b.Loop() {
				crowd(b, r, d, lena, day)
			}
		})
	}
}

func crowd(b *testing.B, r *dispatchtest.Rig, d *campaign.Desk, lena store.Employee, day time.Time) {
	b.Helper()
	step := func(name string, do func() error) {
		b.Helper()
		runtime.GC()
		stop, began := peak(), time.Now()
		if err := do(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), name+"-s")
		b.ReportMetric(stop(), name+"-MiB")
	}
	c := store.Campaign{DealerID: r.Dealer.ID, Program: campaign.Greeting, Title: "8 Марта", Date: day.Format(time.DateOnly), Hour: "12:00"}
	err := c.Worded(map[string]string{"ru": "С праздником!"}, nil)
	if err == nil {
		c, err = d.Save(b.Context(), c, lena)
	}
	if err != nil {
		b.Fatal(err)
	}
	step("rehearse", func() error {
		x, err := d.Rehearse(b.Context(), c, lena.ID)
		if err == nil && x.Send != crowded {
			err = fmt.Errorf("it reaches %d", x.Send)
		}
		return err
	})
	step("people", func() error {
		_, _, err := d.People(b.Context(), c, lena.ID, campaign.ListSend, "", "", 100)
		return err
	})
	step("launch", func() (err error) {
		c, err = d.Launch(b.Context(), c, campaign.Order{Version: c.Version, Size: crowded}, lena)
		return err
	})
	step("plan", func() error {
		_, err := r.Planner.Run(b.Context(), r.Clock.Business())
		return err
	})
	look := func(when string, want store.Ended) {
		b.Helper()
		step("counts-"+when, func() error {
			es, err := r.Store.CampaignEnds(b.Context(), c)
			if want.N = crowded; err == nil && (len(es) != 1 || es[0] != want) {
				err = fmt.Errorf("counted %+v", es)
			}
			return err
		})
		step("answers-"+when, func() error {
			_, _, _, err := r.Store.CampaignAnswers(b.Context(), c, 20)
			return err
		})
		step("list-"+when, func() error {
			_, err := r.Store.CampaignPeople(b.Context(), c, want, "", 100)
			return err
		})
	}
	look("planned", store.Ended{State: outreach.Planned})
	r.Forward(b, time.Date(day.Year(), day.Month(), day.Day(), 12, 1, 0, 0, day.Location()).Sub(r.Clock.Business()))
	step("send", func() error {
		_, err := r.Dispatcher.Once(b.Context(), nil)
		return err
	})
	look("sent", store.Ended{State: outreach.Done, Message: outreach.Sent})
}

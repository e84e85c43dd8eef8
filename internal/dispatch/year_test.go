package dispatch_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// happening is one line of a plan, or of what became of it.
type happening struct{ At, Contact, Program, Step, Occasion, Channel, Verdict, Rule string }

func compareHappenings(a, b happening) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Contact, b.Contact), cmp.Compare(a.Program, b.Program), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Occasion, b.Occasion))
}

// town makes people whose days collide: birthdays on holidays and on 29 February, cars
// handed over, appointments, prospects, visits close together, zones far apart.
func town(t *testing.T, r *dispatchtest.Rig, rng *rand.Rand, people int) {
	t.Helper()
	ctx, now := t.Context(), r.Dispatcher.Clock.Business()
	pick := func(vs ...string) string { return vs[rng.IntN(len(vs))] }
	err := r.Store.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
		for i := range people {
			c := store.ContactRecord{ExternalID: fmt.Sprint("K", i), Name: fmt.Sprint("Клиент ", i), Given: "Анна", Patronymic: "Сергеевна", Phones: []string{fmt.Sprintf("+7900%07d", i)},
				Gender: pick("female", "male", ""), Birthday: pick("", "1980-01-01", "--12-31", "1992-02-29", "--03-08", fmt.Sprintf("19%02d-%02d-%02d", 50+rng.IntN(49), 1+rng.IntN(12), 1+rng.IntN(28))),
				Locale: pick("ru", "en", "zh"), Company: rng.IntN(12) == 0, Deceased: rng.IntN(20) == 0}
			car := store.CarRecord{VIN: fmt.Sprintf("XTA%014d", i), Model: pick("LADA Vesta", "LADA Niva Travel", "Kia Rio")}
			at := now.Add(-time.Duration(rng.IntN(60*24)) * time.Hour)
			switch rng.IntN(4) {
			case 0:
				car.DeliveredOn = at.Format(time.DateOnly)
				if _, err := tx.SaveDeliveries(ctx, r.Dealer, []store.DeliveryRecord{{Number: fmt.Sprint("D", i), HandedOverAt: at, Consultant: "Лебедев П.", Customer: c, Car: car}}, now); err != nil {
					return err
				}
			case 1:
				c.Prospect = true
				if _, err := tx.SaveProspects(ctx, r.Dealer, []store.ProspectRecord{{Number: fmt.Sprint("P", i), Model: car.Model, ContactedAt: at, Customer: c}}, now); err != nil {
					return err
				}
			case 2:
				if _, err := tx.SaveAppointments(ctx, r.Dealer, []store.AppointmentRecord{{Number: fmt.Sprint("A", i), StartsAt: now.Add(time.Duration(rng.IntN(24*20)) * time.Hour), Customer: c, Car: car}}, now); err != nil {
					return err
				}
			}
			for k := range rng.IntN(3) {
				v := storetest.Visit(fmt.Sprintf("%d-%d", i, k), c.Name, c.Phones[0], now.Add(-time.Duration(rng.IntN(80))*time.Hour))
				v.Customer = c
				if _, err := tx.SaveVisits(ctx, r.Dealer, []store.VisitRecord{v}, now); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range slices.Sorted(maps.Keys(r.Planner.Programs())) {
		if err := r.Store.SetProgram(ctx, store.ProgramSetting{DealerID: r.Dealer.ID, Program: p, Running: true, ChangedAt: now}); err != nil {
			t.Fatal(err)
		}
	}
}

// live lets days pass: the clock goes from one moment at which something is due to the
// next, and the planner looks every six hours, as rarely as no date is written out late.
func live(t *testing.T, r *dispatchtest.Rig, clk *dispatchtest.Stopped, to time.Time) {
	t.Helper()
	const look = 6 * time.Hour
	for next := clk.Business(); next.Before(to); {
		clk.Set(next)
		if _, err := r.Planner.Run(t.Context(), clk.Business()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Dispatcher.Once(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		next = next.Add(look)
		for _, o := range storetest.Due(t, r.Store, r.Dealer.ID, clk.Business(), next) {
			if o.DueAt.After(clk.Business()) && o.DueAt.Before(next) {
				next = o.DueAt
			}
		}
	}
}

// foreseen is the plan of a span as happenings.
func foreseen(t *testing.T, r *dispatchtest.Rig, from, to time.Time) []happening {
	t.Helper()
	var out []happening
	for _, f := range r.Foresee(t, from, to, from) {
		if f.At.Before(to) {
			out = append(out, happening{f.At.Format(time.RFC3339), f.Contact, f.Program, f.Step, f.Occasion, string(f.Channel), f.Verdict, f.Rule})
		}
	}
	slices.SortFunc(out, compareHappenings)
	return out
}

// happened is what became of everything, as happenings.
func happened(t *testing.T, r *dispatchtest.Rig, from, to time.Time) []happening {
	t.Helper()
	people, err := r.Store.SearchContacts(t.Context(), r.Dealer.ID, "клиент", 1000)
	if err != nil {
		t.Fatal(err)
	}
	var out []happening
	for _, c := range people {
		os, err := r.Store.OutreachOf(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		fates, err := r.Store.Fates(t.Context(), os)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range os {
			f := fates[o.ID]
			if f.At.Before(from) {
				f.At = from // what was too late to plan was decided with the first plan
			}
			if o.Program == "no-show" || !f.At.Before(to) || f.Verdict == "" || f.Verdict == "hold" {
				continue
			}
			_, occasion := program.Subject(o.Occasion)
			out = append(out, happening{f.At.Format(time.RFC3339), o.ContactID, o.Program, o.Step, occasion, string(o.Channel), f.Verdict, o.Rule})
		}
	}
	slices.SortFunc(out, compareHappenings)
	return out
}

// yearOf plans a span, lives through it and compares (invariant 13).
func yearOf(t *testing.T, engine string, seed uint64, people int, span time.Duration) {
	t.Helper()
	r := dispatchtest.New(t, storetest.Open(t, engine))
	from := time.Date(2026, 11, 27, 7, 0, 0, 0, time.UTC)
	clk := r.Stop(from)
	town(t, r, rand.New(rand.NewPCG(seed, 1)), people)
	to := from.Add(span)
	want := foreseen(t, r, from, to)
	live(t, r, clk, to)
	got := happened(t, r, from, to)
	kinds := map[string]int{}
	for _, h := range want {
		kinds[h.Verdict]++
	}
	if len(want) < people || kinds["send"] == 0 || kinds["task"] == 0 || kinds["drop"] == 0 {
		t.Errorf("seed %d: too little was foreseen for this to say anything: %v", seed, kinds)
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("seed %d, %d foreseen: what was foreseen (-) and what happened (+):\n%s", seed, len(want), d)
	}
}

// TestPlanIsWhatHappens lives through eight weeks; TestHeavyYear through a year.
func TestPlanIsWhatHappens(t *testing.T) {
	for i, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) { yearOf(t, engine, uint64(i), 16, 56*24*time.Hour) })
	}
}

package dispatch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// greeting is a program that congratulates a day after a visit, for a week.
const greeting = `
id: greeting
trigger: visit_completed
audience: {companies: too}
responsible: marketer
steps:
  - {id: greet, purpose: greeting, survey: greeting-check, channels: [sms], earliest: 24h, target: 26h, deadline: 200h}
`

func greetings(t *testing.T, st *store.Store) *dispatchtest.Rig {
	t.Helper()
	r := dispatchtest.New(t, st)
	d, err := program.Parse("greeting", []byte(greeting))
	if err != nil {
		t.Fatal(err)
	}
	programs := map[string]*program.Definition{d.ID: d}
	r.Planner.Programs = program.Fixed(programs)
	r.Dispatcher.Programs = r.Planner.Programs
	return r
}

// callbackOf opens a callback of a contact as if it had been so long ago.
func callbackOf(t *testing.T, r *dispatchtest.Rig, contact, reason string, ago time.Duration) (x store.Task) {
	t.Helper()
	now := r.Clock.Business().Add(-ago)
	err := r.Store.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) (err error) {
		x, err = tx.OpenTask(t.Context(), store.Task{DealerID: r.Dealer.ID, Kind: store.TaskCallback, ContactID: contact, Reason: reason, DueAt: now.Add(24 * time.Hour)}, now)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func closeTask(t *testing.T, r *dispatchtest.Rig, x store.Task) {
	t.Helper()
	x.State, x.ClosedAt = store.TaskClosed, r.Clock.Business()
	if err := r.Store.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error { return tx.SaveTask(t.Context(), x, x.ClosedAt) }); err != nil {
		t.Fatal(err)
	}
}

// TestGreetingWaitsForTheCallback: nobody is congratulated while his complaint is open,
// and he is once it is closed.
func TestGreetingWaitsForTheCallback(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := greetings(t, st)
		sad := r.Visit(t, "1001", "Иванов Иван", phone, 25*time.Hour)
		r.Visit(t, "1002", "Петров Пётр", "+79000000102", 25*time.Hour)
		open := callbackOf(t, r, sad, "complaint", 30*time.Hour)
		if ms := r.Send(t); len(ms) != 1 || ms[0].To != "+79000000102" {
			t.Fatalf("sent %+v", ms)
		}
		if ds := decisions(t, r); !slices.Contains(ds, "greet:hold:callback_open") {
			t.Errorf("decisions: %v", ds)
		}
		r.Forward(t, 90*time.Minute)
		if ms := r.Send(t); len(ms) != 0 {
			t.Fatalf("the callback is still open and %+v was sent", ms)
		}
		closeTask(t, r, open)
		r.Forward(t, 90*time.Minute)
		if ms := r.Send(t); len(ms) != 1 || ms[0].To != phone {
			t.Errorf("the callback is closed and %+v was sent", ms)
		}
	})
}

// TestNoGreetingAfterALowScore: thirty days, although the callback is closed.
func TestNoGreetingAfterALowScore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := greetings(t, st)
		closeTask(t, r, callbackOf(t, r, r.Visit(t, "1001", "Иванов Иван", phone, 25*time.Hour), "low_score", 20*24*time.Hour))
		closeTask(t, r, callbackOf(t, r, r.Visit(t, "1002", "Петров Пётр", "+79000000102", 25*time.Hour), "low_score", 31*24*time.Hour))
		if ms := r.Send(t); len(ms) != 1 || ms[0].To != "+79000000102" {
			t.Errorf("sent %+v", ms)
		}
		if ds := decisions(t, r); !slices.Contains(ds, "greet:drop:low_score") {
			t.Errorf("decisions: %v", ds)
		}
	})
}

// TestGreetingYields: a greeting does not take the place of the survey that is planned.
func TestGreetingYields(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := greetings(t, st)
		r.Visit(t, "1001", "Иванов Иван", phone, 25*time.Hour)
		if ms := r.Send(t); len(ms) != 1 {
			t.Fatalf("the first greeting: %+v", ms)
		}
		// Two more messages in the week that allows one more: a greeting today, a survey tomorrow.
		survey, err := program.Parse("survey", []byte("id: survey\ntrigger: visit_completed\nresponsible: operator\nsteps:\n  - {id: survey, purpose: survey, survey: after-service, channels: [sms], earliest: 48h, target: 49h, deadline: 72h}\n"))
		if err != nil {
			t.Fatal(err)
		}
		r.Planner.Programs()["survey"] = survey
		r.Visit(t, "1002", "Иванов Иван", phone, 25*time.Hour)
		if ms := r.Send(t); len(ms) != 0 {
			t.Fatalf("the greeting took the survey's place: %+v", ms)
		}
		if ds := decisions(t, r); !slices.Contains(ds, "greet:hold:yields") {
			t.Errorf("decisions: %v", ds)
		}
		r.Forward(t, 23*time.Hour+30*time.Minute)
		if ms := r.Send(t); len(ms) != 1 {
			t.Errorf("the survey does not leave: %+v, %v", ms, decisions(t, r))
		}
		r.Forward(t, 90*time.Minute)
		if ms := r.Send(t); len(ms) != 0 || !slices.Contains(decisions(t, r), "greet:hold:cap") {
			t.Errorf("a third message in the week: %+v, %v", ms, decisions(t, r))
		}
	})
}

// TestCompanyIsNotGreeted, although it has an address and a visit.
func TestCompanyIsNotGreeted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := greetings(t, st)
		v := storetest.Visit("1001", "ООО Ромашка", phone, r.Clock.Business().Add(-25*time.Hour))
		v.Customer.Company = true
		storetest.Save(t, r.Store, r.Dealer, v)
		if ms := r.Send(t); len(ms) != 0 {
			t.Errorf("sent %+v", ms)
		}
		if ds := decisions(t, r); !slices.Contains(ds, "greet:drop:company_not_greeted") {
			t.Errorf("decisions: %v", ds)
		}
	})
}

// TestNothingGoesToOneWhoHasDied: no survey, no call.
func TestNothingGoesToOneWhoHasDied(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		v := storetest.Visit("1001", "Иванов Иван", phone, r.Clock.Business().Add(-49*time.Hour))
		v.Customer.Deceased = true
		storetest.Save(t, r.Store, r.Dealer, v)
		if ms := r.Send(t); len(ms) != 0 {
			t.Errorf("sent %+v", ms)
		}
		if ds := decisions(t, r); !slices.Contains(ds, "survey:drop:deceased") || !slices.Contains(ds, "call:drop:deceased") {
			t.Errorf("decisions: %v", ds)
		}
	})
}

// TestNoGreetingForASoldCar: the visit's car is not his any more.
func TestNoGreetingForASoldCar(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := greetings(t, st)
		v := storetest.Visit("1001", "Иванов Иван", phone, r.Clock.Business().Add(-25*time.Hour))
		saved := storetest.Save(t, r.Store, r.Dealer, v)[0]
		cars, err := st.VehiclesOf(t.Context(), saved.ContactID)
		if err != nil || len(cars) != 1 {
			t.Fatal(cars, err)
		}
		if err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error { return tx.SellVehicle(t.Context(), cars[0].ID, r.Clock.Business()) }); err != nil {
			t.Fatal(err)
		}
		if ms := r.Send(t); len(ms) != 0 {
			t.Errorf("sent %+v", ms)
		}
		if ds := decisions(t, r); !slices.Contains(ds, "greet:drop:vehicle_sold") {
			t.Errorf("decisions: %v", ds)
		}
	})
}

// TestNoBirthdayOfASoldCar: no visit is the subject, the car is; one that was sold after
// it was planned for gets no wishes either.
func TestNoBirthdayOfASoldCar(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		now := r.Clock.Business()
		if err := st.SetProgram(t.Context(), store.ProgramSetting{DealerID: r.Dealer.ID, Program: "car-birthday", Running: true, ChangedAt: now}); err != nil {
			t.Fatal(err)
		}
		day := now.In(r.Dealer.Location()).AddDate(-1, 0, 1)
		ids := map[string]string{}
		err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
			for i, to := range []string{phone, "+79000000102", "+79000000103"} {
				c := store.ContactRecord{Name: fmt.Sprint("Клиент ", i), Phones: []string{to}}
				car := store.CarRecord{VIN: fmt.Sprint("XTA0000000000000", i), Model: "LADA Vesta", DeliveredOn: day.Format(time.DateOnly)}
				saved, err := tx.SaveDeliveries(t.Context(), r.Dealer, []store.DeliveryRecord{{Number: fmt.Sprint(i), HandedOverAt: day, Customer: c, Car: car}}, now)
				if err != nil {
					return err
				}
				ids[to] = saved[0].SubjectID
			}
			return tx.SellVehicle(t.Context(), ids["+79000000103"], now)
		})
		if err != nil {
			t.Fatal(err)
		}
		r.Send(t)
		if err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error { return tx.SellVehicle(t.Context(), ids[phone], now) }); err != nil {
			t.Fatal(err)
		}
		r.Forward(t, 24*time.Hour+time.Minute)
		if ms := r.Send(t); len(ms) != 1 || ms[0].To != "+79000000102" {
			t.Errorf("sent %+v", ms)
		}
		if ds := decisions(t, r); strings.Count(strings.Join(ds, " "), "greeting:drop:vehicle_sold") != 1 {
			t.Errorf("decisions: %v", ds)
		}
	})
}

// TestOwnHours: what a person said about when to write to him holds a message, in the run
// and in what is foreseen of it alike.
func TestOwnHours(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := greetings(t, st) // at noon where he lives
		id := r.Visit(t, "1001", "Иванов Иван", phone, 25*time.Hour)
		if err := st.SetHours(t.Context(), id, "18:00-20:00", store.Employee{}, r.Dealer.ID, r.Clock.Business()); err != nil {
			t.Fatal(err)
		}
		if ms := r.Send(t); len(ms) != 0 {
			t.Fatalf("sent before his hours: %+v", ms)
		}
		os, err := st.OutreachOf(t.Context(), id)
		if err != nil || len(os) != 1 || os[0].Rule != policy.RuleHours || !strings.Contains(os[0].Inputs, "18:00-19:00") {
			t.Fatalf("outreach: %+v, %v", os, err)
		}
		if _, err := r.Clock.Advance(6*time.Hour + time.Minute); err != nil {
			t.Fatal(err)
		}
		if ms := r.Send(t); len(ms) != 1 {
			t.Errorf("sent in his hours: %+v", ms)
		}
	})
}

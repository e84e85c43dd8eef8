package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// waits are the events that wait, as "kind, hours from now, whose".
func waits(t *testing.T, st *store.Store, d store.Dealer) string {
	t.Helper()
	out := []string{}
	for _, e := range storetest.Events(t, st, d.ID) {
		out = append(out, fmt.Sprint(e.Kind, e.At.Sub(now).Hours()))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// takeAll has the planner take all events up, and returns them.
func takeAll(t *testing.T, st *store.Store) (out []store.Event) {
	t.Helper()
	for part := range st.TakeParts() {
		_, _, _, err := st.TakeUp(t.Context(), store.Taking{Part: part}, now, func(x store.Taken) store.Planned {
			out = append(out, x.Events...)
			return store.Planned{}
		})
		must(t, err)
	}
	return out
}

func person(name, phone string) store.ContactRecord {
	return store.ContactRecord{Name: name, Phones: []string{phone}}
}

func bookings(t *testing.T, st *store.Store, d store.Dealer, rs ...store.AppointmentRecord) []store.SavedRecord {
	t.Helper()
	var out []store.SavedRecord
	inTx(t, st, func(tx *store.Tx) (err error) {
		out, err = tx.SaveAppointments(t.Context(), d, rs, now)
		return err
	})
	return out
}

// TestAppointments walks appointments through what dealer systems tell of them: each
// row goes on from the one before.
func TestAppointments(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		in := func(h int) time.Time { return now.Add(time.Duration(h) * time.Hour) }
		ivan, anna := person("Иванов Иван", "+79000000001"), person("Петрова Анна", "+79000000002")
		car := store.CarRecord{VIN: "XTA1", Plate: "А1", Model: "Vesta"}
		for _, tt := range []struct {
			name  string
			r     store.AppointmentRecord
			saved store.Saved
			state string
			want  string // events
		}{
			{"booked", store.AppointmentRecord{Number: "1", StartsAt: in(20), Works: []string{"ТО"}, Advisor: "Орлова", Customer: ivan, Car: car}, store.Stored, "booked", "appointment_booked20"},
			{"the same again", store.AppointmentRecord{Number: "1", StartsAt: in(20), Works: []string{"ТО"}, Advisor: "Орлова", Customer: ivan, Car: car}, store.Unchanged, "booked", ""},
			{"moved", store.AppointmentRecord{Number: "1", StartsAt: in(30), Customer: ivan, Car: car}, store.Updated, "booked", "appointment_booked30"},
			{"told more, not moved", store.AppointmentRecord{Number: "1", StartsAt: in(30), Request: "стук", Attention: true, Customer: ivan, Car: car}, store.Updated, "booked", ""},
			{"canceled", store.AppointmentRecord{Number: "1", StartsAt: in(30), State: "canceled", Customer: ivan, Car: car}, store.Updated, "canceled", "appointment_canceled0"},
			{"taken back", store.AppointmentRecord{Number: "1", StartsAt: in(30), State: "booked", Customer: ivan, Car: car}, store.Updated, "booked", "appointment_booked30"},
			{"of another customer and car", store.AppointmentRecord{Number: "1", StartsAt: in(31), Customer: anna}, store.Foreign, "booked", ""},
			{"of another customer with the car", store.AppointmentRecord{Number: "1", StartsAt: in(30), Customer: anna, Car: car}, store.Updated, "booked", "appointment_booked30"},
			{"arrived", store.AppointmentRecord{Number: "1", StartsAt: in(30), State: "arrived", Customer: anna, Car: car}, store.Updated, "arrived", "appointment_arrived0"},
			{"still booked, says the system", store.AppointmentRecord{Number: "1", StartsAt: in(30), State: "booked", Department: "Цех", Customer: anna, Car: car}, store.Updated, "arrived", ""},
			{"no number", store.AppointmentRecord{StartsAt: in(20), Customer: ivan, Car: car}, store.Stored, "booked", "appointment_booked20"},
			{"no number, the same", store.AppointmentRecord{StartsAt: in(20), Customer: ivan, Car: car}, store.Unchanged, "booked", ""},
			{"no number, an hour later", store.AppointmentRecord{StartsAt: in(21), Customer: ivan, Car: car}, store.Updated, "booked", "appointment_booked21"},
			{"no number, another day", store.AppointmentRecord{StartsAt: in(100), Customer: ivan, Car: car}, store.Stored, "booked", "appointment_booked100"},
			{"over before it was known", store.AppointmentRecord{Number: "2", StartsAt: in(-5), Customer: ivan}, store.Stored, "booked", ""},
			{"missed, says the system", store.AppointmentRecord{Number: "2", StartsAt: in(-5), State: "missed", Customer: ivan}, store.Updated, "missed", "appointment_missed-5"},
			{"long over before it was known", store.AppointmentRecord{Number: "6", StartsAt: in(-24), Customer: ivan}, store.Stored, "booked", ""},
			{"missed a day ago, says the system: nobody calls for it", store.AppointmentRecord{Number: "6", StartsAt: in(-24), State: "missed", Customer: ivan}, store.Updated, "missed", ""},
			{"missed a day ago from the beginning", store.AppointmentRecord{Number: "7", StartsAt: in(-24), State: "missed", Customer: anna}, store.Stored, "missed", ""},
			{"missed less than a day ago from the beginning", store.AppointmentRecord{Number: "8", StartsAt: in(-23), State: "missed", Customer: anna}, store.Stored, "missed", "appointment_missed-23"},
			{"canceled from the beginning", store.AppointmentRecord{Number: "3", StartsAt: in(5), State: "canceled", Customer: ivan}, store.Stored, "canceled", ""},
			{"warranty, no slot", store.AppointmentRecord{Number: "4", RequestedAt: in(-1), Warranty: true, Customer: ivan}, store.Stored, "requested", "warranty_requested-1"},
			{"warranty, too late a slot", store.AppointmentRecord{Number: "4", RequestedAt: in(-1), StartsAt: in(48), Warranty: true, Customer: ivan}, store.Updated, "booked", "appointment_booked48"},
			{"warranty, a slot in time", store.AppointmentRecord{Number: "4", RequestedAt: in(-1), StartsAt: in(47), Warranty: true, Customer: ivan}, store.Updated, "booked", "appointment_booked47 warranty_settled0"},
			{"warranty, the car stands", store.AppointmentRecord{Number: "4", RequestedAt: in(-1), StartsAt: in(47), Warranty: true, Immobile: true, Customer: ivan}, store.Updated, "booked", "warranty_requested-1"},
			{"warranty, he agreed", store.AppointmentRecord{Number: "4", RequestedAt: in(-1), StartsAt: in(47), Warranty: true, Immobile: true, AgreedOther: true, Customer: ivan}, store.Updated, "booked", "warranty_settled0"},
			{"warranty in time at once", store.AppointmentRecord{Number: "5", RequestedAt: in(0), StartsAt: in(10), Warranty: true, Customer: ivan}, store.Stored, "booked", "appointment_booked10"},
		} {
			got := bookings(t, st, d, tt.r)[0]
			if got.Saved != tt.saved {
				t.Errorf("%s: %s", tt.name, got.Saved)
			}
			as, err := st.Appointments(t.Context(), []string{got.SubjectID})
			must(t, err)
			if a := as[got.SubjectID]; a.State != tt.state {
				t.Errorf("%s: state %q", tt.name, a.State)
			}
			if es := waits(t, st, d); es != tt.want {
				t.Errorf("%s: events %q, want %q", tt.name, es, tt.want)
			}
			for _, e := range takeAll(t, st) {
				if e.SubjectID != got.SubjectID || e.ContactID != got.ContactID || e.DealerID != d.ID {
					t.Errorf("%s: event %+v of %+v", tt.name, e, got)
				}
			}
		}
	})
}

// TestWaitingEventIsMoved: what is told again before the planner has taken it up is one
// event, at the time that was told last and of whom it is about then.
func TestWaitingEventIsMoved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		ivan, anna := person("Иванов Иван", "+79000000001"), person("Петрова Анна", "+79000000002")
		car := store.CarRecord{VIN: "XTA1", Plate: "А1", Model: "Vesta"}
		bookings(t, st, d, store.AppointmentRecord{Number: "1", StartsAt: now.Add(20 * time.Hour), Customer: ivan, Car: car})
		bookings(t, st, d, store.AppointmentRecord{Number: "2", StartsAt: now.Add(10 * time.Hour), Customer: ivan})
		hers := bookings(t, st, d, store.AppointmentRecord{Number: "1", StartsAt: now.Add(30 * time.Hour), Customer: anna, Car: car})[0]
		if es := waits(t, st, d); es != "appointment_booked10 appointment_booked30" {
			t.Errorf("events %q", es)
		}
		for _, e := range takeAll(t, st) {
			if e.SubjectID == hers.SubjectID && e.ContactID != hers.ContactID {
				t.Errorf("the moved event is %+v", e)
			}
		}
	})
}

// TestAppointmentKept: what a record does not tell stays, and everything it tells is
// read back.
func TestAppointmentKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		r := store.AppointmentRecord{Number: "1", Order: "ЗН-1", StartsAt: now.Add(24 * time.Hour), RequestedAt: now.Add(-time.Hour), PromisedAt: now.Add(30 * time.Hour), Advisor: "Орлова", Department: "Цех",
			Works: []string{"ТО", "колодки"}, Request: "стук", AttentionReason: "повторный ремонт", Warranty: true, Immobile: true, AgreedOther: true,
			Customer: person("Иванов Иван", "+79000000001"), Car: store.CarRecord{VIN: "XTA1", Plate: "А1", Make: "LADA", Model: "Vesta", Mileage: 5}}
		id := bookings(t, st, d, r)[0].SubjectID
		first, err := st.Appointments(t.Context(), []string{id})
		must(t, err)
		a := first[id]
		if a.Number != "1" || a.Order != "ЗН-1" || !a.StartsAt.Equal(r.StartsAt) || !a.RequestedAt.Equal(r.RequestedAt) || !a.PromisedAt.Equal(r.PromisedAt) || a.Advisor != "Орлова" || a.Department != "Цех" ||
			!slices.Equal(a.Works, r.Works) || a.Request != "стук" || !a.Attention || a.AttentionReason != "повторный ремонт" || !a.Warranty || !a.Immobile || !a.AgreedOther || a.ContactName != "Иванов Иван" ||
			a.Vehicle.VIN != "XTA1" || a.Vehicle.Make != "LADA" || a.Vehicle.Model != "Vesta" || a.Vehicle.Mileage != 5 || a.VehicleID == "" {
			t.Errorf("stored %+v", a)
		}
		bookings(t, st, d, store.AppointmentRecord{Number: "1", StartsAt: now.Add(25 * time.Hour), Customer: r.Customer})
		again, err := st.Appointments(t.Context(), []string{id})
		must(t, err)
		a.StartsAt = a.StartsAt.Add(time.Hour)
		if got := fmt.Sprintf("%+v", again[id]); got != fmt.Sprintf("%+v", a) {
			t.Errorf("a record with less:\n%s\nwant\n%+v", got, a)
		}
		if of, err := st.AppointmentsOf(t.Context(), a.ContactID); err != nil || len(of) != 1 || of[0].ID != id {
			t.Errorf("of the contact: %+v, %v", of, err)
		}
	})
}

// TestMoveAppointment: what people note at the desk.
func TestMoveAppointment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		saved := bookings(t, st, d, store.AppointmentRecord{Number: "1", Order: "ЗН-1", StartsAt: now.Add(time.Hour), Customer: person("Иванов Иван", "+79000000001")})
		takeAll(t, st)
		for _, tt := range []struct {
			to, want string
			changed  bool
			err      error
		}{
			{"canceled", "appointment_canceled0", true, nil},
			{"canceled", "appointment_canceled0", false, nil},
			{"done", "appointment_canceled0", false, store.ErrState},
			{"arrived", "appointment_arrived0", true, nil},
			{"canceled", "appointment_arrived0", false, store.ErrState},
			{"missed", "appointment_arrived0", false, store.ErrState},
			{"done", "appointment_arrived0", true, nil},
			{"arrived", "appointment_arrived0", false, store.ErrState},
		} {
			var changed bool
			err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
				a, err := tx.AppointmentByNumber(t.Context(), d.ID, map[bool]string{true: "1", false: "ЗН-1"}[tt.changed])
				must(t, err)
				changed, err = tx.MoveAppointment(t.Context(), a, tt.to, now)
				return err
			})
			if changed != tt.changed || !errors.Is(err, tt.err) {
				t.Errorf("to %s: %v, %v", tt.to, changed, err)
			}
			if es := waits(t, st, d); es != tt.want {
				t.Errorf("to %s: events %q, want %q", tt.to, es, tt.want)
			}
		}
		if as, err := st.Appointments(t.Context(), []string{saved[0].SubjectID}); err != nil || !as[saved[0].SubjectID].ArrivedAt.Equal(now) {
			t.Errorf("%+v, %v", as, err)
		}
		inTx(t, st, func(tx *store.Tx) error {
			if _, err := tx.AppointmentByNumber(t.Context(), d.ID, "2"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("no such number: %v", err)
			}
			return nil
		})
	})
}

// TestMarkMissed: each appointment of today that nobody came to is found once, by
// however many nodes, and only those.
func TestMarkMissed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		at := func(number string, h float64) store.AppointmentRecord {
			return store.AppointmentRecord{Number: number, StartsAt: now.Add(time.Duration(h * float64(time.Hour))), Customer: person("Иванов "+number, "+7900000"+number)}
		}
		rs := []store.AppointmentRecord{at("arrived", 1), at("canceled", 1), at("later", 3), at("before", -1)}
		for i := range 9 {
			rs = append(rs, at(fmt.Sprint("000", i), 1+float64(i)/10))
		}
		saved := bookings(t, st, d, rs...)
		inTx(t, st, func(tx *store.Tx) error {
			for i, to := range []string{store.AppointmentArrived, store.AppointmentCanceled} {
				a, err := tx.Appointment(t.Context(), saved[i].SubjectID)
				must(t, err)
				_, err = tx.MoveAppointment(t.Context(), a, to, now)
				must(t, err)
			}
			return nil
		})
		takeAll(t, st)
		if next, err := st.NextStart(t.Context(), now); err != nil || !next.Equal(now.Add(time.Hour)) {
			t.Errorf("next start %s, %v", next, err)
		}
		if n, err := st.MarkMissed(t.Context(), now.Add(time.Hour-time.Second)); err != nil || n != 0 {
			t.Errorf("before its start: %d, %v", n, err)
		}
		var found [4]int
		var nodes sync.WaitGroup
		for i := range found {
			nodes.Go(func() {
				n, err := st.MarkMissed(t.Context(), now.Add(2*time.Hour))
				if err != nil {
					t.Error(err)
				}
				found[i] = n
			})
		}
		nodes.Wait()
		if sum := found[0] + found[1] + found[2] + found[3]; sum != 9 {
			t.Errorf("four nodes found %v", found)
		}
		es := takeAll(t, st)
		if len(es) != 9 {
			t.Errorf("%d events", len(es))
		}
		for _, e := range es {
			if e.Kind != store.EventAppointmentMissed || e.At.Before(now.Add(time.Hour)) || e.At.After(now.Add(2*time.Hour)) {
				t.Errorf("event %+v", e)
			}
		}
		// The day after nobody can say any more whether he came.
		if n, err := st.MarkMissed(t.Context(), now.Add(26*time.Hour)); err != nil || n != 0 {
			t.Errorf("the day after: %d, %v", n, err)
		}
	})
}

// TestVisitEndsItsAppointment: a visit of the same person, or of the same car, on the day of
// an appointment has come of it; another day's is another stay.
func TestVisitEndsItsAppointment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, d := t.Context(), storetest.Dealer(t, st)
		day := storetest.Now.Add(-24 * time.Hour)
		who := func(name, phone string) store.ContactRecord {
			return store.ContactRecord{Name: name, Given: name, Phones: []string{phone}}
		}
		states := func() map[string]string {
			out := map[string]string{}
			as, err := st.ListAppointments(ctx, store.AppointmentFilter{DealerID: d.ID, From: day.Add(-72 * time.Hour), To: day.Add(72 * time.Hour), Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range as {
				out[a.Number] = a.State
			}
			return out
		}
		err := st.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
			_, err := tx.SaveAppointments(ctx, d, []store.AppointmentRecord{
				{Number: "person", StartsAt: day.Add(-2 * time.Hour), Customer: who("Анна", "+79000000301")},
				{Number: "car", State: store.AppointmentArrived, StartsAt: day.Add(-3 * time.Hour), Customer: who("Борис", "+79000000302"), Car: store.CarRecord{VIN: "XTA3003"}},
				{Number: "another day", StartsAt: day.Add(-26 * time.Hour), Customer: who("Анна", "+79000000301")},
				{Number: "another person", StartsAt: day.Add(-2 * time.Hour), Customer: who("Вера", "+79000000304")},
				{Number: "off", State: store.AppointmentCanceled, StartsAt: day.Add(-time.Hour), Customer: who("Анна", "+79000000301")},
			}, storetest.Now)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		before := states()
		storetest.Save(t, st, d, storetest.Visit("3001", "Анна", "+79000000301", day), storetest.Visit("3003", "Глеб", "+79000000303", day))
		after := states()
		for number, was := range before {
			want := was
			if number == "person" || number == "car" {
				want = store.AppointmentDone
			}
			if after[number] != want {
				t.Errorf("%s is %s, want %s", number, after[number], want)
			}
		}
	})
}

// TestSearchByTag finds people by the dealer's own words, also beside a name.
func TestSearchByTag(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, d := t.Context(), storetest.Dealer(t, st)
		err := st.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
			_, err := tx.SaveContacts(ctx, d, []store.ContactRecord{{Name: "Анна Петрова", Tags: []string{"Автоклуб", "такси"}}, {Name: "Борис Петров", Tags: []string{"такси"}}}, storetest.Now)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]int{"автоклуб": 1, "ТАКСИ": 2, "такси анна": 1, "автоклуб борис": 0} {
			if cs, err := st.SearchContacts(ctx, d.ID, query, 10); err != nil || len(cs) != want {
				t.Errorf("%q finds %d, want %d, %v", query, len(cs), want, err)
			}
		}
	})
}

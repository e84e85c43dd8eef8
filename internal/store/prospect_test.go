package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestProspects walks prospects through what dealer systems tell of them: each row
// goes on from the one before.
func TestProspects(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		in := func(h int) time.Time { return now.Add(time.Duration(h) * time.Hour) }
		ivan, anna := person("Иванов Иван", "+79000000001"), person("Петрова Анна", "+79000000002")
		for _, tt := range []struct {
			name  string
			r     store.ProspectRecord
			saved store.Saved
			state string
			due   time.Time
			want  string // events
		}{
			{"new", store.ProspectRecord{Number: "1", Model: "Vesta", ContactedAt: in(-10), DueAt: in(100), Customer: ivan}, store.Stored, "new", in(100), "prospect_contacted-10"},
			{"the same again", store.ProspectRecord{Number: "1", Model: "Vesta", ContactedAt: in(-10), DueAt: in(100), Customer: ivan}, store.Unchanged, "new", in(100), ""},
			{"told more, not contacted", store.ProspectRecord{Number: "1", Model: "Vesta", Notes: "есть дети", ContactedAt: in(-10), DueAt: in(100), Customer: ivan}, store.Updated, "new", in(100), ""},
			{"contacted", store.ProspectRecord{Number: "1", State: "contacted", ContactedAt: in(-2), DueAt: in(120), Customer: ivan}, store.Updated, "contacted", in(120), "prospect_contacted-2"},
			{"a date was agreed", store.ProspectRecord{Number: "1", ContactedAt: in(-2), DueAt: in(120), AgreedAt: in(30), Customer: ivan}, store.Updated, "contacted", in(30), "prospect_agreed30"},
			{"the system is behind", store.ProspectRecord{Number: "1", ContactedAt: in(-50), DueAt: in(10), Customer: ivan}, store.Updated, "contacted", in(30), ""},
			{"contacted, nothing agreed", store.ProspectRecord{Number: "1", ContactedAt: in(-1), DueAt: in(130), Customer: ivan}, store.Updated, "contacted", in(130), "prospect_contacted-1"},
			{"of another customer", store.ProspectRecord{Number: "1", ContactedAt: in(0), Customer: anna}, store.Foreign, "contacted", in(130), ""},
			{"lost", store.ProspectRecord{Number: "1", State: "lost", Outcome: "дорого", ContactedAt: in(-1), Customer: ivan}, store.Updated, "lost", in(130), "prospect_closed0"},
			{"lost, and told so again", store.ProspectRecord{Number: "1", State: "lost", Outcome: "купил у других", ContactedAt: in(-1), Customer: ivan}, store.Updated, "lost", in(130), ""},
			{"came back", store.ProspectRecord{Number: "1", State: "meeting", ContactedAt: in(0), DueAt: in(150), Customer: ivan}, store.Updated, "meeting", in(150), "prospect_contacted0"},
			{"lost from the beginning", store.ProspectRecord{Number: "2", State: "lost", ContactedAt: in(-5), Customer: anna}, store.Stored, "lost", in(-5), ""},
			{"no number", store.ProspectRecord{Model: "Granta", ContactedAt: in(-5), DueAt: in(9), Customer: anna}, store.Stored, "new", in(9), "prospect_contacted-5"},
			{"no number, the same", store.ProspectRecord{Model: "Granta", ContactedAt: in(-5), DueAt: in(9), Customer: anna}, store.Unchanged, "new", in(9), ""},
			{"no number, contacted", store.ProspectRecord{ContactedAt: in(-3), DueAt: in(11), Customer: anna}, store.Updated, "new", in(11), "prospect_contacted-3"},
			{"no number, another model", store.ProspectRecord{Model: "XRAY", ContactedAt: in(-3), DueAt: in(11), Customer: anna}, store.Stored, "new", in(11), "prospect_contacted-3"},
		} {
			var got store.SavedRecord
			inTx(t, st, func(tx *store.Tx) error {
				out, err := tx.SaveProspects(t.Context(), d, []store.ProspectRecord{tt.r}, now)
				got = out[0]
				return err
			})
			if got.Saved != tt.saved {
				t.Errorf("%s: %s", tt.name, got.Saved)
			}
			ps, err := st.Prospects(t.Context(), []string{got.SubjectID})
			must(t, err)
			if p := ps[got.SubjectID]; p.State != tt.state || !p.DueAt.Equal(tt.due) {
				t.Errorf("%s: %s, due %s", tt.name, p.State, p.DueAt)
			}
			if es := waits(t, st, d); es != tt.want {
				t.Errorf("%s: events %q, want %q", tt.name, es, tt.want)
			}
			for _, e := range takeAll(t, st) {
				if e.SubjectID != got.SubjectID || e.ContactID != got.ContactID {
					t.Errorf("%s: event %+v of %+v", tt.name, e, got)
				}
			}
		}
	})
}

// TestClosedProspectIsNotCalled: what waits for the planner about a prospect is void once
// he has bought or will not, and his closing is void once he is back.
func TestClosedProspectIsNotCalled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		ivan, anna := person("Иванов Иван", "+79000000001"), person("Петрова Анна", "+79000000002")
		save := func(rs ...store.ProspectRecord) {
			t.Helper()
			inTx(t, st, func(tx *store.Tx) error {
				_, err := tx.SaveProspects(t.Context(), d, rs, now)
				return err
			})
		}
		save(store.ProspectRecord{Number: "contacted", ContactedAt: now.Add(-2 * time.Hour), Customer: ivan},
			store.ProspectRecord{Number: "agreed", ContactedAt: now.Add(-3 * time.Hour), AgreedAt: now.Add(5 * time.Hour), Customer: anna})
		if es := waits(t, st, d); es != "prospect_agreed5 prospect_contacted-2" {
			t.Fatalf("events %q", es)
		}
		save(store.ProspectRecord{Number: "contacted", State: store.ProspectLost, ContactedAt: now.Add(-2 * time.Hour), Customer: ivan},
			store.ProspectRecord{Number: "agreed", State: store.ProspectWon, ContactedAt: now.Add(-3 * time.Hour), Customer: anna})
		if es := waits(t, st, d); es != "prospect_closed0 prospect_closed0" {
			t.Errorf("closed, and there wait %q", es)
		}
		save(store.ProspectRecord{Number: "contacted", State: store.ProspectContacted, ContactedAt: now.Add(-time.Hour), Customer: ivan})
		if es := waits(t, st, d); es != "prospect_closed0 prospect_contacted-1" {
			t.Errorf("back, and there wait %q", es)
		}
	})
}

// TestProspectKept: what a record does not tell stays, and everything it tells is read
// back; the contact is a prospect until he is a customer.
func TestProspectKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		r := store.ProspectRecord{Number: "1", Origin: "выставка", ContactKind: "звонок", Model: "Vesta SW", Options: "люк", Payment: "кредит", TestDrive: "да", Notes: "дети", Consultant: "Зимин П.", State: "contacted",
			Outcome: "думает", ContactedAt: now.Add(-time.Hour), AgreedAt: now.Add(50 * time.Hour), Customer: person("Иванов Иван", "+79000000001")}
		save := func(r store.ProspectRecord) (out []store.SavedRecord) {
			inTx(t, st, func(tx *store.Tx) (err error) {
				out, err = tx.SaveProspects(ctx, d, []store.ProspectRecord{r}, now)
				return err
			})
			return out
		}
		saved := save(r)[0]
		read := func() store.Prospect {
			ps, err := st.ProspectsOf(ctx, saved.ContactID)
			if err != nil || len(ps) != 1 {
				t.Fatalf("of the contact: %+v, %v", ps, err)
			}
			return ps[0]
		}
		p := read()
		if p.ID != saved.SubjectID || p.Number != "1" || p.Origin != "выставка" || p.ContactKind != "звонок" || p.Model != "Vesta SW" || p.Options != "люк" || p.Payment != "кредит" || p.TestDrive != "да" || p.Notes != "дети" ||
			p.Consultant != "Зимин П." || p.State != "contacted" || p.Outcome != "думает" || !p.ContactedAt.Equal(r.ContactedAt) || !p.AgreedAt.Equal(r.AgreedAt) || !p.DueAt.Equal(r.AgreedAt) || p.ContactName != "Иванов Иван" || !p.Open() {
			t.Errorf("stored %+v", p)
		}
		save(store.ProspectRecord{Number: "1", Options: "люк, камера", ContactedAt: r.ContactedAt, Customer: r.Customer})
		p.Options = "люк, камера"
		if got := read(); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", p) {
			t.Errorf("a record with less:\n%+v\nwant\n%+v", got, p)
		}
		prospect := func() bool {
			c, err := st.Contact(ctx, saved.ContactID)
			must(t, err)
			return c.Prospect
		}
		bookings(t, st, d, store.AppointmentRecord{Number: "ТД", StartsAt: now.Add(time.Hour), Customer: r.Customer})
		if !prospect() {
			t.Error("a test drive made him a customer")
		}
		storetest.Save(t, st, d, storetest.Visit("ЗН", "Иванов Иван", "+79000000001", now))
		if prospect() {
			t.Error("a visit did not make him a customer")
		}
	})
}

// TestProspectBoard pages through a state in the order in which they are due.
func TestProspectBoard(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		inTx(t, st, func(tx *store.Tx) error {
			var rs []store.ProspectRecord
			for i := range 7 {
				who := []string{"Зимин", "Лаврова"}[i%2]
				rs = append(rs, store.ProspectRecord{Number: fmt.Sprint(i), Consultant: who, ContactedAt: now.Add(-time.Hour), DueAt: now.Add(time.Duration(i/2-1) * time.Hour), Customer: person(fmt.Sprint("Иванов ", i), fmt.Sprint("+7900000000", i))})
			}
			rs = append(rs, store.ProspectRecord{Number: "won", State: "won", ContactedAt: now.Add(-time.Hour), Customer: person("Петрова", "+79000000009")})
			_, err := tx.SaveProspects(ctx, d, rs, now)
			return err
		})
		var got string
		f := store.ProspectFilter{DealerID: d.ID, State: "new", Limit: 2}
		for {
			ps, err := st.ListProspects(ctx, f)
			must(t, err)
			if len(ps) == 0 {
				break
			}
			for _, p := range ps {
				got += p.Number
			}
			f.After = ps[len(ps)-1].ID
		}
		if got != "0123456" {
			t.Errorf("pages: %s", got)
		}
		ps, err := st.ListProspects(ctx, store.ProspectFilter{DealerID: d.ID, State: "new"})
		must(t, err)
		if own, err := st.ListProspects(ctx, store.ProspectFilter{DealerID: d.ID, State: "new", ConsultantID: ps[1].ConsultantID}); err != nil || len(own) != 3 || own[0].Consultant != "Лаврова" {
			t.Errorf("of one consultant: %+v, %v", own, err)
		}
		if _, err := st.ListProspects(ctx, store.ProspectFilter{DealerID: d.ID, State: "new", After: st.NewID()}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a cursor of nothing: %v", err)
		}
		counts, err := st.ProspectCounts(ctx, d.ID, "", now)
		if err != nil || counts["new"] != (store.ProspectCount{All: 7, Due: 4}) || counts["won"].All != 1 {
			t.Errorf("counts: %+v, %v", counts, err)
		}
	})
}

// TestDay pages through a dealer's day.
func TestDay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		var rs []store.AppointmentRecord
		for i, h := range []int{23, 0, 5, 5, 24, -1} {
			rs = append(rs, store.AppointmentRecord{Number: fmt.Sprint(i), StartsAt: now.Add(time.Duration(h) * time.Hour), Customer: person(fmt.Sprint("Иванов ", i), fmt.Sprint("+7900000000", i))})
		}
		bookings(t, st, d, rs...)
		var got string
		f := store.AppointmentFilter{DealerID: d.ID, From: now, To: now.Add(24 * time.Hour), Limit: 2}
		for {
			as, err := st.ListAppointments(t.Context(), f)
			must(t, err)
			if len(as) == 0 {
				break
			}
			for _, a := range as {
				got += a.Number
			}
			f.After = as[len(as)-1].ID
		}
		if got != "1230" {
			t.Errorf("pages: %s", got)
		}
		f.After = st.NewID()
		if _, err := st.ListAppointments(t.Context(), f); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a cursor of nothing: %v", err)
		}
	})
}

// TestDeliveries walks deliveries through what dealer systems tell of them: each row
// goes on from the one before.
func TestDeliveries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		ivan, anna := person("Иванов Иван", "+79000000001"), person("Петрова Анна", "+79000000002")
		car := func(vin, day string) store.CarRecord {
			return store.CarRecord{VIN: vin, Make: "LADA", Model: "LADA Vesta", DeliveredOn: day}
		}
		inTx(t, st, func(tx *store.Tx) error {
			_, err := tx.SaveProspects(ctx, d, []store.ProspectRecord{{Number: "л", Model: "Vesta", ContactedAt: now.AddDate(0, -1, 0), Customer: ivan}}, now)
			return err
		})
		takeAll(t, st)
		day := func(n int) time.Time { return now.AddDate(0, 0, n) }
		for _, tt := range []struct {
			name  string
			r     store.DeliveryRecord
			saved store.Saved
			cars  string // of Ivan and Anna: VIN, day, and whether it is gone
			want  string // events
		}{
			{"sold", store.DeliveryRecord{Number: "1", HandedOverAt: day(-2), Consultant: "Зимин", Customer: ivan, Car: car("A", "2026-11-20")}, store.Stored, "A 2026-11-20", "prospect_closed0 vehicle_delivered-48"},
			{"the same again", store.DeliveryRecord{Number: "1", HandedOverAt: day(-2), Consultant: "Зимин", Customer: ivan, Car: car("A", "2026-11-20")}, store.Unchanged, "A 2026-11-20", ""},
			{"told more", store.DeliveryRecord{Number: "1", HandedOverAt: day(-2), Customer: ivan, Car: store.CarRecord{VIN: "A", Plate: "А1", DeliveredOn: "2026-11-20"}}, store.Updated, "A 2026-11-20", ""},
			{"on another day", store.DeliveryRecord{Number: "1", HandedOverAt: day(-1), Customer: ivan, Car: car("A", "2026-11-21")}, store.Updated, "A 2026-11-21", "vehicle_delivered-24"},
			{"another car of the contract", store.DeliveryRecord{Number: "1", HandedOverAt: day(-1), Customer: ivan, Car: car("B", "2026-11-21")}, store.Stored, "A 2026-11-21, B 2026-11-21", "vehicle_delivered-24"},
			{"that again", store.DeliveryRecord{Number: "1", HandedOverAt: day(-1), Customer: ivan, Car: car("B", "2026-11-21")}, store.Unchanged, "A 2026-11-21, B 2026-11-21", ""},
			{"another customer and car", store.DeliveryRecord{Number: "1", HandedOverAt: day(-1), Customer: anna, Car: car("C", "2026-11-21")}, store.Foreign, "A 2026-11-21, B 2026-11-21", ""},
			{"resold", store.DeliveryRecord{HandedOverAt: now, Customer: anna, Car: car("A", "2026-11-22")}, store.Stored, "A 2026-11-21 gone, B 2026-11-21, A 2026-11-22", "vehicle_delivered0"},
			{"that again without a number", store.DeliveryRecord{HandedOverAt: now, Customer: anna, Car: car("A", "2026-11-22")}, store.Unchanged, "A 2026-11-21 gone, B 2026-11-21, A 2026-11-22", ""},
			{"the buyer was another", store.DeliveryRecord{Number: "1", HandedOverAt: day(-1), Customer: anna, Car: car("B", "2026-11-21")}, store.Foreign, "A 2026-11-21 gone, B 2026-11-21, A 2026-11-22", ""},
			{"sold to one", store.DeliveryRecord{Number: "2", HandedOverAt: now, Customer: ivan, Car: car("D", "2026-11-22")}, store.Stored, "A 2026-11-21 gone, B 2026-11-21, D 2026-11-22, A 2026-11-22", "vehicle_delivered0"},
			{"no, to the other", store.DeliveryRecord{Number: "2", HandedOverAt: now, Customer: anna, Car: car("D", "2026-11-22")}, store.Updated, "A 2026-11-21 gone, B 2026-11-21, D  gone, A 2026-11-22, D 2026-11-22", "vehicle_delivered0"},
		} {
			var got store.SavedRecord
			inTx(t, st, func(tx *store.Tx) error {
				out, err := tx.SaveDeliveries(ctx, d, []store.DeliveryRecord{tt.r}, now)
				must(t, err)
				got = out[0]
				return nil
			})
			if got.Saved != tt.saved {
				t.Errorf("%s: %s", tt.name, got.Saved)
			}
			if cars := garage(t, st, d, "Иванов", "Петрова"); cars != tt.cars {
				t.Errorf("%s: cars %q, want %q", tt.name, cars, tt.cars)
			}
			if es := waits(t, st, d); es != tt.want {
				t.Errorf("%s: events %q, want %q", tt.name, es, tt.want)
			}
			for _, e := range takeAll(t, st) {
				if e.Kind == store.EventVehicleDelivered && (e.SubjectID != got.SubjectID || e.ContactID != got.ContactID) {
					t.Errorf("%s: event %+v of %+v", tt.name, e, got)
				}
			}
		}
	})
}

// garage lists the cars of people in the order in which they got them.
func garage(t *testing.T, st *store.Store, d store.Dealer, names ...string) string {
	t.Helper()
	var out string
	for _, name := range names {
		cs, err := st.SearchContacts(t.Context(), d.ID, name, 5)
		must(t, err)
		for _, c := range cs {
			vs, err := st.VehiclesOf(t.Context(), c.ID)
			must(t, err)
			byDay := map[string]store.Vehicle{}
			for _, v := range vs {
				byDay[v.VIN] = v
			}
			for _, vin := range []string{"A", "B", "C", "D"} {
				v, ok := byDay[vin]
				if !ok {
					continue
				}
				out += ", " + v.VIN + " " + v.DeliveredOn
				if !v.SoldAt.IsZero() {
					out += " gone"
				}
			}
		}
	}
	return out[2:]
}

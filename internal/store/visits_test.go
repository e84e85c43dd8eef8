package store_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

func fates(rs []store.SavedRecord) []store.Saved {
	out := make([]store.Saved, len(rs))
	for i, r := range rs {
		out[i] = r.Saved
	}
	return out
}

// TestSaveOneOrderTwice brings an order twice in one chunk: the same, and changed.
func TestSaveOneOrderTwice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		a := storetest.Visit("1", "Иван", "+79000000001", now)
		b := a
		b.Works = []string{"ТО-4", "шины"}
		foreign := storetest.Visit("1", "Пётр", "+79000000002", now)
		foreign.VIN, foreign.Plate = "OTHER", "OTHER"
		got := storetest.Save(t, st, d, a, a, b, b, foreign)
		if want := []store.Saved{store.Stored, store.Unchanged, store.Updated, store.Unchanged, store.Foreign}; !slices.Equal(fates(got), want) {
			t.Errorf("fates = %v", fates(got))
		}
		v, err := st.Visit(t.Context(), got[0].VisitID)
		if err != nil || len(v.Works) != 2 {
			t.Errorf("visit = %+v, %v", v, err)
		}
		if es := storetest.Events(t, st, d.ID); len(es) != 1 {
			t.Errorf("%d events of one visit", len(es))
		}
	})
}

func TestSaveContacts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		first := storetest.Visit("1", "Петрова Анна", "+79000000001", now)
		first.Customer.ExternalID = "K1"
		id := storetest.Save(t, st, d, first)[0].ContactID

		// Known by the external id, under another name and number: the person is
		// the same, the number is new, the name stays.
		second := storetest.Visit("2", "Сидорова Анна", "+79000000002", now)
		second.Customer.ExternalID, second.Customer.Gender, second.Customer.GenderSource = "K1", "female", "data"
		if got := storetest.Save(t, st, d, second); got[0].ContactID != id {
			t.Errorf("the external id was not recognised: %+v", got)
		}
		c, err := st.Contact(ctx, id)
		if err != nil || c.Name != "Петрова Анна" || c.Gender != "female" || c.GenderSource != "data" || len(c.Addresses) != 2 || c.On(channels.Phone) != "+79000000001" {
			t.Errorf("contact = %+v, %v", c, err)
		}
		// What is known is not overwritten.
		third := storetest.Visit("3", "Петрова Анна", "+79000000001", now)
		third.Customer.Gender, third.Customer.GenderSource = "male", "patronymic"
		storetest.Save(t, st, d, third)
		if c, err := st.Contact(ctx, id); err != nil || c.Gender != "female" {
			t.Errorf("gender = %s, %v", c.Gender, err)
		}

		nobody := storetest.Visit("4", "Без Телефона", "", now)
		nobody.Customer.Phones = nil
		lost := storetest.Save(t, st, d, nobody)[0].ContactID
		if c, err := st.Contact(ctx, lost); err != nil || !c.Unreachable {
			t.Errorf("without an address: %+v, %v", c, err)
		}
		inTx(t, st, func(tx *store.Tx) error { return tx.Dial(ctx, lost, channels.Telegram, "77", now) })
		if c, err := st.Contact(ctx, lost); err != nil || c.Unreachable || c.On(channels.Telegram) != "77" {
			t.Errorf("after the chat was opened: %+v, %v", c, err)
		}
		// The newest chat comes first; an old one that is opened again, too.
		for _, chat := range []string{"78", "77"} {
			inTx(t, st, func(tx *store.Tx) error { return tx.Dial(ctx, lost, channels.Telegram, chat, now) })
			if c, err := st.Contact(ctx, lost); err != nil || c.On(channels.Telegram) != chat {
				t.Errorf("first chat = %+v, %v", c.Addresses, err)
			}
		}
		var got []store.SavedRecord
		inTx(t, st, func(tx *store.Tx) error {
			var err error
			got, err = tx.SaveContacts(ctx, d, []store.ContactRecord{{Name: "петрова  анна", Phones: []string{"+79000000001"}}, {Name: "Новая", Emails: []string{"n@example.org"}, Prospect: true},
				{Name: "Новая", Emails: []string{"n@example.org"}, Phones: []string{"+79000000008"}}}, now)
			return err
		})
		if want := []store.Saved{store.Unchanged, store.Stored, store.Updated}; !slices.Equal(fates(got), want) || got[0].ContactID != id || got[1].ContactID != got[2].ContactID {
			t.Errorf("saved = %+v", got)
		}
	})
}

// TestSaveVehicles: a car sold on is a car of each owner; a plate that comes later
// completes the car it belongs to.
func TestSaveVehicles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		car := func(order, name, phone, vin, plate string, mileage int) store.Visit {
			r := storetest.Visit(order, name, phone, now)
			r.VIN, r.Plate, r.Mileage = vin, plate, mileage
			v, err := st.Visit(ctx, storetest.Save(t, st, d, r)[0].VisitID)
			must(t, err)
			return v
		}
		a := car("1", "Первый", "+79000000001", "VIN1", "", 1000)
		b := car("2", "Первый", "+79000000001", "VIN1", "А1", 2000)
		c := car("3", "Первый", "+79000000001", "", "А1", 1500)
		if a.VehicleID != b.VehicleID || b.VehicleID != c.VehicleID || c.Vehicle.Mileage != 2000 || c.Vehicle.Plate != "А1" || c.Vehicle.VIN != "VIN1" {
			t.Errorf("one car: %+v, %+v, %+v", a.Vehicle, b.Vehicle, c.Vehicle)
		}
		if other := car("4", "Первый", "+79000000001", "VIN2", "А2", 10); other.VehicleID == a.VehicleID {
			t.Error("two VINs are two cars")
		}
		sold := car("5", "Второй", "+79000000002", "VIN1", "А1", 3000)
		if sold.VehicleID == a.VehicleID || sold.ContactID == a.ContactID {
			t.Errorf("sold on: %+v", sold)
		}
		if old, err := st.Visit(ctx, a.ID); err != nil || old.ContactID != a.ContactID || old.Vehicle.Mileage != 2000 {
			t.Errorf("the old owner's visit moved: %+v, %v", old, err)
		}
	})
}

// TestChangedVisit corrects time and customer of a visit that is planned already.
func TestChangedVisit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		r := storetest.Visit("1", "Иван", "+79000000001", now)
		saved := storetest.Save(t, st, d, r)[0]
		row := store.Outreach{DealerID: d.ID, ContactID: saved.ContactID, VisitID: saved.VisitID, Program: "p", ProgramVersion: 1, Occasion: saved.VisitID, Step: "survey", Purpose: outreach.Survey,
			State: outreach.Planned, DueAt: now.Add(24 * time.Hour), TargetAt: now.Add(24 * time.Hour), DeadlineAt: now.Add(48 * time.Hour)}
		take := func(shift time.Duration) (moved int64) {
			es := storetest.Events(t, st, d.ID)
			if len(es) != 1 || !es[0].At.Equal(now.Add(shift)) || es[0].VisitID != saved.VisitID {
				t.Fatalf("events = %+v", es)
			}
			for part := range st.TakeParts() {
				_, n, _, err := st.TakeUp(ctx, store.Taking{Part: part}, now, func(got store.Taken) (p store.Planned) {
					for _, e := range got.Events {
						o := row
						o.ContactID = e.ContactID
						o.DueAt, o.DeadlineAt = o.DueAt.Add(shift), o.DeadlineAt.Add(shift)
						p.Rows = append(p.Rows, o)
					}
					return p
				})
				must(t, err)
				moved += n
			}
			return moved
		}
		take(0)
		r.Works = []string{"иное"}
		storetest.Save(t, st, d, r)
		if es := storetest.Events(t, st, d.ID); len(es) != 0 {
			t.Errorf("works changed, the plan must not: %+v", es)
		}
		r.CompletedAt = now.Add(3 * time.Hour)
		storetest.Save(t, st, d, r)
		if moved := take(3 * time.Hour); moved != 1 {
			t.Errorf("moved %d", moved)
		}
		due := storetest.Due(t, st, d.ID, now, now.AddDate(0, 0, 9))
		if len(due) != 1 || !due[0].DueAt.Equal(now.Add(27*time.Hour)) {
			t.Errorf("due = %+v", due)
		}
		// The same car, in truth brought by somebody else: he is asked, not the first.
		r.Customer = store.ContactRecord{Name: "Мария", Phones: []string{"+79000000002"}}
		if got := storetest.Save(t, st, d, r)[0]; got.Saved != store.Updated || got.ContactID == saved.ContactID {
			t.Errorf("customer corrected: %+v", got)
		}
		take(3 * time.Hour)
		due = storetest.Due(t, st, d.ID, now, now.AddDate(0, 0, 9))
		if len(due) != 1 || due[0].ContactID == saved.ContactID {
			t.Errorf("due = %+v", due)
		}
	})
}

// TestSaveAtOnce lets nodes import the same people and orders at the same time.
func TestSaveAtOnce(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			url := storetest.FreshURL(t, engine)
			st := storetest.OpenURL(t, url)
			d := storetest.Dealer(t, st)
			var wg sync.WaitGroup
			var mu sync.Mutex
			contacts, stored := map[string]bool{}, 0
			for range 3 {
				node := storetest.OpenURL(t, url)
				wg.Go(func() {
					for i := range 5 {
						err := node.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
							got, err := tx.SaveVisits(t.Context(), d, []store.VisitRecord{storetest.Visit(string(rune('a'+i)), "Иван", "+79000000001", now)}, now)
							if err == nil {
								mu.Lock()
								defer mu.Unlock()
								contacts[got[0].ContactID] = true
								if got[0].Saved == store.Stored {
									stored++
								}
							}
							return err
						})
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if len(contacts) != 1 || stored != 5 {
				t.Errorf("%d contacts of one person, %d visits of 5", len(contacts), stored)
			}
		})
	}
}

func TestSearchContacts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		a := storetest.Visit("ЗН-1", "Щёкин-Петровский Иван Львович", "+79161234567", now)
		a.Plate, a.VIN = "А123ВС777", "XTA210990Y1234567"
		a.Customer.Emails = []string{"ivan@example.org"}
		b := storetest.Visit("ЗН-2", "Smith John", "+447700900123", now)
		c := storetest.Visit("ЗН-3", "王小明", "+8613800138000", now)
		none := storetest.Visit("ЗН-4", "100% Ltd", "+79160000009", now)
		none.Plate, none.VIN = "", ""
		got := storetest.Save(t, st, d, a, b, c, none)
		for _, tt := range []struct {
			query string
			want  int // index of the record, -1 for nobody
		}{
			{"щёкин", 0}, {"ЩЕКИН", 0}, {"Щёкин-Петровский Иван Львович", 0}, {"етровск", 0}, {"иван щекин", 0}, {"львович иван", 0}, {"Иванов", -1}, {"щекин олег", -1},
			{"+79161234567", 0}, {"+7 (916) 123-45-67", 0}, {"8 916 123 45 67", 0}, {"9161234567", 0}, {"4567", 0}, {"07700 900123", 1}, {"45678", -1}, {"916 123-45-68", -1},
			{"IVAN@example.org", 0}, {"а123вс777", 0}, {"А 123 ВС 777", 0}, {"xta210990y1234567", 0}, {"ЗН-2", 1}, {"smith", 1}, {"john sm", 1},
			{"王", 2}, {"小明", 2}, {"100%", 3}, {"%", -1}, {"_", -1}, {"____", -1}, {"1%0", -1}, {"  smith  ", 1}, {"' or 1=1 --", -1}, {"\\", -1},
		} {
			found, err := st.SearchContacts(t.Context(), d.ID, tt.query, 10)
			switch {
			case err != nil:
				t.Errorf("%q: %v", tt.query, err)
			case tt.want < 0 && len(found) != 0:
				t.Errorf("%q finds %s", tt.query, found[0].Name)
			case tt.want >= 0 && (len(found) != 1 || found[0].ID != got[tt.want].ContactID):
				t.Errorf("%q finds %+v", tt.query, found)
			}
		}
		if all, err := st.SearchContacts(t.Context(), d.ID, "", 3); err != nil || len(all) != 3 {
			t.Errorf("without a query: %d, %v", len(all), err)
		}
		if some, err := st.SearchContacts(t.Context(), d.ID, "и", 1); err != nil || len(some) > 1 {
			t.Errorf("over the limit: %d, %v", len(some), err)
		}
	})
}

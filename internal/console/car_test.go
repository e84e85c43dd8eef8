package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestCar: whoever looks after the car says on its owner's page that it is ready or late;
// the owner's programs hear of it once, it is audited, and others may not.
func TestCar(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		a := h.appointment(store.AppointmentRecord{Number: "З-77", State: store.AppointmentArrived, StartsAt: h.Clock.Business().Add(-time.Hour)})
		path := "/contacts/" + a.ContactID
		b := h.login("maria")
		if p := b.get(path); !strings.Contains(p.body, `action="`+path+`/car"`) || !strings.Contains(p.body, "Готов") {
			t.Fatal("no button")
		}
		kinds := func(want string) {
			t.Helper()
			got := ""
			for _, e := range storetest.Events(t, st, h.Dealer.ID) {
				if e.Kind == store.EventCarReady || e.Kind == store.EventCarDelayed {
					got += e.Kind + " "
				}
			}
			if strings.TrimSpace(got) != want {
				t.Errorf("events %q, want %q", got, want)
			}
		}
		h.login("lena").post(path+"/car", "order", "З-77", "state", "ready").want(t, http.StatusForbidden)
		b.post(path+"/car", "order", "З-77", "state", "delayed", "promised", "").want(t, http.StatusBadRequest)
		b.post(path+"/car", "order", "З-77", "state", "sold").want(t, http.StatusBadRequest)
		h.login("boris").post(path+"/car", "order", "З-77", "state", "ready").want(t, http.StatusNotFound)
		kinds("")
		later := h.Clock.Business().Add(3 * time.Hour).In(h.Dealer.Location()).Format("2006-01-02T15:04")
		b.post(path+"/car", "order", "З-77", "state", "delayed", "promised", later).want(t, http.StatusSeeOther)
		kinds(store.EventCarDelayed)
		b.post(path+"/car", "order", "З-77", "state", "ready").want(t, http.StatusSeeOther)
		kinds(store.EventCarReady)
		b.post(path+"/car", "order", "З-77", "state", "ready").want(t, http.StatusSeeOther)
		if p := b.get(path); !strings.Contains(p.body, "то уже отмечено") {
			t.Error("said twice")
		}
		all, err := st.ExportContact(t.Context(), a.ContactID)
		check(t, err)
		for _, action := range []string{"car_ready", "car_delayed"} {
			if n := strings.Count(strings.ReplaceAll(string(all), " ", ""), `"action":"`+action+`"`); n != 1 {
				t.Errorf("%s: %d audit rows", action, n)
			}
		}
	})
}

// TestJumpToMarch: the button moves the clock to noon of the next 8 March at the dealer's.
func TestJumpToMarch(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	b := h.login("maria")
	for range 2 { // from any day, and from 8 March itself
		before := h.Clock.Business()
		b.post("/phones/advance", "to", "03-08").want(t, http.StatusSeeOther)
		now := h.Clock.Business().In(h.Dealer.Location())
		if now.Format("01-02 15:04") != "03-08 12:00" || now.Sub(before) > 366*24*time.Hour+time.Minute { // the clock runs on between the two
			t.Errorf("from %v to %v", before, now)
		}
	}
	b.post("/phones/advance", "to", "12-31").want(t, http.StatusBadRequest)
}

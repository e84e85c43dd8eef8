package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// body is a body with some fields changed.
func body(t testing.TB, base map[string]any, edit ...map[string]any) string {
	t.Helper()
	v := map[string]any{"customer": map[string]any{"external_id": "C-1", "name": "Иванова Мария Петровна", "phones": []any{"8 900 000 00 01"}}}
	maps.Copy(v, base)
	for _, e := range edit {
		maps.Copy(v, e)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type fields = map[string]any

// kinds takes up all events and names their kinds.
func (b *bench) kinds() string {
	b.Helper()
	var out []string
	for part := range b.st.TakeParts() {
		if _, _, _, err := b.st.TakeUp(b.Context(), store.Taking{Part: part}, storetest.Now, func(x store.Taken) store.Planned {
			for _, e := range x.Events {
				out = append(out, e.Kind)
			}
			return store.Planned{}
		}); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (b *bench) happens(what, want string) {
	b.Helper()
	if got := b.kinds(); got != want {
		b.Errorf("%s: events %q, want %q", what, got, want)
	}
}

func TestPostDelivery(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		base := fields{"external_id": "ДКП-1", "handed_over_at": "2026-11-19T22:00:00Z", "consultant": "Зимин П.", "vehicle": fields{"vin": "хта1", "make": "LADA", "model": "LADA Vesta"}}
		first := id(t, b.expect(http.StatusCreated, "POST", "/api/v1/deliveries", body(t, base), "Idempotency-Key", "k"))
		b.happens("delivered", "vehicle_delivered")
		if again := id(t, b.expect(http.StatusOK, "POST", "/api/v1/deliveries", body(t, base), "Idempotency-Key", "k")); again != first {
			t.Error("another id for the same key")
		}
		b.expect(http.StatusConflict, "POST", "/api/v1/deliveries", body(t, base, fields{"consultant": "Лаврова"}), "Idempotency-Key", "k")
		b.expect(http.StatusOK, "POST", "/api/v1/deliveries", body(t, base))
		b.happens("the same", "")
		b.expect(http.StatusConflict, "POST", "/api/v1/deliveries", body(t, base, fields{"customer": fields{"name": "Другой Пётр"}, "vehicle": fields{"vin": "XTA2"}}))
		b.expect(http.StatusUnprocessableEntity, "POST", "/api/v1/deliveries", body(t, base, fields{"vehicle": fields{"make": "LADA"}}))
		b.expect(http.StatusUnprocessableEntity, "POST", "/api/v1/deliveries", body(t, fields{"external_id": "2", "vehicle": fields{"vin": "X"}}))
		b.expect(http.StatusForbidden, "POST", "/api/v1/deliveries", body(t, base, fields{"dealer": "north"}))
		vs, err := st.Vehicles(t.Context(), []string{first})
		if v := vs[first]; err != nil || v.VIN != "XTA1" || v.DeliveredOn != "2026-11-20" || v.Make != "LADA" || v.ConsultantID == "" {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

func TestPostAppointment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		base := fields{"external_id": "ЗП 1", "order": "ЗН-1", "starts_at": "2026-11-24T10:30:00+03:00", "works": []any{"ТО-4", "ТО-4"}, "request": "стук", "attention_reason": "повторный ремонт", "vehicle": fields{"vin": "XTA1"}}
		first := id(t, b.expect(http.StatusCreated, "POST", "/api/v1/appointments", body(t, base)))
		b.happens("booked", "appointment_booked")
		b.expect(http.StatusOK, "POST", "/api/v1/appointments", body(t, base))
		b.happens("the same", "")
		b.expect(http.StatusOK, "POST", "/api/v1/appointments", body(t, base, fields{"starts_at": "2026-11-25T10:30:00+03:00"}))
		b.happens("moved", "appointment_booked")
		as, err := st.Appointments(t.Context(), []string{first})
		if a := as[first]; err != nil || !a.StartsAt.Equal(time.Date(2026, 11, 25, 7, 30, 0, 0, time.UTC)) || len(a.Works) != 1 || !a.Attention || a.Request != "стук" {
			t.Errorf("%+v, %v", a, err)
		}
		b.expect(http.StatusUnprocessableEntity, "POST", "/api/v1/appointments", body(t, base, fields{"state": "perhaps"}))
		b.expect(http.StatusNotFound, "POST", "/api/v1/appointments/nothing/arrived", "")
		before := b.saved.Load()
		if moved := id(t, b.expect(http.StatusOK, "POST", "/api/v1/appointments/%D0%97%D0%9F%201/canceled", "")); moved != first {
			t.Error("another appointment was canceled")
		}
		b.happens("canceled", "appointment_canceled")
		b.expect(http.StatusOK, "POST", "/api/v1/appointments/%D0%97%D0%9F%201/canceled", "")
		b.happens("canceled again", "")
		b.expect(http.StatusOK, "POST", "/api/v1/appointments/%D0%97%D0%9D-1/arrived", "", "Idempotency-Key", "a")
		b.expect(http.StatusOK, "POST", "/api/v1/appointments/%D0%97%D0%9D-1/arrived", "", "Idempotency-Key", "a")
		b.happens("came all the same", "appointment_arrived")
		b.expect(http.StatusConflict, "POST", "/api/v1/appointments/%D0%97%D0%9D-1/canceled", "")
		if n := b.saved.Load() - before; n != 2 {
			t.Errorf("the planner was woken %d times", n)
		}
		id(t, b.expect(http.StatusCreated, "POST", "/api/v1/appointments", body(t, fields{"external_id": "Г-1", "warranty": true, "requested_at": "2026-11-22T11:00:00+03:00"})))
		b.happens("a warranty request", "warranty_requested")
	})
}

func TestCarReady(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		const order = "/api/v1/visits/7/"
		b.expect(http.StatusNotFound, "POST", order+"ready", "{}")
		b.expect(http.StatusUnprocessableEntity, "POST", order+"delayed", "{}")
		b.expect(http.StatusUnprocessableEntity, "POST", order+"delayed", body(t, fields{"promised_at": "2026-11-22T11:59:00+03:00"}))
		late := body(t, fields{"promised_at": "2026-11-22T19:00:00+03:00", "vehicle": fields{"plate": "А001АА77"}})
		stay := id(t, b.expect(http.StatusOK, "POST", order+"delayed", late))
		b.happens("a walk-in is delayed", "car_delayed")
		b.expect(http.StatusOK, "POST", order+"delayed", late)
		b.happens("the same", "")
		as, err := st.Appointments(t.Context(), []string{stay})
		if a := as[stay]; err != nil || a.State != store.AppointmentArrived || a.Order != "7" || !a.PromisedAt.Equal(time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)) {
			t.Errorf("%+v, %v", a, err)
		}
		if again := id(t, b.expect(http.StatusOK, "POST", order+"ready", "{}")); again != stay {
			t.Error("another stay is ready")
		}
		b.expect(http.StatusOK, "POST", order+"ready", "{}")
		b.happens("ready", "car_ready")
		closed := id(t, b.expect(http.StatusCreated, "POST", "/api/v1/visits", visit(t, "8", func(v map[string]any) { delete(v, "handed_over_at") })))
		b.kinds()
		if ready := id(t, b.expect(http.StatusOK, "POST", "/api/v1/visits/8/ready", "{}")); ready != closed {
			t.Error("another visit is ready")
		}
		b.happens("a closed order", "car_ready")
		b.expect(http.StatusCreated, "POST", "/api/v1/visits", visit(t, "9", nil))
		b.expect(http.StatusConflict, "POST", "/api/v1/visits/9/ready", "{}")
	})
}

func TestPostProspect(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		base := fields{"external_id": "L-1", "source": "Сайт", "contact_kind": "Звонок", "model": "Vesta SW", "options": "камера", "payment": "Кредит", "test_drive": "в субботу", "contacted_at": "2026-11-20T14:00:00+03:00"}
		first := id(t, b.expect(http.StatusCreated, "POST", "/api/v1/prospects", body(t, base)))
		b.happens("new", "prospect_contacted")
		b.expect(http.StatusOK, "POST", "/api/v1/prospects", body(t, base))
		b.happens("the same", "")
		p := func() store.Prospect {
			ps, err := st.Prospects(t.Context(), []string{first})
			if err != nil {
				t.Fatal(err)
			}
			return ps[first]
		}
		if x := p(); x.Origin != "Сайт" || x.ContactKind != "Звонок" || x.Model != "Vesta SW" || x.Options != "камера" || x.Payment != "Кредит" || x.TestDrive != "в субботу" || !x.DueAt.Equal(x.ContactedAt.AddDate(0, 0, 7)) {
			t.Errorf("%+v", x)
		}
		b.expect(http.StatusOK, "POST", "/api/v1/prospects", body(t, base, fields{"contacted_at": "2026-11-21T14:00:00+03:00", "agreed_at": "2026-11-28T11:00:00+03:00", "state": "meeting"}))
		b.happens("contacted", "prospect_agreed")
		if x := p(); x.State != store.ProspectMeeting || !x.DueAt.Equal(time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)) {
			t.Errorf("%+v", x)
		}
		b.expect(http.StatusUnprocessableEntity, "POST", "/api/v1/prospects", body(t, base, fields{"contacted_at": "2026-11-22T12:01:00+03:00"}))
		b.expect(http.StatusOK, "POST", "/api/v1/prospects", body(t, base, fields{"state": "lost", "outcome": "дорого"}))
		b.happens("lost", "prospect_closed")
	})
}

func TestPostCustomerCar(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		who := id(t, b.expect(http.StatusCreated, "POST", "/api/v1/customers", `{"external_id":"C-7","name":"Иванов Иван","phones":["+79000000007"],"tags":["Клуб","vip"],"deceased":true,"vehicle":{"vin":"XTA7","model":"LADA Vesta","delivered_on":"2024-02-29"}}`))
		c, err := st.Contact(t.Context(), who)
		if err != nil || c.Tags != "vip клуб" || !c.Deceased {
			t.Errorf("%+v, %v", c, err)
		}
		if vs, err := st.VehiclesOf(t.Context(), who); err != nil || len(vs) != 1 || vs[0].DeliveredOn != "2024-02-29" {
			t.Errorf("%+v, %v", vs, err)
		}
		b.expect(http.StatusUnprocessableEntity, "POST", "/api/v1/customers", `{"name":"Иванов Иван","vehicle":{"vin":"XTA7","delivered_on":"2023-02-29"}}`)
	})
}

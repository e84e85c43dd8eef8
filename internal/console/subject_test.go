package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

func customer() store.ContactRecord {
	return store.ContactRecord{Name: "Иванов Иван Петрович", Given: "Иван", Patronymic: "Петрович", Family: "Иванов", Phones: []string{phone}}
}

func (h *house) appointment(r store.AppointmentRecord) store.Appointment {
	h.t.Helper()
	r.Customer, r.Car = customer(), store.CarRecord{Make: "Chery", Model: "Tiggo 7", Plate: "А123ВС77"}
	var out store.Appointment
	check(h.t, h.Store.Tx(h.t.Context(), store.RankPerson, func(tx *store.Tx) error {
		saved, err := tx.SaveAppointments(h.t.Context(), h.Dealer, []store.AppointmentRecord{r}, h.Clock.Business())
		if err == nil {
			out, err = tx.Appointment(h.t.Context(), saved[0].SubjectID)
		}
		return err
	}))
	return out
}

func (h *house) prospect(r store.ProspectRecord) store.Prospect {
	h.t.Helper()
	r.Customer = customer()
	var out store.Prospect
	check(h.t, h.Store.Tx(h.t.Context(), store.RankPerson, func(tx *store.Tx) error {
		saved, err := tx.SaveProspects(h.t.Context(), h.Dealer, []store.ProspectRecord{r}, h.Clock.Business())
		if err == nil {
			out, err = tx.Prospect(h.t.Context(), saved[0].SubjectID)
		}
		return err
	}))
	return out
}

// asked is the task of a kind that a program opened about something.
func (h *house) asked(kind, program, contactID, subject, ownerID string) store.Task {
	h.t.Helper()
	ctx, now := h.t.Context(), h.Clock.Business()
	var out store.Task
	check(h.t, h.Store.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
		_, err := tx.Plan(ctx, []store.Outreach{{DealerID: h.Dealer.ID, ContactID: contactID, Program: program, ProgramVersion: 1, Occasion: subject + "@" + now.Format(time.RFC3339), Step: "call",
			Purpose: outreach.Service, Priority: outreach.Service.Priority(), State: outreach.Done, DueAt: now, TargetAt: now, DeadlineAt: now}}, now)
		return err
	}))
	os, err := h.Store.OutreachOf(ctx, contactID)
	check(h.t, err)
	for _, o := range os {
		if o.Program != program {
			continue
		}
		check(h.t, h.Store.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
			out, err = tx.OpenTask(ctx, store.Task{DealerID: h.Dealer.ID, Kind: kind, ContactID: contactID, OutreachID: o.ID, OwnerID: ownerID, Reason: program, DueAt: now,
				Clocks: []store.Clock{{Kind: "contact", DueAt: now}}}, now)
			return err
		}))
	}
	return out
}

func TestMissedAppointmentIsMoved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		now := h.Clock.Business()
		a := h.appointment(store.AppointmentRecord{Number: "A1", State: store.AppointmentMissed, StartsAt: now.Add(-20 * time.Minute), RequestedAt: now.Add(-24 * time.Hour), Works: []string{"ТО-2"}, Request: "проверить стук"})
		// It was meant for somebody else, who has not taken it.
		x := h.asked(store.TaskNoShow, "no-show", a.ContactID, a.ID, h.people["sergey"].ID)
		b, at, when := h.login("maria"), "/tasks/"+x.ID, h.next(48*time.Hour)
		b.get("/queue?kind=no_show_call").want(t, http.StatusOK, "Не приехал на запись", "Клиент не приехал")
		b.post(at+"/end", "outcome", "reached").want(t, http.StatusForbidden)
		b.post(at+"/claim").want(t, http.StatusSeeOther)
		b.get(at).want(t, http.StatusOK, "Tiggo 7", "проверить стук", "ТО-2", "Запись перенесена")
		b.post(at+"/attempt", "outcome", "no_answer").want(t, http.StatusSeeOther)
		b.post(at+"/resolve", "note", "готово").want(t, http.StatusUnprocessableEntity)
		b.post(at+"/end", "outcome", "lost").want(t, http.StatusUnprocessableEntity)
		b.post(at+"/end", "outcome", "moved", "note", "заболел").want(t, http.StatusUnprocessableEntity, "заболел")
		b.post(at+"/end", "outcome", "moved", "note", "заболел", "when", when).want(t, http.StatusSeeOther)
		b.get(at).want(t, http.StatusOK, "Запись перенесена", "заболел", "записан")
		if y := h.task(x.ID); y.State != store.TaskClosed || y.Outcome != "moved" || y.Clocks[0].MetAt.IsZero() {
			t.Errorf("the task is %s with %q, clocks %+v", y.State, y.Outcome, y.Clocks)
		}
		as, err := st.Appointments(t.Context(), []string{a.ID})
		check(t, err)
		if got := as[a.ID]; got.State != store.AppointmentBooked || got.StartsAt.In(h.Dealer.Location()).Format("2006-01-02T15:04") != when {
			t.Errorf("the appointment is %s at %s", got.State, got.StartsAt)
		}
	})
}

func TestMissedAppointmentIsCanceled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		now := h.Clock.Business()
		a := h.appointment(store.AppointmentRecord{Number: "A1", State: store.AppointmentMissed, StartsAt: now.Add(-20 * time.Minute), RequestedAt: now.Add(-24 * time.Hour)})
		x := h.asked(store.TaskNoShow, "no-show", a.ContactID, a.ID, "")
		b, at := h.login("maria"), "/tasks/"+x.ID
		b.post(at+"/claim").want(t, http.StatusSeeOther)
		b.post(at+"/end", "outcome", "canceled").want(t, http.StatusSeeOther)
		as, err := st.Appointments(t.Context(), []string{a.ID})
		check(t, err)
		if as[a.ID].State != store.AppointmentCanceled {
			t.Errorf("the appointment is %s", as[a.ID].State)
		}
	})
}

// TestProspectCallRestartsTheClocks is R063 and R065.
func TestProspectCallRestartsTheClocks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		now := h.Clock.Business()
		ann := h.consultant()
		p := h.prospect(store.ProspectRecord{Number: "P1", Model: "Tiggo 8", Options: "панорама", Payment: "кредит", TestDrive: "хочет", ContactedAt: now.AddDate(0, 0, -10), DueAt: now.Add(-time.Hour)})
		x := h.asked(store.TaskProspect, "prospect-followup", p.ContactID, p.ID, ann.ID)
		complaint := h.complaint()
		b, at := h.login("ann"), "/tasks/"+x.ID
		b.get("/queue").want(t, http.StatusOK, "Звонок потенциальному клиенту")
		if q := b.get("/queue"); strings.Contains(q.body, "/tasks/"+complaint.ID) {
			t.Error("a consultant's queue shows a complaint")
		}
		b.get("/tasks/"+complaint.ID).want(t, http.StatusForbidden)
		b.get("/queue?kind=callback").want(t, http.StatusNotFound)
		b.get(at).want(t, http.StatusOK, "Tiggo 8", "панорама", "кредит", "хочет", "Договорились о встрече")
		b.post(at+"/end", "outcome", "meeting_agreed").want(t, http.StatusUnprocessableEntity)
		b.post(at+"/end", "outcome", "contacted", "note", "ждёт зимней скидки", "when", h.next(72*time.Hour)).want(t, http.StatusSeeOther)
		ps, err := st.Prospects(t.Context(), []string{p.ID})
		check(t, err)
		if got := ps[p.ID]; got.ContactedAt.Before(now) || got.State != store.ProspectContacted || !got.DueAt.Equal(got.AgreedAt) || got.AgreedAt.IsZero() || !strings.Contains(got.Notes, "зимней скидки") {
			t.Errorf("the prospect is %+v", got)
		}
	})
}

// consultant can log in as ann.
func (h *house) consultant() store.Employee {
	h.t.Helper()
	e, err := h.Store.SaveEmployee(h.t.Context(), store.Employee{DealerID: h.Dealer.ID, Name: "Анна Попова", Login: "ann", PasswordHash: h.people["maria"].PasswordHash, Roles: []string{store.RoleConsultant}, Active: true}, storetest.Now)
	check(h.t, err)
	return e
}

// TestWarrantySlotInTime is R073: later than 48 hours only if the customer agrees.
func TestWarrantySlotInTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		a := h.appointment(store.AppointmentRecord{Number: "A1", RequestedAt: h.Clock.Business(), Warranty: true, Request: "не греет печка"})
		x := h.asked(store.TaskWarrantySlot, "warranty-slot", a.ContactID, a.ID, "")
		b, at := h.login("maria"), "/tasks/"+x.ID
		b.post(at+"/claim").want(t, http.StatusSeeOther)
		b.get(at).want(t, http.StatusOK, "принять до", "не греет печка")
		b.post(at+"/end", "outcome", "slot_given", "when", h.next(72*time.Hour)).want(t, http.StatusUnprocessableEntity, "позже, чем положено по гарантии")
		b.post(at+"/end", "outcome", "later_agreed", "when", h.next(72*time.Hour)).want(t, http.StatusSeeOther)
		as, err := st.Appointments(t.Context(), []string{a.ID})
		check(t, err)
		if got := as[a.ID]; !got.AgreedOther || got.State != store.AppointmentBooked {
			t.Errorf("the appointment is %s, agreed %t", got.State, got.AgreedOther)
		}
	})
}

func TestLateMessageIsDecided(t *testing.T) {
	for outcome, state := range map[string]outreach.State{"send_now": outreach.Planned, "left": outreach.Done} {
		t.Run(outcome, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				h := open(t, st)
				a := h.appointment(store.AppointmentRecord{Number: "A1", StartsAt: h.Clock.Business().Add(time.Hour), RequestedAt: h.Clock.Business()})
				x := h.asked(store.TaskLate, "car-ready", a.ContactID, a.ID, "")
				b, at := h.login("maria"), "/tasks/"+x.ID
				b.post(at+"/claim").want(t, http.StatusSeeOther)
				b.get(at).want(t, http.StatusOK, "Автомобиль готов", "Решите, отправлять ли ещё", "Отправить сейчас")
				b.post(at+"/end", "outcome", outcome).want(t, http.StatusSeeOther)
				o, err := st.OutreachByID(t.Context(), x.OutreachID)
				check(t, err)
				if o.State != state {
					t.Errorf("the message is %s", o.State)
				}
				if state == outreach.Planned && o.DeadlineAt.Sub(o.DueAt) != 4*time.Hour {
					t.Errorf("it may leave until %s", o.DeadlineAt)
				}
			})
		})
	}
}

package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// noted is a program whose late message somebody decides on.
const noted = `
id: noted
trigger: visit_completed
responsible: operator
steps:
  - {id: tell, purpose: service, message: car.ready, channels: [sms, email], earliest: 0m, target: 30m, deadline: 2h, late: ask}
`

// lateMessage is the task of a message to a customer who reads a language and has the
// addresses of a record; its owner is maria, whose browser comes with it.
func lateMessage(t *testing.T, st *store.Store, who store.ContactRecord) (*house, *browser, store.Task) {
	t.Helper()
	h := open(t, st)
	def, err := program.Parse("noted", []byte(noted))
	check(t, err)
	h.Planner.Programs()[def.ID] = def
	delete(h.Planner.Programs(), "service-followup")
	v := storetest.Visit("1001", who.Name, "", h.Clock.Business().Add(-3*time.Hour))
	v.Customer = who
	storetest.Save(t, st, h.Dealer, v)
	if ms := h.Send(t); len(ms) != 0 {
		t.Fatalf("a late message was sent: %+v", ms)
	}
	x, b := h.open(store.TaskLate), h.login("maria")
	b.post("/tasks/"+x.ID+"/claim").want(t, http.StatusSeeOther)
	return h, b, x
}

func reads(locale string) store.ContactRecord {
	return store.ContactRecord{Name: "Иванов Иван Петрович", Given: "Иван", Patronymic: "Петрович", Family: "Иванов", Locale: locale, Phones: []string{phone}}
}

// TestLateMessageIsRead: whoever decides reads what the customer would, in the
// customer's language, and what he lets go is what was shown.
func TestLateMessageIsRead(t *testing.T) {
	for locale, says := range map[string][]string{
		"ru": {"Клиент прочтёт: СМС, русский", "Иван Петрович, Ваш автомобиль"},
		"en": {"Клиент прочтёт: СМС, английский", "is ready, you can pick it up"},
		"zh": {"Клиент прочтёт: СМС, китайский", "可以取车"},
	} {
		t.Run(locale, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				h, b, x := lateMessage(t, st, reads(locale))
				p := b.get("/tasks/" + x.ID)
				p.want(t, http.StatusOK, append(says, `lang="`+locale+`"`)...)
				if ms := h.Send(t); len(ms) != 0 {
					t.Fatalf("looking at it sent %+v", ms)
				}
				b.post("/tasks/"+x.ID+"/end", "outcome", "send_now").want(t, http.StatusSeeOther)
				ms := h.Send(t)
				if len(ms) != 1 || ms[0].To != phone {
					t.Fatalf("sent %+v", ms)
				}
				p.want(t, http.StatusOK, ms[0].Text)
				if q := b.get("/tasks/" + x.ID); strings.Contains(q.body, `id="late-text"`) {
					t.Error("a decided task shows what would be sent")
				}
			})
		})
	}
}

func TestLateMessageIsLeft(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h, b, x := lateMessage(t, st, reads("ru"))
		b.post("/tasks/"+x.ID+"/end", "outcome", "left").want(t, http.StatusSeeOther)
		for range 3 {
			if ms := h.Send(t); len(ms) != 0 {
				t.Fatalf("sent %+v", ms)
			}
			h.Forward(t, time.Hour)
		}
		if y := h.task(x.ID); y.State != store.TaskClosed || y.Outcome != "left" {
			t.Errorf("the task is %s with %q", y.State, y.Outcome)
		}
	})
}

// TestLateMessageIsLateAgain: a message that was let go and could not leave in its hours
// comes back as the same task, for whoever takes it, and leaves once.
func TestLateMessageIsLateAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h, b, x := lateMessage(t, st, reads("ru"))
		at := "/tasks/" + x.ID
		b.post(at+"/end", "outcome", "send_now").want(t, http.StatusSeeOther)
		h.Forward(t, 4*time.Hour+time.Minute) // nobody sends meanwhile
		if ms := h.Send(t); len(ms) != 0 {
			t.Fatalf("sent %+v", ms)
		}
		y := h.open(store.TaskLate)
		if y.ID != x.ID || y.State != store.TaskOpen || y.OwnerID != "" || y.Outcome != "" || !y.ClosedAt.IsZero() || !y.DueAt.After(h.Clock.Business()) {
			t.Errorf("the task came back as %+v", y)
		}
		b.get(at).want(t, http.StatusOK, "Снова не успело уйти вовремя", "Иван Петрович, Ваш автомобиль")
		b.post(at+"/claim").want(t, http.StatusSeeOther)
		b.post(at+"/end", "outcome", "send_now").want(t, http.StatusSeeOther)
		if ms := append(h.Send(t), h.Send(t)...); len(ms) != 1 {
			t.Errorf("sent %+v", ms)
		}
		if z := h.task(x.ID); z.State != store.TaskClosed || z.Outcome != "send_now" {
			t.Errorf("the task is %s with %q", z.State, z.Outcome)
		}
	})
}

// TestLateMessageCannotLeave: what stands against it is said beside the text, or in its
// place where it has no way to the customer.
func TestLateMessageCannotLeave(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h, b, x := lateMessage(t, st, reads("ru"))
		h.Forward(t, 11*time.Hour) // eleven at night
		b.get("/tasks/"+x.ID).want(t, http.StatusOK, "Иван Петрович, Ваш автомобиль", "Если отправлять сейчас:")
		check(t, st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			return tx.Suppress(t.Context(), store.Suppression{Channel: channels.SMS, Address: phone, Purpose: store.AllPurposes, Reason: store.OptedOut, At: h.Clock.Business()})
		}))
		b.get("/tasks/"+x.ID).want(t, http.StatusOK, "Текст сейчас составить нельзя.", "Если отправлять сейчас:")
	})
}

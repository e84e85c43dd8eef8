package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestWrongNumberIsNotWrittenTo: who hears on the phone that the number is somebody else's
// says so once; the call is over, nothing is sent there any more for no dealer, and an
// operator takes it back on the customer's page, audited. What the person has said himself
// is not taken back by it.
func TestWrongNumberIsNotWrittenTo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		call := h.surveyCall()
		at, page := "/tasks/"+call.ID, "/contacts/"+call.ContactID
		sent := func(order string) int {
			t.Helper()
			h.Forward(t, 90*24*time.Hour)
			h.Visit(t, order, "Иванов Иван Петрович", phone, 25*time.Hour)
			n := 0
			for _, m := range h.Send(t) {
				if m.To == phone {
					n++
				}
			}
			return n
		}
		if n := sent("1002"); n != 1 {
			t.Fatalf("%d messages to a number that is right", n)
		}
		b := h.login("maria")
		b.post(at+"/claim").want(t, http.StatusSeeOther)
		b.post(at+"/attempt", "outcome", "wrong_number", "note", "отвечает школа").want(t, http.StatusSeeOther)
		b.get(at).want(t, http.StatusOK, "номер чужой. На него больше ничего не уйдёт", "отвечает школа", "Это чужой номер")
		if x := h.task(call.ID); x.State != store.TaskClosed || x.Outcome != "wrong_person" {
			t.Errorf("the call is %s with %q", x.State, x.Outcome)
		}
		if n := sent("1003"); n != 0 {
			t.Errorf("%d messages to a wrong number", n)
		}
		b = h.login("maria")
		b.get(page).want(t, http.StatusOK, "чужой номер: так записал сотрудник", "Номер "+phone+" всё-таки верный")
		check(t, st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			return tx.Suppress(t.Context(), store.Suppression{Channel: channels.SMS, Address: phone, Purpose: "ad", Reason: store.OptedOut, At: h.Clock.Business()})
		}))
		h.login("lena").post(page+"/number", "number", phone).want(t, http.StatusForbidden)
		b.post(page+"/number", "number", "+79000000999").want(t, http.StatusNotFound)
		b.post(page+"/number", "number", phone).want(t, http.StatusSeeOther)
		p := b.get(page)
		p.want(t, http.StatusOK, "Номер снова считается верным", "СМС · реклама")
		if strings.Contains(p.body, "всё-таки верный") {
			t.Error("it is still there to be taken back")
		}
		b.post(page+"/number", "number", phone).want(t, http.StatusSeeOther) // twice
		if n := sent("1004"); n != 1 {
			t.Errorf("%d messages to a number that is right again", n)
		}
		all, err := st.ExportContact(t.Context(), call.ContactID)
		check(t, err)
		for _, action := range []string{"wrong_number", "right_number"} {
			if n := strings.Count(strings.ReplaceAll(string(all), " ", ""), `"action":"`+action+`"`); n != 1 {
				t.Errorf("%s: %d audit rows", action, n)
			}
		}
	})
}

package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestWelcomeBoards is R136 to R138: strangers read the boards of the lounge and the
// gate, so the names on them are short.
func TestWelcomeBoards(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		start := h.Clock.Business().Add(24 * time.Hour)
		h.appointment(store.AppointmentRecord{Number: "A1", StartsAt: start, RequestedAt: h.Clock.Business(), Works: []string{"ТО-2"}, AttentionReason: "вторая жалоба", Attention: true})
		b := h.login("maria")
		b.get("/welcome").want(t, http.StatusOK, "Иванов Иван", "Tiggo 7", "А123ВС77", "вторая жалоба", "ТО-2", start.In(h.Dealer.Location()).Format("15:04"))
		lounge := b.get("/welcome?for=lounge")
		lounge.want(t, http.StatusOK, "Иван И.")
		gate := b.get("/welcome?for=gate")
		gate.want(t, http.StatusOK, "Иван И.", "А123ВС77")
		for what, p := range map[string]page{"lounge": lounge, "gate": gate} {
			if strings.Contains(p.body, "Иванов") || strings.Contains(p.body, "жалоба") {
				t.Errorf("the board of the %s tells too much", what)
			}
		}
		if strings.Contains(lounge.body, "А123ВС77") {
			t.Error("the lounge reads plates")
		}
		b.get("/welcome?day="+h.Clock.Business().In(h.Dealer.Location()).Format(time.DateOnly)).want(t, http.StatusOK, "На этот день никто не записан")
		b.get("/welcome?day=today").want(t, http.StatusBadRequest)
		b.get("/welcome?for=street").want(t, http.StatusNotFound)
		h.login("oleg").get("/welcome").want(t, http.StatusForbidden)
		if p := h.login("boris").get("/welcome"); strings.Contains(p.body, "Иванов") {
			t.Error("another dealer reads who comes")
		}
	})
}

func TestProspectsBoard(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		ann, now := h.consultant(), h.Clock.Business()
		p := h.prospect(store.ProspectRecord{Number: "P1", Model: "Tiggo 8", Options: "панорама", Payment: "кредит", TestDrive: "хочет", Consultant: ann.Name, ContactedAt: now.AddDate(0, 0, -10), DueAt: now.Add(-time.Hour)})
		x := h.asked(store.TaskProspect, "prospect-followup", p.ContactID, p.ID, "")
		b, at := h.login("ann"), "/prospects/"+p.ID
		b.get("/prospects?consultant="+p.ConsultantID).want(t, http.StatusOK, "Иванов Иван Петрович", "Tiggo 8", "панорама", "кредит", "хочет", "просрочен", "1 пора связаться")
		b.get("/prospects?consultant="+h.people["maria"].ID).want(t, http.StatusNotFound)
		b.post(at, "state", "meeting", "note", "приедет с женой", "agreed", h.next(-time.Hour)).want(t, http.StatusUnprocessableEntity, "приедет с женой")
		b.post(at, "state", "sold").want(t, http.StatusUnprocessableEntity)
		h.login("boris").post(at, "state", "lost").want(t, http.StatusNotFound)
		h.login("oleg").post(at, "state", "lost").want(t, http.StatusForbidden)
		b.post(at, "state", "meeting", "note", "приедет с женой", "agreed", h.next(72*time.Hour), "back", "/prospects").want(t, http.StatusSeeOther)
		ps, err := st.Prospects(t.Context(), []string{p.ID})
		check(t, err)
		if got := ps[p.ID]; got.State != store.ProspectMeeting || got.ContactedAt.Before(now) || !got.DueAt.Equal(got.AgreedAt) || !strings.Contains(got.Notes, "приедет с женой") {
			t.Errorf("the prospect is %+v", got)
		}
		if y := h.task(x.ID); y.State != store.TaskClosed {
			t.Errorf("the call that was to be made is %s", y.State)
		}
	})
}

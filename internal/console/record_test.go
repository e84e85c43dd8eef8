package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// records gives the customer a delivered car, an appointment and an interest, and
// somebody else's dealer an appointment with him.
func (h *house) records(name string) (contactID string) {
	h.t.Helper()
	now := h.Clock.Business()
	who := store.ContactRecord{Name: name, Phones: []string{phone}, Tags: []string{"автоклуб"}}
	check(h.t, h.Store.Tx(h.t.Context(), store.RankBulk, func(tx *store.Tx) error {
		ctx := h.t.Context()
		got, err := tx.SaveDeliveries(ctx, h.Dealer, []store.DeliveryRecord{{Number: "Д-1", HandedOverAt: now, Customer: who, Car: store.CarRecord{VIN: "XTADELIVERED", Model: "LADA Vesta SW", DeliveredOn: "2026-11-20"}}}, now)
		check(h.t, err)
		contactID = got[0].ContactID
		_, err = tx.SaveAppointments(ctx, h.Dealer, []store.AppointmentRecord{{Number: "З-1", StartsAt: now.Add(20 * time.Hour), Request: "стук справа", AttentionReason: "повторный ремонт", Warranty: true, Customer: who}}, now)
		check(h.t, err)
		_, err = tx.SaveProspects(ctx, h.Dealer, []store.ProspectRecord{{Number: "Л-1", Model: "Haval Jolion", Options: "панорамная крыша", Payment: "кредит", TestDrive: "в субботу", Notes: "двое детей", State: "meeting",
			ContactedAt: now.Add(time.Minute), AgreedAt: now.Add(50 * time.Hour), Customer: who}}, now)
		check(h.t, err)
		_, err = tx.SaveAppointments(ctx, h.north, []store.AppointmentRecord{{Number: "С-1", StartsAt: now.Add(30 * time.Hour), Request: "чужая тайна", Customer: who}}, now)
		return err
	}))
	return contactID
}

// TestContactRecords: the page names cars, appointments and interests in the reader's
// language, of his own dealer only; having booked makes somebody a customer of ours.
func TestContactRecords(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	id := h.records("Иванов Иван Петрович")
	b := h.login("andrei")
	for locale, words := range map[string][]string{
		"ru": {"Автомобили", "получен 2026-11-20", "записан", "особое внимание", "встреча", "по договорённости"},
		"en": {"Vehicles", "delivered 2026-11-20", "booked", "special attention", "meeting", "as agreed"},
		"zh": {"车辆", "2026-11-20 交车", "已预约", "特别关注", "约见", "已约定"},
	} {
		b.post("/language", "locale", locale, "back", "/queue").want(t, http.StatusSeeOther)
		p := b.get("/contacts/" + id)
		p.want(t, http.StatusOK)
		for _, w := range append(words, "LADA Vesta SW", "XTADELIVERED", "стук справа", "повторный ремонт", "Haval Jolion", "панорамная крыша", "кредит", "в субботу", "двое детей", "автоклуб") {
			if !strings.Contains(p.body, w) {
				t.Errorf("%s: %q is not on the page", locale, w)
			}
		}
		if strings.Contains(p.body, "чужая тайна") {
			t.Errorf("%s: another dealer's appointment is on the page", locale)
		}
	}
	if p := h.login("boris").get("/contacts/" + id); p.StatusCode != http.StatusOK || !strings.Contains(p.body, "чужая тайна") || strings.Contains(p.body, "стук справа") {
		t.Error("the other dealer sees ours, or not his own")
	}
}

// TestProofOfConsent: who looks at a customer sees where a consent from a file was given
// (38-FZ, article 18: the sender proves it), and does not take ours for such a place.
func TestProofOfConsent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		id := h.customer(store.ContactRecord{Name: "Вера", Phones: []string{"+79000000502"}})
		for how, source := range map[string]string{store.ByImport: "анкета № 17", "form": "ads version 3"} {
			check(t, h.Store.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
				return tx.AddConsent(t.Context(), store.Consent{ContactID: id, DealerID: h.Dealer.ID, Purpose: "ad", Given: true, At: h.Clock.Business(), How: how, TextVersion: source})
			}))
		}
		p := h.login("lena").get("/contacts/" + id)
		p.want(t, http.StatusOK, "из загрузки: анкета № 17", "на странице")
		if strings.Contains(p.body, "ads version 3") {
			t.Error("the version of our own text is shown to people")
		}
	})
}

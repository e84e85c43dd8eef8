package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestWishedTimeIsUnderstood: the history says which time a customer has named, and does
// not call it "not understood"; it shows the number that he named, too.
func TestWishedTimeIsUnderstood(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		cb := h.complaint() // at noon in Moscow
		_, err := h.Clock.Advance(time.Minute)
		check(t, err)
		h.write("завтра в 18:30")
		check(t, st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
			if err := tx.Dial(t.Context(), cb.ContactID, channels.SMS, "+79000000777", h.Clock.Business()); err != nil {
				return err
			}
			return tx.AddStep(t.Context(), store.Step{TaskID: cb.ID, Kind: callback.StepNumber, Text: "+79000000777"}, h.Clock.Business())
		}))
		day := h.Clock.Business().In(h.Dealer.Location()).AddDate(0, 0, 1)
		b := h.login("maria")
		for locale, said := range map[string][]string{
			"ru": {"понято: удобное время: " + day.Format("02.01") + " 18:30 – 19:30", "Клиент назвал номер"},
			"en": {"understood: convenient time: " + day.Format("01/02") + " 18:30 – 19:30", "Customer gave a number"},
			"zh": {"理解为：方便的时间：" + day.Format("01-02") + " 18:30–19:30", "客户提供了电话号码"},
		} {
			b.post("/language", "locale", locale, "back", "/queue").want(t, http.StatusSeeOther)
			p := b.get("/tasks/" + cb.ID)
			p.want(t, http.StatusOK, append(said, "+79000000777", `href="tel:+79000000777"`)...)
			for _, wrong := range []string{"понято: не понято", "understood: not understood", "理解为：未读懂"} {
				if strings.Contains(p.body, wrong) {
					t.Errorf("%s: the page says %q", locale, wrong)
				}
			}
		}
	})
}

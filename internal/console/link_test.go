package console_test

import (
	"net/http"
	"strings"
	"testing"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestUnknownLink: whose customer opens a link that nobody knows is not known either,
// unless there is one dealer.
func TestUnknownLink(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	h := open(t, st)
	h.Dealer.Phone = "+74950000001"
	h.north.Phone = "+74950000002"
	for _, d := range []store.Dealer{h.Dealer, h.north} {
		_, err := st.SaveDealer(t.Context(), d, storetest.Now)
		check(t, err)
	}
	both, err := st.Roster(t.Context())
	check(t, err)
	one := storetest.Open(t, "sqlite")
	_, err = one.SaveDealer(t.Context(), store.Dealer{Code: "only", Name: "Единственный", Phone: "+74950000003", Zone: "Europe/Moscow", Country: "RU", Locale: "ru"}, storetest.Now)
	check(t, err)
	only, err := one.Roster(t.Context())
	check(t, err)
	for _, c := range []struct {
		name   string
		roster *store.Roster
		names  string
	}{{"several", both, ""}, {"one", only, "Единственный"}} {
		h.deps.Roster = c.roster
		h.serve()
		for _, path := range []string{"/s/nothing", "/s/", "/s/a/b", "/s/nothing/thanks", "/u/nothing", "/u/a/b"} {
			p := h.stranger().get(path)
			p.want(t, http.StatusNotFound, "Такой ссылки нет", c.names)
			for _, d := range append(both.Dealers(), only.Dealers()...) {
				if d.Name != c.names && (strings.Contains(p.body, d.Name) || strings.Contains(p.body, d.Phone)) {
					t.Errorf("%s dealers: %s shows %s", c.name, path, d.Name)
				}
			}
		}
	}
}

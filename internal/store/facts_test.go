package store_test

import (
	"reflect"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestFacts: read together, people and visits are what they are when read by
// themselves, and what stands against an address is found under its hidden form, too.
func TestFacts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		full, bare := storetest.Visit("1", `Иванов "Иван" \`, "+79000000001", now), storetest.Visit("2", "Петрова Анна", "+79000000002", now.Add(-time.Hour))
		full.PromisedAt, full.Repeat, full.Works = now, true, []string{"ТО-4", `замена "колодок"`}
		full.Customer.Emails, full.Customer.Birthday, full.Customer.Gender, full.Customer.Company = []string{"ivan@example.org", "i@example.org"}, "1980-02-29", "male", true
		bare.VIN, bare.Plate, bare.Model, bare.Advisor, bare.Mechanic, bare.Works = "", "", "", "", "", nil
		saved := storetest.Save(t, st, d, full, bare)
		gone := storetest.Save(t, st, d, storetest.Visit("3", "Сидоров Пётр", "+79000000003", now))[0].ContactID
		inTx(t, st, func(tx *store.Tx) error {
			must(t, tx.AddConsent(ctx, store.Consent{ContactID: saved[0].ContactID, DealerID: d.ID, Purpose: "ad", Channel: channels.SMS, Given: true, At: now, How: "form"}))
			must(t, tx.Suppress(ctx, store.Suppression{Channel: channels.Email, Address: "i@example.org", Purpose: "all", Reason: "bounced", At: now, Until: now.Add(time.Hour)}))
			return tx.Suppress(ctx, store.Suppression{Channel: channels.SMS, Address: "+79000000003", Purpose: "all", Reason: store.OptedOut, At: now})
		})
		err := st.EraseContact(ctx, gone, now)
		must(t, err)
		back := storetest.Save(t, st, d, storetest.Visit("4", "Сидоров Пётр", "+79000000003", now))[0].ContactID

		contacts, visits := []string{saved[0].ContactID, saved[1].ContactID, back, saved[0].ContactID}, []string{saved[1].VisitID, saved[0].VisitID, saved[0].VisitID}
		f, err := st.Facts(ctx, store.Wanted{Contacts: contacts, Visits: visits, Since: now.AddDate(-1, 0, 0), Now: now})
		must(t, err)
		people, err := st.Contacts(ctx, contacts)
		must(t, err)
		about, err := st.Visits(ctx, visits)
		must(t, err)
		consents, err := st.Consents(ctx, contacts)
		must(t, err)
		if len(people) != 3 || !reflect.DeepEqual(f.Contacts, people) {
			t.Errorf("contacts = %+v\nby themselves %+v", f.Contacts, people)
		}
		if len(about) != 2 || !reflect.DeepEqual(f.Visits, about) {
			t.Errorf("visits = %+v\nby themselves %+v", f.Visits, about)
		}
		if len(consents) != 1 || !reflect.DeepEqual(f.Consents, consents) {
			t.Errorf("consents = %+v\nby themselves %+v", f.Consents, consents)
		}
		stands := map[string]string{}
		for _, x := range f.Suppressions {
			stands[x.Address] = x.Reason
		}
		if want := map[string]string{"i@example.org": "bounced", "+79000000003": store.OptedOut}; !reflect.DeepEqual(stands, want) {
			t.Errorf("suppressions = %v", stands)
		}
		if none, err := st.Facts(ctx, store.Wanted{Now: now}); err != nil || len(none.Contacts) != 0 {
			t.Errorf("of nobody: %+v, %v", none, err)
		}
	})
}

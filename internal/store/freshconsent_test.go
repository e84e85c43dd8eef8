package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

const (
	sharedPhone = "+79000000601"
	agreedText  = "Автоцентр Юг может присылать мне опросы по СМС."
)

// stopped makes two people with one telephone number, of whom the first has said STOP an
// hour ago.
func stopped(t *testing.T, st *store.Store) (d store.Dealer, by store.Employee, first, second string) {
	t.Helper()
	d = storetest.Dealer(t, st)
	by, err := st.SaveEmployee(t.Context(), store.Employee{DealerID: d.ID, Name: "Мария", Login: "maria", Roles: []string{store.RoleOperator}, Active: true}, storetest.Now)
	if err != nil {
		t.Fatal(err)
	}
	saved := storetest.Save(t, st, d, storetest.Visit("601", "Вера", sharedPhone, storetest.Now.AddDate(0, 0, -2)), storetest.Visit("602", "Пётр", sharedPhone, storetest.Now.AddDate(0, 0, -2)))
	first, second = saved[0].ContactID, saved[1].ContactID
	if first == second {
		t.Fatal("two names on one phone are one contact")
	}
	at := storetest.Now.Add(-time.Hour)
	err = st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
		return errors.Join(
			tx.Suppress(t.Context(), store.Suppression{Channel: channels.SMS, Address: sharedPhone, Purpose: store.AllPurposes, Reason: store.OptedOut, At: at}),
			tx.Suppress(t.Context(), store.Suppression{Channel: channels.SMS, Address: sharedPhone, Purpose: "ad", Reason: store.OptedOut, At: at}),
			tx.Suppress(t.Context(), store.Suppression{Channel: channels.SMS, Address: sharedPhone, Purpose: store.AllPurposes, Reason: "complaint", At: at}),
			tx.AddConsent(t.Context(), store.Consent{ContactID: first, DealerID: d.ID, Purpose: store.AllPurposes, Channel: channels.SMS, At: at, How: "message"}))
	})
	if err != nil {
		t.Fatal(err)
	}
	return d, by, first, second
}

// refusals are the purposes that somebody asked not to be written to for on the phone.
func refusals(t *testing.T, st *store.Store) []string {
	t.Helper()
	xs, err := st.Suppressions(t.Context(), []string{sharedPhone}, storetest.Now)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, x := range xs {
		if x.Reason == store.OptedOut {
			out = append(out, x.Purpose)
			if !x.At.Equal(storetest.Now.Add(-time.Hour)) {
				t.Errorf("the refusal of %s is of %v", x.Purpose, x.At)
			}
		}
	}
	slices.Sort(out)
	return out
}

// words are a contact's, oldest first, as "+survey" or "-ad", those without a dealer with a
// star.
func words(t *testing.T, st *store.Store, id string) string {
	t.Helper()
	cs, err := st.Consents(t.Context(), []string{id})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range cs[id] {
		w := "-"
		if c.Given {
			w = "+"
		}
		if w += c.Purpose; c.DealerID == "" {
			w += "*"
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

// TestRecordConsent: a consent to one thing lifts the refusal of that thing, on that
// channel, and of nobody else; what stands for another reason stays.
func TestRecordConsent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d, by, first, second := stopped(t, st)
		f := store.FreshConsent{ContactID: first, DealerID: d.ID, Purposes: []string{"survey"}, Channel: channels.SMS, How: "phone", At: storetest.Now.Add(-time.Minute), Text: agreedText}
		n, err := st.RecordConsent(t.Context(), f, by, storetest.Now)
		if err != nil || n != 1 {
			t.Fatalf("%d refusals lifted, %v", n, err)
		}
		if got, want := refusals(t, st), []string{"ad", "callback", "greeting", "service"}; !slices.Equal(got, want) {
			t.Errorf("refused are %v, want %v", got, want)
		}
		if got, want := words(t, st, first), "-all +survey +reminder"; got != want {
			t.Errorf("his words are %q, want %q", got, want)
		}
		if got, want := words(t, st, second), "-survey* -reminder*"; got != want {
			t.Errorf("the words of who shares the phone are %q, want %q", got, want)
		}
		xs, err := st.Suppressions(t.Context(), []string{sharedPhone}, storetest.Now)
		if err != nil || !slices.ContainsFunc(xs, func(x store.Suppression) bool { return x.Reason == "complaint" }) {
			t.Errorf("the complaint is gone: %+v, %v", xs, err)
		}
		cs, err := st.Consents(t.Context(), []string{first})
		if err != nil {
			t.Fatal(err)
		}
		if c := cs[first][1]; c.TextVersion != agreedText || c.How != "phone" || c.EmployeeName != "Мария" || !c.At.Equal(f.At) || c.Channel != channels.SMS {
			t.Errorf("the proof is %+v", c)
		}
		all, err := st.ExportContact(t.Context(), first)
		if err != nil || !strings.Contains(string(all), "survey on sms, phone, given") || !strings.Contains(string(all), "1 refusals lifted") {
			t.Errorf("not audited (%v)", err)
		}
	})
}

// TestRecordConsentToAds: it is the dealer's to whom it was given; the rest of the group
// stays refused, also where only a suppression said so.
func TestRecordConsentToAds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d, by, first, second := stopped(t, st)
		f := store.FreshConsent{ContactID: second, DealerID: d.ID, Purposes: []string{"ad"}, Channel: channels.SMS, How: "paper", At: storetest.Now.Add(-time.Minute), Text: agreedText}
		if n, err := st.RecordConsent(t.Context(), f, by, storetest.Now); err != nil || n != 2 {
			t.Fatalf("%d refusals lifted, %v", n, err)
		}
		if got, want := refusals(t, st), []string{"callback", "greeting", "service", "survey"}; !slices.Equal(got, want) {
			t.Errorf("refused are %v, want %v", got, want)
		}
		if got, want := words(t, st, second), "-ad* +ad"; got != want {
			t.Errorf("his words are %q, want %q", got, want)
		}
		if got, want := words(t, st, first), "-all"; got != want {
			t.Errorf("the words of who said STOP are %q, want %q", got, want)
		}
	})
}

// TestRecordConsentOlderThanARefusal changes nothing, whether words or an address refuse.
func TestRecordConsentOlderThanARefusal(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d, by, first, second := stopped(t, st)
		for _, id := range []string{first, second} {
			f := store.FreshConsent{ContactID: id, DealerID: d.ID, Purposes: []string{"survey"}, Channel: channels.SMS, How: "phone", At: storetest.Now.Add(-2 * time.Hour), Text: agreedText}
			if _, err := st.RecordConsent(t.Context(), f, by, storetest.Now); !errors.Is(err, store.ErrRefusedSince) {
				t.Errorf("an older consent: %v", err)
			}
		}
		if got, want := refusals(t, st), []string{"ad", "all"}; !slices.Equal(got, want) {
			t.Errorf("refused are %v, want %v", got, want)
		}
		f := store.FreshConsent{ContactID: first, DealerID: d.ID, Purposes: []string{"ad"}, Channel: channels.Email, How: "paper", At: storetest.Now.Add(-2 * time.Hour), Text: agreedText}
		if _, err := st.RecordConsent(t.Context(), f, by, storetest.Now); !errors.Is(err, store.ErrRefusedSince) {
			t.Errorf("a STOP refuses ads on every channel: %v", err)
		}
	})
}

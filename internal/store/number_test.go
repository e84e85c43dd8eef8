package store_test

import (
	"errors"
	"slices"
	"testing"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestRightNumber: what an employee recorded of a number is taken back and nothing that its
// owner has said himself; a number of somebody else is not touched.
func TestRightNumber(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		numbers := []string{"+79000000101", "+79000000102"}
		saved := storetest.Save(t, st, d, storetest.Visit("1", "Иванов Иван", numbers[0], storetest.Now), storetest.Visit("2", "Петров Пётр", numbers[1], storetest.Now))
		err := st.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
			var xs []store.Suppression
			for _, n := range numbers {
				for _, reason := range []string{store.WrongNumber, "wrong_person", store.OptedOut} {
					xs = append(xs, store.Suppression{Channel: channels.SMS, Address: n, Purpose: store.AllPurposes, Reason: reason, At: storetest.Now})
				}
			}
			return tx.SuppressAll(ctx, xs)
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.RightNumber(ctx, saved[0].ContactID, numbers[1], store.Employee{}, d.ID, storetest.Now); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a number that is not his: %v", err)
		}
		for _, want := range []bool{true, false} { // twice
			if got, err := st.RightNumber(ctx, saved[0].ContactID, numbers[0], store.Employee{}, d.ID, storetest.Now); err != nil || got != want {
				t.Errorf("lifted %v, %v, want %v", got, err, want)
			}
		}
		for i, want := range [][]string{{"opted_out", "wrong_person"}, {"opted_out", "wrong_number", "wrong_person"}} {
			xs, err := st.Suppressions(ctx, numbers[i:i+1], storetest.Now)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, x := range xs {
				got = append(got, x.Reason)
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("against number %d stands %v, want %v", i, got, want)
			}
		}
	})
}

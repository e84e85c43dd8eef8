package console

import "testing"

// TestNobodyCostsAsMuch: how long an answer takes does not tell whether a login exists.
func TestNobodyCostsAsMuch(t *testing.T) {
	hash, err := HashPassword("a long password")
	if err != nil {
		t.Fatal(err)
	}
	want, err := parseHash(hash)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseHash(newChecker().nobody)
	if err != nil {
		t.Fatal(err)
	}
	if got.memory != want.memory || got.time != want.time || got.lanes != want.lanes || len(got.salt) != len(want.salt) || len(got.sum) != len(want.sum) {
		t.Errorf("a login that does not exist costs %+v, one that exists %+v", got, want)
	}
}

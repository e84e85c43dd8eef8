package ratelimit_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/internal/ratelimit"
)

func shipped(t *testing.T) *ratelimit.Book {
	t.Helper()
	b, err := ratelimit.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// says lists a demand: its keys with their limits and costs.
func says(d ratelimit.Demand) []string {
	var out []string
	for _, b := range d {
		out = append(out, b.Scope+b.Key+" "+b.Limit.String()+strings.Repeat(" +", b.Cost))
	}
	return out
}

// What is shipped are the rates that providers state (limits.yaml names them).
func TestShipped(t *testing.T) {
	b := shipped(t)
	want := map[string]string{"channel:sms": "10/s burst 10", "channel:email": "50/s burst 50", "channel:telegram": "30/s", "address:telegram": "1/s burst 3"}
	got := map[string]string{}
	for _, n := range b.Names() {
		l, ok := b.Limit(n)
		if !ok {
			t.Errorf("%s is named and not there", n)
		}
		got[n] = l.String()
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !slices.IsSorted(b.Names()) {
		t.Error(b.Names())
	}
}

func TestDemand(t *testing.T) {
	plain := shipped(t)
	full := plain.With(map[string]ratelimit.Limit{
		"global":                  ratelimit.Rate(100, time.Second, 1),
		"dealer:NORTH":            ratelimit.Rate(600, time.Minute, 5),
		"domain:Example.ORG":      ratelimit.Rate(3, time.Second, 1),
		"sender:sms:+74950000001": ratelimit.Rate(1, time.Second, 1),
		"sender:sms:+74950000002": {},
		"address:sms":             ratelimit.Rate(1, time.Minute, 1),
		"channel:email":           {},
		"group:of a newer one":    ratelimit.Rate(1, time.Second, 1),
		"channel:pigeon":          ratelimit.Rate(1, time.Second, 1),
	})
	for _, tt := range []struct {
		name                             string
		book                             *ratelimit.Book
		channel, sender, address, dealer string
		want                             []string
	}{
		{"a sender's segments", plain, "sms", "+74950000001", "+79000000001", "NORTH", []string{"sender:sms:+74950000001 10/s burst 10 + + +"}},
		{"a chat's messages", plain, "telegram", "100", "200", "NORTH", []string{"sender:telegram:100 30/s + + +", "address:telegram:200 1/s burst 3 +"}},
		{"no such channel", plain, "paper", "", "", "NORTH", nil},
		{"a sender of its own", full, "sms", "+74950000001", "+79000000001", "NORTH",
			[]string{"sender:sms:+74950000001 1/s + + +", "address:sms:+79000000001 1/min +", "dealer:NORTH 10/s burst 5 +", "global 100/s +"}},
		{"a sender without a limit", full, "sms", "+74950000002", "+79000000001", "SOUTH", []string{"address:sms:+79000000001 1/min +", "global 100/s +"}},
		{"a domain in any case, a channel without a limit", full, "email", "a@otklik.test", "Anna@EXAMPLE.org", "SOUTH", []string{"domain:example.org 3/s +", "global 100/s +"}},
		{"another domain", full, "email", "a@otklik.test", "anna@sub.example.org", "SOUTH", []string{"global 100/s +"}},
		{"no such channel, yet all together", full, "pigeon", "", "", "SOUTH", []string{"global 100/s +"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, says(tt.book.Demand(nil, tt.channel, tt.sender, tt.address, tt.dealer, 3))); d != "" {
				t.Error(d)
			}
		})
	}
	if _, ok := plain.Limit("global"); ok {
		t.Error("a book with more in it changed the one it was made of")
	}
	room := make(ratelimit.Demand, 0, 5)
	if n := testing.AllocsPerRun(100, func() { full.Demand(room, "sms", "+74950000001", "+79000000001", "NORTH", 3) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestName(t *testing.T) {
	b := shipped(t)
	for given, want := range map[string]string{
		"global": "global", "channel:sms": "channel:sms", "address:email": "address:email", "sender:email:a@b.example": "sender:email:a@b.example",
		"sender:sms:MG:1": "sender:sms:MG:1", "dealer:Север 1": "dealer:Север 1", "domain:GMail.com": "domain:gmail.com",
	} {
		if got, err := b.Name(given); got != want || err != nil {
			t.Errorf("%q is %q, %v; want %q", given, got, err, want)
		}
	}
	for _, given := range []string{
		"", "sms", "Global", "global:", "global:x", "channel:", "channel", "channel:paper", "sender:sms", "sender:sms:", "sender::x", "sender:fax:1", "address:", "address:fax",
		"dealer:", "dealer: X", "domain:", "domain:a@b.example", "domain:b.example ", "queue:x",
	} {
		if got, err := b.Name(given); err == nil {
			t.Errorf("%q is taken for %q", given, got)
		} else if !strings.Contains(err.Error(), given) {
			t.Errorf("%q: %v", given, err)
		}
	}
}

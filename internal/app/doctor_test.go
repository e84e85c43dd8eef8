package app

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestWhatStandsStill: doctor names what is paused, refused or dead.
func TestWhatStandsStill(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	ctx, now := t.Context(), storetest.Now
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fine := func(f Finding, says ...string) {
		t.Helper()
		if !f.OK || f.Says != strings.Join(says, "; ") {
			t.Errorf("%+v, want %q", f, says)
		}
	}
	fine(moving(ctx, st), "nothing is paused")
	fine(alive(ctx, st, now), "0 running")
	const paused = "all is paused since 2026-11-22T09:00:00Z by command (otklik sending resume all)"
	must(st.Pause(ctx, store.PauseEverything, "", now))
	fine(moving(ctx, st), paused)
	old := store.Node{ID: st.NewID(), Version: "v0", Role: RoleWorker, StartedAt: now, SeenAt: now.Add(-time.Hour)}
	must(st.Beat(ctx, old))
	fine(alive(ctx, st, now), "0 running", "worker node "+old.ID+" (v0) died: it was last seen at 2026-11-22T08:00:00Z")
	d := storetest.Dealer(t, st)
	must(st.SaveSender(ctx, store.Sender{DealerID: d.ID, Channel: channels.SMS, Address: "+7495"}, now))
	_, err := st.PauseSender(ctx, channels.SMS, "+7495", "20003 suspended", now)
	must(err)
	must(st.Beat(ctx, store.Node{ID: st.NewID(), Version: "v1", Role: RoleWorker, StartedAt: now, SeenAt: now}))
	must(st.Beat(ctx, store.Node{ID: st.NewID(), Version: "v2", Role: RoleAll, StartedAt: now, SeenAt: now, Trouble: []string{store.TroubleRedis}}))
	for _, f := range []struct {
		Finding
		says []string
	}{
		{moving(ctx, st), []string{paused, "the provider refuses sms +7495 since 2026-11-22T09:00:00Z: 20003 suspended"}},
		{alive(ctx, st, now), []string{"2 running", "(v0) died", "reports: redis"}},
	} {
		for _, s := range f.says {
			if f.OK || !strings.Contains(f.Says, s) {
				t.Errorf("%+v does not say %q", f.Finding, s)
			}
		}
	}
}

func TestInDNS(t *testing.T) {
	const spf, dmarc = "v=spf1 include:_spf.example.net ~all", "v=DMARC1; p=none"
	absent := &net.DNSError{Err: "no such host", IsNotFound: true}
	for name, c := range map[string]struct {
		from  string
		texts map[string][]string
		err   error
		says  []string // what is wrong, in order; "" for fine
	}{
		"both":      {"Service <service@south.example>", map[string][]string{"south.example": {"other", spf}, "_dmarc.south.example": {dmarc}}, nil, []string{"", ""}},
		"no DMARC":  {"service@south.example", map[string][]string{"south.example": {spf}}, nil, []string{"", "_dmarc.south.example has no"}},
		"none":      {"service@south.example", nil, absent, []string{"south.example has no", "v=DMARC1"}},
		"a failure": {"service@south.example", nil, errors.New("refused"), []string{"refused", "refused"}},
		"no sender": {"south", nil, nil, []string{"OTKLIK_EMAIL_FROM"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := inDNS(t.Context(), func(_ context.Context, name string) ([]string, error) { return c.texts[name], c.err }, c.from)
			if len(got) != len(c.says) {
				t.Fatalf("findings: %+v", got)
			}
			for i, f := range got {
				if f.OK != (c.says[i] == "") || !strings.Contains(f.Says, c.says[i]) {
					t.Errorf("finding %d: %+v, want %q", i, f, c.says[i])
				}
			}
		})
	}
}

// TestWhoIsMissing: doctor names every dealer without an operator at once.
func TestWhoIsMissing(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	for _, code := range []string{"north", "west"} {
		if _, err := st.SaveDealer(t.Context(), store.Dealer{Code: code, Name: code, Zone: "Europe/Moscow", Country: "RU", Locale: "ru"}, storetest.Now); err != nil {
			t.Fatal(err)
		}
	}
	roster, err := st.Roster(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := staffed(t.Context(), &App{store: st, roster: roster})
	if f.OK || !strings.Contains(f.Says, "dealer north has no operator") || !strings.Contains(f.Says, "; dealer west has no operator") {
		t.Errorf("%+v", f)
	}
}

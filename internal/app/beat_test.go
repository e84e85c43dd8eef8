package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"

	"otklik/channels"
	"otklik/internal/clock"
	"otklik/internal/config"
	"otklik/internal/ratelimit"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// hand is a clock that a test sets.
type hand struct{ business, machine time.Time }

func (h *hand) Business() time.Time { return h.business }
func (h *hand) Machine() time.Time  { return h.machine }

// bare is an App with a database and nothing else.
func bare(t *testing.T, st *store.Store, c clock.Clock) *App {
	t.Helper()
	return &App{store: st, clock: c, log: slog.New(slog.NewTextHandler(t.Output(), nil)), options: Options{Role: RoleAll, Version: "v1"}}
}

// noRedis are rate cells on a port where nobody listens.
func noRedis(t *testing.T) *ratelimit.Redis {
	t.Helper()
	c, err := ratelimit.Dial("redis://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return ratelimit.NewRedis(c, redisPrefix)
}

// TestBeat: a node stands on the list while it runs, and not after a graceful stop.
func TestBeat(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		a := bare(t, st, clock.System{})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan struct{})
		go func() { defer close(ended); a.beat(ctx, nil, nil) }()
		nodes := func() []store.Node {
			ns, err := st.Nodes(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return ns
		}
		testserver.Wait(t, "the node tells that it is alive", func() bool { return len(nodes()) == 1 })
		if n := nodes()[0]; n.Version != "v1" || n.Role != RoleAll || n.Dead(time.Now()) || n.StartedAt.IsZero() {
			t.Errorf("node %+v", n)
		}
		cancel()
		<-ended
		if ns := nodes(); len(ns) != 0 {
			t.Errorf("after the stop: %+v", ns)
		}
	})
}

// TestPulse: what a node tells of its lanes and of itself.
func TestPulse(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	h := &hand{business: storetest.Now, machine: storetest.Now}
	a := bare(t, st, h)
	sent, stepped := int64(0), time.Time{}
	p := &pulse{app: a, meters: map[laneName]*meter{}, node: store.Node{ID: st.NewID(), StartedAt: h.machine},
		lanes:   func() []store.LaneState { return []store.LaneState{{Channel: channels.SMS, Sender: "+7", Sent: sent}} },
		stepped: func() time.Time { return stepped }}
	read := func() store.Node {
		t.Helper()
		p.beat(t.Context())
		ns, err := st.Nodes(t.Context())
		if err != nil || len(ns) != 1 {
			t.Fatalf("nodes %+v, %v", ns, err)
		}
		return ns[0]
	}
	if n := read(); n.Lanes[0].LastMinute != 0 || n.Trouble != nil {
		t.Errorf("at the start: %+v", n)
	}
	for range 120 { // ten a second for two minutes
		h.machine = h.machine.Add(time.Second)
		sent, stepped = sent+10, h.machine
		p.beat(t.Context())
	}
	if l := read().Lanes[0]; l.LastMinute < 560 || l.LastMinute > 640 || l.LastHour != 1200 {
		t.Errorf("after two minutes: %+v", l)
	}
	h.machine = h.machine.Add(stuckAfter + time.Second)
	if n := read(); n.Lanes[0].LastMinute != 0 || n.Lanes[0].LastHour != 1200 || len(n.Trouble) != 1 || n.Trouble[0] != store.TroubleStuck {
		t.Errorf("a minute without a step: %+v", n)
	}
	a.redis = noRedis(t)
	stepped = h.machine
	if n := read(); len(n.Trouble) != 1 || n.Trouble[0] != store.TroubleRedis {
		t.Errorf("without Redis: %+v", n)
	}
	// What has not changed is written again only when it is nearly too old.
	seen := read().SeenAt
	h.machine = h.machine.Add(beatEvery)
	if n := read(); !n.SeenAt.Equal(seen) {
		t.Errorf("an idle node wrote again after %v", n.SeenAt.Sub(seen))
	}
	h.machine = h.machine.Add(idleEvery)
	if n := read(); !n.SeenAt.Equal(h.machine) {
		t.Errorf("an idle node was silent at %v", h.machine.Sub(n.SeenAt))
	}
}

func TestMeterForgets(t *testing.T) {
	at := storetest.Now
	m := &meter{samples: []sample{{at: at}}}
	for i := range 3 * 3600 {
		m.add(at.Add(time.Duration(i)*time.Second), int64(i))
	}
	now := at.Add(3*time.Hour - time.Second)
	if got := m.since(now.Add(-time.Hour)); got < 3600 || got > 3605 {
		t.Errorf("within the hour %d, want 3600", got)
	}
	if len(m.samples) > 1000 {
		t.Errorf("%d samples are kept", len(m.samples))
	}
}

func TestLaneGauges(t *testing.T) {
	now := storetest.Now
	r := prometheus.NewRegistry()
	r.MustRegister(&laneGauges{now: func() time.Time { return now }, lanes: func() []store.LaneState {
		return []store.LaneState{{Channel: channels.SMS, Sender: "+7", Waiting: 3, InFlight: 2, Rate: 1.5, RestingUntil: now.Add(time.Minute)}, {Channel: channels.Email, Sender: "a@b.example", RestingUntil: now.Add(-time.Minute)}}
	}})
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got[f.GetName()+" "+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
	}
	if diff := cmp.Diff(map[string]float64{"otklik_lane_waiting sms": 3, "otklik_lane_in_flight sms": 2, "otklik_lane_rate sms": 1.5, "otklik_lane_resting_seconds sms": 60,
		"otklik_lane_waiting email": 0, "otklik_lane_in_flight email": 0, "otklik_lane_rate email": 0, "otklik_lane_resting_seconds email": 0}, got); diff != "" {
		t.Error(diff)
	}
}

// TestReadiness: every trouble is named; only what keeps a node from working gives 503.
func TestReadiness(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		h := &hand{business: storetest.Now, machine: storetest.Now}
		a := bare(t, st, h)
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		want := func(code int, status string, says ...string) {
			t.Helper()
			w := httptest.NewRecorder()
			a.ready(w, httptest.NewRequestWithContext(ctx, "GET", "/readyz", nil))
			body, err := io.ReadAll(w.Body)
			check(err)
			if w.Code != code || !strings.HasPrefix(string(body), fmt.Sprintf(`{"status":%q`, status)) {
				t.Errorf("%d %s, want %d %s", w.Code, body, code, status)
			}
			for _, s := range says {
				if !strings.Contains(string(body), s) {
					t.Errorf("does not say %s: %s", s, body)
				}
			}
		}
		want(200, isDegraded, "no worker runs", `"schema":"ok"`)
		node := store.Node{ID: st.NewID(), Version: "v1", Role: RoleWorker, StartedAt: h.machine, SeenAt: h.machine}
		check(st.Beat(ctx, node))
		old := store.Node{ID: st.NewID(), Version: "v0", Role: RoleWorker, StartedAt: h.machine, SeenAt: h.machine.Add(-time.Hour), Trouble: []string{store.TroubleStuck}}
		check(st.Beat(ctx, old))
		want(200, isReady, `"alive":true`, `"alive":false`)
		node.Trouble = []string{store.TroubleStuck}
		check(st.Beat(ctx, node))
		want(200, isDegraded, "has not come round")
		node.Trouble = nil
		check(st.Beat(ctx, node))

		d := storetest.Dealer(t, st)
		check(st.SaveSender(ctx, store.Sender{DealerID: d.ID, Channel: channels.SMS, Address: "+7495"}, h.business))
		_, err := st.PauseSender(ctx, channels.SMS, "+7495", "20003 the account is suspended", h.business)
		check(err)
		want(200, isDegraded, "sms +7495 cannot send since 2026-11-22T09:00:00Z: 20003 the account is suspended")
		err = st.LiftSender(ctx, channels.SMS, "+7495")
		check(err)
		check(st.Pause(ctx, store.PauseEverything, "", h.business))
		want(200, isDegraded, "all is paused by a person", `"paused":[{"name":"all"`)
		check(st.Resume(ctx, store.PauseEverything, "", h.business))

		saved := storetest.Save(t, st, d, storetest.Visit("1", "Иван", "+79000000001", h.business))
		check(st.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
			_, err := tx.Plan(ctx, []store.Outreach{{DealerID: d.ID, ContactID: saved[0].ContactID, Program: "p", Occasion: "o", Step: "s", State: "planned", DueAt: h.business.Add(-10 * time.Minute), TargetAt: h.business, DeadlineAt: h.business}}, h.business)
			return err
		}))
		want(200, isReady, `"oldest_due_outreach_seconds":600`) // it has just begun
		h.machine = h.machine.Add(time.Minute + time.Second)
		node.SeenAt = h.machine
		check(st.Beat(ctx, node))
		want(200, isDegraded, `"oldest_due_outreach_seconds":600`, "due for 10m0s and nothing was sent")
		node.Lanes = []store.LaneState{{Channel: channels.SMS, Sender: "+7495", LastMinute: 3}}
		check(st.Beat(ctx, node))
		want(200, isReady, `"oldest_due_outreach_seconds":600`)

		for _, c := range []struct {
			err      error
			code     int
			database string
		}{
			{&pgconn.PgError{Code: "53100"}, 503, "full"}, {&pgconn.PgError{Code: "25006"}, 503, "read-only"}, {&pgconn.PgError{Code: "53300"}, 200, "crowded"}, {errors.New("too slow"), 200, "ok"},
		} {
			a.unwritten.Store(&c.err)
			status := isNotReady
			if c.code == 200 {
				status = isDegraded
			}
			want(c.code, status, fmt.Sprintf(`"database":%q`, c.database))
		}
		a.unwritten.Store(nil)

		a.redis = noRedis(t)
		want(200, isDegraded, `"redis":"away`)
		st.Close()
		want(503, isNotReady, `"database":"away"`, `"redis":"away`)
	})
}

// TestReadinessBesideAnotherWriter: who holds SQLite's lock is what is wrong, not a
// database that were away.
func TestReadinessBesideAnotherWriter(t *testing.T) {
	t.Parallel()
	url := storetest.FreshURL(t, "sqlite")
	a, other := bare(t, storetest.OpenURL(t, url), clock.System{}), storetest.OpenURL(t, url)
	if err := other.Tx(t.Context(), store.RankPerson, func(*store.Tx) error {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.writes(ctx) }()
		testserver.Wait(t, "the lock counts as foreign", a.store.Locked)
		if r := a.readiness(ctx); r.Database != "locked" || r.Status != isNotReady || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "another process holds") {
			t.Errorf("readiness says %+v", r)
		}
		cancel()
		if err := <-ended; err == nil || !strings.HasPrefix(err.Error(), "nothing can be written") || !errors.Is(err, store.ErrLocked) {
			t.Errorf("doctor says %v", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.writes(t.Context()); err != nil {
		t.Errorf("doctor says %v", err)
	}
}

// TestReadinessOfAnOldSchema: a node whose tables are not there cannot work.
func TestReadinessOfAnOldSchema(t *testing.T) {
	st, err := store.Open(t.Context(), storetest.URL(t, "postgres"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	r := bare(t, st, clock.System{}).readiness(t.Context())
	if r.Status != isNotReady || !strings.HasSuffix(r.Schema, "migrations pending") {
		t.Errorf("%+v", r)
	}
}

// TestBesideANewerVersion: a node whose database a newer version has migrated says so,
// and works.
func TestBesideANewerVersion(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		var log bytes.Buffer
		a := bare(t, st, clock.System{})
		a.log = slog.New(slog.NewTextHandler(&log, nil))
		a.tellNewer(t.Context())
		if f := schema(t.Context(), st); log.Len() > 0 || !f.OK || f.Says != "up to date" {
			t.Errorf("on its own schema: %s, %+v", &log, f)
		}
		if err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
			_, err := tx.ExecContext(t.Context(), "insert into goose_db_version (version_id, is_applied) values (90001, true)")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		_, knows, err := st.Versions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		a.tellNewer(t.Context())
		if says := fmt.Sprintf("schema=90001 known=%d", knows); !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), says) {
			t.Errorf("the log does not say %s: %s", says, &log)
		}
		if f := schema(t.Context(), st); !f.OK || !strings.Contains(f.Says, fmt.Sprintf("to 90001; this one knows %05d", knows)) {
			t.Errorf("doctor says %+v", f)
		}
		if r := a.readiness(t.Context()); r.Status == isNotReady || r.Schema != "ok" {
			t.Errorf("readiness says %+v", r)
		}
		if n, err := st.Migrate(t.Context()); n != 0 || err != nil {
			t.Errorf("starting migrates %d, %v", n, err)
		}
	})
}

// TestReadinessWithoutConnections: a database that lets nobody more in is not called away.
func TestReadinessWithoutConnections(t *testing.T) {
	t.Parallel()
	address := storetest.FreshURL(t, "postgres")
	keeper, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	role := strings.TrimPrefix(u.Path, "/") + "_narrow"
	if _, err := keeper.Exec(t.Context(), "create role "+role+" login password 'narrow' connection limit 1"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if _, err := keeper.Exec(ctx, "drop role "+role); err != nil {
			t.Error(err)
		}
		_ = keeper.Close(ctx)
	})
	u.User = url.UserPassword(role, "narrow")
	st, err := store.Open(t.Context(), u.String(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	if err := st.Tx(t.Context(), store.RankPerson, func(*store.Tx) error { // it has the only one
		if r := bare(t, st, clock.System{}).readiness(t.Context()); r.Database != "crowded" || r.Status != isNotReady || len(r.Problems) != 1 {
			t.Errorf("readiness says %+v", r)
		}
		fs := inDatabase(t.Context(), &config.Config{DatabaseURL: u.String()}, slog.New(slog.DiscardHandler))
		if len(fs) != 1 || fs[0].OK || !strings.HasPrefix(fs[0].Says, "it has no connection left") {
			t.Errorf("doctor says %+v", fs)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestDoctorTellsWhoMayNotAsk: a Redis whose user may not run INFO is of use, and what is
// not noticed there is said.
func TestDoctorTellsWhoMayNotAsk(t *testing.T) {
	t.Parallel()
	address, _, _ := testserver.PrivateRedis(t)
	c, err := ratelimit.Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if f := inRedis(t.Context(), address); !f.OK || strings.Contains(f.Says, "INFO") {
		t.Errorf("doctor says %+v", f)
	}
	if err := c.Do(t.Context(), "ACL", "SETUSER", "default", "-info").Err(); err != nil {
		t.Fatal(err)
	}
	if f := inRedis(t.Context(), address); !f.OK || !strings.Contains(f.Says, "it refuses INFO") {
		t.Errorf("doctor says %+v", f)
	}
}

// TestDoctorNamesALockedTable: the first write of the day would have waited for it.
func TestDoctorNamesALockedTable(t *testing.T) {
	t.Parallel()
	address := storetest.FreshURL(t, "postgres")
	a, other := bare(t, storetest.OpenURL(t, address), clock.System{}), storetest.OpenURL(t, address)
	if err := other.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
		if _, err := tx.ExecContext(t.Context(), "lock table message"); err != nil {
			return err
		}
		if err := a.writes(t.Context()); err == nil || !strings.Contains(err.Error(), "has locked table message") {
			t.Errorf("doctor says %v", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.writes(t.Context()); err != nil {
		t.Errorf("doctor says %v", err)
	}
}

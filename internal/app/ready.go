package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"otklik/internal/ratelimit"
	"otklik/internal/store"
)

// readyWithin bounds the look at everything that /readyz tells of.
const readyWithin = 2 * time.Second

// Words of readiness.
const (
	isReady    = "ready"
	isDegraded = "degraded"
	isNotReady = "not ready"
)

// readiness is what /readyz answers. Probes look at the status code, people at
// Problems.
type readiness struct {
	Status   string   `json:"status"`
	Problems []string `json:"problems,omitempty"`
	Database string   `json:"database"`
	Schema   string   `json:"schema,omitempty"`
	Redis    string   `json:"redis,omitempty"`
	// Ages of the oldest that is due and has not gone, in seconds of business time.
	OldestOutreach float64       `json:"oldest_due_outreach_seconds"`
	OldestMessage  float64       `json:"oldest_due_message_seconds"`
	Paused         []pausedThing `json:"paused,omitempty"`
	Suspended      []suspended   `json:"suspended,omitempty"`
	Leads          []leadState   `json:"leads,omitempty"`
	Nodes          []nodeState   `json:"nodes,omitempty"`
}

type pausedThing struct {
	Name  string    `json:"name"`
	Since time.Time `json:"since"`
}

type suspended struct {
	Channel string    `json:"channel"`
	Sender  string    `json:"sender"`
	Reason  string    `json:"reason"`
	Since   time.Time `json:"since"`
}

type leadState struct {
	Name string `json:"name"`
	Held bool   `json:"held"`
}

type nodeState struct {
	ID      string            `json:"id"`
	Version string            `json:"version"`
	Role    string            `json:"role"`
	Started time.Time         `json:"started"`
	Seen    time.Time         `json:"seen"`
	Alive   bool              `json:"alive"`
	Trouble []string          `json:"trouble,omitempty"`
	Lanes   []store.LaneState `json:"lanes,omitempty"`
}

func (r *readiness) degrade(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	if r.Status == isReady {
		r.Status = isDegraded
	}
}

func (r *readiness) fail(format string, args ...any) {
	r.degrade(format, args...)
	r.Status = isNotReady
}

// ready tells whether this node can do its work, and all that is wrong. Without
// Redis it still can: sending in bulk waits, replies go on (invariant 8). Only what
// keeps it from working at all gives 503.
func (a *App) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	state := a.readiness(ctx)
	code := http.StatusOK
	if state.Status == isNotReady {
		code = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(state)
}

func (a *App) readiness(ctx context.Context) readiness {
	r := readiness{Status: isReady, Database: "ok"}
	if a.redis != nil {
		r.Redis = "ok"
		if err := a.askRedis(ctx); err != nil {
			why := ratelimit.Why(err)
			r.Redis = strings.TrimPrefix(why, "is ") + ": sending in bulk waits, replies go on"
			r.degrade("Redis %s: sending in bulk waits, replies go on", why)
		}
	}
	if err := a.store.Ping(ctx); err != nil {
		if errors.Is(store.Cause(err), store.ErrCrowded) {
			r.Database = "crowded"
			r.fail("the database has no connection left for this node: nothing is received or sent until others let go of some")
			return r
		}
		r.Database = "away"
		r.fail("the database is away")
		return r
	}
	a.readyWrites(&r)
	var unseen error
	for _, look := range []func(context.Context, *readiness) error{a.readySchema, a.readySenders, a.readyNodes, a.readyQueue} {
		if r.Status == isNotReady {
			break
		}
		unseen = errors.Join(unseen, look(ctx, &r))
	}
	if unseen != nil {
		// The chain may name hosts and statements; the log is for those.
		a.log.Warn("readiness could not be looked at", "error", unseen)
		r.degrade("not everything could be looked at; the log says why")
	}
	return r
}

// askRedis tells whether this node can ask its rate limits. It leaves the better part
// of a readiness's time to others.
func (a *App) askRedis(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin/2)
	defer cancel()
	return a.redis.Check(ctx)
}

// readyWrites tells of a database that answers and takes no writes: nothing can be
// received, sent or recorded then.
func (a *App) readyWrites(r *readiness) {
	if a.store.Locked() {
		r.Database = "locked"
		r.fail("another process holds the database's write lock: nothing is received or sent until it lets go")
		return
	}
	var err error
	if beat := a.unwritten.Load(); beat != nil {
		err = *beat
	}
	if err == nil && a.dispatcher != nil {
		err = a.dispatcher.Unwritten() // a row that is there may be changed where none has room
	}
	if err == nil {
		return
	}
	switch cause := store.Cause(err); {
	case errors.Is(cause, store.ErrFull):
		r.Database = "full"
		r.fail("the database's disk is full: nothing is received or sent until there is room")
	case errors.Is(cause, store.ErrCrowded):
		r.Database = "crowded"
		r.degrade("the database has no connection left for this node's latest write")
	case errors.Is(cause, store.ErrReadOnly):
		r.Database = "read-only"
		r.fail("the database can only be read: nothing is received or sent")
	default:
		r.degrade("the database did not take this node's latest write; the log says why")
	}
}

func (a *App) readySchema(ctx context.Context, r *readiness) error {
	pending, err := a.store.Pending(ctx)
	if err != nil {
		return err
	}
	r.Schema = "ok"
	if pending > 0 {
		r.Schema = fmt.Sprintf("%d migrations pending", pending)
		r.fail("%d migrations are pending: otklik migrate up", pending)
	}
	return nil
}

func (a *App) readySenders(ctx context.Context, r *readiness) error {
	ps, err := a.store.Pauses(ctx)
	if err != nil {
		return err
	}
	for _, p := range ps {
		r.Paused = append(r.Paused, pausedThing{p.Name, p.At})
		r.degrade("%s is paused by a person since %s", p.Name, p.At.Format(time.RFC3339))
	}
	ss, err := a.store.Senders(ctx)
	if err != nil {
		return err
	}
	told := map[[2]string]bool{}
	for _, s := range ss {
		// Dealers that share a sender share its fate.
		name := [2]string{string(s.Channel), s.Address}
		if s.PausedReason == "" || told[name] {
			continue
		}
		told[name] = true
		r.Suspended = append(r.Suspended, suspended{string(s.Channel), s.Address, s.PausedReason, s.PausedAt})
		r.degrade("%s %s cannot send since %s: %s", s.Channel, s.Address, s.PausedAt.Format(time.RFC3339), s.PausedReason)
	}
	return nil
}

func (a *App) readyNodes(ctx context.Context, r *readiness) error {
	now := a.clock.Machine()
	ls, err := a.store.Leases(ctx)
	if err != nil {
		return err
	}
	for _, l := range ls {
		r.Leads = append(r.Leads, leadState{l.Name, l.Until.After(now)})
	}
	ns, err := a.store.Nodes(ctx)
	if err != nil {
		return err
	}
	workers := 0
	for _, n := range ns {
		x := nodeState{ID: n.ID, Version: n.Version, Role: n.Role, Started: n.StartedAt, Seen: n.SeenAt, Alive: !n.Dead(now), Trouble: n.Trouble, Lanes: n.Lanes}
		if !x.Alive {
			x.Trouble, x.Lanes = nil, nil
		}
		if x.Alive && n.Role != RoleWeb {
			workers++
		}
		for _, t := range x.Trouble {
			switch {
			case t == store.TroubleStuck:
				r.degrade("the dispatcher of node %s has not come round for more than %v", n.ID, stuckAfter)
			case t == store.TroubleClock:
				r.degrade("the clock of node %s's machine is not the database's, which counts: synchronise it", n.ID)
			case t == store.TroubleRedis && r.Redis == "ok":
				r.degrade("node %s cannot use Redis", n.ID)
			}
		}
		r.Nodes = append(r.Nodes, x)
	}
	if workers == 0 {
		r.degrade("no worker runs: nothing is planned or sent")
	}
	return nil
}

// lateAfter is how long something may be due while nothing at all is sent.
const lateAfter = 5 * time.Minute

func (a *App) readyQueue(ctx context.Context, r *readiness) error {
	now, machine := a.clock.Business(), a.clock.Machine()
	o, m, err := a.store.OldestDue(ctx, now)
	if err != nil {
		return err
	}
	r.OldestOutreach, r.OldestMessage = age(o, now), age(m, now)
	sent, able := int64(0), false
	for _, n := range r.Nodes {
		able = able || n.Alive && n.Role != RoleWeb && machine.Sub(n.Started) > time.Minute
		for _, l := range n.Lanes {
			sent += l.LastMinute
		}
	}
	// A campaign may take hours; standing still is what is wrong, of those who have had
	// their minute.
	if late := max(r.OldestOutreach, r.OldestMessage); late > lateAfter.Seconds() && able && sent == 0 && len(r.Paused) == 0 {
		r.degrade("something has been due for %v and nothing was sent in the last minute", (time.Duration(late) * time.Second).Round(time.Second))
	}
	return nil
}

// age is how long ago a moment was, in seconds; 0 for none.
func age(t, now time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return now.Sub(t).Seconds()
}

// waiting shows the queue at the moment it is asked.
type waiting struct{ a *App }

var (
	waitingDesc       = prometheus.NewDesc("otklik_messages_waiting", "Messages not finished, by channel and state.", []string{"channel", "state"}, nil)
	oldestDesc        = prometheus.NewDesc("otklik_oldest_due_seconds", "Age of the oldest outreach that is due and has not gone.", nil, nil)
	oldestMessageDesc = prometheus.NewDesc("otklik_oldest_due_message_seconds", "Age of the oldest message that stands ready and has not gone.", nil, nil)
)

// Describe implements prometheus.Collector.
func (w *waiting) Describe(c chan<- *prometheus.Desc) {
	c <- waitingDesc
	c <- oldestDesc
	c <- oldestMessageDesc
}

// Collect implements prometheus.Collector.
func (w *waiting) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	now := w.a.clock.Business()
	counts, _, err := w.a.store.Waiting(ctx, now)
	if err != nil {
		return
	}
	for _, n := range counts {
		c <- prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, float64(n.N), string(n.Channel), string(n.State))
	}
	o, m, err := w.a.store.OldestDue(ctx, now)
	if err != nil {
		return
	}
	c <- prometheus.MustNewConstMetric(oldestDesc, prometheus.GaugeValue, age(o, now))
	c <- prometheus.MustNewConstMetric(oldestMessageDesc, prometheus.GaugeValue, age(m, now))
}

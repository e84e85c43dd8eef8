package app

import (
	"context"
	"reflect"
	"sort"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"otklik/internal/ratelimit"
	"otklik/internal/store"
)

// How a node tells that it is alive, in machine time: while something moves each
// second, else often enough not to count as dead, for each beat costs SQLite a sync
// of its disk.
const (
	beatEvery = time.Second
	idleEvery = 5 * time.Second
)

// stuckAfter is how long the dispatcher may take for one round before the node says
// that it is stuck.
const stuckAfter = time.Minute

// pulse is what this node tells of itself.
type pulse struct {
	app  *App
	node store.Node
	// lanes and stepped are the dispatcher's: its lanes, and when it last came round
	// (machine time). Both are nil where none runs.
	lanes   func() []store.LaneState
	stepped func() time.Time
	meters  map[laneName]*meter
	told    store.Node
	failed  bool
	// agreed is when the clock was last held against the database's (machine time).
	agreed time.Time
	// redis is why Redis cannot be used, empty while it can.
	redis string
}

type laneName struct{ channel, sender string }

// beat writes this node's state until ctx ends and then takes the node off the list,
// and shows its lanes to Prometheus. A node without a dispatcher gives nil for both
// functions.
func (a *App) beat(ctx context.Context, lanes func() []store.LaneState, stepped func() time.Time) {
	now := a.clock.Machine()
	p := &pulse{app: a, lanes: lanes, stepped: stepped, meters: map[laneName]*meter{}, node: store.Node{ID: a.store.NewID(), Version: a.options.Version, Role: a.options.Role, StartedAt: now}}
	if lanes != nil {
		a.registry.MustRegister(&laneGauges{lanes, a.clock.Machine})
	}
	for ctx.Err() == nil {
		p.beat(ctx)
		pause(ctx, beatEvery, nil)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := a.store.Farewell(ctx, p.node.ID); err != nil {
		a.log.Warn("a node stays on the list until tomorrow", "error", err)
	}
}

// beat writes the state when it has changed or is old. A database that is away is
// logged once: the log has other voices for it.
func (p *pulse) beat(ctx context.Context) {
	p.look(ctx)
	now := p.node.SeenAt
	if now.Sub(p.told.SeenAt) < idleEvery && reflect.DeepEqual(p.node.Lanes, p.told.Lanes) && reflect.DeepEqual(p.node.Trouble, p.told.Trouble) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, idleEvery)
	defer cancel()
	err := p.app.store.Beat(ctx, p.node)
	p.app.unwritten.Store(&err)
	if err == nil {
		p.told, p.failed = p.node, false
		return
	}
	if !p.failed && ctx.Err() == nil {
		p.app.log.Warn("a node could not tell that it is alive", "error", err)
	}
	p.failed = true
}

// look fills in how the node is now.
func (p *pulse) look(ctx context.Context) {
	p.agree(ctx)
	now := p.app.clock.Machine()
	p.node.SeenAt, p.node.Lanes, p.node.Trouble = now, nil, nil
	if p.lanes != nil {
		p.node.Lanes = p.lanes()
	}
	for i := range p.node.Lanes {
		l := &p.node.Lanes[i]
		name := laneName{string(l.Channel), l.Sender}
		m, ok := p.meters[name]
		if !ok {
			m = &meter{samples: []sample{{at: p.node.StartedAt}}}
			p.meters[name] = m
		}
		m.add(now, l.Sent)
		l.LastMinute, l.LastHour = m.since(now.Add(-time.Minute)), m.since(now.Add(-time.Hour))
	}
	if p.stepped != nil && now.Sub(p.lastStep()) > stuckAfter {
		p.node.Trouble = append(p.node.Trouble, store.TroubleStuck)
	}
	if p.app.off() != 0 {
		p.node.Trouble = append(p.node.Trouble, store.TroubleClock)
	}
	if p.app.redis != nil && p.withoutRedis(ctx) {
		p.node.Trouble = append(p.node.Trouble, store.TroubleRedis)
	}
}

// lastStep is when the dispatcher last came round; a node that has just begun, and whose
// dispatcher has not yet, is not stuck.
func (p *pulse) lastStep() time.Time {
	if at := p.stepped(); !at.IsZero() {
		return at
	}
	return p.node.StartedAt
}

// agree holds the clock against the database's now and then. A database that does not
// answer is told of by others.
func (p *pulse) agree(ctx context.Context) {
	if now := p.app.clock.Machine(); now.Sub(p.agreed).Abs() < idleEvery {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, idleEvery)
	defer cancel()
	_ = p.app.agree(ctx)
	p.agreed = p.app.clock.Machine()
}

// withoutRedis tells whether the node cannot ask its rate limits, and logs when that or
// its cause has changed.
func (p *pulse) withoutRedis(ctx context.Context) bool {
	err := p.app.askRedis(ctx)
	if ctx.Err() != nil {
		return p.redis != ""
	}
	why := ""
	if err != nil {
		why = ratelimit.Why(err)
	}
	switch {
	case why == p.redis:
	case err != nil:
		p.app.log.Warn("Redis cannot be used: sending in bulk waits, replies go on", "why", why, "error", err)
	default:
		p.app.log.Info("Redis can be used again: sending in bulk goes on")
	}
	p.redis = why
	return err != nil
}

// meter tells how much a counter grew within the last hour.
type meter struct{ samples []sample }

// sample is the state of a counter at a moment.
type sample struct {
	at time.Time
	n  int64
}

// meterEvery is how finely a meter tells one moment from the next.
const meterEvery = 5 * time.Second

// add notes the counter; samples older than an hour go, but for the newest of them.
func (m *meter) add(now time.Time, n int64) {
	last := len(m.samples) - 1
	if last > 0 && now.Sub(m.samples[last-1].at) < meterEvery {
		m.samples[last] = sample{now, n}
	} else {
		m.samples = append(m.samples, sample{now, n})
	}
	if old := m.before(now.Add(-time.Hour)); old > 0 {
		m.samples = m.samples[old:]
	}
}

// before finds the newest sample that is not after a moment; the first where none is.
func (m *meter) before(t time.Time) int {
	return max(sort.Search(len(m.samples), func(i int) bool { return m.samples[i].at.After(t) })-1, 0)
}

// since is how much the counter has grown since a moment within the last hour.
func (m *meter) since(t time.Time) int64 {
	return m.samples[len(m.samples)-1].n - m.samples[m.before(t)].n
}

// laneGauges shows the lanes of this node at the moment it is asked.
type laneGauges struct {
	lanes func() []store.LaneState
	now   func() time.Time // machine time
}

var laneLabels = []string{"channel", "sender"}

var (
	laneWaitingDesc = prometheus.NewDesc("otklik_lane_waiting", "Messages that this node has read ahead for a sender.", laneLabels, nil)
	laneFlightDesc  = prometheus.NewDesc("otklik_lane_in_flight", "Messages that this node is handing to a sender's provider.", laneLabels, nil)
	laneRateDesc    = prometheus.NewDesc("otklik_lane_rate", "Messages per second of a sender on this node, over the last ten seconds.", laneLabels, nil)
	laneRestDesc    = prometheus.NewDesc("otklik_lane_resting_seconds", "How long a sender on this node still rests; 0 when it does not.", laneLabels, nil)
)

// Describe implements prometheus.Collector.
func (g *laneGauges) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{laneWaitingDesc, laneFlightDesc, laneRateDesc, laneRestDesc} {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (g *laneGauges) Collect(c chan<- prometheus.Metric) {
	now := g.now()
	for _, l := range g.lanes() {
		rest := 0.0
		if l.RestingUntil.After(now) {
			rest = l.RestingUntil.Sub(now).Seconds()
		}
		for _, m := range []struct {
			desc  *prometheus.Desc
			value float64
		}{{laneWaitingDesc, float64(l.Waiting)}, {laneFlightDesc, float64(l.InFlight)}, {laneRateDesc, l.Rate}, {laneRestDesc, rest}} {
			c <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, m.value, string(l.Channel), l.Sender)
		}
	}
}

package dispatch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"otklik/channels"
	"otklik/internal/outreach"
)

// Metrics counts what the dispatcher does. A nil Metrics counts nothing.
type Metrics struct {
	outcomes  *prometheus.CounterVec
	decisions *prometheus.CounterVec
	waits     *prometheus.CounterVec
	pauses    *prometheus.CounterVec
	groups    prometheus.Histogram
	lostClaim prometheus.Counter
	expired   prometheus.Counter
	lapses    prometheus.Counter
	failures  prometheus.Counter
	noLimiter prometheus.Counter
}

// NewMetrics registers the dispatcher's metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		outcomes:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otklik_send_outcomes_total", Help: "Outcomes of attempts by channel, class and resulting state."}, []string{"channel", "class", "state"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otklik_decisions_total", Help: "Outreach that did not go out, by verdict and rule."}, []string{"verdict", "rule"}),
		waits:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otklik_rate_wait_seconds_total", Help: "Time spent waiting for a rate limit, by channel."}, []string{"channel"}),
		pauses:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otklik_sender_suspensions_total", Help: "Senders that stopped because their provider refuses them."}, []string{"channel"}),
		groups:    prometheus.NewHistogram(prometheus.HistogramOpts{Name: "otklik_begin_group_size", Help: "Messages per begin commit.", Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128}}),
		lostClaim: prometheus.NewCounter(prometheus.CounterOpts{Name: "otklik_claims_lost_total", Help: "Claims that another holder had taken over."}),
		expired:   prometheus.NewCounter(prometheus.CounterOpts{Name: "otklik_leases_expired_total", Help: "Messages found in sending after their lease."}),
		lapses:    prometheus.NewCounter(prometheus.CounterOpts{Name: "otklik_leases_lapsed_total", Help: "Messages that were begun and not handed over, because this process stood still for most of their lease."}),
		failures:  prometheus.NewCounter(prometheus.CounterOpts{Name: "otklik_dispatch_failures_total", Help: "Steps that failed, mostly because the database was away."}),
		noLimiter: prometheus.NewCounter(prometheus.CounterOpts{Name: "otklik_limiter_unavailable_total", Help: "Times the rate cells could not be asked."}),
	}
	r.MustRegister(m.outcomes, m.decisions, m.waits, m.pauses, m.groups, m.lostClaim, m.expired, m.lapses, m.failures, m.noLimiter)
	return m
}

func (m *Metrics) outcome(ch channels.Kind, class string, s outreach.MessageState) {
	if m != nil {
		m.outcomes.WithLabelValues(string(ch), class, string(s)).Inc()
	}
}

func (m *Metrics) decided(verdict, rule string) {
	if m != nil {
		m.decisions.WithLabelValues(verdict, rule).Inc()
	}
}

func (m *Metrics) waited(ch channels.Kind, d time.Duration) {
	if m != nil {
		m.waits.WithLabelValues(string(ch)).Add(d.Seconds())
	}
}

func (m *Metrics) suspended(ch channels.Kind) {
	if m != nil {
		m.pauses.WithLabelValues(string(ch)).Inc()
	}
}

func (m *Metrics) group(n int) {
	if m != nil && n > 0 {
		m.groups.Observe(float64(n))
	}
}

func (m *Metrics) lost(n int) {
	if m != nil {
		m.lostClaim.Add(float64(n))
	}
}

func (m *Metrics) expiredLease() {
	if m != nil {
		m.expired.Inc()
	}
}

func (m *Metrics) lapse(n int) {
	if m != nil {
		m.lapses.Add(float64(n))
	}
}

func (m *Metrics) failure() {
	if m != nil {
		m.failures.Inc()
	}
}

func (m *Metrics) limiterAway() {
	if m != nil {
		m.noLimiter.Inc()
	}
}

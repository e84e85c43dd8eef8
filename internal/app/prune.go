package app

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"otklik/internal/config"
	"otklik/internal/store"
)

// pruneEvery is how often history is pruned, give or take a half: nodes and
// installations that started together do not work together.
const pruneEvery = time.Hour

// cutoffs turns ages into moments of business time.
func cutoffs(r config.Retention, now time.Time) store.Cutoffs {
	return store.Cutoffs{Messages: r.Messages.Before(now), Bodies: r.Bodies.Before(now), Outreach: r.Outreach.Before(now), Decisions: r.Decisions.Before(now),
		Attempts: r.Attempts.Before(now), Idempotency: r.Idempotency.Before(now), Audit: r.Audit.Before(now),
		Appointments: r.Appointments.Before(now), Prospects: r.Prospects.Before(now)}
}

// pruneLoop removes what has served its time, on one node.
func (a *App) pruneLoop(ctx context.Context) {
	rows := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "otklik_pruned_rows_total", Help: "Rows that had served their time and were removed, by table; body is a message whose text was emptied."}, []string{"table"})
	a.registry.MustRegister(rows)
	spread := func() time.Duration { return pruneEvery/2 + rand.N(pruneEvery) } //nolint:gosec // no secret
	// Not while the program starts and all else that had waited goes first.
	pause(ctx, spread()/10, nil)
	a.singleton(ctx, "prune", spread, func(ctx context.Context) error {
		pruned, err := a.store.Prune(ctx, cutoffs(a.config.Retention, a.clock.Business()), a.clock.Machine())
		var total int64
		for table, n := range pruned {
			rows.WithLabelValues(table).Add(float64(n))
			total += n
		}
		if total > 0 {
			a.log.Info("history was pruned", "rows", total)
		}
		// Longer than any program looks back for a date that it has missed.
		return errors.Join(err, a.store.PruneWalks(ctx, a.clock.Business().AddDate(0, -3, 0).Format(time.DateOnly)))
	})
}

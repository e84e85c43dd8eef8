package dispatch

import (
	"context"
	"sync"
	"time"
)

// owed are claims that the database did not take back when it was away. They are handed
// back as soon as it takes them, so that what they hold does not wait for their lease.
type owed struct {
	mu     sync.Mutex
	claims []owedClaims
}

// owedClaims are n claims that do hands back; from until on, machine time, they have
// lapsed by themselves.
type owedClaims struct {
	n     int
	until time.Time
	do    func(context.Context) error
}

func (o *owed) add(c ...owedClaims) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.claims = append(o.claims, c...)
}

func (o *owed) take() []owedClaims {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.claims
	o.claims = nil
	return all
}

// repay hands owed claims back, up to the first that the database does not take.
func (r *run) repay() {
	all := r.owed.take()
	if len(all) == 0 {
		return
	}
	ctx, cancel := r.writingWithin(lastWithin)
	defer cancel()
	for i, c := range all {
		if r.d.Clock.Machine().After(c.until) {
			continue
		}
		if err := c.do(ctx); err != nil {
			r.unanswered()
			r.owed.add(all[i:]...)
			return
		}
	}
	r.feed.nudge()
}

// leave counts what is still owed when the run is over.
func (r *run) leave() {
	if !r.left.away.Load() {
		r.repay()
	}
	for _, c := range r.owed.take() {
		r.left.claims.Add(int64(c.n)) // nothing is lost: they lapse with their lease
	}
}

package dispatch

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"otklik/internal/store"
)

// lastWithin is how long a program that is to end waits for a database that does not
// answer: for an outcome from when it is known, for all else from when the stop came. It
// bounds what hands claims back at any time, too.
const lastWithin = 4 * time.Second

// writing is the context of writes that a stop must not cut short at once: it ends
// lastWithin after the program was told to end, or after now where that was before.
func (r *run) writing() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	unhook := context.AfterFunc(r.stop, func() {
		t := time.NewTimer(lastWithin)
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
			cancel()
		}
	})
	return ctx, func() { unhook(); cancel() }
}

// writingWithin is writing for a call that may take so long at the most.
func (r *run) writingWithin(limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, end := r.writing()
	ctx, cancel := context.WithTimeout(ctx, limit)
	return ctx, func() { cancel(); end() }
}

// claiming is the context of a claim. One that a stop meets under way is waited for: cut
// short, it may be committed all the same, and nobody would know what to hand back.
func (r *run) claiming() (context.Context, context.CancelFunc) {
	if r.ctx.Err() != nil {
		return r.ctx, func() {} // none begins any more
	}
	return r.writingWithin(r.d.Config.Lease / 2)
}

// leftovers count what the database did not take. Nothing is lost with it: claims lapse
// with their lease, and a message whose outcome nobody has written is uncertain then.
type leftovers struct {
	outcomes, claims atomic.Int64
	// away: the database has let a write wait in vain since the program is to end. Then
	// only outcomes are tried again.
	away atomic.Bool
}

// tell says what is left, if anything is; until is when the last lease of it ends.
func (l *leftovers) tell(log *slog.Logger, until time.Time) {
	if outcomes, claims := l.outcomes.Load(), l.claims.Load(); outcomes+claims > 0 {
		log.Warn("the database did not take all: the rest is left to the lease", "outcomes", outcomes, "claims", claims, "until", until)
	}
}

// giveBack returns outreach that was claimed and not begun, also when the run has ended.
func (r *run) giveBack(os []store.Outreach) {
	r.handBack(len(os), func(ctx context.Context) error { return r.d.Store.Unclaim(ctx, os) })
}

// giveBackMessages does the same with queued messages.
func (r *run) giveBackMessages(ms []store.Message) {
	r.handBack(len(ms), func(ctx context.Context) error { return r.d.Store.UnclaimMessages(ctx, ms) })
}

// handBack hands n claims back; where the database is away, as soon as it is there.
func (r *run) handBack(n int, do func(context.Context) error) {
	if n == 0 {
		return
	}
	if !r.left.away.Load() {
		ctx, cancel := r.writingWithin(lastWithin)
		defer cancel()
		err := do(ctx)
		if err == nil {
			return
		}
		r.unanswered()
		r.d.Log.Warn("claims were not handed back yet", "claims", n, "error", err)
	}
	r.owed.add(owedClaims{n, r.d.Clock.Machine().Add(r.d.Config.Lease), do})
}

// unanswered notes that a write has failed.
func (r *run) unanswered() {
	if r.stop.Err() != nil {
		r.left.away.Store(true)
	}
}

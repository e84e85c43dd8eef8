package dispatch

import (
	"errors"
	"fmt"
	"time"

	"otklik/channels"
)

// errUnfit is why a message that has begun is not handed over any more: nothing has left
// of it, and it goes back into the queue.
var (
	errUnfit  = errors.New("the message may not be handed over any more")
	errLapsed = &channels.Error{Class: channels.Transient, Err: fmt.Errorf("%w: its lease is all but over", errUnfit)}
	errOver   = &channels.Error{Class: channels.Transient, Err: fmt.Errorf("%w: its window is over", errUnfit)}
)

// fit tells whether a message that has begun may be handed over still, nil when it may.
// A process that stood still (stopped, or its machine suspended or starved) wakes up
// where it stood and knows nothing of it; meanwhile another node may have found the lease
// over. So it is asked as late as the channel can (channels.Message.Check). Machine time
// is the wall clock, which goes on while the machine sleeps; should it be set back, the
// context of the hand-over ends by the other clock.
func (l *runner) fit(it *item) error {
	d := l.r.d
	if d.Clock.Machine().Sub(it.leased) > d.Config.covered() {
		return errLapsed
	}
	if it.over(d.Clock.Business()) {
		return errOver
	}
	return nil
}

// answer passes on what became of a message that was to be handed over at a moment. What
// was certainly not, because it was not fit any more, is unsent: our record of that counts
// under the claim's token only, so not where another node has taken the message over.
func (l *runner) answer(it *item, r channels.Receipt, err error, handed time.Time) {
	o := outcome{item: it, receipt: r, err: err, handed: handed}
	if errors.Is(err, errUnfit) && channels.AsError(err).Class != channels.Uncertain {
		o = outcome{item: it, unsent: l.r.d.Clock.Machine(), lapsed: errors.Is(err, errLapsed)}
	}
	l.results <- o
}

// lapsed tells of messages whose lease was all but over before they were handed over.
func (l *runner) lapsed(batch []outcome) {
	n := 0
	for i := range batch {
		if batch[i].lapsed {
			n++
		}
	}
	if n > 0 {
		l.r.d.Metrics.lapse(n)
		l.r.d.Log.Warn("messages were not handed over: this process stood still for most of their lease", "channel", l.lane.channel, "messages", n)
	}
}

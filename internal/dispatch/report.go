package dispatch

import (
	"cmp"
	"slices"
	"time"
)

// LaneReport is what one lane of this process is doing.
type LaneReport struct {
	Channel, Sender, Dealer, Domain string
	// Waiting is read ahead, InFlight begun or about to be.
	Waiting, InFlight int
	// Sent counts since the process started; Rate is per second over the last ten.
	Sent int64
	Rate float64
	// RestingUntil (machine time) and Reason tell of a pause that the dispatcher gave
	// itself: suspended, throttled, provider_away; paused when a person did; zero and
	// "" when it works.
	RestingUntil time.Time
	Reason       string
}

// runners are the lanes of the present run; none between runs.
func (d *Dispatcher) runners() []*runner {
	if r := d.now.Load(); r != nil {
		return r.runners()
	}
	return nil
}

// Report tells what the lanes of this process are doing.
func (d *Dispatcher) Report() []LaneReport {
	d.init()
	now := d.Clock.Machine()
	runners := d.runners()
	out := make([]LaneReport, 0, len(runners))
	for _, l := range runners {
		x := LaneReport{Channel: string(l.lane.channel), Sender: l.lane.sender, Dealer: l.lane.dealer, Domain: l.lane.domain}
		l.mu.Lock()
		x.Waiting, x.InFlight, x.Sent, x.Rate = len(l.items), l.flight, l.sent, l.speed.mean(now)
		l.mu.Unlock()
		switch r := d.resting(l.lane, now); {
		case d.desk.sender(l.lane):
			x.Reason = "paused"
		case !r.until.IsZero():
			x.RestingUntil, x.Reason = r.until, r.reason
		}
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b LaneReport) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.Dealer, b.Dealer), cmp.Compare(a.Domain, b.Domain))
	})
	return out
}

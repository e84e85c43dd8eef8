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

// Report tells what the lanes of this process are doing, those of earlier runs with it.
func (d *Dispatcher) Report() []LaneReport {
	d.init()
	now := d.Clock.Machine()
	lanes := map[lane]LaneReport{}
	d.sent.Range(func(key, n any) bool {
		lanes[key.(lane)] = LaneReport{Sent: n.(int64)}
		return true
	})
	for _, l := range d.runners() {
		l.mu.Lock()
		lanes[l.lane] = LaneReport{Waiting: len(l.items), InFlight: l.flight, Sent: l.sent, Rate: l.speed.mean(now)}
		l.mu.Unlock()
	}
	out := make([]LaneReport, 0, len(lanes))
	for l, x := range lanes {
		x.Channel, x.Sender, x.Dealer, x.Domain = string(l.channel), l.sender, l.dealer, l.domain
		switch r := d.resting(l, now); {
		case d.desk.sender(l):
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

package dispatch

import (
	"context"
	"time"

	"otklik/channels"
	"otklik/internal/policy"
	"otklik/internal/store"
)

// Forecast is what would become of one outreach at its time.
type Forecast struct {
	At                            time.Time
	Contact, Order, Program, Step string
	Channel                       channels.Kind
	Verdict, Rule, Cost           string
	Segments                      int
}

// Forecast judges outreach as a run at each one's due time would, on what is known
// now; a hold is followed to its end. It changes nothing (invariant 13).
func (d *Dispatcher) Forecast(ctx context.Context, os []store.Outreach) ([]Forecast, error) {
	d.init()
	now := d.Clock.Business()
	f, err := d.facts(ctx, os, now)
	if err != nil {
		return nil, err
	}
	out := make([]Forecast, 0, len(os))
	for i := range os {
		o := os[i] // the verdict is the forecast's, not the caller's
		x := Forecast{At: o.DueAt, Contact: o.ContactID, Order: f.Visits[o.VisitID].Order, Program: o.Program, Step: o.Step, Channel: o.Channel, Rule: o.Rule}
		d.foresee(&o, f, &x, now)
		out = append(out, x)
	}
	return out, nil
}

// foresee follows holds until the outreach goes or drops.
func (d *Dispatcher) foresee(o *store.Outreach, f facts, x *Forecast, now time.Time) {
	switch o.State {
	case "dropped":
		x.Verdict = string(policy.Drop)
		return
	case "merged":
		x.Verdict = "merge"
		return
	}
	at := o.DueAt
	if at.Before(now) {
		at = now
	}
	const mostHolds = 8
	for range mostHolds {
		f.now = at
		it, v := d.judge(o, &f)
		if it != nil {
			b, err := d.compose(it)
			if err != nil {
				x.At, x.Verdict, x.Rule = at, string(policy.Hold), RuleRender
				return
			}
			x.At, x.Channel, x.Verdict, x.Rule, x.Segments = at, b.Message.Channel, string(policy.Send), b.Outreach.Rule, b.Message.Segments
			return
		}
		x.At, x.Verdict, x.Rule = at, v.Verdict, v.Rule
		if v.State != "held" || !v.Until.After(at) {
			return
		}
		at = v.Until
	}
}

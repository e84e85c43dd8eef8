package dispatch

import (
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/store"
)

// wantTact asks for what greetings and ads are held by. Surveys and service messages,
// which are most of all, are not asked about and cost nothing.
func (d *Dispatcher) wantTact(w *store.Wanted, o *store.Outreach) {
	if o.Purpose == outreach.Greeting || o.Purpose == outreach.Ad {
		w.Greeted = append(w.Greeted, o.ContactID)
		w.Ahead = w.Now.Add(d.Policy.Ahead())
	}
}

// hoursOf are the person's own; what cannot be read is no wish.
func hoursOf(c *store.Contact) policy.Window {
	if c.Hours == "" {
		return policy.Window{}
	}
	w, err := policy.ParseHours(c.Hours)
	if err != nil {
		return policy.Window{}
	}
	return w
}

// tactOf tells policy about the person and the car of his visit.
func tactOf(in *policy.Input, c *store.Contact, v *store.Visit, t store.Tact) {
	in.Hours = hoursOf(c)
	in.Deceased, in.Company, in.VehicleSold = c.Deceased, c.Company, !v.Vehicle.SoldAt.IsZero()
	in.OpenCallback, in.LowScore, in.Ahead = t.OpenCallback, t.LowScore, pastOf(t.Ahead)
}

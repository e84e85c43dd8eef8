package dispatch

import (
	"context"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/store"
)

// resolve settles messages whose outcome is not known: an expired lease in
// sending, or a question to the provider that is due.
func (d *Dispatcher) resolve(ctx context.Context) (Summary, int, error) {
	ms, err := d.Store.ClaimUncertain(ctx, d.Store.NewID(), d.Config.Batch, d.Clock.Business(), d.Clock.Machine(), d.Config.Lease)
	if err != nil || len(ms) == 0 {
		return Summary{}, 0, err
	}
	var sum Summary
	results := make([]store.Result, len(ms))
	for i, m := range ms {
		results[i] = d.settleOne(ctx, m)
		sum.add(tally(results[i].Transition))
	}
	lost, err := d.Store.Record(ctx, results, d.Clock.Business())
	d.Metrics.lost(lost)
	return sum, len(ms), err
}

func (d *Dispatcher) settleOne(ctx context.Context, m store.Message) store.Result {
	now := d.Clock.Machine()
	r := store.Result{Message: m, At: d.Clock.Business()}
	asker, canAsk := d.Channels[m.Channel].(channels.Asker)
	if m.RetryAt.IsZero() || !canAsk {
		// The lease of a send ran out: a node died, or lost its database.
		d.Metrics.expiredLease()
		r.Transition = outreach.Unfinished(attemptOf(m), now)
		r.Err = &channels.Error{Class: channels.Uncertain}
	} else {
		rep, found, err := asker.Ask(ctx, channels.Query{To: m.Address, From: m.Sender, Text: m.Text, Since: m.RetryAt.Add(-outreach.SecondAsk)})
		if err != nil {
			// The provider does not answer: the question stays due.
			r.Transition = outreach.Transition{State: outreach.Sending, DueAt: now.Add(time.Minute)}
			return r
		}
		r.Transition = outreach.Answered(attemptOf(m), found, rep.State, now)
		r.Receipt.ProviderID = rep.ProviderID
	}
	d.Metrics.outcome(m.Channel, "asked", r.Transition.State)
	if r.Transition.Open && needsPerson(m.Purpose) {
		r.Task = undelivered(m, r.Err, r.At)
	}
	return r
}

// admit passes queued messages through policy and readies those that may go.
func (d *Dispatcher) admit(ctx context.Context, ms []store.Message) ([]store.Begun, Summary, error) {
	var sum Summary
	now := d.Clock.Business()
	addresses := make([]string, len(ms))
	contacts := make([]string, 0, len(ms))
	for i, m := range ms {
		addresses[i] = m.Address
		if m.ContactID != "" {
			contacts = append(contacts, m.ContactID)
		}
	}
	sup, err := d.suppressions(ctx, addresses, now)
	if err != nil {
		return nil, sum, err
	}
	people, err := d.Store.Contacts(ctx, contacts)
	if err != nil {
		return nil, sum, err
	}
	var begun []store.Begun
	for _, m := range ms {
		l := lane{m.Channel, m.Sender}
		if until, resting := d.lanes.active(l, d.Clock.Machine()); resting || d.Channels[m.Channel] == nil {
			if until.IsZero() {
				until = d.Clock.Machine().Add(time.Minute)
			}
			sum.Delayed++
			if err := d.Store.Defer(ctx, m, m.DueAt, until, "sender_suspended"); err != nil {
				return nil, sum, err
			}
			continue
		}
		v := d.admitOne(m, people[m.ContactID], sup, now)
		switch v.Kind {
		case policy.Send:
			begun = append(begun, store.Begun{Message: m})
		case policy.Hold:
			sum.Held++
			err = d.Store.Defer(ctx, m, v.Until, time.Time{}, v.Rule)
		default:
			sum.Dropped++
			state := outreach.Canceled
			if v.Rule == policy.RuleTooLate || v.Rule == policy.RuleNoTime {
				state = outreach.Expired
			}
			err = d.Store.Cancel(ctx, m, state, v.Rule, now)
		}
		if err != nil {
			return nil, sum, err
		}
	}
	return begun, sum, nil
}

func (d *Dispatcher) admitOne(m store.Message, c store.Contact, sup suppressions, now time.Time) policy.Verdict {
	dealer, _ := d.Roster.Dealer(m.DealerID)
	in := policy.Input{Now: now, Purpose: m.Purpose, Channel: m.Channel, Country: dealer.Country, Zone: zoneOf(c, dealer), Deadline: m.ValidUntil, Relationship: "conversation",
		AnswersAt: m.AnswersAt, Suppressed: sup.reason(m.Channel, m.Address, m.Purpose)}
	if m.EmployeeID != "" {
		in.Typed = m.CreatedAt
	}
	if m.Options.Farewell {
		in.Suppressed = ""
	}
	return d.Policy.Decide(in)
}

func zoneOf(c store.Contact, d store.Dealer) *time.Location {
	if c.Zone != "" {
		if l, err := time.LoadLocation(c.Zone); err == nil {
			return l
		}
	}
	return d.Location()
}

// suppressions are what stands against addresses.
type suppressions map[[3]string]string

func (d *Dispatcher) suppressions(ctx context.Context, addresses []string, now time.Time) (suppressions, error) {
	xs, err := d.Store.Suppressions(ctx, addresses, now)
	if err != nil {
		return nil, err
	}
	out := suppressions{}
	for _, x := range xs {
		out[[3]string{string(x.Channel), x.Address, x.Purpose}] = x.Reason
	}
	return out, nil
}

// reason is why an address must not be used for a purpose; "" when it may.
func (s suppressions) reason(ch channels.Kind, address string, p outreach.Purpose) string {
	if ch == channels.Phone {
		ch = channels.SMS
	}
	if r := s[[3]string{string(ch), address, store.AllPurposes}]; r != "" {
		return r
	}
	key := p
	if p == outreach.Reminder {
		key = outreach.Survey
	}
	return s[[3]string{string(ch), address, string(key)}]
}

package dispatch

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/store"
)

// outage is what the resolver knows of a database that takes no writes.
type outage struct {
	lasts atomic.Bool
	// until is before when no message is told uncertain, microseconds of machine time.
	until atomic.Int64
}

// over lets those who know an outcome record it first.
func (o *outage) over(now time.Time) { o.until.Store(now.Add(firstWord).UnixMicro()) }

// firstWord is for how long after an outage only those record who know an outcome: while
// nothing could be written leases have run out, and what is told uncertain first goes out
// again or is asked about for nothing. They try each idle (runner.keep).
const firstWord = 5 * idle

// resolve settles messages whose outcome is not known: an expired lease in sending,
// or a question to the provider that is due.
func (r *run) resolve(ctx context.Context) progress {
	d := r.d
	if d.unkept.Load() > 0 || d.outage.until.Load() > d.Clock.Machine().UnixMicro() {
		return progress{}
	}
	most := d.Config.Batch
	if d.outage.lasts.Load() {
		most = 0 // only to see whether the database takes writes again
	}
	claim, cancel := r.claiming()
	defer cancel()
	ms, err := d.Store.ClaimUncertain(claim, d.Store.NewID(), most, d.Clock.Business(), d.Clock.Machine(), d.Config.Lease)
	if lasted := d.outage.lasts.Swap(err != nil); lasted && err == nil {
		d.outage.over(d.Clock.Machine())
	}
	if err != nil || len(ms) == 0 {
		return progress{0, err}
	}
	results := make([]store.Result, len(ms))
	var g errgroup.Group
	g.SetLimit(asking)
	for i, m := range ms {
		g.Go(func() error {
			results[i] = d.settleOne(ctx, m)
			return nil
		})
	}
	_ = g.Wait() // none fails
	var sum Summary
	for i := range results {
		sum.add(counted(results[i].Transition))
	}
	write, end := r.writingWithin(d.Config.Lease / 4)
	defer end()
	lost, err := d.Store.Record(write, results, d.Clock.Business())
	if err != nil {
		return progress{len(ms), err}
	}
	d.Metrics.lost(lost)
	r.total.add(sum)
	return progress{len(ms), nil}
}

// asking bounds how many questions go to providers at once.
const asking = 8

func (d *Dispatcher) settleOne(ctx context.Context, m store.Message) store.Result {
	now := d.Clock.Machine()
	r := store.Result{Message: m, At: d.Clock.Business()}
	asker, canAsk := d.Channels[m.Channel].(channels.Asker)
	if m.RetryAt.IsZero() || !canAsk {
		// The lease of a send ran out: a node died, or lost its database.
		d.Metrics.expiredLease()
		r.Transition = outreach.Unfinished(d.attempt(&m), now)
		r.Err = &channels.Error{Class: channels.Uncertain}
	} else {
		rep, found, err := asker.Ask(ctx, channels.Query{To: m.Address, From: m.Sender, Text: m.Text, Since: now.Add(m.CreatedAt.Sub(r.At))})
		if err != nil {
			// The provider does not answer: the question stays due.
			r.Transition = outreach.Transition{State: outreach.Sending, DueAt: now.Add(d.Config.Waits.OrDefault().First)}
			return r
		}
		r.Transition = outreach.Answered(d.attempt(&m), found, rep.State, now)
		r.Receipt.ProviderID = rep.ProviderID
	}
	d.Metrics.outcome(m.Channel, "asked", r.Transition.State)
	if r.Transition.Open && needsPerson(m.Purpose) {
		r.Task = undelivered(&m, r.Err, r.At)
	}
	return r
}

// queued hands queued messages to their lanes: answers, retries, messages about
// callbacks. It returns how many it claimed.
func (r *run) queued(ctx context.Context) (p progress) {
	d := r.d
	ctx, cancel := context.WithTimeout(ctx, d.Config.Lease/2)
	defer cancel()
	queues, err := d.Store.MessageQueues(ctx)
	if err != nil {
		return progress{0, err}
	}
	for _, q := range queues {
		l := lane{channel: q.Channel, sender: q.Sender}
		if d.desk.sender(l) || !d.resting(l, d.Clock.Machine()).until.IsZero() || r.crowded(q) {
			continue
		}
		claim, end := r.claiming()
		ms, err := d.Store.ClaimMessages(claim, q, d.Store.NewID(), d.Config.Batch, d.Clock.Business(), d.Clock.Machine(), d.Config.Lease)
		end()
		if err != nil {
			return progress{p.n, err}
		}
		p.n += len(ms)
		items, err := r.admit(ctx, ms)
		if err != nil {
			r.giveBackMessages(ms)
			return progress{p.n, err}
		}
		for _, it := range items {
			r.lane(it.lane).push(it, true)
		}
	}
	return p
}

// crowded tells that the lanes of a sender hold as many messages as they should.
func (r *run) crowded(q store.MessageQueue) bool {
	n := 0
	for _, x := range r.runners() {
		if x.lane.channel == q.Channel && x.lane.sender == q.Sender {
			n += x.messages()
		}
	}
	return n >= r.d.Config.Batch
}

// parkedFor is after how long a message of a stopped program or campaign is looked at
// again where nobody has noticed that it goes on.
const parkedFor = 5 * time.Minute

// standing are the outreach that queued messages are another try of, and the messages
// without those that a person has stopped, which are parked.
func (r *run) standing(ctx context.Context, ms []store.Message) (map[string]store.Outreach, []store.Message, error) {
	d := r.d
	var ids []string
	for i := range ms {
		if ms[i].OutreachID != "" {
			ids = append(ids, ms[i].OutreachID)
		}
	}
	origins, err := d.Store.OutreachByIDs(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	var parked, rest []store.Message
	for _, m := range ms {
		if o, ok := origins[m.OutreachID]; ok && d.desk.parked(&o) != "" {
			parked = append(parked, m)
		} else {
			rest = append(rest, m)
		}
	}
	r.total.add(Summary{Delayed: len(parked)})
	return origins, rest, d.Store.ParkMessages(ctx, parked, d.Clock.Machine().Add(parkedFor))
}

// admit passes claimed messages through policy and readies those that may go.
func (r *run) admit(ctx context.Context, ms []store.Message) ([]*item, error) {
	d := r.d
	origins, ms, err := r.standing(ctx, ms)
	if err != nil {
		return nil, err
	}
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
		return nil, err
	}
	people, err := d.Store.Contacts(ctx, contacts)
	if err != nil {
		return nil, err
	}
	var items []*item
	for _, m := range ms {
		if d.Channels[m.Channel] == nil {
			r.total.add(Summary{Delayed: 1})
			if err := d.Store.Defer(ctx, m, m.DueAt, d.Clock.Machine().Add(time.Minute), RuleSuspended); err != nil {
				return nil, err
			}
			continue
		}
		v := d.admitOne(m, people[m.ContactID], sup, now)
		switch v.Kind {
		case policy.Send:
			it := &item{lane: d.laneOf(m.Channel, m.Sender, m.DealerID, m.Address), begun: &store.Begun{Message: m}, address: m.Address, priority: m.Priority, purpose: m.Purpose, until: v.Until}
			it.claimed = d.Clock.Machine()
			it.seen = it.claimed
			if o, ok := origins[m.OutreachID]; ok {
				it.origin = &o
			}
			items = append(items, it)
		case policy.Hold:
			r.total.add(Summary{Held: 1})
			err = d.Store.Defer(ctx, m, v.Until, time.Time{}, v.Rule)
		default:
			r.total.add(Summary{Dropped: 1})
			state := outreach.Canceled
			if v.Rule == policy.RuleTooLate || v.Rule == policy.RuleNoTime {
				state = outreach.Expired
			}
			err = d.Store.Cancel(ctx, m, state, v.Rule, now)
		}
		if err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (d *Dispatcher) admitOne(m store.Message, c store.Contact, sup suppressions, now time.Time) policy.Verdict {
	dealer, _ := d.Roster.Dealer(m.DealerID)
	in := policy.Input{Now: now, Purpose: m.Purpose, Channel: m.Channel, Country: dealer.Country, Zone: zoneOf(c, dealer), Deadline: m.ValidUntil, Relationship: "conversation",
		Deceased: c.Deceased, Hours: hoursOf(&c), AnswersAt: m.AnswersAt, Suppressed: sup.reason(m.Channel, m.Address, m.Purpose)}
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
	return suppressed(xs), nil
}

func suppressed(xs []store.Suppression) suppressions {
	out := suppressions{}
	for _, x := range xs {
		out[[3]string{string(x.Channel), x.Address, x.Purpose}] = x.Reason
	}
	return out
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

package console

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
)

// sendingPage is how far sending is, what rests and why.
type sendingPage struct {
	// All sums the lanes and what has no sender yet.
	All   laneView
	Lanes []laneView
	// Programs and Dealers can be stopped one by one; Dealers is empty where there is
	// only one.
	Programs, Dealers []stoppable
	// Everything is the button at the top: for people of one dealer among several it
	// stands for their dealer.
	Everything stoppable
	// Stops are all pauses, with who made them.
	Stops  []store.Pause
	Nodes  []nodeView
	Limits limitsView
	// NoRedis: a node cannot ask its rate limits. NoWorker: nobody sends. Stuck: a
	// dispatcher does not come round. Clock: a machine's is not the database's.
	NoRedis, NoWorker, Stuck, Clock bool
	// Since is from when on outcomes are counted.
	Since time.Time
	Cut   bool
}

// laneView is one sender, or all of them, or what has none yet (no Channel).
type laneView struct {
	store.Waits
	stoppable
	// State is one word for all: paused, suspended, resting, sending, waiting, idle.
	State string
	Rate  float64
	// LastMinute and LastHour are sends of all nodes that run.
	LastMinute, LastHour int64
	// Finish is when all that waits will have gone, in business time; zero when
	// nothing waits or nothing is sent.
	Finish time.Time
	// RestUntil is business time; Rest is the reason a node gives.
	RestUntil time.Time
	Rest      string
	// Suspended is what the provider said, SuspendedAt when.
	Suspended   string
	SuspendedAt time.Time
	Programs    []programLine
	// moving is how much of what waits is held up by no pause.
	moving   int
	Outcomes []outcomeView
}

// programLine is what one program has in a lane now, not only planned for later; Stopped
// tells that a pause of the program or its dealer holds it up.
type programLine struct {
	store.Waits
	Stopped bool
}

// outcomeView is how many messages are in a state.
type outcomeView struct {
	State outreach.MessageState
	N     int
	// Bad ones are what somebody should look at.
	Bad bool
}

// stoppable is something with a button to stop it or let it go on.
type stoppable struct {
	// Name is that of the pause; ID what the thing is called in the catalogue or by
	// its dealer.
	Name, ID string
	// Pause is set while it is stopped by its own name, Under while something larger
	// is stopped that holds it as well.
	Pause, Under *store.Pause
	// May tells whether the reader may stop it.
	May bool
	// Load is what waits for it.
	Load store.Waits
}

// nodeView is a running or dead process.
type nodeView struct {
	store.Node
	Dead bool
	// Up is how long it has been running, Silent since when it has said nothing.
	Up, Silent time.Duration
}

// sending shows the page.
func (c *Console) sending(q *request) error {
	p, err := c.sendingOf(q)
	if err != nil {
		return err
	}
	return q.page("sending", "sending.title", p)
}

func (c *Console) sendingOf(q *request) (p sendingPage, err error) {
	ctx := q.ctx()
	dealers := q.dealersSeen()
	counts, err := c.counts.of(ctx, c, dealers, q.now)
	if err != nil {
		return p, err
	}
	if p.Stops, err = c.Store.Pauses(ctx); err != nil {
		return p, err
	}
	senders, err := c.Store.Senders(ctx)
	if err != nil {
		return p, fmt.Errorf("reading senders: %w", err)
	}
	nodes, err := c.Store.Nodes(ctx)
	if err != nil {
		return p, err
	}
	machine := c.Clock.Machine()
	p.addNodes(nodes, machine)
	p.Since, p.Cut = counts.outcomes.Since, counts.outcomes.Cut
	if p.Limits, err = q.limits(senders, dealers); err != nil {
		return p, err
	}
	p.Everything = q.everything(p.Stops)
	p.Lanes = q.lanes(senders, dealers, counts, p.Stops)
	for i := range p.Lanes {
		l := &p.Lanes[i]
		l.addNodes(nodes, machine, q.now)
		l.judge(q.now)
		p.All.add(l.Waits)
		p.All.moving += l.moving
		p.All.Rate, p.All.LastMinute, p.All.LastHour = p.All.Rate+l.Rate, p.All.LastMinute+l.LastMinute, p.All.LastHour+l.LastHour
	}
	p.All.Finish = finish(p.All.moving, p.All.Rate, q.now)
	p.Programs = q.programs(counts.progress.Waits, p.Stops)
	if len(dealers) > 1 {
		p.Dealers = q.dealerStops(dealers, counts.progress.Waits, p.Stops)
	}
	return p, nil
}

// dealersSeen are the rooftops whose sending the reader sees: group-wide people see
// all.
func (q *request) dealersSeen() []store.Dealer {
	if q.employee.DealerID == "" {
		return q.c.Roster.Dealers()
	}
	return []store.Dealer{q.dealer}
}

// groupWide tells whether what the reader stops may stand for all dealers.
func (q *request) groupWide() bool {
	return q.employee.DealerID == "" || len(q.c.Roster.Dealers()) == 1
}

func (q *request) everything(stops []store.Pause) stoppable {
	if q.groupWide() {
		return stoppableOf(store.PauseEverything, "", stops, true)
	}
	return stoppableOf(store.DealerPause(q.dealer.Code), q.dealer.Name, stops, true, store.PauseEverything)
}

// stoppableOf finds the pauses of a thing; under are the names of larger ones.
func stoppableOf(name, id string, stops []store.Pause, may bool, under ...string) stoppable {
	s := stoppable{Name: name, ID: id, May: may}
	for i := range stops {
		switch {
		case stops[i].Name == name:
			s.Pause = &stops[i]
		case slices.Contains(under, stops[i].Name):
			s.Under = &stops[i]
		}
	}
	return s
}

type laneName struct {
	channel channels.Kind
	sender  string
}

// lanes are the senders of the dealers that are seen, then what has no sender yet.
func (q *request) lanes(senders []store.Sender, dealers []store.Dealer, counts *counted, stops []store.Pause) []laneView {
	var lanes []laneView
	at := map[laneName]int{}
	lane := func(n laneName) *laneView {
		i, ok := at[n]
		if !ok {
			i, at[n] = len(lanes), len(lanes)
			lanes = append(lanes, laneView{Waits: store.Waits{Channel: n.channel, Sender: n.sender}})
			if n.channel != "" {
				lanes[i].stoppable = stoppableOf(store.SenderPause(n.channel, n.sender), n.sender, stops, q.mayStopSender(senders, n), q.above(users(senders, n))...)
			} else {
				lanes[i].stoppable = stoppableOf("", "", stops, false, q.above(dealerIDs(dealers))...)
			}
		}
		return &lanes[i]
	}
	for _, s := range senders {
		if slices.ContainsFunc(dealers, func(d store.Dealer) bool { return d.ID == s.DealerID }) {
			l := lane(laneName{s.Channel, s.Address})
			l.Suspended, l.SuspendedAt = s.PausedReason, s.PausedAt
		}
	}
	for _, w := range counts.progress.Waits {
		l := lane(laneName{w.Channel, w.Sender})
		l.add(w)
		x := programLine{w, q.stopped(w, stops)}
		if !x.Stopped {
			l.moving += w.Waiting
		}
		if w.Waiting+w.Held+w.InFlight > 0 {
			l.Programs = append(l.Programs, x)
		}
	}
	for _, o := range counts.outcomes.Counts {
		l := lane(laneName{o.Channel, o.Sender})
		l.Outcomes = addOutcome(l.Outcomes, o.State, o.N)
	}
	slices.SortStableFunc(lanes, func(a, b laneView) int {
		return cmp.Or(cmp.Compare(channelOrder(a.Channel), channelOrder(b.Channel)), cmp.Compare(a.Sender, b.Sender))
	})
	return lanes
}

// stopped tells whether the pause of a program or dealer holds something up.
func (q *request) stopped(w store.Waits, stops []store.Pause) bool {
	d, _ := q.c.Roster.Dealer(w.DealerID)
	return slices.ContainsFunc(stops, func(p store.Pause) bool {
		return w.Program != "" && p.Name == store.ProgramPause(w.Program) || p.Name == store.DealerPause(d.Code)
	})
}

// channelOrder puts senders first and what has none yet last.
func channelOrder(k channels.Kind) int {
	return slices.Index([]channels.Kind{channels.SMS, channels.Telegram, channels.Email, channels.Phone, ""}, k)
}

// above are the pauses of larger things that hold what is sent for some dealers:
// everything, and the dealer where there is one.
func (q *request) above(dealerIDs []string) []string {
	names := []string{store.PauseEverything}
	if len(dealerIDs) == 1 {
		if d, ok := q.c.Roster.Dealer(dealerIDs[0]); ok {
			names = append(names, store.DealerPause(d.Code))
		}
	}
	return names
}

func dealerIDs(ds []store.Dealer) []string {
	ids := make([]string, len(ds))
	for i, d := range ds {
		ids[i] = d.ID
	}
	return ids
}

// users are the dealers that send from an address.
func users(senders []store.Sender, n laneName) (ids []string) {
	for _, s := range senders {
		if s.Channel == n.channel && s.Address == n.sender {
			ids = append(ids, s.DealerID)
		}
	}
	return ids
}

// mayStopSender: a sender that dealers share is for people of the group.
func (q *request) mayStopSender(senders []store.Sender, n laneName) bool {
	ds := users(senders, n)
	return len(ds) > 0 && (q.groupWide() || len(ds) == 1 && ds[0] == q.dealer.ID)
}

// add sums counts; the next of those held is the earliest.
func (l *laneView) add(w store.Waits) { addWaits(&l.Waits, w) }

func addWaits(sum *store.Waits, w store.Waits) {
	sum.Waiting, sum.Held, sum.Later = sum.Waiting+w.Waiting, sum.Held+w.Held, sum.Later+w.Later
	sum.InFlight, sum.Asking = sum.InFlight+w.InFlight, sum.Asking+w.Asking
	sum.About, sum.More = sum.About || w.About, sum.More || w.More
	sum.AboutLater, sum.MoreLater = sum.AboutLater || w.AboutLater, sum.MoreLater || w.MoreLater
	if w.Held > 0 && (sum.NextHeld.IsZero() || w.NextHeld.Before(sum.NextHeld)) {
		sum.NextHeld, sum.HeldRule = w.NextHeld, w.HeldRule
	}
}

// addOutcome keeps the order of a message's life.
func addOutcome(os []outcomeView, s outreach.MessageState, n int) []outcomeView {
	life := []outreach.MessageState{outreach.Sent, outreach.Delivered, outreach.Undelivered, outreach.Failed, outreach.Unknown, outreach.Expired, outreach.Canceled}
	if !slices.Contains(life, s) {
		return os // not finished: it is counted where it waits
	}
	for i := range os {
		if os[i].State == s {
			os[i].N += n
			return os
		}
	}
	os = append(os, outcomeView{s, n, s == outreach.Undelivered || s == outreach.Failed || s == outreach.Unknown})
	slices.SortFunc(os, func(a, b outcomeView) int { return slices.Index(life, a.State) - slices.Index(life, b.State) })
	return os
}

// addNodes adds what the running nodes tell of this lane.
func (l *laneView) addNodes(nodes []store.Node, machine, business time.Time) {
	for _, n := range nodes {
		if n.Dead(machine) {
			continue
		}
		for _, s := range n.Lanes {
			if s.Channel != l.Channel || s.Sender != l.Sender {
				continue
			}
			l.Rate, l.LastMinute, l.LastHour = l.Rate+s.Rate, l.LastMinute+s.LastMinute, l.LastHour+s.LastHour
			if until := business.Add(s.RestingUntil.Sub(machine)); s.RestingUntil.After(machine) && until.After(l.RestUntil) {
				l.RestUntil, l.Rest = until, s.Reason
			}
		}
	}
}

// judge finds the one word for a lane, and when it will be done.
func (l *laneView) judge(now time.Time) {
	switch {
	case l.Pause != nil || l.Under != nil || l.Waiting > 0 && l.moving == 0:
		l.State, l.moving = "paused", 0
	case l.Suspended != "":
		l.State = "suspended"
	case !l.RestUntil.IsZero():
		l.State = "resting"
	case l.Rate > 0 || l.InFlight > 0:
		l.State = "sending"
	case l.Waiting > 0:
		l.State = "waiting"
	default:
		l.State = "idle"
	}
	if l.State == "sending" {
		l.Finish = finish(l.moving, l.Rate, now)
	}
}

// finish is when n messages will have gone at a rate per second.
func finish(n int, rate float64, now time.Time) time.Time {
	if n == 0 || rate <= 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(float64(n) / rate * float64(time.Second)))
}

func (p *sendingPage) addNodes(nodes []store.Node, machine time.Time) {
	workers := 0
	for _, n := range nodes {
		x := nodeView{Node: n, Dead: n.Dead(machine), Up: machine.Sub(n.StartedAt), Silent: machine.Sub(n.SeenAt)}
		p.Nodes = append(p.Nodes, x)
		if x.Dead {
			continue
		}
		if n.Role != "web" {
			workers++
		}
		p.NoRedis = p.NoRedis || slices.Contains(n.Trouble, store.TroubleRedis)
		p.Clock = p.Clock || slices.Contains(n.Trouble, store.TroubleClock)
		p.Stuck = p.Stuck || slices.Contains(n.Trouble, store.TroubleStuck)
	}
	p.NoWorker = workers == 0
}

// programs are those that have something to send, or are stopped.
func (q *request) programs(waits []store.Waits, stops []store.Pause) []stoppable {
	var out []stoppable
	program := func(id string) *stoppable {
		for i := range out {
			if out[i].ID == id {
				return &out[i]
			}
		}
		out = append(out, stoppableOf(store.ProgramPause(id), id, stops, q.groupWide(), store.PauseEverything))
		return &out[len(out)-1]
	}
	for _, w := range waits {
		if w.Program != "" {
			addWaits(&program(w.Program).Load, w)
		}
	}
	for _, s := range stops {
		if id, ok := strings.CutPrefix(s.Name, store.ProgramPause("")); ok {
			program(id)
		}
	}
	slices.SortFunc(out, func(a, b stoppable) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (q *request) dealerStops(dealers []store.Dealer, waits []store.Waits, stops []store.Pause) []stoppable {
	out := make([]stoppable, len(dealers))
	for i, d := range dealers {
		out[i] = stoppableOf(store.DealerPause(d.Code), d.Name, stops, true, store.PauseEverything)
		for _, w := range waits {
			if w.DealerID == d.ID {
				addWaits(&out[i].Load, w)
			}
		}
	}
	return out
}

// stop pauses what is named, and resume lets it go on; all nodes look within a second.
func (c *Console) stop(q *request) error   { return c.steer(q, c.Store.Pause, "sending.stopped") }
func (c *Console) resume(q *request) error { return c.steer(q, c.Store.Resume, "sending.resumed") }

func (c *Console) steer(q *request, do func(ctx context.Context, name, employeeID string, now time.Time) error, done string) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	name := q.text("name")
	senders, err := c.Store.Senders(q.ctx())
	if err != nil {
		return fmt.Errorf("reading senders: %w", err)
	}
	switch known, may := q.mayStop(name, senders); {
	case !known:
		return store.ErrNotFound
	case !may:
		return errForbidden
	}
	if err := do(q.ctx(), name, q.employee.ID, q.now); err != nil {
		return err
	}
	q.flash(done)
	return q.redirect("/sending")
}

// mayStop tells whether the name stands for something, and whether the reader may
// stop it: people of one dealer among several stop what is that dealer's alone.
func (q *request) mayStop(name string, senders []store.Sender) (known, may bool) {
	kind, rest, _ := strings.Cut(name, ":")
	switch kind {
	case store.PauseEverything:
		return rest == "" && name == kind, q.groupWide()
	case "dealer":
		i := slices.IndexFunc(q.c.Roster.Dealers(), func(d store.Dealer) bool { return d.Code == rest })
		return i >= 0, q.groupWide() || rest == q.dealer.Code
	case "program":
		return rest != "" && len(rest) <= 100, q.groupWide()
	case "campaign":
		x, err := q.c.Store.Campaign(q.ctx(), rest)
		return err == nil, x.DealerID == q.dealer.ID
	case "sender":
		ch, address, _ := strings.Cut(rest, ":")
		n := laneName{channels.Kind(ch), address}
		return len(users(senders, n)) > 0, q.mayStopSender(senders, n)
	}
	return false, false
}

package dispatch

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/program"
	"otklik/internal/ratelimit"
	"otklik/internal/store"
)

// controls are what people may change while the dispatcher runs.
type controls struct {
	mu     sync.RWMutex
	paused map[string]bool
	book   *ratelimit.Book
	office *office
	// steered counts how often they were read.
	steered atomic.Int64
}

// parkedProgram begins the name of the queue in which the outreach of a paused program
// waits; the name of the pause follows.
const parkedProgram = "pause:"

// office is what dealers have decided about programs, and who answers for them.
type office struct {
	settings store.ProgramSettings
	staff    store.Staff
	launches []launch
}

// launch is a campaign that a person has launched, with its texts and the news beside
// them by language.
type launch struct {
	store.Campaign
	texts, news map[string]string
}

func launchOf(c store.Campaign) (l launch, err error) {
	l.Campaign = c
	l.texts, l.news, err = c.Wording()
	return l, err
}

// launch finds the one that an outreach belongs to: by the campaign it is about, else
// by its date; nil where nobody had to launch it.
func (o *office) launch(program, dealerID, subject, date string) *launch {
	for i := range o.launches {
		c := &o.launches[i]
		if c.Program == program && c.DealerID == dealerID && (c.ID == subject || subject == "" && c.Date == date) {
			return c
		}
	}
	return nil
}

// presuming is the office as it would be after a launch.
func (o *office) presuming(l launch) *office {
	out := *o
	out.launches = append(slices.DeleteFunc(slices.Clone(o.launches), func(x launch) bool { return x.ID == l.ID }), l)
	return &out
}

// launched tells whether somebody has launched what an outreach belongs to, where
// somebody has to.
func (o *office) launched(def *program.Definition, x *store.Outreach) bool {
	if def == nil || def.Launch != program.LaunchHuman {
		return true
	}
	subject, when := program.Subject(x.Occasion)
	return o.launch(def.ID, x.DealerID, subject, when) != nil
}

// set takes over what was read, and tells whether something goes on that stood until now.
func (c *controls) set(paused map[string]bool, book *ratelimit.Book, o *office) (resumed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	resumed = c.paused == nil // an earlier run may have parked something
	for name := range c.paused {
		resumed = resumed || !paused[name]
	}
	c.paused, c.book, c.office = paused, book, o
	c.steered.Add(1)
	return resumed
}

func (c *controls) limits() *ratelimit.Book {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.book
}

func (c *controls) stopped(name string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.paused[store.PauseEverything] || c.paused[name]
}

// parked is the pause of the program or the campaign of an outreach; "" where neither is
// stopped, and for what belongs to none.
func (c *controls) parked(o *store.Outreach) string {
	if o == nil {
		return ""
	}
	if p := store.ProgramPause(o.Program); c.stopped(p) {
		return p
	}
	if subject, _ := program.Subject(o.Occasion); subject != "" && (o.Purpose == outreach.Greeting || o.Purpose == outreach.Ad) {
		if p := store.CampaignPause(subject); c.stopped(p) {
			return p
		}
	}
	return ""
}

// sender tells whether a person has stopped a sender.
func (c *controls) sender(l lane) bool {
	return c.stopped(store.SenderPause(l.channel, l.sender))
}

// steer reads what people have changed; what cannot be read stays as it was.
func (d *Dispatcher) steer(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, d.Config.Lease/4)
	defer cancel()
	pauses, err := d.Store.Pauses(ctx)
	if err != nil {
		if ctx.Err() == nil {
			d.failed("pauses", err)
		}
		return
	}
	paused := make(map[string]bool, len(pauses))
	for _, p := range pauses {
		paused[p.Name] = true
	}
	book := d.Limits
	if book != nil && d.Overrides != nil {
		over, err := d.Overrides(ctx)
		if err != nil {
			if ctx.Err() == nil {
				d.failed("limits", err)
			}
			return
		}
		book = book.With(over)
	}
	if err := d.readRefusals(ctx); err != nil {
		if ctx.Err() == nil {
			d.failed("senders", err)
		}
		return
	}
	o, err := d.readOffice(ctx)
	if err != nil {
		if ctx.Err() == nil {
			d.failed("programs", err)
		}
		return
	}
	if d.desk.set(paused, book, o) {
		if err := d.Store.Unpark(ctx); err != nil && ctx.Err() == nil {
			d.failed("parked messages", err) // they are looked at again after parkedFor
		}
	}
	d.nudge()
}

func (d *Dispatcher) readOffice(ctx context.Context) (o *office, err error) {
	o = &office{}
	if o.settings, err = d.Store.ProgramSettings(ctx); err != nil {
		return nil, err
	}
	if o.staff, err = d.Store.Staff(ctx); err != nil {
		return nil, err
	}
	cs, err := d.Store.LaunchedCampaigns(ctx, d.Clock.Business())
	if err != nil {
		return nil, err
	}
	for _, c := range cs {
		l, err := launchOf(c)
		if err != nil {
			return nil, err
		}
		o.launches = append(o.launches, l)
	}
	return o, nil
}

// decided is the office as it was last read.
func (d *Dispatcher) decided(ctx context.Context) (*office, error) {
	d.desk.mu.RLock()
	o := d.desk.office
	d.desk.mu.RUnlock()
	if o != nil {
		return o, nil
	}
	return d.readOffice(ctx)
}

// nudge makes every lane look at what has changed.
func (d *Dispatcher) nudge() {
	for _, l := range d.runners() {
		l.nudge()
	}
}

// lane is a sender's queue: of one dealer, and of one mail domain where that has a
// limit of its own.
type lane struct {
	channel channels.Kind
	sender  string
	dealer  string
	domain  string
}

// domainMark stands in no sender.
const domainMark = "@@"

// name is the lane as outreach rows carry it; the dealer stands beside it.
func (l lane) name() string {
	n := string(l.channel) + ":" + l.sender
	if l.domain != "" {
		n += domainMark + l.domain
	}
	return n
}

// laneNamed reads a name; ok is false for a name that is no lane's.
func laneNamed(name, dealer string) (l lane, ok bool) {
	ch, rest, ok := strings.Cut(name, ":")
	if !ok || strings.HasPrefix(name, parkedProgram) {
		return lane{}, false
	}
	sender, domain, _ := strings.Cut(rest, domainMark)
	return lane{channels.Kind(ch), sender, dealer, domain}, true
}

// laneOf is the lane of an address.
func (d *Dispatcher) laneOf(ch channels.Kind, sender, dealer, address string) lane {
	l := lane{channel: ch, sender: sender, dealer: dealer}
	if ch != channels.Email {
		return l
	}
	if _, domain, ok := strings.Cut(address, "@"); ok {
		domain = strings.ToLower(domain)
		if book := d.desk.limits(); book != nil {
			if _, limited := book.Limit("domain:" + domain); limited {
				l.domain = domain
			}
		}
	}
	return l
}

// scope is what a provider's refusal reaches: a sender, or with sender "" all of a
// channel.
type scope struct {
	channel channels.Kind
	sender  string
}

// rest is a pause that the dispatcher gives itself.
type rest struct {
	until  time.Time // machine time
	since  time.Time // when it was last begun or prolonged, machine time
	reason string
	// alerted: a person was told; the pause is lifted in the database, too.
	alerted bool
}

// resting is until when a lane has to rest, and why; zero when it need not.
func (d *Dispatcher) resting(l lane, now time.Time) rest {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out rest
	for _, s := range []scope{{l.channel, l.sender}, {l.channel, ""}} {
		if r := d.rests[s]; r.until.After(now) && r.until.After(out.until) {
			out = r
		}
	}
	return out
}

// rest lets a scope rest. A shorter rest never replaces a longer one.
func (d *Dispatcher) rest(s scope, r rest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if old := d.rests[s]; r.until.After(old.until) {
		r.alerted, r.since = r.alerted || old.alerted, d.Clock.Machine()
		d.rests[s] = r
		d.unwell.Store(true)
	}
}

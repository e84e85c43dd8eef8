// Package dispatch owns the way of a due outreach to its channel: claim → policy
// → lane → render → rate → begin → send → record (design.md, one message as data).
// It makes no plans and reads no replies; program fills its queue, inbox answers
// into it. Any number of nodes may run a Dispatcher on one database.
//
// # Protocol
//
// The life of an outreach and of its message, as any number of nodes drive it. Times
// are machine time, which on PostgreSQL is the database's (clock.Shared), so that nodes
// whose clocks differ agree; "ours" is: under the claim's token.
//
//	state             by        guard                        becomes
//	planned, held     claim     due, no claim that lasts     the same, claimed: token, until now+lease
//	claimed           route     ours                         unclaimed, in the queue of a lane
//	claimed           settle    ours                         held until, dropped, done (a task), unclaimed
//	claimed           expire    until has passed             claimed by whoever comes: nothing had begun
//	claimed           overtake  the person has opted out     unclaimed, to be judged anew
//	claimed           begin     ours, nothing capped has     done; message sending, until now+lease
//	                            begun for the person since
//	message queued    claim     due, no claim, nobody is     the same, claimed
//	                            sending to the address
//	queued, claimed   overtake  the person has opted out     unclaimed, to be judged anew
//	queued, claimed   begin     ours                         sending, until now+lease
//	sending           record    ours                         sent | queued (again, later) | failed | expired |
//	                                                         unknown | sending (the provider will be asked)
//	sending           hand over ours, a quarter of the lease the same; once for each begin
//	                            is left, verdict holds
//	sending           put back  ours, not handed over        queued (again, at once)
//	sending           expire    until has passed             claimed by the resolver: uncertain
//	sending           ask       ours, ask is due             sent | sending (asked later) | unknown
//	any but queued    report    forward only                 sent → undelivered → delivered
//
// Claimed is not begun: nothing is lost with the node that held it. Begin commits
// before the first byte leaves, and only what Begin returned is sent. A message still
// sending after its lease may have been taken by the provider; it is never simply
// sent again (outreach.Next).
//
// Hand over is the one step that no database guards: its guard is asked of the node's own
// clocks, by the channel as the last thing before the provider may have the message
// (channels.Message.Check). A node that stood still in between and wakes up after its
// lease hands over nothing that another has told uncertain meanwhile; what it then writes
// of such a message has lost its token and changes nothing. Where nobody has, the message
// is known not to have left and is put back.
//
// Where the database took no writes, leases have run out while those who sent know what
// became of their messages and cannot write it. So expire waits for them: a node that has
// an outcome to record takes no message for uncertain, and one that has met the outage,
// or begins and cannot know of one, does so some moments later only (firstWord).
//
// On PostgreSQL the messages of a group that begin together are one row until their
// outcomes are known (store, table begun): begin makes it, record writes each message
// once and ends the row with its last message, and what a dead node has left in it
// becomes rows that say sending when the lease has passed, or as soon as a report, an
// erasure or an export asks for one of them. In the table above all of them are
// sending. An older version beside this one does not see a group before it is recorded
// or unfolded. store's model test drives the statements through every interleaving of
// this table.
//
// # Lanes
//
// Feeders claim from the queues (store.Queue) in turns between dealers, most urgent
// first, judge what they claimed in bulk, and hand it to lanes. A lane is one sender
// of one dealer (and one mail domain, where that has a limit of its own). It reads
// ahead no more than it will send within moments; what it has no room for goes back
// into a queue of its own in the database, where it is in nobody's way. Each lane
// begins messages in groups, sends them at the times that the rate cells gave, and
// records outcomes in groups. No more than Config.Window of its messages are begun and
// not recorded at any moment: so many can be uncertain after a kill.
package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"otklik/channels"
	"otklik/internal/calendar"
	"otklik/internal/clock"
	"otklik/internal/draft"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/ratelimit"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// Config bounds the work in flight; zero fields take the defaults.
type Config struct {
	// Batch is how many outreach or messages one claim takes.
	Batch int
	// Group is how many messages one begin takes.
	Group int
	// Window is how many messages of one lane may be begun and not recorded.
	Window int
	// Workers send at once in one lane, where the channel takes messages singly.
	Workers int
	// Feeders claim and judge at once.
	Feeders int
	// Lease is how long a claim holds, in machine time; a send ends well within it.
	Lease time.Duration
	// Waits are the pauses before a provider is asked about an uncertain message; zero
	// for outreach's own.
	Waits outreach.Waits
}

// Window is the default of Config.Window: connections × pipeline depth, plus one
// group, rounded up.
const Window = 320

func (c Config) withDefaults() Config {
	set := func(v *int, fallback int) {
		if *v == 0 {
			*v = fallback
		}
	}
	set(&c.Batch, 256)
	set(&c.Group, 64)
	set(&c.Window, Window)
	set(&c.Workers, 32)
	set(&c.Feeders, 2)
	if c.Lease == 0 {
		c.Lease = 2 * time.Minute
	}
	return c
}

// covered is for how long after its begin a message may be handed over. The rest of the
// lease is for its answer, and for the clock of another node that runs ahead: that one
// may find the lease over and tell the message uncertain, or send it again.
func (c Config) covered() time.Duration { return c.Lease * 3 / 4 }

// Dispatcher sends what is due. Its fields are set before first use.
type Dispatcher struct {
	Store    *store.Store
	Clock    clock.Clock
	Roster   *store.Roster
	Channels map[channels.Kind]channels.Channel
	Policy   *policy.Rules
	// Programs gives the definitions in force; Version reads an earlier one, nil for
	// none.
	Programs func() map[string]*program.Definition
	Version  func(ctx context.Context, id string, version int) (*program.Definition, error)
	Book     *calendar.Book
	// Survey finds a survey definition by id.
	Survey  func(id string) (*survey.Definition, bool)
	Drafter *draft.Drafter
	Cells   ratelimit.Cells
	// Limits are the shipped rates, nil for none; Overrides reads what people have put
	// in their place, again and again while running, nil for nothing.
	Limits    *ratelimit.Book
	Overrides func(context.Context) (map[string]ratelimit.Limit, error)
	Log       *slog.Logger
	Metrics   *Metrics
	// Tracer follows groups of messages; nil follows nothing.
	Tracer trace.Tracer
	Config Config

	once sync.Once
	wake chan struct{}
	desk *controls
	// now is the run under way, nil between runs.
	now atomic.Pointer[run]

	mu    sync.Mutex
	rests map[scope]rest
	// refused are the senders that people are told of as refused by their provider, and
	// since when this process knows it, in machine time.
	refused map[scope]time.Time
	// unwell: there are rests or refused senders.
	unwell atomic.Bool
	// stepped is when a loop last came round, cellsAway until when the rate cells are
	// taken to be away; microseconds of machine time.
	stepped, cellsAway atomic.Int64
	// unwritten is the failure of the latest begin or record, nil when it went well.
	unwritten atomic.Pointer[error]
	// unkept counts the records that are being tried again.
	unkept atomic.Int64
	outage outage
	// spare are the cells of this process, for answers while the shared ones are away.
	spare *ratelimit.Memory
	// openings remembers where conversations begin: opening → string. groups and asks
	// are rooms for what a begin is told and the rate cells are asked.
	openings sync.Map
	// sent is what the lanes of runs that have ended had sent: lane → int64.
	sent sync.Map
	// versions remembers earlier versions of programs: programVersion → Definition.
	versions sync.Map
	// holidays remembers what holidays are called.
	holidays     sync.Map
	groups, asks sync.Pool
}

func (d *Dispatcher) init() {
	d.once.Do(func() {
		d.Config = d.Config.withDefaults()
		d.wake = make(chan struct{}, 1)
		d.desk, d.spare = &controls{}, ratelimit.NewMemory()
		d.groups.New = func() any { return new([]store.Begun) }
		d.asks.New = func() any { return new(demands) }
		d.rests, d.refused = map[scope]rest{}, map[scope]time.Time{}
		if d.Tracer == nil {
			d.Tracer = noop.NewTracerProvider().Tracer("")
		}
	})
}

// span begins a span about messages of a lane.
func (d *Dispatcher) span(ctx context.Context, name string, l lane, n int) (context.Context, trace.Span) {
	return d.Tracer.Start(ctx, name, trace.WithAttributes(attribute.String("channel", string(l.channel)), attribute.String("dealer", l.dealer), attribute.Int("messages", n)))
}

// Wake makes a running dispatcher look at once: answers were queued, or outreach was
// planned.
func (d *Dispatcher) Wake() {
	d.init()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// LastStep is when a loop of the dispatcher last came round, in machine time; zero
// before the first.
func (d *Dispatcher) LastStep() time.Time {
	if n := d.stepped.Load(); n != 0 {
		return time.UnixMicro(n).UTC()
	}
	return time.Time{}
}

// Unwritten is why the latest begin or record of a message failed; nil when it did not.
func (d *Dispatcher) Unwritten() error {
	if err := d.unwritten.Load(); err != nil {
		return *err
	}
	return nil
}

// idle is the pause between looks when nothing was due; steer how often pauses and
// limits are read, so that a person's pause takes effect within a second.
const (
	idle  = time.Second
	steer = 500 * time.Millisecond
)

// Run works until ctx ends, then finishes what is in flight, hands the rest back and
// returns.
func (d *Dispatcher) Run(ctx context.Context) {
	d.init()
	r := d.begin(ctx)
	d.outage.over(d.Clock.Machine()) // there may have been one before this node began
	var wg sync.WaitGroup
	feed := newFeed(r)
	for range d.Config.Feeders {
		wg.Go(func() { feed.run(ctx) })
	}
	wg.Go(func() {
		d.every(ctx, steer, nil, func() bool { d.steer(ctx); return false })
	})
	wg.Go(func() {
		d.every(ctx, idle, d.wake, func() bool { feed.nudge(); return d.more("messages", r.queued(ctx)) })
	})
	wg.Go(func() {
		d.every(ctx, idle, nil, func() bool { r.repay(); return d.more("uncertain", r.resolve(ctx)) })
	})
	wg.Wait()
	r.end()
}

// every calls step again at once as long as it has found work, else after a pause or
// when it is woken.
func (d *Dispatcher) every(ctx context.Context, pause time.Duration, wake <-chan struct{}, step func() bool) {
	for ctx.Err() == nil {
		d.stepped.Store(d.Clock.Machine().UnixMicro())
		if step() {
			continue
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-t.C:
		}
		t.Stop()
	}
}

// progress is what a step did, and what went wrong.
type progress struct {
	n   int
	err error
}

// more tells whether a step may find more at once.
func (d *Dispatcher) more(name string, p progress) bool {
	if p.err != nil {
		if !errors.Is(p.err, context.Canceled) {
			d.failed(name, p.err)
		}
		return false
	}
	return p.n > 0
}

func (d *Dispatcher) failed(name string, err error) {
	d.Log.Error("dispatch step failed", "step", name, "error", err)
	d.Metrics.failure()
}

// Once sends all that is due and returns what was done; told, when it is not nil,
// hears of it twice a second. It waits for rates as long as it takes; what rests,
// because its sender cannot send, its rate cells are away or a person has paused it,
// is left for later and counted as delayed.
func (d *Dispatcher) Once(ctx context.Context, told func(Summary)) (Summary, error) {
	d.init()
	r := d.begin(ctx)
	r.once = true
	d.cellsAway.Store(0) // asked anew
	defer r.end()
	feed := newFeed(r)
	stop := d.tell(ctx, r, told)
	defer stop()
	for {
		d.steer(ctx)
		did, err := d.pass(ctx, r, feed)
		if err == nil {
			r.quiet(ctx)
			err = ctx.Err()
		}
		if err != nil {
			r.end() // the lanes tell what they have still done, and what stopped them
			return r.total.read(), errors.Join(r.err(), err)
		}
		if did == 0 {
			return r.total.read(), r.err()
		}
	}
}

// pass asks about what is uncertain and hands all that is due to the lanes.
func (d *Dispatcher) pass(ctx context.Context, r *run, feed *feed) (did int, err error) {
	for _, step := range []func() progress{
		func() progress { return r.resolve(ctx) },
		func() progress { return r.queued(ctx) },
		func() progress { return feed.all(ctx) },
	} {
		p := step()
		if p.err != nil {
			return did, p.err
		}
		did += p.n
	}
	return did, nil
}

// tell reports a run's counts, and reads pauses and limits, until it is stopped.
func (d *Dispatcher) tell(ctx context.Context, r *run, told func(Summary)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		d.every(ctx, steer, nil, func() bool {
			d.steer(ctx)
			if told != nil {
				told(r.total.read())
			}
			return false
		})
	})
	return func() { cancel(); wg.Wait() }
}

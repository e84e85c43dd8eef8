// Package app owns the wiring: it builds the parts from the configuration, starts
// them in order and stops them in reverse. It is the only package that knows the
// concrete channels. Nothing here decides anything about messages or people.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel/trace"

	"otklik/channels"
	"otklik/internal/attachment"
	"otklik/internal/calendar"
	"otklik/internal/callback"
	"otklik/internal/campaign"
	"otklik/internal/clock"
	"otklik/internal/config"
	"otklik/internal/console"
	"otklik/internal/console/api"
	"otklik/internal/conversation"
	"otklik/internal/dispatch"
	"otklik/internal/draft"
	"otklik/internal/inbox"
	"otklik/internal/outlook"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/ratelimit"
	"otklik/internal/render"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/survey"
	"otklik/templates"
)

// Roles of a process; a large group splits them over machines.
const (
	RoleAll    = "all"
	RoleWeb    = "web"    // console, API, hooks
	RoleWorker = "worker" // planner, dispatcher, pollers
)

// Options are what the command line adds to the configuration.
type Options struct {
	Role      string
	NoMigrate bool
	Version   string
	Log       *slog.Logger
	// Lease is how long what a node holds stays its own after it died, in machine
	// time; zero takes the dispatcher's default. Pollers change hands after a
	// quarter of it.
	Lease time.Duration
	// Ask is when a provider is first asked about an uncertain outcome, or a mail
	// repeated, in machine time after it; the second question comes at ten times
	// that. Zero takes the dispatcher's default.
	Ask time.Duration
}

// App is the whole program.
type App struct {
	config   *config.Config
	options  Options
	log      *slog.Logger
	clock    clock.Clock
	store    *store.Store
	roster   *store.Roster
	renderer *render.Renderer
	policy   *policy.Rules
	calendar *calendar.Book
	programs atomic.Pointer[map[string]*program.Definition]
	// listed are all programs, those that cannot start too.
	listed atomic.Pointer[[]program.Listed]
	// reading guards what follows: definitions are read by one at a time.
	reading sync.Mutex
	// problems are those of definitions: broken files, conflicts, missing translations.
	problems []string
	drafter  *draft.Drafter
	registry *prometheus.Registry
	redis    *ratelimit.Redis // nil where none is configured
	cells    ratelimit.Cells
	limits   *ratelimit.Book
	tracer   trace.Tracer
	copies   conversation.Copies
	channels map[channels.Kind]channels.Channel

	planner    *program.Planner
	dispatcher *dispatch.Dispatcher
	outlook    *outlook.Outlook
	inbox      *inbox.Inbox
	keeper     *attachment.Keeper
	desk       *callback.Desk
	campaigns  *campaign.Desk
	console    *console.Console
	api        *api.API
	hub        *hub
	sandbox    *demo // nil outside `otklik demo`
	// plan wakes the planner.
	plan chan struct{}

	listener net.Listener
	server   *http.Server
	cancel   context.CancelFunc
	loops    sync.WaitGroup
	// sending is the dispatcher's loop.
	sending sync.WaitGroup
	// unwritten is how this node's latest beat went, nil before the first: whether the
	// database takes writes.
	unwritten atomic.Pointer[error]
	// closers run in reverse at Stop.
	closers []func(context.Context) error
}

// New builds everything that needs no network but the database: it opens and
// migrates it, keeps the configured dealers and reads the definitions.
func New(ctx context.Context, c *config.Config, o Options) (*App, error) {
	a := &App{config: c, options: o, log: o.Log, clock: &clock.Shared{}, hub: newHub(), plan: make(chan struct{}, 1)}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.close(ctx))
	}
	return a, nil
}

func (a *App) open(ctx context.Context) error {
	if err := a.openStore(ctx); err != nil {
		return err
	}
	if err := a.keepDealers(ctx); err != nil {
		return err
	}
	return a.read(ctx)
}

func (a *App) openStore(ctx context.Context) error {
	st, err := store.Open(ctx, a.config.DatabaseURL, store.Options{})
	if err != nil {
		return fmt.Errorf("OTKLIK_DATABASE_URL: %w", err)
	}
	a.store = st
	a.closers = append(a.closers, func(context.Context) error { st.Close(); return nil })
	if err := a.agree(ctx); err != nil {
		return fmt.Errorf("OTKLIK_DATABASE_URL: %w", err)
	}
	if a.options.NoMigrate && st.Engine() == "postgres" {
		return nil
	}
	n, err := st.Migrate(ctx)
	if err != nil {
		return err
	}
	if n > 0 {
		a.log.Info("schema is up to date", "applied", n)
	}
	return nil
}

// tellNewer says once that a newer version has migrated the database.
func (a *App) tellNewer(ctx context.Context) {
	switch has, knows, err := a.store.Versions(ctx); {
	case err != nil:
		a.log.Warn("the schema version could not be read", "error", err)
	case has > knows:
		a.log.Warn("a newer version has migrated the database: this one goes on working beside it and should be updated, too", "schema", has, "known", knows)
	}
}

// keepDealers writes the configured rooftops and who sends for them. Where none is
// configured and the database knows some, those stay as they are: a command in a shell
// without the settings of serve must neither rename a dealer nor found another.
func (a *App) keepDealers(ctx context.Context) error {
	now := a.clock.Business()
	known, err := a.store.Dealers(ctx)
	if err != nil {
		return err
	}
	for _, c := range a.config.Dealers {
		d, found := standing(known, c)
		if !found {
			if d, err = a.store.SaveDealer(ctx, store.Dealer{Code: c.Code, Name: c.Name, Phone: c.Phone, Address: c.Address, Zone: c.Zone, Country: c.Country, Locale: c.Locale}, now); err != nil {
				return err
			}
		}
		if d.ID == "" {
			continue // several, and nobody has said for whom the channels are
		}
		for _, s := range a.senders(c) {
			s.DealerID = d.ID
			if err := a.store.SaveSender(ctx, s, now); err != nil {
				return err
			}
		}
	}
	a.roster, err = a.store.Roster(ctx)
	return err
}

// standing finds the dealer of the database that an implied one stands for: the one of
// its code, else the only one. It is the zero one where there are several others.
func standing(known []store.Dealer, c config.Dealer) (d store.Dealer, found bool) {
	if !c.Implied || len(known) == 0 {
		return d, false
	}
	for _, k := range known {
		if k.Code == c.Code || len(known) == 1 {
			return k, true
		}
	}
	return d, true
}

func (a *App) senders(d config.Dealer) []store.Sender {
	var out []store.Sender
	if c := a.config.Twilio; c.On() {
		from := d.SMSFrom
		if from == "" {
			from = c.From
		}
		if from == "" {
			from = c.MessagingServiceSID
		}
		out = append(out, store.Sender{Channel: channels.SMS, Address: from})
	}
	if c := a.config.Telegram; c.On() {
		out = append(out, store.Sender{Channel: channels.Telegram, Address: botID(c.Token)})
	}
	if a.config.SMTPURL != "" {
		from := d.EmailFrom
		if from == "" {
			from = a.config.EmailFrom
		}
		out = append(out, store.Sender{Channel: channels.Email, Address: from})
	}
	return out
}

// read loads texts, rules and definitions.
func (a *App) read(ctx context.Context) (err error) {
	if a.renderer, err = render.New(templates.FS); err != nil {
		return err
	}
	if a.policy, err = policy.Default(); err != nil {
		return err
	}
	if a.limits, err = ratelimit.Shipped(); err != nil {
		return err
	}
	// Without a public address links lead to this machine; a free port is known
	// once serve listens.
	a.drafter = &draft.Drafter{Renderer: a.renderer, PublicURL: cmp.Or(a.config.PublicURL, "http://"+a.config.Listen)}
	// Programs name holidays: the calendar comes first.
	if a.calendar, err = readCalendar(a.config.Definitions); err != nil {
		return err
	}
	return a.readDefinitions(ctx)
}

// surveyAt reads an earlier version of a survey, which a conversation keeps to its
// end.
func (a *App) surveyAt(ctx context.Context, id string, version int) (*survey.Definition, error) {
	content, err := a.store.Definition(ctx, "survey", id, version)
	if err != nil {
		return nil, err
	}
	d, err := survey.Parse(fmt.Sprintf("%s, version %d", id, version), []byte(content))
	if err != nil {
		return nil, err
	}
	d.Version = version
	return d, nil
}

// programAt reads an earlier version of a program, which its outreach keeps.
func (a *App) programAt(ctx context.Context, id string, version int) (*program.Definition, error) {
	content, err := a.store.Definition(ctx, "program", id, version)
	if err != nil {
		return nil, err
	}
	d, err := program.Parse(fmt.Sprintf("%s, version %d", id, version), []byte(content))
	if err != nil {
		return nil, err
	}
	d.Version = version
	return d, nil
}

// closures are the days on which a dealer is closed.
func (a *App) closures(dealerID string) calendar.Closures {
	d, _ := a.roster.Dealer(dealerID)
	for _, c := range a.config.Dealers {
		if c.Code == d.Code {
			return c.Closures
		}
	}
	return nil
}

// Programs are all programs by id, those that cannot start too.
func (a *App) Programs() []program.Listed { return *a.listed.Load() }

// inForce are the programs that can start.
func (a *App) inForce() map[string]*program.Definition { return *a.programs.Load() }

func (a *App) survey(id string) (*survey.Definition, bool) { return a.renderer.Definition(id) }

// build makes the parts that need channels.
func (a *App) build() {
	a.registry = prometheus.NewRegistry()
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &waiting{a})
	a.dispatcher = &dispatch.Dispatcher{Store: a.store, Clock: a.clock, Roster: a.roster, Channels: a.channels, Policy: a.policy, Programs: a.inForce, Version: a.programAt, Survey: a.survey, Book: a.calendar,
		Drafter: a.drafter, Cells: a.cells, Log: a.log, Metrics: dispatch.NewMetrics(a.registry), Tracer: a.tracer,
		Limits: a.limits, Overrides: a.changedLimits, Config: dispatch.Config{Lease: a.options.Lease, Waits: outreach.Waits{First: a.options.Ask, Second: 10 * a.options.Ask}}}
	a.desk = &callback.Desk{Store: a.store, Clock: a.clock, Roster: a.roster, Drafter: a.drafter, Survey: a.survey, Policy: a.policy, NextContact: a.nextContact, Changed: a.hub.broadcast, Wake: a.dispatcher.Wake, Begun: a.begun}
	a.planner = &program.Planner{Store: a.store, Programs: a.inForce, Book: a.calendar, Policy: a.policy, Closed: a.closures}
	a.outlook = &outlook.Outlook{Store: a.store, Clock: a.clock, Planner: a.planner, Dispatcher: a.dispatcher}
	a.closers = append(a.closers, func(context.Context) error { a.outlook.Close(); return nil })
}

// receive makes what takes replies in, behind build. Commands that only send do
// without: the lexicons are half of what the program would keep in memory.
func (a *App) receive() error {
	parser, err := reply.New()
	if err != nil {
		return err
	}
	fetchers := map[channels.Kind]channels.Fetcher{}
	for kind, ch := range a.channels {
		if f, ok := ch.(channels.Fetcher); ok {
			fetchers[kind] = f
		}
	}
	limits := attachment.Limits(a.config.Attachments)
	a.keeper = &attachment.Keeper{Store: a.store, Clock: a.clock, Fetchers: fetchers, Limits: limits, Log: a.log, Metrics: attachment.NewMetrics(a.registry), Changed: a.hub.broadcast}
	a.inbox = &inbox.Inbox{Store: a.store, Clock: a.clock, Roster: a.roster, Parser: parser, Survey: a.survey, Version: a.surveyAt, Drafter: a.drafter, Copies: a.copies, Log: a.log,
		Metrics: inbox.NewMetrics(a.registry), Wake: a.dispatcher.Wake, Changed: a.hub.broadcast,
		Limits: limits, Fetch: a.keeper.Wake}
	return nil
}

// begun keeps the fast copy of a conversation that a person has begun. Those that a
// campaign opens get theirs with the first reply: a call of Redis for each would slow
// it down, and who never answers needs none.
func (a *App) begun(ctx context.Context, c store.Conversation) {
	key := conversation.Key{DealerID: c.DealerID, Channel: string(c.Channel), Address: c.Address}
	p := conversation.Position{ConversationID: c.ID, ContactID: c.ContactID, OutreachID: c.OutreachID, Version: c.Version, Survey: c.Survey, At: a.clock.Business()}
	if err := a.copies.Put(ctx, key, p); err != nil {
		a.log.Warn("the copy of a conversation was not written", "error", err)
	}
}

// changedLimits are the limits that people have put in place of the shipped ones.
func (a *App) changedLimits(ctx context.Context) (map[string]ratelimit.Limit, error) {
	rows, err := a.store.RateLimits(ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]ratelimit.Limit, len(rows))
	for _, l := range rows {
		out[l.Name] = ratelimit.Limit{} // lifted
		if l.Units > 0 {
			out[l.Name] = ratelimit.Rate(l.Units, l.Per, l.Burst)
		}
	}
	return out, nil
}

// lanes are the dispatcher's lanes as a node tells of them: of one sender together,
// whichever dealers and domains share it.
func (a *App) lanes() []store.LaneState {
	var out []store.LaneState
	for _, l := range a.dispatcher.Report() {
		i := slices.IndexFunc(out, func(x store.LaneState) bool { return string(x.Channel) == l.Channel && x.Sender == l.Sender })
		if i < 0 {
			i = len(out)
			out = append(out, store.LaneState{Channel: channels.Kind(l.Channel), Sender: l.Sender})
		}
		x := &out[i]
		x.Waiting, x.InFlight, x.Sent, x.Rate = x.Waiting+l.Waiting, x.InFlight+l.InFlight, x.Sent+l.Sent, x.Rate+l.Rate
		if x.Reason == "" {
			x.RestingUntil, x.Reason = l.RestingUntil, l.Reason
		}
	}
	return out
}

// Addr is where the console listens; it is known after Start.
func (a *App) Addr() string { return a.listener.Addr().String() }

// Start brings everything up and returns; Stop ends it.
func (a *App) Start(ctx context.Context) error {
	if err := a.start(ctx); err != nil {
		return errors.Join(err, a.Stop(ctx))
	}
	return nil
}

func (a *App) start(ctx context.Context) error {
	a.tellNewer(ctx)
	if err := a.listen(ctx); err != nil {
		return err
	}
	if err := a.connect(ctx); err != nil {
		return err
	}
	a.build()
	if err := a.receive(); err != nil {
		return err
	}
	if err := a.makePages(); err != nil {
		return err
	}
	if err := a.profile(ctx); err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.cancel = cancel
	a.serve()
	a.loops.Go(func() { a.definitionLoop(run) })
	if a.options.Role != RoleWeb {
		a.work(run)
	} else {
		a.loops.Go(func() { a.beat(run, nil, nil) })
	}
	a.loops.Go(func() { a.hub.tick(run) })
	// Reading texts and lexicons leaves twice their size as garbage, which the
	// runtime would keep for long: an idle program should be small.
	debug.FreeOSMemory()
	return nil
}

func (a *App) close(ctx context.Context) error {
	var errs []error
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i](ctx))
	}
	a.closers = nil
	return errors.Join(errs...)
}

// Store is the database, for commands that only need it.
func (a *App) Store() *store.Store { return a.store }

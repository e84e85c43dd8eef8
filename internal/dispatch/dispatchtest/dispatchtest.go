// Package dispatchtest sets up the way of a message without network: a migrated
// store, the shipped programs and texts, a dispatcher with a scripted SMS channel,
// and a clock that the test moves. Tests of dispatch, inbox and callback use it.
package dispatchtest

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/internal/calendar"
	"otklik/internal/clock"
	"otklik/internal/dispatch"
	"otklik/internal/draft"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/ratelimit"
	"otklik/internal/render"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/survey"
	"otklik/templates"
)

// Sender is the dealer's SMS number.
const Sender = "+74950000000"

// Rig is everything set up.
type Rig struct {
	Store      *store.Store
	Clock      *Clock
	Dealer     store.Dealer
	Roster     *store.Roster
	Renderer   *render.Renderer
	Drafter    *draft.Drafter
	Fake       *channeltest.Fake
	Planner    *program.Planner
	Dispatcher *dispatch.Dispatcher
}

// What ships is read once for a test run: reading it takes a second under the race
// detector, and nothing changes it.
var (
	texts    = sync.OnceValues(func() (*render.Renderer, error) { return render.New(templates.FS) })
	parser   = sync.OnceValues(reply.New)
	rules    = sync.OnceValues(policy.Default)
	programs = sync.OnceValues(func() (map[string]*program.Definition, error) { return program.Load(templates.FS, "programs") })
	book     = sync.OnceValues(func() (*calendar.Book, error) { return calendar.Default() })
)

// Parser is the reply parser, shared by the tests of a run.
func Parser(t testing.TB) *reply.Parser {
	t.Helper()
	p, err := parser()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// New sets a rig up; its business time is noon in Moscow on the next day.
func New(t testing.TB, st *store.Store) *Rig {
	t.Helper()
	ctx := t.Context()
	r := &Rig{Store: st, Dealer: storetest.Dealer(t, st), Fake: channeltest.NewFake(channels.SMS)}
	now := time.Now().UTC()
	r.Clock = &Clock{Movable: clock.NewMovable(time.Date(now.Year(), now.Month(), now.Day()+1, 9, 0, 0, 0, time.UTC).Sub(now))}
	if err := st.SaveSender(ctx, store.Sender{DealerID: r.Dealer.ID, Channel: channels.SMS, Address: Sender}, now); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.Renderer, err = texts(); err != nil {
		t.Fatal(err)
	}
	rules, err := rules()
	if err != nil {
		t.Fatal(err)
	}
	programs, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	if r.Roster, err = st.Roster(ctx); err != nil {
		t.Fatal(err)
	}
	r.Drafter = &draft.Drafter{Renderer: r.Renderer, PublicURL: "https://south.example"}
	book, err := book()
	if err != nil {
		t.Fatal(err)
	}
	r.Planner = &program.Planner{Store: st, Programs: program.Fixed(maps.Clone(programs)), Book: book, Policy: rules}
	r.Dispatcher = &dispatch.Dispatcher{Store: st, Clock: r.Clock, Roster: r.Roster, Channels: map[channels.Kind]channels.Channel{channels.SMS: r.Fake}, Policy: rules, Programs: r.Planner.Programs, Book: book,
		Survey: r.Survey, Drafter: r.Drafter, Cells: ratelimit.NewMemory(), Log: slog.New(slog.DiscardHandler)}
	return r
}

// Survey finds a shipped survey.
func (r *Rig) Survey(id string) (*survey.Definition, bool) { return r.Renderer.Definition(id) }

// Visit stores a visit of Иванов Иван Петрович that ended so long ago, and returns
// the contact's id.
func (r *Rig) Visit(t testing.TB, order, name, phone string, ago time.Duration) string {
	t.Helper()
	v := storetest.Visit(order, name, phone, r.Clock.Business().Add(-ago))
	v.Customer.Given, v.Customer.Patronymic, v.Customer.Family = "Иван", "Петрович", "Иванов"
	return storetest.Save(t, r.Store, r.Dealer, v)[0].ContactID
}

// Plan takes up all events.
func (r *Rig) Plan(t testing.TB) {
	t.Helper()
	if _, err := r.Planner.Run(t.Context(), r.Clock.Business()); err != nil {
		t.Fatal(err)
	}
}

// Send plans and sends what is due; it returns what the channel was handed since.
func (r *Rig) Send(t testing.TB) []channels.Message {
	t.Helper()
	r.Plan(t)
	before := len(r.Fake.Calls())
	if _, err := r.Dispatcher.Once(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return r.Fake.Calls()[before:]
}

// HandOut has the survey after a visit handed out on paper as well, at once, as the task of
// a role; "" for the operators.
func (r *Rig) HandOut(owner string) {
	all := maps.Clone(r.Planner.Programs())
	p := *all["service-followup"]
	sheet := program.Step{ID: "sheet", Purpose: outreach.Survey, Survey: "after-service", Channels: []channels.Kind{channels.Paper}, Owner: owner, Late: program.LateSkip}
	sheet.Deadline.Clock = 14 * 24 * time.Hour
	p.Steps = append(slices.Clone(p.Steps), sheet)
	all[p.ID] = &p
	r.Planner.Programs = program.Fixed(all)
	r.Dispatcher.Programs = r.Planner.Programs
}

// Forward moves business time.
func (r *Rig) Forward(t testing.TB, d time.Duration) {
	t.Helper()
	if _, err := r.Clock.Advance(d); err != nil {
		t.Fatal(err)
	}
}

// Purchase switches the first contact after a purchase on, and stores a car that Иванов
// Иван Петрович got so long ago from a consultant, "" for none; it returns the contact's id.
func (r *Rig) Purchase(t testing.TB, number, phone, consultant string, ago time.Duration) string {
	t.Helper()
	ctx, now := t.Context(), r.Clock.Business()
	if err := r.Store.SetProgram(ctx, store.ProgramSetting{DealerID: r.Dealer.ID, Program: "purchase-first-contact", Running: true, ChangedAt: now}); err != nil {
		t.Fatal(err)
	}
	at := now.Add(-ago)
	d := store.DeliveryRecord{Number: number, HandedOverAt: at, Consultant: consultant,
		Customer: store.ContactRecord{Name: "Иванов Иван Петрович", Given: "Иван", Patronymic: "Петрович", Family: "Иванов", Phones: []string{phone}},
		Car:      store.CarRecord{Make: "LADA", Model: "LADA Vesta", VIN: "XTA" + number, DeliveredOn: at.In(r.Dealer.Location()).Format(time.DateOnly)}}
	var saved []store.SavedRecord
	err := r.Store.Tx(ctx, store.RankPerson, func(tx *store.Tx) (err error) {
		saved, err = tx.SaveDeliveries(ctx, r.Dealer, []store.DeliveryRecord{d}, now)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return saved[0].ContactID
}

package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"otklik/channels"
	"otklik/internal/campaign"
	"otklik/internal/outreach"
	"otklik/internal/program"
	"otklik/internal/store"
)

// demoYesterday is the day before the demo begins, as data.
type demoYesterday struct {
	// Until is the hour at which the day is over, HH:MM.
	Until    string       `yaml:"until"`
	People   []demoGuest  `yaml:"people"`
	Campaign demoCampaign `yaml:"campaign"`
	Draft    demoCampaign `yaml:"draft"`
}

// demoGuest is somebody whom the campaign reaches, with what he writes then.
type demoGuest struct {
	demoPerson `yaml:",inline"`
	Model      string `yaml:"model"`
	Plate      string `yaml:"plate"`
	// Dead is the provider's code where nobody has his number any more.
	Dead int `yaml:"dead"`
	// Answer is what he writes, AfterMinutes after the campaign; ReadBy the login of who
	// takes the task that it opens, with the Note at its end.
	Answer       string `yaml:"answer"`
	AfterMinutes int    `yaml:"after_minutes"`
	ReadBy       string `yaml:"read_by"`
	Note         string `yaml:"note"`
}

// demoCampaign is a campaign of the demo's marketer, Days after the day before, to those
// with one of the tags; without tags to all.
type demoCampaign struct {
	Program string            `yaml:"program"`
	Title   string            `yaml:"title"`
	Hour    string            `yaml:"hour"`
	Days    int               `yaml:"days"`
	Tags    []string          `yaml:"tags"`
	Texts   map[string]string `yaml:"texts"`
}

// yesterday plays the day before the demo begins with a program of its own on the same
// database: the campaign leaves through planner and dispatcher, and is answered on the
// phones. Nothing of it is written behind their back.
func (a *App) yesterday(ctx context.Context, d store.Dealer) (err error) {
	day, err := a.earlier(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, day.Stop(ctx)) }()
	y := a.sandbox.file.Yesterday
	contacts, err := day.invite(ctx, d, y.People)
	if err != nil {
		return err
	}
	marketer, err := day.marketer(ctx, d)
	if err != nil {
		return err
	}
	if err := day.launch(ctx, d, y.Campaign, marketer); err != nil {
		return err
	}
	if err := day.Advance(ctx, time.Minute); err != nil {
		return err
	}
	if err := day.settled(ctx, contacts); err != nil {
		return err
	}
	if err := day.answer(ctx, y.People); err != nil {
		return err
	}
	// Whoever wrote is told that he was understood.
	if err := day.settled(ctx, contacts); err != nil {
		return err
	}
	if err := day.handle(ctx, d, y.People, contacts); err != nil {
		return err
	}
	draft, err := y.Draft.of(d, day.clock.Business())
	if err != nil {
		return err
	}
	if _, err := day.campaigns.Save(ctx, draft, marketer); err != nil {
		return err
	}
	return day.rest(ctx, d, y.Until, contacts)
}

// rest lets what is left of the day pass: who asked something is asked whether the
// answer helped.
func (a *App) rest(ctx context.Context, d store.Dealer, until string, contacts []string) error {
	end, err := time.Parse("15:04", until)
	if err != nil {
		return fmt.Errorf("reading when the day ends: %w", err)
	}
	now := a.clock.Business()
	l := now.In(d.Location())
	if err := a.Advance(ctx, time.Date(l.Year(), l.Month(), l.Day(), end.Hour(), end.Minute(), 0, 0, l.Location()).Sub(now)); err != nil {
		return err
	}
	return a.settled(ctx, contacts)
}

// earlier is the program of the day before: it has everything of a but the loops, and
// listens on a port of its own for what the stand-ins report.
func (a *App) earlier(ctx context.Context) (*App, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := *a.config
	c.PublicURL = "http://" + l.Addr().String()
	day := &App{config: &c, options: a.options, log: a.log, clock: a.clock, store: a.store, roster: a.roster, renderer: a.renderer, policy: a.policy, calendar: a.calendar,
		drafter: a.drafter, limits: a.limits, hub: newHub(), plan: make(chan struct{}, 1), sandbox: a.sandbox, listener: l}
	day.programs.Store(a.programs.Load())
	day.listed.Store(a.listed.Load())
	err = day.connect(ctx)
	if err == nil {
		day.build()
		err = day.receive()
	}
	if err == nil {
		err = day.makePages()
	}
	if err != nil {
		return nil, errors.Join(err, l.Close(), day.Stop(ctx))
	}
	day.serve()
	return day, nil
}

// invite writes the people of the day before and returns who they are.
func (a *App) invite(ctx context.Context, d store.Dealer, people []demoGuest) (contacts []string, err error) {
	now := a.clock.Business()
	records := make([]store.CustomerRecord, len(people))
	for i, p := range people {
		records[i] = store.CustomerRecord{ContactRecord: p.record(now, d), Car: store.CarRecord{Plate: p.Plate, Model: p.Model}}
		if p.Dead == 0 {
			continue
		}
		if err := a.sandbox.phones.Refuse(channels.SMS, p.Phone, p.Dead); err != nil {
			return nil, err
		}
	}
	err = a.store.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
		saved, err := tx.SaveCustomers(ctx, d, records, now)
		if err != nil {
			return err
		}
		for i, p := range people {
			contacts = append(contacts, saved[i].ContactID)
			if err := p.seed(ctx, tx, d, saved[i].ContactID, now); err != nil {
				return err
			}
		}
		return nil
	})
	return contacts, err
}

// of is the campaign as its editor would hand it over.
func (c demoCampaign) of(d store.Dealer, now time.Time) (store.Campaign, error) {
	day := now.In(d.Location()).AddDate(0, 0, c.Days).Format(time.DateOnly)
	audience, err := yaml.Marshal(program.Audience{Tags: c.Tags})
	if err != nil {
		return store.Campaign{}, err
	}
	out := store.Campaign{DealerID: d.ID, Program: c.Program, Title: c.Title, Date: day, Hour: c.Hour, Audience: string(audience)}
	return out, out.Worded(c.Texts, nil)
}

// launch has the marketer write a campaign, look at its dry run, and launch it.
func (a *App) launch(ctx context.Context, d store.Dealer, of demoCampaign, by store.Employee) error {
	c, err := of.of(d, a.clock.Business())
	if err != nil {
		return err
	}
	if c, err = a.campaigns.Save(ctx, c, by); err != nil {
		return err
	}
	r, err := a.campaigns.Rehearse(ctx, c, by.ID)
	if err != nil {
		return err
	}
	_, err = a.campaigns.Launch(ctx, c, campaign.Order{Version: c.Version, Size: r.Send}, by)
	return err
}

// answer lets people answer, each so long after he was written to.
func (a *App) answer(ctx context.Context, people []demoGuest) error {
	people = slices.DeleteFunc(slices.Clone(people), func(p demoGuest) bool { return p.Answer == "" })
	slices.SortStableFunc(people, func(x, y demoGuest) int { return cmp.Compare(x.AfterMinutes, y.AfterMinutes) })
	passed := 0
	for _, p := range people {
		if err := a.pass(ctx, time.Duration(p.AfterMinutes-passed)*time.Minute); err != nil {
			return err
		}
		passed = p.AfterMinutes
		if err := a.sandbox.servers.Write(ctx, channels.SMS, p.Phone, p.Answer); err != nil {
			return err
		}
	}
	return a.Advance(ctx, time.Minute)
}

// handle lets operators end what the answers have left them, so that their queue is
// empty when the demo begins.
func (a *App) handle(ctx context.Context, d store.Dealer, people []demoGuest, contacts []string) error {
	if err := a.pass(ctx, 10*time.Minute); err != nil {
		return err
	}
	for i, p := range people {
		if p.ReadBy == "" {
			continue
		}
		by, err := a.store.EmployeeByLogin(ctx, p.ReadBy)
		if err != nil {
			return fmt.Errorf("looking for %s: %w", p.ReadBy, err)
		}
		tasks, err := a.store.Tasks(ctx, store.TaskFilter{DealerID: d.ID, ContactID: contacts[i], Open: true, Limit: 10})
		if err != nil {
			return err
		}
		for _, t := range tasks {
			if err := a.desk.Claim(ctx, t.ID, by); err != nil {
				return err
			}
			if err := a.desk.Resolve(ctx, t.ID, by, p.Note); err != nil {
				return err
			}
		}
	}
	return nil
}

// settledWithin bounds the wait for the stand-ins' reports, in machine time.
const settledWithin = 20 * time.Second

// settled waits until the provider has told the end of every SMS to some people.
func (a *App) settled(ctx context.Context, contacts []string) error {
	ctx, cancel := context.WithTimeout(ctx, settledWithin)
	defer cancel()
	for _, id := range contacts {
		for open := true; open; {
			ms, err := a.store.MessagesOf(ctx, id, 10)
			if err != nil {
				return err
			}
			open = slices.ContainsFunc(ms, func(m store.Message) bool {
				return m.Channel == channels.SMS && m.Direction == store.Out && m.State == outreach.Sent
			})
			if open {
				pause(ctx, 5*time.Millisecond, nil)
			}
			if ctx.Err() != nil {
				return fmt.Errorf("waiting for the reports of a campaign: %w", ctx.Err())
			}
		}
	}
	return nil
}

package app

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"otklik/channels"
	"otklik/internal/clock"
	"otklik/internal/config"
	"otklik/internal/console"
	"otklik/internal/program"
	"otklik/internal/sandbox"
	"otklik/internal/store"
	"otklik/templates"
)

//go:embed demo.yaml
var demoData []byte

// DemoLogin is an employee of the demo with his password.
type DemoLogin struct {
	Name       string   `yaml:"name"`
	Login      string   `yaml:"login"`
	Password   string   `yaml:"password"`
	Roles      []string `yaml:"roles"`
	Department string   `yaml:"department"`
	Locale     string   `yaml:"locale"`
}

// demoFile is the demo dealership as data.
type demoFile struct {
	Dealer struct {
		Code    string `yaml:"code"`
		Name    string `yaml:"name"`
		Phone   string `yaml:"phone"`
		Address string `yaml:"address"`
		Zone    string `yaml:"zone"`
		Country string `yaml:"country"`
		Locale  string `yaml:"locale"`
	} `yaml:"dealer"`
	Employees   []DemoLogin    `yaml:"employees"`
	Yesterday   demoYesterday  `yaml:"yesterday"`
	Customers   []demoCustomer `yaml:"customers"`
	demoRecords `yaml:",inline"`
}

type demoCustomer struct {
	demoPerson `yaml:",inline"`
	Order      string   `yaml:"order"`
	HoursAgo   int      `yaml:"hours_ago"`
	Works      []string `yaml:"works"`
	Amount     int64    `yaml:"amount"`
	Model      string   `yaml:"model"`
	Plate      string   `yaml:"plate"`
	VIN        string   `yaml:"vin"`
	Mileage    int      `yaml:"mileage"`
	Advisor    string   `yaml:"advisor"`
	Mechanic   string   `yaml:"mechanic"`
	Department string   `yaml:"department"`
	Repeat     bool     `yaml:"repeat"`
}

// demo is the sandbox of `otklik demo`: the real channels against stand-ins on
// loopback, and a clock that can be moved.
type demo struct {
	file    demoFile
	clock   *clock.Movable
	phones  *sandbox.Phones
	servers *sandbox.Servers
	// chats are the people who have opened the bot, by chat.
	chats map[string]string
	// moves are those of the clock that are asked for while the dispatcher runs; ended is
	// closed when it does not any more.
	moves chan func(context.Context)
	ended chan struct{}
	// halfway: the dealership is being made. What was not made to its end is removed,
	// for the next start would take it for whole.
	halfway bool
}

// Credentials that the stand-ins accept; they open nothing else.
const (
	demoTwilioSID   = "AC00000000000000000000000000000de0"
	demoTwilioToken = "0000000000000000000000000000de00"
	demoTwilioFrom  = "+74950000000"
	demoBotToken    = "7000000001:demo-bot-token"
	demoBotName     = "otklik_demo_bot"
	demoMailbox     = "service@demo.otklik.example"
)

// NewDemo builds the demo on a SQLite file. It refuses a database that holds a
// dealer who is not a demo's.
func NewDemo(ctx context.Context, listen, path string, o Options) (*App, []DemoLogin, error) {
	d := &demo{moves: make(chan func(context.Context)), ended: make(chan struct{})}
	if err := yaml.NewDecoder(bytes.NewReader(demoData)).Decode(&d.file); err != nil {
		return nil, nil, fmt.Errorf("reading the demo dealership: %w", err)
	}
	c := &config.Config{Listen: listen, Log: "text", DatabaseURL: "sqlite:" + path,
		Twilio:   config.Twilio{AccountSID: demoTwilioSID, AuthToken: demoTwilioToken, From: demoTwilioFrom},
		Telegram: config.Telegram{Token: demoBotToken, Mode: "poll"}, SMSPrice: config.Price{Minor: 420, Currency: "RUB"}, EmailFrom: d.file.Dealer.Name + " <" + demoMailbox + ">", SMTPURL: "set at start",
		Attachments: config.Attachments{Each: 20 << 20, Message: 50 << 20}}
	a := &App{config: c, options: o, log: o.Log, hub: newHub(), plan: make(chan struct{}, 1), sandbox: d, clock: clock.System{}}
	if err := a.openDemo(ctx, path); err != nil {
		_ = a.close(ctx)
		if d.halfway {
			err = errors.Join(err, RemoveDemo(path))
		}
		return nil, nil, err
	}
	// The people of the day before have no chats: today's come to the bot today.
	d.chats = d.file.chats()
	return a, d.file.Employees, nil
}

func (a *App) openDemo(ctx context.Context, path string) error {
	if err := a.openStore(ctx); err != nil {
		return err
	}
	dealers, err := a.store.Dealers(ctx)
	if err != nil {
		return err
	}
	for _, d := range dealers {
		if !d.Demo {
			return fmt.Errorf("%s holds dealer %s, which is not a demo's; the demo does not touch it", path, d.Code)
		}
	}
	offset, err := clockOffset(ctx, a.store)
	if err != nil {
		return err
	}
	a.sandbox.clock = clock.NewMovable(offset)
	a.clock = a.sandbox.clock
	if a.sandbox.phones, err = sandbox.Open(strings.TrimSuffix(path, filepath.Ext(path)) + ".phones.jsonl"); err != nil {
		return err
	}
	phones := a.sandbox.phones
	a.closers = append(a.closers, func(context.Context) error { return phones.Close() })
	if len(dealers) == 0 {
		a.sandbox.halfway = true
		if err := a.seed(ctx); err != nil {
			return fmt.Errorf("making the demo dealership: %w", err)
		}
		a.sandbox.halfway = false
		return nil
	}
	if a.roster, err = a.store.Roster(ctx); err != nil {
		return err
	}
	return a.read(ctx)
}

// seed makes the dealership as it stands yesterday, plays that day, and adds who comes
// today. Today begins at an hour at which messages may leave, so that the first survey
// is there at once.
func (a *App) seed(ctx context.Context) error {
	f := a.sandbox.file
	zone, err := time.LoadLocation(f.Dealer.Zone)
	if err != nil {
		return err
	}
	ahead := untilDay(a.clock.Business(), zone)
	a.sandbox.clock = clock.NewMovable(ahead - sinceYesterday(a.clock.Business().Add(ahead), zone))
	a.clock = a.sandbox.clock
	// The database is to know of the clock before anything else.
	if err := a.pass(ctx, 0); err != nil {
		return err
	}
	d, err := a.found(ctx, a.clock.Business())
	if err != nil {
		return err
	}
	if a.roster, err = a.store.Roster(ctx); err != nil {
		return err
	}
	if err := a.switchAllOn(ctx, d, a.clock.Business()); err != nil {
		return err
	}
	if err := a.read(ctx); err != nil {
		return err
	}
	if err := a.yesterday(ctx, d); err != nil {
		return fmt.Errorf("playing the day before: %w", err)
	}
	if err := a.pass(ctx, ahead-a.sandbox.clock.Offset()); err != nil {
		return err
	}
	now := a.clock.Business()
	next := func(d store.Dealer, contacted time.Time) time.Time { return NextContact(a.calendar, nil, d, contacted) }
	return a.store.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
		if err := seedCustomers(ctx, tx, d, f.Customers, now); err != nil {
			return err
		}
		return f.demoRecords.seed(ctx, tx, d, now, next)
	})
}

// found writes the dealer, who sends for him and who works there.
func (a *App) found(ctx context.Context, now time.Time) (store.Dealer, error) {
	f := a.sandbox.file
	d, err := a.store.SaveDealer(ctx, store.Dealer{Code: f.Dealer.Code, Name: f.Dealer.Name, Phone: f.Dealer.Phone, Address: f.Dealer.Address, Zone: f.Dealer.Zone, Country: f.Dealer.Country, Locale: f.Dealer.Locale, Demo: true}, now)
	if err != nil {
		return d, err
	}
	for _, s := range []store.Sender{{Channel: channels.SMS, Address: demoTwilioFrom}, {Channel: channels.Telegram, Address: botID(demoBotToken)}, {Channel: channels.Email, Address: a.config.EmailFrom}} {
		s.DealerID = d.ID
		if err := a.store.SaveSender(ctx, s, now); err != nil {
			return d, err
		}
	}
	for _, e := range f.Employees {
		hash, err := console.HashPassword(e.Password)
		if err != nil {
			return d, err
		}
		if _, err := a.store.SaveEmployee(ctx, store.Employee{DealerID: d.ID, Name: e.Name, Login: e.Login, PasswordHash: hash, Roles: e.Roles, Department: e.Department, Locale: e.Locale, Active: true}, now); err != nil {
			return d, err
		}
	}
	return d, nil
}

// marketer is the demo's.
func (a *App) marketer(ctx context.Context, d store.Dealer) (store.Employee, error) {
	people, err := a.store.Employees(ctx, d.ID)
	if err != nil {
		return store.Employee{}, err
	}
	i := slices.IndexFunc(people, func(e store.Employee) bool { return slices.Contains(e.Roles, store.RoleMarketer) })
	if i < 0 {
		return store.Employee{}, fmt.Errorf("the demo dealership has no marketer")
	}
	return people[i], nil
}

// switchAllOn has the demo's marketer switch every shipped program on, so that moving
// the clock shows all of them.
func (a *App) switchAllOn(ctx context.Context, d store.Dealer, now time.Time) error {
	marketer, err := a.marketer(ctx, d)
	if err != nil {
		return err
	}
	programs, err := program.Load(templates.FS, "programs")
	if err != nil {
		return err
	}
	for _, id := range sorted(programs) {
		if err := a.store.SetProgram(ctx, store.ProgramSetting{DealerID: d.ID, Program: id, Running: true, ChangedBy: marketer.ID, ChangedAt: now}); err != nil {
			return err
		}
	}
	return nil
}

func seedCustomers(ctx context.Context, tx *store.Tx, d store.Dealer, cs []demoCustomer, now time.Time) error {
	records := make([]store.VisitRecord, len(cs))
	for i, c := range cs {
		at := now.Add(-time.Duration(c.HoursAgo) * time.Hour)
		records[i] = store.VisitRecord{Order: c.Order, ClosedAt: at, HandedOverAt: at, PromisedAt: at.Add(time.Hour), CompletedAt: at, Works: c.Works, TotalMinor: c.Amount, Currency: "RUB",
			Advisor: c.Advisor, Mechanic: c.Mechanic, Department: c.Department, Repeat: c.Repeat, Customer: c.record(now, d), VIN: c.VIN, Plate: c.Plate, Model: c.Model, Mileage: c.Mileage}
	}
	saved, err := tx.SaveVisits(ctx, d, records, now)
	if err != nil {
		return err
	}
	for i, c := range cs {
		if err := c.seed(ctx, tx, d, saved[i].ContactID, now); err != nil {
			return err
		}
	}
	return nil
}

// start brings the stand-ins up and points the channels at them.
func (d *demo) start(ctx context.Context, a *App) error {
	s, err := sandbox.Start(context.WithoutCancel(ctx), d.phones, sandbox.Config{PublicURL: a.config.PublicURL, TwilioSID: demoTwilioSID, TwilioToken: demoTwilioToken, TwilioFrom: demoTwilioFrom,
		TelegramToken: demoBotToken, TelegramSecret: "demo", BotName: demoBotName, Mailbox: demoMailbox, Now: d.clock.Business, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	d.servers = s
	a.closers = append(a.closers, func(context.Context) error { return s.Close() })
	a.config.Twilio.APIBase, a.config.Telegram.APIBase = s.TwilioBase, s.TelegramBase
	a.config.SMTPURL, a.config.IMAPURL = s.SMTPURL, s.IMAPURL
	for _, chat := range slices.Sorted(maps.Keys(d.chats)) {
		// The demo's people opened the bot when they picked their cars up.
		if len(d.phones.Thread(channels.Telegram, chat)) == 0 {
			if err := s.StartBot(ctx, chat, d.chats[chat], ""); err != nil {
				return fmt.Errorf("opening the bot for a demo customer: %w", err)
			}
		}
	}
	return nil
}

// RemoveDemo removes the demo's database and what its phones remember. It refuses
// a file that holds a dealer who is not a demo's.
func RemoveDemo(path string) error {
	ctx := context.Background()
	if _, err := os.Stat(path); err == nil {
		if err := onlyDemo(ctx, path); err != nil {
			return err
		}
	}
	for _, name := range []string{path, path + "-wal", path + "-shm", strings.TrimSuffix(path, filepath.Ext(path)) + ".phones.jsonl"} {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("removing the demo: %w", err)
		}
	}
	return nil
}

func onlyDemo(ctx context.Context, path string) error {
	st, err := store.Open(ctx, "sqlite:"+path, store.Options{})
	if err != nil {
		return err
	}
	defer st.Close()
	ms, err := st.Migrations(ctx)
	if err != nil || len(ms) == 0 || !ms[0].Applied {
		return fmt.Errorf("%s is not a demo's database", path)
	}
	dealers, err := st.Dealers(ctx)
	if err != nil {
		return err
	}
	for _, d := range dealers {
		if !d.Demo {
			return fmt.Errorf("%s holds dealer %s, which is not a demo's; it is not removed", path, d.Code)
		}
	}
	return nil
}

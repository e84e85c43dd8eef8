package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/intake"
	"otklik/internal/store"
)

// demoPerson is somebody of the demo.
type demoPerson struct {
	Name     string   `yaml:"name"`
	Gender   string   `yaml:"gender"`
	Locale   string   `yaml:"locale"`
	Birthday string   `yaml:"birthday"`
	Phone    string   `yaml:"phone"`
	Email    string   `yaml:"email"`
	Chat     string   `yaml:"chat"`
	Tags     []string `yaml:"tags"`
	// BornIn replaces Birthday: in how many days it comes.
	BornIn *int `yaml:"born_in"`
	// Ad: he agreed to advertising, on the channels that he has.
	Ad bool `yaml:"ad"`
}

// demoRecords are the deliveries, appointments and prospects of the demo, at days
// counted from the one on which it is made.
type demoRecords struct {
	Deliveries []struct {
		demoPerson `yaml:",inline"`
		Number     string `yaml:"number"`
		// YearsAgo, and DaysAgo before that day; a negative number is ahead.
		YearsAgo   int    `yaml:"years_ago"`
		DaysAgo    int    `yaml:"days_ago"`
		Make       string `yaml:"make"`
		Model      string `yaml:"model"`
		VIN        string `yaml:"vin"`
		Consultant string `yaml:"consultant"`
	} `yaml:"deliveries"`
	Appointments []struct {
		demoPerson `yaml:",inline"`
		Number     string   `yaml:"number"`
		Days       int      `yaml:"days"`
		At         string   `yaml:"at"`
		Works      []string `yaml:"works"`
		Request    string   `yaml:"request"`
		Attention  string   `yaml:"attention"`
		Warranty   bool     `yaml:"warranty"`
		Model      string   `yaml:"model"`
		Plate      string   `yaml:"plate"`
		Advisor    string   `yaml:"advisor"`
	} `yaml:"appointments"`
	Prospects []struct {
		demoPerson  `yaml:",inline"`
		Number      string `yaml:"number"`
		DaysAgo     int    `yaml:"days_ago"`
		AgreedIn    int    `yaml:"agreed_in"`
		Origin      string `yaml:"origin"`
		ContactKind string `yaml:"contact_kind"`
		Model       string `yaml:"model"`
		Options     string `yaml:"options"`
		Payment     string `yaml:"payment"`
		TestDrive   string `yaml:"test_drive"`
		Notes       string `yaml:"notes"`
		Consultant  string `yaml:"consultant"`
		State       string `yaml:"state"`
	} `yaml:"prospects"`
}

// record is the person as a dealer system would tell of him.
func (p demoPerson) record(now time.Time, d store.Dealer) store.ContactRecord {
	n := intake.PersonName(p.Name, p.Locale)
	r := store.ContactRecord{Name: n.Name, Family: n.Family, Given: n.Given, Patronymic: n.Patronymic, Company: n.Company, Birthday: p.Birthday, Locale: p.Locale, Tags: p.Tags}
	if p.Gender != "" {
		r.Gender, r.GenderSource = p.Gender, "data"
	}
	if p.BornIn != nil {
		r.Birthday = "1985" + now.In(d.Location()).AddDate(0, 0, *p.BornIn).Format("-01-02")
	}
	if p.Phone != "" {
		r.Phones = []string{p.Phone}
	}
	if p.Email != "" {
		r.Emails = []string{p.Email}
	}
	return r
}

// seed adds what no dealer system tells: his chat, and what he agreed to.
func (p demoPerson) seed(ctx context.Context, tx *store.Tx, d store.Dealer, contactID string, now time.Time) error {
	if p.Chat != "" {
		if err := tx.AddAddress(ctx, contactID, store.Address{Channel: channels.Telegram, Value: p.Chat}, now); err != nil {
			return err
		}
	}
	if !p.Ad {
		return nil
	}
	for _, on := range []struct {
		ch  channels.Kind
		has string
	}{{channels.SMS, p.Phone}, {channels.Email, p.Email}, {channels.Telegram, p.Chat}} {
		if on.has == "" {
			continue
		}
		if err := tx.AddConsent(ctx, store.Consent{ContactID: contactID, DealerID: d.ID, Purpose: "ad", Channel: on.ch, Given: true, At: now.AddDate(0, -6, 0), How: "form", TextVersion: "demo-1"}); err != nil {
			return err
		}
	}
	return nil
}

// seed stores all of them.
func (r demoRecords) seed(ctx context.Context, tx *store.Tx, d store.Dealer, now time.Time, next func(store.Dealer, time.Time) time.Time) error {
	today := now.In(d.Location())
	for _, x := range r.Deliveries {
		at := today.AddDate(-x.YearsAgo, 0, -x.DaysAgo)
		saved, err := tx.SaveDeliveries(ctx, d, []store.DeliveryRecord{{Number: x.Number, HandedOverAt: at, Consultant: x.Consultant, Customer: x.record(now, d),
			Car: store.CarRecord{VIN: x.VIN, Make: x.Make, Model: x.Model, DeliveredOn: at.Format(time.DateOnly)}}}, now)
		if err == nil {
			err = x.demoPerson.seed(ctx, tx, d, saved[0].ContactID, now)
		}
		if err != nil {
			return err
		}
	}
	for _, x := range r.Appointments {
		clock, err := time.Parse("15:04", x.At)
		if err != nil {
			return fmt.Errorf("appointment %s: %w", x.Number, err)
		}
		at := time.Date(today.Year(), today.Month(), today.Day()+x.Days, clock.Hour(), clock.Minute(), 0, 0, d.Location())
		saved, err := tx.SaveAppointments(ctx, d, []store.AppointmentRecord{{Number: x.Number, StartsAt: at, RequestedAt: now.Add(-24 * time.Hour), Advisor: x.Advisor, Works: x.Works, Request: x.Request,
			AttentionReason: x.Attention, Warranty: x.Warranty, Customer: x.record(now, d), Car: store.CarRecord{Plate: x.Plate, Model: x.Model}}}, now)
		if err == nil {
			err = x.demoPerson.seed(ctx, tx, d, saved[0].ContactID, now)
		}
		if err != nil {
			return err
		}
	}
	for _, x := range r.Prospects {
		at := now.AddDate(0, 0, -x.DaysAgo)
		p := store.ProspectRecord{Number: x.Number, Origin: x.Origin, ContactKind: x.ContactKind, Model: x.Model, Options: x.Options, Payment: x.Payment, TestDrive: x.TestDrive, Notes: x.Notes, Consultant: x.Consultant,
			State: x.State, ContactedAt: at, DueAt: next(d, at), Customer: x.record(now, d)}
		if x.AgreedIn > 0 {
			p.AgreedAt = now.AddDate(0, 0, x.AgreedIn)
		}
		saved, err := tx.SaveProspects(ctx, d, []store.ProspectRecord{p}, now)
		if err == nil {
			err = x.demoPerson.seed(ctx, tx, d, saved[0].ContactID, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// chats are the people who have opened the bot, by chat.
func (f demoFile) chats() map[string]string {
	out := map[string]string{}
	add := func(p demoPerson) {
		if p.Chat != "" {
			out[p.Chat] = strings.TrimSpace(p.Name)
		}
	}
	for _, x := range f.Customers {
		add(x.demoPerson)
	}
	for _, x := range f.Deliveries {
		add(x.demoPerson)
	}
	for _, x := range f.Appointments {
		add(x.demoPerson)
	}
	for _, x := range f.Prospects {
		add(x.demoPerson)
	}
	return out
}

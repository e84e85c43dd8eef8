package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
)

// Wanted says of whom and what Facts reads. Ids may come twice.
type Wanted struct {
	Contacts, Visits []string
	// Surveys are the visits of which it matters whether they were answered.
	Surveys []string
	// Asked are the outreach, about no visit, of whose occasion it matters whether it was
	// answered.
	Asked []string
	// Calls are the contacts of whom it matters when a person last spoke with them.
	Calls []string
	// Greeted are the contacts who are to be congratulated or advertised to: only of them
	// it matters what Tact holds; what is planned for them until Ahead counts.
	Greeted []string
	Ahead   time.Time
	// Since is how far back sends matter.
	Since time.Time
	// Now is the time at which suppressions must stand.
	Now time.Time
}

// Facts are what a batch of outreach is judged on.
type Facts struct {
	Contacts map[string]Contact
	Visits   map[string]Visit
	// Sent holds the capped sends to each contact, newest first.
	Sent map[string][]PastSend
	// Written holds the contacts who were written to before, whenever.
	Written map[string]bool
	// Spoke tells when a person last spoke with a contact.
	Spoke map[string]time.Time
	// Tact is what bears on congratulating a contact.
	Tact map[string]Tact
	// Consents of each contact, oldest first.
	Consents map[string][]Consent
	// Suppressions stand against the contacts' addresses.
	Suppressions []Suppression
	// Answered holds the visits about which the customer has answered a survey on any
	// channel, or has an open conversation that holds an answer, and the ids of Asked whose
	// occasion he has answered about.
	Answered map[string]bool
}

// PastSend is one capped send.
type PastSend struct {
	Purpose outreach.Purpose
	At      time.Time
}

// Facts reads the facts of a batch together: on PostgreSQL in two round trips.
func (s *Store) Facts(ctx context.Context, w Wanted) (Facts, error) {
	f := Facts{Contacts: make(map[string]Contact, len(w.Contacts)), Visits: make(map[string]Visit, len(w.Visits)), Sent: map[string][]PastSend{}, Written: map[string]bool{},
		Spoke: map[string]time.Time{}, Tact: map[string]Tact{}, Consents: map[string][]Consent{}, Answered: map[string]bool{}}
	d := s.dialect
	contacts := d.idSet(w.Contacts)
	qs := []question{d.askContacts(f.Contacts, contacts), d.askAddresses(f.Contacts, contacts), d.askSends(&f, contacts, w.Since), d.askConsents(f.Consents, contacts)}
	if len(w.Visits) > 0 {
		qs = append(qs, d.askVisits(f.Visits, d.idSet(w.Visits)))
	}
	if len(w.Surveys) > 0 {
		qs = append(qs, d.askAnswered(f.Answered, d.idSet(w.Surveys)))
	}
	if len(w.Asked) > 0 {
		qs = append(qs, d.askOccasions(f.Answered, d.idSet(w.Asked)))
	}
	if len(w.Calls) > 0 {
		qs = append(qs, d.askSpoke(f.Spoke, d.idSet(w.Calls)))
	}
	if len(w.Greeted) > 0 {
		greeted := d.idSet(w.Greeted)
		qs = append(qs, d.askCallbacks(f.Tact, greeted), d.askAhead(f.Tact, greeted, w.Ahead))
	}
	if len(w.Contacts) == 0 {
		qs = qs[4:]
	}
	var flights []flight
	if s.pool != nil {
		qs = append([]question{askFlights(&flights)}, qs...)
	}
	if err := s.ask(ctx, qs); err != nil {
		return f, err
	}
	f.fly(flights)
	return f, s.namesAndSuppressions(ctx, &f, w.Now)
}

// namesAndSuppressions reads what can be asked when contacts and visits are known.
func (s *Store) namesAndSuppressions(ctx context.Context, f *Facts, now time.Time) error {
	employees := map[string]string{}
	for _, v := range f.Visits {
		employees[v.AdvisorID], employees[v.MechanicID] = "", ""
	}
	delete(employees, "")
	var qs []question
	if len(employees) > 0 {
		qs = append(qs, s.dialect.askEmployees(employees))
	}
	plain, err := s.hidden(ctx, f.Contacts)
	if err != nil {
		return err
	}
	if len(plain) > 0 {
		qs = append(qs, s.dialect.askSuppressions(f, plain, now))
	}
	if len(qs) == 0 {
		return nil
	}
	if err := s.ask(ctx, qs); err != nil {
		return err
	}
	for id, v := range f.Visits {
		if v.AdvisorID != "" || v.MechanicID != "" {
			v.Advisor, v.Mechanic = employees[v.AdvisorID], employees[v.MechanicID]
			f.Visits[id] = v
		}
	}
	return nil
}

func (d dialect) askContacts(into map[string]Contact, ids string) question {
	return question{"contacts", "select " + contactCols + " from contact c where " + d.among("c.id", "uuid", 1), []any{ids}, func(r *cells) {
		c := Contact{ID: r.id(), Name: r.text(), Family: r.text(), Given: r.text(), Patronymic: r.text(), Company: r.flag(), Gender: r.text(), GenderSource: r.text(), Birthday: r.text(),
			Locale: r.text(), Zone: r.text(), Prospect: r.flag(), Unreachable: r.flag(), Deceased: r.flag(), Tags: r.text(), Preferred: channels.Kind(r.text()), Hours: r.text(), CreatedAt: r.moment(), ErasedAt: r.moment()}
		into[c.ID] = c
	}}
}

// askAddresses follows askContacts.
func (d dialect) askAddresses(into map[string]Contact, ids string) question {
	return question{"addresses", "select contact_id, channel, value, rank from address where " + d.among("contact_id", "uuid", 1) + " order by contact_id, channel, rank, value", []any{ids}, func(r *cells) {
		id := r.id()
		c, known := into[id]
		if !known {
			return // added after the contacts were read
		}
		c.Addresses = append(c.Addresses, Address{channels.Kind(r.text()), r.text(), int(r.integer())})
		into[id] = c
	}}
}

func (d dialect) askVisits(into map[string]Visit, ids string) question {
	return question{"visits", `select v.id, v.dealer_id, v.contact_id, v.vehicle_id, v.order_no, v.source, v.closed_at, v.handed_over_at, v.promised_at, v.completed_at, v.works, v.total_minor, v.currency,
		v.advisor_id, v.mechanic_id, v.department, v.repeat_repair, k.vin, k.plate, k.model, k.mileage, k.sold_at from visit v left join vehicle k on k.id = v.vehicle_id where ` + d.among("v.id", "uuid", 1), []any{ids}, func(r *cells) {
		v := Visit{ID: r.id(), DealerID: r.id(), ContactID: r.id(), VehicleID: r.id(), Order: r.text(), Source: r.text(), ClosedAt: r.moment(), HandedOverAt: r.moment(), PromisedAt: r.moment(), CompletedAt: r.moment(),
			Works: r.texts(), TotalMinor: r.integer(), Currency: r.text(), AdvisorID: r.id(), MechanicID: r.id(), Department: r.text(), Repeat: r.flag()}
		v.Vehicle = Vehicle{ID: v.VehicleID, ContactID: v.ContactID, VIN: r.text(), Plate: r.text(), Model: r.text(), Mileage: int(r.integer()), SoldAt: r.moment()}
		into[v.ID] = v
	}}
}

// texts reads a column that holds a list in JSON.
func (c *cells) texts() (vs []string) {
	wire, value := c.take()
	if wire == nil {
		wire = []byte(c.string(value))
	}
	if err := json.Unmarshal(wire, &vs); err != nil && c.err == nil {
		c.err = fmt.Errorf("a list of texts: %w", err)
	}
	return vs
}

func (d dialect) askEmployees(names map[string]string) question {
	ids := make([]string, 0, len(names))
	for id := range names {
		ids = append(ids, id)
	}
	return question{"names of employees", "select id, name from employee where " + d.among("id", "uuid", 1), []any{d.idSet(ids)}, func(r *cells) {
		id := r.id()
		names[id] = r.text()
	}}
}

// askSends asks for the capped sends of each contact; a row without one says that
// something else was written to him. PostgreSQL gets it as a question for each contact:
// planned while there were few messages, it would read all of them for each list.
func (d dialect) askSends(f *Facts, contacts string, since time.Time) question {
	const (
		sends = `m.contact_id = c.id and m.direction = 'out' and m.created_at >= $2 and m.purpose in ('survey', 'reminder', 'greeting', 'ad') and m.outreach_id is not null
			and m.state not in ('failed', 'canceled', 'expired', 'queued')`
		written = "(select w.id from message w where w.contact_id = c.id and w.direction = 'out' order by w.created_at limit 1) is not null"
	)
	query := "select c.id, m.purpose, coalesce(m.sent_at, m.created_at) from " + d.members(1) + " left join message m on " + sends + " where m.id is not null or " + written + " order by m.created_at desc"
	if d.name == "postgres" {
		query = "select c.id, m.purpose, m.at from " + d.members(1) + " left join lateral (select purpose, coalesce(sent_at, created_at) as at, created_at from message m where " + sends +
			" order by m.created_at desc limit 1000) m on true where m.at is not null or " + written + " order by m.created_at desc"
	}
	return question{"past sends", query, []any{contacts, at(since)}, func(r *cells) {
		id, p := r.id(), PastSend{Purpose: outreach.Purpose(r.text()), At: r.moment()}
		f.Written[id] = true
		if p.Purpose != "" {
			f.Sent[id] = append(f.Sent[id], p)
		}
	}}
}

func (d dialect) askConsents(into map[string][]Consent, contacts string) question {
	return question{"consents", "select contact_id, dealer_id, purpose, channel, given, at, how from consent where " + d.among("contact_id", "uuid", 1) + " order by at, id", []any{contacts}, func(r *cells) {
		c := Consent{ContactID: r.id(), DealerID: r.id(), Purpose: r.text(), Channel: channels.Kind(r.text()), Given: r.flag(), At: r.moment(), How: r.text()}
		into[c.ContactID] = append(into[c.ContactID], c)
	}}
}

func (d dialect) askAnswered(into map[string]bool, visits string) question {
	return question{"answered visits", "select distinct v.id from visit v join conversation c on c.contact_id = v.contact_id and c.visit_id = v.id join answer a on a.conversation_id = c.id where " + d.among("v.id", "uuid", 1),
		[]any{visits}, func(r *cells) { into[r.id()] = true }}
}

func (d dialect) askSpoke(into map[string]time.Time, contacts string) question {
	return question{"calls", "select t.contact_id, max(s.at) from task t join task_step s on s.task_id = t.id and s.kind = 'reached' where " + d.among("t.contact_id", "uuid", 1) + " group by t.contact_id",
		[]any{contacts}, func(r *cells) {
			id := r.id()
			into[id] = r.moment()
		}}
}

// hidden gives the contacts' addresses as they may stand in suppressions, plain and
// hidden, each with what it is.
func (s *Store) hidden(ctx context.Context, contacts map[string]Contact) (map[string]string, error) {
	if len(contacts) == 0 {
		return nil, nil
	}
	secret, err := s.secret(ctx, s.read)
	if err != nil {
		return nil, err
	}
	m := hmac.New(sha256.New, []byte(secret))
	plain := make(map[string]string, 2*len(contacts))
	for _, c := range contacts {
		for _, a := range c.Addresses {
			if _, known := plain[a.Value]; !known {
				plain[a.Value] = a.Value
				plain[hide(m, a.Value)] = a.Value
			}
		}
	}
	return plain, nil
}

func (d dialect) askSuppressions(f *Facts, plain map[string]string, now time.Time) question {
	return question{"suppressions", "select channel, address, purpose, reason, at, until, message_id from suppression where (until is null or until > $1) and " + d.among("address", "text", 2),
		[]any{at(now), d.set(slices.Collect(maps.Keys(plain)))}, func(r *cells) {
			x := Suppression{Channel: channels.Kind(r.text()), Address: plain[r.text()], Purpose: r.text(), Reason: r.text(), At: r.moment(), Until: r.moment(), MessageID: r.id()}
			f.Suppressions = append(f.Suppressions, x)
		}}
}

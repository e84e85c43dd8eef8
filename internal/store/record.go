package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"otklik/channels"
)

// ContactRecord is a customer as a dealer system or the API tells of him.
type ContactRecord struct {
	ExternalID                      string
	Name, Family, Given, Patronymic string
	Company                         bool
	Gender, GenderSource            string
	Birthday, Locale                string
	Phones, Emails                  []string // E.164; bare lower-case addresses
	Prospect                        bool
	// Tags are words of the dealer's own, each without blanks.
	Tags []string `json:",omitempty"`
	// Deceased: nothing is written to him any more.
	Deceased bool `json:",omitempty"`
	// Hours are those in which he wants to be written to: "11:00-19:00".
	Hours string `json:",omitempty"`
	// Zone is where he lives (IANA); "" where nothing tells. ZoneTold: he or the dealer
	// says so; what a number tells gives way to it.
	Zone     string `json:",omitempty"`
	ZoneTold bool   `json:",omitempty"`
}

func (c ContactRecord) addresses() []Address {
	var out []Address
	for i, p := range c.Phones {
		out = append(out, Address{channels.SMS, p, i})
	}
	for i, e := range c.Emails {
		out = append(out, Address{channels.Email, e, i})
	}
	return out
}

// VisitRecord is a visit as a dealer system or the API tells of it.
type VisitRecord struct {
	Order                                           string
	ClosedAt, HandedOverAt, PromisedAt, CompletedAt time.Time
	Works                                           []string
	TotalMinor                                      int64
	Currency, Advisor, Mechanic, Department         string
	Repeat                                          bool
	Customer                                        ContactRecord
	VIN, Plate, Model                               string
	Mileage                                         int
	Make, DeliveredOn                               string `json:",omitempty"`
}

// CarRecord is a vehicle as a dealer system or the API tells of it.
type CarRecord struct {
	VIN, Plate, Make, Model string
	Mileage                 int
	// DeliveredOn is YYYY-MM-DD or "".
	DeliveredOn string
}

func (v *VisitRecord) car() CarRecord {
	return CarRecord{v.VIN, v.Plate, v.Make, v.Model, v.Mileage, v.DeliveredOn}
}

// fingerprint tells equal content of a record from changed content.
func fingerprint(record any) string {
	b, err := json.Marshal(record)
	if err != nil {
		panic(err) // a struct of strings, numbers and times always marshals
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:12])
}

// SourceDMS is the source of everything that comes from the dealer's system,
// whether by file or by the API: one order is one visit.
const SourceDMS = "dms"

// Saved is what became of one record.
type Saved string

// Fates of a record. Foreign: the order exists with another customer and vehicle.
const (
	Stored    Saved = "stored"
	Updated   Saved = "updated"
	Unchanged Saved = "unchanged"
	Foreign   Saved = "foreign"
)

// SavedRecord is the fate of a record with the ids it has now.
type SavedRecord struct {
	Saved              Saved
	VisitID, ContactID string
	// SubjectID is the appointment, the prospect or the delivered vehicle.
	SubjectID string
	// Consent is what became of the word about advertising; "" where there was none, too.
	Consent ConsentFate
}

// SaveChunk is how many records one transaction of an import takes: SQLite's lock
// is held well under 50 ms.
const SaveChunk = 200

// saver holds what one chunk of records has looked up and will write.
type saver struct {
	tx        *Tx
	dealer    Dealer
	now       time.Time
	employees map[string]string
	byKey     map[string]string          // external id → contact
	byAddress map[string][]contactAt     // address → contacts
	vehicles  map[string][]Vehicle       // contact → vehicles
	known     map[string]map[string]bool // contact → addresses
	fresh     map[string]bool            // contacts not inserted yet
	// asIs: a known prospect stays one, although a record comes that is none.
	asIs bool
	// like are the records of this chunk that have no number of their own, by what they
	// are known again.
	like map[string]string
	contacts, addresses, keys, cars,
	visits, appointments, prospects, events, staff [][]any
}

type contactAt struct{ id, folded string }

// SaveVisits writes visits with their customers and vehicles in the transaction,
// and an event for each that is new. Records should not exceed SaveChunk.
func (t *Tx) SaveVisits(ctx context.Context, d Dealer, rs []VisitRecord, now time.Time) ([]SavedRecord, error) {
	if err := t.lockSaving(ctx); err != nil {
		return nil, err
	}
	old, err := t.visitsByOrder(ctx, d.ID, rs)
	if err != nil {
		return nil, err
	}
	out := make([]SavedRecord, len(rs))
	hashes := make([]string, len(rs))
	var people []ContactRecord
	for i := range rs {
		r := &rs[i]
		hashes[i] = fingerprint(r)
		if o, ok := old[r.Order]; !ok || !o.same(hashes[i]) {
			people = append(people, r.Customer)
		}
	}
	if len(people) == 0 {
		for i, r := range rs {
			out[i] = SavedRecord{Saved: Unchanged, VisitID: old[r.Order].id, ContactID: old[r.Order].contact}
		}
		return out, nil
	}
	sv, err := t.newSaver(ctx, d, people, now)
	if err != nil {
		return nil, err
	}
	for i := range rs {
		if out[i], err = sv.visit(ctx, &rs[i], hashes[i], old); err != nil {
			return nil, fmt.Errorf("saving order %s: %w", rs[i].Order, err)
		}
	}
	if err := sv.flush(ctx); err != nil {
		return nil, err
	}
	return out, t.finishAppointments(ctx, d, rs, out, now)
}

// SaveContacts writes customers or prospects in the transaction.
func (t *Tx) SaveContacts(ctx context.Context, d Dealer, rs []ContactRecord, now time.Time) ([]SavedRecord, error) {
	sv, err := t.saving(ctx, d, rs, now)
	if err != nil {
		return nil, err
	}
	out := make([]SavedRecord, len(rs))
	for i, r := range rs {
		id, saved, err := sv.contact(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("saving a customer: %w", err)
		}
		out[i] = SavedRecord{Saved: saved, ContactID: id}
	}
	return out, sv.flush(ctx)
}

// CustomerRecord is a customer with a car of his.
type CustomerRecord struct {
	ContactRecord
	Car CarRecord
	// Consent is his word about advertising; nil where nothing is said.
	Consent *AdConsent
}

// SaveCustomers writes customers with their cars in the transaction (R135).
func (t *Tx) SaveCustomers(ctx context.Context, d Dealer, rs []CustomerRecord, now time.Time) ([]SavedRecord, error) {
	people := make([]ContactRecord, len(rs))
	for i, r := range rs {
		people[i] = r.ContactRecord
	}
	sv, err := t.saving(ctx, d, people, now)
	if err != nil {
		return nil, err
	}
	out := make([]SavedRecord, len(rs))
	for i, r := range rs {
		id, saved, err := sv.contact(ctx, r.ContactRecord)
		if err != nil {
			return nil, fmt.Errorf("saving a customer: %w", err)
		}
		_, changed, err := sv.vehicle(ctx, id, r.Car)
		if err != nil {
			return nil, fmt.Errorf("saving a customer's car: %w", err)
		}
		if changed && saved == Unchanged {
			saved = Updated
		}
		out[i] = SavedRecord{Saved: saved, ContactID: id}
	}
	if err := sv.flush(ctx); err != nil {
		return nil, err
	}
	return out, sv.saveAdConsents(ctx, rs, out)
}

// lockSaving lets one import or API call of the group save at a time: two that
// bring the same person or order would each not see what the other writes.
func (t *Tx) lockSaving(ctx context.Context) error {
	if t.s.dialect.lockSaving == "" {
		return nil
	}
	if _, err := t.ExecContext(ctx, t.s.dialect.lockSaving); err != nil {
		return fmt.Errorf("waiting for another import: %w", err)
	}
	return nil
}

type oldVisit struct {
	id, contact, vehicle, hash, vin, plate, folded string
	completed                                      time.Time
	erased                                         bool
}

// same tells that a record brings nothing new. The visit of a person who was
// erased stays as it is, whatever the dealer's system still says of him.
func (o oldVisit) same(hash string) bool { return o.erased || o.hash == hash }

func (t *Tx) visitsByOrder(ctx context.Context, dealerID string, rs []VisitRecord) (map[string]oldVisit, error) {
	orders := make([]string, len(rs))
	for i, r := range rs {
		orders[i] = r.Order
	}
	type row struct {
		order string
		v     oldVisit
	}
	rows, err := collect(ctx, t, func(r *sql.Rows) (x row, err error) {
		var vehicle, vin, plate text
		var completed moment
		err = r.Scan(&x.order, &x.v.id, &x.v.contact, &vehicle, &completed, &x.v.hash, &vin, &plate, &x.v.folded, &x.v.erased)
		x.v.vehicle, x.v.completed, x.v.vin, x.v.plate = string(vehicle), completed.Time, string(vin), string(plate)
		return x, err
	}, t.s.dialect.forEach("v.order_no, v.id, v.contact_id, v.vehicle_id, v.completed_at, v.content_hash, k.vin, k.plate, c.name_folded, c.erased_at is not null",
		"visit v join contact c on c.id = v.contact_id left join vehicle k on k.id = v.vehicle_id", "v.dealer_id = $1 and v.source = $2 and ", "v.order_no", "text", 3),
		dealerID, SourceDMS, t.s.dialect.set(orders))
	if err != nil {
		return nil, fmt.Errorf("looking up orders: %w", err)
	}
	out := make(map[string]oldVisit, len(rows))
	for _, r := range rows {
		out[r.order] = r.v
	}
	return out, nil
}

func (t *Tx) newSaver(ctx context.Context, d Dealer, people []ContactRecord, now time.Time) (*saver, error) {
	sv := &saver{tx: t, dealer: d, now: now, employees: map[string]string{}, byKey: map[string]string{}, byAddress: map[string][]contactAt{},
		vehicles: map[string][]Vehicle{}, known: map[string]map[string]bool{}, fresh: map[string]bool{}, like: map[string]string{}}
	var keys, values []string
	for _, p := range people {
		if p.ExternalID != "" {
			keys = append(keys, p.ExternalID)
		}
		values = append(values, p.Phones...)
		values = append(values, p.Emails...)
	}
	if err := sv.lookUpKeys(ctx, keys); err != nil {
		return nil, err
	}
	if err := sv.lookUpAddresses(ctx, values); err != nil {
		return nil, err
	}
	if err := sv.lookUpBelongings(ctx); err != nil {
		return nil, err
	}
	es, err := collect(ctx, t, scanEmployee, "select "+employeeCols+" from employee where dealer_id = $1", d.ID)
	if err != nil {
		return nil, fmt.Errorf("looking up employees: %w", err)
	}
	for _, e := range es {
		sv.employees[Fold(e.Name)] = e.ID
	}
	return sv, nil
}

func (sv *saver) lookUpKeys(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	d := sv.tx.s.dialect
	rows, err := collect(ctx, sv.tx, func(r *sql.Rows) (x [2]string, err error) { return x, r.Scan(&x[0], &x[1]) },
		d.forEach("external_id, object_id", "external_key", "dealer_id = $1 and source = $2 and kind = 'contact' and ", "external_id", "text", 3), sv.dealer.ID, SourceDMS, d.set(keys))
	if err != nil {
		return fmt.Errorf("looking up customers: %w", err)
	}
	for _, r := range rows {
		sv.byKey[r[0]] = r[1]
	}
	return nil
}

func (sv *saver) lookUpAddresses(ctx context.Context, values []string) error {
	if len(values) == 0 {
		return nil
	}
	type row struct {
		value string
		c     contactAt
	}
	d := sv.tx.s.dialect
	rows, err := collect(ctx, sv.tx, func(r *sql.Rows) (x row, err error) { return x, r.Scan(&x.value, &x.c.id, &x.c.folded) },
		d.forEach("a.value, c.id, c.name_folded", "address a join contact c on c.id = a.contact_id", "c.erased_at is null and a.channel in ('sms', 'email') and ", "a.value", "text", 1), d.set(values))
	if err != nil {
		return fmt.Errorf("looking up addresses: %w", err)
	}
	for _, r := range rows {
		sv.byAddress[r.value] = append(sv.byAddress[r.value], r.c)
	}
	return nil
}

// lookUpBelongings reads the cars and addresses of the people who were found.
func (sv *saver) lookUpBelongings(ctx context.Context) error {
	var ids []string
	for _, cs := range sv.byAddress {
		for _, c := range cs {
			ids = append(ids, c.id)
		}
	}
	ids = slices.AppendSeq(ids, maps.Values(sv.byKey))
	if len(ids) == 0 {
		return nil
	}
	d := sv.tx.s.dialect
	set := d.idSet(ids)
	vs, err := collect(ctx, sv.tx, scanVehicle, d.forEach(vehicleCols, "vehicle k", "", "k.contact_id", "uuid", 1)+" order by id", set)
	if err != nil {
		return fmt.Errorf("looking up vehicles: %w", err)
	}
	for _, v := range vs {
		sv.vehicles[v.ContactID] = append(sv.vehicles[v.ContactID], v)
	}
	as, err := collect(ctx, sv.tx, func(r *sql.Rows) (x [2]string, err error) { return x, r.Scan(&x[0], &x[1]) },
		d.forEach("contact_id, value", "address", "", "contact_id", "uuid", 1), set)
	if err != nil {
		return fmt.Errorf("looking up addresses: %w", err)
	}
	for _, a := range as {
		sv.know(a[0], a[1])
	}
	return nil
}

func (sv *saver) know(contact, value string) {
	if sv.known[contact] == nil {
		sv.known[contact] = map[string]bool{}
	}
	sv.known[contact][value] = true
}

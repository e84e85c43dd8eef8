package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"otklik/channels"
)

// visit writes one visit; old holds the visits that stand under the chunk's
// orders.
func (sv *saver) visit(ctx context.Context, r *VisitRecord, hash string, old map[string]oldVisit) (SavedRecord, error) {
	was, exists := old[r.Order]
	if exists && was.same(hash) {
		return SavedRecord{Saved: Unchanged, VisitID: was.id, ContactID: was.contact}, nil
	}
	if exists && was.foreign(r.Customer, r.car()) {
		return SavedRecord{Saved: Foreign, VisitID: was.id, ContactID: was.contact}, nil
	}
	contact, _, err := sv.contact(ctx, r.Customer)
	if err != nil {
		return SavedRecord{}, err
	}
	vehicle, _, err := sv.vehicle(ctx, contact, r.car())
	if err != nil {
		return SavedRecord{}, err
	}
	works, err := json.Marshal(r.Works)
	if err != nil {
		return SavedRecord{}, err
	}
	if r.Works == nil {
		works = []byte("[]")
	}
	advisor, mechanic := sv.employee(r.Advisor, RoleAdvisor), sv.employee(r.Mechanic, "")
	id := was.id
	if !exists {
		id = sv.tx.NewID()
	}
	old[r.Order] = oldVisit{id: id, contact: contact, vehicle: vehicle, completed: r.CompletedAt, hash: hash, vin: r.VIN, plate: r.Plate, folded: Fold(r.Customer.Name)}
	if exists {
		return sv.changeVisit(ctx, was, r, hash, contact, vehicle, string(works), advisor, mechanic)
	}
	sv.visits = append(sv.visits, []any{id, sv.dealer.ID, contact, opt(vehicle), r.Order, SourceDMS, at(r.ClosedAt), at(r.HandedOverAt), at(r.PromisedAt), at(r.CompletedAt),
		string(works), r.TotalMinor, r.Currency, opt(advisor), opt(mechanic), r.Department, r.Repeat, hash, at(sv.now), at(sv.now)})
	sv.happened(contact, id, r)
	return SavedRecord{Saved: Stored, VisitID: id, ContactID: contact}, nil
}

// happened makes the event of a visit.
func (sv *saver) happened(contact, visit string, r *VisitRecord) {
	sv.events = append(sv.events, sv.tx.eventRow(Event{DealerID: sv.dealer.ID, Kind: EventVisitCompleted, ContactID: contact, VisitID: visit, At: r.CompletedAt}, sv.now))
}

// happenedAgain corrects the event of a visit; one that was planned comes again.
func (sv *saver) happenedAgain(ctx context.Context, contact, visit string, r *VisitRecord) error {
	res, err := sv.tx.ExecContext(ctx, "update event set at = $2, contact_id = $3 where visit_id = $1 and kind = $4", visit, at(r.CompletedAt), contact, EventVisitCompleted)
	if err != nil {
		return err
	}
	waits, err := res.RowsAffected()
	if err != nil || waits > 0 {
		return err
	}
	sv.happened(contact, visit, r)
	return sv.flush(ctx)
}

// foreign tells that a number stands for another customer with another vehicle.
func (o oldVisit) foreign(c ContactRecord, car CarRecord) bool {
	return o.folded != Fold(c.Name) && (car.VIN == "" || car.VIN != o.vin) && (car.Plate == "" || car.Plate != o.plate)
}

// changeVisit updates a visit in place. Its event is planned again, so that
// outreach not begun yet follows a corrected time; a customer who turns out not to
// have been there is not asked.
func (sv *saver) changeVisit(ctx context.Context, was oldVisit, r *VisitRecord, hash, contact, vehicle, works, advisor, mechanic string) (SavedRecord, error) {
	if err := sv.flush(ctx); err != nil { // the rows this one refers to
		return SavedRecord{}, err
	}
	_, err := sv.tx.ExecContext(ctx, `update visit set contact_id = $2, vehicle_id = $3, closed_at = $4, handed_over_at = $5, promised_at = $6, completed_at = $7, works = $8,
		total_minor = $9, currency = $10, advisor_id = $11, mechanic_id = $12, department = $13, repeat_repair = $14, content_hash = $15, updated_at = $16 where id = $1`,
		was.id, contact, opt(vehicle), at(r.ClosedAt), at(r.HandedOverAt), at(r.PromisedAt), at(r.CompletedAt), works,
		r.TotalMinor, r.Currency, opt(advisor), opt(mechanic), r.Department, r.Repeat, hash, at(sv.now))
	if err != nil {
		return SavedRecord{}, err
	}
	// The event first: the planner holds it while it writes outreach, which is then
	// there to be seen.
	if contact != was.contact || r.CompletedAt.UnixMicro() != was.completed.UnixMicro() {
		if err := sv.happenedAgain(ctx, contact, was.id, r); err != nil {
			return SavedRecord{}, err
		}
	}
	if contact != was.contact {
		_, err = sv.tx.ExecContext(ctx, "update outreach set state = 'superseded', rule = 'customer_corrected', claim_token = null, claim_until = null, updated_at = $3 where visit_id = $1 and contact_id = $2 and state in ('planned', 'held')",
			was.id, was.contact, at(sv.now))
	}
	return SavedRecord{Saved: Updated, VisitID: was.id, ContactID: contact}, err
}

// contact finds the person by external id, else by name and address, and adds
// what is new; two names on one phone are two contacts.
func (sv *saver) contact(ctx context.Context, r ContactRecord) (string, Saved, error) {
	folded := Fold(r.Name)
	if id := sv.find(r, folded); id != "" {
		changed, err := sv.complete(ctx, id, r, folded)
		if err != nil || !changed {
			return id, Unchanged, err
		}
		return id, Updated, nil
	}
	id := sv.tx.NewID()
	sv.fresh[id] = true
	as := r.addresses()
	sv.contacts = append(sv.contacts, []any{id, r.Name, folded, r.Family, r.Given, r.Patronymic, r.Company, r.Gender, r.GenderSource, r.Birthday, r.Locale,
		r.Prospect, len(as) == 0, r.Deceased, joinTags(r.Tags), r.Hours, r.Zone, at(sv.now), at(sv.now)})
	for _, a := range as {
		sv.addAddress(id, folded, a)
	}
	if r.ExternalID != "" {
		sv.addKey(r.ExternalID, id)
	}
	return id, Stored, nil
}

func (sv *saver) find(r ContactRecord, folded string) string {
	if id, ok := sv.byKey[r.ExternalID]; ok && r.ExternalID != "" {
		return id
	}
	for _, a := range r.addresses() {
		for _, c := range sv.byAddress[a.Value] {
			if c.folded == folded {
				return c.id
			}
		}
	}
	return ""
}

// complete fills what a known contact lacks and adds new addresses. What is known
// already is kept: a corrected name or gender comes from a person. Hours are the newest
// that were told.
func (sv *saver) complete(ctx context.Context, id string, r ContactRecord, folded string) (bool, error) {
	changed := false
	for _, a := range r.addresses() {
		if !sv.known[id][a.Value] {
			sv.addAddress(id, folded, a)
			changed = true
		}
	}
	if r.ExternalID != "" && sv.byKey[r.ExternalID] == "" {
		sv.addKey(r.ExternalID, id)
	}
	if r.Deceased || len(r.Tags) > 0 {
		marked, err := sv.mark(ctx, id, r)
		if err != nil {
			return false, err
		}
		changed = changed || marked
	}
	if sv.fresh[id] {
		return changed, nil
	}
	// A birthday without its year gets it: "--03-08" becomes "1984-03-08".
	res, err := sv.tx.ExecContext(ctx, `update contact set
		gender = case when gender = '' then $2 else gender end, gender_source = case when gender = '' then $3 else gender_source end,
		birthday = case when $4 <> '' and birthday in ('', '-' || substr($4, 5)) then $4 else birthday end, locale = case when locale = '' then $5 else locale end,
		unreachable = case when $6 then false else unreachable end, hours = case when $9 <> '' then $9 else hours end, zone = case when $10 <> '' and ($11 or zone = '') then $10 else zone end, prospect = prospect and $8, updated_at = $7
		where id = $1 and ((gender = '' and $2 <> '') or (birthday in ('', '-' || substr($4, 5)) and $4 <> '') or (locale = '' and $5 <> '') or (unreachable and $6) or (prospect and not $8) or ($9 <> '' and hours <> $9) or ($10 <> '' and zone <> $10 and ($11 or zone = '')))`,
		id, r.Gender, r.GenderSource, r.Birthday, r.Locale, len(r.Phones)+len(r.Emails) > 0, at(sv.now), r.Prospect || sv.asIs, r.Hours, r.Zone, r.ZoneTold)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return changed || n > 0, err
}

// mark adds tags to a known contact, and notes that he has died. Neither is taken
// back by an export that does not tell it.
func (sv *saver) mark(ctx context.Context, id string, r ContactRecord) (bool, error) {
	if sv.fresh[id] {
		if err := sv.flush(ctx); err != nil {
			return false, err
		}
	}
	type row struct {
		tags     string
		deceased bool
	}
	was, err := one(ctx, sv.tx, func(q *sql.Rows) (x row, err error) { return x, q.Scan(&x.tags, &x.deceased) }, "select tags, deceased from contact where id = $1", id)
	if err != nil {
		return false, err
	}
	tags, deceased := joinTags(append(strings.Fields(was.tags), r.Tags...)), was.deceased || r.Deceased
	if tags == was.tags && deceased == was.deceased {
		return false, nil
	}
	_, err = sv.tx.ExecContext(ctx, "update contact set tags = $2, deceased = $3, updated_at = $4 where id = $1", id, tags, deceased, at(sv.now))
	return true, err
}

// joinTags is how tags stand in a row: folded, sorted, each once, with blanks between.
func joinTags(tags []string) string {
	var out []string
	for _, t := range tags {
		if t = strings.Join(strings.Fields(Fold(t)), "_"); t != "" {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " ")
}

func (sv *saver) addAddress(contact, folded string, a Address) {
	sv.addresses = append(sv.addresses, []any{sv.tx.NewID(), contact, a.Channel, a.Value, a.Rank, at(sv.now)})
	sv.byAddress[a.Value] = append(sv.byAddress[a.Value], contactAt{contact, folded})
	sv.know(contact, a.Value)
}

func (sv *saver) addKey(external, contact string) {
	sv.keys = append(sv.keys, []any{sv.dealer.ID, SourceDMS, "contact", external, contact})
	sv.byKey[external] = contact
}

// vehicle finds a contact's car by VIN, else by plate, else by model, and fills what
// was not known of it.
func (sv *saver) vehicle(ctx context.Context, contact string, r CarRecord) (id string, changed bool, err error) {
	if r.VIN == "" && r.Plate == "" && r.Model == "" {
		return "", false, nil
	}
	for i, v := range sv.vehicles[contact] {
		same := r.VIN != "" && v.VIN == r.VIN || r.Plate != "" && v.Plate == r.Plate && (r.VIN == "" || v.VIN == "") ||
			r.VIN == "" && r.Plate == "" && v.Model == r.Model
		if !same {
			continue
		}
		now := v
		now.Mileage = max(v.Mileage, r.Mileage)
		if r.Plate != "" {
			now.Plate = r.Plate
		}
		now.Make, now.DeliveredOn = cmp.Or(v.Make, r.Make), cmp.Or(v.DeliveredOn, r.DeliveredOn)
		if now == v {
			return v.ID, false, nil
		}
		if err := sv.flush(ctx); err != nil {
			return "", false, err
		}
		sv.vehicles[contact][i] = now
		_, err := sv.tx.ExecContext(ctx, "update vehicle set mileage = $2, plate = $3, make = $4, delivered_on = $5, updated_at = $6 where id = $1",
			v.ID, now.Mileage, now.Plate, now.Make, now.DeliveredOn, at(sv.now))
		return v.ID, true, err
	}
	v := Vehicle{ID: sv.tx.NewID(), ContactID: contact, VIN: r.VIN, Plate: r.Plate, Make: r.Make, Model: r.Model, Mileage: r.Mileage, DeliveredOn: r.DeliveredOn}
	sv.vehicles[contact] = append(sv.vehicles[contact], v)
	sv.cars = append(sv.cars, []any{v.ID, contact, v.VIN, v.Plate, v.Make, v.Model, v.Mileage, v.DeliveredOn, at(sv.now), at(sv.now)})
	return v.ID, true, nil
}

// employee finds an advisor or mechanic by name; an unknown one becomes an
// employee without login.
func (sv *saver) employee(name, role string) string {
	if name == "" {
		return ""
	}
	folded := Fold(name)
	if id, ok := sv.employees[folded]; ok {
		return id
	}
	id := sv.tx.NewID()
	sv.employees[folded] = id
	sv.staff = append(sv.staff, []any{id, sv.dealer.ID, name, role, true, at(sv.now)})
	return id
}

// flush writes all collected rows in the order of their references.
func (sv *saver) flush(ctx context.Context) error {
	for _, part := range []struct {
		table string
		cols  []string
		rows  *[][]any
	}{
		{"employee", []string{"id", "dealer_id", "name", "roles", "active", "created_at"}, &sv.staff},
		{"contact", []string{"id", "name", "name_folded", "family", "given", "patronymic", "company", "gender", "gender_source", "birthday", "locale", "prospect", "unreachable", "deceased", "tags", "hours", "zone", "created_at", "updated_at"}, &sv.contacts},
		{"address", []string{"id", "contact_id", "channel", "value", "rank", "created_at"}, &sv.addresses},
		{"external_key", []string{"dealer_id", "source", "kind", "external_id", "object_id"}, &sv.keys},
		{"vehicle", []string{"id", "contact_id", "vin", "plate", "make", "model", "mileage", "delivered_on", "created_at", "updated_at"}, &sv.cars},
		{"visit", []string{"id", "dealer_id", "contact_id", "vehicle_id", "order_no", "source", "closed_at", "handed_over_at", "promised_at", "completed_at", "works", "total_minor", "currency",
			"advisor_id", "mechanic_id", "department", "repeat_repair", "content_hash", "created_at", "updated_at"}, &sv.visits},
		{"appointment", appointmentInsert, &sv.appointments},
		{"prospect", prospectInsert, &sv.prospects},
		{"event", eventInsert, &sv.events},
	} {
		if _, err := insert(ctx, sv.tx, part.table, part.cols, *part.rows, ""); err != nil {
			return err
		}
		*part.rows = nil
	}
	clear(sv.fresh)
	return nil
}

// Dial gives a contact an address that he himself brought, such as a Telegram
// chat opened by a deep link, first in rank on its channel.
func (t *Tx) Dial(ctx context.Context, contactID string, ch channels.Kind, value string, now time.Time) error {
	if _, err := t.ExecContext(ctx, "update address set rank = rank + 1 where contact_id = $1 and channel = $2 and value <> $3", contactID, ch, value); err != nil {
		return fmt.Errorf("adding an address: %w", err)
	}
	_, err := t.ExecContext(ctx, `insert into address (id, contact_id, channel, value, rank, created_at) values ($1, $2, $3, $4, 0, $5)
		on conflict (contact_id, channel, value) do update set rank = 0`, t.NewID(), contactID, ch, value, at(now))
	if err != nil {
		return fmt.Errorf("adding an address: %w", err)
	}
	if _, err := t.ExecContext(ctx, "update contact set unreachable = false, updated_at = $2 where id = $1", contactID, at(now)); err != nil {
		return fmt.Errorf("adding an address: %w", err)
	}
	return nil
}

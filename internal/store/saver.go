package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"otklik/channels"
)

// visit writes one visit; old holds the visits that stand under the chunk's
// orders.
func (sv *saver) visit(ctx context.Context, r *VisitRecord, hash string, old map[string]oldVisit) (SavedRecord, error) {
	was, exists := old[r.Order]
	if exists && was.same(hash) {
		return SavedRecord{Unchanged, was.id, was.contact}, nil
	}
	if exists && was.folded != Fold(r.Customer.Name) && !sameVehicle(was, r) {
		return SavedRecord{Foreign, was.id, was.contact}, nil
	}
	contact, _, err := sv.contact(ctx, r.Customer)
	if err != nil {
		return SavedRecord{}, err
	}
	vehicle, err := sv.vehicle(ctx, contact, r)
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
	return SavedRecord{Stored, id, contact}, nil
}

// happened makes the event of a visit.
func (sv *saver) happened(contact, visit string, r *VisitRecord) {
	sv.events = append(sv.events, []any{sv.tx.NewID(), sv.dealer.ID, EventVisitCompleted, contact, visit, at(r.CompletedAt), at(sv.now)})
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

func sameVehicle(was oldVisit, r *VisitRecord) bool {
	return (r.VIN != "" && r.VIN == was.vin) || (r.Plate != "" && r.Plate == was.plate)
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
	return SavedRecord{Updated, was.id, contact}, err
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
		r.Prospect, len(as) == 0, at(sv.now), at(sv.now)})
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
// already is kept: a corrected name or gender comes from a person.
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
	if sv.fresh[id] {
		return changed, nil
	}
	res, err := sv.tx.ExecContext(ctx, `update contact set
		gender = case when gender = '' then $2 else gender end, gender_source = case when gender = '' then $3 else gender_source end,
		birthday = case when birthday = '' then $4 else birthday end, locale = case when locale = '' then $5 else locale end,
		unreachable = case when $6 then false else unreachable end, updated_at = $7
		where id = $1 and ((gender = '' and $2 <> '') or (birthday = '' and $4 <> '') or (locale = '' and $5 <> '') or (unreachable and $6))`,
		id, r.Gender, r.GenderSource, r.Birthday, r.Locale, len(r.Phones)+len(r.Emails) > 0, at(sv.now))
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return changed || n > 0, err
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

// vehicle finds a contact's car by VIN, else by plate, else by model.
func (sv *saver) vehicle(ctx context.Context, contact string, r *VisitRecord) (string, error) {
	if r.VIN == "" && r.Plate == "" && r.Model == "" {
		return "", nil
	}
	for i, v := range sv.vehicles[contact] {
		same := r.VIN != "" && v.VIN == r.VIN || r.Plate != "" && v.Plate == r.Plate && (r.VIN == "" || v.VIN == "") ||
			r.VIN == "" && r.Plate == "" && v.Model == r.Model
		if !same {
			continue
		}
		if v.Mileage >= r.Mileage && (r.Plate == "" || r.Plate == v.Plate) {
			return v.ID, nil
		}
		if err := sv.flush(ctx); err != nil {
			return "", err
		}
		sv.vehicles[contact][i].Mileage = max(v.Mileage, r.Mileage)
		_, err := sv.tx.ExecContext(ctx, "update vehicle set mileage = $2, plate = case when $3 = '' then plate else $3 end, updated_at = $4 where id = $1",
			v.ID, max(v.Mileage, r.Mileage), r.Plate, at(sv.now))
		return v.ID, err
	}
	v := Vehicle{ID: sv.tx.NewID(), ContactID: contact, VIN: r.VIN, Plate: r.Plate, Model: r.Model, Mileage: r.Mileage}
	sv.vehicles[contact] = append(sv.vehicles[contact], v)
	sv.cars = append(sv.cars, []any{v.ID, contact, v.VIN, v.Plate, v.Model, v.Mileage, at(sv.now), at(sv.now)})
	return v.ID, nil
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
		{"contact", []string{"id", "name", "name_folded", "family", "given", "patronymic", "company", "gender", "gender_source", "birthday", "locale", "prospect", "unreachable", "created_at", "updated_at"}, &sv.contacts},
		{"address", []string{"id", "contact_id", "channel", "value", "rank", "created_at"}, &sv.addresses},
		{"external_key", []string{"dealer_id", "source", "kind", "external_id", "object_id"}, &sv.keys},
		{"vehicle", []string{"id", "contact_id", "vin", "plate", "model", "mileage", "created_at", "updated_at"}, &sv.cars},
		{"visit", []string{"id", "dealer_id", "contact_id", "vehicle_id", "order_no", "source", "closed_at", "handed_over_at", "promised_at", "completed_at", "works", "total_minor", "currency",
			"advisor_id", "mechanic_id", "department", "repeat_repair", "content_hash", "created_at", "updated_at"}, &sv.visits},
		{"event", []string{"id", "dealer_id", "kind", "contact_id", "visit_id", "at", "created_at"}, &sv.events},
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

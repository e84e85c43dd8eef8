package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// States of a prospect: the funnel (R105).
const (
	ProspectNew       = "new"
	ProspectContacted = "contacted"
	ProspectTestDrive = "test_drive"
	ProspectMeeting   = "meeting"
	ProspectWon       = "won"
	ProspectLost      = "lost"
)

// ProspectStates lists the states in the order of the funnel.
func ProspectStates() []string {
	return []string{ProspectNew, ProspectContacted, ProspectTestDrive, ProspectMeeting, ProspectWon, ProspectLost}
}

// Prospect is one interest of a person who may buy (R061, R062).
type Prospect struct {
	ID, DealerID, ContactID string
	// Number is its own in the dealer's system, and made here where that has none.
	Number, Source string
	// Origin is where he comes from: an advertisement, a site, a friend. ContactKind is
	// how he came: a visit, a call, an exhibition.
	Origin, ContactKind string
	// What he is interested in, in the dealer's words.
	Model, Options, Payment, TestDrive string
	Notes                              string
	ConsultantID, Consultant           string
	State, Outcome                     string
	// ContactedAt is when he was last spoken to; AgreedAt the date that was agreed
	// then, which overrides both clocks (R065).
	ContactedAt, AgreedAt time.Time
	// DueAt is when he is to be contacted next: AgreedAt, else what the clock says.
	DueAt       time.Time
	CreatedAt   time.Time
	ContactName string
}

// Open tells that he may still buy.
func (p Prospect) Open() bool { return p.State != ProspectWon && p.State != ProspectLost }

const (
	prospectCols = `p.id, p.dealer_id, p.contact_id, p.external_id, p.source, p.origin, p.contact_kind, p.model, p.options, p.payment, p.test_drive, p.notes, p.consultant_id, s.name, p.state, p.outcome,
	p.contacted_at, p.agreed_at, p.due_at, p.created_at, c.name`
	prospectFrom = "prospect p join contact c on c.id = p.contact_id left join employee s on s.id = p.consultant_id"
)

func scanProspect(r *sql.Rows) (p Prospect, err error) {
	return p, p.scan(r)
}

// scan reads prospectCols and what a statement selects beyond them.
func (p *Prospect) scan(r scanner, beyond ...any) error {
	var consultantID, consultant text
	var contacted, agreed, due, created moment
	err := r.Scan(append([]any{&p.ID, &p.DealerID, &p.ContactID, &p.Number, &p.Source, &p.Origin, &p.ContactKind, &p.Model, &p.Options, &p.Payment, &p.TestDrive, &p.Notes, &consultantID, &consultant,
		&p.State, &p.Outcome, &contacted, &agreed, &due, &created, &p.ContactName}, beyond...)...)
	p.ConsultantID, p.Consultant = string(consultantID), string(consultant)
	p.ContactedAt, p.AgreedAt, p.DueAt, p.CreatedAt = contacted.Time, agreed.Time, due.Time, created.Time
	return err
}

// Prospects reads prospects by id.
func (s *Store) Prospects(ctx context.Context, ids []string) (map[string]Prospect, error) {
	out, err := byID(ctx, s.read, ids, scanProspect, func(p Prospect) string { return p.ID }, "select "+prospectCols+" from "+prospectFrom+" where p.id in ")
	if err != nil {
		return nil, fmt.Errorf("reading prospects: %w", err)
	}
	return out, nil
}

// ProspectsOf lists what a contact is interested in, the latest contact first.
func (s *Store) ProspectsOf(ctx context.Context, contactID string) ([]Prospect, error) {
	return collect(ctx, s.read, scanProspect, "select "+prospectCols+" from "+prospectFrom+" where p.contact_id = $1 order by p.contacted_at desc, p.id desc limit 100", key(contactID))
}

// ProspectFilter is a page of a dealer's prospects in one state.
type ProspectFilter struct {
	DealerID, State string
	// ConsultantID narrows to one consultant's; "" does not.
	ConsultantID string
	// After is the cursor: the id of the last prospect of the page before.
	After string
	Limit int // 0 means 100
}

// ListProspects lists the prospects of a state, the one that is due first first.
// ErrNotFound when the cursor names none.
func (s *Store) ListProspects(ctx context.Context, f ProspectFilter) ([]Prospect, error) {
	where, args := " where p.dealer_id = $1 and p.state = $2", []any{key(f.DealerID), f.State}
	if f.ConsultantID != "" {
		args = append(args, key(f.ConsultantID))
		where += fmt.Sprintf(" and p.consultant_id = $%d", len(args))
	}
	if f.After != "" {
		last, err := one(ctx, s.read, func(r *sql.Rows) (m moment, err error) { return m, r.Scan(&m) }, "select due_at from prospect where id = $1", key(f.After))
		if err != nil {
			return nil, fmt.Errorf("the prospect of the cursor: %w", err)
		}
		where += fmt.Sprintf(" and (p.due_at, p.id) > ($%d, $%d)", len(args)+1, len(args)+2)
		args = append(args, last, key(f.After))
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	args = append(args, f.Limit)
	return collect(ctx, s.read, scanProspect, "select "+prospectCols+" from "+prospectFrom+where+fmt.Sprintf(" order by p.due_at, p.id limit $%d", len(args)), args...)
}

// ProspectCount is how many prospects of a state there are, and how many of them are
// due.
type ProspectCount struct{ All, Due int }

// ProspectCounts counts a dealer's prospects by state; one consultant's where
// consultantID is not "".
func (s *Store) ProspectCounts(ctx context.Context, dealerID, consultantID string, now time.Time) (map[string]ProspectCount, error) {
	type row struct {
		state string
		n     ProspectCount
	}
	where, args := "", []any{key(dealerID), at(now)}
	if consultantID != "" {
		where, args = " and consultant_id = $3", append(args, key(consultantID))
	}
	rows, err := collect(ctx, s.read, func(r *sql.Rows) (x row, err error) { return x, r.Scan(&x.state, &x.n.All, &x.n.Due) },
		"select state, count(*), sum(case when due_at <= $2 then 1 else 0 end) from prospect where dealer_id = $1"+where+" group by state", args...)
	if err != nil {
		return nil, fmt.Errorf("counting prospects: %w", err)
	}
	out := make(map[string]ProspectCount, len(rows))
	for _, x := range rows {
		out[x.state] = x.n
	}
	return out, nil
}

// Prospect reads and locks one.
func (t *Tx) Prospect(ctx context.Context, id string) (Prospect, error) {
	if _, err := one(ctx, t, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }, "select id from prospect where id = $1"+t.s.dialect.forUpdate, key(id)); err != nil {
		return Prospect{}, err
	}
	return one(ctx, t, scanProspect, "select "+prospectCols+" from "+prospectFrom+" where p.id = $1", key(id))
}

// SaveProspect writes what a contact with a prospect has changed, was being how it was
// read, and the events that follow: clocks begin anew with each contact (R063), an
// agreed date overrides them (R065). DueAt is the caller's to set.
func (t *Tx) SaveProspect(ctx context.Context, was, p Prospect, now time.Time) error {
	return t.changeProspect(ctx, was, p, "", now)
}

// changeProspect is SaveProspect; mark is what the dealer's system told, "" for
// nothing new.
func (t *Tx) changeProspect(ctx context.Context, was, p Prospect, mark string, now time.Time) error {
	if _, err := t.ExecContext(ctx, `update prospect set contact_id = $2, origin = $3, contact_kind = $4, model = $5, options = $6, payment = $7, test_drive = $8, notes = $9, consultant_id = $10, state = $11, outcome = $12,
		contacted_at = $13, agreed_at = $14, due_at = $15, updated_at = $16, content_hash = case when $17 = '' then content_hash else $17 end where id = $1`,
		p.ID, p.ContactID, p.Origin, p.ContactKind, p.Model, p.Options, p.Payment, p.TestDrive, p.Notes, opt(p.ConsultantID), p.State, p.Outcome,
		at(p.ContactedAt), at(p.AgreedAt), at(p.DueAt), at(now), mark); err != nil {
		return fmt.Errorf("saving a prospect: %w", err)
	}
	kind := prospectChange(&was, p)
	if kind != "" {
		if err := t.AddEvent(ctx, prospectEvent(kind, p, now), now); err != nil {
			return err
		}
	}
	return t.notHis(ctx, p.ID, was.ContactID, p.ContactID, now)
}

// prospectChange is the kind of event that a change makes, "" for none.
func prospectChange(was *Prospect, p Prospect) string {
	switch {
	case !p.Open():
		if was != nil && was.Open() {
			return EventProspectClosed
		}
		return ""
	case was == nil, !was.Open(), !was.ContactedAt.Equal(p.ContactedAt), !was.AgreedAt.Equal(p.AgreedAt), was.ContactID != p.ContactID:
		if p.AgreedAt.After(p.ContactedAt) {
			return EventProspectAgreed
		}
		return EventProspectContacted
	}
	return ""
}

func prospectEvent(kind string, p Prospect, now time.Time) Event {
	e := Event{DealerID: p.DealerID, Kind: kind, ContactID: p.ContactID, SubjectID: p.ID, At: p.ContactedAt}
	switch kind {
	case EventProspectClosed:
		e.At = now
	case EventProspectAgreed:
		e.At = p.AgreedAt
	}
	return e
}

// ProspectRecord is a prospect as a dealer system or the API tells of him.
type ProspectRecord struct {
	// Number is its own; without one an open interest of the same customer in the same
	// model is known again.
	Number, Origin, ContactKind               string
	Model, Options, Payment, TestDrive, Notes string
	Consultant                                string
	// State is one of the states of a prospect, "" where the system does not tell.
	State, Outcome        string
	ContactedAt, AgreedAt time.Time
	Customer              ContactRecord
	// DueAt is when the next contact is due where no date was agreed (R063).
	DueAt time.Time `json:"-"`
}

var prospectInsert = []string{"id", "dealer_id", "contact_id", "external_id", "source", "origin", "contact_kind", "model", "options", "payment", "test_drive", "notes", "consultant_id", "state", "outcome",
	"contacted_at", "agreed_at", "due_at", "content_hash", "created_at", "updated_at"}

// SaveProspects writes prospects in the transaction, and an event for each that is
// new, was contacted or is closed. Records should not exceed SaveChunk.
func (t *Tx) SaveProspects(ctx context.Context, d Dealer, rs []ProspectRecord, now time.Time) ([]SavedRecord, error) {
	people, numbers := make([]ContactRecord, len(rs)), make([]string, len(rs))
	for i := range rs {
		people[i], numbers[i] = rs[i].Customer, rs[i].Number
		people[i].Prospect = true
	}
	sv, err := t.saving(ctx, d, people, now)
	if err != nil {
		return nil, err
	}
	old, err := t.prospectsByNumber(ctx, d.ID, numbers)
	if err != nil {
		return nil, err
	}
	out := make([]SavedRecord, len(rs))
	for i := range rs {
		if out[i], err = sv.prospect(ctx, &rs[i], people[i], old); err != nil {
			return nil, fmt.Errorf("saving prospect %s: %w", rs[i].Number, err)
		}
	}
	return out, sv.flush(ctx)
}

type oldProspect struct {
	Prospect
	oldVisit
}

func scanOldProspect(r *sql.Rows) (x oldProspect, err error) {
	err = x.Prospect.scan(r, &x.hash, &x.folded, &x.erased)
	return x, err
}

const oldProspectCols = prospectCols + ", p.content_hash, c.name_folded, c.erased_at is not null"

func (t *Tx) prospectsByNumber(ctx context.Context, dealerID string, numbers []string) (map[string]oldProspect, error) {
	rows, err := collect(ctx, t, scanOldProspect, t.s.dialect.forEach(oldProspectCols, prospectFrom, "p.dealer_id = $1 and p.source = $2 and ", "p.external_id", "text", 3), dealerID, SourceDMS, t.s.dialect.set(numbers))
	if err != nil {
		return nil, fmt.Errorf("looking up prospects: %w", err)
	}
	out := make(map[string]oldProspect, len(rows))
	for _, x := range rows {
		out[x.Number] = x
	}
	return out, nil
}

// prospect writes one; old are those that stand under the chunk's numbers.
func (sv *saver) prospect(ctx context.Context, r *ProspectRecord, person ContactRecord, old map[string]oldProspect) (SavedRecord, error) {
	mark := fingerprint(r)
	was, exists := old[r.Number]
	exists = exists && r.Number != ""
	if exists {
		if was.same(mark) {
			return SavedRecord{Saved: Unchanged, SubjectID: was.ID, ContactID: was.ContactID}, nil
		}
		if sv.find(person, Fold(person.Name)) != was.ContactID && was.folded != Fold(person.Name) {
			return SavedRecord{Saved: Foreign, SubjectID: was.ID, ContactID: was.ContactID}, nil
		}
	}
	contact, _, err := sv.contact(ctx, person)
	if err != nil {
		return SavedRecord{}, err
	}
	if r.Number == "" {
		if was, exists, err = sv.prospectLike(ctx, contact, r.Model); err != nil {
			return SavedRecord{}, err
		}
		if exists && was.same(mark) {
			return SavedRecord{Saved: Unchanged, SubjectID: was.ID, ContactID: was.ContactID}, nil
		}
	}
	p := sv.interested(r, was.Prospect, exists)
	p.ContactID, p.Number = contact, cmp.Or(r.Number, p.Number, p.ID)
	old[p.Number] = oldProspect{p, oldVisit{hash: mark, folded: Fold(person.Name)}}
	if exists {
		if err := sv.flush(ctx); err != nil {
			return SavedRecord{}, err
		}
		return SavedRecord{Saved: Updated, SubjectID: p.ID, ContactID: contact}, sv.tx.changeProspect(ctx, was.Prospect, p, mark, sv.now)
	}
	sv.prospects = append(sv.prospects, []any{p.ID, p.DealerID, contact, p.Number, SourceDMS, p.Origin, p.ContactKind, p.Model, p.Options, p.Payment, p.TestDrive, p.Notes, opt(p.ConsultantID), p.State, p.Outcome,
		at(p.ContactedAt), at(p.AgreedAt), at(p.DueAt), mark, at(sv.now), at(sv.now)})
	if kind := prospectChange(nil, p); kind != "" {
		sv.events = append(sv.events, sv.tx.eventRow(prospectEvent(kind, p, sv.now), sv.now))
	}
	if r.Number == "" {
		sv.like[contact] = p.ID
	}
	return SavedRecord{Saved: Stored, SubjectID: p.ID, ContactID: contact}, nil
}

// interested is what a record makes of a prospect: what it does not tell stays, and so
// does a contact that was later than the one it tells of.
func (sv *saver) interested(r *ProspectRecord, was Prospect, exists bool) Prospect {
	p := was
	if !exists {
		p = Prospect{ID: sv.tx.NewID(), DealerID: sv.dealer.ID, State: ProspectNew, CreatedAt: sv.now}
	}
	for _, x := range []struct {
		to   *string
		from string
	}{{&p.Origin, r.Origin}, {&p.ContactKind, r.ContactKind}, {&p.Model, r.Model}, {&p.Options, r.Options}, {&p.Payment, r.Payment}, {&p.TestDrive, r.TestDrive},
		{&p.Notes, r.Notes}, {&p.State, r.State}, {&p.Outcome, r.Outcome}} {
		*x.to = cmp.Or(x.from, *x.to)
	}
	if r.Consultant != "" {
		p.ConsultantID = sv.employee(r.Consultant, RoleConsultant)
	}
	if r.ContactedAt.After(p.ContactedAt) {
		p.ContactedAt, p.AgreedAt, p.DueAt = r.ContactedAt, time.Time{}, r.DueAt
	}
	if !r.AgreedAt.IsZero() {
		p.AgreedAt = r.AgreedAt
	}
	if !p.AgreedAt.IsZero() {
		p.DueAt = p.AgreedAt
	}
	if p.DueAt.IsZero() {
		p.DueAt = p.ContactedAt
	}
	return p
}

// prospectLike finds the open interest of a contact that a record without a number
// means: the one in the same model, where both name one.
func (sv *saver) prospectLike(ctx context.Context, contact, model string) (oldProspect, bool, error) {
	if sv.like[contact] != "" {
		if err := sv.flush(ctx); err != nil {
			return oldProspect{}, false, err
		}
	}
	if sv.fresh[contact] {
		return oldProspect{}, false, nil
	}
	x, err := one(ctx, sv.tx, scanOldProspect, "select "+oldProspectCols+" from "+prospectFrom+` where p.contact_id = $1 and p.dealer_id = $2 and p.external_id = cast(p.id as text)
		and p.state not in ('won', 'lost') and (p.model = '' or $3 = '' or p.model = $3) order by p.model = $3 desc, p.id desc limit 1`, contact, sv.dealer.ID, model)
	if errors.Is(err, ErrNotFound) {
		return x, false, nil
	}
	return x, err == nil, err
}

package app

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"otklik/internal/calendar"
	"otklik/internal/intake"
	"otklik/internal/store"
)

// ImportOptions say what the files hold and where they go.
type ImportOptions struct {
	Kind           intake.Kind
	Dealer         store.Dealer
	Region, Locale string
	DryRun         bool
	// Problem is told of each refusal and warning, in file order.
	Problem func(file string, p intake.Problem)
}

// ImportCounts is the last line of an import. Read is the sum of the others.
type ImportCounts struct {
	Read, Stored, Updated, Unchanged, Refused int
}

// Add sums counts of several files.
func (c *ImportCounts) Add(b ImportCounts) {
	c.Read += b.Read
	c.Stored += b.Stored
	c.Updated += b.Updated
	c.Unchanged += b.Unchanged
	c.Refused += b.Refused
}

// Importer brings exports into the store. Calendar tells working days.
type Importer struct {
	Store    *store.Store
	Now      func() time.Time
	Calendar *calendar.Book
	// Closed are the days on which a dealer is closed; nil for none.
	Closed func(dealerID string) calendar.Closures
}

func (im *Importer) closed(dealerID string) calendar.Closures {
	if im.Closed == nil {
		return nil
	}
	return im.Closed(dealerID)
}

// Importer brings exports into this process's store.
func (a *App) Importer() *Importer {
	return &Importer{Store: a.store, Now: a.clock.Business, Calendar: a.calendar, Closed: a.closures}
}

// errRollback ends a dry run's transaction.
var errRollback = fmt.Errorf("dry run")

// Import reads one file and stores its records in chunks. Refused rows are counted,
// told of, and left in the returned file for its WriteRefused. The error is for a
// file that could not be read, or a database that failed.
func (im *Importer) Import(ctx context.Context, name string, r io.Reader, o ImportOptions) (*intake.File, ImportCounts, error) {
	locale := o.Locale
	if locale == "" {
		locale = o.Dealer.Locale
	}
	f, err := intake.Read(ctx, name, r, intake.Options{Kind: o.Kind, Region: o.Region, Country: o.Dealer.Country, Locale: locale, Zone: o.Dealer.Location(), Now: im.Now()})
	if err != nil {
		return nil, ImportCounts{}, err
	}
	run := &importRun{im: im, o: o, f: f}
	// Join marks what it refuses in f.Rows, and so does everything below.
	run.rows = f.Rows
	if o.Kind == intake.Visits {
		run.rows = intake.Join(f.Rows)
	}
	if err := run.all(ctx); err != nil {
		return f, run.counts, err
	}
	for _, row := range f.Rows {
		for _, p := range row.Problems {
			o.Problem(name, p)
		}
		run.counts.Read++
		if row.Refused() {
			run.counts.Refused++
		}
	}
	return f, run.counts, nil
}

// importRun is one file on its way.
type importRun struct {
	im     *Importer
	o      ImportOptions
	f      *intake.File
	rows   []intake.Row
	counts ImportCounts
}

func (r *importRun) all(ctx context.Context) error {
	var chunk []int
	for i, row := range r.rows {
		if row.Refused() {
			continue
		}
		if d := row.Record.Dealer; d != "" && !strings.EqualFold(d, r.o.Dealer.Code) && !strings.EqualFold(d, r.o.Dealer.Name) {
			r.f.Refuse(row, "dealer", "unknown_dealer", "this dealer is not known, or not the one that is imported for")
			continue
		}
		chunk = append(chunk, i)
		if len(chunk) == store.SaveChunk {
			if err := r.save(ctx, chunk); err != nil {
				return err
			}
			chunk = chunk[:0]
		}
	}
	return r.save(ctx, chunk)
}

// save stores one chunk in one transaction; a dry run takes it back.
func (r *importRun) save(ctx context.Context, chunk []int) error {
	if len(chunk) == 0 {
		return nil
	}
	var saved []store.SavedRecord
	err := r.im.Store.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
		var err error
		if saved, err = r.write(ctx, tx, chunk); err != nil {
			return err
		}
		if r.o.DryRun {
			return errRollback
		}
		return nil
	})
	if err != nil && err != errRollback { //nolint:errorlint // our own sentinel, returned bare
		return fmt.Errorf("storing lines %d to %d: %w", r.rows[chunk[0]].Line, r.rows[chunk[len(chunk)-1]].Line, err)
	}
	for i, s := range saved {
		r.count(r.rows[chunk[i]], s.Saved)
		r.consentFate(r.rows[chunk[i]], s.Consent)
	}
	return nil
}

// consentFate says why what a file tells of advertising was not taken.
func (r *importRun) consentFate(row intake.Row, fate store.ConsentFate) {
	switch fate {
	case store.ConsentOptedOut:
		r.f.Warn(row, row.Record.Customer.Consent.Column, intake.CodeOptedOut, "the customer has refused advertising himself; a file does not take that back")
	case store.ConsentWithdrawn:
		r.f.Warn(row, row.Record.Customer.Consent.Column, intake.CodeWithdrawn, "an import has said \"no\" for this day or a later one; the consent is not taken")
	case store.ConsentUndated:
		r.f.Warn(row, row.Record.Customer.Consent.Column, intake.CodeNoDate, "a \"no\" without its date does not withdraw the consent that is recorded")
	}
}

// count adds a record's lines to the sums. Of several lines of one order the first
// has the record's fate; a further one repeats it, or changes the order it joined.
func (r *importRun) count(row intake.Row, fate store.Saved) {
	joined := len(row.Joined)
	switch fate {
	case store.Stored:
		r.counts.Stored++
	case store.Updated:
		r.counts.Updated++
	case store.Unchanged:
		r.counts.Unchanged += 1 + joined
		return
	default:
		r.f.Refuse(row, "order", intake.CodeDuplicate, "duplicate order number with different content: another customer and vehicle")
		return
	}
	for _, j := range row.Joined {
		if slices.Equal(j.Raw, row.Raw) {
			r.counts.Unchanged++
		} else {
			r.counts.Updated++
		}
	}
}

func (r *importRun) write(ctx context.Context, tx *store.Tx, chunk []int) ([]store.SavedRecord, error) {
	now, d := r.im.Now(), r.o.Dealer
	switch r.o.Kind {
	case intake.Visits:
		return tx.SaveVisits(ctx, d, records(r, chunk, r.visit), now)
	case intake.Deliveries:
		return tx.SaveDeliveries(ctx, d, records(r, chunk, r.delivery), now)
	case intake.Appointments:
		return tx.SaveAppointments(ctx, d, records(r, chunk, r.appointment), now)
	case intake.Prospects:
		return tx.SaveProspects(ctx, d, records(r, chunk, r.prospect), now)
	default:
		return tx.SaveCustomers(ctx, d, records(r, chunk, r.customer), now)
	}
}

// records are a chunk's rows as the store takes them.
func records[T any](r *importRun, chunk []int, of func(*intake.Record) T) []T {
	out := make([]T, len(chunk))
	for i, k := range chunk {
		out[i] = of(r.rows[k].Record)
	}
	return out
}

func (r *importRun) person(c intake.Customer) store.ContactRecord {
	locale := c.Locale
	if locale == "" {
		locale = r.o.Locale
	}
	return store.ContactRecord{ExternalID: c.ExternalID, Name: c.Name, Family: c.Family, Given: c.Given, Patronymic: c.Patronymic, Company: c.Company, Gender: c.Gender, GenderSource: c.GenderSource,
		Birthday: c.Birthday, Locale: locale, Phones: c.Phones, Emails: c.Emails, Tags: c.Tags, Deceased: c.Deceased, Hours: c.Hours, Zone: c.Zone, ZoneTold: c.ZoneTold}
}

func car(v intake.Vehicle) store.CarRecord {
	return store.CarRecord{VIN: v.VIN, Plate: v.Plate, Make: v.Make, Model: v.Model, Mileage: v.Mileage, DeliveredOn: v.DeliveredOn}
}

func (r *importRun) visit(x *intake.Record) store.VisitRecord {
	v := store.VisitRecord{Order: x.Order, ClosedAt: x.ClosedAt, HandedOverAt: x.HandedOverAt, PromisedAt: x.PromisedAt, CompletedAt: x.Clock(), Works: x.Works,
		Advisor: x.Advisor, Mechanic: x.Mechanic, Department: x.Department, Repeat: x.Repeat, Customer: r.person(x.Customer),
		VIN: x.Vehicle.VIN, Plate: x.Vehicle.Plate, Make: x.Vehicle.Make, Model: x.Vehicle.Model, Mileage: x.Vehicle.Mileage, DeliveredOn: x.Vehicle.DeliveredOn}
	if x.Total.Valid {
		v.TotalMinor, v.Currency = x.Total.Minor, x.Total.Currency
	}
	return v
}

func (r *importRun) customer(x *intake.Record) store.CustomerRecord {
	c := store.CustomerRecord{ContactRecord: r.person(x.Customer), Car: car(x.Vehicle)}
	if w := x.Customer.Consent; w != nil {
		c.Consent = &store.AdConsent{Given: w.Given, At: w.At, Source: w.Source}
	}
	return c
}

// delivery takes the day of the hand-over, not what the file says of the sale.
func (r *importRun) delivery(x *intake.Record) store.DeliveryRecord {
	v := car(x.Vehicle)
	v.DeliveredOn = x.Clock().In(r.o.Dealer.Location()).Format(time.DateOnly)
	return store.DeliveryRecord{Number: x.Order, HandedOverAt: x.Clock(), Consultant: x.Advisor, Customer: r.person(x.Customer), Car: v}
}

func (r *importRun) appointment(x *intake.Record) store.AppointmentRecord {
	return store.AppointmentRecord{Number: x.Order, State: x.State, StartsAt: x.StartsAt, RequestedAt: x.OpenedAt, PromisedAt: x.PromisedAt, Advisor: x.Advisor, Department: x.Department, Works: x.Works, Request: x.Request,
		Attention: x.Attention, AttentionReason: x.AttentionReason, Warranty: x.Warranty, Immobile: x.Immobile, AgreedOther: x.AgreedOther, Customer: r.person(x.Customer), Car: car(x.Vehicle)}
}

func (r *importRun) prospect(x *intake.Record) store.ProspectRecord {
	return store.ProspectRecord{Number: x.Order, Origin: x.Interest["source"], ContactKind: x.Interest["contact_kind"], Model: x.Interest["model"], Options: x.Interest["options"], Payment: x.Interest["payment"],
		TestDrive: x.Interest["test_drive"], Notes: x.Notes, Consultant: x.Advisor, State: x.State, Outcome: x.Outcome, ContactedAt: x.OpenedAt, AgreedAt: x.AgreedAt,
		DueAt: NextContact(r.im.Calendar, r.im.closed(r.o.Dealer.ID), r.o.Dealer, x.OpenedAt), Customer: r.person(x.Customer)}
}

// nextContactWithin is in how many working days a prospect is contacted again (R063).
const nextContactWithin = 7

// NextContact is when a prospect is to be contacted again who was last contacted at a
// moment, where no date was agreed: at the same hour on the seventh working day after
// it, at the dealer's, days not counted on which he is closed.
func NextContact(b *calendar.Book, closed calendar.Closures, d store.Dealer, contacted time.Time) time.Time {
	zone := d.Location()
	l := contacted.In(zone)
	day := b.AddWorking(d.Country, calendar.Of(contacted, zone), nextContactWithin, closed)
	return time.Date(day.Year, day.Month, day.Day, l.Hour(), l.Minute(), l.Second(), 0, zone).UTC()
}

func (a *App) nextContact(d store.Dealer, contacted time.Time) time.Time {
	return NextContact(a.calendar, a.closures(d.ID), d, contacted)
}

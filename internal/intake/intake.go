// Package intake turns a dealer system's export (1C, DMS, CRM; CSV or XLSX) into records with row errors.
//
// It owns the reading: encoding, delimiter, header by meaning, dates, money, names, phones, and the file of refused
// rows. It never touches the database or the network and never decides what is new or changed: the import command
// gives it a file and passes the records to the store.
package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Kind says what a data row of the file is. One file holds one kind.
type Kind string

// The kinds of `otklik import --kind`.
const (
	Customers    Kind = "customers"
	Visits       Kind = "visits"
	Deliveries   Kind = "deliveries"
	Appointments Kind = "appointments"
	Prospects    Kind = "prospects"
)

var (
	// ErrEmpty: the file holds no character but blanks.
	ErrEmpty = errors.New("file is empty")
	// ErrEncoding: the bytes are no text in an encoding that is read, nor a workbook.
	ErrEncoding = errors.New("unknown encoding")
	// ErrTooLarge: the file is larger than maxFile, or a line of it is longer than any row of a table.
	ErrTooLarge = errors.New("file too large")
	// ErrHeader: no line names the columns that this kind needs; the text says what was looked for and found.
	ErrHeader = errors.New("header not found")
	// ErrMapping: Options.Mapping names a field that does not exist.
	ErrMapping = errors.New("unknown field in the mapping")
	// ErrKind: Options.Kind is none of the five.
	ErrKind = errors.New("unknown kind of file")
)

// Options is what is known about a file before it is read.
type Options struct {
	Kind    Kind
	Region  string            // country of national phone numbers, ISO 3166 alpha-2; "" = decide
	Country string            // the dealer's country, ISO 3166 alpha-2
	Locale  string            // ru, en or zh: breaks ties, and is the customer's locale where no column tells it
	Zone    *time.Location    // zone of times without an offset; nil = UTC
	Now     time.Time         // decides two-digit years and what is impossibly far ahead; zero = no such decision
	Mapping map[string]string // header → field (see FieldNames), overrides what is understood; optional
}

// File is an export as it was understood.
type File struct {
	Name          string
	Encoding      string // utf-8, utf-8-bom, utf-16le, utf-16be, windows-1251, windows-1252, koi8-r, cp866, gb18030, xlsx
	Delimiter     string // of CSV; "" for a workbook
	Sheet         string // of a workbook; "" for CSV
	HeaderLine    int
	Header        []string
	Fields        map[string]string // header → field understood; a header that is not in it is not used
	Region        string            // country in which national numbers were read
	RegionGuessed bool              // Region was told from the numbers, against or without the dealer's country
	Rows          []Row             // every data row in file order, good and refused

	crlf bool
	iso  []bool // columns whose day and month were read against the locale's order
	opts Options
	skip int // index of a former otklik_error column, -1 = none
}

// Row is one data row: a line of the file, or the lines of one order after Join.
type Row struct {
	Line     int // physical line where the row starts, or row of the sheet; from 1
	Record   *Record
	Problems []Problem
	Raw      []string // cells as read, in the header's order
	Joined   []Row    // further lines of the same order that Join put into Record

	order string // key of a refused row's order, "" when it has none
}

// Refused says that the row gave no record.
func (r Row) Refused() bool { return r.Record == nil }

// Problem is one thing wrong with one row, for the person who mends the file.
type Problem struct {
	Line    int
	Column  string // header of the column, or the meaning where the file has no such column
	Reason  string // short sentence in English; never repeats a phone number or an address
	Refused bool   // false = warning, the row was kept
	Code    string // stable id of the reason, see the Code constants
}

// The stable ids of reasons.
const (
	CodeNoOrder    = "no_order"
	CodeNoCustomer = "no_customer"
	CodeNoVehicle  = "no_vehicle"
	CodeNoDate     = "no_date"
	CodeBadDate    = "bad_date"
	CodeBadPhone   = "bad_phone"
	CodeBadEmail   = "bad_email"
	CodeNoAddress  = "no_address"
	CodeBadMoney   = "bad_money"
	CodeBadNumber  = "bad_number"
	CodeBadWord    = "bad_word"
	CodeShifted    = "shifted"
	CodeDuplicate  = "duplicate_order"
	CodeSameOrder  = "same_order_refused"
	CodeNoProof    = "no_proof"
	CodeOptedOut   = "opted_out"
	CodeWithdrawn  = "consent_withdrawn"
)

// Text is the line for standard error: FILE:LINE: column: reason.
func (p Problem) Text(file string) string {
	return fmt.Sprintf("%s:%d: %s: %s", file, p.Line, p.Column, p.Reason)
}

// Record is one usable row.
type Record struct {
	Order        string // order, contract, appointment or inquiry number; never "" for visits
	Dealer       string // dealer code as written, "" where the file has no such column
	ClosedAt     time.Time
	HandedOverAt time.Time
	PromisedAt   time.Time
	OpenedAt     time.Time // visits: order opened; appointments: booked; prospects: contacted
	StartsAt     time.Time // appointments
	Works        []string
	Total        Money
	Advisor      string // as written
	Mechanic     string // as written
	Department   string // as written
	Repeat       bool   // repeat repair
	State        string // appointments: booked, arrived, missed, canceled; prospects: new, contacted, test_drive, meeting, won, lost; or "" where no column tells it
	Outcome      string // prospects: what the status column says of won and lost, as written
	// Appointments.
	Attention          bool
	AttentionReason    string // as written, "" for a mere flag
	Request            string // the customer's key request, as written
	Warranty, Immobile bool
	AgreedOther        bool // the customer agreed to another term
	// Prospects.
	AgreedAt time.Time // the next contact that was agreed
	Notes    string
	Customer Customer
	Vehicle  Vehicle
	Interest map[string]string // prospects: model, options, payment, test_drive, contact_kind, source; nil when none
}

// Clock is the moment from which the kind's programs count, in UTC: of visits and deliveries the hand-over, else the
// closing; of appointments the start; of prospects the contact. Zero for customers.
func (r *Record) Clock() time.Time {
	for _, t := range []time.Time{r.StartsAt, r.HandedOverAt, r.ClosedAt, r.OpenedAt} {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// Money is an amount in the currency's minor unit; Valid is false when the cell was empty or no amount.
type Money struct {
	Minor    int64
	Currency string // ISO 4217
	Valid    bool
}

// Customer is a person or a company as the export names it.
type Customer struct {
	ExternalID                string
	Name                      string // as to be shown
	Family, Given, Patronymic string // Given and Patronymic may be initials with a dot
	Company                   bool
	CompanyName               string
	Gender                    string // male, female or ""
	GenderSource              string // data, patronymic or ""; nothing else ever tells the gender (design.md, invariant 14)
	Birthday                  string // YYYY-MM-DD, --MM-DD without year, or ""
	Locale                    string
	Tags                      []string // the dealer's own words
	Hours                     string   // in which he wants to be written to: "11:00-19:00", "11:00-", "-19:00" or ""
	Zone                      string   // IANA time zone where he lives, "" where nothing tells
	ZoneTold                  bool     // a column tells the zone, not a number
	Deceased                  bool
	Consent                   *Consent // to advertising; nil where nothing usable is said
	Phones, Emails            []string // E.164; lower-case bare addresses; without duplicates, in the file's order
}

// Vehicle is what the export says about the car.
type Vehicle struct {
	VIN, Plate  string
	Make, Model string // Model has the make in it
	Mileage     int    // as written, no unit known
	DeliveredOn string // YYYY-MM-DD on which the customer got it, or ""
}

// maxFile bounds an export in bytes: a million visits with room to spare. It is held in memory.
const maxFile = 512 << 20

// Read reads one export. Rows that cannot be used are in File.Rows with the reason; the error says that the file as a
// whole cannot be read, does not repeat its name, and wraps ErrEmpty, ErrEncoding, ErrTooLarge, ErrHeader, ErrMapping, ErrKind, the reader's or ctx's error.
func Read(ctx context.Context, name string, r io.Reader, o Options) (*File, error) {
	switch o.Kind {
	case Customers, Visits, Deliveries, Appointments, Prospects:
	default:
		return nil, fmt.Errorf("%w: %q", ErrKind, o.Kind)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%w: more than %d MB; split it", ErrTooLarge, maxFile>>20)
	}
	f := &File{Name: name, opts: o, skip: -1}
	t, err := f.table(data)
	if err != nil {
		return nil, err
	}
	rd := newReader(f, t)
	if err := rd.rows(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

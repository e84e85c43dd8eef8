package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"otklik/channels"
)

// Dealer is one rooftop.
type Dealer struct {
	ID, Code, Name, Phone, Address string
	// Zone is an IANA name, Country ISO 3166-1 alpha-2, Locale a language tag.
	Zone, Country, Locale string
	Demo                  bool
	// location is the zone, looked up; dealers that were read have it, because Go reads
	// a file each time.
	location *time.Location
}

// Location is the dealer's zone; UTC when the name is unknown (config refuses
// such a name before it gets here).
func (d Dealer) Location() *time.Location {
	if d.location != nil {
		return d.location
	}
	if l, err := time.LoadLocation(d.Zone); err == nil {
		return l
	}
	return time.UTC
}

const dealerCols = "id, code, name, phone, address, zone, country, locale, demo"

func scanDealer(r *sql.Rows) (d Dealer, err error) {
	err = r.Scan(&d.ID, &d.Code, &d.Name, &d.Phone, &d.Address, &d.Zone, &d.Country, &d.Locale, &d.Demo)
	d.location = d.Location()
	return d, err
}

// Dealers lists all rooftops by code.
func (s *Store) Dealers(ctx context.Context) ([]Dealer, error) {
	return collect(ctx, s.read, scanDealer, "select "+dealerCols+" from dealer order by code")
}

// SaveDealer inserts or updates a rooftop by its code and returns it with its id.
func (s *Store) SaveDealer(ctx context.Context, d Dealer, now time.Time) (Dealer, error) {
	var saved Dealer
	err := s.Tx(ctx, RankBulk, func(tx *Tx) (err error) {
		saved, err = one(ctx, tx, scanDealer, `insert into dealer (id, code, name, phone, address, zone, country, locale, demo, created_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			on conflict (code) do update set name = excluded.name, phone = excluded.phone, address = excluded.address,
				zone = excluded.zone, country = excluded.country, locale = excluded.locale
			returning `+dealerCols, s.newID(), d.Code, d.Name, d.Phone, d.Address, d.Zone, d.Country, d.Locale, d.Demo, at(now))
		return err
	})
	if err != nil {
		return Dealer{}, fmt.Errorf("saving dealer %s: %w", d.Code, err)
	}
	return saved, nil
}

// Sender is a number, bot or mailbox that a dealer sends from; its queue is a lane.
type Sender struct {
	ID, DealerID string
	Channel      channels.Kind
	Address      string
	// PausedReason is not empty while the sender is suspended.
	PausedReason string
	PausedAt     time.Time
}

func scanSender(r *sql.Rows) (x Sender, err error) {
	var paused moment
	err = r.Scan(&x.ID, &x.DealerID, &x.Channel, &x.Address, &paused, &x.PausedReason)
	x.PausedAt = paused.Time
	return x, err
}

// Senders lists all senders.
func (s *Store) Senders(ctx context.Context) ([]Sender, error) {
	return collect(ctx, s.read, scanSender, "select id, dealer_id, channel, address, paused_at, paused_reason from sender order by channel, address, id")
}

// SaveSender records that a dealer sends from an address.
func (s *Store) SaveSender(ctx context.Context, x Sender, now time.Time) error {
	_, err := s.exec(ctx, RankBulk, `insert into sender (id, dealer_id, channel, address, created_at) values ($1, $2, $3, $4, $5)
		on conflict (channel, address, dealer_id) do nothing`, s.newID(), x.DealerID, x.Channel, x.Address, at(now))
	if err != nil {
		return fmt.Errorf("saving a sender: %w", err)
	}
	return nil
}

// PauseSender notes that the provider refuses an address, or with address "" all of a
// channel: they share an account. The first call of a pause returns true, so that one
// alert goes out. now is business time.
func (s *Store) PauseSender(ctx context.Context, ch channels.Kind, address, reason string, now time.Time) (bool, error) {
	n, err := s.exec(ctx, RankRecord, "update sender set paused_at = $3, paused_reason = $4 where channel = $1 and ($2 = '' or address = $2) and paused_at is null",
		ch, address, at(now), reason)
	return n > 0, err
}

// LiftSender notes that an address can send again, and with it those that were paused by
// the same refusal. One that has been refused for a reason of its own stays paused.
func (s *Store) LiftSender(ctx context.Context, ch channels.Kind, address string) error {
	_, err := s.exec(ctx, RankRecord, `update sender set paused_at = null, paused_reason = '' where channel = $1 and (paused_at, paused_reason) in
		(select x.paused_at, x.paused_reason from sender x where x.channel = $1 and x.address = $2 and x.paused_at is not null)`, ch, address)
	return err
}

// Employee is a person on the dealer's side. Without a login he cannot enter the
// console: advisors and mechanics come from exports.
type Employee struct {
	ID, DealerID, Name, Login, PasswordHash string
	Roles                                   []string
	Department, Locale                      string
	Active                                  bool
}

// Roles (requirements.md 1.6).
const (
	RoleOperator   = "operator"
	RoleManager    = "service_manager"
	RoleEngineer   = "workshop_engineer"
	RoleBodyshop   = "bodyshop_master"
	RoleAdvisor    = "service_advisor"
	RoleConsultant = "sales_consultant"
	RoleMarketer   = "marketer"
	RoleAdmin      = "admin"
)

// Roles lists every role.
func Roles() []string {
	return []string{RoleOperator, RoleManager, RoleEngineer, RoleBodyshop, RoleAdvisor, RoleConsultant, RoleMarketer, RoleAdmin}
}

// Has tells whether the employee has one of the roles; an admin has all.
func (e Employee) Has(roles ...string) bool {
	return slices.ContainsFunc(e.Roles, func(r string) bool { return r == RoleAdmin || slices.Contains(roles, r) })
}

const employeeCols = "id, dealer_id, name, login, password_hash, roles, department, locale, active"

func scanEmployee(r scanner) (e Employee, err error) {
	var dealer, login text
	var roles string
	err = r.Scan(&e.ID, &dealer, &e.Name, &login, &e.PasswordHash, &roles, &e.Department, &e.Locale, &e.Active)
	e.DealerID, e.Login = string(dealer), string(login)
	if roles != "" {
		e.Roles = strings.Split(roles, ",")
	}
	return e, err
}

// Employees lists the people of a dealer, group-wide ones included.
func (s *Store) Employees(ctx context.Context, dealerID string) ([]Employee, error) {
	return employees(ctx, s.read, dealerID)
}

const employeesSQL = "select " + employeeCols + " from employee where dealer_id = $1 or dealer_id is null order by name, id"

func employees(ctx context.Context, q querier, dealerID string) ([]Employee, error) {
	return collect(ctx, q, scanEmployee, employeesSQL, key(dealerID))
}

// Employee reads one.
func (s *Store) Employee(ctx context.Context, id string) (Employee, error) {
	return one(ctx, s.read, scanEmployee, "select "+employeeCols+" from employee where id = $1", key(id))
}

// EmployeeByLogin reads the person who logs in under a name.
func (s *Store) EmployeeByLogin(ctx context.Context, login string) (Employee, error) {
	return one(ctx, s.read, scanEmployee, "select "+employeeCols+" from employee where login = $1 and active", login)
}

// SaveEmployee inserts or updates by id; without an id a new row is made. A login
// that exists already gives ErrConflict.
func (s *Store) SaveEmployee(ctx context.Context, e Employee, now time.Time) (Employee, error) {
	if e.ID == "" {
		e.ID = s.newID()
	}
	_, err := s.exec(ctx, RankPerson, `insert into employee (id, dealer_id, name, login, password_hash, roles, department, locale, active, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (id) do update set name = excluded.name, login = excluded.login, password_hash = excluded.password_hash, roles = excluded.roles,
			department = excluded.department, locale = excluded.locale, active = excluded.active`,
		e.ID, opt(e.DealerID), e.Name, opt(e.Login), e.PasswordHash, strings.Join(e.Roles, ","), e.Department, e.Locale, e.Active, at(now))
	if s.dialect.unique(err) {
		return e, fmt.Errorf("login %s: %w", e.Login, ErrConflict)
	}
	if err != nil {
		return e, fmt.Errorf("saving an employee: %w", err)
	}
	return e, nil
}

// Setting reads a named value; "" when it was never set.
func (s *Store) Setting(ctx context.Context, name string) (string, error) {
	v, err := one(ctx, s.read, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }, "select value from setting where name = $1", name)
	if err == ErrNotFound { //nolint:errorlint // one returns it bare
		return "", nil
	}
	return v, err
}

// SetSetting writes a named value.
func (s *Store) SetSetting(ctx context.Context, name, value string) error {
	_, err := s.exec(ctx, RankPerson, "insert into setting (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value", name, value)
	return err
}

// Cursor reads how far a poller has come; "" at the beginning.
func (s *Store) Cursor(ctx context.Context, name string) (string, error) {
	v, err := one(ctx, s.read, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }, "select value from poll_cursor where name = $1", name)
	if err == ErrNotFound { //nolint:errorlint // one returns it bare
		return "", nil
	}
	return v, err
}

// FirstSent is when the oldest message that is kept was written to be sent on a
// channel; zero where there is none. It looks at every message: ask seldom.
func (s *Store) FirstSent(ctx context.Context, channel channels.Kind) (time.Time, error) {
	first, err := one(ctx, s.read, func(r *sql.Rows) (m moment, err error) { return m, r.Scan(&m) },
		"select min(created_at) from message where channel = $1 and direction = 'out'", string(channel))
	return first.Time, err
}

// SetCursor remembers how far a poller has come, in the transaction of what came in.
func (t *Tx) SetCursor(ctx context.Context, name, value string, now time.Time) error {
	_, err := t.ExecContext(ctx, `insert into poll_cursor (name, value, updated_at) values ($1, $2, $3)
		on conflict (name) do update set value = excluded.value, updated_at = excluded.updated_at`, name, value, at(now))
	return err
}

// Audit notes who did what.
func (t *Tx) Audit(ctx context.Context, dealerID, employeeID, action, object, objectID, detail string, now time.Time) error {
	_, err := t.ExecContext(ctx, "insert into audit (id, dealer_id, employee_id, action, object, object_id, detail, at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
		t.NewID(), opt(dealerID), opt(employeeID), action, object, objectID, detail, at(now))
	return err
}

// Lead takes or renews a singleton, such as the poll of one mailbox, for ttl of
// machine time. It returns false while another holder has it.
func (s *Store) Lead(ctx context.Context, name, holder string, now time.Time, ttl time.Duration) (bool, error) {
	n, err := s.exec(ctx, RankRecord, `insert into lease (name, holder, until) values ($1, $2, $3)
		on conflict (name) do update set holder = excluded.holder, until = excluded.until where lease.holder = excluded.holder or lease.until < $4`, name, holder, at(now.Add(ttl)), at(now))
	if err != nil {
		return false, fmt.Errorf("taking the lead of %s: %w", name, err)
	}
	return n > 0, nil
}

// Resign gives a singleton up.
func (s *Store) Resign(ctx context.Context, name, holder string) error {
	_, err := s.exec(ctx, RankRecord, "delete from lease where name = $1 and holder = $2", name, holder)
	return err
}

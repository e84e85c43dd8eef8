package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// RateLimit replaces a limit that ships with the program (ratelimit.Book), or adds
// one: Units in each Per, and up to Burst at once after a pause. No Per, no limit.
type RateLimit struct {
	// Name is the book's name of the limit, such as channel:sms.
	Name  string
	Units int
	// Per is kept in whole microseconds.
	Per   time.Duration
	Burst int
	// EmployeeID and EmployeeName say who set it; both are empty for the command line.
	EmployeeID, EmployeeName string
	// UpdatedAt is business time.
	UpdatedAt time.Time
}

// RateLimits lists what people have set, by name.
func (s *Store) RateLimits(ctx context.Context) ([]RateLimit, error) {
	ls, err := collect(ctx, s.read, func(r *sql.Rows) (l RateLimit, err error) {
		var employee, name text
		var a moment
		var per int64
		err = r.Scan(&l.Name, &l.Units, &per, &l.Burst, &employee, &name, &a)
		l.Per, l.EmployeeID, l.EmployeeName, l.UpdatedAt = time.Duration(per)*time.Microsecond, string(employee), string(name), a.Time
		return l, err
	}, "select l.name, l.units, l.per, l.burst, l.employee_id, e.name, l.updated_at from rate_limit l left join employee e on e.id = l.employee_id order by l.name")
	if err != nil {
		return nil, fmt.Errorf("reading rate limits: %w", err)
	}
	return ls, nil
}

// SetRateLimit sets the limit of that name and notes in the audit who did and to
// what; l.EmployeeName and l.UpdatedAt are not read. now is business time.
func (s *Store) SetRateLimit(ctx context.Context, l RateLimit, now time.Time) error {
	err := s.Tx(ctx, RankPerson, func(tx *Tx) error {
		_, err := tx.ExecContext(ctx, `insert into rate_limit (name, units, per, burst, employee_id, updated_at) values ($1, $2, $3, $4, $5, $6)
			on conflict (name) do update set units = excluded.units, per = excluded.per, burst = excluded.burst, employee_id = excluded.employee_id, updated_at = excluded.updated_at`,
			l.Name, l.Units, l.Per.Microseconds(), l.Burst, opt(l.EmployeeID), at(now))
		if err != nil {
			return err
		}
		return tx.Audit(ctx, "", l.EmployeeID, "limit.set", "rate_limit", l.Name, fmt.Sprintf("%d in %v, burst %d", l.Units, l.Per, l.Burst), now)
	})
	if err != nil {
		return fmt.Errorf("setting rate limit %s: %w", l.Name, err)
	}
	return nil
}

// ClearRateLimit brings back what ships with the program under that name, and notes
// in the audit who did; a name that nobody set is left alone. now is business time.
func (s *Store) ClearRateLimit(ctx context.Context, name, employeeID string, now time.Time) error {
	err := s.Tx(ctx, RankPerson, func(tx *Tx) error {
		r, err := tx.ExecContext(ctx, "delete from rate_limit where name = $1", name)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return tx.Audit(ctx, "", employeeID, "limit.cleared", "rate_limit", name, "", now)
	})
	if err != nil {
		return fmt.Errorf("clearing rate limit %s: %w", name, err)
	}
	return nil
}

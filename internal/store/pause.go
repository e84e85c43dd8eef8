package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"otklik/channels"
)

// Names of pauses. Whoever sends looks the table up again and again and obeys what
// he finds; a name that nobody knows stops nothing.
const PauseEverything = "all"

// DealerPause names the pause of one rooftop.
func DealerPause(code string) string { return "dealer:" + code }

// ProgramPause names the pause of one program, for all dealers.
func ProgramPause(id string) string { return "program:" + id }

// CampaignPause names the pause of one campaign.
func CampaignPause(id string) string { return "campaign:" + id }

// SenderPause names the pause of one sending address, for all dealers that share it.
func SenderPause(ch channels.Kind, address string) string {
	return "sender:" + string(ch) + ":" + address
}

// Pause is what a person has stopped.
type Pause struct {
	// Name is all, dealer:CODE, program:ID, campaign:ID or sender:CHANNEL:ADDRESS.
	Name string
	// EmployeeID and EmployeeName say who; both are empty for the command line.
	EmployeeID, EmployeeName string
	// At is business time.
	At time.Time
}

// Pauses lists what is stopped, the oldest first.
func (s *Store) Pauses(ctx context.Context) ([]Pause, error) {
	ps, err := collect(ctx, s.read, func(r *sql.Rows) (p Pause, err error) {
		var employee, name text
		var a moment
		err = r.Scan(&p.Name, &employee, &name, &a)
		p.EmployeeID, p.EmployeeName, p.At = string(employee), string(name), a.Time
		return p, err
	}, "select p.name, p.employee_id, e.name, p.at from pause p left join employee e on e.id = p.employee_id order by p.at, p.name")
	if err != nil {
		return nil, fmt.Errorf("reading pauses: %w", err)
	}
	return ps, nil
}

// Pause stops what a name stands for and notes in the audit who did; what is
// stopped already keeps its first pause. now is business time.
func (s *Store) Pause(ctx context.Context, name, employeeID string, now time.Time) error {
	err := s.audited(ctx, "pause", name, employeeID, now, "insert into pause (name, employee_id, at) values ($1, $2, $3) on conflict (name) do nothing", name, opt(employeeID), at(now))
	if err != nil {
		return fmt.Errorf("pausing %s: %w", name, err)
	}
	return nil
}

// Resume lets what a name stands for go on and notes in the audit who did; what
// goes on already is left alone. now is business time.
func (s *Store) Resume(ctx context.Context, name, employeeID string, now time.Time) error {
	if err := s.audited(ctx, "resume", name, employeeID, now, "delete from pause where name = $1", name); err != nil {
		return fmt.Errorf("resuming %s: %w", name, err)
	}
	return nil
}

// audited runs a statement about the pause of a name, and notes it when it changed
// something.
func (s *Store) audited(ctx context.Context, action, name, employeeID string, now time.Time, query string, args ...any) error {
	return s.Tx(ctx, RankPerson, func(tx *Tx) error {
		r, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return tx.Audit(ctx, "", employeeID, action, "sending", name, "", now)
	})
}

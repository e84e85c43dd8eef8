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

// reasonPaused marks a queued message that waits because a person has stopped what it
// belongs to.
const reasonPaused = "paused"

// ParkMessages lets go of claimed queued messages whose program or campaign is stopped.
// They stay due and are claimed again after retry (machine time), or once Unpark has
// been called.
func (s *Store) ParkMessages(ctx context.Context, ms []Message, retry time.Time) error {
	for _, part := range chunks(ms, chunkRows) {
		rows := make([][]any, len(part))
		for i, m := range part {
			rows[i] = []any{m.ID, m.ClaimToken}
		}
		err := s.Tx(ctx, RankRecord, func(tx *Tx) error {
			_, err := tx.change(ctx, []column{{"id", "uuid"}, {"token", "uuid"}}, rows, `update message set retry_at = $1, reason = $2, claim_token = null, claim_until = null
				from v where message.id = v.id and message.claim_token = v.token and message.state = 'queued' returning message.id`, at(retry), reasonPaused)
			return err
		})
		if err != nil {
			return fmt.Errorf("parking messages: %w", err)
		}
	}
	return nil
}

// Unpark makes all parked messages due again: what is still stopped is parked anew.
func (s *Store) Unpark(ctx context.Context) error {
	if _, err := s.exec(ctx, RankRecord, "update message set retry_at = null, reason = '' where direction = 'out' and state = 'queued' and reason = $1 and claim_token is null", reasonPaused); err != nil {
		return fmt.Errorf("letting parked messages go: %w", err)
	}
	return nil
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// ProgramSetting is what a dealer has decided about a program.
type ProgramSetting struct {
	DealerID, Program string
	Running           bool
	// ResponsibleID is who answers for it (R005); "" for the first employee with the
	// definition's role.
	ResponsibleID string
	ChangedBy     string
	ChangedAt     time.Time
}

// ProgramSettings are all of them.
type ProgramSettings map[[2]string]ProgramSetting

// Of finds what a dealer has decided.
func (s ProgramSettings) Of(dealerID, program string) (ProgramSetting, bool) {
	x, ok := s[[2]string{dealerID, program}]
	return x, ok
}

// Decided tells whether the dealer has.
func (s ProgramSettings) Decided(dealerID, program string) bool {
	_, ok := s.Of(dealerID, program)
	return ok
}

// ProgramSettings reads them.
func (s *Store) ProgramSettings(ctx context.Context) (ProgramSettings, error) {
	xs, err := collect(ctx, s.read, func(r *sql.Rows) (x ProgramSetting, err error) {
		var who, by text
		var when moment
		err = r.Scan(&x.DealerID, &x.Program, &x.Running, &who, &by, &when)
		x.ResponsibleID, x.ChangedBy, x.ChangedAt = string(who), string(by), when.Time
		return x, err
	}, "select dealer_id, program, running, responsible_id, changed_by, changed_at from program_setting")
	if err != nil {
		return nil, fmt.Errorf("reading what runs: %w", err)
	}
	out := make(ProgramSettings, len(xs))
	for _, x := range xs {
		out[[2]string{x.DealerID, x.Program}] = x
	}
	return out, nil
}

// SetProgram keeps a decision, with an audit row.
func (s *Store) SetProgram(ctx context.Context, x ProgramSetting) error {
	return s.Tx(ctx, RankPerson, func(tx *Tx) error {
		_, err := tx.ExecContext(ctx, `insert into program_setting (dealer_id, program, running, responsible_id, changed_by, changed_at) values ($1, $2, $3, $4, $5, $6)
			on conflict (dealer_id, program) do update set running = excluded.running, responsible_id = excluded.responsible_id, changed_by = excluded.changed_by, changed_at = excluded.changed_at`,
			x.DealerID, x.Program, x.Running, opt(x.ResponsibleID), opt(x.ChangedBy), at(x.ChangedAt))
		if err != nil {
			return fmt.Errorf("setting a program: %w", err)
		}
		action := "program.off"
		if x.Running {
			action = "program.on"
		}
		return tx.Audit(ctx, x.DealerID, x.ChangedBy, action, "program", x.Program, x.ResponsibleID, x.ChangedAt)
	})
}

// SetResponsible names who answers for a program at a dealer (R005), with an audit row;
// by is who did it. Whoever switched the program on stays the one who did: of an
// advertisement he is the launcher. x.Running counts where nothing was decided before.
func (s *Store) SetResponsible(ctx context.Context, x ProgramSetting, by string) error {
	return s.Tx(ctx, RankPerson, func(tx *Tx) error {
		_, err := tx.ExecContext(ctx, `insert into program_setting (dealer_id, program, running, responsible_id, changed_by, changed_at) values ($1, $2, $3, $4, null, $5)
			on conflict (dealer_id, program) do update set responsible_id = excluded.responsible_id`,
			x.DealerID, x.Program, x.Running, opt(x.ResponsibleID), at(x.ChangedAt))
		if err != nil {
			return fmt.Errorf("naming who answers for a program: %w", err)
		}
		return tx.Audit(ctx, x.DealerID, by, "program.responsible", "program", x.Program, x.ResponsibleID, x.ChangedAt)
	})
}

// Staff is who works where: for each dealer, "" for the whole group, the roles of
// employees who can log in.
type Staff map[string]map[string]bool

// Staff reads it.
func (s *Store) Staff(ctx context.Context) (Staff, error) {
	type row struct{ dealer, roles string }
	rows, err := collect(ctx, s.read, func(r *sql.Rows) (x row, err error) {
		var dealer text
		err = r.Scan(&dealer, &x.roles)
		x.dealer = string(dealer)
		return x, err
	}, "select dealer_id, roles from employee where active and login is not null")
	if err != nil {
		return nil, fmt.Errorf("reading who works where: %w", err)
	}
	out := Staff{}
	for _, x := range rows {
		if out[x.dealer] == nil {
			out[x.dealer] = map[string]bool{}
		}
		for _, role := range strings.Split(x.roles, ",") {
			out[x.dealer][role] = true
		}
	}
	return out, nil
}

// Has tells whether somebody at the dealer, or of the whole group, has one of the
// roles.
func (s Staff) Has(dealerID string, roles ...string) bool {
	for _, role := range roles {
		if s[dealerID][role] || s[""][role] {
			return true
		}
	}
	return false
}

// Anybody tells whether anybody at the dealer can log in.
func (s Staff) Anybody(dealerID string) bool { return len(s[dealerID]) > 0 || len(s[""]) > 0 }

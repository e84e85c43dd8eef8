package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
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

// Staff is who works where: those employees who can log in. Of those with no dealer it
// says that they work at each.
type Staff struct{ people []Employee }

// Staff reads it.
func (s *Store) Staff(ctx context.Context) (Staff, error) {
	people, err := collect(ctx, s.read, func(r *sql.Rows) (e Employee, err error) {
		var dealer text
		var roles string
		err = r.Scan(&e.ID, &dealer, &roles)
		e.DealerID, e.Roles, e.Active = string(dealer), strings.Split(roles, ","), true
		return e, err
	}, "select id, dealer_id, roles from employee where active and login is not null order by id")
	if err != nil {
		return Staff{}, fmt.Errorf("reading who works where: %w", err)
	}
	return Staff{people}, nil
}

// Has tells whether somebody at the dealer, or of the whole group, has one of the
// roles.
func (s Staff) Has(dealerID string, roles ...string) bool {
	return slices.ContainsFunc(s.people, func(e Employee) bool {
		return e.at(dealerID) && slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(e.Roles, r) })
	})
}

// Anybody tells whether somebody works at the dealer at all.
func (s Staff) Anybody(dealerID string) bool {
	return slices.ContainsFunc(s.people, func(e Employee) bool { return e.at(dealerID) })
}

// Works tells whether an employee can log in at the dealer.
func (s Staff) Works(dealerID, id string) bool {
	return slices.ContainsFunc(s.people, func(e Employee) bool { return e.ID == id && e.at(dealerID) })
}

// Other is the first employee of the dealer, else of the group, with the role who is
// none of those; "" where there is none.
func (s Staff) Other(dealerID, role string, none ...string) string {
	for _, home := range [...]string{dealerID, ""} {
		for _, e := range s.people {
			if e.DealerID == home && slices.Contains(e.Roles, role) && !slices.Contains(none, e.ID) {
				return e.ID
			}
		}
	}
	return ""
}

func (e Employee) at(dealerID string) bool { return e.DealerID == dealerID || e.DealerID == "" }

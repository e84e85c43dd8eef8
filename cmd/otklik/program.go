package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"otklik/internal/app"
	"otklik/internal/outreach"
	"otklik/internal/program"
	"otklik/internal/store"
)

// programCmd is the console's Programs page for a terminal.
type programCmd struct {
	List programListCmd `cmd:"" help:"Show all programs: what starts them, whether they run, who answers for them, and what keeps them from running."`
	On   programOnCmd   `cmd:"" help:"Switch a program on; running nodes obey it at once."`
	Off  programOffCmd  `cmd:"" help:"Switch a program off; what is planned of it is dropped when it is due, with the reason."`
}

type programListCmd struct {
	Dealer string `help:"The dealer's code; the only one by default."`
}

func (c programListCmd) Run(r run) error {
	return withApp(r, func(a *app.App) error {
		t := tools{a.Store()}
		d, err := t.dealer(r.ctx, c.Dealer)
		if err != nil {
			return err
		}
		settings, err := t.store.ProgramSettings(r.ctx)
		if err != nil {
			return err
		}
		staff, err := t.store.Staff(r.ctx)
		if err != nil {
			return err
		}
		people, err := t.store.Employees(r.ctx, d.ID)
		if err != nil {
			return err
		}
		name := func(id string) string {
			i := slices.IndexFunc(people, func(e store.Employee) bool { return e.ID == id })
			if i < 0 {
				return id
			}
			return people[i].Name
		}
		w := tabwriter.NewWriter(r.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "PROGRAM\tTRIGGER\tRUNS\tDECIDED\tRESPONSIBLE\tPROBLEM")
		for _, p := range a.Programs() {
			runs, decided, responsible := "off", "-", p.Responsible
			if program.Runs(p.Definition, settings, d.ID) {
				runs = "on"
			}
			if x, ok := settings.Of(d.ID, p.ID); ok {
				decided = x.ChangedAt.Format(time.RFC3339) + " " + cmp.Or(name(x.ChangedBy), "by command")
				responsible = cmp.Or(name(x.ResponsibleID), responsible)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", p.ID, p.Trigger, runs, decided, responsible, cmp.Or(programProblem(p, settings, staff, d), "-"))
		}
		return w.Flush()
	})
}

// programProblem is why a program does nothing at a dealer though it is switched on.
func programProblem(p program.Listed, settings store.ProgramSettings, staff store.Staff, d store.Dealer) string {
	var out []string
	if len(p.Missing) > 0 {
		out = append(out, program.Said(p.Missing, "; "))
	}
	if !p.In(d.Country) {
		out = append(out, "only for dealers in "+strings.Join(p.Countries, ", "))
	}
	if !program.Answered(p.Definition, settings, staff, d.ID) {
		out = append(out, "nobody answers for it: no employee is "+p.Responsible+" or admin")
	}
	return strings.Join(out, "; ")
}

type programOnCmd struct {
	ID     string `arg:"" help:"The program, as list shows it."`
	Dealer string `help:"The dealer's code; the only one by default."`
	By     string `placeholder:"LOGIN" help:"Who switches it on; an advertising program needs a named person, who is its launcher."`
}

func (c programOnCmd) Run(r run) error {
	return switchProgram(r, c.ID, c.Dealer, c.By, true)
}

type programOffCmd struct {
	ID     string `arg:"" help:"As for on."`
	Dealer string `help:"The dealer's code; the only one by default."`
	By     string `placeholder:"LOGIN" help:"Who switches it off."`
}

func (c programOffCmd) Run(r run) error {
	return switchProgram(r, c.ID, c.Dealer, c.By, false)
}

func switchProgram(r run, id, dealer, login string, on bool) error {
	return withApp(r, func(a *app.App) error {
		t, all := tools{a.Store()}, a.Programs()
		d, err := t.dealer(r.ctx, dealer)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(p program.Listed) bool { return p.ID == id })
		if i < 0 {
			var known []string
			for _, p := range all {
				known = append(known, p.ID)
			}
			return usage("there is no program %q; there are: %s", id, strings.Join(known, ", "))
		}
		p := all[i]
		by, err := t.colleague(r, d, login)
		switch {
		case err != nil:
			return err
		case on && len(p.Missing) > 0:
			return usage("%s cannot start: %s", id, program.Said(p.Missing, "; "))
		case on && !p.In(d.Country):
			return usage("%s is only for dealers in %s", id, strings.Join(p.Countries, ", "))
		case on && by == "" && p.Launch == "" && p.Has(outreach.Ad):
			return usage("%s advertises and needs a named person who launches it: --by LOGIN", id)
		}
		settings, err := t.store.ProgramSettings(r.ctx)
		if err != nil {
			return err
		}
		x, _ := settings.Of(d.ID, id)
		if err := t.store.SetProgram(r.ctx, store.ProgramSetting{DealerID: d.ID, Program: id, Running: on, ResponsibleID: x.ResponsibleID, ChangedBy: by, ChangedAt: time.Now().UTC()}); err != nil {
			return err
		}
		word := map[bool]string{true: "on", false: "off"}[on]
		_, err = fmt.Fprintf(r.stdout, "%s is %s at %s\n", id, word, d.Code)
		return err
	})
}

// colleague is the id of a dealer's employee by login; "" for none named.
func (t tools) colleague(r run, d store.Dealer, login string) (string, error) {
	if login == "" {
		return "", nil
	}
	e, err := t.store.EmployeeByLogin(r.ctx, login)
	if errors.Is(err, store.ErrNotFound) || err == nil && e.DealerID != "" && e.DealerID != d.ID {
		return "", usage("nobody logs in as %q at %s", login, d.Code)
	}
	return e.ID, err
}

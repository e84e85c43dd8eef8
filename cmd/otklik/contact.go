package main

import (
	"fmt"
	"time"
)

type contactCmd struct {
	Export contactExportCmd `cmd:"" help:"Print everything that is kept of a person, as JSON."`
	Erase  contactEraseCmd  `cmd:"" help:"Erase a person; figures stay, without the person."`
}

type contactExportCmd struct {
	ID string `arg:"" help:"The contact's id."`
}

func (c contactExportCmd) Run(r run) error {
	return withStore(r, true, func(t tools) error {
		b, err := t.store.ExportContact(r.ctx, c.ID)
		if err != nil {
			return fmt.Errorf("contact %s: %w", c.ID, err)
		}
		_, err = fmt.Fprintf(r.stdout, "%s\n", b)
		return err
	})
}

type contactEraseCmd struct {
	ID string `arg:"" help:"The contact's id."`
}

func (c contactEraseCmd) Run(r run) error {
	return withStore(r, true, func(t tools) error {
		if err := t.store.EraseContact(r.ctx, c.ID, time.Now().UTC()); err != nil {
			return fmt.Errorf("contact %s: %w", c.ID, err)
		}
		_, err := fmt.Fprintln(r.stdout, "erased")
		return err
	})
}

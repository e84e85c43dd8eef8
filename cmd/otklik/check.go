package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"otklik/internal/app"
)

type doctorCmd struct{}

func (doctorCmd) Run(r run) error {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	bad := 0
	for _, f := range app.Doctor(r.ctx, cfg, r.quiet()) {
		mark := "ok  "
		if !f.OK {
			mark, bad = "MEND", bad+1
		}
		fmt.Fprintf(r.stdout, "%s %-22s %s\n", mark, f.What, f.Says)
	}
	if bad > 0 {
		fmt.Fprintf(r.stdout, "%d to mend\n", bad)
		return errQuiet
	}
	return nil
}

type definitionsCmd struct {
	Export definitionsExportCmd `cmd:"" help:"Write all shipped surveys and programs as files."`
	Check  definitionsCheckCmd  `cmd:"" help:"Check files of surveys and programs, with line numbers."`
	Use    definitionsUseCmd    `cmd:"" help:"Make files the newest versions, whatever the database has."`
}

type definitionsExportCmd struct {
	Folder    string `arg:"" optional:"" default:"definitions" help:"Where to write them." type:"path"`
	Overwrite bool   `help:"Replace files that differ, too; else they are kept and named."`
}

func (c definitionsExportCmd) Run(r run) error {
	files, err := app.DefinitionFiles()
	if err != nil {
		return err
	}
	kept := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(c.Folder, filepath.FromSlash(name))
		switch there, err := os.ReadFile(path); { //nolint:gosec // the operator names his own folder
		case err == nil && !c.Overwrite && !bytes.Equal(there, files[name]):
			fmt.Fprintf(r.stderr, "%s: differs from what is shipped and is kept\n", path)
			kept++
			continue
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o600); err != nil {
			return err
		}
	}
	fmt.Fprintf(r.stdout, "wrote %d files to %s\n", len(files)-kept, c.Folder)
	if kept > 0 {
		fmt.Fprintf(r.stdout, "kept %d that differ (--overwrite replaces them)\n", kept)
	}
	return nil
}

type definitionsCheckCmd struct {
	Files []string `arg:"" optional:"" name:"FILE" help:"Surveys or programs; without any, those of the folder (OTKLIK_DEFINITIONS)."`
}

func (c definitionsCheckCmd) Run(r run) error {
	names := c.Files
	if len(names) == 0 {
		cfg, err := r.config()
		if err != nil {
			return err
		}
		if cfg.Definitions == "" {
			return usage("no FILE is named and there is no folder of definitions (otklik definitions export writes one)")
		}
		for _, dir := range []string{"surveys", "programs"} {
			found, err := filepath.Glob(filepath.Join(cfg.Definitions, dir, "*.yaml"))
			if err != nil {
				return err
			}
			names = append(names, found...)
		}
	}
	checked, err := app.Check(names, os.ReadFile)
	if err != nil {
		return err
	}
	bad := false
	for _, f := range checked {
		for _, w := range f.Warnings {
			fmt.Fprintln(r.stdout, "warning:", w)
		}
		if f.Err != nil {
			fmt.Fprintln(r.stderr, f.Err)
			bad = true
			continue
		}
		fmt.Fprintf(r.stdout, "%s: ok\n", f.Name)
	}
	if bad {
		return errQuiet
	}
	return nil
}

type definitionsUseCmd struct {
	Files []string `arg:"" name:"FILE" help:"Surveys or programs, each named after its id."`
}

func (c definitionsUseCmd) Run(r run) error {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	a, err := app.New(r.ctx, cfg, app.Options{Role: app.RoleAll, Version: version, Log: r.quiet()})
	if err != nil {
		return err
	}
	defer func() { _ = a.Stop(r.ctx) }()
	for _, name := range c.Files {
		if err := a.UseDefinition(r.ctx, name); err != nil {
			return err
		}
		fmt.Fprintf(r.stdout, "%s: the newest version now; a running otklik takes it at its next start\n", name)
	}
	return nil
}

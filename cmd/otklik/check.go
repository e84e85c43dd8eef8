package main

import (
	"fmt"
	"os"
	"path/filepath"

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
}

type definitionsExportCmd struct {
	Folder string `arg:"" optional:"" default:"definitions" help:"Where to write them." type:"path"`
}

func (c definitionsExportCmd) Run(r run) error {
	files, err := app.DefinitionFiles()
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(c.Folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
	}
	fmt.Fprintf(r.stdout, "wrote %d files to %s\n", len(files), c.Folder)
	return nil
}

type definitionsCheckCmd struct {
	Files []string `arg:"" name:"FILE" help:"Surveys or programs."`
}

func (c definitionsCheckCmd) Run(r run) error {
	bad := false
	for _, name := range c.Files {
		b, err := os.ReadFile(name) //nolint:gosec // the operator names his own files
		if err == nil {
			err = app.CheckDefinition(name, b)
		}
		if err != nil {
			fmt.Fprintln(r.stderr, err)
			bad = true
			continue
		}
		fmt.Fprintf(r.stdout, "%s: ok\n", name)
	}
	if bad {
		return errQuiet
	}
	return nil
}

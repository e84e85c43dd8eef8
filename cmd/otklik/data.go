package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"otklik/internal/app"
	"otklik/internal/intake"
	"otklik/internal/reply"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Apply what is pending."`
	Status migrateStatusCmd `cmd:"" help:"List all steps."`
}

type migrateUpCmd struct{}

func (migrateUpCmd) Run(r run) error {
	return withStore(r, false, func(t tools) error {
		n, err := t.store.Migrate(r.ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(r.stdout, "applied %d\n", n)
		return nil
	})
}

type migrateStatusCmd struct{}

func (migrateStatusCmd) Run(r run) error {
	return withStore(r, false, func(t tools) error {
		ms, err := t.store.Migrations(r.ctx)
		if err != nil {
			return err
		}
		for _, m := range ms {
			state := "pending"
			if m.Applied {
				state = "applied"
			}
			fmt.Fprintf(r.stdout, "%05d %s %s\n", m.Version, state, m.Name)
		}
		has, knows, err := t.store.Versions(r.ctx)
		if err == nil && has > knows {
			fmt.Fprintf(r.stdout, "%05d applied by a newer version\n", has)
		}
		return err
	})
}

type importCmd struct {
	Kind   string   `required:"" enum:"customers,visits,deliveries,appointments,prospects" help:"What a row is."`
	DryRun bool     `help:"Show the same and store nothing."`
	JSON   bool     `name:"json" help:"Counts as JSON lines."`
	Dealer string   `help:"The dealer's code; the only one by default."`
	Region string   `help:"Country of national phone numbers, such as RU; decided from the file by default."`
	Locale string   `help:"Language of the customers where no column tells it; the dealer's by default." enum:"ru,en,zh," default:""`
	Files  []string `arg:"" name:"FILE" help:"Exports: CSV or XLSX."`
}

// countLine is the JSON form of a file's last line.
type countLine struct {
	File      string `json:"file"`
	Read      int    `json:"read"`
	Stored    int    `json:"stored"`
	Updated   int    `json:"updated"`
	Unchanged int    `json:"unchanged"`
	Refused   int    `json:"refused"`
}

func (c importCmd) Run(r run) error {
	return withApp(r, func(a *app.App) error {
		d, err := tools{a.Store()}.dealer(r.ctx, c.Dealer)
		if err != nil {
			return err
		}
		region := strings.ToUpper(c.Region)
		if region != "" && !intake.Region(region) {
			return usage("--region %q is no country of telephone numbers; write it as RU, KZ or CN", c.Region)
		}
		im := a.Importer()
		o := app.ImportOptions{Kind: intake.Kind(c.Kind), Dealer: d, Region: region, Locale: c.Locale, DryRun: c.DryRun,
			Problem: func(file string, p intake.Problem) { fmt.Fprintln(r.stderr, p.Text(file)) }}
		var total app.ImportCounts
		failed := false
		for _, name := range c.Files {
			n, err := c.file(r, im, name, o)
			if err != nil {
				fmt.Fprintf(r.stderr, "otklik: %s: %v\n", name, err)
				failed = true
			}
			total.Add(n)
			if err == nil {
				c.line(r, name, n)
			}
		}
		c.line(r, "total", total)
		if failed {
			return errQuiet
		}
		return nil
	})
}

func (c importCmd) line(r run, name string, n app.ImportCounts) {
	if c.JSON {
		_ = json.NewEncoder(r.stdout).Encode(countLine{name, n.Read, n.Stored, n.Updated, n.Unchanged, n.Refused})
		return
	}
	fmt.Fprintf(r.stdout, "%s: read %d stored %d updated %d unchanged %d refused %d\n", name, n.Read, n.Stored, n.Updated, n.Unchanged, n.Refused)
}

func (c importCmd) file(r run, im *app.Importer, name string, o app.ImportOptions) (app.ImportCounts, error) {
	in, err := os.Open(name) //nolint:gosec // the operator names his own files
	if err != nil {
		return app.ImportCounts{}, errors.Unwrap(err)
	}
	defer func() { _ = in.Close() }()
	f, n, err := im.Import(r.ctx, name, bufio.NewReader(in), o)
	if err != nil {
		return n, err
	}
	if f.RegionGuessed {
		fmt.Fprintf(r.stderr, "%s: phone numbers are read as numbers of %s\n", name, f.Region)
	}
	if n.Refused == 0 {
		return n, nil
	}
	return n, c.writeRefused(r, f, name)
}

// writeRefused writes NAME.refused.csv into the working directory.
func (c importCmd) writeRefused(r run, f *intake.File, name string) error {
	base := filepath.Base(name)
	base = strings.TrimSuffix(base, filepath.Ext(base)) + ".refused.csv"
	out, err := os.Create(base) //nolint:gosec // a name in the working directory
	if err != nil {
		return fmt.Errorf("writing the refused rows: %w", err)
	}
	_, err = f.WriteRefused(out)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("writing the refused rows: %w", err)
	}
	fmt.Fprintf(r.stderr, "%s: refused rows are in %s; mend and import that file\n", name, base)
	return nil
}

type parseCmd struct {
	Proposals bool   `help:"Read nothing; list the replies that employees have read for the program, with what they entered, as lines for the labelled replies."`
	Dealer    string `help:"The dealer's code for --proposals; the only one by default."`
}

func (c parseCmd) Run(r run) error {
	if c.Proposals {
		return withApp(r, func(a *app.App) error {
			d, err := tools{a.Store()}.dealer(r.ctx, c.Dealer)
			if err != nil {
				return err
			}
			w := bufio.NewWriter(r.stdout)
			return errors.Join(a.Proposals(r.ctx, d, w), w.Flush())
		})
	}
	p, err := reply.New()
	if err != nil {
		return err
	}
	w := bufio.NewWriter(r.stdout)
	_, err = p.Stream(r.stdin, w)
	return errors.Join(err, w.Flush())
}

type parseEmailCmd struct {
	Files []string `arg:"" name:"FILE" help:"Raw mails (.eml)."`
}

func (c parseEmailCmd) Run(r run) error {
	w := bufio.NewWriter(r.stdout)
	bad, err := app.ParseEmail(c.Files, w)
	if err = errors.Join(err, w.Flush()); err != nil {
		return err
	}
	for _, why := range bad {
		fmt.Fprintln(r.stderr, why)
	}
	if len(bad) > 0 {
		return errQuiet
	}
	return nil
}

// firstLine reads a password from standard input.
func firstLine(in io.Reader) (string, error) {
	s := bufio.NewScanner(in)
	if !s.Scan() {
		if err := s.Err(); err != nil {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		return "", usage("the password is read from standard input, and there is none")
	}
	return strings.TrimRight(s.Text(), "\r"), nil
}

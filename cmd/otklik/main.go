// Command otklik keeps a dealership in touch with its customers. It holds the
// subcommands and nothing else; internal/app does the work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // a machine without zone files still knows Europe/Moscow

	"github.com/alecthomas/kong"

	"otklik/internal/app"
	"otklik/internal/config"
)

var version = "dev"

// Exit codes (design.md, fixed interfaces).
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// errUsage marks what is wrong with the command line or the configuration.
var errUsage = errors.New("usage")

// errQuiet ends with exit code 1 after everything was said already.
var errQuiet = errors.New("failed")

type cli struct {
	Serve       serveCmd       `cmd:"" help:"Planner, dispatcher, inbox, console and API in one process."`
	Demo        demoCmd        `cmd:"" help:"Serve with sandbox providers and a demo dealership; nothing to configure."`
	Migrate     migrateCmd     `cmd:"" help:"Bring the database schema up to date, or show it."`
	Import      importCmd      `cmd:"" help:"Read exports of dealer systems."`
	Plan        planCmd        `cmd:"" help:"Who gets what, when, by which rule, at what cost; changes nothing."`
	Dispatch    dispatchCmd    `cmd:"" help:"Send what is due."`
	Parse       parseCmd       `cmd:"" help:"Read replies: JSONL on stdin, JSONL on stdout."`
	ParseEmail  parseEmailCmd  `cmd:"" name:"parse-email" help:"Read raw mails: one JSON line for each file."`
	Preview     previewCmd     `cmd:"" help:"What a person would see, with segments."`
	Doctor      doctorCmd      `cmd:"" help:"Check configuration, database, Redis and providers, and say what to mend."`
	User        userCmd        `cmd:"" help:"Employees who log in."`
	Token       tokenCmd       `cmd:"" help:"Bearer tokens of the API."`
	Contact     contactCmd     `cmd:"" help:"A person's own data."`
	Sending     sendingCmd     `cmd:"" help:"How far sending is; stop it and let it go on."`
	Program     programCmd     `cmd:"" help:"Which programs run at a dealer; switch them on and off."`
	Limit       limitCmd       `cmd:"" help:"How fast messages may leave."`
	Definitions definitionsCmd `cmd:"" help:"Surveys and programs."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

// run is what every command is given.
type run struct {
	ctx            context.Context
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
}

// garbage is how much more than what is in use the heap may grow by before it is
// collected, in per cent: a campaign is collected less often than with Go's 100 and
// stays below 100 MB. GOGC says otherwise; GOMEMLIMIT holds anyway.
const garbage = 150

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	ctx, stop := stopping()
	code := execute(run{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ()}, os.Args[1:])
	stop()
	os.Exit(code)
}

// stopping gives a context that ends with the first signal to stop; a second one ends the
// program at once. A terminal that is closed stops it as well, unless it was told to
// outlive that (nohup).
func stopping() (context.Context, context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := context.WithCancel(context.Background())
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, signals...)
	go func() {
		select {
		case <-heard:
		case <-ctx.Done():
		}
		// Before anybody learns of the first: a second that comes at once is not swallowed.
		signal.Stop(heard)
		stop()
	}()
	return ctx, stop
}

// execute runs one command line and returns its exit code.
func execute(r run, args []string) int {
	var c cli
	done := -1
	p, err := kong.New(&c, kong.Name("otklik"), kong.Description("Keeps a dealership in touch with its customers."), kong.UsageOnError(),
		kong.Writers(r.stdout, r.stderr), kong.Exit(func(code int) { done = code }))
	if err != nil {
		fmt.Fprintln(r.stderr, "otklik:", err)
		return exitFailed
	}
	k, err := p.Parse(belowZero(args))
	if done >= 0 { // --help
		return done
	}
	if err != nil {
		fmt.Fprintln(r.stderr, "otklik:", err)
		return exitUsage
	}
	err = k.Run(r)
	if r.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(r.stderr, "otklik: interrupted: what was in flight is finished, the rest is left for the next time")
		return exitFailed
	}
	return exitCode(r.stderr, err)
}

func exitCode(stderr io.Writer, err error) int {
	var problems config.Problems
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errQuiet):
		return exitFailed
	case errors.As(err, &problems), errors.Is(err, errUsage):
		fmt.Fprintln(stderr, "otklik:", err)
		return exitUsage
	}
	fmt.Fprintln(stderr, "otklik:", err)
	return exitFailed
}

// usage makes an error that ends with exit code 2.
func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUsage, fmt.Sprintf(format, args...))
}

func (r run) config() (*config.Config, error) { return config.Load(r.environ) }

func (r run) logger(format string) *slog.Logger {
	if format == "json" {
		return slog.New(app.NewRepeats(slog.NewJSONHandler(r.stderr, nil)))
	}
	return slog.New(app.NewRepeats(slog.NewTextHandler(r.stderr, nil)))
}

// quiet is a logger for commands whose output is for people.
func (r run) quiet() *slog.Logger {
	return slog.New(app.NewRepeats(slog.NewTextHandler(r.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
}

type versionCmd struct{}

func (versionCmd) Run(r run) error {
	_, err := fmt.Fprintln(r.stdout, "otklik", version)
	return err
}

type serveCmd struct {
	Role      string        `enum:"all,web,worker" default:"all" help:"all, web (console, API, hooks) or worker (planner, dispatcher, pollers)."`
	NoMigrate bool          `help:"Leave the PostgreSQL schema as it is."`
	Lease     time.Duration `default:"2m" hidden:"" help:"How long the work of a node that died stays its own; all nodes take the same."`
	Ask       time.Duration `default:"1m" hidden:"" help:"How long after an uncertain outcome a provider is asked about it; the second question comes after ten times as long."`
}

func (c serveCmd) Run(r run) error {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	log := r.logger(cfg.Log)
	a, err := app.New(r.ctx, cfg, app.Options{Role: c.Role, NoMigrate: c.NoMigrate, Version: version, Log: log, Lease: c.Lease, Ask: c.Ask})
	if err != nil {
		return err
	}
	if err := a.Start(r.ctx); err != nil {
		return err
	}
	log.Info("otklik is ready", "address", "http://"+a.Addr(), "role", c.Role, "version", version)
	<-r.ctx.Done()
	log.Info("stopping: what is in flight is finished first; a second signal ends it at once")
	return a.Stop(r.ctx)
}

type demoCmd struct {
	Reset bool   `help:"Begin anew: remove the demo's database."`
	DB    string `default:"data/demo.db" help:"Where the demo keeps its database." type:"path"`
}

func (c demoCmd) Run(r run) error {
	listen := "127.0.0.1:8080"
	for _, kv := range r.environ {
		if v, ok := strings.CutPrefix(kv, "OTKLIK_LISTEN="); ok && v != "" {
			listen = v
		}
	}
	if c.Reset {
		if err := app.RemoveDemo(c.DB); err != nil {
			return err
		}
	}
	a, logins, err := app.NewDemo(r.ctx, listen, c.DB, app.Options{Role: app.RoleAll, Version: version, Log: r.quiet()})
	if err != nil {
		return err
	}
	if err := a.Start(r.ctx); err != nil {
		return err
	}
	fmt.Fprintf(r.stdout, "Otklik's demo dealership is open at http://%s\n", a.Addr())
	fmt.Fprintf(r.stdout, "Log in as %s / %s (operator) or %s / %s (service manager); others stand on the login page.\n", logins[0].Login, logins[0].Password, logins[1].Login, logins[1].Password)
	fmt.Fprintf(r.stdout, "Answer for the customers at http://%s/phones, then watch the operator's queue. Ctrl-C stops.\n", a.Addr())
	<-r.ctx.Done()
	return a.Stop(r.ctx)
}

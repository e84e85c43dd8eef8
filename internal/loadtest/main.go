// Loadtest measures campaigns: how fast the built program sends one, beside the
// bare loop that does nothing but claim, send and record, on a table of its own or on
// the program's.
//
//	loadtest campaign [FLAGS]   the bare loop and `otklik dispatch --once` in turn
//	loadtest nodes [FLAGS]      one, two and three `otklik serve` on one database
//	loadtest sink, bare         processes that the two start
//
// It owns the sinks, the bare loop, the filling of a database through package
// store, and the counting of messages, processor time and memory; the program is
// driven from outside, by its command line and environment. It decides nothing
// about messages. `make bench-campaign` and `make bench-nodes` call it. Memory and
// the database's processor time are read from Linux's /proc; elsewhere they are
// printed as a dash.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"otklik/channels"

	_ "modernc.org/sqlite" // the bare loop's driver
)

// usageError is a command line that cannot be obeyed.
type usageError struct{ error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	var usage usageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "loadtest:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "loadtest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return usageError{errors.New("campaign, nodes, sink or bare?")}
	}
	switch args[0] {
	case "sink":
		return runSink(ctx, args[1:], stdout, stderr)
	case "bare":
		return runBare(ctx, args[1:], stdout)
	case "campaign", "nodes":
		o, err := parse(args[0], args[1:], stderr)
		if err != nil {
			return err
		}
		if args[0] == "nodes" {
			return runNodes(ctx, o, stdout)
		}
		return runCampaign(ctx, o, stdout)
	}
	return usageError{fmt.Errorf("%s is neither campaign nor nodes", args[0])}
}

// options are what a measurement is asked for.
type options struct {
	messages int
	channel  channels.Kind
	engine   string
	redis    bool
	// rows: the bare loop on the program's rows is measured, too.
	rows   bool
	delay  time.Duration
	live   bool
	runs   int
	binary string
	// progress is told what is being done.
	progress io.Writer
}

func parse(command string, args []string, stderr io.Writer) (options, error) {
	o := options{progress: stderr}
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.messages, "n", 200000, "messages")
	channel := flags.String("channel", "email", "email or sms")
	flags.StringVar(&o.binary, "binary", "bin/otklik", "the built program")
	flags.DurationVar(&o.delay, "delay", 0, "the sink holds back each answer for so long")
	flags.BoolVar(&o.live, "live", false, "print the messages of each second at the sink")
	flags.IntVar(&o.runs, "runs", 1, "how often each is measured")
	redis := "1"
	if command == "campaign" {
		flags.StringVar(&o.engine, "db", "postgres", "sqlite or postgres")
		flags.BoolVar(&o.rows, "rows", false, "measure the bare loop on the program's own rows, too")
		flags.StringVar(&redis, "redis", "", "1 or 0: a Redis for limits and copies; by default with postgres")
	} else {
		o.engine = "postgres"
	}
	if err := flags.Parse(args); err != nil {
		return o, usageError{err}
	}
	o.channel = channels.Kind(*channel)
	if redis == "" && o.engine == "postgres" {
		redis = "1"
	}
	o.redis = redis == "1"
	switch {
	case flags.NArg() > 0:
		return o, usageError{fmt.Errorf("%s is not a flag", flags.Arg(0))}
	case o.messages < 1 || o.runs < 1 || o.delay < 0:
		return o, usageError{errors.New("-n and -runs must be at least 1, -delay not negative")}
	case o.messages > 100_000_000:
		return o, usageError{errors.New("-n must be at most 100,000,000")}
	case o.channel != channels.Email && o.channel != channels.SMS:
		return o, usageError{fmt.Errorf("-channel %s is neither email nor sms", *channel)}
	case o.engine != "sqlite" && o.engine != "postgres":
		return o, usageError{fmt.Errorf("-db %s is neither sqlite nor postgres", o.engine)}
	case redis != "" && redis != "0" && redis != "1":
		return o, usageError{fmt.Errorf("-redis %s is neither 0 nor 1", redis)}
	}
	return o, nil
}

// say tells the watching person what is being done.
func (o options) say(format string, args ...any) { fmt.Fprintf(o.progress, format+"\n", args...) }

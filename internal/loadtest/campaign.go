package main

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Names of the databases that runs copy.
const (
	outboxName   = "outbox"
	campaignName = "campaign"
)

// errCounts: the report names what was doubled or lost.
var errCounts = errors.New("messages were doubled, lost or left over")

// runCampaign measures the bare loop and the program in turn and prints a report.
func runCampaign(ctx context.Context, o options, stdout io.Writer) (err error) {
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	r, err := b.campaign(ctx)
	if err != nil {
		return err
	}
	r.write(stdout)
	if !r.ok() {
		return errCounts
	}
	return nil
}

// turn is what is measured in turn with others, each on a copy of its database.
type turn struct {
	name, database string
	sent           string // the query for the messages that it calls sent
	command        func(url string) func(*sink) (command, error)
}

func (b *bench) turns() []turn {
	out := []turn{{"bare loop", outboxName, sentByLoop, func(url string) func(*sink) (command, error) { return b.bareCommand(url, false) }}}
	if b.rows {
		out = append(out, turn{"bare loop, Otklik's rows", campaignName, sentByProgram, func(url string) func(*sink) (command, error) { return b.bareCommand(url, true) }})
	}
	return append(out, turn{"otklik dispatch --once", campaignName, sentByProgram, func(url string) func(*sink) (command, error) { return b.programCommand(url, "dispatch", "--once") }})
}

func (b *bench) campaign(ctx context.Context) (*report, error) {
	turns := b.turns()
	r := &report{options: b.options, until: "to the end of the process, when all results are stored"}
	for _, t := range turns {
		r.columns = append(r.columns, column{name: t.name})
	}
	b.say("filling the outbox of the bare loop: %d rows", b.messages)
	if err := b.databases.fillOutbox(ctx, outboxName, b.channel, b.messages); err != nil {
		return nil, err
	}
	if err := b.fillCampaign(ctx, r); err != nil {
		return nil, err
	}
	for run := range b.runs {
		for i := range turns {
			t := &turns[i]
			b.say("run %d of %d: %s", run+1, b.runs, t.name)
			m, err := b.onCopy(ctx, t.database, func(url string) (measurement, error) {
				m, err := b.once(ctx, url, t.sent, t.command(url))
				if err == nil && t.database == campaignName {
					m.States, err = states(ctx, url)
				}
				return m, err
			})
			if err != nil {
				return nil, err
			}
			r.columns[i].runs = append(r.columns[i].runs, m)
			b.say("%.0f messages/s", m.Rate)
		}
	}
	var err error
	r.machine, err = b.machine(ctx)
	return r, err
}

// fillCampaign makes the program's database.
func (b *bench) fillCampaign(ctx context.Context, r *report) error {
	b.say("filling the program's database: %d contacts, each with a visit", b.messages)
	url, err := b.databases.create(ctx, campaignName)
	if err != nil {
		return err
	}
	if r.filled, err = fill(ctx, url, b.channel, b.zone, b.messages); err != nil {
		return err
	}
	return b.databases.settle(ctx, url)
}

// onCopy measures on a copy of a filled database and drops it.
func (b *bench) onCopy(ctx context.Context, name string, measure func(url string) (measurement, error)) (measurement, error) {
	url, err := b.databases.copyOf(ctx, name)
	if err != nil {
		return measurement{}, err
	}
	m, err := measure(url)
	if err != nil {
		return m, err
	}
	if err := b.databases.drop(ctx, url); err != nil {
		return m, fmt.Errorf("after the run: %w", err)
	}
	return m, nil
}

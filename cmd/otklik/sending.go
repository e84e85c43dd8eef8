package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"otklik/internal/app"
	"otklik/internal/store"
)

// sendingCmd is the console's Sending page for a terminal.
type sendingCmd struct {
	Status sendingStatusCmd `cmd:"" help:"Show what waits, is held and is in flight, what is paused, and which nodes run."`
	Pause  sendingPauseCmd  `cmd:"" help:"Stop something; running nodes obey it within a second."`
	Resume sendingResumeCmd `cmd:"" help:"Let something go on; running nodes obey it within a second."`
}

type sendingStatusCmd struct{}

func (sendingStatusCmd) Run(r run) error {
	return withStore(r, true, func(t tools) error {
		now := time.Now().UTC()
		p, err := t.store.Progress(r.ctx, nil, now, now)
		if err != nil {
			return err
		}
		dealers, err := t.store.Dealers(r.ctx)
		if err != nil {
			return err
		}
		codes := map[string]string{}
		for _, d := range dealers {
			codes[d.ID] = d.Code
		}
		w := tabwriter.NewWriter(r.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "SENDER\tDEALER\tPROGRAM\tWAITING\tHELD\tPLANNED\tIN FLIGHT\tNEXT HELD")
		for _, x := range p.Waits {
			sender, next := "not chosen yet", "-"
			if x.Channel != "" {
				sender = string(x.Channel) + ":" + x.Sender
			}
			if !x.NextHeld.IsZero() {
				next = x.NextHeld.Format(time.RFC3339) + " " + x.HeldRule
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", sender, codes[x.DealerID], cmp.Or(x.Program, "answers"),
				about(x.Waiting, x.About, x.More), about(x.Held, x.AboutLater, x.MoreLater), about(x.Later, x.AboutLater, x.MoreLater), x.InFlight+x.Asking, next)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		return t.sendingNotes(r, now)
	})
}

// about marks a count that is not exact.
func about(n int, estimated, more bool) string {
	switch {
	case n > 0 && more:
		return fmt.Sprint(">", n)
	case n > 0 && estimated:
		return fmt.Sprint("~", n)
	}
	return fmt.Sprint(n)
}

// sendingNotes prints what stands still, and the nodes.
func (t tools) sendingNotes(r run, now time.Time) error {
	ps, err := t.store.Pauses(r.ctx)
	if err != nil {
		return err
	}
	for _, p := range ps {
		fmt.Fprintf(r.stdout, "paused: %s since %s by %s\n", p.Name, p.At.Format(time.RFC3339), cmp.Or(p.EmployeeName, "command"))
	}
	ss, err := t.store.Senders(r.ctx)
	if err != nil {
		return err
	}
	for _, s := range ss {
		if s.PausedReason != "" {
			fmt.Fprintf(r.stdout, "refused by the provider: %s:%s since %s: %s\n", s.Channel, s.Address, s.PausedAt.Format(time.RFC3339), s.PausedReason)
		}
	}
	ns, err := t.store.Nodes(r.ctx)
	if err != nil {
		return err
	}
	for _, n := range ns {
		state := "running"
		if n.Dead(now) {
			state = "dead"
		}
		rate := 0.0
		for _, l := range n.Lanes {
			rate += l.Rate
		}
		fmt.Fprintf(r.stdout, "node %s %s %s: %s, %.1f messages/s, seen %s %s\n", n.ID, n.Role, n.Version, state, rate, n.SeenAt.Format(time.RFC3339), strings.Join(n.Trouble, " "))
	}
	return nil
}

type sendingPauseCmd struct {
	Name string `arg:"" help:"all, dealer:CODE, program:ID or sender:CHANNEL:ADDRESS."`
}

func (c sendingPauseCmd) Run(r run) error {
	return withStore(r, true, func(t tools) error {
		if err := t.stoppable(r, c.Name); err != nil {
			return err
		}
		if err := t.store.Pause(r.ctx, c.Name, "", time.Now().UTC()); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "%s is paused; `otklik sending resume %s` lets it go on\n", c.Name, c.Name)
		return err
	})
}

type sendingResumeCmd struct {
	Name string `arg:"" help:"As for pause."`
}

func (c sendingResumeCmd) Run(r run) error {
	return withStore(r, true, func(t tools) error {
		ps, err := t.store.Pauses(r.ctx)
		if err != nil {
			return err
		}
		var names []string
		for _, p := range ps {
			names = append(names, p.Name)
		}
		if !slices.Contains(names, c.Name) {
			return usage("%q is not paused; paused: %s", c.Name, cmp.Or(strings.Join(names, ", "), "nothing"))
		}
		if err := t.store.Resume(r.ctx, c.Name, "", time.Now().UTC()); err != nil {
			return err
		}
		_, err = fmt.Fprintf(r.stdout, "%s goes on\n", c.Name)
		return err
	})
}

// stoppable refuses a name that would stop nothing.
func (t tools) stoppable(r run, name string) error {
	known := []string{store.PauseEverything}
	dealers, err := t.store.Dealers(r.ctx)
	if err != nil {
		return err
	}
	for _, d := range dealers {
		known = append(known, store.DealerPause(d.Code))
	}
	senders, err := t.store.Senders(r.ctx)
	if err != nil {
		return err
	}
	for _, s := range senders {
		known = append(known, store.SenderPause(s.Channel, s.Address))
	}
	files, err := app.DefinitionFiles()
	if err != nil {
		return err
	}
	for path := range files {
		if file, ok := strings.CutPrefix(path, "programs/"); ok {
			known = append(known, store.ProgramPause(strings.TrimSuffix(file, ".yaml")))
		}
	}
	if !slices.Contains(known, name) {
		slices.Sort(known)
		return usage("%q cannot be paused; there are: %s", name, strings.Join(slices.Compact(known), ", "))
	}
	return nil
}

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/app"
	"otklik/internal/dispatch"
	"otklik/internal/outlook"
)

// planCmd prints what a real run would do.
type planCmd struct {
	From   string `required:"" help:"Beginning, RFC 3339 or YYYY-MM-DD in the dealer's zone."`
	To     string `required:"" help:"End, not included."`
	JSON   bool   `name:"json" help:"A JSON line each."`
	Dealer string `help:"The dealer's code; the only one by default."`
}

type planLine struct {
	At       string `json:"at"`
	Contact  string `json:"contact"`
	Order    string `json:"order"`
	Program  string `json:"program"`
	Step     string `json:"step"`
	Channel  string `json:"channel"`
	Verdict  string `json:"verdict"`
	Rule     string `json:"rule"`
	Segments int    `json:"segments"`
	Cost     string `json:"cost"`
}

func (c planCmd) Run(r run) error {
	return withApp(r, func(a *app.App) error { return c.print(r, a) })
}

func (c planCmd) print(r run, a *app.App) error {
	d, err := tools{a.Store()}.dealer(r.ctx, c.Dealer)
	if err != nil {
		return err
	}
	from, err := moment(c.From, d.Location())
	if err != nil {
		return err
	}
	to, err := moment(c.To, d.Location())
	if err != nil {
		return err
	}
	if !to.After(from) {
		return usage("--to %s is not after --from %s", c.To, c.From)
	}
	out := bufio.NewWriter(r.stdout)
	err = a.Foresee(r.ctx, d, from, to, func(l *outlook.Row) error {
		x := planLine{At: l.At.In(d.Location()).Format(time.RFC3339), Contact: l.Contact, Order: l.Order, Program: l.Program, Step: l.Step, Channel: string(l.Channel), Verdict: l.Verdict, Rule: l.Rule, Segments: l.Segments, Cost: l.Cost}
		if c.JSON {
			return json.NewEncoder(out).Encode(x)
		}
		_, err := fmt.Fprintf(out, "%s  %-8s %-9s %-18s %-8s %-6s %-20s %d  %s\n", x.At, x.Order, x.Channel, x.Program, x.Step, x.Verdict, x.Rule, x.Segments, x.Contact)
		return err
	})
	return errors.Join(err, out.Flush())
}

// moment reads a time of the command line.
func moment(s string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, s, zone)
	if err != nil {
		return t, usage("%q is neither a time like 2026-11-22T09:00:00+03:00 nor a date like 2026-11-22", s)
	}
	return t, nil
}

type dispatchCmd struct {
	Once bool `required:"" help:"Send all that is due, print a summary and end."`
}

func (dispatchCmd) Run(r run) error {
	cfg, err := r.config()
	if err != nil {
		return err
	}
	a, err := app.New(r.ctx, cfg, app.Options{Role: app.RoleAll, Version: version, Log: r.quiet()})
	if err != nil {
		return err
	}
	progress, wipe := func(dispatch.Summary) {}, ""
	if app.Terminal(r.stderr) {
		wipe = "\r\x1b[K" // to the beginning of the line, and nothing after it
		progress = func(s dispatch.Summary) {
			fmt.Fprintf(r.stderr, wipe+"sent %d held %d dropped %d failed %d ", s.Sent, s.Held, s.Dropped, s.Failed)
		}
	}
	s, left, err := a.DispatchOnce(r.ctx, progress)
	fmt.Fprint(r.stderr, wipe)
	for _, l := range left {
		fmt.Fprintln(r.stderr, l)
	}
	if err != nil && s == (dispatch.Summary{}) {
		return err
	}
	fmt.Fprintf(r.stdout, "sent %d delayed %d held %d dropped %d tasks %d failed %d uncertain %d expired %d\n", s.Sent, s.Delayed, s.Held, s.Dropped, s.Tasks, s.Failed, s.Uncertain, s.Expired)
	return err
}

type previewCmd struct {
	Survey  string `help:"Id of a survey." xor:"what" required:""`
	Program string `help:"Id of a program." xor:"what" required:""`
	Locale  string `help:"Language." enum:"ru,en,zh" default:"ru"`
	Channel string `help:"Channel." enum:"sms,email,telegram,form,phone,paper" default:"sms"`
	Dealer  string `help:"The dealer's code; the only one by default."`
}

func (c previewCmd) Run(r run) error {
	return withApp(r, func(a *app.App) error { return c.print(r, a) })
}

func (c previewCmd) print(r run, a *app.App) error {
	d, err := tools{a.Store()}.dealer(r.ctx, c.Dealer)
	if err != nil {
		return err
	}
	parts, err := a.Preview(d, c.Survey, c.Program, c.Locale, channels.Kind(c.Channel))
	if err != nil {
		return usage("%v", err)
	}
	for _, p := range parts {
		fmt.Fprintf(r.stdout, "── %s", p.Name)
		if p.Segments > 0 {
			fmt.Fprintf(r.stdout, " (%d characters, %d segment(s), %s)", len([]rune(p.Text)), p.Segments, p.Encoding)
		}
		fmt.Fprintln(r.stdout)
		if p.Subject != "" {
			fmt.Fprintln(r.stdout, p.Subject)
			fmt.Fprintln(r.stdout)
		}
		fmt.Fprintln(r.stdout, p.Text)
		for _, row := range p.Buttons {
			var labels []string
			for _, b := range row {
				labels = append(labels, "["+b.Label+"]")
			}
			fmt.Fprintln(r.stdout, strings.Join(labels, " "))
		}
	}
	return nil
}

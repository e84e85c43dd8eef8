package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"otklik/internal/ratelimit"
	"otklik/internal/store"
)

type limitCmd struct {
	List  limitListCmd  `cmd:"" help:"Show all limits: what holds, what is shipped, and who changed it when."`
	Set   limitSetCmd   `cmd:"" help:"Set a limit; running nodes obey it within seconds."`
	Clear limitClearCmd `cmd:"" help:"Bring back what is shipped; running nodes obey it within seconds."`
}

type limitListCmd struct{}

func (limitListCmd) Run(r run) error {
	book, err := ratelimit.Shipped()
	if err != nil {
		return err
	}
	return withStore(r, true, func(t tools) error {
		set, err := t.limits(r)
		if err != nil {
			return err
		}
		names := slices.Concat(book.Names(), slices.Collect(maps.Keys(set)))
		slices.Sort(names)
		w := tabwriter.NewWriter(r.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "NAME\tLIMIT\tSHIPPED\tCHANGED")
		for _, name := range slices.Compact(names) {
			shipped, changed := "-", "-"
			l, ok := book.Limit(name)
			if ok {
				shipped = l.String()
			}
			if s, ok := set[name]; ok {
				l = ratelimit.Rate(s.Units, s.Per, s.Burst)
				changed = s.UpdatedAt.Format(time.RFC3339) + " " + cmp.Or(s.EmployeeName, "by command")
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", name, l, shipped, changed)
		}
		return w.Flush()
	})
}

// limits are the set ones by name.
func (t tools) limits(r run) (map[string]store.RateLimit, error) {
	ls, err := t.store.RateLimits(r.ctx)
	if err != nil {
		return nil, err
	}
	out := make(map[string]store.RateLimit, len(ls))
	for _, l := range ls {
		out[l.Name] = l
	}
	return out, nil
}

type limitSetCmd struct {
	Name  string   `arg:"" help:"global, channel:KIND (each sender of it), sender:KIND:ADDRESS, address:KIND (each recipient), dealer:CODE or domain:DOMAIN (recipients' mail)."`
	Value []string `arg:"" help:"Such as 10/s, 600/min, 30/s burst 10, 1000/day or none. A sender's limit counts segments of SMS, all others messages."`
}

// belowZero lets a number below zero in the arguments of "limit set" be read as a part of
// the limit, which says what is wrong with it, and not as a flag; no flag begins with a
// digit.
func belowZero(args []string) []string {
	number := func(arg string) bool {
		rest := strings.TrimLeft(arg, "-")
		return len(rest) < len(arg) && rest != "" && strings.Contains("0123456789.", rest[:1])
	}
	if len(args) < 3 || args[0] != "limit" || args[1] != "set" || slices.Contains(args, "--") || !slices.ContainsFunc(args, number) {
		return args
	}
	return slices.Insert(slices.Clone(args), 2, "--")
}

func (c limitSetCmd) Run(r run) error {
	book, err := ratelimit.Shipped()
	if err != nil {
		return err
	}
	name, err := book.Name(c.Name)
	if err != nil {
		return usage("%v", err)
	}
	l, err := ratelimit.ParseLimit(strings.Join(c.Value, " "))
	if err != nil {
		return usage("%v", err)
	}
	return withStore(r, true, func(t tools) error {
		if err := t.exists(r, name); err != nil {
			return err
		}
		n, per := l.Units()
		if err := t.store.SetRateLimit(r.ctx, store.RateLimit{Name: name, Units: n, Per: per, Burst: l.Burst}, time.Now().UTC()); err != nil {
			return err
		}
		_, err := fmt.Fprintf(r.stdout, "%s is %s now\n", name, l)
		return err
	})
}

// exists refuses the limit of a dealer or sender that is not there, which would
// limit nothing.
func (t tools) exists(r run, name string) error {
	kind, rest, _ := strings.Cut(name, ":")
	switch kind {
	case "dealer":
		_, err := t.dealer(r.ctx, rest)
		return err
	case "sender":
		ss, err := t.store.Senders(r.ctx)
		if err != nil {
			return err
		}
		var known []string
		for _, s := range ss {
			known = append(known, string(s.Channel)+":"+s.Address)
		}
		if !slices.Contains(known, rest) {
			return usage("sender %q is not known; there are: %s", rest, strings.Join(slices.Compact(known), ", "))
		}
	}
	return nil
}

type limitClearCmd struct {
	Name string `arg:"" help:"As for set."`
}

func (c limitClearCmd) Run(r run) error {
	book, err := ratelimit.Shipped()
	if err != nil {
		return err
	}
	name, err := book.Name(c.Name)
	if err != nil {
		return usage("%v", err)
	}
	return withStore(r, true, func(t tools) error {
		if err := t.store.ClearRateLimit(r.ctx, name, "", time.Now().UTC()); err != nil {
			return err
		}
		l, ok := book.Limit(name)
		if !ok {
			l = ratelimit.Limit{}
		}
		_, err := fmt.Fprintf(r.stdout, "%s is %s now, as shipped\n", name, l)
		return err
	})
}

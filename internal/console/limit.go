package console

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"otklik/internal/ratelimit"
	"otklik/internal/store"
)

var (
	errBadLimit     = errors.New("not a rate limit")
	errUnknownLimit = errors.New("nothing has a limit of that name")
)

// limitView is one limit in force.
type limitView struct {
	Name  string
	Limit ratelimit.Limit
	// Shipped is what comes back with a reset; Ships is false where the program ships
	// no such limit, and it is lifted then.
	Shipped ratelimit.Limit
	Ships   bool
	// Set is who changed it and when; nil where nobody did.
	Set *store.RateLimit
}

// limitsView is the limits with the form that changes them.
type limitsView struct {
	InForce []limitView
	// Free are names that have no limit yet.
	Free []string
	// May tells whether the reader may change them.
	May bool
	// Name, Domain and Value are what was typed and refused.
	Name, Domain, Value string
}

// limits reads what is in force for the dealers that are seen. Only administrators
// whose doing may touch all dealers change it.
func (q *request) limits(senders []store.Sender, dealers []store.Dealer) (v limitsView, err error) {
	set, err := q.c.Store.RateLimits(q.ctx())
	if err != nil {
		return v, err
	}
	v.May = q.employee.Has(store.RoleAdmin) && q.groupWide()
	known := slices.Concat(q.c.limits.Names(), limitable(senders, dealers))
	names := q.c.limits.Names()
	for i := range set {
		names = append(names, set[i].Name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(limitOrder(a)-limitOrder(b), cmp.Compare(a, b)) })
	for _, name := range slices.Compact(names) {
		if kind, _, _ := strings.Cut(name, ":"); (kind == "dealer" || kind == "sender") && !slices.Contains(known, name) {
			continue // another dealer's
		}
		x := limitView{Name: name}
		x.Shipped, x.Ships = q.c.limits.Limit(name)
		x.Limit = x.Shipped
		if i := slices.IndexFunc(set, func(s store.RateLimit) bool { return s.Name == name }); i >= 0 {
			x.Set, x.Limit = &set[i], ratelimit.Rate(set[i].Units, set[i].Per, set[i].Burst)
		}
		v.InForce = append(v.InForce, x)
	}
	for _, name := range limitable(senders, dealers) {
		if !slices.Contains(names, name) {
			v.Free = append(v.Free, name)
		}
	}
	return v, nil
}

// limitOrder puts what bounds much before what bounds little.
func limitOrder(name string) int {
	kind, _, _ := strings.Cut(name, ":")
	return slices.Index([]string{"global", "channel", "sender", "address", "dealer", "domain"}, kind)
}

// limitable are the names of what could be limited, beside what the book names.
func limitable(senders []store.Sender, dealers []store.Dealer) []string {
	names := []string{"global"}
	for _, s := range senders {
		if name := store.SenderPause(s.Channel, s.Address); !slices.Contains(names, name) && slices.Contains(dealerIDs(dealers), s.DealerID) {
			names = append(names, name) // senders are named as for pauses
		}
	}
	for _, d := range dealers {
		names = append(names, store.DealerPause(d.Code))
	}
	return names
}

// setLimit changes a limit, or brings back what is shipped.
func (c *Console) setLimit(q *request) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	err := c.takeLimit(q)
	switch {
	case err == nil:
		q.flash("sending.limit.changed")
		return q.redirect("/sending")
	case !errors.Is(err, errBadLimit) && !errors.Is(err, errUnknownLimit):
		return err
	}
	p, failed := c.sendingOf(q)
	if failed != nil {
		return failed
	}
	p.Limits.Name, p.Limits.Domain, p.Limits.Value = q.text("name"), q.text("domain"), q.text("value")
	status, key := failureOf(err)
	return q.pageWith(status, "sending", "sending.title", p, q.lang.text(key))
}

func (c *Console) takeLimit(q *request) error {
	if !q.employee.Has(store.RoleAdmin) || !q.groupWide() {
		return errForbidden
	}
	given := q.text("name")
	if given == "domain:" {
		given += q.text("domain")
	}
	name, err := c.limits.Name(given)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnknownLimit, err)
	}
	if q.text("do") == "reset" {
		return c.Store.ClearRateLimit(q.ctx(), name, q.employee.ID, q.now)
	}
	senders, err := c.Store.Senders(q.ctx())
	if err != nil {
		return fmt.Errorf("reading senders: %w", err)
	}
	if kind, _, _ := strings.Cut(name, ":"); (kind == "dealer" || kind == "sender") && !slices.Contains(limitable(senders, q.c.Roster.Dealers()), name) {
		return fmt.Errorf("%w: %s", errUnknownLimit, name)
	}
	l, err := ratelimit.ParseLimit(q.text("value"))
	if err != nil {
		return fmt.Errorf("%w: %w", errBadLimit, err)
	}
	n, per := l.Units()
	return c.Store.SetRateLimit(q.ctx(), store.RateLimit{Name: name, Units: n, Per: per, Burst: l.Burst, EmployeeID: q.employee.ID}, q.now)
}

// Listed tells whether a limit of that name is in force.
func (v *view) Listed(ls []limitView, name string) bool {
	return slices.ContainsFunc(ls, func(l limitView) bool { return l.Name == name })
}

// Limited is what a limit bounds, in words.
func (v *view) Limited(name string) string {
	kind, rest, _ := strings.Cut(name, ":")
	switch kind {
	case "channel", "address":
		rest = v.Label("channel", rest)
	case "sender", "dealer":
		rest = v.Thing(name)
	}
	return v.T("sending.limit.of."+kind, "name", rest)
}

// Rate is a limit in words.
func (v *view) Rate(l ratelimit.Limit) string {
	n, per := l.Units()
	if n == 0 {
		return v.T("sending.limit.none")
	}
	unit := ""
	for name, d := range map[string]time.Duration{"s": time.Second, "min": time.Minute, "h": time.Hour, "day": 24 * time.Hour} {
		if per == d {
			unit = v.T("sending.limit.per." + name)
		}
	}
	if unit == "" {
		unit = v.T("sending.limit.per.other", "time", per.String())
	}
	s := v.T("sending.limit.rate", "n", v.Number(n), "per", unit)
	if l.Burst > 1 {
		s = v.T("sending.limit.burst", "rate", s, "n", v.Number(l.Burst))
	}
	return s
}

package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"slices"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/clock"
	"otklik/internal/config"
	"otklik/internal/ratelimit"
	"otklik/internal/store"
)

// Finding is one line of `otklik doctor`.
type Finding struct {
	What string
	OK   bool
	Says string
}

// found is good news, or what err says.
func found(what string, err error, fine string) Finding {
	if err != nil {
		return Finding{what, false, strings.ReplaceAll(err.Error(), "\n", "; ")}
	}
	return Finding{what, true, fine}
}

// Doctor looks at everything the configuration names and says what to mend. What
// is wrong with one part hides nothing of the others.
func Doctor(ctx context.Context, c *config.Config, log *slog.Logger) []Finding {
	var out []Finding
	look := func(at func(ctx context.Context) []Finding) {
		// A time of its own: what one part does not answer within is not missing to others.
		ctx, cancel := context.WithTimeout(ctx, doctorWithin)
		defer cancel()
		out = append(out, at(ctx)...)
	}
	look(func(ctx context.Context) []Finding { return inDatabase(ctx, c, log) })
	look(func(ctx context.Context) []Finding { return []Finding{inRedis(ctx, c.RedisURL)} })
	look(func(ctx context.Context) []Finding { return inChannels(ctx, c, log) })
	if c.SMTPURL != "" {
		look(func(ctx context.Context) []Finding { return inDNS(ctx, net.DefaultResolver.LookupTXT, c.EmailFrom) })
	}
	return out
}

// doctorWithin bounds the look at each part.
const doctorWithin = 30 * time.Second

func inDatabase(ctx context.Context, c *config.Config, log *slog.Logger) []Finding {
	a, err := New(ctx, c, Options{Role: RoleAll, Log: log})
	if errors.Is(store.Cause(err), store.ErrCrowded) {
		err = fmt.Errorf("it has no connection left (max_connections, or the limit of the role or the database): %w", err)
	}
	if err != nil {
		return []Finding{found("database", err, "")}
	}
	defer func() { _ = a.Stop(ctx) }()
	return []Finding{found("database", a.writes(ctx), "answers and takes writes"), schema(ctx, a.store), found("clock", a.realTime(ctx), "business time is real time"), a.onTime(), staffed(ctx, a), defined(a), dated(a), moving(ctx, a.store), alive(ctx, a.store, a.clock.Machine())}
}

// writes tries whether the database takes a write: one whose disk is full, that may
// only be read, or some table of which is locked, answers like any other.
func (a *App) writes(ctx context.Context) error {
	if err := a.store.Writable(ctx); err != nil {
		return fmt.Errorf("not everything can be written: %w", err)
	}
	if err := a.store.SetSetting(ctx, "doctor_at", a.clock.Machine().Format(time.RFC3339)); err != nil {
		return fmt.Errorf("nothing can be written: %w", err)
	}
	return nil
}

// schema mentions a database that a newer version has migrated: nodes of both go on
// working.
func schema(ctx context.Context, st *store.Store) Finding {
	has, knows, err := st.Versions(ctx)
	says := "up to date"
	if has > knows {
		says = fmt.Sprintf("a newer version has migrated the database to %05d; this one knows %05d, goes on working beside it and should be updated, too", has, knows)
	}
	return found("schema", err, says)
}

func inRedis(ctx context.Context, address string) Finding {
	if address == "" {
		return found("redis", nil, "not configured: one process, limits in memory")
	}
	client, err := ratelimit.Dial(address)
	if err != nil {
		return found("redis", fmt.Errorf("OTKLIK_REDIS_URL: %w", err), "")
	}
	defer func() { _ = client.Close() }()
	r := ratelimit.NewRedis(client, redisPrefix)
	if err := r.Check(ctx); err != nil {
		return found("redis", fmt.Errorf("OTKLIK_REDIS_URL: Redis %s: %w", ratelimit.Why(err), err), "")
	}
	rule, err := r.Evicts(ctx)
	switch {
	case err != nil:
		return found("redis", nil, fmt.Sprintf("answers, rate limits can be kept; but it refuses INFO: that it has gone back to an older copy is not noticed then, and whether it drops keys is not known (%v)", err))
	case rule != "":
		return found("redis", fmt.Errorf("it drops keys when its memory is full, and limits with them (maxmemory-policy is %s, it should be noeviction)", rule), "")
	}
	return found("redis", nil, "answers, rate limits can be kept")
}

func inChannels(ctx context.Context, c *config.Config, log *slog.Logger) []Finding {
	a := &App{config: c, log: log, clock: clock.System{}}
	defer func() { _ = a.close(ctx) }()
	if err := a.makeChannels(); err != nil {
		return []Finding{found("channels", err, "")}
	}
	if len(a.channels) == 0 {
		return []Finding{found("channels", errors.New("no channel is configured: nothing can be sent (OTKLIK_TWILIO_…, OTKLIK_SMTP_URL, OTKLIK_TELEGRAM_TOKEN)"), "")}
	}
	var names []string
	for kind := range a.channels {
		names = append(names, string(kind))
	}
	slices.Sort(names)
	out := []Finding{found("channels", nil, "configured: "+strings.Join(names, ", "))}
	for _, kind := range names {
		if p, ok := a.channels[channels.Kind(kind)].(interface{ Check(context.Context) error }); ok {
			out = append(out, found(kind, p.Check(ctx), "the provider answers and takes our credentials"))
		}
	}
	return out
}

// inDNS looks for the records without which large mailbox providers refuse or hide
// mail of a domain (provider-and-law-facts, email): SPF (RFC 7208) and DMARC
// (RFC 7489). The DKIM key stands under a selector that only the signing server
// knows.
func inDNS(ctx context.Context, lookup func(ctx context.Context, name string) ([]string, error), from string) []Finding {
	a, err := mail.ParseAddress(from)
	if err != nil {
		return []Finding{found("mail domain", fmt.Errorf("OTKLIK_EMAIL_FROM: %w", err), "")}
	}
	domain := a.Address[strings.LastIndexByte(a.Address, '@')+1:]
	var out []Finding
	for _, r := range []struct{ what, name, begins string }{
		{"SPF of " + domain, domain, "v=spf1"},
		{"DMARC of " + domain, "_dmarc." + domain, "v=DMARC1"},
	} {
		texts, err := lookup(ctx, r.name)
		var missing *net.DNSError
		switch {
		case errors.As(err, &missing) && missing.IsNotFound:
			err = nil
		case err != nil:
			err = fmt.Errorf("looking up TXT of %s: %w", r.name, err)
		}
		if err == nil && !slices.ContainsFunc(texts, func(s string) bool { return strings.HasPrefix(s, r.begins) }) {
			err = fmt.Errorf("%s has no TXT record that begins with %s: mail will be refused or land in spam", r.name, r.begins)
		}
		out = append(out, found(r.what, err, "stands in DNS"))
	}
	return out
}

// moving tells what stands still: by a person's hand, which is mentioned, or by a
// provider's word, which is to be mended.
func moving(ctx context.Context, st *store.Store) Finding {
	const what = "sending"
	ps, err := st.Pauses(ctx)
	if err != nil {
		return found(what, err, "")
	}
	still := []string{"nothing is paused"}
	for i, p := range ps {
		still = append(still[:i], fmt.Sprintf("%s is paused since %s by %s (otklik sending resume %s)", p.Name, p.At.Format(time.RFC3339), cmp.Or(p.EmployeeName, "command"), p.Name))
	}
	ss, err := st.Senders(ctx)
	if err != nil {
		return found(what, err, "")
	}
	var refused []string
	for _, s := range ss {
		if s.PausedReason != "" {
			refused = append(refused, fmt.Sprintf("the provider refuses %s %s since %s: %s", s.Channel, s.Address, s.PausedAt.Format(time.RFC3339), s.PausedReason))
		}
	}
	if len(refused) > 0 {
		err = errors.New(strings.Join(append(refused, still...), "; "))
	}
	return found(what, err, strings.Join(still, "; "))
}

// alive tells of nodes that died, which others replace, and of troubles that running
// ones report, which are to be mended.
func alive(ctx context.Context, st *store.Store, machine time.Time) Finding {
	const what = "nodes"
	ns, err := st.Nodes(ctx)
	if err != nil {
		return found(what, err, "")
	}
	running := 0
	var dead, wrong []string
	for _, n := range ns {
		if n.Dead(machine) {
			dead = append(dead, fmt.Sprintf("%s node %s (%s) died: it was last seen at %s", n.Role, n.ID, n.Version, n.SeenAt.Format(time.RFC3339)))
			continue
		}
		running++
		if len(n.Trouble) > 0 {
			wrong = append(wrong, fmt.Sprintf("%s node %s reports: %s", n.Role, n.ID, strings.Join(n.Trouble, ", ")))
		}
	}
	says := strings.Join(append([]string{fmt.Sprintf("%d running", running)}, slices.Concat(wrong, dead)...), "; ")
	if len(wrong) > 0 {
		err = errors.New(says)
	}
	return found(what, err, says)
}

// defined tells of surveys and programs that a person has to look at.
func defined(a *App) Finding {
	if len(a.problems) > 0 {
		return found("definitions", errors.New(strings.Join(a.problems, "; ")), "")
	}
	return found("definitions", nil, fmt.Sprintf("%d surveys and %d programs are in force", len(a.renderer.Definitions()), len(a.inForce())))
}

// staffed checks R005: a program needs somebody who answers for it.
func staffed(ctx context.Context, a *App) Finding {
	var wrong []string
	for _, d := range a.roster.Dealers() {
		es, err := a.store.Employees(ctx, d.ID)
		if err != nil {
			return found("employees", err, "")
		}
		if !slices.ContainsFunc(es, func(e store.Employee) bool { return e.Active && slices.Contains(e.Roles, store.RoleOperator) }) {
			wrong = append(wrong, fmt.Sprintf("dealer %s has no operator who answers for the surveys (otklik user add NAME --role operator --dealer %s)", d.Code, d.Code))
		}
	}
	if len(wrong) > 0 {
		return found("employees", errors.New(strings.Join(wrong, "; ")), "")
	}
	return found("employees", nil, "every dealer has an operator")
}

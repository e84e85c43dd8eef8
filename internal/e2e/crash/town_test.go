//go:build heavy || soak

package crash_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"otklik/internal/dispatch"
	"otklik/internal/testserver"
	"otklik/internal/testserver/faultproxy"
)

// seedVariable repeats a run: the faults, and when which node is killed. What the
// kernel schedules meanwhile it does not repeat.
const seedVariable = "OTKLIK_TEST_SEED"

// seed is the run's, printed so that it can be given again.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := uint64(time.Now().UnixNano())
	if given := os.Getenv(seedVariable); given != "" {
		var err error
		if n, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("%s=%d repeats these faults", seedVariable, n)
	return n
}

// Times of the nodes, far shorter than in real life.
const (
	lease = 8 * time.Second
	ask   = 2 * time.Second
)

// Credentials that the sink accepts; they open nothing else.
const (
	twilioSID   = "AC0123456789abcdef0123456789abcdef"
	twilioToken = "0123456789abcdef0123456789abcdef"
)

// public is where the provider believes the nodes to be.
const public = "https://south.example"

// rooftops are the dealers of the group, each with a number and a mailbox.
const rooftops = 4

// setting is where a campaign runs.
type setting struct {
	engine string
	nodes  int
	redis  bool
	// reports: the provider reports deliveries to whichever node is there.
	reports bool
	// people are written to at least; more are added while there are kills to come.
	people int
}

func (s setting) String() string {
	return fmt.Sprintf("%s, nodes: %d, redis: %v, reports: %v", s.engine, s.nodes, s.redis, s.reports)
}

// town is a group of dealers with its campaign, its providers and its faults.
type town struct {
	setting
	t      *testing.T
	random *rand.Rand
	dir    string
	env    []string
	db     *sql.DB
	texts  *smsSink
	mails  *mailSink
	nodes  []*node
	// Proxies before the providers, Redis and PostgreSQL; nil where there is none.
	sms, smtp, cache, rows *faultproxy.Proxy
	redis                  *redis.Client
	// Controls of the servers; what there is not does nothing.
	stopRedis, startRedis, stopRows, startRows func()
	// imported counts the people so far, seen the messages that were in flight at an
	// earlier kill, killed what the kills have left in flight.
	imported int
	reported atomic.Int64
	seen     map[string]bool
	killed   int
	kills    int
}

// newTown starts the servers, the sinks and the proxies, and writes the first
// people into the database. No node runs yet.
func newTown(t *testing.T, s setting, seed uint64) *town {
	t.Helper()
	nothing := func() {}
	w := &town{setting: s, t: t, random: rand.New(rand.NewPCG(seed, 2)), dir: t.TempDir(), seen: map[string]bool{}, //nolint:gosec // faults, not secrets
		texts: newSMSSink(t, seed), mails: newMailSink(t, seed), stopRedis: nothing, startRedis: nothing, stopRows: nothing, startRows: nothing}
	w.sms, w.smtp = faultproxy.Start(t, w.texts.addr, seed), faultproxy.Start(t, w.mails.addr, seed)
	direct, behind := "sqlite:"+filepath.Join(w.dir, "otklik.db"), ""
	if s.engine == "postgres" {
		direct, w.stopRows, w.startRows = testserver.PrivatePostgres(t)
		w.rows, behind = proxied(t, direct, seed)
	}
	w.env = []string{"OTKLIK_CONFIG=" + w.group(), "OTKLIK_DATABASE_URL=" + direct, "OTKLIK_PUBLIC_URL=" + public, "OTKLIK_DEALER_LOCALE=en", "OTKLIK_DEALER_ZONE=" + testserver.Noon(time.Now()),
		"OTKLIK_TWILIO_ACCOUNT_SID=" + twilioSID, "OTKLIK_TWILIO_AUTH_TOKEN=" + twilioToken, "OTKLIK_TWILIO_FROM=+74950000000", "OTKLIK_TWILIO_API_BASE=http://" + w.sms.Addr(),
		"OTKLIK_SMTP_URL=smtp+insecure://" + w.smtp.Addr(), "OTKLIK_EMAIL_FROM=South <service@south.example>"}
	w.add()
	var err error
	if w.db, err = database(direct); err != nil {
		t.Fatal(err)
	}
	w.db.SetMaxIdleConns(0) // one that is kept does not outlive a restart
	t.Cleanup(func() { _ = w.db.Close() })
	w.raise()
	if behind != "" {
		w.env = append(w.env, "OTKLIK_DATABASE_URL="+behind) // the last one counts
	}
	if s.redis {
		var direct, behind string
		direct, w.stopRedis, w.startRedis = testserver.PrivateRedis(t)
		w.cache, behind = proxied(t, direct, seed)
		w.env = append(w.env, "OTKLIK_REDIS_URL="+behind)
		options, err := redis.ParseURL(direct)
		if err != nil {
			t.Fatal(err)
		}
		w.redis = redis.NewClient(options)
		t.Cleanup(func() { _ = w.redis.Close() })
	}
	return w
}

// proxied puts a proxy before the server at an address.
func proxied(t *testing.T, address string, seed uint64) (*faultproxy.Proxy, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	p := faultproxy.Start(t, u.Host, seed)
	u.Host = p.Addr()
	return p, u.String()
}

// group writes the file of the dealers and gives its path.
func (w *town) group() string {
	var b strings.Builder
	b.WriteString("dealers:\n")
	for i := range rooftops {
		fmt.Fprintf(&b, "  - {code: roof%d, name: South %d, sms_from: \"+7495000000%d\", email_from: \"South %d <roof%d@south.example>\"}\n", i, i, i+1, i, i)
	}
	path := filepath.Join(w.dir, "group.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// add imports people whose surveys are due, half of them with a phone and half with
// a mailbox, in all rooftops.
func (w *town) add() {
	w.t.Helper()
	zone, err := time.LoadLocation(testserver.Noon(time.Now()))
	if err != nil {
		w.t.Fatal(err)
	}
	at := time.Now().Add(-25 * time.Hour).In(zone).Format("02.01.2006 15:04")
	for roof := range rooftops {
		var b strings.Builder
		b.WriteString("Заказ-наряд;Дата закрытия;Клиент;Телефон;E-mail\n")
		for range w.people / rooftops {
			n := w.imported
			phone, mailbox := fmt.Sprintf("+7900%07d", n), ""
			if n%2 == 1 {
				phone, mailbox = "", fmt.Sprintf("p%d@example.org", n)
			}
			fmt.Fprintf(&b, "C%d;%s;John Smith %d;%s;%s\n", n, at, n, phone, mailbox)
			w.imported++
		}
		name := fmt.Sprintf("roof%d.csv", roof)
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(b.String()), 0o600); err != nil {
			w.t.Fatal(err)
		}
		w.run("import", "--kind", "visits", "--dealer", fmt.Sprintf("roof%d", roof), name)
	}
}

// environ is the test's own environment without its variables for the program.
func (w *town) environ() []string {
	return append(slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "OTKLIK_") }), w.env...)
}

// run runs a command of the program that must succeed.
func (w *town) run(args ...string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(w.t), args...)
	cmd.Dir, cmd.Env = w.dir, w.environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%s: %v\n%s", args[0], err, out)
	}
}

// rate of a lane: a campaign shall be under way while nodes are killed, and not for
// long afterwards.
const rate = "150/s burst 30"

// raise sets the rates of the campaign.
func (w *town) raise() {
	w.t.Helper()
	for _, name := range []string{"channel:sms", "channel:email"} {
		w.run("limit", "set", name, rate)
	}
}

// until keeps the nodes running until cond holds, or the time is over.
func (w *town) until(limit time.Duration, cond func() bool) bool {
	w.t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline.C:
			return false
		case <-w.t.Context().Done():
			w.t.Fatal("the test is over")
		case <-tick.C:
			w.keep()
		}
	}
	return true
}

// arrived counts what the sinks have taken.
func (w *town) arrived() int { return w.texts.count() + w.mails.count() }

// uncertain checks what a kill has left in flight, in each lane; so many nodes have
// been sending since the one before.
func (w *town) uncertain(nodes int) int {
	w.t.Helper()
	ctx, cancel := soon(w.t.Context())
	defer cancel()
	lanes, err := inFlight(ctx, w.db)
	if err != nil {
		w.t.Fatal(err)
	}
	total := 0
	for _, lane := range slices.Sorted(maps.Keys(lanes)) {
		fresh := 0
		for _, id := range lanes[lane] {
			if !w.seen[id] {
				w.seen[id] = true
				fresh++
			}
		}
		if most := dispatch.Window * nodes; fresh > most {
			w.t.Errorf("after kill %d, %d messages of lane %s are in flight, more than %d", w.kills, fresh, lane, most)
		}
		total += fresh
	}
	w.killed += total
	return total
}

// crash ends PostgreSQL without a checkpoint, as kill -9 of its processes would.
func (w *town) crash() {
	w.t.Helper()
	ctx, cancel := soon(w.t.Context())
	defer cancel()
	found, err := table(ctx, w.db, "select setting from pg_settings where name = 'data_directory'")
	if err != nil || len(found) != 1 {
		w.t.Fatalf("finding PostgreSQL: %v, %v", found, err)
	}
	text, err := os.ReadFile(filepath.Join(found[0][0], "postmaster.pid"))
	if err != nil {
		w.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil {
		w.t.Fatal(err)
	}
	// Immediate shutdown: https://www.postgresql.org/docs/current/server-shutdown.html
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		w.t.Fatal(err)
	}
	w.stopRows()
}

// end lets all work come to its end, stops the nodes and compares.
func (w *town) end() {
	w.t.Helper()
	w.right()
	left := ""
	// A message that failed twice before a byte had left waits for a minute.
	settled := w.until(5*time.Minute, func() bool {
		ctx, cancel := soon(w.t.Context())
		defer cancel()
		var err error
		if left, err = unsettled(ctx, w.db); err != nil {
			w.t.Fatal(err)
		}
		return left == ""
	})
	if !settled {
		w.t.Errorf("left to be done for ever: %s", left)
	}
	for _, n := range w.nodes {
		if err := n.process.Stop(); err != nil {
			w.t.Error(err)
		}
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	b, err := read(ctx, w.db)
	if err != nil {
		w.t.Fatal(err)
	}
	if b.visits != w.imported {
		w.t.Errorf("%d visits of %d are stored", b.visits, w.imported)
	}
	texts, mails := w.texts.arrivals(), w.mails.arrivals()
	if found := judge(b, texts, mails); len(found) > 0 {
		w.t.Error(summary(found))
	} else {
		w.notices(b, texts, mails)
	}
	w.t.Logf("%s: %d kills left %d in flight; %d people, %d texts and %d mails arrived, %d were reported; %s",
		w.setting, w.kills, w.killed, w.imported, w.texts.count(), w.mails.count(), w.reported.Load(), b.states())
}

// notices makes sure that with these very rows the comparison would have noticed a
// message forgotten or doubled by the sink.
func (w *town) notices(b books, texts, mails []arrival) {
	w.t.Helper()
	certain := map[string]bool{}
	for _, m := range b.messages {
		certain[m.provider] = (m.state == "sent" || m.state == "delivered") && m.asked == 0
	}
	one := func(as []arrival) arrival {
		return as[slices.IndexFunc(as, func(a arrival) bool { return certain[a.id] })]
	}
	without := func(as []arrival) []arrival {
		gone := one(as)
		return slices.DeleteFunc(slices.Clone(as), func(a arrival) bool { return a == gone })
	}
	for name, c := range map[string]struct {
		texts, mails []arrival
		kind         string
	}{
		"a forgotten text": {without(texts), mails, lost},
		"a doubled text":   {append(slices.Clone(texts), one(texts)), mails, doubled},
		"a forgotten mail": {texts, without(mails), lost},
		"a doubled mail":   {texts, append(slices.Clone(mails), one(mails)), doubled},
	} {
		if found := judge(b, c.texts, c.mails); len(found) != 1 || found[0].kind != c.kind {
			w.t.Errorf("%s is noticed as %s", name, summary(found))
		}
	}
}

// states counts the messages by channel and state, and how they came there.
func (b books) states() string {
	n := map[string]int{}
	for _, m := range b.messages {
		n[m.channel+" "+m.state]++
		if m.asked > 0 {
			n[m.channel+" "+m.state+" after a question"]++
		}
	}
	for _, cs := range b.attempts {
		for _, c := range cs {
			n["attempts "+c]++
		}
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(n)) {
		out = append(out, fmt.Sprintf("%s: %d", k, n[k]))
	}
	return strings.Join(out, ", ")
}

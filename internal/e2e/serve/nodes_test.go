package serve_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/sandbox"
	"otklik/internal/testserver"
)

// crowd is how many visits the nodes of a group share; each of its rooftops has a
// number of its own, with the rate that a number has.
const (
	rooftops = 4
	crowd    = 300
)

// lease is short, so that the work of a node that died is soon taken over.
const lease = "12s"

// group is a town of several rooftops and of nodes that share its work.
type group struct {
	*town
	apis []api
}

func newGroup(t *testing.T) *group {
	t.Helper()
	redis, _, _ := testserver.PrivateRedis(t)
	file := filepath.Join(t.TempDir(), "group.yaml")
	g := &group{town: newProviders(t, testserver.Postgres(t), "OTKLIK_REDIS_URL="+redis, "OTKLIK_DEALER_LOCALE=en", "OTKLIK_CONFIG="+file)}
	g.env, g.nodes = append(g.env, g.sms()...), raced(t)
	var b strings.Builder
	b.WriteString("dealers:\n")
	for i, from := range strings.Split(groupFrom, ",") {
		fmt.Fprintf(&b, "  - {code: roof%d, name: South %d, sms_from: \"%s\"}\n", i, i, from)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range rooftops {
		code := fmt.Sprintf("roof%d", i)
		a := g.api
		a.token = strings.TrimSpace(g.ok("token", "add", "--dealer", code))
		g.apis = append(g.apis, a)
		g.ok("import", "--kind", "visits", "--dealer", code, g.crowdFile(i))
	}
	return g
}

// crowdFile writes the export of one rooftop and gives its name. Its times are
// naive: they are in the dealer's zone.
func (g *group) crowdFile(roof int) string {
	zone, err := time.LoadLocation(testserver.Noon(time.Now()))
	if err != nil {
		g.t.Fatal(err)
	}
	at := time.Now().Add(-due).In(zone).Format("02.01.2006 15:04")
	var b strings.Builder
	b.WriteString("Заказ-наряд;Дата закрытия;Клиент;Телефон\n")
	for i := range crowd / rooftops {
		fmt.Fprintf(&b, "T%d-%03d;%s;John Smith %d;+79%02d0000%03d\n", roof, i, at, i, roof, i)
	}
	return g.file(fmt.Sprintf("roof%d.csv", roof), b.String())
}

// received counts the messages from the dealers by address.
func (w *town) received() map[string]int {
	got := map[string]int{}
	for _, a := range w.servers.Phones.Addresses() {
		for _, i := range w.servers.Phones.Thread(a.Channel, a.Address) {
			if i.FromDealer && a.Channel == channels.SMS {
				got[a.Address]++
			}
		}
	}
	return got
}

// states counts the messages of all rooftops by state.
func (g *group) states() map[string]int {
	g.t.Helper()
	got := map[string]int{}
	for _, a := range g.apis {
		for _, m := range a.list("messages", map[string][]string{"limit": {"200"}}) {
			got[m["state"].(string)]++
		}
	}
	return got
}

// sent is how many surveys a node has sent.
func sent(n *node) float64 {
	return n.metric(`otklik_send_outcomes_total{channel="sms",class="accepted",state="sent"}`)
}

// TestTwoNodes share the work of one database and one Redis: each sends, and
// everybody gets one message.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	a, b := g.start(), g.start()
	g.front.set(t, a, b)
	testserver.Wait(t, "all surveys are out and counted", func() bool { return sent(a)+sent(b) >= crowd })
	once(t, g.received(), crowd)
	if sent(a) == 0 || sent(b) == 0 {
		t.Errorf("one node did all: %v and %v", sent(a), sent(b))
	}
	testserver.Wait(t, "all delivery reports are in", func() bool { return g.states()["delivered"] == crowd })
}

// once checks that n people got one message each.
func once(t *testing.T, got map[string]int, n int) {
	t.Helper()
	for a, k := range got {
		if k != 1 {
			t.Errorf("%s got %d messages", a, k)
		}
	}
	if len(got) != n {
		t.Errorf("%d of %d people got a message", len(got), n)
	}
}

// TestKilledNode: the busier node is killed while it sends, with requests that the
// provider has taken and not answered. The other one goes on: nobody gets two
// messages, the provider settles what the dead node had begun, and who got none is a
// message that the node was about to send, named as unknown.
func TestKilledNode(t *testing.T) {
	t.Parallel()
	g := newGroup(t)
	g.ok("limit", "set", "channel:sms", "12/s burst 2") // most wait still when the node dies
	a, b := g.start("--lease", lease, "--ask", "1s"), g.start("--lease", lease, "--ask", "1s")
	g.front.set(t, a, b)
	testserver.Wait(t, "both nodes send, one of them for a while", func() bool { return min(sent(a), sent(b)) > 0 && max(sent(a), sent(b)) > 30 })
	const unanswered = 3
	g.servers.Fault(channels.SMS, sandbox.Fault{Hang: true, Taken: true, Count: unanswered})
	testserver.Wait(t, "requests are left unanswered", func() bool { return g.servers.Struck(channels.SMS) == unanswered })
	if sent(a) > sent(b) {
		a, b = b, a
	}
	if err := b.process.Kill(); err != nil {
		t.Fatal(err)
	}
	if n := len(g.received()); n >= crowd {
		t.Errorf("the node died too late: all %d messages were out", n)
	}
	before := sent(a)
	g.ok("limit", "set", "channel:sms", "100/s")
	g.front.set(t, a)
	g.servers.Fault(channels.SMS, sandbox.Fault{})
	unknown := 0
	testserver.Wait(t, "the survivor has done the rest", func() bool {
		states := g.states()
		unknown = states["unknown"]
		return states["delivered"]+unknown == crowd
	})
	once(t, g.received(), crowd-unknown)
	if unknown > 2*rooftops {
		t.Errorf("%d messages were about to be sent", unknown)
	}
	if sent(a) == before {
		t.Error("the survivor sent nothing more")
	}
	if code, text := a.get("/readyz"); code != http.StatusOK {
		t.Errorf("the survivor: %d %s", code, text)
	}
}

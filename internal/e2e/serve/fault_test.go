package serve_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"otklik/channels"
	"otklik/internal/testserver"
)

// inbound is a text message as Twilio brings it, signed for the front's address.
// https://www.twilio.com/docs/usage/security
func (w *town) inbound(n *node, sid, from, text, token string) (int, string) {
	w.t.Helper()
	form := url.Values{"AccountSid": {twilioSID}, "MessageSid": {sid}, "From": {from}, "To": {twilioFrom}, "Body": {text}, "NumMedia": {"0"}}
	signed := w.front.server.URL + "/hooks/twilio/inbound"
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(signed))
	for _, k := range slices.Sorted(maps.Keys(form)) {
		mac.Write([]byte(k + form.Get(k)))
	}
	return do(w.t, http.MethodPost, n.url+"/hooks/twilio/inbound", http.Header{"Content-Type": {"application/x-www-form-urlencoded"},
		"X-Twilio-Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))}}, form.Encode())
}

// TestHooksOfStrangers: what is not the provider's is refused, counted and not
// stored; what comes twice is stored once; what an unknown number writes is kept.
func TestHooksOfStrangers(t *testing.T) {
	onEngines(t, func(t *testing.T, db string) {
		w := newTown(t, db)
		n := w.open(append(w.sms(), w.telegram("webhook")...)...)
		const stranger = "+79990000001"
		testserver.Wait(t, "the node has said that it lives", func() bool { return rows(t, db)["node"] == 1 })
		before := rows(t, db)
		if code, _ := w.inbound(n, "SM1", stranger, "2", "notthetoken"); code != http.StatusForbidden {
			t.Errorf("forged SMS: %d", code)
		}
		update := `{"update_id":1,"message":{"message_id":1,"date":1,"text":"2","chat":{"id":5,"type":"private"},"from":{"id":5,"is_bot":false,"first_name":"X"}}}`
		for _, h := range []http.Header{{}, {"X-Telegram-Bot-Api-Secret-Token": {"guess"}}} {
			h.Set("Content-Type", "application/json")
			if code, _ := do(t, http.MethodPost, n.url+"/hooks/telegram", h, update); code != http.StatusForbidden {
				t.Errorf("forged update with %v: %d", h, code)
			}
		}
		for ch, want := range map[string]float64{"sms": 1, "telegram": 2} {
			if got := n.metric(`otklik_inbound_total{channel="` + ch + `",result="forged"}`); got != want {
				t.Errorf("forged calls counted for %s: %v", ch, got)
			}
		}
		if after := rows(t, db); !maps.Equal(before, after) {
			t.Errorf("a forged call stored something:\n%v\n%v", before, after)
		}
		for i := range 3 {
			if code, body := w.inbound(n, "SM2", stranger, "Сколько стоит ТО?", twilioToken); code != http.StatusOK || body != "<Response/>" {
				t.Errorf("call %d: %d %s", i, code, body)
			}
		}
		ms := w.api.list("messages", nil)
		if len(ms) != 1 || ms[0]["text"] != "Сколько стоит ТО?" || ms[0]["direction"] != "in" || ms[0]["state"] != "received" {
			t.Errorf("a stranger's words: %v", ms)
		}
	})
}

// TestCallsThatAreRefused is what the doors say to calls of the wrong kind.
func TestCallsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newTown(t, sqlite(t))
	n := w.open(w.sms()...)
	bearer := http.Header{"Authorization": {"Bearer " + w.api.token}, "Content-Type": {"application/json"}}
	for _, c := range []struct {
		name, method, path string
		header             http.Header
		body               string
		code               int
	}{
		{"a hook is asked for", http.MethodGet, "/hooks/twilio/inbound", nil, "", http.StatusMethodNotAllowed},
		{"a large call", http.MethodPost, "/hooks/twilio/inbound", nil, strings.Repeat("x", 2<<20), http.StatusRequestEntityTooLarge},
		{"no signature", http.MethodPost, "/hooks/twilio/status", nil, "", http.StatusForbidden},
		{"a channel that is off", http.MethodPost, "/hooks/telegram", nil, "{}", http.StatusNotFound},
		{"no token", http.MethodGet, "/api/v1/messages", nil, "", http.StatusUnauthorized},
		{"wrong token", http.MethodGet, "/api/v1/messages", http.Header{"Authorization": {"Bearer otk_no"}}, "", http.StatusUnauthorized},
		{"a visit without an order", http.MethodPost, "/api/v1/visits", bearer, `{"customer":{"name":"Ivan"}}`, http.StatusUnprocessableEntity},
		{"no JSON", http.MethodPost, "/api/v1/visits", bearer, `{`, http.StatusBadRequest},
		{"the description", http.MethodGet, "/api/openapi.json", nil, "", http.StatusOK},
		{"health", http.MethodGet, "/healthz", nil, "", http.StatusOK},
		{"readiness", http.MethodGet, "/readyz", nil, "", http.StatusOK},
	} {
		if code, text := do(t, c.method, n.url+c.path, c.header, c.body); code != c.code {
			t.Errorf("%s: %d, want %d: %.200s", c.name, code, c.code, text)
		}
	}
}

// TestDatabaseAway: away at start is an error that names the variable and no
// secret; away later, nothing is taken in and nothing is lost.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	db, stop, start := testserver.PrivatePostgres(t)
	w := newTown(t, db, "OTKLIK_DEALER_LOCALE=en")
	stop()
	secret := strings.Replace(db, "otklik@", "otklik:hidden-word@", 1)
	if secret == db {
		t.Fatalf("no user in %s", db)
	}
	e := w.with("OTKLIK_DATABASE_URL=" + secret).run("serve")
	e.want(t, 1, "OTKLIK_DATABASE_URL", "refused")
	if strings.Contains(e.err+e.out, "hidden-word") {
		t.Errorf("the password is shown: %s", e.err)
	}
	start()
	n := w.with(w.sms()...).serve("--lease", lease)
	w.front.set(t, n)
	const people = 30
	for i := range people {
		w.api.post("visits", visit(fmt.Sprintf("D%d", i), due, map[string]any{"name": fmt.Sprintf("John Smith %d", i), "phones": []string{fmt.Sprintf("+790000002%02d", i)}}))
	}
	testserver.Wait(t, "surveys go out", func() bool { return len(w.received()) >= 5 })
	stop()
	testserver.Wait(t, "the node is not ready", func() bool {
		code, text := n.get("/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(text, `"database":"away"`)
	})
	if code, _ := w.inbound(n, "SM9", "+79000000200", "2 stuk", twilioToken); code != http.StatusServiceUnavailable {
		t.Errorf("a reply without a database: %d, and the provider would not repeat it", code)
	}
	if code, text := w.api.send("visits", `{"external_id":"D99","handed_over_at":"2026-11-22T10:00:00Z","customer":{"name":"John Doe","phones":["+79000000299"]}}`, ""); code != http.StatusServiceUnavailable || strings.Contains(text, "postgres") {
		t.Errorf("a visit without a database: %d %s", code, text)
	}
	if code, _ := n.get("/healthz"); code != http.StatusOK {
		t.Errorf("the process lives: %d", code)
	}
	start()
	testserver.Wait(t, "the node is ready", func() bool { code, _ := n.get("/readyz"); return code == http.StatusOK })
	if code, text := w.inbound(n, "SM9", "+79000000200", "2 noise is still there", twilioToken); code != http.StatusOK {
		t.Errorf("the reply comes again: %d %s", code, text)
	}
	testserver.Wait(t, "everybody has the survey", func() bool { return len(w.received()) == people })
	for a, k := range w.received() {
		if answered := a == "+79000000200"; k != 1 && !answered || k > 2 {
			t.Errorf("%s got %d messages", a, k)
		}
	}
}

// TestRedisAway: without Redis a node starts and answers people; what goes out in
// bulk waits and goes when Redis is back.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	redis, stop, start := testserver.PrivateRedis(t)
	w := newTown(t, testserver.Postgres(t), "OTKLIK_REDIS_URL="+redis)
	stop()
	n := w.open(w.sms()...)
	degraded := func() bool {
		code, text := n.get("/readyz")
		return code == http.StatusOK && strings.Contains(text, `"redis":"away`) && strings.Contains(text, "degraded")
	}
	if !degraded() {
		_, text := n.get("/readyz")
		t.Errorf("readyz without Redis: %s", text)
	}
	const first, second = "+79000000301", "+79000000302"
	w.api.post("visits", visit("R1", due, map[string]any{"name": "Иванов Иван Петрович", "phones": []string{first}}))
	waits := n.metric("otklik_limiter_unavailable_total")
	testserver.Wait(t, "the survey waits for its rate", func() bool { return n.metric("otklik_limiter_unavailable_total") > waits })
	start()
	w.arrived(channels.SMS, first, 1)
	stop()
	w.api.post("visits", visit("R2", due, map[string]any{"name": "Петров Пётр Ильич", "phones": []string{second}}))
	w.write(channels.SMS, first, complaint)
	w.arrived(channels.SMS, first, 2)
	testserver.Wait(t, "readyz names Redis", degraded)
	if got := w.servers.Phones.Thread(channels.SMS, second); len(got) != 0 {
		t.Errorf("bulk went out without a rate: %v", got)
	}
	start()
	w.arrived(channels.SMS, second, 1)
	w.understood("R1", channels.SMS)
	for a, k := range w.received() {
		if k != map[string]int{first: 2, second: 1}[a] {
			t.Errorf("%s got %d messages", a, k)
		}
	}
}

// TestStop: a stop in the middle of work ends within seconds with exit code 0, and
// what was claimed is free for the next node at once, not after its lease.
func TestStop(t *testing.T) {
	onEngines(t, func(t *testing.T, db string) {
		w := newTown(t, db, "OTKLIK_DEALER_LOCALE=en")
		n := w.open(w.sms()...)
		const people = 50
		for i := range people {
			w.api.post("visits", visit(fmt.Sprintf("S%d", i), due, map[string]any{"name": fmt.Sprintf("John Smith %d", i), "phones": []string{fmt.Sprintf("+790000004%02d", i)}}))
		}
		testserver.Wait(t, "surveys go out", func() bool { return len(w.received()) >= 5 })
		if err := n.process.Stop(); err != nil {
			t.Fatal(err)
		}
		if got := n.ended(); got != "ended with status 0" {
			t.Errorf("serve %s\n%s", got, n.process.Log())
		}
		if got := len(w.received()); got == people {
			t.Fatal("all was sent before the stop")
		}
		w.open(w.sms()...)
		testserver.Wait(t, "everybody has the survey", func() bool { return len(w.received()) == people })
		once(t, w.received(), people)
	})
}

// TestPollers: of two nodes one polls the bot and the mailbox; when it dies the
// other one takes over, and nothing that came in meanwhile is lost.
func TestPollers(t *testing.T) {
	t.Parallel()
	w := newTown(t, testserver.Postgres(t))
	s := w.with(append(w.mail(), w.telegram("poll")...)...)
	a := s.serve("--lease", lease)
	w.front.set(t, a)
	start := func(chat string) {
		if err := w.servers.StartBot(t.Context(), chat, "Ольга", ""); err != nil {
			t.Fatal(err)
		}
	}
	const address = "olga@example.org"
	w.api.post("visits", visit("P1", due, map[string]any{"name": "Петрова Ольга Ивановна", "emails": []string{address}}))
	w.arrived(channels.Email, address, 1)
	start("51")
	w.arrived(channels.Telegram, "51", 1)
	b := s.serve("--lease", lease)
	w.front.set(t, b)
	if err := a.process.Kill(); err != nil {
		t.Fatal(err)
	}
	start("52")
	w.write(channels.Email, address, complaint)
	w.arrived(channels.Telegram, "52", 1)
	if m := w.arrived(channels.Email, address, 2); !strings.Contains(m.Text, "Мария Орлова") {
		t.Errorf("promise: %q", m.Text)
	}
	w.understood("P1", channels.Email)
	refusal := regexp.MustCompile(`\b409\b`) // a port may have these digits, too
	for _, n := range []*node{a, b} {
		if log := n.process.Log(); refusal.MatchString(log) {
			t.Errorf("two nodes polled one bot:\n%s", log)
		}
	}
	if got := w.servers.Phones.Thread(channels.Telegram, "51"); len(got) != 2 {
		t.Errorf("the first chat was answered again: %+v", got)
	}
}

package serve_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"otklik/channels"
	"otklik/internal/testserver"
)

// admin is somebody who may do anything on a test's own Redis, whatever becomes of the
// user of the nodes.
func admin(t *testing.T, address string) func(command string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	open := func(o *redis.Options) func(string) {
		c := redis.NewClient(o)
		t.Cleanup(func() { _ = c.Close() })
		return func(command string) {
			t.Helper()
			var args []any
			for word := range strings.FieldsSeq(command) {
				args = append(args, word)
			}
			if err := c.Do(t.Context(), args...).Err(); err != nil {
				t.Fatalf("%s: %v", command, err)
			}
		}
	}
	open(&redis.Options{Addr: u.Host})("ACL SETUSER admin on >word ~* &* +@all")
	return open(&redis.Options{Addr: u.Host, Username: "admin", Password: "word"})
}

// TestRedisRefuses: a Redis that answers and cannot be used is as one that is away:
// readyz, log and doctor say what is wrong with it, what goes out in bulk waits and
// people are answered, and when it is mended the node goes on by itself.
func TestRedisRefuses(t *testing.T) {
	t.Parallel()
	address, _, _ := testserver.PrivateRedis(t)
	does := admin(t, address)
	w := newTown(t, testserver.Postgres(t), "OTKLIK_REDIS_URL="+address)
	n := w.open(w.sms()...)
	const answering = "+79000000801"
	w.api.post("visits", visit("Q1", due, map[string]any{"name": "Иванов Иван Петрович", "phones": []string{answering}}))
	w.arrived(channels.SMS, answering, 1)
	for i, fault := range []struct{ does, why, mend string }{
		{"CONFIG SET maxmemory 1", "has no memory left", "CONFIG SET maxmemory 0"},
		{"REPLICAOF 127.0.0.1 1", "is a replica and takes no writes", "REPLICAOF NO ONE"},
		{"ACL SETUSER default -@scripting", "does not permit its user what is needed", "ACL SETUSER default +@scripting"},
		{"ACL SETUSER default resetpass >hush", "refuses the user or the password", "ACL SETUSER default nopass"},
	} {
		does(fault.does)
		does("CLIENT KILL TYPE normal SKIPME yes") // a user who is known already keeps his connection
		degraded := func(yes bool) func() bool {
			return func() bool {
				_, text := n.get("/readyz")
				return strings.Contains(text, "degraded") == yes && strings.Contains(text, fault.why) == yes
			}
		}
		testserver.Wait(t, "readyz says that Redis "+fault.why, degraded(true))
		testserver.Wait(t, "the log says so, too", func() bool { return strings.Contains(n.process.Log(), fault.why) })
		w.with(w.sms()...).run("doctor").want(t, 1, "OTKLIK_REDIS_URL: Redis "+fault.why)
		phone := "+7900000081" + string(rune('0'+i))
		before := n.metric("otklik_limiter_unavailable_total")
		w.api.post("visits", visit("Q"+phone, due, map[string]any{"name": "Петров Пётр Ильич", "phones": []string{phone}}))
		testserver.Wait(t, "the survey waits for its rate", func() bool { return n.metric("otklik_limiter_unavailable_total") > before })
		if i == 0 {
			w.write(channels.SMS, answering, complaint)
			w.arrived(channels.SMS, answering, 2)
		}
		if got := w.servers.Phones.Thread(channels.SMS, phone); len(got) != 0 {
			t.Errorf("bulk went out although Redis %s: %v", fault.why, got)
		}
		does(fault.mend)
		w.arrived(channels.SMS, phone, 1)
		testserver.Wait(t, "readyz has nothing to say", degraded(false))
		testserver.Wait(t, "the log says that it goes on", func() bool { return strings.Count(n.process.Log(), "Redis can be used again") == i+1 })
	}
	for a, k := range w.received() {
		if want := map[bool]int{true: 2, false: 1}[a == answering]; k != want {
			t.Errorf("%s got %d messages", a, k)
		}
	}
}

package ratelimit_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"otklik/internal/ratelimit"
	"otklik/internal/testserver"
)

// refusals are ways in which a running Redis answers a ping and cannot be used, as an
// admin brings them about, and the words for each.
var refusals = map[string]struct {
	does string
	why  string
}{
	"a replica":        {"REPLICAOF 127.0.0.1 1", "is a replica"},
	"full":             {"CONFIG SET maxmemory 1", "no memory left"},
	"no scripts":       {"ACL SETUSER default -@scripting", "does not permit its user"},
	"no writes":        {"ACL SETUSER default -set", "does not permit its user"},
	"other keys":       {"ACL SETUSER default resetkeys ~others:*", "does not permit its user"},
	"too few copies":   {"CONFIG SET min-replicas-to-write 1", "too few replicas"},
	"another password": {"ACL SETUSER default resetpass >hush", "refuses the user"},
}

// TestCheck: a server that answers a ping and refuses what a rate needs is told from one
// that serves and from one that is away, and it serves again when it is mended.
func TestCheck(t *testing.T) {
	for name, r := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, stop, _ := testserver.PrivateRedis(t)
			admin := dial(t, strings.Replace(url, "://", "://admin:word@", 1))
			tell(t, dial(t, url), "ACL SETUSER admin on >word ~* &* +@all")
			c := dial(t, url)
			cells := ratelimit.NewRedis(c, "otklik")
			if err := cells.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			tell(t, admin, r.does)
			tell(t, admin, "CLIENT KILL TYPE normal SKIPME yes")
			testserver.Wait(t, "the old connections are gone", func() bool { // at their next use
				err := cells.Check(t.Context())
				return err != nil && ratelimit.Why(err) != ratelimit.Away
			})
			err := cells.Check(t.Context())
			if !errors.Is(err, ratelimit.ErrUnavailable) || !strings.Contains(ratelimit.Why(err), r.why) {
				t.Errorf("%q for %v", ratelimit.Why(err), err)
			}
			for _, mend := range []string{"REPLICAOF NO ONE", "CONFIG SET maxmemory 0", "CONFIG SET min-replicas-to-write 0", "ACL SETUSER default reset on nopass ~* &* +@all"} {
				tell(t, admin, mend)
			}
			if err := cells.Check(t.Context()); err != nil {
				t.Errorf("mended: %v", err)
			}
			stop()
			if err := cells.Check(t.Context()); ratelimit.Why(err) != ratelimit.Away {
				t.Errorf("stopped: %q for %v", ratelimit.Why(err), err)
			}
		})
	}
}

// tell gives a server a command.
func tell(t *testing.T, c redis.UniversalClient, command string) {
	t.Helper()
	var args []any
	for word := range strings.FieldsSeq(command) {
		args = append(args, word)
	}
	if err := c.Do(t.Context(), args...).Err(); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
}

// TestWhy: what is no server as the address says.
func TestWhy(t *testing.T) {
	node := serve(t, nil, "--cluster-enabled", "yes", "--save", "")
	tell(t, dial(t, "redis://127.0.0.1:"+node), "CLUSTER ADDSLOTSRANGE 0 5000")
	alone := serve(t, nil, "--save", "")
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	for address, want := range map[string]string{
		"redis://127.0.0.1:" + node + "?cluster=true":  "cluster that is down",
		"redis://127.0.0.1:" + alone + "?cluster=true": "is no cluster",
		"redis://127.0.0.1:1":                          ratelimit.Away,
		"redis://127.0.0.1:1?cluster=true":             ratelimit.Away,
		"redis://127.0.0.1:1?master_name=main":         ratelimit.Away,
	} {
		err := ratelimit.NewRedis(dial(t, address), "otklik").Check(t.Context())
		if why := ratelimit.Why(err); !strings.Contains(why, want) {
			t.Errorf("%s: %q for %v", address, why, err)
		}
	}
	impatient, err := ratelimit.Dial("redis://" + mute.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = impatient.Close() })
	err = ratelimit.NewRedis(impatient, "otklik").Check(t.Context())
	if why := ratelimit.Why(err); why != "does not answer in time" {
		t.Errorf("a server that says nothing: %q for %v", why, err)
	}
}

// TestEvicts: a server that may drop cells is told by its rule.
func TestEvicts(t *testing.T) {
	url, _, _ := testserver.PrivateRedis(t)
	c := dial(t, url)
	for rule, want := range map[string]string{"allkeys-lru": "allkeys-lru", "volatile-ttl": "volatile-ttl", "noeviction": ""} {
		tell(t, c, "CONFIG SET maxmemory-policy "+rule)
		if got, err := ratelimit.NewRedis(c, "otklik").Evicts(t.Context()); err != nil || got != want {
			t.Errorf("%s: %q, %v", rule, got, err)
		}
	}
}

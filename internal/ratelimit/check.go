package ratelimit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// checked is a bucket that nobody else asks for; its units never run short.
var checked = []Demand{{{Key: "check", Limit: Limit{Period: time.Millisecond, Burst: 1_000_000}, Cost: 1}}}

// Check asks as Reserve does, for units that nobody needs: a server may answer a ping
// and refuse the script or its writes. The error is Reserve's; Why puts it into words.
func (r *Redis) Check(ctx context.Context) error {
	_, err := r.Reserve(ctx, time.Now(), checked, 0)
	return err
}

// whys are what a server says when it answers and cannot be used, by how its reply
// begins (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors).
var whys = []struct{ begins, why string }{
	{"WRONGPASS", "refuses the user or the password"},
	{"NOAUTH", "refuses the user or the password"},
	{"ERR AUTH", "refuses the user or the password"},
	{"NOPERM", forbids},
	{"ERR ACL failure in script", forbids},
	{"ERR The user executing the script", forbids},
	{"READONLY", "is a replica and takes no writes"},
	{"OOM", "has no memory left"},
	{"MISCONF", "takes no writes because it cannot save its data"},
	{"NOREPLICAS", "takes no writes because it has too few replicas"},
	{"LOADING", "is still loading its data"},
	{"BUSY", "is busy with somebody's script"},
	{"MOVED", "is a node of a cluster, which the address must say: cluster=true"},
	{"CROSSSLOT", "is a node of a cluster, which the address must say: cluster=true"},
	{"ERR SELECT is not allowed in cluster mode", "is a node of a cluster, which the address must say: cluster=true"},
	{"ERR DB index is out of range", "has no database of the number that the address says"},
	{"CLUSTERDOWN", "has a cluster that is down"},
	{"MASTERDOWN", "is a replica whose master is away"},
	{"ERR This instance has cluster support disabled", "is no cluster, which the address says"},
	{"ERR max number of clients reached", "has as many clients as it takes"},
	{"ERR unknown command", "does not know the commands that are needed; is it a sentinel?"},
}

const forbids = "does not permit its user what is needed: scripts, and their commands on keys that begin with otklik"

// Words of Why for a server of which nothing was heard.
const (
	Away = "is away"
	slow = "does not answer in time"
)

// Why tells in a few words, which follow "Redis", why a server could not be used:
// without addresses and secrets, for whoever must not see the error itself.
func Why(err error) string {
	if errors.Is(err, redis.Nil) {
		return "has sentinels that know no master of the name in the address" // nothing else that is asked is answered so
	}
	var reply redis.Error
	if errors.As(err, &reply) {
		said := reply.Error()
		for _, w := range whys {
			// Redis 6 names the script first.
			if strings.HasPrefix(said, w.begins) || strings.Contains(said, ": -"+w.begins) {
				return w.why
			}
		}
		return "answers with an error"
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return "has a certificate that is not trusted"
	}
	var alert tls.AlertError
	var remote *net.OpError
	if errors.As(err, &alert) || errors.As(err, &remote) && remote.Op == "remote error" {
		return "refuses the TLS connection"
	}
	var waited interface{ Timeout() bool }
	if errors.Is(err, redis.ErrPoolTimeout) || errors.As(err, &waited) && waited.Timeout() {
		return slow
	}
	return Away
}

// Evicts names the rule by which the server drops keys when its memory is full; empty
// when it drops none. A cell that is dropped is a full bucket, so that more would leave
// than its limit says.
func (r *Redis) Evicts(ctx context.Context) (string, error) {
	text, err := r.client.Info(ctx, "memory").Result()
	if err != nil {
		return "", fmt.Errorf("asking for the rule of eviction: %w", err)
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == "maxmemory_policy" && value != "noeviction" {
			return value, nil
		}
	}
	return "", nil
}

package ratelimit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// patience is what one command may take: to connect, and each of the waits for a free
// connection, for the request to leave and for the reply. It bounds what a stopped server
// costs a caller: a refused connection fails at once, a silent one when it is used up.
type patience struct{ dial, command time.Duration }

// redirects is what a cluster may need while a slot moves.
const redirects = 2

// look is how often a cluster that is used is asked who its masters are. A master that
// died redirects nobody: until the client asks again it waits for the dead one, though a
// replica has taken over. go-redis asks once a minute.
const look = time.Second

// Dial returns a client for the address, without connecting. It takes
//
//	redis://[user:password@]host:port[/db]   rediss:// for TLS, unix:// for a socket
//	redis://sentinel:26379/0?master_name=NAME[&addr=sentinel2:26379…][&username=…&password=…]
//	redis://node:6379?cluster=true[&addr=node2:6379…]
//
// User and password before the @ are the sentinels' where there are some; the server's
// are parameters then. Certificates are checked against the system's authorities, which
// crypto/x509 reads from SSL_CERT_FILE where that is set.
//
// A command is tried once and fails within a second when the server is away; it
// obeys its context's deadline. A server that is back is used at once; one that did
// not even refuse connections, and a replica that has taken over in a cluster, within a
// second. Repeating is the caller's business, who knows whether it would do harm. Errors
// do not show the address, which may hold a password. Dial silences go-redis's own log,
// process-wide: failures reach the caller, who logs them.
func Dial(address string) (redis.UniversalClient, error) {
	return dial(address, patience{dial: 300 * time.Millisecond, command: 500 * time.Millisecond})
}

func dial(address string, p patience) (redis.UniversalClient, error) {
	quiet()
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("reading redis address: not a URL")
	}
	q := u.Query()
	cluster := q.Get("cluster")
	q.Del("cluster")
	u.RawQuery = q.Encode()
	switch {
	case q.Has("master_name"):
		return dialSentinel(u.String(), p)
	case cluster == "true" || q.Has("addr"):
		return dialCluster(u.String(), p, look)
	case cluster != "":
		return nil, errors.New(`reading redis address: cluster must be "true" or absent`)
	}
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, fmt.Errorf("reading redis address: %w", err)
	}
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = p.dial, p.command, p.command, p.command
	o.DisableIdentity, o.MaintNotificationsConfig = true, plain()
	o.Dialer = dialer(o.TLSConfig, p.dial)
	return redis.NewClient(o), nil
}

func dialSentinel(address string, p patience) (redis.UniversalClient, error) {
	o, err := redis.ParseFailoverURL(address)
	if err != nil {
		return nil, fmt.Errorf("reading redis address: %w", err)
	}
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = p.dial, p.command, p.command, p.command
	o.DisableIdentity = true
	o.Dialer = dialer(o.TLSConfig, p.dial)
	return redis.NewFailoverClient(o), nil
}

func dialCluster(address string, p patience, look time.Duration) (redis.UniversalClient, error) {
	o, err := redis.ParseClusterURL(address)
	if err != nil {
		return nil, fmt.Errorf("reading redis address: %w", err)
	}
	if u, err := url.Parse(address); err == nil && strings.Trim(u.Path, "/0") != "" {
		return nil, errors.New("reading redis address: a cluster has no databases but 0")
	}
	o.ClusterStateReloadInterval = look
	o.MaxRetries, o.MaxRedirects, o.DialerRetries, o.ContextTimeoutEnabled = -1, redirects, 1, true
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = p.dial, p.command, p.command, p.command
	o.DisableIdentity, o.MaintNotificationsConfig = true, plain()
	o.Dialer = dialer(o.TLSConfig, p.dial)
	return redis.NewClusterClient(o), nil
}

// dialer connects as go-redis does, but tells a refusal at the first use of the
// connection. go-redis counts failures to connect, and after as many as the pool is
// large asks only once a second whether the server is back: right for a silent host,
// which costs each caller his patience, while a refusal costs nothing to ask again.
func dialer(secret *tls.Config, patience time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	connect := redis.NewDialer(&redis.Options{DialTimeout: patience, TLSConfig: secret})
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := connect(ctx, network, address)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return refused{err}, nil
		}
		return c, err
	}
}

// refused is a connection that was not made.
type refused struct{ err error }

func (r refused) Read([]byte) (int, error)  { return 0, r.err }
func (r refused) Write([]byte) (int, error) { return 0, r.err }

func (refused) Close() error                     { return nil }
func (refused) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (refused) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (refused) SetDeadline(time.Time) error      { return nil }
func (refused) SetReadDeadline(time.Time) error  { return nil }
func (refused) SetWriteDeadline(time.Time) error { return nil }

// plain keeps the client from negotiating upgrade notices, which servers other
// than Redis Enterprise refuse on every new connection.
func plain() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// quiet runs once, because SetLogger writes a variable that live clients read.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Timeouts of one command. They bound what a stopped server costs a caller: a
// refused connection fails at once, a silent one after patience.
const (
	dialPatience = 300 * time.Millisecond
	patience     = 500 * time.Millisecond
	// redirects is what a cluster may need while a slot moves.
	redirects = 2
)

// Dial returns a client for the address, without connecting. It takes
//
//	redis://[user:password@]host:port[/db]   rediss:// for TLS, unix:// for a socket
//	redis://sentinel:26379/0?master_name=NAME[&addr=sentinel2:26379…][&password=…]
//	redis://node:6379?cluster=true[&addr=node2:6379…]
//
// A command is tried once and fails within a second when the server is away; it
// obeys its context's deadline. Repeating is the caller's business, who knows
// whether it would do harm. Errors do not show the address, which may hold a
// password. Dial silences go-redis's own log, process-wide: failures reach the
// caller, who logs them.
func Dial(address string) (redis.UniversalClient, error) {
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
		return dialSentinel(u.String())
	case cluster == "true" || q.Has("addr"):
		return dialCluster(u.String())
	case cluster != "":
		return nil, errors.New(`reading redis address: cluster must be "true" or absent`)
	}
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, fmt.Errorf("reading redis address: %w", err)
	}
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialPatience, patience, patience, patience
	o.DisableIdentity, o.MaintNotificationsConfig = true, plain()
	return redis.NewClient(o), nil
}

func dialSentinel(address string) (redis.UniversalClient, error) {
	o, err := redis.ParseFailoverURL(address)
	if err != nil {
		return nil, fmt.Errorf("reading redis address: %w", err)
	}
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialPatience, patience, patience, patience
	o.DisableIdentity = true
	return redis.NewFailoverClient(o), nil
}

func dialCluster(address string) (redis.UniversalClient, error) {
	o, err := redis.ParseClusterURL(address)
	if err != nil {
		return nil, fmt.Errorf("reading redis address: %w", err)
	}
	o.MaxRetries, o.MaxRedirects, o.DialerRetries, o.ContextTimeoutEnabled = -1, redirects, 1, true
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialPatience, patience, patience, patience
	o.DisableIdentity, o.MaintNotificationsConfig = true, plain()
	return redis.NewClusterClient(o), nil
}

// plain keeps the client from negotiating upgrade notices, which servers other
// than Redis Enterprise refuse on every new connection.
func plain() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// quiet runs once, because SetLogger writes a variable that live clients read.
var quiet = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

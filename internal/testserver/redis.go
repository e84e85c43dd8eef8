package testserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

const (
	redisDatabases = 256
	// freeDatabases is a set in database 0 of the run's Redis with the numbers
	// that no test holds. A Redis without it is not ours to empty.
	freeDatabases = "otklik-test:free"
)

// ownRedis is the server of a test process that was not given one. It ends
// with the process, not with a test.
var ownRedis = sync.OnceValues(StartRedis)

// Redis returns the URL of an empty logical database that only this test uses,
// on the run's Redis. Published messages, scripts and CONFIG are shared with
// the other databases: what touches those takes PrivateRedis. When all numbers
// are taken, the test gets a server of its own.
func Redis(t testing.TB) string {
	t.Helper()
	server := os.Getenv(RedisEnv)
	if server == "" {
		NeedBinary(t, "redis-server")
		own, err := ownRedis()
		if err != nil {
			t.Fatal(err)
		}
		server = own.URL()
	}
	number, err := takeDatabase(server)
	if errors.Is(err, redis.Nil) {
		location, _, _ := PrivateRedis(t)
		return location
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := returnDatabase(server, number); err != nil {
			t.Errorf("after the test: %v", err)
		}
	})
	location, err := url.Parse(server)
	if err != nil {
		t.Fatalf("reading %s: %v", RedisEnv, err)
	}
	location.Path = "/" + strconv.Itoa(number)
	return location.String()
}

// PrivateRedis returns the URL of a Redis that only this test uses, running,
// with functions that stop it and start it again on the same port. It starts
// empty each time: nothing is saved.
func PrivateRedis(t testing.TB) (url string, stop, start func()) {
	t.Helper()
	NeedBinary(t, "redis-server")
	server, err := StartRedis()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("after the test: %v", err)
		}
	})
	stop, start = server.controls(t)
	return server.URL() + "/0", stop, start
}

// StartRedis starts an empty Redis and returns when it answers. It ends with
// the calling process at the latest. Its URL names no database.
func StartRedis() (*Server, error) {
	binary, err := locate("redis-server")
	if err != nil {
		return nil, err
	}
	home, err := tempDir()
	if err != nil {
		return nil, err
	}
	server, err := serve(home, func(port int) (Program, string, func() bool) {
		program := Program{
			Home: home,
			Args: []string{binary, "--port", strconv.Itoa(port),
				"--bind", "127.0.0.1", "--databases", strconv.Itoa(redisDatabases),
				"--save", "", "--appendonly", "no"},
		}
		location := "redis://" + address(port)
		return program, location, func() bool {
			return listens(port) && offerDatabases(location) == nil
		}
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(home))
	}
	return server, nil
}

// offerDatabases marks every database but the first as free to take.
func offerDatabases(server string) error {
	return withRedis(server, 0, func(ctx context.Context, client *redis.Client) error {
		numbers := make([]any, 0, redisDatabases)
		for n := 1; n < redisDatabases; n++ {
			numbers = append(numbers, n)
		}
		return client.SAdd(ctx, freeDatabases, numbers...).Err()
	})
}

// takeDatabase takes a number out of the free ones; redis.Nil means that there
// is none.
func takeDatabase(server string) (int, error) {
	var number int
	err := withRedis(server, 0, func(ctx context.Context, client *redis.Client) error {
		var err error
		number, err = client.SPop(ctx, freeDatabases).Int()
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("taking a Redis database: %w", err)
	}
	return number, nil
}

// returnDatabase empties a database and gives its number back.
func returnDatabase(server string, number int) error {
	err := withRedis(server, number, func(ctx context.Context, client *redis.Client) error {
		return client.FlushDB(ctx).Err()
	})
	if err != nil {
		return fmt.Errorf("emptying Redis database %d: %w", number, err)
	}
	err = withRedis(server, 0, func(ctx context.Context, client *redis.Client) error {
		return client.SAdd(ctx, freeDatabases, number).Err()
	})
	if err != nil {
		return fmt.Errorf("giving Redis database %d back: %w", number, err)
	}
	return nil
}

// withRedis runs commands on a connection of their own.
func withRedis(server string, number int, do func(context.Context, *redis.Client) error) error {
	options, err := redis.ParseURL(server)
	if err != nil {
		return fmt.Errorf("reading a Redis URL: %w", err)
	}
	options.DB = number
	options.MaxRetries = -1
	options.DialerRetries = 1
	options.ContextTimeoutEnabled = true
	client := redis.NewClient(options)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return errors.Join(do(ctx, client), client.Close())
}

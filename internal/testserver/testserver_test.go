package testserver_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"otklik/internal/testserver"
)

func TestPostgresGivesEachTestADatabaseOfItsOwn(t *testing.T) {
	var seen []string
	t.Run("first", func(t *testing.T) {
		seen = append(seen, testserver.Postgres(t), testserver.Postgres(t))
		if seen[0] == seen[1] {
			t.Fatalf("both databases are %s", seen[0])
		}
		for _, url := range seen {
			if err := query(t, url, "CREATE TABLE visit (id int)"); err != nil {
				t.Fatal(err)
			}
		}
	})
	if err := query(t, seen[0], "SELECT 1"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("the database of an ended test answers with %v, want that it does not exist", err)
	}
}

func TestPostgresLikeFillsOnceForAll(t *testing.T) {
	var filled atomic.Int32
	name := "like_" + strings.ToLower(rand.Text())
	fill := func(url string) error {
		filled.Add(1)
		return query(t, url, "CREATE TABLE visit (id int)")
	}
	t.Run("all", func(t *testing.T) {
		for range 4 {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				url := testserver.PostgresLike(t, name, fill)
				// Only who has the table for himself divides by one.
				if err := query(t, url, "INSERT INTO visit SELECT 1/(1-count(*)) FROM visit"); err != nil {
					t.Error(err)
				}
			})
		}
	})
	if n := filled.Load(); n != 1 {
		t.Errorf("filled %d times, want once", n)
	}
	if err := query(t, testserver.Postgres(t), "SELECT id FROM visit"); err == nil {
		t.Error("an empty database has the table")
	}
}

func TestPostgresLikeBeginsAnewAfterAFailure(t *testing.T) {
	name := "like_" + strings.ToLower(rand.Text())
	err := testserver.Model(t, name, func(url string) error {
		return errors.Join(query(t, url, "CREATE TABLE visit (half int)"), errors.New("half way"))
	})
	if err == nil {
		t.Error("the failure is not told")
	}
	url := testserver.PostgresLike(t, name, func(url string) error { return query(t, url, "CREATE TABLE visit (id int)") })
	if err := query(t, url, "SELECT id FROM visit"); err != nil {
		t.Error(err)
	}
}

func TestPrivatePostgresKeepsItsDataOverAStop(t *testing.T) {
	url, stop, start := testserver.PrivatePostgres(t)
	if err := query(t, url, "CREATE TABLE visit (id int)"); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := query(t, url, "SELECT id FROM visit"); err == nil {
		t.Fatal("a stopped server answers")
	}
	start()
	if err := query(t, url, "SELECT id FROM visit"); err != nil {
		t.Fatalf("after a restart: %v", err)
	}
}

func query(t *testing.T, url, statement string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), statement)
	return err
}

// More databases at once than Redis has numbers: each must be another one. The
// run's Redis is left to the other packages meanwhile.
func TestRedisNeverGivesOneDatabaseTwice(t *testing.T) {
	t.Setenv(testserver.RedisEnv, "")
	held := map[string]bool{}
	for range 258 {
		url := testserver.Redis(t)
		if held[url] {
			t.Fatalf("%s was given twice", url)
		}
		held[url] = true
		if err := dial(t, url).Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRedisIsEmptiedForTheNextTest(t *testing.T) {
	for range 300 {
		t.Run("", func(t *testing.T) {
			client := dial(t, testserver.Redis(t))
			if stored, err := client.SetNX(t.Context(), "position", 1, 0).Result(); err != nil || !stored {
				t.Fatalf("SETNX in a fresh database: %v, %v; want true", stored, err)
			}
		})
	}
}

func TestPrivateRedisStopsAndStartsOnItsPort(t *testing.T) {
	url, stop, start := testserver.PrivateRedis(t)
	client := dial(t, url)
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	stop()
	stop()
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Fatal("a stopped server answers")
	}
	start()
	start()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatalf("after a restart: %v", err)
	}
}

func dial(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries = -1
	options.DialerRetries = 1
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	return client
}

// The test process is killed where it stands; its server and directory go.
func TestServersDieWithAKilledTestProcess(t *testing.T) {
	testserver.NeedBinary(t, "redis-server")
	if os.Getenv("OTKLIK_TEST_VICTIM") != "" {
		t.Setenv(testserver.RedisEnv, "")
		fmt.Fprintf(os.Stdout, "url=%s\n", testserver.Redis(t))
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	home := testserver.Dir(t)
	victim := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	victim.Env = append(os.Environ(), "OTKLIK_TEST_VICTIM=1", "TMPDIR="+home)
	output, err := victim.Output()
	if err == nil {
		t.Fatalf("the victim was not killed: %s", output)
	}
	_, url, found := strings.Cut(string(output), "url=")
	if !found {
		t.Fatalf("the victim started no server: %s", output)
	}
	options, err := redis.ParseURL(strings.TrimSpace(url))
	if err != nil {
		t.Fatal(err)
	}
	testserver.Wait(t, "nothing listens on "+options.Addr, func() bool {
		conn, err := net.Dial("tcp", options.Addr)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	testserver.Wait(t, "the server's directory is gone", func() bool {
		left, err := filepath.Glob(filepath.Join(home, "*"))
		return err == nil && len(left) == 0
	})
}

func TestStartShowsTheLogOfAProgramThatEndsEarly(t *testing.T) {
	for range 20 { // the supervisor writes while Start reads
		endsEarly(t)
	}
}

func endsEarly(t *testing.T) {
	t.Helper()
	got := record(t, func(tb testing.TB) {
		testserver.Start(tb, testserver.Program{
			Args: []string{"sh", "-c", "echo no licence >&2; exit 3"},
		}, func() bool { return false })
	})
	for _, want := range []string{"no licence", "status 3"} {
		if !strings.Contains(got.fatal, want) {
			t.Errorf("the failure does not say %q: %s", want, got.fatal)
		}
	}
}

// A killed program gets no chance to say goodbye; a stopped one does. Both can
// be started again.
func TestProcessEndsByKillAndByStop(t *testing.T) {
	home := testserver.Dir(t)
	exists := func(name string) bool {
		_, err := os.Stat(filepath.Join(home, name))
		return err == nil
	}
	process := testserver.Start(t, testserver.Program{
		Home: home,
		Args: []string{"sh", "-c", "trap 'touch goodbye; exit' TERM; touch ready; while :; do sleep 0.01; done"},
	}, func() bool { return exists("ready") })
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	if exists("goodbye") {
		t.Error("a killed program could clean up")
	}
	if err := os.Remove(filepath.Join(home, "ready")); err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	testserver.Wait(t, "the program is ready again", func() bool { return exists("ready") })
	if err := process.Stop(); err != nil {
		t.Fatal(err)
	}
	if !exists("goodbye") {
		t.Error("a stopped program could not clean up")
	}
}

// A port can be listened on, and is nobody else's until its test ends.
func TestFreePort(t *testing.T) {
	var first int
	t.Run("of a test", func(t *testing.T) {
		first = testserver.FreePort(t)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first))
		if err != nil {
			t.Fatal(err)
		}
		listener.Close()
		if claim, err := claimed(t, first); err == nil {
			claim.Close()
			t.Error("another test can have the same port")
		}
	})
	claim, err := claimed(t, first)
	if err != nil {
		t.Fatalf("after the test: %v", err)
	}
	claim.Close()
}

// claimed takes a port as another test would.
func claimed(t *testing.T, port int) (net.PacketConn, error) {
	t.Helper()
	return new(net.ListenConfig).ListenPacket(t.Context(), "udp4", fmt.Sprintf("127.0.0.1:%d", port))
}

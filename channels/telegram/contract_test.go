package telegram_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/channels/telegram"
)

const (
	token  = "4242424242:AAF-s3cr3t_t0ken"
	secret = "hook-s3cr3t"
)

// open gives a channel that talks to a provider at base.
func open(t testing.TB, base string) *telegram.Channel {
	t.Helper()
	c, err := telegram.New(telegram.Config{
		Token: token, APIBase: base, Mode: telegram.ModeWebhook, PublicURL: "https://bot.example",
		Secret: secret, BotName: "OtklikTestBot", Timeout: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sent is Telegram's answer to sendMessage.
func sent(n int, c channeltest.Call) channeltest.Reply {
	return channeltest.Reply{Body: fmt.Sprintf(
		`{"ok":true,"result":{"message_id":%d,"date":1800000000,"chat":{"id":%s,"type":"private"},"text":"…"}}`,
		n+1, c.Form.Get("chat_id"))}
}

// refuses is Telegram's answer when it does not take a request.
func refuses(code int, description string) channeltest.Reply {
	return channeltest.Reply{Status: code, Body: fmt.Sprintf(`{"ok":false,"error_code":%d,"description":%q}`, code, description)}
}

func hook(body string) channels.Request {
	return channels.Request{
		URL:    "https://bot.example/hooks/telegram",
		Header: http.Header{"X-Telegram-Bot-Api-Secret-Token": {secret}, "Content-Type": {"application/json"}},
		Body:   []byte(body),
	}
}

func TestContract(t *testing.T) {
	genuine := map[string]channels.Request{}
	for name, u := range updates {
		if u.want != nil {
			genuine[name] = hook(u.body)
		}
	}
	forged := hook(updates["text"].body)
	forged.Header = http.Header{"X-Telegram-Bot-Api-Secret-Token": {"guess"}}
	channeltest.Run(t, channeltest.Adapter{
		Kind: channels.Telegram,
		Message: channels.Message{
			To: "1001", Text: "Как всё прошло?",
			Buttons: [][]channels.Button{{{Label: "5", Data: "v1:q1:5"}, {Label: "1", Data: "v1:q1:1"}}},
		},
		Secrets:    []string{token, "AAF-s3cr3t_t0ken", secret},
		RetryAfter: 7 * time.Second,
		Open: channeltest.HTTPProvider{
			New:    func(t testing.TB, base string) channels.Channel { return open(t, base) },
			Accept: sent,
			Replies: map[channeltest.Situation]channeltest.Reply{
				channeltest.Garbles: {Body: `{"ok":true,"result":{"message_id":`},
				channeltest.Breaks:  refuses(500, "Internal Server Error"),
				channeltest.Throttles: {Status: 429, Body: `{"ok":false,"error_code":429,
					"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}`},
				channeltest.Unavailable: {Status: 503, Header: http.Header{"Retry-After": {"7"}, "Content-Type": {"text/html"}}, Body: "<html>"},
				channeltest.OptedOut:    refuses(403, "Forbidden: bot was blocked by the user"),
				channeltest.BadAddress:  refuses(400, "Bad Request: chat not found"),
				channeltest.BadLogin:    refuses(401, "Unauthorized"),
			},
		}.Open,
		Hook: &channeltest.Hook{
			Open:    func(t testing.TB) channels.Receiver { return open(t, "http://"+channeltest.DeadAddr) },
			Genuine: genuine,
			Forged:  map[string]channels.Request{"wrong secret": forged},
		},
	})
}

// net/http quotes an answer that is not HTTP in its error.
func TestTokenStaysInsideWhatIsNoHTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		_, _ = fmt.Fprintf(conn, "%s?\r\n\r\n", req.URL.Path)
	}()
	_, err = open(t, "http://"+l.Addr().String()).Send(t.Context(), channels.Message{To: "1001", Text: "?"})
	if e := channels.AsError(err); e == nil || e.Class != channels.Uncertain {
		t.Errorf("%v, want uncertain", err)
	}
	channeltest.NoSecrets(t, []string{token, "AAF-s3cr3t_t0ken"}, err)
}

// A server that repeats what it was asked for must not bring the token into an
// error, whatever it breaks.
func TestTokenStaysInside(t *testing.T) {
	echo := func(reply channeltest.Reply) func(int, channeltest.Call) channeltest.Reply {
		return func(_ int, c channeltest.Call) channeltest.Reply {
			reply.Body = strings.ReplaceAll(reply.Body, "PATH", c.Path)
			reply.Header = http.Header{"Location": {c.Path + "/elsewhere"}}
			return reply
		}
	}
	m := channels.Message{To: "1001", Text: "?"}
	for name, answer := range map[string]func(int, channeltest.Call) channeltest.Reply{
		"description": echo(refuses(404, "Not Found: PATH")),
		"plain text":  echo(channeltest.Reply{Status: 502, Body: "PATH is away"}),
		"redirect":    echo(channeltest.Reply{Status: 302, Body: "PATH"}),
		"reset":       echo(channeltest.Reply{Fault: channeltest.ResetAfterRead}),
		"cut":         echo(channeltest.Reply{Fault: channeltest.Cut, Body: `{"ok":true}`}),
	} {
		t.Run(name, func(t *testing.T) {
			srv := channeltest.NewServer(t, answer)
			_, err := open(t, srv.URL).Send(t.Context(), m)
			if err == nil {
				t.Fatal("no error")
			}
			channeltest.NoSecrets(t, []string{token, "AAF-s3cr3t_t0ken"}, err)
			if n := len(srv.Calls()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

package sms

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
)

func TestNewNamesEveryProblem(t *testing.T) {
	_, err := New(Config{
		AccountSID: "AC/..", APIBase: "api.example", PublicURL: "https://u:" + testToken + "@dealer.example/",
		Timeout: -1,
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{"account sid", "auth token", "api base", "public url is", "slash", "timeout"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not named in %v", part, err)
		}
	}
	channeltest.NoSecrets(t, []string{testToken}, err)
}

func TestSendWritesWhatTwilioTakes(t *testing.T) {
	const service = "MGaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for name, tc := range map[string]struct {
		change         func(*Config)
		message        channels.Message
		from, service  string
		callback, life string
	}{
		"configured sender": {nil, channels.Message{ID: "otk 1&x"}, testFrom, "",
			testPublic + StatusPath + "?id=otk+1%26x", ""},
		"the message's sender": {nil, channels.Message{ID: "1", From: "+15005550001"}, "+15005550001", "",
			testPublic + StatusPath + "?id=1", ""},
		"configured service": {func(c *Config) { c.From, c.MessagingServiceSID = "", service },
			channels.Message{ID: "1"}, "", service, testPublic + StatusPath + "?id=1", ""},
		"the message's service": {nil, channels.Message{ID: "1", From: service}, "", service,
			testPublic + StatusPath + "?id=1", ""},
		"no public url": {func(c *Config) { c.PublicURL = "" }, channels.Message{ID: "1"}, testFrom, "", "", ""},
		"loopback public url": {func(c *Config) { c.PublicURL = "http://127.0.0.1:8080" }, channels.Message{ID: "1"},
			testFrom, "", "http://127.0.0.1:8080" + StatusPath + "?id=1", ""},
		"valid for long": {nil, channels.Message{ID: "1", ValidUntil: time.Now().Add(100 * time.Hour)}, testFrom, "",
			testPublic + StatusPath + "?id=1", "36000"},
		"hardly valid": {nil, channels.Message{ID: "1", ValidUntil: time.Now().Add(-time.Second)}, testFrom, "",
			testPublic + StatusPath + "?id=1", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := channeltest.NewServer(t, accept)
			c := testConfig(srv.URL + "/")
			if tc.change != nil {
				tc.change(&c)
			}
			tc.message.To, tc.message.Text = testTo, "Привет & ура + 1"
			r, err := open(t, c).Send(t.Context(), tc.message)
			if err != nil || r.ProviderID != "SM"+strings.Repeat("0", 32) || r.Segments != 2 {
				t.Fatalf("%+v, %v", r, err)
			}
			call := srv.Calls()[0]
			user, pass, _ := (&http.Request{Header: call.Header}).BasicAuth()
			if call.Method != http.MethodPost || call.Path != "/2010-04-01/Accounts/"+testSID+"/Messages.json" || user != testSID || pass != testToken {
				t.Errorf("%s %s as %s", call.Method, call.Path, user)
			}
			for field, want := range map[string]string{
				"To": testTo, "Body": tc.message.Text, "From": tc.from, "MessagingServiceSid": tc.service,
				"StatusCallback": tc.callback, "ValidityPeriod": tc.life,
			} {
				if got := call.Form.Get(field); got != want || (want == "") == call.Form.Has(field) {
					t.Errorf("%s = %q, want %q", field, got, want)
				}
			}
		})
	}
}

func TestNoSenderStopsTheSender(t *testing.T) {
	srv := channeltest.NewServer(t, accept)
	c := testConfig(srv.URL)
	c.From = ""
	_, err := open(t, c).Send(t.Context(), channels.Message{ID: "1", To: testTo, Text: "hi"})
	e := channels.AsError(err)
	if e == nil || e.Class != channels.Suspended || e.Scope != channels.ScopeSender || len(srv.Calls()) != 0 {
		t.Errorf("%v, %d requests", err, len(srv.Calls()))
	}
}

func TestUnreadableSuccessIsUncertain(t *testing.T) {
	for name, reply := range map[string]channeltest.Reply{
		"cut off":   {Status: 201, Body: `{"sid":"SM00000000000000000000000000000001"}`, Fault: channeltest.Cut},
		"no sid":    {Status: 201, Body: `{"status":"queued"}`},
		"no body":   {Status: 204},
		"too long":  {Status: 201, Body: `{"sid":"SM1","body":"` + strings.Repeat("x", maxAnswer) + `"}`},
		"other sid": {Status: 201, Body: `{"sid":17}`},
	} {
		t.Run(name, func(t *testing.T) {
			srv := channeltest.NewServer(t, channeltest.Replies(reply))
			_, err := open(t, testConfig(srv.URL)).Send(t.Context(), channels.Message{ID: "1", To: testTo, Text: "hi"})
			if e := channels.AsError(err); e == nil || e.Class != channels.Uncertain || len(srv.Calls()) != 1 {
				t.Errorf("%v after %d requests", err, len(srv.Calls()))
			}
		})
	}
}

// TestConnectionIsReused: answers of every kind leave the connection usable.
func TestConnectionIsReused(t *testing.T) {
	replies := []channeltest.Reply{
		refuse(400, 21211, nil), refuse(429, 20429, after("1")), {Status: 502, Body: "<html>" + strings.Repeat("x", 9000)},
		{Status: 201, Body: "garbage"}, {Status: 201, Body: `{"sid":"SM1"}` + "\n\n"}, {Status: 201, Body: `{"sid":"SM2"}`},
	}
	srv := channeltest.NewServer(t, channeltest.Replies(replies...))
	ch := open(t, testConfig(srv.URL))
	for range replies {
		_, _ = ch.Send(t.Context(), channels.Message{ID: "1", To: testTo, Text: "hi"})
	}
	if len(srv.Calls()) != len(replies) || srv.Connections() != 1 {
		t.Errorf("%d requests over %d connections", len(srv.Calls()), srv.Connections())
	}
}

// TestResetBeforeReading: the client may or may not have written by then, so
// either answer is honest; that it was accepted or refused for good is not.
func TestResetBeforeReading(t *testing.T) {
	ch := open(t, testConfig("http://"+channeltest.ResettingAddr(t)))
	_, err := ch.Send(t.Context(), channels.Message{ID: "1", To: testTo, Text: "hi"})
	if e := channels.AsError(err); e == nil || e.Class > channels.Transient {
		t.Errorf("%v", err)
	}
}

// TestTimeout: the configured bound ends a request that the caller would let run. In a
// bubble, where it ends when everything stands still: the provider has read the request.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testConfig("http://provider.example")
		c.Timeout = 3 * time.Second
		ch, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		ch.transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return here, nil }
		read := false
		var provider sync.WaitGroup
		provider.Go(func() {
			r, err := http.ReadRequest(bufio.NewReader(there))
			read = err == nil && r.ParseForm() == nil && r.PostForm.Get("Body") == "hi"
			_, _ = there.Read(make([]byte, 1)) // until the channel gives up
		})
		began := time.Now()
		_, err = ch.Send(t.Context(), channels.Message{ID: "1", To: testTo, Text: "hi"})
		if e := channels.AsError(err); e == nil || e.Class != channels.Uncertain || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if waited := time.Since(began); waited != c.Timeout {
			t.Errorf("after %v", waited)
		}
		if provider.Wait(); !read {
			t.Error("the provider has not read the request")
		}
		_ = ch.Close()
	})
}

// TestStaysAtItsHost: neither the environment nor an answer leads elsewhere. The
// channel's dialer fails the test when it is asked for another host.
func TestStaysAtItsHost(t *testing.T) {
	t.Setenv("TWILIO_EDGE", "sydney")
	t.Setenv("TWILIO_REGION", "au1")
	srv := channeltest.NewServer(t, channeltest.Replies(
		channeltest.Reply{Status: 307, Header: http.Header{"Location": {"http://192.0.2.2/"}}},
		channeltest.Reply{Status: 200, Body: `{"messages":[],"next_page_uri":"http://192.0.2.3/next"}`},
		channeltest.Reply{Status: 404, Body: `{"code":20404}`},
	))
	ch := open(t, testConfig(srv.URL))
	if ch.transport.Proxy != nil {
		// The environment's proxies never apply to loopback, so that only this shows it.
		t.Error("the environment can put a proxy between")
	}
	_, err := ch.Send(t.Context(), channels.Message{ID: "1", To: testTo, Text: "hi"})
	if e := channels.AsError(err); e == nil || e.Class != channels.Suspended {
		t.Errorf("redirect: %v", err)
	}
	if _, found, err := ch.Ask(t.Context(), channels.Query{To: testTo, Text: "hi", Since: time.Now()}); found || err == nil {
		t.Errorf("next page elsewhere: %v, %v", found, err)
	}
	if got := len(srv.Calls()); got != 3 {
		t.Errorf("%d requests reached the host", got)
	}
}

func TestRetryAfter(t *testing.T) {
	date := "Sun, 22 Nov 2026 10:00:00 GMT"
	for _, tc := range []struct {
		value string
		want  time.Duration
		asked bool
	}{
		{"", 0, false},
		{"0", 0, true},
		{"120", 2 * time.Minute, true},
		{"-1", 0, false},
		{"99999999999", 0, false},
		{"1.5", 0, false},
		{"Sun, 22 Nov 2026 10:00:30 GMT", 30 * time.Second, true},
		{"Sun, 22 Nov 2026 09:59:30 GMT", 0, true},
		{"Mon, 22 Nov 2027 10:00:00 GMT", 24 * time.Hour, true},
	} {
		got, asked := retryAfter(http.Header{"Retry-After": {tc.value}, "Date": {date}})
		if got != tc.want || asked != tc.asked {
			t.Errorf("%q: %v, %v", tc.value, got, asked)
		}
	}
}

func TestErrorsHideNumbers(t *testing.T) {
	ch := open(t, testConfig("http://"+channeltest.DeadAddr))
	for in, want := range map[string]string{
		"The 'To' number +49 (151) 234-567 is not valid": "The 'To' number [number] is not valid",
		"from 15005550006":          "from [number]",
		"code 21211, see 30005":     "code 21211, see 30005",
		"bad token " + testToken:    "bad token [token]",
		strings.Repeat("ж", 400):    strings.Repeat("ж", 150) + "…",
		"longer than 1600 by 12 or": "longer than 1600 by 12 or",
	} {
		if got := ch.scrub(in); got != want {
			t.Errorf("%q gave %q", in, got)
		}
	}
	_, err := ch.Send(t.Context(), channels.Message{ID: "1", To: testTo, Text: "hi"})
	var e *channels.Error
	if !errors.As(err, &e) || e.Class != channels.Transient {
		t.Errorf("%v", err)
	}
}

package sms

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
)

// listed is a message in Twilio's list; zero sent means still queued.
type listed struct {
	sid, body, status, direction string
	made, sent                   time.Time
	code                         int
}

func (l listed) json() map[string]any {
	m := map[string]any{
		"sid": l.sid, "body": l.body, "status": l.status, "direction": l.direction, "to": testTo, "from": testFrom,
		"date_created": l.made.UTC().Format(time.RFC1123Z), "date_sent": nil, "error_code": nil,
	}
	if !l.sent.IsZero() {
		m["date_sent"] = l.sent.UTC().Format(time.RFC1123Z)
	}
	if l.code != 0 {
		m["error_code"] = l.code
	}
	return m
}

// list answers as Twilio does: with a date, only what has been sent since;
// two a page.
func list(all ...listed) func(int, channeltest.Call) channeltest.Reply {
	return func(_ int, c channeltest.Call) channeltest.Reply {
		var rows []map[string]any
		for _, l := range all {
			if day, err := time.Parse(time.RFC3339, c.Query.Get("DateSent>")); err == nil && l.sent.Before(day) {
				continue
			}
			rows = append(rows, l.json())
		}
		page := map[string]any{"next_page_uri": nil}
		if c.Query.Get("Page") == "1" {
			rows = rows[2:]
		} else if len(rows) > 2 {
			rows = rows[:2]
			q := c.Query
			q.Set("Page", "1")
			page["next_page_uri"] = c.Path + "?" + q.Encode()
		}
		page["messages"] = rows
		body, err := json.Marshal(page)
		if err != nil {
			return channeltest.Reply{Status: 500}
		}
		return channeltest.Reply{Body: string(body)}
	}
}

func TestAsk(t *testing.T) {
	since := time.Date(2026, 11, 22, 23, 59, 50, 0, time.FixedZone("MSK", 3*3600))
	const text = "Как прошёл визит?"
	out := func(sid, status string, at time.Duration) listed {
		return listed{sid: sid, body: text, status: status, direction: "outbound-api", made: since.Add(at), sent: since.Add(at)}
	}
	queued := out("SM5", "queued", time.Second)
	queued.sent = time.Time{}
	other := out("SM6", "sent", time.Second)
	other.body = "Другое"
	in := out("SM7", "received", time.Second)
	in.direction = "inbound"
	dead := out("SM8", "undelivered", time.Second)
	dead.code = 30005
	for name, tc := range map[string]struct {
		there []listed
		sid   string
		state channels.State
		class channels.Class
	}{
		"none":               {nil, "", "", 0},
		"sent":               {[]listed{out("SM1", "sent", time.Second)}, "SM1", channels.StateSent, 0},
		"delivered":          {[]listed{out("SM1", "delivered", time.Second)}, "SM1", channels.StateDelivered, 0},
		"their clock behind": {[]listed{out("SM1", "sent", -50*time.Second)}, "SM1", channels.StateSent, 0},
		"too old":            {[]listed{out("SM1", "sent", -70*time.Second)}, "", "", 0},
		"earliest":           {[]listed{out("SM3", "sent", time.Hour), out("SM2", "sent", time.Minute)}, "SM2", channels.StateSent, 0},
		"second page":        {[]listed{other, in, out("SM4", "sent", time.Minute)}, "SM4", channels.StateSent, 0},
		"still queued":       {[]listed{queued}, "SM5", channels.StateSent, 0},
		"another text":       {[]listed{other}, "", "", 0},
		"theirs":             {[]listed{in}, "", "", 0},
		"failed":             {[]listed{dead}, "SM8", channels.StateUndelivered, channels.Unreachable},
		"canceled":           {[]listed{out("SM9", "canceled", time.Second)}, "SM9", channels.StateFailed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			srv := channeltest.NewServer(t, list(tc.there...))
			r, found, err := open(t, testConfig(srv.URL)).Ask(t.Context(), channels.Query{To: testTo, Text: text, Since: since})
			if err != nil || found != (tc.sid != "") {
				t.Fatalf("%+v, %v, %v", r, found, err)
			}
			if r.ProviderID != tc.sid || r.State != tc.state || r.Class != tc.class {
				t.Errorf("%+v", r)
			}
			first := srv.Calls()[0]
			if first.Query.Get("To") != testTo || first.Query.Get("From") != testFrom || first.Query.Get("DateSent>") != "2026-11-22T00:00:00Z" {
				t.Errorf("asked for %v", first.Query)
			}
		})
	}
}

func TestAskSender(t *testing.T) {
	const service = "MGaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for name, tc := range map[string]struct{ configured, service, asked, want string }{
		"configured":   {testFrom, "", "", testFrom},
		"asked":        {testFrom, "", "+15005550001", "+15005550001"},
		"service":      {testFrom, service, "", ""},
		"asks service": {testFrom, "", service, ""},
		"from service": {"", service, "+15005550001", "+15005550001"},
	} {
		srv := channeltest.NewServer(t, list())
		c := testConfig(srv.URL)
		c.From, c.MessagingServiceSID = tc.configured, tc.service
		if _, _, err := open(t, c).Ask(t.Context(), channels.Query{To: testTo, From: tc.asked, Since: time.Now()}); err != nil {
			t.Fatal(err)
		}
		for _, call := range srv.Calls() {
			if call.Query.Get("From") != tc.want {
				t.Errorf("%s: asked for %v", name, call.Query)
			}
		}
	}
}

// TestCheck: one look at the list tells whether the credentials are good.
func TestCheck(t *testing.T) {
	srv := channeltest.NewServer(t, list())
	if err := open(t, testConfig(srv.URL)).Check(t.Context()); err != nil {
		t.Error(err)
	}
	if calls := srv.Calls(); len(calls) != 1 || calls[0].Method != http.MethodGet || calls[0].Query.Get("PageSize") != "1" {
		t.Errorf("asked %+v", calls)
	}
	refusing := channeltest.NewServer(t, func(int, channeltest.Call) channeltest.Reply {
		return channeltest.Reply{Status: 401, Body: `{"code":20003,"message":"Authenticate","status":401}`}
	})
	if e := channels.AsError(open(t, testConfig(refusing.URL)).Check(t.Context())); e == nil || e.Class != channels.Suspended || e.Code != "20003" {
		t.Errorf("refused: %v", e)
	}
}

// TestAskWithoutAnswer: not being answered is not the same as not found.
func TestAskWithoutAnswer(t *testing.T) {
	q := channels.Query{To: testTo, Text: "hi", Since: time.Now()}
	for name, reply := range map[string]channeltest.Reply{
		"broken":    {Status: http.StatusBadGateway},
		"reset":     {Fault: channeltest.ResetAfterRead},
		"garbled":   {Body: "<html>"},
		"throttled": refuse(429, 20429, after("3")),
	} {
		srv := channeltest.NewServer(t, channeltest.Replies(reply))
		_, found, err := open(t, testConfig(srv.URL)).Ask(t.Context(), q)
		if found || err == nil {
			t.Errorf("%s: %v, %v", name, found, err)
		}
		channeltest.NoSecrets(t, []string{testToken, testTo[1:]}, err)
	}
	_, found, err := open(t, testConfig("http://"+channeltest.DeadAddr)).Ask(t.Context(), q)
	if found || err == nil {
		t.Errorf("refused: %v, %v", found, err)
	}
	channeltest.NoSecrets(t, []string{testToken, testTo[1:]}, err)
}

package sms

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/channels/sms/twiliotest"
)

// TestRequestsAsTwilioDescribes: what our client sends is valid by Twilio's own
// description, in every form in which it can be sent.
func TestRequestsAsTwilioDescribes(t *testing.T) {
	base := twiliotest.Mock(t)
	const service = "MGaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for name, change := range map[string]func(*Config, *channels.Message){
		"plain":     func(*Config, *channels.Message) {},
		"loopback":  func(c *Config, _ *channels.Message) { c.PublicURL = "http://127.0.0.1:8080" },
		"no public": func(c *Config, _ *channels.Message) { c.PublicURL = "" },
		"service":   func(c *Config, _ *channels.Message) { c.From, c.MessagingServiceSID = "", service },
		"both":      func(c *Config, m *channels.Message) { c.MessagingServiceSID, m.From = service, "+15005550001" },
		"valid for": func(_ *Config, m *channels.Message) { m.ValidUntil = time.Now().Add(100 * time.Hour) },
		"expiring":  func(_ *Config, m *channels.Message) { m.ValidUntil = time.Now() },
		"long":      func(_ *Config, m *channels.Message) { m.Text = strings.Repeat("я", 1600) },
	} {
		t.Run(name, func(t *testing.T) {
			c := testConfig(base)
			m := channels.Message{ID: "otk-1", To: testTo, Text: "Как прошёл визит? 👍"}
			change(&c, &m)
			r, err := open(t, c).Send(t.Context(), m)
			if err != nil || !strings.HasPrefix(r.ProviderID, "SM") {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	t.Run("list", func(t *testing.T) {
		// The example's page was made in 2019, from other people, and names a next
		// page, so that both lists and a page beyond are asked for.
		_, found, err := open(t, testConfig(base)).Ask(t.Context(), channels.Query{To: testTo, Text: "none", Since: time.Now()})
		if err != nil || found {
			t.Errorf("%v, %v", found, err)
		}
		r, found, err := open(t, testConfig(base)).Ask(t.Context(), channels.Query{
			To: testTo, Text: "testing", Since: time.Date(2019, 5, 24, 17, 44, 0, 0, time.UTC),
		})
		if err != nil || !found || !strings.HasPrefix(r.ProviderID, "SM") || r.State != channels.StateSent {
			t.Errorf("%+v, %v, %v", r, found, err)
		}
	})
	t.Run("the judge is awake", func(t *testing.T) {
		path := "/2010-04-01/Accounts/" + testSID + "/Messages.json"
		for name, tc := range map[string]struct {
			path   string
			form   url.Values
			login  bool
			status int
		}{
			"valid":          {path, url.Values{"To": {testTo}, "From": {testFrom}, "Body": {"hi"}}, true, 201},
			"no recipient":   {path, url.Values{"From": {testFrom}, "Body": {"hi"}}, true, 422},
			"bad service":    {path, url.Values{"To": {testTo}, "MessagingServiceSid": {"MG1"}}, true, 422},
			"bad callback":   {path, url.Values{"To": {testTo}, "StatusCallback": {"not a url"}}, true, 422},
			"bad account":    {strings.Replace(path, testSID, "ACx", 1), url.Values{"To": {testTo}}, true, 422},
			"no credentials": {path, url.Values{"To": {testTo}, "From": {testFrom}, "Body": {"hi"}}, false, 401},
		} {
			if status, body := post(t, base+tc.path, tc.form, tc.login); status != tc.status {
				t.Errorf("%s: %d, want %d: %s", name, status, tc.status, body)
			}
		}
	})
}

// TestRecordedRepliesAsTwilioDescribes: the yes that other tests record is one
// that Twilio could give, and the proxy finds one that it could not.
func TestRecordedRepliesAsTwilioDescribes(t *testing.T) {
	status := "queued"
	srv := channeltest.NewServer(t, func(n int, c channeltest.Call) channeltest.Reply {
		r := accept(n, c)
		r.Body = strings.Replace(r.Body, `"queued"`, fmt.Sprintf("%q", status), 1)
		return r
	})
	ch := open(t, testConfig(twiliotest.Proxy(t, srv.URL)))
	m := channels.Message{ID: "otk-1", To: testTo, Text: "Как прошёл визит?"}
	r, err := ch.Send(t.Context(), m)
	if err != nil || r.ProviderID == "" || srv.Calls()[0].Form.Get("Body") != m.Text {
		t.Errorf("%+v, %v", r, err)
	}
	status = "on its way"
	_, err = ch.Send(t.Context(), m)
	if e := channels.AsError(err); e == nil || e.Class != channels.Uncertain || e.Code != "500" {
		t.Errorf("an unknown status passed: %v", err)
	}
}

func post(t *testing.T, target string, form url.Values, login bool) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if login {
		req.SetBasicAuth(testSID, testToken)
	}
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

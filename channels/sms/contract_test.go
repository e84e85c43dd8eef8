package sms

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
)

const (
	testSID    = "AC0123456789abcdef0123456789abcdef"
	testToken  = "5ecre7+t0ken/of=tests"
	testFrom   = "+15005550006"
	testTo     = "+15005550009"
	testPublic = "https://dealer.example"
)

func testConfig(base string) Config {
	return Config{AccountSID: testSID, AuthToken: testToken, From: testFrom, APIBase: base, PublicURL: testPublic, Timeout: time.Minute}
}

// open gives a channel whose provider is at base and which cannot reach anything
// but this host.
func open(t testing.TB, c Config) *Channel {
	t.Helper()
	ch, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ch.transport.DialContext = channeltest.LocalDialer(t)
	t.Cleanup(func() { _ = ch.Close() })
	return ch
}

func accept(n int, c channeltest.Call) channeltest.Reply {
	return channeltest.Reply{Status: http.StatusCreated, Body: fmt.Sprintf(
		`{"sid":"SM%032d","status":"queued","num_segments":"2","to":%q,"error_code":null}`, n, c.Form.Get("To"))}
}

// refuse echoes what must not be repeated: the number and, as no real provider
// would, the token.
func refuse(status, code int, header http.Header) channeltest.Reply {
	return channeltest.Reply{Status: status, Header: header, Body: fmt.Sprintf(
		`{"code":%d,"message":"The number %s is wrong, token %s","status":%d}`,
		code, testTo, testToken, status)}
}

func after(s string) http.Header { return http.Header{"Retry-After": {s}} }

func provider() channeltest.HTTPProvider {
	return channeltest.HTTPProvider{
		New: func(t testing.TB, base string) channels.Channel {
			c := testConfig(base)
			return open(t, c)
		},
		Accept: accept,
		Replies: map[channeltest.Situation]channeltest.Reply{
			channeltest.Garbles:     {Status: http.StatusCreated, Body: "<html>created</html>"},
			channeltest.Breaks:      {Status: http.StatusBadGateway, Body: "<html>bad gateway</html>"},
			channeltest.Throttles:   refuse(http.StatusTooManyRequests, 20429, after("7")),
			channeltest.Unavailable: {Status: http.StatusServiceUnavailable, Header: after("7"), Body: "later"},
			channeltest.OptedOut:    refuse(http.StatusBadRequest, 21610, nil),
			channeltest.BadAddress:  refuse(http.StatusBadRequest, 21211, nil),
			channeltest.BadLogin:    refuse(http.StatusUnauthorized, 20003, nil),
		},
	}
}

func TestContract(t *testing.T) {
	channeltest.Run(t, channeltest.Adapter{
		Kind:       channels.SMS,
		Message:    channels.Message{To: testTo, Text: "Как прошёл визит? Ответьте цифрой от 1 до 5."},
		Secrets:    []string{testToken, testTo, testTo[1:]},
		RetryAfter: 7 * time.Second,
		Open:       provider().Open,
		ShowsID:    true,
		Hook: &channeltest.Hook{
			Open: func(t testing.TB) channels.Receiver { return open(t, testConfig("http://"+channeltest.DeadAddr)) },
			Genuine: map[string]channels.Request{
				"inbound":     signedCall(testPublic+InboundPath, inboundForm("5")),
				"stop":        signedCall(testPublic+InboundPath, with(inboundForm("STOP"), "OptOutType", "STOP")),
				"delivered":   signedCall(testPublic+StatusPath+"?id=otk-1", statusForm("delivered", "")),
				"undelivered": signedCall(testPublic+StatusPath+"?id=otk-1", statusForm("undelivered", "30005")),
			},
			Forged: map[string]channels.Request{
				"another token": resigned(signedCall(testPublic+InboundPath, inboundForm("5")), "another"),
				"text changed":  tampered(signedCall(testPublic+InboundPath, inboundForm("5")), "Body", "1"),
				"one added":     tampered(signedCall(testPublic+InboundPath, inboundForm("5")), "OptOutType", "STOP"),
				"id changed": moved(signedCall(testPublic+StatusPath+"?id=otk-1", statusForm("failed", "30002")),
					testPublic+StatusPath+"?id=otk-2"),
				"another host": moved(signedCall(testPublic+InboundPath, inboundForm("5")), "https://other.example"+InboundPath),
				"name repeated": {
					URL:    testPublic + InboundPath,
					Header: signedCall(testPublic+InboundPath, inboundForm("5")).Header,
					Body:   []byte(inboundForm("5").Encode() + "&Body=1"),
				},
				"no form": {URL: testPublic + InboundPath, Header: http.Header{"X-Twilio-Signature": {"x"}}, Body: []byte("%zz")},
			},
		},
	})
}

func inboundForm(text string) url.Values {
	return url.Values{
		"MessageSid": {"SM00000000000000000000000000000001"}, "SmsSid": {"SM00000000000000000000000000000001"},
		"AccountSid": {testSID}, "From": {testTo}, "To": {testFrom}, "Body": {text}, "NumMedia": {"0"},
	}
}

func statusForm(status, code string) url.Values {
	f := url.Values{
		"MessageSid": {"SM00000000000000000000000000000002"}, "MessageStatus": {status},
		"AccountSid": {testSID}, "From": {testFrom}, "To": {testTo},
	}
	if code != "" {
		f.Set("ErrorCode", code)
	}
	return f
}

func with(f url.Values, name, value string) url.Values {
	f = maps.Clone(f)
	f.Set(name, value)
	return f
}

// sign is Twilio's rule written down a second time, apart from the library that
// the channel checks with.
func sign(token, callURL string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(callURL))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		mac.Write([]byte(name + form.Get(name)))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func signedCall(callURL string, form url.Values) channels.Request {
	return channels.Request{
		URL:    callURL,
		Header: http.Header{"X-Twilio-Signature": {sign(testToken, callURL, form)}},
		Form:   form,
		Body:   []byte(form.Encode()),
	}
}

func resigned(r channels.Request, token string) channels.Request {
	r.Header = http.Header{"X-Twilio-Signature": {sign(token, r.URL, r.Form)}}
	return r
}

func tampered(r channels.Request, name, value string) channels.Request {
	r.Form = with(r.Form, name, value)
	r.Body = []byte(r.Form.Encode())
	return r
}

func moved(r channels.Request, callURL string) channels.Request {
	r.URL = callURL
	return r
}

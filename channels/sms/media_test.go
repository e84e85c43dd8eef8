package sms

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"otklik/channels"
	"otklik/channels/channeltest"
)

const mediaRef = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages/MM00000000000000000000000000000002/Media/ME00000000000000000000000000000003"

// TestMediaPath: of a media URL the path is kept, and nothing of what is no media
// resource.
func TestMediaPath(t *testing.T) {
	for address, want := range map[string]string{
		"https://api.twilio.com" + mediaRef:                         mediaRef,
		"http://169.254.169.254" + mediaRef:                         mediaRef, // asked of the configured host
		"https://api.twilio.com/2010-04-01/Accounts/AC1/Calls.json": "",
		"https://api.twilio.com" + mediaRef + "/../../../..":        "",
		"http://169.254.169.254/latest/meta-data/":                  "",
		"file:///etc/passwd":                                        "",
		"":                                                          "",
		"%":                                                         "",
	} {
		if got := mediaPath(address); got != want {
			t.Errorf("%s: %q", address, got)
		}
	}
}

// TestFetch: a content comes from the API's host with the account's credentials; each
// answer has its meaning.
func TestFetch(t *testing.T) {
	for name, row := range map[string]struct {
		reply channeltest.Reply
		want  string
		is    error
		class channels.Class
	}{
		"content":     {reply: channeltest.Reply{Body: "a photo"}, want: "a photo"},
		"gone":        {reply: channeltest.Reply{Status: http.StatusNotFound, Body: `{"code":20404}`}, is: channels.ErrGone},
		"wrong token": {reply: channeltest.Reply{Status: http.StatusUnauthorized, Body: `{"code":20003}`}, class: channels.Suspended},
		"too fast":    {reply: channeltest.Reply{Status: http.StatusTooManyRequests, Body: `{"code":20429}`}, class: channels.Throttled},
		"broken":      {reply: channeltest.Reply{Status: http.StatusBadGateway, Body: "<html>"}, class: channels.Transient},
		"cut":         {reply: channeltest.Reply{Body: "a photo", Fault: channeltest.Cut}, class: channels.Transient},
		"reset":       {reply: channeltest.Reply{Fault: channeltest.ResetAfterRead}, class: channels.Transient},
		"sent on to a stranger": {reply: channeltest.Reply{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"https://evil.example/x"}}},
			class: channels.Rejected},
		"sent on in clear": {reply: channeltest.Reply{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"http://mms.twiliocdn.com/x"}}},
			class: channels.Rejected},
		"sent on to itself": {reply: channeltest.Reply{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {mediaRef}}},
			class: channels.Rejected},
		"sent on to another's bucket": {reply: channeltest.Reply{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"https://s3-external-1.amazonaws.com/evil/x"}}},
			class: channels.Rejected},
	} {
		t.Run(name, func(t *testing.T) {
			srv := channeltest.NewServer(t, channeltest.Replies(row.reply))
			ch := open(t, testConfig(srv.URL))
			var got bytes.Buffer
			err := ch.Fetch(t.Context(), mediaRef, &got)
			switch {
			case row.want != "" && (err != nil || got.String() != row.want):
				t.Errorf("%q, %v", got.String(), err)
			case row.is != nil && !errors.Is(err, row.is):
				t.Errorf("%v", err)
			case row.want == "" && row.is == nil && (err == nil || channels.AsError(err).Class != row.class):
				t.Errorf("%v", err)
			}
			calls := srv.Calls()
			if user, password, _ := (&http.Request{Header: calls[0].Header}).BasicAuth(); len(calls) != 1 || calls[0].Path != mediaRef || user != testSID || password != testToken {
				t.Errorf("%d calls, the first as %s to %s", len(calls), user, calls[0].Path)
			}
			if err != nil && (strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), "evil")) {
				t.Errorf("the error tells too much: %v", err)
			}
		})
	}
	if err := open(t, testConfig("http://127.0.0.1:1")).Fetch(t.Context(), "/etc/passwd", &bytes.Buffer{}); channels.AsError(err).Class != channels.Rejected {
		t.Errorf("a foreign reference: %v", err)
	}
}

// TestFetchFromStore: Twilio sends a reader on to where contents lie; the credentials do
// not go there.
func TestFetchFromStore(t *testing.T) {
	var authorized []string
	store := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authorized = append(authorized, r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(r.Host + r.URL.String()))
	}))
	t.Cleanup(store.Close)
	srv := channeltest.NewServer(t, channeltest.Replies(channeltest.Reply{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"https://mms.twiliocdn.com/AC1/x?Signature=s"}}}))
	ch := open(t, testConfig(srv.URL))
	ch.transport.TLSClientConfig = store.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	ch.transport.TLSClientConfig.ServerName = "example.com" // of httptest's certificate
	dial := ch.transport.DialContext
	ch.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == "mms.twiliocdn.com:443" {
			u, err := url.Parse(store.URL)
			if err != nil {
				return nil, err
			}
			addr = u.Host
		}
		return dial(ctx, network, addr)
	}
	var got bytes.Buffer
	if err := ch.Fetch(t.Context(), mediaRef, &got); err != nil || got.String() != "mms.twiliocdn.com/AC1/x?Signature=s" {
		t.Errorf("%q, %v", got.String(), err)
	}
	if len(authorized) != 1 || authorized[0] != "" {
		t.Errorf("the store saw %q", authorized)
	}
}

// full takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, channels.ErrTooLarge }

func TestFetchEndsWithItsReader(t *testing.T) {
	srv := channeltest.NewServer(t, channeltest.Replies(channeltest.Reply{Body: "a photo"}))
	if err := open(t, testConfig(srv.URL)).Fetch(t.Context(), mediaRef, full{}); !errors.Is(err, channels.ErrTooLarge) {
		t.Errorf("%v", err)
	}
}

package telegram_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"otklik/channels"
	"otklik/channels/channeltest"
)

// TestFetch asks for a file's address and reads it; each answer has its meaning.
func TestFetch(t *testing.T) {
	found := channeltest.Reply{Body: `{"ok":true,"result":{"file_id":"f","file_unique_id":"u","file_path":"voice/file 1.oga"}}`}
	for name, row := range map[string]struct {
		replies []channeltest.Reply
		want    string
		is      error
		class   channels.Class
	}{
		"content":       {replies: []channeltest.Reply{found, {Body: "a voice"}}, want: "a voice"},
		"too large":     {replies: []channeltest.Reply{{Status: 400, Body: `{"ok":false,"error_code":400,"description":"Bad Request: file is too big"}`}}, is: channels.ErrTooLarge},
		"unknown":       {replies: []channeltest.Reply{{Status: 400, Body: `{"ok":false,"error_code":400,"description":"Bad Request: wrong file_id or the file is temporarily unavailable"}`}}, is: channels.ErrGone},
		"refused":       {replies: []channeltest.Reply{{Status: 400, Body: `{"ok":false,"error_code":400,"description":"Bad Request: something else"}`}}, class: channels.Rejected},
		"too fast":      {replies: []channeltest.Reply{{Status: 429, Body: `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}`}}, class: channels.Throttled},
		"no answer":     {replies: []channeltest.Reply{{Fault: channeltest.ResetAfterRead}}, class: channels.Transient},
		"no path":       {replies: []channeltest.Reply{{Body: `{"ok":true,"result":{"file_id":"f"}}`}}, class: channels.Transient},
		"leads out":     {replies: []channeltest.Reply{{Body: `{"ok":true,"result":{"file_path":"../../getMe"}}`}}, class: channels.Rejected},
		"file is gone":  {replies: []channeltest.Reply{found, {Status: 404, Body: `{"ok":false,"error_code":404,"description":"Not Found"}`}}, is: channels.ErrGone},
		"file is cut":   {replies: []channeltest.Reply{found, {Body: "a voice", Fault: channeltest.Cut}}, class: channels.Transient},
		"file is reset": {replies: []channeltest.Reply{found, {Fault: channeltest.ResetAfterRead}}, class: channels.Transient},
		"server broken": {replies: []channeltest.Reply{found, {Status: 502}}, class: channels.Transient},
		"sent on":       {replies: []channeltest.Reply{found, {Status: 302, Header: http.Header{"Location": {"https://evil.example/"}}}}, class: channels.Transient},
	} {
		t.Run(name, func(t *testing.T) {
			srv := channeltest.NewServer(t, channeltest.Replies(row.replies...))
			var got bytes.Buffer
			err := open(t, srv.URL).Fetch(t.Context(), "f", &got)
			switch {
			case row.want != "" && (err != nil || got.String() != row.want):
				t.Errorf("%q, %v", got.String(), err)
			case row.is != nil && !errors.Is(err, row.is):
				t.Errorf("%v", err)
			case row.want == "" && row.is == nil && (err == nil || channels.AsError(err).Class != row.class):
				t.Errorf("%v", err)
			}
			if err != nil && strings.Contains(err.Error(), token) {
				t.Errorf("the error shows the token: %v", err)
			}
			calls := srv.Calls()
			if len(calls) < len(row.replies) || len(row.replies) == 2 && calls[1].Path != "/file/bot"+token+"/voice/file 1.oga" {
				t.Errorf("%d calls, the last to %s", len(calls), calls[len(calls)-1].Path)
			}
		})
	}
}

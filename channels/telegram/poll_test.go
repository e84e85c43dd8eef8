package telegram_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/channels/channeltest"
)

// says is an update with a text.
func says(id int, text string) string {
	return fmt.Sprintf(`{"update_id":%d,"message":{"message_id":%d,%s,%s,"date":1804464000,"text":%q}}`, id, id, person, private, text)
}

func batchOf(updates ...string) channeltest.Reply {
	return channeltest.Reply{Body: `{"ok":true,"result":[` + strings.Join(updates, ",") + `]}`}
}

// poll runs Poll on the answers until the last one has been given, which hangs as
// an idle long poll does, and returns the texts with their cursors.
func poll(t *testing.T, cursor string, answers ...channeltest.Reply) (got []string, srv *channeltest.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	srv = checked(t, func(n int, _ string, _ channeltest.Call) channeltest.Reply {
		if n == len(answers) {
			cancel()
			return channeltest.Reply{Fault: channeltest.Hang}
		}
		return answers[n]
	})
	err := open(t, srv.URL).Poll(ctx, cursor, func(_ context.Context, e channels.Event, cursor string) error {
		got = append(got, e.Inbound.Text+" "+cursor)
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	return got, srv
}

func offsets(srv *channeltest.Server) string {
	var all []string
	for _, c := range srv.Calls() {
		all = append(all, c.Form.Get("offset"))
	}
	return strings.Join(all, ",")
}

func TestPoll(t *testing.T) {
	got, srv := poll(t, "",
		batchOf(says(70, "one"), `{"update_id":71}`, says(72, "two")),
		batchOf(says(73, "three")),
		batchOf(updates["group message"].body))
	if d := cmp.Diff([]string{"one 71", "two 73", "three 74"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if o := offsets(srv); o != ",73,74,91" {
		t.Errorf("offsets %q", o)
	}
	form := srv.Calls()[0].Form
	if form.Get("timeout") != "25" || form.Get("limit") != "100" || form.Get("allowed_updates") != allowed {
		t.Errorf("first request %v", form)
	}
}

// What was handled but not confirmed before a stop comes again and is passed over.
func TestPollFromCursor(t *testing.T) {
	got, srv := poll(t, "72", batchOf(says(70, "old"), says(71, "old"), says(72, "new")), batchOf(says(73, "newer")))
	if d := cmp.Diff([]string{"new 73", "newer 74"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if o := offsets(srv); o != ",73,74" {
		t.Errorf("offsets %q", o)
	}
}

// After a quiet week Telegram numbers from anywhere, also from far below.
func TestPollAfterNewNumbering(t *testing.T) {
	got, srv := poll(t, "900000", batchOf(says(70, "first of the new")), batchOf(), batchOf(says(31, "lower again")))
	if d := cmp.Diff([]string{"first of the new 71", "lower again 32"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if o := offsets(srv); o != ",71,,32" {
		t.Errorf("offsets %q", o)
	}
}

// An event that was not stored is not confirmed: the next poll gets it again.
func TestPollStopsWhenEmitFails(t *testing.T) {
	srv := checked(t, func(int, string, channeltest.Call) channeltest.Reply {
		return batchOf(says(70, "one"), says(71, "two"))
	})
	full := errors.New("disk full")
	n := 0
	err := open(t, srv.URL).Poll(t.Context(), "", func(context.Context, channels.Event, string) error {
		n++
		return full
	})
	if !errors.Is(err, full) || n != 1 || offsets(srv) != "" {
		t.Errorf("%v after %d events, offsets %q", err, n, offsets(srv))
	}
}

func TestPollTellsWhatIsWrong(t *testing.T) {
	never := func(context.Context, channels.Event, string) error { return errors.New("unexpected event") }
	for name, tt := range map[string]struct {
		reply channeltest.Reply
		want  channels.Class
	}{
		"another poller": {refuses(409, "Conflict: terminated by other getUpdates request"), channels.Transient},
		"token":          {refuses(401, "Unauthorized"), channels.Suspended},
		"too often":      {refuses(429, "Too Many Requests: retry after 3"), channels.Throttled},
		"not updates":    {channeltest.Reply{Body: yes}, channels.Uncertain},
		"not an update":  {batchOf(`{"update_id":"x"}`), channels.Uncertain},
		"HTML":           {channeltest.Reply{Status: 502, Body: "<html>"}, channels.Uncertain},
	} {
		t.Run(name, func(t *testing.T) {
			srv := checked(t, func(int, string, channeltest.Call) channeltest.Reply { return tt.reply })
			err := open(t, srv.URL).Poll(t.Context(), "", never)
			if e := channels.AsError(err); e == nil || e.Class != tt.want {
				t.Errorf("%v, want %v", err, tt.want)
			}
			channeltest.NoSecrets(t, []string{token}, err)
		})
	}
	for _, cursor := range []string{"x", "-5", "0", "5.5"} {
		if err := open(t, "http://"+channeltest.DeadAddr).Poll(t.Context(), cursor, never); err == nil || channels.AsError(err).Class == channels.Transient {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

// The end of ctx ends a long poll at once, and the wait after a server that does
// not know long polls too.
func TestPollEndsWithContext(t *testing.T) {
	for name, reply := range map[string]channeltest.Reply{"held": {Fault: channeltest.Hang}, "empty": batchOf()} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			srv := checked(t, func(int, string, channeltest.Call) channeltest.Reply {
				cancel()
				return reply
			})
			err := open(t, srv.URL).Poll(ctx, "", nil)
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			if n := len(srv.Calls()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

package telegram_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/channels/telegram"
)

const (
	allowed = `["message","edited_message","callback_query","my_chat_member"]`
	quiet   = `{"is_disabled":true}`
	yes     = `{"ok":true,"result":true}`
)

// what gives method and form of each call so far.
func what(srv *channeltest.Server) []string {
	var all []string
	for _, c := range srv.Calls() {
		form, _ := url.QueryUnescape(c.Form.Encode())
		all = append(all, strings.TrimPrefix(c.Path, "/bot"+token+"/")+"?"+form)
	}
	return all
}

func expectCalls(t *testing.T, srv *channeltest.Server, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, what(srv)); d != "" {
		t.Errorf("requests (-want +got):\n%s", d)
	}
}

func TestSend(t *testing.T) {
	srv := checked(t, func(n int, _ string, c channeltest.Call) channeltest.Reply { return sent(n, c) })
	c := open(t, srv.URL+"/")
	for _, m := range []channels.Message{
		{To: "1001", Text: "Оцените <b>визит</b> *от 1 до 5* & http://example.com"},
		{To: "1001", Text: "?", InReplyTo: "1001:7", Buttons: [][]channels.Button{
			{{Label: "1", Data: "a"}, {Label: "2", Data: "b"}}, {}, {{Label: "Анкета", URL: "https://example.com/s/x"}},
		}},
		{To: "1001", Text: "?", InReplyTo: "1002:7", Buttons: [][]channels.Button{{}}},
		{To: "1001", Text: "?", InReplyTo: "<mail@example.com>"},
	} {
		if _, err := c.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	expectCalls(t, srv,
		"sendMessage?chat_id=1001&link_preview_options="+quiet+"&text=Оцените <b>визит</b> *от 1 до 5* & http://example.com",
		"sendMessage?chat_id=1001&link_preview_options="+quiet+
			`&reply_markup={"inline_keyboard":[[{"text":"1","callback_data":"a"},{"text":"2","callback_data":"b"}],[{"text":"Анкета","url":"https://example.com/s/x"}]]}`+
			`&reply_parameters={"message_id":7,"allow_sending_without_reply":true}&text=?`,
		"sendMessage?chat_id=1001&link_preview_options="+quiet+"&text=?",
		"sendMessage?chat_id=1001&link_preview_options="+quiet+"&text=?",
	)
	if n := srv.Connections(); n != 1 {
		t.Errorf("%d connections for messages sent one after the other", n)
	}
}

func TestSendNamesTheChatThatTelegramNames(t *testing.T) {
	srv := checked(t, func(int, string, channeltest.Call) channeltest.Reply {
		return channeltest.Reply{Body: `{"ok":true,"result":{"message_id":5,"date":1,"chat":{"id":-100123,"type":"supergroup"}}}`}
	})
	r, err := open(t, srv.URL).Send(t.Context(), channels.Message{To: "-55", Text: "?"})
	if err != nil || r.ProviderID != "-100123:5" {
		t.Errorf("%+v, %v", r, err)
	}
}

// A yes that does not say which message it is about may still be one.
func TestSendUnclearYes(t *testing.T) {
	for _, body := range []string{yes, `{"ok":true}`, `{"ok":true,"result":{}}`, `{"ok":true,"result":[]}`, `{"ok":true,"result":{"message_id":5}}`,
		`{"ok":true,"result":{"date":1,"chat":{"id":5,"type":"private"}}}`, `{}`, `null`, `[]`} {
		srv := checked(t, func(int, string, channeltest.Call) channeltest.Reply { return channeltest.Reply{Body: body} })
		_, err := open(t, srv.URL).Send(t.Context(), channels.Message{To: "5", Text: "?"})
		if e := channels.AsError(err); e == nil || e.Class != channels.Uncertain {
			t.Errorf("%s: %v", body, err)
		}
	}
	srv := checked(t, func(n int, _ string, c channeltest.Call) channeltest.Reply {
		r := sent(n, c)
		r.Status = 500
		return r
	})
	_, err := open(t, srv.URL).Send(t.Context(), channels.Message{To: "5", Text: "?"})
	if e := channels.AsError(err); e == nil || e.Class != channels.Uncertain {
		t.Errorf("500 with a yes inside: %v", err)
	}
}

func TestEdit(t *testing.T) {
	answers := []channeltest.Reply{
		{Body: `{"ok":true,"result":{"message_id":8,"date":1,"chat":{"id":1001,"type":"private"}}}`},
		refuses(400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same"),
		refuses(400, "Bad Request: message to edit not found"),
	}
	srv := checked(t, func(n int, _ string, _ channeltest.Call) channeltest.Reply { return answers[n] })
	c := open(t, srv.URL)
	m := channels.Message{To: "1001", Text: "Спасибо!", Edit: "1001:8", Buttons: [][]channels.Button{{{Label: "Ещё", Data: "x"}}}}
	for range 2 {
		if r, err := c.Edit(t.Context(), m); err != nil || r.ProviderID != "1001:8" {
			t.Errorf("%+v, %v", r, err)
		}
		m.Buttons = nil
	}
	if _, err := c.Edit(t.Context(), m); channels.AsError(err).Class != channels.Rejected {
		t.Errorf("gone: %v", err)
	}
	for _, id := range []string{"", "8", "1002:8", "1001:", "1001:x", "1001:-8", "1001:8:edit:5", ":8"} {
		m.Edit = id
		if _, err := c.Edit(t.Context(), m); err == nil || channels.AsError(err).Class != channels.Rejected {
			t.Errorf("editing %q: %v", id, err)
		}
	}
	expectCalls(t, srv,
		"editMessageText?chat_id=1001&link_preview_options="+quiet+`&message_id=8&reply_markup={"inline_keyboard":[[{"text":"Ещё","callback_data":"x"}]]}&text=Спасибо!`,
		"editMessageText?chat_id=1001&link_preview_options="+quiet+"&message_id=8&text=Спасибо!",
		"editMessageText?chat_id=1001&link_preview_options="+quiet+"&message_id=8&text=Спасибо!",
	)
}

func TestAcknowledge(t *testing.T) {
	answers := []channeltest.Reply{
		{Body: yes},
		refuses(400, "Bad Request: query is too old and response timeout expired or query ID is invalid"),
		refuses(403, "Forbidden: bot was blocked by the user"),
	}
	srv := checked(t, func(n int, _ string, _ channeltest.Call) channeltest.Reply { return answers[n] })
	c := open(t, srv.URL)
	for i := range 2 {
		if err := c.Acknowledge(t.Context(), "382"); err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := c.Acknowledge(t.Context(), "382"); channels.AsError(err) == nil || channels.AsError(err).Class != channels.Unreachable {
		t.Errorf("blocked: %v", err)
	}
	if err := c.Acknowledge(t.Context(), ""); err == nil {
		t.Error("no error without a tap")
	}
	expectCalls(t, srv, "answerCallbackQuery?callback_query_id=382", "answerCallbackQuery?callback_query_id=382", "answerCallbackQuery?callback_query_id=382")
}

func starts(t *testing.T) *channeltest.Server {
	return checked(t, func(_ int, method string, _ channeltest.Call) channeltest.Reply {
		if method == "getMe" {
			return channeltest.Reply{Body: `{"ok":true,"result":{"id":4242424242,"is_bot":true,"first_name":"Отклик","username":"LearnedBot"}}`}
		}
		return channeltest.Reply{Body: yes}
	})
}

func TestStartWebhook(t *testing.T) {
	srv := starts(t)
	if err := open(t, srv.URL).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	expectCalls(t, srv, "setWebhook?allowed_updates="+allowed+"&secret_token="+secret+"&url=https://bot.example/hooks/telegram")
}

func TestStartPoll(t *testing.T) {
	srv := starts(t)
	c, err := telegram.New(telegram.Config{Token: token, APIBase: srv.URL, Mode: telegram.ModePoll, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if link, err := c.DeepLink("x"); err != nil || link != "https://t.me/LearnedBot?start=x" {
		t.Errorf("%q, %v", link, err)
	}
	expectCalls(t, srv, "getMe?", "deleteWebhook?", "deleteWebhook?")
}

func TestStartFails(t *testing.T) {
	srv := checked(t, func(int, string, channeltest.Call) channeltest.Reply { return refuses(401, "Unauthorized") })
	err := open(t, srv.URL).Start(t.Context())
	if e := channels.AsError(err); e == nil || e.Class != channels.Suspended || e.Scope != channels.ScopeAccount {
		t.Errorf("%v", err)
	}
	channeltest.NoSecrets(t, []string{token, secret}, err)
}

// TestCheck: whether the credentials are good is asked without changing anything.
func TestCheck(t *testing.T) {
	srv := starts(t)
	if err := open(t, srv.URL).Check(t.Context()); err != nil {
		t.Error(err)
	}
	expectCalls(t, srv, "getMe?")
	refusing := checked(t, func(int, string, channeltest.Call) channeltest.Reply { return refuses(401, "Unauthorized") })
	err := open(t, refusing.URL).Check(t.Context())
	if e := channels.AsError(err); e == nil || e.Class != channels.Suspended {
		t.Errorf("%v", err)
	}
	channeltest.NoSecrets(t, []string{token, secret}, err)
}

// Without a configured secret all nodes of a bot have the same, and it does not
// show the token.
func TestDerivedSecret(t *testing.T) {
	srv := starts(t)
	config := telegram.Config{Token: token, APIBase: srv.URL, Mode: telegram.ModeWebhook, PublicURL: "https://bot.example/", BotName: "@B", Timeout: time.Minute}
	one, err := telegram.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := one.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	form := srv.Calls()[0].Form
	if got := form.Get("url"); got != "https://bot.example/hooks/telegram" {
		t.Errorf("hook %q", got)
	}
	two, err := telegram.New(config)
	if err != nil {
		t.Fatal(err)
	}
	call := hook(updates["text"].body)
	call.Header.Set("X-Telegram-Bot-Api-Secret-Token", form.Get("secret_token"))
	if events, err := two.Receive(call); err != nil || len(events) != 1 {
		t.Errorf("%v, %v", events, err)
	}
	channeltest.NoSecrets(t, []string{token, "AAF-s3cr3t_t0ken"}, form)
}

package telegram_test

import (
	"errors"
	"strings"
	"testing"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/channels/telegram"
)

// What Telegram would refuse never leaves the house.
func TestRefusedBeforeTheNetwork(t *testing.T) {
	button := func(b channels.Button) channels.Message {
		return channels.Message{To: "1001", Text: "?", Buttons: [][]channels.Button{{b}}}
	}
	text := func(s string) channels.Message { return channels.Message{To: "1001", Text: s} }
	tests := []struct {
		name string
		m    channels.Message
		want channels.Class
	}{
		{"4096 letters", text(strings.Repeat("я", 4096)), channels.Uncertain},
		{"4097 letters", text(strings.Repeat("я", 4097)), channels.Rejected},
		{"2048 emoji of two units", text(strings.Repeat("🚗", 2048)), channels.Uncertain},
		{"2049 emoji of two units", text(strings.Repeat("🚗", 2049)), channels.Rejected},
		{"no text", text(""), channels.Rejected},
		{"spaces", text(" \n\u00a0"), channels.Rejected},
		{"not UTF-8", text("caf\xe9"), channels.Rejected},
		{"data of 64 bytes", button(channels.Button{Label: "5", Data: strings.Repeat("ж", 32)}), channels.Uncertain},
		{"data of 65 bytes", button(channels.Button{Label: "5", Data: strings.Repeat("ж", 32) + "x"}), channels.Rejected},
		{"data not UTF-8", button(channels.Button{Label: "5", Data: "\xff"}), channels.Rejected},
		{"no label", button(channels.Button{Label: " ", Data: "x"}), channels.Rejected},
		{"neither data nor URL", button(channels.Button{Label: "5"}), channels.Rejected},
		{"both data and URL", button(channels.Button{Label: "5", Data: "x", URL: "https://example.com"}), channels.Rejected},
		{"a URL", button(channels.Button{Label: "5", URL: "https://example.com/s/abc"}), channels.Uncertain},
		{"no URL", button(channels.Button{Label: "5", URL: "example"}), channels.Rejected},
		{"no recipient", channels.Message{Text: "?"}, channels.Unreachable},
		{"a name", channels.Message{To: "@ivan", Text: "?"}, channels.Unreachable},
		{"zero", channels.Message{To: "0", Text: "?"}, channels.Unreachable},
		{"a phone number", channels.Message{To: "+79990000001", Text: "?"}, channels.Unreachable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := channeltest.NewServer(t, channeltest.Replies(channeltest.Reply{Status: 500}))
			c := open(t, srv.URL)
			_, err := c.Send(t.Context(), tt.m)
			if got := channels.AsError(err); got.Class != tt.want {
				t.Errorf("sending: %v, want %v", err, tt.want)
			}
			calls := 0
			if tt.want == channels.Uncertain {
				calls = 1
			}
			if got := len(srv.Calls()); got != calls {
				t.Errorf("%d requests left, want %d", got, calls)
			}
			tt.m.Edit = "1001:5"
			if _, err := c.Edit(t.Context(), tt.m); channels.AsError(err).Class != tt.want {
				t.Errorf("editing: %v, want %v", err, tt.want)
			}
		})
	}
}

func TestNewTellsAllProblems(t *testing.T) {
	_, err := telegram.New(telegram.Config{
		Token: "AAF-s3cr3t_t0ken", APIBase: "api.telegram.org", Mode: "push", Secret: "с кириллицей", BotName: "not a name",
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range []string{"token", "api base", "mode", "secret", "bot name"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not mentioned in %q", word, err)
		}
	}
	channeltest.NoSecrets(t, []string{"AAF-s3cr3t_t0ken"}, err)
	for _, base := range []string{"https://host/%41", "ftp://host", "https://user:pw@host", "https://host?x=1", "https://"} {
		if _, err := telegram.New(telegram.Config{Token: token, Mode: telegram.ModePoll, APIBase: base}); err == nil {
			t.Errorf("api base %q is taken", base)
		}
	}
	if _, err := telegram.New(telegram.Config{Token: token, Mode: telegram.ModeWebhook}); err == nil {
		t.Error("webhook mode without a public URL is taken")
	}
}

func TestDeepLink(t *testing.T) {
	c := open(t, "")
	link, err := c.DeepLink("abc_DEF-123")
	if err != nil || link != "https://t.me/OtklikTestBot?start=abc_DEF-123" {
		t.Errorf("%q, %v", link, err)
	}
	for _, bad := range []string{"", "a b", "код", strings.Repeat("x", 65), "a&b"} {
		if link, err := c.DeepLink(bad); err == nil {
			t.Errorf("payload %q gives %q", bad, link)
		}
	}
	nameless, err := telegram.New(telegram.Config{Token: token, Mode: telegram.ModePoll})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nameless.DeepLink("x"); !errors.Is(err, telegram.ErrNoName) {
		t.Errorf("without a name: %v", err)
	}
}

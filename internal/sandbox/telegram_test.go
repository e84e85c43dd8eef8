package sandbox_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"otklik/channels"
	"otklik/internal/sandbox"
)

func (b *bench) bot(t *testing.T) *tgbotapi.BotAPI {
	t.Helper()
	bot, err := tgbotapi.NewBotAPIWithClient(botToken, b.TelegramBase+"/bot%s/%s", b.client)
	if err != nil {
		t.Fatal(err)
	}
	return bot
}

// opened is a bench whose customer has pressed Start, with that update confirmed.
func opened(t *testing.T) (*bench, *tgbotapi.BotAPI) {
	t.Helper()
	b := newBench(t, memory(t))
	if err := b.StartBot(t.Context(), chat, "Иван Петрович", "k7f3q9"); err != nil {
		t.Fatal(err)
	}
	bot := b.bot(t)
	fetch(t, bot, 2)
	return b, bot
}

func fetch(t *testing.T, bot *tgbotapi.BotAPI, offset int) []tgbotapi.Update {
	t.Helper()
	updates, err := bot.GetUpdates(tgbotapi.UpdateConfig{Offset: offset})
	if err != nil {
		t.Fatal(err)
	}
	return updates
}

func chatID(t *testing.T) int64 {
	t.Helper()
	id, err := strconv.ParseInt(chat, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func question(t *testing.T) tgbotapi.MessageConfig {
	m := tgbotapi.NewMessage(chatID(t), "Как прошёл ремонт?")
	m.ReplyMarkup = tgbotapi.NewInlineKeyboardMarkup(
		tgbotapi.NewInlineKeyboardRow(tgbotapi.NewInlineKeyboardButtonData("1", "r:1"), tgbotapi.NewInlineKeyboardButtonData("5", "r:5")),
		tgbotapi.NewInlineKeyboardRow(tgbotapi.NewInlineKeyboardButtonURL("форма", "http://127.0.0.1:8080/s/x")),
	)
	return m
}

func TestTelegramStartCarriesThePayload(t *testing.T) {
	b := newBench(t, memory(t))
	bot := b.bot(t)
	if bot.Self.UserName != botName || !bot.Self.IsBot || bot.Self.ID != 123456 {
		t.Errorf("getMe: %+v", bot.Self)
	}
	if err := b.StartBot(t.Context(), chat, "Иван Петрович", "k7f3q9"); err != nil {
		t.Fatal(err)
	}
	m := fetch(t, bot, 0)[0].Message
	if m.Command() != "start" || m.CommandArguments() != "k7f3q9" || m.Chat.ID != chatID(t) || m.From.FirstName != "Иван Петрович" || !m.Chat.IsPrivate() {
		t.Errorf("unexpected message: %+v", m)
	}
	if m.Date != int(start.Unix()) {
		t.Errorf("date %d, want business time %d", m.Date, start.Unix())
	}
	if got := b.Phones.Thread(channels.Telegram, chat); len(got) != 1 || got[0].Text != "/start" {
		t.Errorf("the phone shows %+v", got)
	}
	if a := b.Phones.Addresses(); len(a) != 1 || a[0].Name != "Иван Петрович" {
		t.Errorf("addresses %+v", a)
	}
}

func TestTelegramTapAndEdit(t *testing.T) {
	b, bot := opened(t)
	sent, err := bot.Send(question(t))
	if err != nil {
		t.Fatal(err)
	}
	id := strconv.Itoa(sent.MessageID)
	if err := b.Tap(t.Context(), chat, id, "r:5"); err != nil {
		t.Fatal(err)
	}
	updates := fetch(t, bot, 0)
	q := updates[0].CallbackQuery
	if q == nil || q.Data != "r:5" || q.Message.MessageID != sent.MessageID || q.From.ID != chatID(t) || q.Message.Text != "Как прошёл ремонт?" {
		t.Fatalf("unexpected update: %+v", updates[0])
	}
	if _, err := bot.Request(tgbotapi.NewCallback(q.ID, "спасибо")); err != nil {
		t.Error(err)
	}
	if _, err := bot.Request(tgbotapi.NewCallback(q.ID, "")); !isAPIError(err, 400, "query is too old") {
		t.Errorf("second answer to one tap: %v", err)
	}
	edited, err := bot.Send(tgbotapi.NewEditMessageTextAndMarkup(chatID(t), sent.MessageID, "✅ 5",
		tgbotapi.NewInlineKeyboardMarkup(tgbotapi.NewInlineKeyboardRow(tgbotapi.NewInlineKeyboardButtonData("Да", "f:1")))))
	if err != nil || edited.EditDate == 0 || edited.ReplyMarkup == nil {
		t.Fatalf("edit: %+v, %v", edited, err)
	}
	thread := b.Phones.Thread(channels.Telegram, chat)
	if len(thread) != 2 || thread[1].Text != "✅ 5" || !thread[1].Edited || thread[1].Buttons[0][0].Data != "f:1" {
		t.Errorf("unexpected thread: %+v", thread)
	}
	if err := b.Tap(t.Context(), chat, id, "r:5"); !errors.Is(err, sandbox.ErrNoButton) {
		t.Errorf("tapped a button that was edited away: %v", err)
	}
	if _, err := bot.Send(tgbotapi.NewEditMessageReplyMarkup(chatID(t), sent.MessageID, tgbotapi.InlineKeyboardMarkup{InlineKeyboard: [][]tgbotapi.InlineKeyboardButton{}})); err != nil {
		t.Error(err)
	}
	if got := b.Phones.Thread(channels.Telegram, chat)[1]; got.Buttons != nil || got.Text != "✅ 5" {
		t.Errorf("buttons left: %+v", got)
	}
}

func isAPIError(err error, code int, part string) bool {
	var e *tgbotapi.Error
	return errors.As(err, &e) && e.Code == code && strings.Contains(e.Message, part)
}

func TestTelegramRefuses(t *testing.T) {
	b, bot := opened(t)
	const gone = "700009"
	if err := b.StartBot(t.Context(), gone, "Anna", ""); err != nil {
		t.Fatal(err)
	}
	if err := b.Phones.Refuse(channels.Telegram, gone, 403); err != nil {
		t.Fatal(err)
	}
	must(t, b.StartBot(t.Context(), "700008", "Пётр", ""))
	sent, err := bot.Send(question(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Tap(t.Context(), "700008", strconv.Itoa(sent.MessageID), "r:5"); !errors.Is(err, sandbox.ErrNoButton) {
		t.Errorf("tapped a button in another's chat: %v", err)
	}
	long := question(t)
	long.Text = strings.Repeat("ж", 4097)
	wide := question(t)
	wide.ReplyMarkup = tgbotapi.NewInlineKeyboardMarkup(tgbotapi.NewInlineKeyboardRow(tgbotapi.NewInlineKeyboardButtonData("x", strings.Repeat("ж", 33))))
	null := question(t)
	null.ReplyMarkup = tgbotapi.InlineKeyboardMarkup{}
	marked := question(t)
	marked.ParseMode = tgbotapi.ModeHTML
	link := question(t)
	link.ReplyMarkup = tgbotapi.NewInlineKeyboardMarkup(tgbotapi.NewInlineKeyboardRow(tgbotapi.NewInlineKeyboardButtonURL("x", "form")))
	for _, c := range []struct {
		name    string
		request tgbotapi.Chattable
		code    int
		part    string
	}{
		{"unknown chat", tgbotapi.NewMessage(1, "x"), 400, "chat not found"},
		{"deactivated", tgbotapi.NewMessage(700009, "x"), 403, "user is deactivated"},
		{"empty", tgbotapi.NewMessage(chatID(t), ""), 400, "text is empty"},
		{"too long", long, 400, "too long"},
		{"65 bytes of data", wide, 400, "BUTTON_DATA_INVALID"},
		{"null keyboard", null, 400, "inline_keyboard"},
		{"markup mode", marked, 400, "parse_mode"},
		{"bad link", link, 400, "Wrong HTTP URL"},
		{"edit of nothing", tgbotapi.NewEditMessageText(chatID(t), 999, "x"), 400, "message to edit not found"},
		{"edit without change", tgbotapi.NewEditMessageTextAndMarkup(chatID(t), sent.MessageID, sent.Text, *sent.ReplyMarkup), 400, "not modified"},
		{"edit in another chat", tgbotapi.NewEditMessageText(700008, sent.MessageID, "x"), 400, "message to edit not found"},
		{"edit of the customer's", tgbotapi.NewEditMessageText(chatID(t), 1, "x"), 400, "can't be edited"},
	} {
		if _, err := bot.Request(c.request); !isAPIError(err, c.code, c.part) {
			t.Errorf("%s: %v, want %d %s", c.name, err, c.code, c.part)
		}
	}
	if _, err := tgbotapi.NewBotAPIWithClient("123456:other", b.TelegramBase+"/bot%s/%s", b.client); !isAPIError(err, 401, "Unauthorized") {
		t.Errorf("wrong token: %v", err)
	}
	if _, err := bot.MakeRequest("sendTelegram", nil); !isAPIError(err, 404, "Not Found") {
		t.Errorf("unknown method: %v", err)
	}
}

func TestTelegramBlockAndComeBack(t *testing.T) {
	b, bot := opened(t)
	if err := b.Block(t.Context(), chat); err != nil {
		t.Fatal(err)
	}
	left := fetch(t, bot, 0)[0].MyChatMember
	if left == nil || left.NewChatMember.Status != "kicked" || left.OldChatMember.Status != "member" || left.NewChatMember.User.ID != bot.Self.ID {
		t.Fatalf("unexpected update: %+v", left)
	}
	if _, err := bot.Send(tgbotapi.NewMessage(chatID(t), "x")); !isAPIError(err, 403, "bot was blocked by the user") {
		t.Errorf("send while blocked: %v", err)
	}
	if err := b.Write(t.Context(), channels.Telegram, chat, "x"); !errors.Is(err, sandbox.ErrBlocked) {
		t.Errorf("the person writes while blocking: %v", err)
	}
	if err := b.StartBot(t.Context(), chat, "Иван", ""); err != nil {
		t.Fatal(err)
	}
	back := fetch(t, bot, 3)
	if len(back) != 2 || back[0].MyChatMember == nil || back[0].MyChatMember.NewChatMember.Status != "member" || back[1].Message.Command() != "start" {
		t.Fatalf("unexpected updates: %+v", back)
	}
	if _, err := bot.Send(tgbotapi.NewMessage(chatID(t), "x")); err != nil {
		t.Errorf("send after unblocking: %v", err)
	}
}

func TestTelegramUnknownChatCannotWrite(t *testing.T) {
	b := newBench(t, memory(t))
	for name, err := range map[string]error{
		"write": b.Write(t.Context(), channels.Telegram, chat, "x"), "block": b.Block(t.Context(), chat), "tap": b.Tap(t.Context(), chat, "1", "x"),
	} {
		if !errors.Is(err, sandbox.ErrUnknownChat) {
			t.Errorf("%s: %v, want ErrUnknownChat", name, err)
		}
	}
	if err := b.StartBot(t.Context(), "@ivan", "Ivan", ""); err == nil {
		t.Error("started a chat without a number")
	}
}

func TestTelegramOffsets(t *testing.T) {
	b, bot := opened(t)
	for _, text := range []string{"a", "b", "c", "d"} {
		if err := b.Write(t.Context(), channels.Telegram, chat, text); err != nil {
			t.Fatal(err)
		}
	}
	read := func(config tgbotapi.UpdateConfig) string {
		t.Helper()
		updates, err := bot.GetUpdates(config)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, u := range updates {
			texts = append(texts, u.Message.Text)
		}
		return strings.Join(texts, "")
	}
	for _, c := range []struct {
		config tgbotapi.UpdateConfig
		want   string
	}{
		{tgbotapi.UpdateConfig{}, "abcd"},
		{tgbotapi.UpdateConfig{}, "abcd"},
		{tgbotapi.UpdateConfig{Limit: 2}, "ab"},
		{tgbotapi.UpdateConfig{Offset: 3}, "bcd"},
		{tgbotapi.UpdateConfig{Offset: 1}, "bcd"},
		{tgbotapi.UpdateConfig{Offset: -2}, "cd"},
		{tgbotapi.UpdateConfig{Offset: 6}, ""},
		{tgbotapi.UpdateConfig{}, ""},
	} {
		if got := read(c.config); got != c.want {
			t.Errorf("%+v gave %q, want %q", c.config, got, c.want)
		}
	}
}

func TestTelegramLongPollWakes(t *testing.T) {
	b, bot := opened(t)
	got := make(chan []tgbotapi.Update, 1)
	go func() {
		updates, err := bot.GetUpdates(tgbotapi.UpdateConfig{Timeout: 50})
		if err != nil {
			t.Error(err)
		}
		got <- updates
	}()
	if err := b.Write(t.Context(), channels.Telegram, chat, "5"); err != nil {
		t.Fatal(err)
	}
	if updates := <-got; len(updates) != 1 || updates[0].Message.Text != "5" {
		t.Errorf("unexpected updates: %+v", updates)
	}
}

func TestTelegramSecondPollEndsTheFirst(t *testing.T) {
	_, bot := opened(t)
	first := make(chan error, 1)
	go func() {
		_, err := bot.GetUpdates(tgbotapi.UpdateConfig{Timeout: 50})
		first <- err
	}()
	// Polls that return at once take the place of the waiting one as soon as it waits.
	eventually(t, func() bool {
		fetch(t, bot, 0)
		select {
		case err := <-first:
			if !isAPIError(err, 409, "terminated by other getUpdates") {
				t.Errorf("first poll: %v, want a conflict", err)
			}
			return true
		default:
			return false
		}
	})
}

func TestTelegramWebhook(t *testing.T) {
	b, bot := opened(t)
	b.refusing(http.StatusInternalServerError, http.StatusNotFound)
	hook := b.hooks.URL + "/hooks/telegram"
	if _, err := bot.MakeRequest("setWebhook", tgbotapi.Params{"url": hook, "secret_token": "s3cret_-"}); err != nil {
		t.Fatal(err)
	}
	if _, err := bot.GetUpdates(tgbotapi.UpdateConfig{}); !isAPIError(err, 409, "webhook is active") {
		t.Errorf("getUpdates beside a webhook: %v", err)
	}
	for _, text := range []string{"first", "second"} {
		if err := b.Write(t.Context(), channels.Telegram, chat, text); err != nil {
			t.Fatal(err)
		}
	}
	calls := b.heard(t, "/hooks/telegram", 4)
	var texts []string
	for _, c := range calls {
		if got := c.header.Get("X-Telegram-Bot-Api-Secret-Token"); got != "s3cret_-" {
			t.Errorf("secret header %q", got)
		}
		var u tgbotapi.Update
		if err := json.Unmarshal([]byte(c.body), &u); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, u.Message.Text)
	}
	if got := strings.Join(texts, " "); got != "first first first second" {
		t.Errorf("delivered %q: not repeated until taken, or out of order", got)
	}
	eventually(t, func() bool {
		info, err := bot.GetWebhookInfo()
		return err == nil && info.URL == hook && info.PendingUpdateCount == 0 && strings.Contains(info.LastErrorMessage, "404")
	})
	if _, err := bot.Request(tgbotapi.DeleteWebhookConfig{}); err != nil {
		t.Fatal(err)
	}
	if err := b.Write(t.Context(), channels.Telegram, chat, "third"); err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, bot, 0); len(got) != 1 || got[0].Message.Text != "third" {
		t.Errorf("after deleteWebhook: %+v", got)
	}
}

func TestTelegramWebhookTakesTheConfiguredSecret(t *testing.T) {
	b, bot := opened(t)
	if _, err := bot.MakeRequest("setWebhook", tgbotapi.Params{"url": b.hooks.URL + "/hooks/telegram"}); err != nil {
		t.Fatal(err)
	}
	if err := b.Write(t.Context(), channels.Telegram, chat, "x"); err != nil {
		t.Fatal(err)
	}
	if got := b.heard(t, "/hooks/telegram", 1)[0].header.Get("X-Telegram-Bot-Api-Secret-Token"); got != "config-secret" {
		t.Errorf("secret header %q", got)
	}
	for _, bad := range []tgbotapi.Params{{"url": "nonsense"}, {"url": b.hooks.URL, "secret_token": "no spaces"}, {"url": b.hooks.URL, "allowed_updates": "message"}} {
		if _, err := bot.MakeRequest("setWebhook", bad); !isAPIError(err, 400, "Bad Request") {
			t.Errorf("setWebhook %v: %v", bad, err)
		}
	}
}

func TestTelegramAllowedUpdatesAndDropping(t *testing.T) {
	b, bot := opened(t)
	if _, err := bot.GetUpdates(tgbotapi.UpdateConfig{AllowedUpdates: []string{"message"}}); err != nil {
		t.Fatal(err)
	}
	if err := b.Block(t.Context(), chat); err != nil {
		t.Fatal(err)
	}
	if err := b.StartBot(t.Context(), chat, "Иван", ""); err != nil {
		t.Fatal(err)
	}
	got := fetch(t, bot, 0)
	if len(got) != 1 || got[0].Message == nil {
		t.Errorf("unwanted updates: %+v", got)
	}
	if _, err := bot.Request(tgbotapi.DeleteWebhookConfig{DropPendingUpdates: true}); err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, bot, 0); len(got) != 0 {
		t.Errorf("dropped updates came: %+v", got)
	}
}

// TestTelegramRawJSON speaks the documented protocol without any library: a JSON
// body with typed values.
func TestTelegramRawJSON(t *testing.T) {
	b, _ := opened(t)
	body := `{"chat_id": 700001, "text": "Здравствуйте", "reply_markup": {"inline_keyboard": [[{"text": "Да", "callback_data": "y"}]]}}`
	resp, err := b.client.Post(b.TelegramBase+"/bot"+botToken+"/sendMessage", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got struct {
		OK     bool
		Result struct {
			MessageID   int `json:"message_id"`
			Text        string
			Chat        struct{ Type string }
			ReplyMarkup struct {
				InlineKeyboard [][]map[string]string `json:"inline_keyboard"`
			} `json:"reply_markup"`
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if !got.OK || got.Result.MessageID == 0 || got.Result.Text != "Здравствуйте" || got.Result.Chat.Type != "private" ||
		got.Result.ReplyMarkup.InlineKeyboard[0][0]["callback_data"] != "y" {
		t.Errorf("unexpected answer: %+v", got)
	}
	query, err := b.client.Get(b.TelegramBase + "/bot" + botToken + "/SENDmessage?" + url.Values{"chat_id": {chat}, "text": {"по запросу"}}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer query.Body.Close()
	if query.StatusCode != http.StatusOK {
		t.Errorf("parameters in the query: %s", query.Status)
	}
}

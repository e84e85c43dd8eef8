package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"otklik/channels"
)

// wanted are the kinds of update that Telegram is asked for; others it drops.
const wanted = `["message","edited_message","callback_query","my_chat_member"]`

// bot is the Bot API as this package uses it.
type bot struct {
	// api is copied for each call, which brings a client of its own. Of the
	// library's methods only MakeRequest is used: the others know no context.
	api     tgbotapi.BotAPI
	client  *http.Client
	base    string
	timeout time.Duration
}

func newBot(token, base string, timeout time.Duration) *bot {
	b := &bot{api: tgbotapi.BotAPI{Token: token}, client: newClient(timeout), base: base, timeout: timeout}
	b.api.SetAPIEndpoint(base + "/bot%s/%s")
	return b
}

// call makes one request and gives its result or a *channels.Error.
func (b *bot) call(ctx context.Context, method string, params tgbotapi.Params, timeout time.Duration) (json.RawMessage, error) {
	return b.checked(ctx, method, params, timeout, nil)
}

// checked is call for a request that hands over a message with a check.
func (b *bot) checked(ctx context.Context, method string, params tgbotapi.Params, timeout time.Duration, check func() error) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	x := &exchange{ctx: ctx, client: b.client, check: check}
	api := b.api
	api.Client = x
	resp, err := api.MakeRequest(method, params)
	if err == nil && x.status/100 == 2 {
		return resp.Result, nil
	}
	f := failure{method: method, begun: x.begun.Load(), status: x.status, wait: x.wait, asked: x.asked}
	var said *tgbotapi.Error
	if errors.As(err, &said) {
		f.code, f.description = said.Code, b.redact(said.Message)
		if said.RetryAfter > 0 {
			f.wait, f.asked = time.Duration(said.RetryAfter)*time.Second, true
		}
	} else {
		f.cause = b.clean(err)
	}
	return nil, f.outcome()
}

var errWithheld = errors.New("the transport failed; its words are withheld, they show the token")

// clean keeps an error unless its text shows the token, as that of an unreadable
// answer which repeats the request would.
func (b *bot) clean(err error) error {
	if err != nil && b.redact(err.Error()) != err.Error() {
		return errWithheld
	}
	return err
}

// redact removes the token from a server's words: a stand-in or a proxy may
// repeat the path it was asked for.
func (b *bot) redact(s string) string {
	s = strings.ReplaceAll(s, b.api.Token, "[token]")
	return strings.ReplaceAll(s, url.QueryEscape(b.api.Token), "[token]")
}

func (b *bot) me(ctx context.Context) (string, error) {
	result, err := b.call(ctx, "getMe", nil, b.timeout)
	if err != nil {
		return "", err
	}
	var u tgbotapi.User
	if err := json.Unmarshal(result, &u); err != nil || !nameForm.MatchString(u.UserName) {
		return "", unreadable("getMe")
	}
	return u.UserName, nil
}

func (b *bot) setWebhook(ctx context.Context, address, secret string) error {
	_, err := b.call(ctx, "setWebhook", tgbotapi.Params{
		"url": address, "secret_token": secret, "allowed_updates": wanted,
	}, b.timeout)
	return err
}

// deleteWebhook leaves waiting updates for getUpdates.
func (b *bot) deleteWebhook(ctx context.Context) error {
	_, err := b.call(ctx, "deleteWebhook", nil, b.timeout)
	return err
}

func (b *bot) acknowledge(ctx context.Context, callback string) error {
	_, err := b.call(ctx, "answerCallbackQuery", tgbotapi.Params{"callback_query_id": callback}, b.timeout)
	return err
}

// send gives the new message's provider id.
func (b *bot) send(ctx context.Context, m channels.Message) (string, error) {
	params, err := content(m)
	if err != nil {
		return "", err
	}
	if chat, message, ok := splitRef(m.InReplyTo); ok && chat == m.To {
		params["reply_parameters"] = fmt.Sprintf(`{"message_id":%d,"allow_sending_without_reply":true}`, message)
	}
	result, err := b.checked(ctx, "sendMessage", params, b.timeout, m.Check)
	if err != nil {
		return "", err
	}
	var sent tgbotapi.Message
	// A result that is odd elsewhere still names its message.
	_ = json.Unmarshal(result, &sent)
	if sent.MessageID == 0 || sent.Chat == nil {
		return "", unreadable("sendMessage")
	}
	return ref(sent.Chat.ID, sent.MessageID), nil
}

func (b *bot) edit(ctx context.Context, m channels.Message, message int) error {
	params, err := content(m)
	if err != nil {
		return err
	}
	params["message_id"] = strconv.Itoa(message)
	_, err = b.checked(ctx, "editMessageText", params, b.timeout, m.Check)
	return err
}

// content is what a new and an edited message share.
func content(m channels.Message) (tgbotapi.Params, error) {
	params := tgbotapi.Params{"chat_id": m.To, "text": m.Text, "link_preview_options": `{"is_disabled":true}`}
	rows := make([][]tgbotapi.InlineKeyboardButton, 0, len(m.Buttons))
	for _, row := range m.Buttons {
		var keys []tgbotapi.InlineKeyboardButton
		for _, b := range row {
			if b.URL != "" {
				keys = append(keys, tgbotapi.NewInlineKeyboardButtonURL(b.Label, b.URL))
			} else {
				keys = append(keys, tgbotapi.NewInlineKeyboardButtonData(b.Label, b.Data))
			}
		}
		if len(keys) > 0 {
			rows = append(rows, keys)
		}
	}
	if len(rows) > 0 {
		if err := params.AddInterface("reply_markup", tgbotapi.NewInlineKeyboardMarkup(rows...)); err != nil {
			return nil, rejected("the buttons cannot be written")
		}
	}
	return params, nil
}

// updates waits up to patience for updates from offset on; offset 0 names none
// and gives the oldest that nobody has confirmed.
func (b *bot) updates(ctx context.Context, offset, limit int, patience time.Duration) ([]json.RawMessage, error) {
	params := tgbotapi.Params{
		"limit": strconv.Itoa(limit), "timeout": strconv.Itoa(int(patience / time.Second)), "allowed_updates": wanted,
	}
	params.AddNonZero("offset", offset)
	result, err := b.call(ctx, "getUpdates", params, patience+b.timeout)
	if err != nil {
		return nil, err
	}
	var all []json.RawMessage
	if err := json.Unmarshal(result, &all); err != nil {
		return nil, unreadable("getUpdates")
	}
	return all, nil
}

// unreadable is for an answer that says yes and then not to what.
func unreadable(method string) error {
	return failure{method: method, begun: true, status: http.StatusOK, cause: errors.New("the result cannot be read")}.outcome()
}

var errNoUpdate = errors.New("not an update")

// read gives an update's id and what it means to us: one event or nil. A field
// whose type has changed since the library was written is passed over.
func read(raw []byte, self string) (id int, in *channels.Inbound, err error) {
	var u tgbotapi.Update
	var odd *json.UnmarshalTypeError
	err = json.Unmarshal(raw, &u)
	if (err != nil && !errors.As(err, &odd)) || u.UpdateID <= 0 {
		return 0, nil, errNoUpdate
	}
	switch {
	case u.Message != nil:
		in = message(u.Message, raw)
	case u.EditedMessage != nil:
		in = edited(u.EditedMessage, raw, u.UpdateID)
	case u.CallbackQuery != nil:
		in = tap(u.CallbackQuery)
	case u.MyChatMember != nil:
		in = membership(u.MyChatMember, u.UpdateID)
	}
	if in != nil {
		in.Channel, in.To = channels.Telegram, self
	}
	return u.UpdateID, in, nil
}

// message is nil for groups, bots and service messages such as a changed title.
func message(m *tgbotapi.Message, raw []byte) *channels.Inbound {
	if m.Chat == nil || !m.Chat.IsPrivate() || m.MessageID == 0 || m.Chat.ID == 0 || m.From != nil && m.From.IsBot {
		return nil
	}
	in := &channels.Inbound{
		ProviderID:  ref(m.Chat.ID, m.MessageID),
		From:        strconv.FormatInt(m.Chat.ID, 10),
		FromName:    fullName(m.From),
		Text:        m.Text + m.Caption,
		Attachments: attachments(m, raw),
		At:          moment(m.Date),
	}
	if in.Text == "" && len(in.Attachments) == 0 {
		return nil
	}
	if to := m.ReplyToMessage; to != nil && to.MessageID != 0 && to.From != nil && to.From.IsBot {
		in.References = []string{ref(m.Chat.ID, to.MessageID)}
	}
	in.Start, in.Intent = command(m.Text)
	return in
}

// edited is nil without text: a live location is edited every few seconds.
func edited(m *tgbotapi.Message, raw []byte, update int) *channels.Inbound {
	in := message(m, raw)
	if in == nil || in.Text == "" {
		return nil
	}
	in.EditOf = in.ProviderID
	in.ProviderID += ":edit:" + strconv.Itoa(update)
	in.Start, in.Intent = "", ""
	in.At = moment(m.EditDate)
	return in
}

// tap has no time of its own: the message's date is that of our question.
func tap(q *tgbotapi.CallbackQuery) *channels.Inbound {
	if q.ID == "" || q.From == nil || q.From.ID == 0 || q.Data == "" {
		return nil
	}
	in := &channels.Inbound{
		ProviderID: "tap:" + q.ID, Callback: q.ID, Data: q.Data,
		// A private chat has its person's id.
		From: strconv.FormatInt(q.From.ID, 10), FromName: fullName(q.From),
	}
	if m := q.Message; m != nil && m.Chat != nil {
		if !m.Chat.IsPrivate() {
			return nil
		}
		if m.MessageID != 0 {
			in.References = []string{ref(m.Chat.ID, m.MessageID)}
		}
	}
	return in
}

func membership(c *tgbotapi.ChatMemberUpdated, update int) *channels.Inbound {
	if !c.Chat.IsPrivate() || c.Chat.ID == 0 || c.OldChatMember.Status == c.NewChatMember.Status {
		return nil
	}
	in := &channels.Inbound{
		ProviderID: "update:" + strconv.Itoa(update),
		From:       strconv.FormatInt(c.Chat.ID, 10), FromName: fullName(&c.From),
		Blocked:   c.NewChatMember.Status == "kicked",
		Unblocked: c.NewChatMember.Status == "member",
		At:        moment(c.Date),
	}
	if !in.Blocked && !in.Unblocked {
		return nil
	}
	return in
}

// attachments are what came beside the text. A phone number counts as the sender's
// only when Telegram says that the contact is the sender: anyone can forward anyone's
// contact.
func attachments(m *tgbotapi.Message, raw []byte) []channels.Attachment {
	var all []channels.Attachment
	names, fields := presentParts(raw)
	for _, part := range names {
		a := attachment(part, fields[part])
		switch {
		case part == "document" && m.Document != nil && m.Document.FileName != "":
			a.Name = m.Document.FileName
		case part == "contact" && m.Contact != nil && m.From != nil && m.Contact.UserID == m.From.ID:
			a.Name = "contact:+" + strings.TrimLeft(m.Contact.PhoneNumber, "+")
		}
		all = append(all, a)
	}
	return all
}

func fullName(u *tgbotapi.User) string {
	if u == nil {
		return ""
	}
	if name := strings.TrimSpace(u.FirstName + " " + u.LastName); name != "" {
		return name
	}
	return u.UserName
}

package sandbox

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"time"

	"otklik/channels"
)

// Error gives the description as the API words it.
func (e *apiError) Error() string { return e.description }

// failed turns what a write returned into the API's answer.
func (t *telegram) failed(err error) *apiError {
	var refusal *apiError
	if errors.As(err, &refusal) {
		return refusal
	}
	t.s.config.Logger.Error("the phones could not take a Telegram message", "error", err)
	return &apiError{code: http.StatusInternalServerError, description: "Internal Server Error"}
}

// reachable checks that the bot may write into a chat. Phones.mu is held.
func (t *telegram) reachable(id string) *apiError {
	p := t.s.Phones
	switch {
	case p.marks[markKey{markChat, channels.Telegram, id, ""}] == "":
		return badRequest("chat not found")
	case p.refusal(channels.Telegram, id) != 0:
		return &apiError{code: http.StatusForbidden, description: "Forbidden: user is deactivated"}
	case p.marks[markKey{markBlocked, channels.Telegram, id, ""}] != "":
		return &apiError{code: http.StatusForbidden, description: "Forbidden: bot was blocked by the user"}
	}
	return nil
}

// readText checks the text of a message.
func readText(params url.Values) (string, *apiError) {
	text := params.Get("text")
	switch {
	case text == "":
		return "", badRequest("message text is empty")
	case utf16Len(text) > maxText:
		return "", badRequest("message is too long")
	case params.Get("parse_mode") != "":
		return "", badRequest("unsupported parse_mode")
	}
	return text, nil
}

func (t *telegram) sendMessage(_ *http.Request, params url.Values) (any, *apiError) {
	text, failure := readText(params)
	if failure != nil {
		return nil, failure
	}
	buttons, failure := readMarkup(params.Get("reply_markup"))
	if failure != nil {
		return nil, failure
	}
	if params.Get("chat_id") == "" {
		return nil, badRequest("chat_id is empty")
	}
	var sent chatMessage
	_, err := t.s.Phones.write(func(n numbers) (record, error) {
		if failure := t.reachable(params.Get("chat_id")); failure != nil {
			return record{}, failure
		}
		item := t.item(n.seq, params.Get("chat_id"), text)
		item.FromDealer, item.Buttons = true, buttons
		sent = t.describe(*item)
		return record{Item: item, Machine: time.Now().UTC()}, nil
	})
	if err != nil {
		return nil, t.failed(err)
	}
	return sent, nil
}

func (t *telegram) item(seq int64, chat, text string) *Item {
	return &Item{
		Seq: seq, Channel: channels.Telegram, Address: chat, Peer: t.s.config.BotName,
		Text: text, ID: strconv.FormatInt(seq, 10), At: t.s.config.Now(),
	}
}

func (t *telegram) editMessageText(_ *http.Request, params url.Values) (any, *apiError) {
	text, failure := readText(params)
	if failure != nil {
		return nil, failure
	}
	return t.edit(params, &text)
}

func (t *telegram) editMessageReplyMarkup(_ *http.Request, params url.Values) (any, *apiError) {
	return t.edit(params, nil)
}

// edit replaces the text, unless nil, and the buttons of a message of the bot.
// No reply_markup takes the buttons away.
func (t *telegram) edit(params url.Values, text *string) (any, *apiError) {
	buttons, failure := readMarkup(params.Get("reply_markup"))
	if failure != nil {
		return nil, failure
	}
	var shown chatMessage
	p := t.s.Phones
	_, err := p.write(func(numbers) (record, error) {
		id := params.Get("message_id")
		if failure := t.reachable(params.Get("chat_id")); failure != nil {
			return record{}, failure
		}
		e, ok := p.byID[place{channels.Telegram, id}]
		if !ok || e.Address != params.Get("chat_id") {
			return record{}, badRequest("message to edit not found")
		}
		if !e.FromDealer {
			return record{}, badRequest("message can't be edited")
		}
		same := (text == nil || *text == e.Text) && reflect.DeepEqual(buttons, e.Buttons)
		if same {
			return record{}, badRequest("message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message")
		}
		after := e.Item
		after.Edited, after.Buttons = true, buttons
		if text != nil {
			after.Text = *text
		}
		shown = t.describe(after)
		return record{Edit: &edit{ID: id, Text: text, Buttons: buttons}}, nil
	})
	if err != nil {
		return nil, t.failed(err)
	}
	return shown, nil
}

func (t *telegram) answerCallbackQuery(_ *http.Request, params url.Values) (any, *apiError) {
	if utf16Len(params.Get("text")) > maxNotice {
		return nil, badRequest("MESSAGE_TOO_LONG")
	}
	id := params.Get("callback_query_id")
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.queries[id] {
		return nil, badRequest("query is too old and response timeout expired or query ID is invalid")
	}
	delete(t.queries, id)
	return true, nil
}

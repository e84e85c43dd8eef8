package sandbox

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"

	"otklik/channels"
)

// telegram is the stand-in for the Bot API: https://core.telegram.org/bots/api.
// It knows private chats with one bot, texts, inline keyboards and edits, and the photo
// and the voice note that a person can send; reply
// keyboards and replies to a message are taken and shown as plain texts, a
// parse_mode is refused.
type telegram struct {
	s *Servers

	mu sync.Mutex
	// hook is where updates are pushed to; an empty URL leaves them to getUpdates.
	hook webhook
	// allowed are the update types the bot wants; empty for Telegram's default.
	allowed []string
	// poll ends the getUpdates under way with a conflict.
	poll context.CancelCauseFunc
	// pushed stops the present webhook's deliveries.
	pushed context.CancelFunc
	// queries are the taps that the bot has not answered yet.
	queries map[string]bool
}

// Limits of the Bot API, counted in UTF-16 units where it says characters.
const (
	maxText         = 4096
	maxCallbackData = 64
	maxNotice       = 200
)

func (s *Servers) startTelegram() error {
	t := &telegram{s: s, queries: map[string]bool{}}
	s.telegram = t
	base, err := s.serveHTTP(http.HandlerFunc(t.serve))
	s.TelegramBase = base
	return err
}

// apiError is a refusal in Telegram's words.
type apiError struct {
	code        int
	description string
	retryAfter  int
}

func badRequest(what string) *apiError {
	return &apiError{code: http.StatusBadRequest, description: "Bad Request: " + what}
}

// envelope is the frame of every answer.
type envelope struct {
	OK          bool        `json:"ok"`
	Result      any         `json:"result,omitempty"`
	ErrorCode   int         `json:"error_code,omitempty"`
	Description string      `json:"description,omitempty"`
	Parameters  *parameters `json:"parameters,omitempty"`
}

type parameters struct {
	RetryAfter int `json:"retry_after"`
}

func answer(w http.ResponseWriter, result any, failure *apiError) {
	if failure == nil {
		writeJSON(w, http.StatusOK, envelope{OK: true, Result: result})
		return
	}
	e := envelope{ErrorCode: failure.code, Description: failure.description}
	if failure.retryAfter > 0 {
		e.Parameters = &parameters{failure.retryAfter}
	}
	writeJSON(w, failure.code, e)
}

func (t *telegram) fault(w http.ResponseWriter, o *ongoing) {
	if gateway(w, o.Status) {
		return
	}
	e := &apiError{code: o.Status, description: http.StatusText(o.Status)}
	if o.RetryAfter > 0 {
		e.retryAfter = seconds(o.RetryAfter)
		e.description += ": retry after " + strconv.Itoa(e.retryAfter)
	}
	answer(w, nil, e)
}

// method is one call of the API with its stage for faults.
type method struct {
	stage Stage
	call  func(*http.Request, url.Values) (any, *apiError)
}

func (t *telegram) method(name string) (method, bool) {
	m, ok := map[string]method{
		"getme":                  {StageRead, t.getMe},
		"sendmessage":            {StageSend, t.sendMessage},
		"editmessagetext":        {StageSend, t.editMessageText},
		"editmessagereplymarkup": {StageSend, t.editMessageReplyMarkup},
		"answercallbackquery":    {StageSend, t.answerCallbackQuery},
		"getupdates":             {StageRead, t.getUpdates},
		"setwebhook":             {StageRead, t.setWebhook},
		"deletewebhook":          {StageRead, t.deleteWebhook},
		"getwebhookinfo":         {StageRead, t.getWebhookInfo},
		"getfile":                {StageRead, t.getFile},
	}[strings.ToLower(name)]
	return m, ok
}

// serve routes /bot<token>/<method>; names of methods are not case-sensitive.
func (t *telegram) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/file/") {
		t.s.faulty(channels.Telegram, StageRead, t.download, t.fault)(w, r)
		return
	}
	token, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/bot"), "/")
	if subtle.ConstantTimeCompare([]byte(token), []byte(t.s.config.TelegramToken)) != 1 {
		answer(w, nil, &apiError{code: http.StatusUnauthorized, description: "Unauthorized"})
		return
	}
	m, ok := t.method(name)
	if !ok {
		answer(w, nil, &apiError{code: http.StatusNotFound, description: "Not Found: method not found"})
		return
	}
	t.s.faulty(channels.Telegram, m.stage, func(w http.ResponseWriter, r *http.Request) {
		params, err := readParams(r)
		if err != nil {
			answer(w, nil, badRequest("can't parse the request"))
			return
		}
		result, failure := m.call(r, params)
		answer(w, result, failure)
	}, t.fault)(w, r)
}

// readParams takes the parameters from the query and from a form or JSON body,
// as the API allows. Values in JSON that are no strings keep their JSON text.
func readParams(r *http.Request) (url.Values, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
			err := r.ParseMultipartForm(1 << 20)
			return r.Form, err
		}
		err := r.ParseForm()
		return r.Form, err
	}
	params := r.URL.Query()
	var body map[string]json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	for key, raw := range body {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		params.Set(key, text)
	}
	return params, nil
}

// The types of the API that the stand-in speaks, with the fields it fills.
type (
	user struct {
		ID        int64  `json:"id"`
		IsBot     bool   `json:"is_bot"`
		FirstName string `json:"first_name"`
		Username  string `json:"username,omitempty"`
	}
	chat struct {
		ID        int64  `json:"id"`
		Type      string `json:"type"`
		FirstName string `json:"first_name,omitempty"`
	}
	entity struct {
		Type   string `json:"type"`
		Offset int    `json:"offset"`
		Length int    `json:"length"`
	}
	button struct {
		Text         string `json:"text"`
		CallbackData string `json:"callback_data,omitempty"`
		URL          string `json:"url,omitempty"`
	}
	keyboard struct {
		InlineKeyboard [][]button `json:"inline_keyboard"`
	}
	chatMessage struct {
		MessageID   int64     `json:"message_id"`
		From        user      `json:"from"`
		Chat        chat      `json:"chat"`
		Date        int64     `json:"date"`
		EditDate    int64     `json:"edit_date,omitempty"`
		Text        string    `json:"text,omitempty"`
		Caption     string    `json:"caption,omitempty"`
		Photo       []file    `json:"photo,omitempty"`
		Voice       *file     `json:"voice,omitempty"`
		Entities    []entity  `json:"entities,omitempty"`
		ReplyMarkup *keyboard `json:"reply_markup,omitempty"`
	}
)

func (t *telegram) bot() user {
	id, _, _ := strings.Cut(t.s.config.TelegramToken, ":")
	n, _ := strconv.ParseInt(id, 10, 64)
	return user{ID: n, IsBot: true, FirstName: t.s.config.BotName, Username: t.s.config.BotName}
}

func (t *telegram) getMe(*http.Request, url.Values) (any, *apiError) {
	return struct {
		user
		CanJoinGroups   bool `json:"can_join_groups"`
		CanReadAll      bool `json:"can_read_all_group_messages"`
		SupportsInlines bool `json:"supports_inline_queries"`
	}{user: t.bot()}, nil
}

// person gives the user behind a private chat, whose id is the chat's.
func (t *telegram) person(id string) user {
	n, _ := strconv.ParseInt(id, 10, 64)
	return user{ID: n, FirstName: t.s.Phones.marks[markKey{markChat, channels.Telegram, id, ""}]}
}

// describe puts an item into the API's words. Phones.mu is held.
func (t *telegram) describe(i Item) chatMessage {
	person := t.person(i.Address)
	id, _ := strconv.ParseInt(i.ID, 10, 64)
	m := chatMessage{
		MessageID: id, From: person, Chat: chat{person.ID, "private", person.FirstName},
		Date: i.At.Unix(), Text: i.Text, ReplyMarkup: markup(i.Buttons),
	}
	if i.FromDealer {
		m.From = t.bot()
	}
	if i.Edited {
		m.EditDate = t.s.config.Now().Unix()
	}
	if command, _, _ := strings.Cut(i.Text, " "); strings.HasPrefix(command, "/") && len(command) > 1 && !i.FromDealer {
		m.Entities = []entity{{"bot_command", 0, utf16Len(command)}}
	}
	if i.File != "" {
		m.carry(i)
	}
	return m
}

func utf16Len(s string) int { return len(utf16.Encode([]rune(s))) }

func markup(rows [][]channels.Button) *keyboard {
	if len(rows) == 0 {
		return nil
	}
	k := &keyboard{InlineKeyboard: make([][]button, len(rows))}
	for i, row := range rows {
		for _, b := range row {
			k.InlineKeyboard[i] = append(k.InlineKeyboard[i], button{b.Label, b.Data, b.URL})
		}
	}
	return k
}

// readMarkup reads reply_markup. Any other keyboard than an inline one shows
// nothing here.
func readMarkup(raw string) ([][]channels.Button, *apiError) {
	if raw == "" {
		return nil, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(raw), &fields); err != nil {
		return nil, badRequest("can't parse reply keyboard markup JSON object")
	}
	inline, ok := fields["inline_keyboard"]
	if !ok {
		return nil, nil
	}
	var rows [][]button
	if err := json.Unmarshal(inline, &rows); err != nil || rows == nil {
		return nil, badRequest(`field "inline_keyboard" of the InlineKeyboardMarkup should be an Array of Arrays`)
	}
	var buttons [][]channels.Button
	for _, row := range rows {
		var shown []channels.Button
		for _, b := range row {
			if failure := b.examine(); failure != nil {
				return nil, failure
			}
			shown = append(shown, channels.Button{Label: b.Text, Data: b.CallbackData, URL: b.URL})
		}
		if shown != nil {
			buttons = append(buttons, shown)
		}
	}
	return buttons, nil
}

func (b button) examine() *apiError {
	switch {
	case b.Text == "":
		return badRequest("inline keyboard button text is empty")
	case b.CallbackData == "" && b.URL == "":
		return badRequest("Text buttons are unallowed in the inline keyboard")
	case len(b.CallbackData) > maxCallbackData:
		return badRequest("BUTTON_DATA_INVALID")
	}
	if b.URL != "" {
		u, err := url.Parse(b.URL)
		if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "tg"}, u.Scheme) {
			return badRequest("inline keyboard button URL '" + b.URL + "' is invalid: Wrong HTTP URL")
		}
	}
	return nil
}

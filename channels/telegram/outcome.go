package telegram

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"otklik/channels"
)

// failure is what is known of a call that did not succeed.
type failure struct {
	method string
	// begun is true once there was a connection to write the request on.
	begun bool
	// status is the HTTP status, 0 when there was no answer.
	status int
	// code is Telegram's error_code, 0 when the answer was not Telegram's. A
	// proxy's 403 must never be read as a person who has blocked the bot.
	code        int
	description string
	// wait is how long to stay away, where asked says that it was told.
	wait  time.Duration
	asked bool
	// cause is the transport's or the decoder's error.
	cause error
}

// outcome puts the failure into the classes of design.md step 7. The codes are
// Telegram's HTTP-like ones (https://core.telegram.org/bots/api#making-requests);
// their texts are documented nowhere and decide only the reason, and which 400 is
// the address's fault.
func (f failure) outcome() *channels.Error {
	e := &channels.Error{Scope: channels.ScopeMessage, Err: f.text()}
	if n := max(f.code, f.status); n > 0 {
		e.Code = strconv.Itoa(n)
	}
	switch {
	case f.status == 0 && !f.begun:
		e.Class = channels.Transient
	case f.status == http.StatusTooManyRequests || f.code == http.StatusTooManyRequests,
		f.asked && (f.status == http.StatusServiceUnavailable || f.code == http.StatusServiceUnavailable):
		// Telegram does not say whether the chat's rate or the bot's was exceeded.
		e.Class, e.RetryAfter, e.Scope = channels.Throttled, f.wait, channels.ScopeSender
	case f.code < 400 || f.code >= 500:
		e.Class = channels.Uncertain
	default:
		f.refused(e)
	}
	return e
}

// refused is for answers by which Telegram has certainly not taken the message.
func (f failure) refused(e *channels.Error) {
	switch f.code {
	case http.StatusUnauthorized, http.StatusNotFound:
		// A token that was revoked gives 401, one that never was 404.
		e.Class, e.Scope, e.Reason = channels.Suspended, channels.ScopeAccount, channels.ReasonConfig
	case http.StatusForbidden:
		e.Class, e.Reason = channels.Unreachable, f.forbidden()
	case http.StatusConflict:
		// Another process polls, or a webhook is set: ends when that ends.
		e.Class, e.Scope = channels.Transient, channels.ScopeAccount
	default:
		e.Class = channels.Rejected
		if f.says("chat not found", "user not found", "peer_id_invalid", "chat_id is empty", "upgraded to a supergroup") {
			e.Class, e.Reason = channels.Unreachable, channels.ReasonBadAddress
		}
	}
}

func (f failure) forbidden() channels.Reason {
	switch {
	case f.says("deactivated", "was deleted"):
		return channels.ReasonDead
	case f.says("send messages to bots", "not a member", "kicked"):
		return channels.ReasonBadAddress
	default:
		// Blocked, or never started: both end with the person's /start.
		return channels.ReasonBlocked
	}
}

func (f failure) says(phrases ...string) bool {
	text := strings.ToLower(f.description)
	for _, p := range phrases {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

// refusal is Telegram's own word, kept apart from transport errors.
type refusal struct{ method, description string }

func (r *refusal) Error() string { return r.method + ": " + r.description }

func (f failure) text() error {
	switch {
	case f.code != 0:
		return &refusal{f.method, f.description}
	case f.cause != nil:
		return &wireError{f.method, f.cause}
	default:
		return errors.New(f.method + ": the answer is not Telegram's")
	}
}

// wireError keeps the cause for errors.Is; the method is said by us because the
// library's own text holds the token.
type wireError struct {
	method string
	cause  error
}

func (w *wireError) Error() string { return w.method + ": " + w.cause.Error() }
func (w *wireError) Unwrap() error { return w.cause }

func isNotModified(err error) bool { return refusedWith(err, "message is not modified") }

func isOldTap(err error) bool { return refusedWith(err, "query is too old") }

func refusedWith(err error, phrase string) bool {
	var r *refusal
	return errors.As(err, &r) && strings.Contains(strings.ToLower(r.description), phrase)
}

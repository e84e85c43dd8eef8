package telegram

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"otklik/channels"
)

// Descriptions are those that Telegram's servers send.
func TestOutcome(t *testing.T) {
	refused := func(code int, description string) failure {
		return failure{method: "sendMessage", begun: true, status: code, code: code, description: description}
	}
	const (
		message = channels.ScopeMessage
		account = channels.ScopeAccount
		sender  = channels.ScopeSender
	)
	tests := []struct {
		name string
		f    failure
		want channels.Error
	}{
		{"no connection", failure{cause: io.EOF}, channels.Error{Class: channels.Transient, Scope: message}},
		{"lost after the connection was there", failure{begun: true, cause: io.EOF}, channels.Error{Class: channels.Uncertain, Scope: message}},
		{"timeout", failure{begun: true, cause: context.DeadlineExceeded}, channels.Error{Class: channels.Uncertain, Scope: message}},
		{"200, not JSON", failure{begun: true, status: 200, cause: io.ErrUnexpectedEOF}, channels.Error{Class: channels.Uncertain, Scope: message, Code: "200"}},
		{"200, ok false without a code", failure{begun: true, status: 200}, channels.Error{Class: channels.Uncertain, Scope: message, Code: "200"}},
		{"302", failure{begun: true, status: 302}, channels.Error{Class: channels.Uncertain, Scope: message, Code: "302"}},
		{"proxy's 403", failure{begun: true, status: 403, cause: io.EOF}, channels.Error{Class: channels.Uncertain, Scope: message, Code: "403"}},
		{"proxy's 404", failure{begun: true, status: 404, cause: io.EOF}, channels.Error{Class: channels.Uncertain, Scope: message, Code: "404"}},
		{"500", refused(500, "Internal Server Error"), channels.Error{Class: channels.Uncertain, Scope: message, Code: "500"}},
		{"502, not JSON", failure{begun: true, status: 502, cause: io.EOF}, channels.Error{Class: channels.Uncertain, Scope: message, Code: "502"}},
		{"502", refused(502, "Bad Gateway"), channels.Error{Class: channels.Uncertain, Scope: message, Code: "502"}},
		{"504", refused(504, "Gateway Timeout"), channels.Error{Class: channels.Uncertain, Scope: message, Code: "504"}},
		{"503", refused(503, "Service Unavailable"), channels.Error{Class: channels.Uncertain, Scope: message, Code: "503"}},
		{"503 with Retry-After", failure{begun: true, status: 503, asked: true, wait: time.Minute}, channels.Error{Class: channels.Throttled, Scope: sender, Code: "503", RetryAfter: time.Minute}},
		{"500 with Retry-After", failure{begun: true, status: 500, code: 500, asked: true, wait: time.Minute}, channels.Error{Class: channels.Uncertain, Scope: message, Code: "500"}},
		{"429", failure{begun: true, status: 429, code: 429, asked: true, wait: 31 * time.Second}, channels.Error{Class: channels.Throttled, Scope: sender, Code: "429", RetryAfter: 31 * time.Second}},
		{"429 without a time", refused(429, "Too Many Requests"), channels.Error{Class: channels.Throttled, Scope: sender, Code: "429"}},
		{"proxy's 429", failure{begun: true, status: 429, cause: io.EOF}, channels.Error{Class: channels.Throttled, Scope: sender, Code: "429"}},
		{"token revoked", refused(401, "Unauthorized"), channels.Error{Class: channels.Suspended, Scope: account, Code: "401", Reason: channels.ReasonConfig}},
		{"token unknown", refused(404, "Not Found"), channels.Error{Class: channels.Suspended, Scope: account, Code: "404", Reason: channels.ReasonConfig}},
		{"two pollers", refused(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"), channels.Error{Class: channels.Transient, Scope: account, Code: "409"}},
		{"blocked", refused(403, "Forbidden: bot was blocked by the user"), channels.Error{Class: channels.Unreachable, Scope: message, Code: "403", Reason: channels.ReasonBlocked}},
		{"never started", refused(403, "Forbidden: bot can't initiate conversation with a user"), channels.Error{Class: channels.Unreachable, Scope: message, Code: "403", Reason: channels.ReasonBlocked}},
		{"deactivated", refused(403, "Forbidden: user is deactivated"), channels.Error{Class: channels.Unreachable, Scope: message, Code: "403", Reason: channels.ReasonDead}},
		{"a bot", refused(403, "Forbidden: bot can't send messages to bots"), channels.Error{Class: channels.Unreachable, Scope: message, Code: "403", Reason: channels.ReasonBadAddress}},
		{"out of the group", refused(403, "Forbidden: bot was kicked from the group chat"), channels.Error{Class: channels.Unreachable, Scope: message, Code: "403", Reason: channels.ReasonBadAddress}},
		{"no chat", refused(400, "Bad Request: chat not found"), channels.Error{Class: channels.Unreachable, Scope: message, Code: "400", Reason: channels.ReasonBadAddress}},
		{"no peer", refused(400, "Bad Request: PEER_ID_INVALID"), channels.Error{Class: channels.Unreachable, Scope: message, Code: "400", Reason: channels.ReasonBadAddress}},
		{"group became another", refused(400, "Bad Request: group chat was upgraded to a supergroup chat"), channels.Error{Class: channels.Unreachable, Scope: message, Code: "400", Reason: channels.ReasonBadAddress}},
		{"too long", refused(400, "Bad Request: message is too long"), channels.Error{Class: channels.Rejected, Scope: message, Code: "400"}},
		{"payload", refused(400, "Bad Request: BUTTON_DATA_INVALID"), channels.Error{Class: channels.Rejected, Scope: message, Code: "400"}},
		{"gone message", refused(400, "Bad Request: message to edit not found"), channels.Error{Class: channels.Rejected, Scope: message, Code: "400"}},
		{"413", refused(413, "Request Entity Too Large"), channels.Error{Class: channels.Rejected, Scope: message, Code: "413"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.f.outcome()
			if d := cmp.Diff(&tt.want, got, cmpopts.IgnoreFields(channels.Error{}, "Err")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if tt.f.cause != nil && !errors.Is(got, tt.f.cause) {
				t.Errorf("%v does not wrap its cause", got)
			}
		})
	}
}

package sms

import (
	"net/http"
	"strconv"

	"otklik/channels"
)

// meaning is what a code says of a message, whether it came with the answer to a
// request or with a later report.
type meaning struct {
	class  channels.Class
	scope  channels.Scope
	reason channels.Reason
}

// meanings is the table of Twilio's codes
// (https://www.twilio.com/docs/api/errors). Codes that are not here are decided
// by the HTTP status, or leave a report without a class.
var meanings = map[int]meaning{
	20003: {channels.Suspended, channels.ScopeAccount, channels.ReasonConfig},       // authentication
	20429: {channels.Throttled, channels.ScopeAccount, ""},                          // too many requests
	21211: {channels.Unreachable, channels.ScopeMessage, channels.ReasonBadAddress}, // invalid To
	21214: {channels.Unreachable, channels.ScopeMessage, channels.ReasonBadAddress}, // To cannot be reached
	21217: {channels.Unreachable, channels.ScopeMessage, channels.ReasonBadAddress}, // To is no number
	21408: {channels.Suspended, channels.ScopeRoute, channels.ReasonConfig},         // region not enabled
	21606: {channels.Suspended, channels.ScopeSender, channels.ReasonConfig},        // From not valid here
	21608: {channels.Suspended, channels.ScopeRoute, channels.ReasonConfig},         // trial account, To unverified
	21610: {channels.Unreachable, channels.ScopeMessage, channels.ReasonOptedOut},   // unsubscribed
	21611: {channels.Throttled, channels.ScopeSender, ""},                           // sender's queue is full
	21612: {channels.Unreachable, channels.ScopeMessage, channels.ReasonBadAddress}, // not reachable by SMS
	21614: {channels.Unreachable, channels.ScopeMessage, channels.ReasonLandline},   // not a mobile number
	21617: {channels.Rejected, channels.ScopeMessage, ""},                           // longer than 1,600 characters
	21703: {channels.Suspended, channels.ScopeSender, channels.ReasonConfig},        // service without sender
	21704: {channels.Suspended, channels.ScopeSender, channels.ReasonConfig},        // service without sender for this
	21705: {channels.Suspended, channels.ScopeSender, channels.ReasonConfig},        // no such service
	30001: {channels.Throttled, channels.ScopeSender, ""},                           // queue overflow
	30002: {channels.Suspended, channels.ScopeAccount, channels.ReasonConfig},       // account suspended
	30003: {channels.Transient, channels.ScopeMessage, ""},                          // handset off or without service
	30004: {channels.Rejected, channels.ScopeMessage, channels.ReasonBlocked},       // blocked
	30005: {channels.Unreachable, channels.ScopeMessage, channels.ReasonDead},       // unknown handset
	30006: {channels.Unreachable, channels.ScopeMessage, channels.ReasonLandline},   // landline
	30007: {channels.Rejected, channels.ScopeMessage, channels.ReasonFiltered},      // filtered
	30008: {channels.Transient, channels.ScopeMessage, ""},                          // unknown
	30017: {channels.Transient, channels.ScopeMessage, ""},                          // carrier congested
	30018: {channels.Suspended, channels.ScopeRoute, channels.ReasonConfig},         // sender id needs registration
	30022: {channels.Throttled, channels.ScopeSender, ""},                           // 10DLC rate
	30023: {channels.Throttled, channels.ScopeSender, ""},                           // 10DLC daily cap
	30024: {channels.Suspended, channels.ScopeSender, channels.ReasonConfig},        // numeric sender not provisioned
	30025: {channels.Throttled, channels.ScopeSender, ""},                           // 10DLC rate
	30026: {channels.Throttled, channels.ScopeSender, ""},                           // 10DLC rate
	30027: {channels.Throttled, channels.ScopeSender, ""},                           // 10DLC daily cap
	30032: {channels.Suspended, channels.ScopeSender, channels.ReasonConfig},        // toll-free number not verified
	30034: {channels.Suspended, channels.ScopeRoute, channels.ReasonConfig},         // unregistered US number
	30410: {channels.Uncertain, channels.ScopeMessage, ""},                          // provider timed out, maybe sent
}

// classify decides by the status first where it alone says whether the message
// may have been taken, then by the code, then by the rest of the status.
func (r *refusal) classify() *channels.Error {
	m, known := meanings[r.code]
	switch {
	case r.status == http.StatusTooManyRequests,
		r.status == http.StatusServiceUnavailable && r.asked:
		if !known || m.class != channels.Throttled {
			m = meanings[20429]
		}
	case r.status >= 500:
		m = meaning{class: channels.Uncertain, scope: channels.ScopeMessage}
	case known:
	default:
		m = byStatus(r.status)
	}
	e := &channels.Error{Class: m.class, Scope: m.scope, Reason: m.reason, Code: r.codeText()}
	if e.Class == channels.Throttled {
		e.RetryAfter = r.after
	}
	return e
}

// byStatus is for answers below 500 without a code that we know. What suggests
// that login, account or address of the API are wrong stops the account: every
// further message would fail alike. Redirects are of that kind, for no API
// redirects a post.
func byStatus(status int) meaning {
	switch {
	case status >= 300 && status < 400,
		status == http.StatusUnauthorized,
		status == http.StatusForbidden,
		status == http.StatusNotFound,
		status == http.StatusProxyAuthRequired:
		return meaning{channels.Suspended, channels.ScopeAccount, channels.ReasonConfig}
	case status >= 400:
		return meaning{channels.Rejected, channels.ScopeMessage, ""}
	}
	return meaning{channels.Uncertain, channels.ScopeMessage, ""}
}

func (r *refusal) codeText() string {
	if r.code != 0 {
		return strconv.Itoa(r.code)
	}
	return strconv.Itoa(r.status)
}

// Package channels is the contract between the dispatcher and the ways a
// message can reach a person.
//
// It owns the vocabulary of one delivery attempt: the message, the receipt, the
// classes of failure, and the events that come back. It never retries, sleeps,
// stores, counts or logs: an implementation makes one attempt and says exactly
// what is known about it. It imports only the standard library, so that a
// channel written elsewhere needs nothing else of this program.
package channels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Kind names a channel. Phone, Paper and Form have no Channel implementation. A step
// on the phone or on paper opens a task for a person (R007); no step is on Form, which
// names how an answer came.
type Kind string

// The channels that exist.
const (
	SMS      Kind = "sms"
	Email    Kind = "email"
	Telegram Kind = "telegram"
	Phone    Kind = "phone"
	Paper    Kind = "paper"
	Form     Kind = "form"
)

// Message is one message ready for its channel; nothing in it is a template.
type Message struct {
	// ID is ours, made before anything is sent: the email's Message-ID is
	// built from it, and it stands in the SMS status callback URL.
	ID string
	// From is the sending number, mailbox or bot as the sender row names it.
	// An email address may carry a display name in RFC 5322 form.
	From string
	// To is E.164 for SMS, a bare address for email, a chat id for Telegram.
	To string
	// ToName is the recipient's display name where the channel has one.
	ToName string
	// Subject and HTML are for email. HTML empty means text only.
	Subject string
	Text    string
	HTML    string
	// Page, where it is set, appends the page that stands in place of HTML, so
	// that a channel which sends many makes each in room of its own: AppendHTML
	// asks either. It always appends the same, and any goroutine may call it until
	// the message's own answer is known.
	Page func(b []byte) []byte
	// Buttons are rows of choices a person can tap (Telegram).
	Buttons [][]Button
	// ReplyTo is the address an email reply should come to; it carries the
	// reply token in its local part.
	ReplyTo string
	// InReplyTo is the provider id of the message that this one answers.
	InReplyTo string
	// Unsubscribe is the one-click URL of RFC 8058; empty for none.
	Unsubscribe string
	// Edit is the provider id of the message to be replaced in place; only an
	// Editor honours it.
	Edit string
	// ValidUntil is when delivery has become pointless; zero for no bound.
	ValidUntil time.Time
	// Check, where it is set, is asked as the last thing before the provider may have
	// the message, so after all waiting for a connection or for the messages before it.
	// Its error ends the attempt: nothing has been handed over, and what comes back is
	// Transient and wraps it. Any goroutine may call it, more than once.
	Check func() error
}

// Checked asks Check; nil where there is none.
func (m *Message) Checked() error {
	if m.Check == nil {
		return nil
	}
	return m.Check()
}

// AppendHTML appends the page of an email, nothing for text only.
func (m *Message) AppendHTML(b []byte) []byte {
	if m.Page != nil {
		return m.Page(b)
	}
	return append(b, m.HTML...)
}

// Button is one tap. Exactly one of Data and URL is set; Data is at most 64
// bytes (Telegram's limit for callback_data).
type Button struct {
	Label string `json:"label"`
	Data  string `json:"data,omitempty"`
	URL   string `json:"url,omitempty"`
}

// Receipt is the provider's word that it has taken the message.
type Receipt struct {
	// ProviderID is how the provider names the message in reports and replies.
	ProviderID string
	// Segments is the provider's count of billed parts, zero when unknown.
	Segments int
}

// Channel makes one attempt to hand over one message. Send neither retries nor
// sleeps. A nil error means that the provider accepted the message; any other
// error carries what is known as an *Error (see AsError). Send returns promptly
// when ctx ends: Uncertain once the provider may have the message, Transient
// before. Safe for concurrent use.
type Channel interface {
	Kind() Kind
	Send(ctx context.Context, m Message) (Receipt, error)
}

// BatchSender sends many messages over shared connections. done is called
// exactly once for each message, as soon as that message's own answer is known,
// possibly from several goroutines.
type BatchSender interface {
	SendBatch(ctx context.Context, ms []Message, done func(i int, r Receipt, err error))
}

// Editor replaces an earlier message in place (Message.Edit).
type Editor interface {
	Edit(ctx context.Context, m Message) (Receipt, error)
}

// Asker finds out from the provider whether a message whose outcome is unknown
// was taken. found is false when the provider answers and knows no such
// message; err is for when it did not answer.
type Asker interface {
	Ask(ctx context.Context, q Query) (r Report, found bool, err error)
}

// Query describes a message by what a provider can be asked about.
type Query struct {
	To, From, Text string
	// Since is when the attempt began (machine time).
	Since time.Time
}

// Request is a webhook call as it arrived: the public URL under which the
// provider knows us (not what a proxy left in Host), its headers and its body.
type Request struct {
	URL    string
	Header http.Header
	Form   url.Values
	Body   []byte
}

// ErrForged is returned by a Receiver when a request is not the provider's.
var ErrForged = errors.New("request is not signed by the provider")

// Receiver authenticates a webhook call and reads it into events. It returns
// ErrForged (wrapped) and no events when the signature or secret is wrong. The
// same request always gives the same events.
type Receiver interface {
	Receive(r Request) ([]Event, error)
}

// Poller fetches what came in from a provider that does not call us. It hands
// each event with its cursor to emit, in order, and returns when ctx ends or the
// provider fails. emit returning an error stops the poll; an event is
// acknowledged to the provider only after emit returned nil.
type Poller interface {
	Poll(ctx context.Context, cursor string, emit func(ctx context.Context, e Event, cursor string) error) error
}

// Event is one thing a provider tells: exactly one field is set.
type Event struct {
	Inbound *Inbound
	Report  *Report
}

// Inbound is something a person wrote, tapped or did.
type Inbound struct {
	Channel Kind
	// ProviderID is unique at the provider; a repeated event has the same one.
	ProviderID string
	// From is the person's address, To ours, in the form of Message.To.
	From, To string
	FromName string
	Subject  string
	// Text is what the person wrote, without quoted text and signature.
	Text string
	// Raw is the whole text where Text left something out.
	Raw string
	// Data is the payload of a tapped button.
	Data string
	// Start is the payload of a Telegram deep link (/start payload).
	Start string
	// Token is our reply token, taken from the address that was written to.
	Token string
	// References are provider ids of ours that the message answers.
	References []string
	// EditOf is the ProviderID of the earlier message that this one corrects.
	EditOf string
	// Intent is set when the provider has already understood the message as
	// a keyword: "optout", "resume" or "help" (Twilio's OptOutType).
	Intent string
	// Answered is true when the provider has already replied to that keyword.
	Answered bool
	// Automatic is true for out-of-office notes and the like: kept, never read
	// as an answer, never answered.
	Automatic bool
	// Blocked is true when the person blocked the bot; Unblocked the reverse.
	Blocked, Unblocked bool
	// Attachments are what came beside the text, in its order.
	Attachments []Attachment
	// Callback is the id by which a tap is acknowledged to the provider.
	Callback string
	// At is the provider's own time, zero when it gives none.
	At time.Time
}

// Attachment is something that came beside a text.
type Attachment struct {
	// Name is its kind ("photo", "voice") or the name of its file.
	Name string
	// Type is its MIME type and Size its length in bytes as the sender states them:
	// either may be missing, and neither is to be trusted.
	Type string
	Size int64
	// Ref is by what the channel's Fetcher finds the content, Content the content
	// itself where it came with the message. An attachment may have neither.
	Ref     string
	Content []byte
	// Cut is true where the message was too long to be read to the end of this.
	Cut bool
	// Place is a location, "latitude,longitude" in degrees.
	Place string
}

// Names are what attachments are called.
func Names(as []Attachment) []string {
	var names []string
	for _, a := range as {
		names = append(names, a.Name)
	}
	return names
}

// Fetcher brings the content of attachments that did not come with their message.
// Fetch makes one attempt to write the content that Attachment.Ref names to w, and ends
// with w's error, wrapped, when w takes no more. It goes to the provider only, whatever
// ref says. A content that will never be had is ErrGone or ErrTooLarge, wrapped; any
// other error is an *Error, after which another attempt may succeed unless it is
// Rejected. What was written before an error is worth nothing.
type Fetcher interface {
	Fetch(ctx context.Context, ref string, w io.Writer) error
}

// Why the content of an attachment cannot be had.
var (
	ErrGone     = errors.New("the provider does not have the content any more")
	ErrTooLarge = errors.New("the content is too large")
)

// State is what a delivery report says.
type State string

// States of a report, in the order in which they can follow each other.
const (
	StateSent        State = "sent"
	StateDelivered   State = "delivered"
	StateUndelivered State = "undelivered"
	StateFailed      State = "failed"
)

// Report is a provider's later word on a message: a status callback, a bounce.
type Report struct {
	Channel Kind
	// MessageID is ours when the report carries it, else empty.
	MessageID  string
	ProviderID string
	State      State
	// Code is the provider's code for why, Reason ours.
	Code   string
	Reason Reason
	// Class says what the code means for the address or the sender; Uncertain
	// (zero) when the report has none.
	Class Class
	Scope Scope
	// Address is the recipient the report is about, where it says so.
	Address string
	At      time.Time
}

// Class says what is known of an attempt that was not accepted.
type Class uint8

// The classes. The zero value is the careful one.
const (
	// Uncertain: the provider may have taken it.
	Uncertain Class = iota
	// Transient: it did not take it; another attempt may succeed.
	Transient
	// Throttled: it did not take it and says when to come back; spends no attempt.
	Throttled
	// Rejected: this message will never be taken.
	Rejected
	// Unreachable: this address will never be reached.
	Unreachable
	// Suspended: this scope cannot send; spends no attempt, one alert.
	Suspended
)

var classNames = [...]string{"uncertain", "transient", "throttled", "rejected", "unreachable", "suspended"}

// String is the class's name in lower case, as metrics and rows use it.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// Scope says how far a failure reaches.
type Scope string

// Scopes from the widest to the narrowest; empty means message.
const (
	ScopeAccount Scope = "account"
	ScopeSender  Scope = "sender"
	ScopeRoute   Scope = "route"
	ScopeMessage Scope = "message"
)

// Reason is the failure in one word for rules and people.
type Reason string

// Reasons.
const (
	ReasonOptedOut   Reason = "opted_out"
	ReasonDead       Reason = "dead"
	ReasonLandline   Reason = "landline"
	ReasonBlocked    Reason = "blocked"
	ReasonBadAddress Reason = "bad_address"
	ReasonFiltered   Reason = "filtered"
	ReasonConfig     Reason = "config"
	ReasonComplaint  Reason = "complaint"
)

// Error is a failed attempt. Its text never contains credentials.
type Error struct {
	Class Class
	// RetryAfter is the provider's wish with Throttled; zero when it gave none.
	RetryAfter time.Duration
	// Code is the provider's own code ("21610", "550 5.1.1", "403").
	Code   string
	Scope  Scope
	Reason Reason
	Err    error
}

// Error gives class, code and cause.
func (e *Error) Error() string {
	s := e.Class.String()
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError turns any error of Send into an *Error. An error that carries no class
// is Uncertain: what is not known to be unsent may have been sent.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Class: Uncertain, Err: err}
}

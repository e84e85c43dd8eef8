package email

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"otklik/channels"
)

// envelope is what goes into MAIL and RCPT.
type envelope struct {
	// from and to are paths with angle brackets.
	from, to string
	// id is the ENVID, the Message.ID.
	id string
	// utf8 is true when an address needs SMTPUTF8 (RFC 6531).
	utf8 bool
}

// letter is a message whose addresses and headers have been checked: writing it
// for the wire (write) cannot fail.
type letter struct {
	envelope
	message *channels.Message
	sender  *sender
	// replyTo is the value of that header, "" for none.
	replyTo string
	// providerID is the Message-ID without angle brackets.
	providerID string
	date       time.Time
}

// compose checks a message and makes its envelope; every failure here happens
// before any network and is final. The letter refers to m.
//
// The envelope sender is the reply-token address where there is one and its
// domain is From's: a bounce then carries the token even when the returned part
// is cut away, an automatic reply goes to the mailbox that we read, and SPF
// stays aligned. Otherwise it is the From address.
func (c *Channel) compose(m *channels.Message, now time.Time) (*letter, error) {
	to, err := recipient(m.To)
	if err != nil {
		return nil, &channels.Error{Class: channels.Unreachable, Reason: channels.ReasonBadAddress, Err: err}
	}
	l := &letter{message: m, date: now}
	if l.sender, err = c.sender(m.From); err != nil {
		return nil, badSender(fmt.Errorf("reading the sender's address: %w", err))
	}
	if m.ID == "" || holds(m.ID, " \t\r\n<>@") {
		return nil, unbuildable(errors.New("the message has no id that can stand in a Message-ID"))
	}
	if holds(m.Unsubscribe, " \r\n<>") {
		return nil, unbuildable(errors.New("the unsubscribe link is not a URL"))
	}
	l.envelope = envelope{from: l.sender.path, to: path(to), id: m.ID}
	if m.ReplyTo != "" {
		replyTo, err := l.replyAddress()
		if err != nil {
			return nil, badSender(fmt.Errorf("reading the reply address: %w", err))
		}
		if c.returnPath == "token" || c.returnPath == "" && strings.EqualFold(domainOf(replyTo), domainOf(l.sender.address.Address)) {
			l.from = path(replyTo)
		}
	}
	l.providerID = m.ID + "@" + c.domain
	l.utf8 = !ascii(l.from) || !ascii(l.to)
	return l, nil
}

// replyAddress reads where a reply should go and sets the header's value; without
// a name of its own it carries the sender's.
func (l *letter) replyAddress() (string, error) {
	if simple(l.message.ReplyTo) {
		l.replyTo = l.sender.name + "<" + l.message.ReplyTo + ">"
		return l.message.ReplyTo, nil
	}
	a, err := netmail.ParseAddress(l.message.ReplyTo)
	if err != nil {
		return "", err
	}
	if a.Name == "" {
		a.Name = l.sender.address.Name
	}
	l.replyTo = a.String()
	return a.Address, nil
}

// sender is who writes, read once for all his messages.
type sender struct {
	address netmail.Address
	// path stands in MAIL; name is the display name as it stands before an
	// address, with a blank, or "".
	path, name string
	skeletons  [shapes]atomic.Pointer[skeleton]
}

// sender gives the sender of a From, the channel's own for "".
func (c *Channel) sender(from string) (*sender, error) {
	if s, ok := c.senders.Load(from); ok {
		return s.(*sender), nil
	}
	s := &sender{address: c.from}
	if from != "" {
		parsed, err := netmail.ParseAddress(from)
		if err != nil {
			return nil, err
		}
		s.address = *parsed
	}
	s.path = path(s.address.Address)
	s.name = strings.TrimSuffix(s.address.String(), s.path)
	c.senders.Store(from, s)
	return s, nil
}

func badSender(err error) error {
	return &channels.Error{Class: channels.Suspended, Scope: channels.ScopeSender, Reason: channels.ReasonConfig, Err: err}
}

func unbuildable(err error) error {
	return &channels.Error{Class: channels.Rejected, Err: err}
}

// recipient reads a bare address; the domain becomes ASCII where it can.
func recipient(s string) (string, error) {
	if simple(s) {
		return s, nil
	}
	if strings.ContainsAny(s, "<>\r\n") {
		return "", errors.New("the recipient is not a bare address")
	}
	a, err := netmail.ParseAddress("<" + strings.TrimSpace(s) + ">")
	if err != nil {
		return "", errors.New("the recipient's address cannot be read")
	}
	at := strings.LastIndexByte(a.Address, '@')
	if domain := a.Address[at+1:]; !ascii(domain) {
		short, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return "", errors.New("the recipient's domain cannot be read")
		}
		a.Address = a.Address[:at+1] + short
	}
	return a.Address, nil
}

// simple tells whether s is an address that means itself wherever it stands: two
// dot-atoms of ASCII letters, digits and the signs that need no quotes.
func simple(s string) bool {
	at, dot := -1, true // dot: an atom must begin here
	for i := range len(s) {
		switch c := s[i]; {
		case plainAtom[c]:
			dot = false
		case c == '.' && !dot:
			dot = true
		case c == '@' && !dot && at < 0:
			at, dot = i, true
		default:
			return false
		}
	}
	return at > 0 && !dot
}

var plainAtom = func() (out [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_") {
		out[c] = true
	}
	return out
}()

// path is the address with brackets, the local part quoted where it must be.
func path(address string) string {
	if simple(address) {
		return "<" + address + ">"
	}
	return (&netmail.Address{Address: address}).String()
}

// holds tells whether one of a few ASCII signs is in s.
func holds(s, signs string) bool {
	for i := range len(signs) {
		if strings.IndexByte(s, signs[i]) >= 0 {
			return true
		}
	}
	return false
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// oneLine folds line breaks to blanks: a header injected through a subject must
// stay part of the subject.
func oneLine(s string) string {
	if !holds(s, "\r\n") {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\r' || r == '\n' }), " ")
}

package email

import (
	"bytes"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
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

// letter is a message ready for the wire.
type letter struct {
	envelope
	// data is dot-stuffed and ends with the final dot's line.
	data []byte
	// providerID is the Message-ID without angle brackets.
	providerID string
}

// compose builds the mail and its envelope; every failure here happens before
// any network and is final.
//
// The envelope sender is the reply-token address where there is one and its
// domain is From's: a bounce then carries the token even when the returned part
// is cut away, an automatic reply goes to the mailbox that we read, and SPF
// stays aligned. Otherwise it is the From address.
func (c *Channel) compose(m channels.Message, now time.Time) (*letter, error) {
	to, err := recipient(m.To)
	if err != nil {
		return nil, &channels.Error{Class: channels.Unreachable, Reason: channels.ReasonBadAddress, Err: err}
	}
	from := c.from
	if m.From != "" {
		parsed, err := netmail.ParseAddress(m.From)
		if err != nil {
			return nil, badSender(fmt.Errorf("reading the sender's address: %w", err))
		}
		from = *parsed
	}
	to.Name = m.ToName
	l := &letter{providerID: m.ID + "@" + c.domain}
	msg, err := c.build(m, from, to, l.providerID, now)
	if err != nil {
		return nil, err
	}
	sender := from
	if m.ReplyTo != "" && c.returnPath != "from" {
		replyTo, err := netmail.ParseAddress(m.ReplyTo)
		if err != nil {
			return nil, badSender(fmt.Errorf("reading the reply address: %w", err))
		}
		if c.returnPath == "token" || strings.EqualFold(domainOf(replyTo.Address), domainOf(from.Address)) {
			sender.Address = replyTo.Address
		}
	}
	l.envelope = envelope{from: path(sender.Address), to: path(to.Address), id: m.ID}
	l.utf8 = !ascii(l.from) || !ascii(l.to)
	var buf bytes.Buffer
	if _, err := msg.WriteTo(&buf); err != nil {
		return nil, unbuildable(fmt.Errorf("writing the mail: %w", err))
	}
	l.data = dotted(buf.Bytes())
	return l, nil
}

func badSender(err error) error {
	return &channels.Error{Class: channels.Suspended, Scope: channels.ScopeSender, Reason: channels.ReasonConfig, Err: err}
}

func unbuildable(err error) error {
	return &channels.Error{Class: channels.Rejected, Err: err}
}

// build makes the mail itself.
func (c *Channel) build(m channels.Message, from, to netmail.Address, id string, now time.Time) (*gomail.Msg, error) {
	if m.ID == "" || strings.ContainsAny(m.ID, " \t\r\n<>@") {
		return nil, unbuildable(errors.New("the message has no id that can stand in a Message-ID"))
	}
	msg := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingB64), gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&from)
	msg.ToMailAddress(&to)
	if m.ReplyTo != "" {
		replyTo, err := netmail.ParseAddress(m.ReplyTo)
		if err != nil {
			return nil, badSender(fmt.Errorf("reading the reply address: %w", err))
		}
		if replyTo.Name == "" {
			replyTo.Name = from.Name
		}
		msg.ReplyToMailAddress(replyTo)
	}
	msg.Subject(oneLine(m.Subject))
	msg.SetDateWithValue(now)
	msg.SetMessageIDWithValue(id)
	// RFC 3834: keeps vacation programs quiet; Exchange listens to the second.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "OOF, AutoReply")
	if ref := strings.Trim(oneLine(m.InReplyTo), "<> "); ref != "" {
		msg.SetGenHeader(gomail.HeaderInReplyTo, "<"+ref+">")
		msg.SetGenHeader(gomail.HeaderReferences, "<"+ref+">")
	}
	if m.Unsubscribe != "" {
		if strings.ContainsAny(m.Unsubscribe, " \r\n<>") {
			return nil, unbuildable(errors.New("the unsubscribe link is not a URL"))
		}
		// go-mail's own helper insists on https, which a loopback trial has not.
		msg.SetGenHeader(gomail.HeaderListUnsubscribe, "<"+m.Unsubscribe+">")
		msg.SetGenHeader(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	}
	msg.SetBodyString(gomail.TypeTextPlain, crlf(m.Text), gomail.WithPartEncoding(encodingFor(m.Text)))
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, crlf(m.HTML), gomail.WithPartEncoding(encodingFor(m.HTML)))
	}
	return msg, nil
}

// crlf gives the line ends that RFC 2046 4.1.1 wants inside an encoded text.
func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// encodingFor is the shorter of the two encodings that survive any relay:
// quoted-printable costs two bytes more per non-ASCII byte, base64 a third of all.
func encodingFor(s string) gomail.Encoding {
	high := 0
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			high++
		}
	}
	if 6*high > len(s) {
		return gomail.EncodingB64
	}
	return gomail.EncodingQP
}

// recipient reads a bare address; the domain becomes ASCII where it can.
func recipient(s string) (netmail.Address, error) {
	if strings.ContainsAny(s, "<>\r\n") {
		return netmail.Address{}, errors.New("the recipient is not a bare address")
	}
	a, err := netmail.ParseAddress("<" + strings.TrimSpace(s) + ">")
	if err != nil {
		return netmail.Address{}, errors.New("the recipient's address cannot be read")
	}
	at := strings.LastIndexByte(a.Address, '@')
	if domain := a.Address[at+1:]; !ascii(domain) {
		short, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return netmail.Address{}, errors.New("the recipient's domain cannot be read")
		}
		a.Address = a.Address[:at+1] + short
	}
	return netmail.Address{Address: a.Address}, nil
}

// path is the address with brackets, the local part quoted where it must be.
func path(address string) string {
	return (&netmail.Address{Address: address}).String()
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
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\r' || r == '\n' }), " ")
}

// dotted is a mail as RFC 5321 4.5.2 wants it after DATA: CRLF line ends, lines
// that begin with a dot doubled, the final dot appended.
func dotted(mail []byte) []byte {
	out := make([]byte, 0, len(mail)+len(mail)/64+8)
	for len(mail) > 0 {
		line := mail
		if i := bytes.IndexByte(mail, '\n'); i >= 0 {
			line, mail = mail[:i], mail[i+1:]
		} else {
			mail = nil
		}
		if len(line) > 0 && line[0] == '.' {
			out = append(out, '.')
		}
		out = append(out, bytes.TrimSuffix(line, []byte{'\r'})...)
		out = append(out, '\r', '\n')
	}
	return append(out, '.', '\r', '\n')
}

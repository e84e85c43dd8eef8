package email

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// shape is what decides, beside the sender, which headers a mail has and how its
// parts are encoded. go-mail builds one mail of each shape; of the others only
// what differs is written.
type shape struct {
	inReplyTo, unsubscribe, replyTo, html bool
	textAs, htmlAs                        coding
}

// shapes is how many there can be.
const shapes = 1 << 4 * int(codings) * int(codings)

func (s shape) index() int {
	n := int(s.textAs)*int(codings) + int(s.htmlAs)
	for _, bit := range [...]bool{s.inReplyTo, s.unsubscribe, s.replyTo, s.html} {
		if n *= 2; bit {
			n++
		}
	}
	return n
}

// shape is that of a letter with this text and this page.
func (l *letter) shape(text, page []byte, eightBit bool) shape {
	m := l.message
	s := shape{inReplyTo: reference(m.InReplyTo) != "", unsubscribe: m.Unsubscribe != "", replyTo: m.ReplyTo != "", textAs: codingFor(text, eightBit)}
	if s.html = len(page) > 0; s.html {
		s.htmlAs = codingFor(page, eightBit)
	}
	return s
}

// reference is a provider id as it stands between angle brackets.
func reference(s string) string { return strings.Trim(oneLine(s), "<> ") }

// skeleton is a mail of one sender and shape: literals, each followed by a slot.
type skeleton struct {
	pieces []piece
}

type piece struct {
	literal []byte
	slot    slot
}

// slot is a place that differs from mail to mail.
type slot uint8

const (
	slotEnd slot = iota
	slotDate
	slotInReplyTo
	slotUnsubscribe
	slotMessageID
	slotReferences
	slotSubject
	slotTo
	slotReplyTo
	slotBoundary
	slotText
	slotHTML
)

// variable are the headers that are a slot as a whole, with their line end: where
// a header folds depends on its value.
var variable = map[string]slot{
	"Date": slotDate, "In-Reply-To": slotInReplyTo, "List-Unsubscribe": slotUnsubscribe, "Message-ID": slotMessageID,
	"References": slotReferences, "Subject": slotSubject, "To": slotTo, "Reply-To": slotReplyTo,
}

// What stands in the slots of the mail that go-mail builds.
const (
	markBoundary = "otklik-boundary-mark"
	markText     = "otklik-text-mark"
	markHTML     = "otklik-html-mark"
)

// draft is all that go-mail is told of a mail.
type draft struct {
	shape                                           shape
	from, to, replyTo                               netmail.Address
	subject, id, inReplyTo, unsubscribe, text, html string
	boundary                                        string
	date                                            time.Time
}

// build has go-mail make a mail.
func (d *draft) build() *gomail.Msg {
	msg := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingB64), gomail.WithNoDefaultUserAgent(), gomail.WithBoundary(d.boundary))
	msg.FromMailAddress(&d.from)
	msg.ToMailAddress(&d.to)
	if d.shape.replyTo {
		msg.ReplyToMailAddress(&d.replyTo)
	}
	msg.Subject(d.subject)
	msg.SetDateWithValue(d.date)
	msg.SetMessageIDWithValue(d.id)
	// RFC 3834: keeps vacation programs quiet; Exchange listens to the second.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "OOF, AutoReply")
	if d.shape.inReplyTo {
		msg.SetGenHeader(gomail.HeaderInReplyTo, "<"+d.inReplyTo+">")
		msg.SetGenHeader(gomail.HeaderReferences, "<"+d.inReplyTo+">")
	}
	if d.shape.unsubscribe {
		// go-mail's own helper insists on https, which a loopback trial has not.
		msg.SetGenHeader(gomail.HeaderListUnsubscribe, "<"+d.unsubscribe+">")
		msg.SetGenHeader(gomail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	}
	msg.SetBodyString(gomail.TypeTextPlain, string(appendCRLF(nil, []byte(d.text))), gomail.WithPartEncoding(d.shape.textAs.goMail()))
	if d.shape.html {
		msg.AddAlternativeString(gomail.TypeTextHTML, string(appendCRLF(nil, []byte(d.html))), gomail.WithPartEncoding(d.shape.htmlAs.goMail()))
	}
	return msg
}

// skeleton gives the sender's mail of a shape.
func (s *sender) skeleton(of shape) *skeleton {
	at := &s.skeletons[of.index()]
	if k := at.Load(); k != nil {
		return k
	}
	d := draft{shape: of, from: s.address, boundary: markBoundary, text: markText, html: markHTML}
	var mail bytes.Buffer
	// go-mail fails only where a writer or a signature does.
	_, _ = d.build().WriteTo(&mail)
	k := split(mail.Bytes(), of)
	at.Store(k)
	return k
}

// split takes go-mail's mail apart.
func split(mail []byte, of shape) *skeleton {
	k := &skeleton{}
	head, body, _ := bytes.Cut(mail, []byte("\r\n\r\n"))
	var literal []byte
	cut := func(at slot) {
		k.pieces = append(k.pieces, piece{literal, at})
		literal = nil
	}
	in := slotEnd
	for line := range bytes.SplitAfterSeq(append(head, "\r\n"...), []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		if line[0] != ' ' {
			name, _, _ := bytes.Cut(line, []byte(":"))
			if in = variable[string(name)]; in != slotEnd {
				cut(in)
			}
		}
		if in != slotEnd {
			continue // a header that is a slot, or what it was folded to
		}
		if before, after, found := bytes.Cut(line, []byte(markBoundary)); found {
			literal = append(literal, before...)
			cut(slotBoundary)
			line = after
		}
		literal = append(literal, line...)
	}
	body = append([]byte("\r\n"), body...)
	marks := []mark{{[]byte(markBoundary), slotBoundary}, {of.textAs.mark(markText), slotText}, {of.htmlAs.mark(markHTML), slotHTML}}
	for {
		first, m := len(body), mark{}
		for _, c := range marks {
			if i := bytes.Index(body, c.text); i >= 0 && i < first {
				first, m = i, c
			}
		}
		literal = append(literal, body[:first]...)
		cut(m.slot)
		if m.slot == slotEnd {
			return k
		}
		body = body[first+len(m.text):]
	}
}

// mark is a text that stands in a slot.
type mark struct {
	text []byte
	slot slot
}

// mark is a text without special characters as it is encoded.
func (e coding) mark(s string) []byte {
	if e == asBase64 {
		return fmt.Appendf(nil, "%s\r\n", base64.StdEncoding.EncodeToString([]byte(s)))
	}
	return []byte(s)
}

// writer has the room in which mails are written; its owner writes one at a time.
type writer struct {
	out []byte
	// text and page are the parts before their encoding; value and body are rooms
	// for a header and for a part with its line ends.
	text, page, value, body []byte
	// date is the last Date written, of that second and its zone.
	date   []byte
	second time.Time
}

// mail appends a letter as RFC 5321 4.5.2 wants it after DATA: CRLF line ends,
// lines that begin with a dot doubled, the final dot appended. Without eightBit
// (the session's 8BITMIME) all but what SMTPUTF8 allows is ASCII.
func (w *writer) mail(l *letter, eightBit bool) {
	m := l.message
	w.text, w.page = append(w.text[:0], m.Text...), m.AppendHTML(w.page[:0])
	of := l.shape(w.text, w.page, eightBit)
	boundary := ""
	if of.html {
		boundary = rand.Text()
	}
	pieces := l.sender.skeleton(of).pieces
	for i := range pieces {
		w.out = append(w.out, pieces[i].literal...)
		switch pieces[i].slot {
		case slotDate:
			if second := l.date.Truncate(time.Second); second != w.second {
				w.second, w.date = second, second.AppendFormat(w.date[:0], time.RFC1123Z)
			}
			w.out = appendHeader(w.out, "Date", w.date)
		case slotMessageID:
			w.reference("Message-ID", l.providerID)
		case slotInReplyTo:
			w.reference("In-Reply-To", reference(m.InReplyTo))
		case slotReferences:
			w.reference("References", reference(m.InReplyTo))
		case slotUnsubscribe:
			w.reference("List-Unsubscribe", m.Unsubscribe)
		case slotSubject:
			w.subject(oneLine(m.Subject))
		case slotTo:
			w.value = append(appendName(w.value[:0], m.ToName), l.to...)
			w.out = appendHeader(w.out, "To", w.value)
		case slotReplyTo:
			w.value = append(w.value[:0], l.replyTo...)
			w.out = appendHeader(w.out, "Reply-To", w.value)
		case slotBoundary:
			w.out = append(w.out, boundary...)
		case slotText:
			w.part(w.text, of.textAs)
		case slotHTML:
			w.part(w.page, of.htmlAs)
		case slotEnd:
		}
	}
	if w.out[len(w.out)-1] != '\n' {
		w.out = append(w.out, "\r\n"...)
	}
	w.out = append(w.out, ".\r\n"...)
}

// reference appends a header whose value stands in angle brackets.
func (w *writer) reference(name, value string) {
	if needsWords(value) {
		w.value = appendWordsB(w.value[:0], "UTF-8", "<"+value+">")
	} else {
		w.value = append(append(append(w.value[:0], '<'), value...), '>')
	}
	w.out = appendHeader(w.out, name, w.value)
}

func (w *writer) subject(s string) {
	if needsWords(s) || unfoldable(s) {
		w.value = appendWordsB(w.value[:0], "UTF-8", s)
	} else {
		w.value = append(w.value[:0], s...)
	}
	w.out = appendHeader(w.out, "Subject", w.value)
}

// part appends a body in its encoding.
func (w *writer) part(s []byte, as coding) {
	switch as {
	case asQuoted:
		w.out = appendQuoted(w.out, s)
	case asBase64:
		w.body = appendCRLF(w.body[:0], s)
		w.out = appendBase64(w.out, w.body)
	default:
		w.out = appendPlain(w.out, s)
	}
}
